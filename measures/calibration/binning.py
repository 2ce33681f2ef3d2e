"""Probability bins and the additive sums in them.

Bins are ``(low, high]``; 0 falls in the first; uniform edges are ``i / B`` by division, because
``linspace`` gives 0.30000000000000004 for 3/10. Equal probabilities never part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from measures.calibration.forecasts import BinaryForecasts, FloatArray, IntArray

#: What is summed in each bin, in the order of the last axis of :attr:`BinSums.totals`.
COLUMNS = ("n", "weight", "weight_sq", "predicted", "observed", "null_variance")

#: Items summed at a time: their columns stay in the processor's cache.
_RANGE = 1 << 16


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

    def merged(self, edges: FloatArray) -> BinSums:
        """The same sums over coarser bins, whose inner edges are among the present ones."""
        missing = ~np.isin(edges[1:-1], self.edges[1:-1])
        if missing.any():
            raise ValueError(
                f"{int(missing.sum())} of the new edges cut through a bin, first "
                f"{float(edges[1:-1][missing][0])!r}; take edges that are already there."
            )
        starts = np.searchsorted(self.edges[1:-1], edges[1:-1], side="left") + 1
        starts = np.concatenate([[0], starts])
        return BinSums(edges, np.add.reduceat(self.totals, starts, axis=-2))


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

    Linear interpolation of the order statistics; with weights, the inverse of the weighted
    distribution function, because interpolation is not defined there.
    """
    at = uniform_edges(n_bins)
    if weights is None:
        edges = np.quantile(y_prob, at)
    else:
        edges = np.quantile(y_prob, at, weights=weights, method="inverted_cdf")
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


def bin_of(y_prob: FloatArray, edges: FloatArray) -> IntArray:
    """Index of the bin ``(low, high]`` of each probability, 0 in the first."""
    return np.searchsorted(edges[1:-1], y_prob, side="left").astype(np.int64)


def bin_sums(
    forecasts: BinaryForecasts,
    edges: FloatArray,
    *,
    codes: IntArray | None = None,
    n_codes: int = 1,
) -> BinSums:
    """Sums in each bin, in one pass over the items.

    Parameters
    ----------
    forecasts : BinaryForecasts
    edges : (B + 1,) array
    codes : (n,) array of int in 0..n_codes-1, optional
        Subgroup, resampling unit, or both in one number; gives the leading axis.
    n_codes : int

    Returns
    -------
    BinSums
        ``totals`` of shape ``(B, 6)``, or ``(n_codes, B, 6)`` when codes are given.
    """
    n_bins = len(edges) - 1
    totals = np.zeros((n_codes * n_bins, len(COLUMNS)))
    for start in range(0, forecasts.n, _RANGE):
        rows = slice(start, start + _RANGE)
        index = _bin_in_range(forecasts.y_prob[rows], edges)
        if codes is not None:
            index = codes[rows] * n_bins + index
        _add_range(totals, index, forecasts, rows)
    return BinSums(edges, totals.reshape((n_bins, 6) if codes is None else (n_codes, n_bins, 6)))


def _add_range(
    totals: FloatArray, index: IntArray, forecasts: BinaryForecasts, rows: slice
) -> None:
    """Add the sums of one range of items; without weights three of the columns are one."""
    size = len(totals)
    p, y = forecasts.y_prob[rows], forecasts.y_true[rows]
    n = np.bincount(index, minlength=size)
    if not forecasts.weighted:
        stated = np.bincount(index, p, minlength=size)
        square = np.bincount(index, p * p, minlength=size)
        observed = np.bincount(index, y, minlength=size)
        columns = [n, n, n, stated, observed, np.maximum(stated - square, 0.0)]
    else:
        w = forecasts.weights[rows]
        each = (w, w * w, w * p, w * y, w * w * p * (1 - p))
        columns = [n, *(np.bincount(index, one, minlength=size) for one in each)]
    for k, column in enumerate(columns):
        totals[:, k] += column


def _bin_in_range(p: FloatArray, edges: FloatArray) -> IntArray:
    """As :func:`bin_of`; bins of equal width are found by a product instead of a search."""
    n_bins = len(edges) - 1
    if not np.array_equal(edges, uniform_edges(n_bins)):
        return bin_of(p, edges)
    index = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    # The product may miss an edge by a rounding, and a value on an edge is of the bin below.
    index -= p <= edges[index]
    np.maximum(index, 0, out=index)
    index += p > edges[index + 1]
    return index
