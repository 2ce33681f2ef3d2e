"""Subgroups in which the mean of a number, such as agreement, is off that of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from measures.coverage.cube import Attribute
from measures.multiplicity import benjamini_hochberg

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """A number of each item, summed over items with the same attribute values; parts add up.

    Parameters
    ----------
    attributes : tuple of Attribute
    codes : ndarray of int, shape (n_rows, n_attributes)
        ``MISSING`` (-1) where not known.
    n, total, squares : ndarray of float, shape (n_rows,)
        Items, and sums over them of the number and of its square.
    """

    attributes: tuple[Attribute, ...]
    codes: NDArray[np.int64]
    n: Floats
    total: Floats
    squares: Floats

    def table(self, columns: tuple[int, ...], sums: Floats) -> Floats:
        """One of the sums over some attributes; items that are missing in one are left out."""
        shape = tuple(len(self.attributes[j].values) for j in columns)
        known = (self.codes[:, columns] >= 0).all(axis=1)
        key = np.zeros(int(known.sum()), np.int64)
        for j, size in zip(columns, shape, strict=True):
            key = key * size + self.codes[known, j]
        cells = np.bincount(key, sums[known], minlength=prod(shape))
        return cells.astype(float).reshape(shape)


@dataclass(frozen=True, slots=True)
class DivergingMean:
    """The mean in one subgroup beside that of the whole.

    Parameters
    ----------
    attributes : dict of str to str
    n : int
        Items of the subgroup that have the number.
    mean, se : float
    divergence : float
        Mean in the subgroup minus mean of all items.
    t : float
        Welch's, subgroup against the rest; 0 where neither varies and both are equal.
    p_value, p_adjusted : float
        Two-sided; Benjamini-Hochberg over all subgroups.
    """

    attributes: dict[str, str]
    n: int
    mean: float
    se: float
    divergence: float
    t: float
    p_value: float
    p_adjusted: float


def diverging_means(sums: Sums, *, max_level: int = 2, min_items: int = 30) -> list[DivergingMean]:
    """Every subgroup with enough items, with how far its mean is from the whole's.

    Parameters
    ----------
    sums : Sums
    max_level : int
        Attributes in a subgroup at most.
    min_items : int
        Items that a subgroup needs; at least 2 are asked for in any case.

    Returns
    -------
    list of DivergingMean
        The largest absolute t first. A subgroup outside which there are fewer than two items is
        left out: there is nothing to compare it with.

    References
    ----------
    Welch (1947); Pastor, de Alfaro and Baralis (2021) for divergence over patterns.
    """
    found = list(_counted(sums, max_level, max(min_items, 2)))
    if not found:
        return []
    n, total, squares = np.array([row[1:] for row in found]).T
    whole = np.array([sums.n.sum(), sums.total.sum(), sums.squares.sum()])
    t, p = _welch(n, total, squares, whole)
    variance = _variance(n, total, squares)
    rows = [
        DivergingMean(
            where,
            int(size),
            float(x / size),
            float(np.sqrt(v / size)),
            float(x / size - whole[1] / whole[0]),
            float(a),
            float(b),
            float(c),
        )
        for (where, size, x, _), v, a, b, c in zip(
            found, variance, t, p, benjamini_hochberg(p), strict=True
        )
        if c is not None
    ]
    return sorted(rows, key=lambda row: (-abs(row.t), sorted(row.attributes.items())))


def sliceline_score(
    n: ArrayLike, error: ArrayLike, n_all: int, error_all: float, *, alpha: float = 0.95
) -> Floats:
    """How much a subgroup deserves a look: by how much worse, and by how large, it is.

    Parameters
    ----------
    n : array_like of int, at least 1
    error : array_like of float
        Mean error in each subgroup, not negative.
    n_all, error_all : int, float
        The same of all items; the error above 0.
    alpha : float in (0, 1]
        Weight of the error against the size.

    Returns
    -------
    ndarray of float
        0 for the whole; above 0 for subgroups worse than it by more than their size costs.

    Raises
    ------
    ValueError
        When the whole has no error, so that nothing is worse by a factor.

    References
    ----------
    Sagadeeva and Boehm (2021), "SliceLine", definition 1.
    """
    if not error_all > 0:
        raise ValueError(f"The mean error of all items must be above 0; got {error_all!r}.")
    size, mean = np.asarray(n, float), np.asarray(error, float)
    return np.asarray(alpha * (mean / error_all - 1) - (1 - alpha) * (n_all / size - 1))


def _counted(
    sums: Sums, max_level: int, min_items: int
) -> Iterator[tuple[dict[str, str], float, float, float]]:
    n_all = sums.n.sum()
    for level in range(1, min(max_level, len(sums.attributes)) + 1):
        for columns in combinations(range(len(sums.attributes)), level):
            n, total, squares = (
                sums.table(columns, one) for one in (sums.n, sums.total, sums.squares)
            )
            for place in np.argwhere((n >= min_items) & (n <= n_all - 2)).tolist():
                at = tuple(place)
                where = {
                    sums.attributes[j].name: sums.attributes[j].values[code]
                    for j, code in zip(columns, place, strict=True)
                }
                yield where, float(n[at]), float(total[at]), float(squares[at])


def _welch(n: Floats, total: Floats, squares: Floats, whole: Floats) -> tuple[Floats, Floats]:
    rest = whole[:, None] - np.array([n, total, squares])
    a, b = _variance(n, total, squares) / n, _variance(*rest) / rest[0]
    far = total / n - rest[1] / rest[0]
    both = a + b
    t = np.divide(far, np.sqrt(both), out=np.zeros_like(far), where=both > 0)
    # Where nothing varies, any difference is certain; it is given the largest t that is finite.
    t = np.where((both <= 0) & (np.abs(far) > 1e-12), np.sign(far) * _CERTAIN, t)
    spread = a**2 / (n - 1) + b**2 / (rest[0] - 1)
    df = np.divide(both**2, spread, out=np.ones_like(both), where=spread > 0)
    p = 2 * stats.t.sf(np.abs(t), df)
    return t, np.where(both > 0, p, (np.abs(far) <= 1e-12).astype(float))


_CERTAIN = 1e6


def _variance(n: Floats, total: Floats, squares: Floats) -> Floats:
    # Sums of squares of agreement lie in [0, n]: what cancels is far below what matters.
    raw = np.maximum(squares - total**2 / n, 0.0) / np.maximum(n - 1, 1)
    return np.asarray(np.where(raw < 1e-14, 0.0, raw))
