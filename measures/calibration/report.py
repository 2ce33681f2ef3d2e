"""Everything about the calibration of one model, in the shape of the REST contract."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from measures.calibration.binning import bins_asked, cube_root_bins, uniform_edges
from measures.calibration.corp import (
    MAX_CELLS,
    CorpCurve,
    Pooled,
    corp_curve,
    isotonic_gaps,
    pooled,
)
from measures.calibration.curve import CurveBin, calibration_curve
from measures.calibration.ece import KEYS as ECE_KEYS
from measures.calibration.ece import CalibrationErrors, calibration_errors
from measures.calibration.forecasts import BinaryForecasts, Forecasts
from measures.calibration.other_libraries import other_libraries
from measures.calibration.resampling import MAX_UNITS, Bootstrap, draw
from measures.calibration.significance import (
    CoxCalibration,
    DetectableError,
    cox_calibration,
    detectable_error,
    hosmer_lemeshow,
    kuiper,
    spiegelhalter,
)
from measures.estimates import Estimate, Reason, undefined
from measures.scores import KEYS, MurphyDecomposition, Scores, murphy_decomposition, scores

#: Errors in more bins than this are not named: they would be those of single items.
MAX_NAMED_BINS = 200


#: What is said of the tests that have several conventions.
CONVENTIONS = {
    "spiegelhalter": "two-sided",
    "kuiper": "from 0, read at distinct probabilities only; se is its scale under calibration",
    "mcb_if_calibrated": "what honest probabilities would show: mean of the draws, and their range",
    "hosmer_lemeshow": "ten groups of equal mass, equal probabilities together; as many degrees of "
    "freedom as groups, as for items that the model was not fitted on (in_sample: two fewer). For "
    "comparison with older reports: it depends on the groups and sees little",
}


@dataclass(frozen=True, slots=True)
class CalibrationTests:
    """Cox's test is the headline; the others see other departures."""

    cox: CoxCalibration
    spiegelhalter: Estimate
    kuiper: Estimate
    mcb: Estimate
    mcb_if_calibrated: Estimate
    hosmer_lemeshow: Estimate
    hosmer_lemeshow_in_sample: Estimate
    detectable: DetectableError | None
    isotonic_gaps: dict[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "cox": self.cox.as_dict(),
            "spiegelhalter": self.spiegelhalter.as_dict(),
            "kuiper": self.kuiper.as_dict(),
            "mcb": self.mcb.as_dict(),
            "mcb_if_calibrated": self.mcb_if_calibrated.as_dict(),
            "hosmer_lemeshow": self.hosmer_lemeshow.as_dict(),
            "hosmer_lemeshow_in_sample": self.hosmer_lemeshow_in_sample.as_dict(),
            "detectable": None if self.detectable is None else asdict(self.detectable),
            "isotonic_gaps": dict(self.isotonic_gaps),
        }


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Scores, errors, curve and tests of one set of forecasts.

    Compare subgroups by ``tests`` (``p_adjusted`` is Benjamini-Hochberg over the subgroups)
    and by ``ece.expected_if_calibrated``, never by plain ECE: it grows as n shrinks.
    """

    n: int
    n_clusters: int | None
    scores: Scores
    ece: CalibrationErrors
    curve: tuple[CurveBin, ...]
    corp: CorpCurve
    tests: CalibrationTests
    murphy: MurphyDecomposition | None
    other_libraries: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with the keys of the REST contract."""
        return {
            "n": self.n,
            "n_clusters": self.n_clusters,
            "scores": self.scores.as_dict(),
            "ece": self.ece.as_dict(),
            "tests": self.tests.as_dict(),
            **self.curves(),
        }

    def curves(self) -> dict[str, Any]:
        """The curve, the parts of the score, and what other libraries would say; JSON-ready."""
        return {
            "curve": {
                "bins": [one.as_dict() for one in self.curve],
                "corp": [asdict(step) for step in self.corp.steps],
                "band": [asdict(point) for point in self.corp.band],
                "band_level": self.corp.level,
                "band_draws": self.corp.n_draws,
            },
            "murphy": {"uniform_10": None if self.murphy is None else asdict(self.murphy)},
            "other_libraries": list(self.other_libraries),
        }


def calibration_report(
    forecasts: Forecasts,
    bootstrap: Bootstrap,
    *,
    n_bins: int | str = 10,
    max_units: int = MAX_UNITS,
    max_points: int = 100,
    max_cells: int = 2 * MAX_CELLS,
) -> CalibrationReport:
    """Every calibration answer about one model on one set of items.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes the curve and the tests are about confidence.
    bootstrap : Bootstrap
        Generator, number of replicates and level of all intervals.
    n_bins : int or "cube_root"
        Bins of the drawn curve. Up to :data:`MAX_NAMED_BINS`, errors in as many bins of equal
        width and of equal mass have keys of their own, beside those in the cube root of n bins.
    max_units : int
        Resampling units, see :func:`measures.calibration.resampling.draw`.
    max_points, max_cells : int
        Points of the band, and cells that it is drawn in.

    Returns
    -------
    CalibrationReport

    References
    ----------
    As in the modules of :mod:`measures.calibration`.
    """
    binary = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    draws = draw(forecasts.n, forecasts.clusters, bootstrap, max_units=max_units)
    groups = pooled(binary)
    curve = corp_curve(binary, bootstrap, groups=groups, max_points=max_points, max_cells=max_cells)
    count = bins_asked(n_bins, forecasts.n)
    named = {str(count): count} if count <= MAX_NAMED_BINS else {}
    return CalibrationReport(
        n=forecasts.n,
        n_clusters=_n_clusters(forecasts),
        scores=scores(forecasts, draws, level=bootstrap.level),
        ece=calibration_errors(
            forecasts,
            bootstrap,
            draws,
            n_bins={**named, "cube_root": cube_root_bins(forecasts.n)},
        ),
        curve=calibration_curve(binary, n_bins=count, level=bootstrap.level),
        corp=curve,
        tests=_tests(binary, groups, curve, bootstrap.level),
        murphy=murphy_decomposition(binary, uniform_edges(10)),
        other_libraries=other_libraries(binary),
    )


def withheld_report(forecasts: Forecasts, level: float) -> CalibrationReport:
    """Nothing but the reason: at this size, any number would be read as a finding."""
    n = forecasts.n
    nothing = undefined(Reason.NO_DATA if n == 0 else Reason.TOO_FEW_ITEMS, n)
    notion = forecasts.notion if isinstance(forecasts, BinaryForecasts) else "confidence"
    return CalibrationReport(
        n=n,
        n_clusters=_n_clusters(forecasts),
        scores=Scores(dict.fromkeys(KEYS, nothing), {}),
        ece=CalibrationErrors(dict.fromkeys(ECE_KEYS, nothing), {}, notion, {}, {}),
        curve=(),
        corp=CorpCurve((), (), nothing, nothing, level, 0),
        tests=CalibrationTests(
            CoxCalibration(nothing, nothing, nothing, nothing, nothing, "none", 0),
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            None,
            {},
        ),
        murphy=None,
        other_libraries=(),
    )


def _n_clusters(forecasts: Forecasts) -> int | None:
    clusters = forecasts.clusters
    return None if clusters is None else int(clusters.max(initial=-1)) + 1


def _tests(
    binary: BinaryForecasts, groups: Pooled, curve: CorpCurve, level: float
) -> CalibrationTests:
    return CalibrationTests(
        cox_calibration(binary, level=level),
        spiegelhalter(binary),
        kuiper(binary, groups),
        curve.mcb_test,
        curve.mcb_expected_if_calibrated,
        *hosmer_lemeshow(binary),
        detectable_error(binary, level=level),
        isotonic_gaps(groups),
    )
