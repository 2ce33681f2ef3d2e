"""Do two properties go together: an unknown value and a label, a split and an attribute?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from measures.coverage.cube import MISSING, Cube
from measures.estimates import Estimate, Reason, undefined

_EXPECTED = 5.0
_N_TABLES = 2000


@dataclass(frozen=True, slots=True)
class Leakage:
    """Groups whose items lie in more than one part.

    Parameters
    ----------
    n_groups : int
        Groups with an item in a part.
    n_split : int
        Those with items in two parts or more.
    n_items_split : int
        Their items.
    split : ndarray of int
        Their codes.
    """

    n_groups: int
    n_split: int
    n_items_split: int
    split: NDArray[np.int64]


def cramers_v(table: ArrayLike, *, rng: np.random.Generator) -> Estimate:
    """How strongly rows and columns of a table of counts go together.

    Parameters
    ----------
    table : array_like of int, shape (n_rows, n_columns)
        Counts; rows and columns without any are left out.
    rng : numpy.random.Generator
        For the p-value where a cell expects fewer than 5.

    Returns
    -------
    Estimate
        In [0, 1], 0 when they are independent in the sample. ``p_value`` is Pearson's chi-squared
        test, by simulation of 2,000 tables with the same margins when a cell
        expects fewer than 5. ``one_class`` when only one row or column has counts.

    Raises
    ------
    ValueError
        When the table is not two-dimensional or has a negative count.

    References
    ----------
    Cramer (1946), *Mathematical Methods of Statistics*, 21.9; Patefield (1981) on random tables.
    """
    counts = np.asarray(table, np.int64)
    if counts.ndim != 2 or (counts < 0).any():
        raise ValueError("A table of counts has rows and columns, and no negative count.")
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    n = int(counts.sum())
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    if min(counts.shape) < 2:
        return undefined(Reason.ONE_CLASS, n)
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    expected = np.outer(rows, columns) / n
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    value = min(1.0, float(np.sqrt(chi2 / (n * (min(counts.shape) - 1)))))
    if expected.min() >= _EXPECTED:
        df = (counts.shape[0] - 1) * (counts.shape[1] - 1)
        p = float(stats.chi2.sf(chi2, df))
    else:
        drawn = stats.random_table(rows, columns).rvs(_N_TABLES, random_state=rng)
        simulated = ((drawn - expected) ** 2 / expected).sum(axis=(1, 2))
        p = float((1 + (simulated >= chi2 * (1 - 1e-12)).sum()) / (_N_TABLES + 1))
    return Estimate(value, n, p_value=p)


def missing_patterns(cube: Cube) -> list[tuple[tuple[str, ...], int]]:
    """Which attributes are unknown together, and for how many items.

    Parameters
    ----------
    cube : Cube

    Returns
    -------
    list of (names, n)
        The most frequent first; the empty tuple stands for items of which all is known. The n add
        up to the items of the cube.

    References
    ----------
    Rubin (1976), "Inference and missing data".
    """
    if not len(cube.n):
        return []
    patterns, which = np.unique(cube.codes == MISSING, axis=0, return_inverse=True)
    n = np.bincount(which.reshape(-1), weights=cube.n).astype(np.int64)
    named = [
        tuple(name for name, is_missing in zip(cube.names, row, strict=True) if is_missing)
        for row in patterns.tolist()
    ]
    return sorted(zip(named, n.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))


def leakage(groups: ArrayLike, parts: ArrayLike) -> Leakage:
    """How many groups have items in several parts of a data set, such as train and test.

    Parameters
    ----------
    groups, parts : array_like of int, shape (n_items,)
        Codes of group and part; an item whose part is ``MISSING`` (-1) does not count.

    Returns
    -------
    Leakage

    Raises
    ------
    ValueError
        When the lengths differ.

    References
    ----------
    Kaufman et al. (2012), "Leakage in data mining".
    """
    group, part = np.asarray(groups, np.int64), np.asarray(parts, np.int64)
    if group.shape != part.shape:
        raise ValueError(f"{group.size} groups need as many parts; got {part.size}.")
    known = part != MISSING
    codes, place = np.unique(group[known], return_inverse=True)
    pairs = np.unique(np.column_stack([place, part[known]]), axis=0)
    split = np.bincount(pairs[:, 0], minlength=codes.size) > 1
    items = np.bincount(place, minlength=codes.size)
    return Leakage(codes.size, int(split.sum()), int(items[split].sum()), codes[split])
