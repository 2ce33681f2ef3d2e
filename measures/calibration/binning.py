"""Probability bins and the additive sums in them.

Bins are ``(low, high]``; 0 falls in the first; uniform edges are ``i / B`` by division, because
``linspace`` gives 0.30000000000000004 for 3/10. Equal probabilities never part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from measures.calibration.cells import GRID, RANGE, CellSums, grid_cell
from measures.calibration.forecasts import BinaryForecasts, FloatArray, IntArray
from measures.calibration.quantiles import quantiles

#: What is summed in each bin, in the order of the last axis of :attr:`BinSums.totals`.
COLUMNS = ("n", "weight", "weight_sq", "predicted", "observed", "null_variance")

Index = npt.NDArray[np.int32]
#: A product with the number of bins that is closer than this to a whole number may be rounded.
_NEAR = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class BinSums:
    """Sums of the items in each probability bin; sums of disjoint items add with ``+``.

    ``totals`` has shape ``(..., B, 6)``; the leading axes may be subgroups, resampling units or
    replicates. The last axis holds number of items, sum of weights, of squared weights, of
    weight x probability, of weight x outcome, and of weight squared x p (1 - p).
    """

    edges: FloatArray
    totals: FloatArray

    def __add__(self, other: BinSums) -> BinSums:
        if not np.array_equal(self.edges, other.edges):
            raise ValueError("Sums over different bins cannot be added; use the same edges.")
        return BinSums(self.edges, self.totals + other.totals)

    def column(self, name: str) -> FloatArray:
        """One kind of sum, shape ``(..., B)``."""
        values: FloatArray = self.totals[..., COLUMNS.index(name)]
        return values

    def starts(self, edges: FloatArray) -> IntArray:
        """The first of the present bins in each coarser one, whose inner edges are among theirs."""
        missing = ~np.isin(edges[1:-1], self.edges[1:-1])
        if missing.any():
            raise ValueError(
                f"{int(missing.sum())} of the new edges cut through a bin, first "
                f"{float(edges[1:-1][missing][0])!r}; take edges that are already there."
            )
        found = np.searchsorted(self.edges[1:-1], edges[1:-1], side="left") + 1
        return np.concatenate([[0], found])

    def merged(self, edges: FloatArray) -> BinSums:
        """The same sums over coarser bins, whose inner edges are among the present ones."""
        return BinSums(edges, np.add.reduceat(self.totals, self.starts(edges), axis=-2))


def uniform_edges(n_bins: int) -> FloatArray:
    """Edges ``i / n_bins`` of bins of equal width, shape ``(n_bins + 1,)``.

    Raises
    ------
    ValueError
        When ``n_bins`` is below 1.
    """
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1; got {n_bins}.")
    return np.arange(n_bins + 1) / n_bins


def quantile_edges(
    y_prob: FloatArray, n_bins: int, *, weights: FloatArray | None = None
) -> FloatArray:
    """Edges of bins of about equal numbers of items; equal inner edges are merged.

    Linear interpolation of the order statistics; whole weights count as that many items.
    """
    edges = quantiles(y_prob, uniform_edges(n_bins), weights)
    return np.concatenate([edges[:1], np.unique(edges[1:-1]), edges[-1:]])


def joined_edges(*many: FloatArray) -> FloatArray:
    """Edges that refine all the given bins, so that one set of sums serves them all."""
    inner = np.unique(np.concatenate([edges[1:-1] for edges in many]))
    low = min(float(edges[0]) for edges in many)
    high = max(float(edges[-1]) for edges in many)
    return np.concatenate([[low], inner, [high]])


def cube_root_bins(n: int) -> int:
    """Number of bins that grows with the data, ``ceil(n ** (1/3))``, computed in integers."""
    root: int = max(1, math.floor(n ** (1 / 3)))
    while root**3 < n:
        root += 1
    while (root - 1) ** 3 >= n > 1:
        root -= 1
    return max(root, 1)


def bins_asked(asked: int | str, n: int) -> int:
    """The number of bins that is meant: itself, or ``cube_root`` of ``n`` items."""
    return cube_root_bins(n) if asked == "cube_root" else int(asked)


def bin_of(y_prob: FloatArray, edges: FloatArray) -> IntArray:
    """Index of the bin ``(low, high]`` of each probability, 0 in the first."""
    return np.searchsorted(edges[1:-1], y_prob, side="left").astype(np.int64)


def bin_sums(
    forecasts: BinaryForecasts,
    edges: FloatArray,
    *,
    codes: IntArray | None = None,
    n_codes: int = 1,
    null_variance: bool = True,
) -> BinSums:
    """Sums in each bin, in one pass over the items.

    Parameters
    ----------
    forecasts : BinaryForecasts
    edges : (B + 1,) array
    codes : (n,) array of int in 0..n_codes-1, optional
        Subgroup, resampling unit, or both in one number; gives the leading axis.
    n_codes : int
    null_variance : bool
        False leaves that column 0: a curve has no use for it.

    Returns
    -------
    BinSums
        ``totals`` of shape ``(B, 6)``, or ``(n_codes, B, 6)`` when codes are given.
    """
    n_bins = len(edges) - 1
    size = n_codes * n_bins
    totals = np.zeros((len(COLUMNS), size))
    find = bin_finder(edges)
    # Each range adds to every cell: many cells take longer ranges.
    step = max(1, min(forecasts.n, max(RANGE, 4 * size)))
    cells = CellSums(size, step)
    for start in range(0, forecasts.n, step):
        rows = slice(start, start + step)
        index = find(forecasts.y_prob[rows])
        if codes is not None:
            index = index + codes[rows] * n_bins
        _add_range(totals, cells.of(index), forecasts, rows, null_variance)
    shaped = totals.T.reshape((n_bins, 6) if codes is None else (n_codes, n_bins, 6))
    return BinSums(edges, np.ascontiguousarray(shaped))


def _add_range(
    totals: FloatArray,
    cells: CellSums,
    forecasts: BinaryForecasts,
    rows: slice,
    null_variance: bool,
) -> None:
    """Add the sums of one range of items; without weights three of the columns are one."""
    p, y = forecasts.y_prob[rows], forecasts.y_true[rows]
    n = cells.sums()
    if not forecasts.weighted:
        stated, observed = cells.sums(p), cells.sums(y)
        spread = np.maximum(stated - cells.sums(p * p), 0.0) if null_variance else 0.0
        columns = [n, n, n, stated, observed, spread]
    else:
        w = forecasts.weights[rows]
        columns = [n, *(cells.sums(one) for one in (w, w * w, w * p, w * y))]
        columns.append(cells.sums(w * w * p * (1 - p)) if null_variance else 0.0)
    for total, column in zip(totals, columns, strict=True):
        total += column


def bin_finder(edges: FloatArray) -> Callable[[FloatArray], Index]:
    """What finds bins as :func:`bin_of` does, several times faster where items are many.

    Bins of equal width by a product; others by a table of cells, each with a note of its bin.
    """
    n_bins = len(edges) - 1
    if np.array_equal(edges, uniform_edges(n_bins)):
        return partial(_by_product, edges)
    inner = edges[1:-1]
    table = np.searchsorted(inner, np.arange(GRID + 1) / GRID, side="left").astype(np.int32)
    # The items of a cell with an edge may lie in different bins: they are looked at one by one.
    table[grid_cell(inner[(inner >= 0) & (inner <= 1)])] = -1
    return partial(_by_table, inner, table)


def _by_product(edges: FloatArray, p: FloatArray) -> Index:
    """``ceil(p B)``, but beside an edge, where that may be rounded, by the edge itself."""
    product = p * (len(edges) - 1)
    above = np.ceil(product)
    gap = np.subtract(above, product, out=product)
    if len(p) and (gap.min() < _NEAR or gap.max() > 1 - _NEAR):
        near = np.flatnonzero((gap < _NEAR) | (gap > 1 - _NEAR))
        above[near] = np.maximum(np.searchsorted(edges, p[near], side="left"), 1)
    index = np.empty(len(p), np.int32)
    return np.subtract(above, 1, out=index, casting="unsafe")


def _by_table(inner: FloatArray, table: Index, p: FloatArray) -> Index:
    index: Index = np.take(table, grid_cell(p))
    mixed = np.flatnonzero(index < 0)
    index[mixed] = np.searchsorted(inner, p[mixed], side="left")
    return index
