"""Quantiles of millions of probabilities: counted on a grid first, so that few need sorting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from measures.calibration.cells import GRID, RANGE, CellSums, grid_cell
from measures.calibration.forecasts import FloatArray, IntArray

#: Fewer values than this are sorted sooner than counted.
_MANY = 50_000


def quantiles(values: FloatArray, at: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Quantiles by linear interpolation of the order statistics, as ``np.quantile``.

    Parameters
    ----------
    values : (n,) array, at least one
    at : (k,) array in [0, 1]
    weights : (n,) array of positive numbers, optional
        Whole weights count as that many values; others are first scaled to a mean of 1 and
        count as parts of values.

    Returns
    -------
    (k,) array

    References
    ----------
    Hyndman and Fan (1996), definition 7.
    """
    if weights is None:
        return _interpolated(float(len(values)), at, partial(order_statistics, values))
    order = np.argsort(values, kind="stable")
    whole = bool((weights == np.floor(weights)).all())
    upto = np.cumsum((weights if whole else weights / weights.mean())[order])

    def ranked(rank: IntArray) -> FloatArray:
        place = np.searchsorted(upto, rank, side="right")
        # Rounding of the sum must not lead beyond the last.
        found: FloatArray = values[order[np.minimum(place, len(order) - 1)]]
        return found

    return _interpolated(float(upto[-1]), at, ranked)


def order_statistics(values: FloatArray, rank: IntArray) -> FloatArray:
    """The ``rank``-th smallest values, counted from 0."""
    if len(values) < _MANY or values.min() < 0 or values.max() > 1:
        smallest: FloatArray = np.partition(values, np.unique(rank))[rank]
        return smallest
    count = np.zeros(GRID + 1)
    cells = CellSums(GRID + 1, RANGE)
    for start in range(0, len(values), RANGE):
        part = values[start : start + RANGE]
        count += cells.of(grid_cell(part)).sums()
    cell = np.searchsorted(np.cumsum(count), rank, side="right")
    wanted = np.zeros(GRID + 1, bool)
    wanted[cell] = True
    found = np.sort(np.concatenate(_inside(values, wanted)))
    before = np.cumsum(np.where(wanted, 0, count)).astype(np.int64)
    ranked: FloatArray = found[rank - before[cell]]
    return ranked


def _inside(values: FloatArray, wanted: npt.NDArray[np.bool_]) -> list[FloatArray]:
    parts = (values[start : start + RANGE] for start in range(0, len(values), RANGE))
    return [part[np.take(wanted, grid_cell(part))] for part in parts]


def _interpolated(
    total: float, at: FloatArray, ranked: Callable[[IntArray], FloatArray]
) -> FloatArray:
    """Between the two neighbours of each place, from the nearer one, as numpy does."""
    place = np.maximum((total - 1) * at, 0.0)
    below = np.floor(place)
    rank = below.astype(np.int64)
    last = max(int(np.ceil(total)) - 1, 0)
    both = ranked(np.concatenate([rank, np.minimum(rank + 1, last)]))
    low, high = both[: len(at)], both[len(at) :]
    share, step = place - below, high - low
    between: FloatArray = np.where(share < 0.5, low + step * share, high - step * (1 - share))
    return between
