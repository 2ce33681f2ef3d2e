"""Everything about the calibration of one model, in the shape of the REST contract."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from measures.calibration.binning import uniform_edges
from measures.calibration.corp import CorpCurve, corp_curve, isotonic_gaps
from measures.calibration.curve import CurveBin, calibration_curve
from measures.calibration.ece import CalibrationErrors, calibration_errors
from measures.calibration.forecasts import BinaryForecasts, Forecasts
from measures.calibration.other_libraries import other_libraries
from measures.calibration.resampling import Bootstrap, draw
from measures.calibration.second_opinion import second_opinion
from measures.calibration.significance import (
    CoxCalibration,
    DetectableError,
    cox_calibration,
    detectable_error,
    kuiper,
    spiegelhalter,
)
from measures.calibration.subgroups import (
    MIN_ITEMS,
    SubgroupCalibration,
    subgroup_calibration,
)
from measures.estimates import Estimate
from measures.scores import MurphyDecomposition, Scores, murphy_decomposition, scores


@dataclass(frozen=True, slots=True)
class CalibrationTests:
    """Cox's test is the headline; the others see other departures."""

    cox: CoxCalibration
    spiegelhalter: Estimate
    kuiper: Estimate
    mcb: Estimate
    detectable: DetectableError
    isotonic_gaps: dict[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "cox": self.cox.as_dict(),
            "spiegelhalter": self.spiegelhalter.as_dict(),
            "kuiper": self.kuiper.as_dict(),
            "mcb": self.mcb.as_dict(),
            "detectable": asdict(self.detectable),
            "isotonic_gaps": dict(self.isotonic_gaps),
        }


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Scores, errors, curve, tests, subgroups and second opinion of one set of forecasts."""

    n: int
    n_clusters: int | None
    scores: Scores
    ece: CalibrationErrors
    curve: tuple[CurveBin, ...]
    corp: CorpCurve
    tests: CalibrationTests
    subgroups: tuple[SubgroupCalibration, ...]
    second_opinion: tuple[dict[str, Any], ...]
    murphy: MurphyDecomposition | None
    other_libraries: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with the keys of the REST contract."""
        return {
            "n": self.n,
            "n_clusters": self.n_clusters,
            "scores": self.scores.as_dict(),
            "ece": self.ece.as_dict(),
            "curve": {
                "bins": [one.as_dict() for one in self.curve],
                "corp": [asdict(step) for step in self.corp.steps],
                "band": [asdict(point) for point in self.corp.band],
                "band_level": self.corp.level,
                "band_draws": self.corp.n_draws,
            },
            "tests": self.tests.as_dict(),
            "subgroups": [one.as_dict() for one in self.subgroups],
            "second_opinion": list(self.second_opinion),
            "murphy": {"uniform_10": None if self.murphy is None else asdict(self.murphy)},
            "other_libraries": list(self.other_libraries),
        }


def calibration_report(
    forecasts: Forecasts,
    bootstrap: Bootstrap,
    *,
    subgroups: npt.ArrayLike | None = None,
    n_subgroups: int | None = None,
    min_items: int = MIN_ITEMS,
    n_bins: int = 10,
) -> CalibrationReport:
    """Every calibration answer about one model on one set of items.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes the curve and the tests are about confidence.
    bootstrap : Bootstrap
        Generator, number of replicates and level of all intervals.
    subgroups : (n,) array of int, optional
        Subgroup codes; negative for none.
    n_subgroups, min_items
        As in :func:`measures.calibration.subgroups.subgroup_calibration`.
    n_bins : int
        Bins of the drawn curve.

    Returns
    -------
    CalibrationReport

    References
    ----------
    As in the modules of :mod:`measures.calibration`.
    """
    binary = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    draws = draw(forecasts.n, forecasts.clusters, bootstrap)
    curve = corp_curve(binary, bootstrap)
    clusters = forecasts.clusters
    return CalibrationReport(
        n=forecasts.n,
        n_clusters=None if clusters is None else int(clusters.max(initial=-1)) + 1,
        scores=scores(forecasts, draws, level=bootstrap.level),
        ece=calibration_errors(forecasts, bootstrap, draws),
        curve=calibration_curve(binary, n_bins=n_bins, level=bootstrap.level),
        corp=curve,
        tests=_tests(binary, curve, bootstrap.level),
        subgroups=()
        if subgroups is None
        else subgroup_calibration(
            forecasts, subgroups, bootstrap, n_subgroups=n_subgroups, min_items=min_items
        ),
        second_opinion=second_opinion(forecasts),
        murphy=murphy_decomposition(binary, uniform_edges(10)),
        other_libraries=other_libraries(binary),
    )


def _tests(binary: BinaryForecasts, curve: CorpCurve, level: float) -> CalibrationTests:
    return CalibrationTests(
        cox_calibration(binary, level=level),
        spiegelhalter(binary),
        kuiper(binary),
        curve.mcb_test,
        detectable_error(binary, level=level),
        isotonic_gaps(binary),
    )
