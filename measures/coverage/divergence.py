"""Subgroups in which a label is more, or less, frequent than in the data set as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial, prod
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from measures.coverage.cube import Cube
from measures.multiplicity import benjamini_hochberg

Floats = NDArray[np.float64]
Where = frozenset[tuple[str, str]]
_EXPECTED = 10.0


@dataclass(frozen=True, slots=True)
class Diverging:
    """The rate of a label in one subgroup beside that of the data set.

    Parameters
    ----------
    attributes : dict of str to str
    n, k : int
        Items of the subgroup, and those of them with the label.
    divergence : float
        Rate in the subgroup minus rate in the data set, in [-1, 1].
    t : float
        Divergence of the posterior means over their standard error, under uniform priors.
    p_value, p_adjusted : float
        Subgroup against the rest; Benjamini-Hochberg over all subgroups.
    """

    attributes: dict[str, str]
    n: int
    k: int
    divergence: float
    t: float
    p_value: float
    p_adjusted: float


def divergence_t(k: ArrayLike, n: ArrayLike, k_all: float, n_all: float) -> Floats:
    """How many standard errors a subgroup's rate lies from the whole's, under uniform priors.

    Parameters
    ----------
    k, n : array_like of int
        Items with the label, and items, of each subgroup.
    k_all, n_all : int
        The same of the whole data set.

    Returns
    -------
    ndarray of float
        Signed; 0 where the posterior means are equal.

    References
    ----------
    Pastor, de Alfaro and Baralis (2021), "Looking for trouble", section 3.3.
    """
    mean, variance = _posterior(np.asarray(k, float), np.asarray(n, float))
    mean_all, variance_all = _posterior(np.asarray(k_all, float), np.asarray(n_all, float))
    return np.asarray((mean - mean_all) / np.sqrt(variance + variance_all))


def diverging_subgroups(
    items: Cube, with_label: Cube, *, max_level: int = 3, min_items: int = 30
) -> list[Diverging]:
    """Every subgroup with enough items, with how far its rate of a label is from the whole's.

    Parameters
    ----------
    items, with_label : Cube
        All items, and those with the label, over the same attributes.
    max_level : int
        Attributes in a subgroup at most.
    min_items : int
        Items that a subgroup needs.

    Returns
    -------
    list of Diverging
        The largest absolute t first.

    Raises
    ------
    ValueError
        When the cubes differ in attributes, or a subgroup has more labels than items.

    References
    ----------
    Pastor, de Alfaro and Baralis (2021); the test is Fisher's (1935), in its hypergeometric form.
    """
    if items.attributes != with_label.attributes:
        raise ValueError("Both cubes must be over the same attributes and values.")
    found = list(_counted(items, with_label, max_level, min_items))
    if not found:
        return []
    n = np.array([size for _, size, _ in found])
    k = np.array([hits for _, _, hits in found])
    if (k > n).any():
        raise ValueError("A subgroup has more items with the label than items.")
    n_all, k_all = items.n_items, with_label.n_items
    rate = k_all / n_all
    t = divergence_t(k, n, k_all, n_all)
    p = against_the_rest(k, n, k_all, n_all)
    adjusted = benjamini_hochberg(p)
    rows = [
        Diverging(where, int(size), int(hits), hits / size - rate, float(a), float(b), float(c))
        for (where, size, hits), a, b, c in zip(found, t, p, adjusted, strict=True)
        if c is not None
    ]
    return sorted(rows, key=lambda row: (-abs(row.t), sorted(row.attributes.items())))


def against_the_rest(k: ArrayLike, n: ArrayLike, k_all: int, n_all: int) -> Floats:
    """Two-sided p-values of subgroups against the items that are not in them.

    Parameters
    ----------
    k, n : array_like of int
        Items with the label, and items, of each subgroup.
    k_all, n_all : int
        The same of the whole data set.

    Returns
    -------
    ndarray of float
        In [0, 1]. Twice the smaller hypergeometric tail; its normal approximation where at least
        10 items with and without the label are expected in the subgroup and outside it.

    References
    ----------
    Fisher (1935), *The Design of Experiments*.
    """
    hits, size = np.asarray(k, np.int64), np.asarray(n, np.int64)
    expected = size * (k_all / n_all)
    rest = n_all - size
    share = k_all / n_all
    least = np.minimum(size, rest) * min(share, 1 - share)
    variance = expected * (1 - share) * rest / max(n_all - 1, 1)
    far = np.abs(hits - expected)
    z = np.divide(
        np.maximum(far - 0.5, 0), np.sqrt(variance), out=np.zeros(far.shape), where=variance > 0
    )
    p = 2 * stats.norm.sf(z)
    small = least < _EXPECTED
    low = stats.hypergeom.cdf(hits[small], n_all, k_all, size[small])
    high = stats.hypergeom.sf(hits[small] - 1, n_all, k_all, size[small])
    p[small] = 2 * np.minimum(low, high)
    return np.asarray(np.clip(p, 0.0, 1.0))


class HasDivergence(Protocol):
    """A subgroup and how far something in it is from the whole."""

    @property
    def attributes(self) -> dict[str, str]: ...

    @property
    def divergence(self) -> float: ...


def global_contributions(
    subgroups: Sequence[HasDivergence], sizes: dict[str, int]
) -> dict[tuple[str, str], float]:
    """How much each attribute value adds to divergence, over all subgroups it is part of.

    Parameters
    ----------
    subgroups : sequence of HasDivergence
        Frequent subgroups; with one, all more general ones.
    sizes : dict of str to int
        Values that each attribute has.

    Returns
    -------
    dict of (name, value) to float
        0 for a value that changes nothing wherever it is added. Subgroups below the minimum size
        or above the greatest level are taken to add nothing.

    References
    ----------
    Pastor, de Alfaro and Baralis (2021), definition of global divergence: a Shapley value over
    attributes, averaged over the values of each.
    """
    delta: dict[Where, float] = {frozenset(): 0.0}
    delta |= {frozenset(one.attributes.items()): one.divergence for one in subgroups}
    total, found = len(sizes), dict[tuple[str, str], float]()
    for where, value in delta.items():
        others = len(where) - 1
        if others < 0:
            continue
        weight = factorial(others) * factorial(total - others - 1) / factorial(total)
        weight /= prod(sizes[name] for name, _ in where)
        for item in where:
            before = delta.get(where - {item})
            if before is not None:
                found[item] = found.get(item, 0.0) + weight * (value - before)
    return found


def _posterior(k: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a rate after k of n, uniform before."""
    mean = (k + 1) / (n + 2)
    return mean, mean * (1 - mean) / (n + 3)


def _counted(
    items: Cube, with_label: Cube, max_level: int, min_items: int
) -> Iterator[tuple[dict[str, str], int, int]]:
    for level in range(1, min(max_level, len(items.names)) + 1):
        for names in combinations(items.names, level):
            known = (slice(-1),) * level
            n, k = items.table(names)[known], with_label.table(names)[known]
            values = [items.attribute(name).values for name in names]
            for place in np.argwhere(n >= max(min_items, 1)).tolist():
                where = {
                    name: own[code] for name, own, code in zip(names, values, place, strict=True)
                }
                yield where, int(n[tuple(place)]), int(k[tuple(place)])
