"""Calibration of each subgroup, told so that small ones are not called bad for being small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from measures.calibration.ece import CalibrationErrors, calibration_errors
from measures.calibration.forecasts import BinaryForecasts, Forecasts, IntArray
from measures.calibration.resampling import Bootstrap, draw
from measures.calibration.significance import (
    CoxCalibration,
    DetectableError,
    cox_calibration,
    detectable_error,
)
from measures.estimates import Reason, undefined
from measures.multiplicity import benjamini_hochberg
from measures.scores import KEYS, Scores, scores

#: A subgroup has fewer resampling units than the whole: its intervals need less precision.
MAX_UNITS = 500
MIN_ITEMS = 20
ECE_KEYS = ("uniform_10", "uniform_15", "quantile_10", "classwise_15")


@dataclass(frozen=True, slots=True)
class SubgroupCalibration:
    """One subgroup's answers; ``code`` is its number in the input.

    Compare subgroups by ``tests`` (``test.p_adjusted`` is Benjamini-Hochberg over the subgroups)
    and by ``ece.expected_if_calibrated``, never by plain ECE: it grows as n shrinks.
    """

    code: int
    n: int
    n_clusters: int | None
    scores: Scores
    ece: CalibrationErrors
    tests: CoxCalibration
    detectable: DetectableError | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; the caller adds what the code stands for."""
        return {
            "code": self.code,
            "n": self.n,
            "n_clusters": self.n_clusters,
            "scores": self.scores.as_dict(),
            "ece": self.ece.as_dict(),
            "tests": self.tests.as_dict(),
            "detectable": None if self.detectable is None else asdict(self.detectable),
        }


def subgroup_calibration(
    forecasts: Forecasts,
    codes: npt.ArrayLike,
    bootstrap: Bootstrap,
    *,
    n_subgroups: int | None = None,
    min_items: int = MIN_ITEMS,
) -> tuple[SubgroupCalibration, ...]:
    """Scores, calibration errors and tests of every subgroup.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes the tests are about confidence, see
        :meth:`measures.calibration.forecasts.ClassForecasts.confidence`.
    codes : (n,) array of int
        Subgroup of each item, 0..n_subgroups-1; negative: in none.
    bootstrap : Bootstrap
        Items (clusters where known) are drawn within the subgroup.
    n_subgroups : int, optional
        Default: the largest code + 1.
    min_items : int
        A smaller subgroup gets ``too_few_items`` throughout, and counts in no correction.

    Returns
    -------
    tuple of SubgroupCalibration
        One for each code, also for those without items (``no_data``).

    Raises
    ------
    ValueError
        When codes are not whole numbers, too large, or not one for each item.

    References
    ----------
    Cox (1958); Benjamini and Hochberg (1995).
    """
    subgroup = _codes(codes, forecasts.n)
    count = int(subgroup.max(initial=-1)) + 1 if n_subgroups is None else n_subgroups
    if subgroup.max(initial=-1) >= count:
        raise ValueError(f"codes reach {int(subgroup.max())}; n_subgroups is only {count}.")
    found = [
        _one(code, forecasts.rows(rows), bootstrap, min_items)
        for code, rows in _rows_of(subgroup, count)
    ]
    return _adjusted(found)


def _one(
    code: int, forecasts: Forecasts, bootstrap: Bootstrap, min_items: int
) -> SubgroupCalibration:
    n = forecasts.n
    binary = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    clusters = forecasts.clusters
    n_clusters = None if clusters is None else int(clusters.max(initial=-1)) + 1
    if n < max(min_items, 1):
        return _withheld(code, n, n_clusters, binary.notion)
    draws = draw(n, clusters, bootstrap, max_units=MAX_UNITS)
    return SubgroupCalibration(
        code,
        n,
        n_clusters,
        scores(forecasts, draws, level=bootstrap.level),
        calibration_errors(forecasts, bootstrap, draws),
        cox_calibration(binary, level=bootstrap.level),
        detectable_error(binary, level=bootstrap.level),
    )


def _withheld(code: int, n: int, n_clusters: int | None, notion: str) -> SubgroupCalibration:
    """Nothing but the reason: shown at this size, any number would be read as a finding."""
    nothing = undefined(Reason.NO_DATA if n == 0 else Reason.TOO_FEW_ITEMS, n)
    return SubgroupCalibration(
        code,
        n,
        n_clusters,
        Scores(dict.fromkeys(KEYS, nothing), {}),
        CalibrationErrors(dict.fromkeys(ECE_KEYS, nothing), {}, notion, {}, {}),
        CoxCalibration(nothing, nothing, nothing, nothing, nothing, "none", 0),
        None,
    )


def _adjusted(found: list[SubgroupCalibration]) -> tuple[SubgroupCalibration, ...]:
    """The tests' p-values corrected for the number of subgroups that were tested."""
    raw = [np.nan if (p := one.tests.test.p_value) is None else p for one in found]
    adjusted = benjamini_hochberg(raw) if raw else []
    return tuple(
        replace(one, tests=replace(one.tests, test=replace(one.tests.test, p_adjusted=p)))
        for one, p in zip(found, adjusted, strict=True)
    )


def _rows_of(subgroup: IntArray, count: int) -> Iterator[tuple[int, IntArray]]:
    """Positions of each subgroup's items, from one sort; items in no subgroup come first."""
    order = np.argsort(subgroup, kind="stable")
    starts = np.searchsorted(subgroup[order], np.arange(count + 1))
    for code in range(count):
        yield code, order[starts[code] : starts[code + 1]]


def _codes(codes: npt.ArrayLike, n: int) -> IntArray:
    given = np.asarray(codes)
    if given.shape != (n,):
        raise ValueError(f"codes must have one entry an item, {n}; got shape {given.shape}.")
    whole = given.astype(np.int64)
    if not np.array_equal(whole, given):
        position = int(np.argmax(whole != given))
        raise ValueError(
            f"codes must be whole numbers, negative for no subgroup; got "
            f"{given[position]!r} at position {position}."
        )
    return whole
