"""Calibration of each subgroup, told so that small ones are not called bad for being small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from measures.calibration.corp import MAX_CELLS
from measures.calibration.forecasts import Forecasts, IntArray, rows_of
from measures.calibration.report import CalibrationReport, calibration_report, withheld_report
from measures.calibration.resampling import Bootstrap
from measures.estimates import Estimate
from measures.multiplicity import with_adjusted_p

#: A subgroup has fewer resampling units than the whole: its intervals need less precision.
MAX_UNITS = 500
#: Its curve is drawn smaller.
MAX_POINTS = 40
MIN_ITEMS = 20


def subgroup_calibration(
    forecasts: Forecasts,
    codes: npt.ArrayLike,
    bootstrap: Bootstrap,
    *,
    n_subgroups: int | None = None,
    min_items: int = MIN_ITEMS,
    n_bins: int | str = 10,
) -> tuple[CalibrationReport, ...]:
    """Every calibration answer about every subgroup.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes the curve and the tests are about confidence, see
        :meth:`measures.calibration.forecasts.ClassForecasts.confidence`.
    codes : (n,) array of int
        Subgroup of each item, 0..n_subgroups-1; negative: in none.
    bootstrap : Bootstrap
        Items (clusters where known) are drawn within the subgroup.
    n_subgroups : int, optional
        Default: the largest code + 1.
    min_items : int
        A smaller subgroup gets ``too_few_items`` throughout, and counts in no correction.
    n_bins : int or "cube_root"
        Bins of the drawn curves.

    Returns
    -------
    tuple of CalibrationReport
        One for each code in order, also for those without items (``no_data``); p-values are
        adjusted over them, see :func:`adjusted`.

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
    found = []
    for rows in rows_of(subgroup, count):
        part = forecasts.rows(rows)
        if part.n < max(min_items, 1):
            found.append(withheld_report(part, bootstrap.level))
            continue
        found.append(
            calibration_report(
                part,
                bootstrap,
                n_bins=n_bins,
                max_units=MAX_UNITS,
                max_points=MAX_POINTS,
                max_cells=MAX_CELLS,
            )
        )
    return adjusted(found)


def adjusted(found: Sequence[CalibrationReport]) -> tuple[CalibrationReport, ...]:
    """The same, the p-values of each test corrected for the number of subgroups tested.

    The tests are different questions: each is a family of its own (Benjamini-Hochberg).
    """
    cox = with_adjusted_p(one.tests.cox.test for one in found)
    others = [
        with_adjusted_p(getattr(one.tests, name) for one in found)
        for name in ("spiegelhalter", "kuiper", "mcb")
    ]
    keys = list(dict.fromkeys(key for one in found for key in one.ece.expected_if_calibrated))
    nulls = {key: iter(with_adjusted_p(_nulls(found, key))) for key in keys}
    out = []
    for one, test, spiegelhalter, kuiper, mcb in zip(found, cox, *others, strict=True):
        tests = replace(
            one.tests,
            cox=replace(one.tests.cox, test=test),
            spiegelhalter=spiegelhalter,
            kuiper=kuiper,
            mcb=mcb,
        )
        null = {key: next(nulls[key]) for key in one.ece.expected_if_calibrated}
        out.append(replace(one, tests=tests, ece=replace(one.ece, expected_if_calibrated=null)))
    return tuple(out)


def _nulls(found: Sequence[CalibrationReport], key: str) -> Iterator[Estimate]:
    """What chance gives of one error, of the subgroups for which it is known."""
    for one in found:
        if key in one.ece.expected_if_calibrated:
            yield one.ece.expected_if_calibrated[key]


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
