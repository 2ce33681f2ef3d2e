"""Uncovered patterns from the small cubes over every few attributes, of which most is subtracted.

Of each attribute one value is never counted: what has it is what is left of "any value" without
the others. Of k attributes with two values each, one combination is counted instead of 2 to the k,
which is why this way is taken where few values meet in many attributes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from measures.coverage.bitsets import Literals, extended
from measures.coverage.cube import MISSING, Cube
from measures.coverage.lattice import Axis, maximal, roll_up

Ints = NDArray[np.int64]
Counts = list[tuple[Ints, Ints]]
"""By number of literals: keys in order, and items."""

_CELLS_AT_ONCE = 1 << 22
_MOST_COUNTS = 1 << 23
_MOST_CELLS = 1 << 29
# What the two searches spend their time on, in nanoseconds as measured with the comparison.
_PER_WORD, _PER_CELL, _PER_PATTERN = 2, 100, 2000
# Of the patterns of covered values, deeper ones are mostly uncovered, and never searched further.
_MARGIN = 2


def counted_values(cube: Cube) -> list[int]:
    """How many values of each attribute are counted, the first ones.

    Parameters
    ----------
    cube : Cube

    Returns
    -------
    list of int
        All values where some are missing, else all but the last.
    """
    some_missing = (cube.codes == MISSING).any(axis=0).tolist()
    return [
        len(attribute.values) - (0 if missing else 1)
        for attribute, missing in zip(cube.attributes, some_missing, strict=True)
    ]


def n_combinations(sizes: Sequence[int], max_level: int) -> int:
    """Combinations of up to so many values, each of another attribute.

    Parameters
    ----------
    sizes : sequence of int, values of each attribute
    max_level : int

    Returns
    -------
    int
    """
    by_level = [1] + [0] * max_level
    for size in sizes:
        for level in range(max_level, 0, -1):
            by_level[level] += size * by_level[level - 1]
    return sum(by_level)


def is_cheaper(
    cube: Cube, axes: Sequence[Axis], literals: Literals, threshold: int, max_level: int
) -> bool:
    """Whether small cubes cost clearly less than a search among the covered patterns.

    Parameters
    ----------
    cube : Cube
    axes : sequence of Axis
        In the order of the cube's attributes.
    literals : Literals
        All nodes of all attributes.
    threshold : int
    max_level : int

    Returns
    -------
    bool
        The other search is judged as if all patterns of covered values were covered. Never where
        one cube, or all counts, would take much memory, or combinations could not be numbered.
    """
    sizes = counted_values(cube)
    largest = sorted((axis.any + 2 for axis in axes), reverse=True)[:max_level]
    if prod(largest) > _CELLS_AT_ONCE or sum(sizes) ** max_level >= 1 << 62:
        return False
    _, n = extended(literals, np.zeros((1, 0), np.int64))
    covered = np.bincount(literals.attribute[n >= threshold], minlength=len(cube.attributes))
    n_counts = n_combinations(sizes, max_level)
    n_cells = n_combinations([axis.any + 2 for axis in axes], max_level)
    per_count = literals.bits.shape[1] * _PER_WORD
    cost = n_counts * per_count + n_cells * _PER_CELL
    other = n_combinations(covered.tolist(), max_level) * (per_count + _PER_PATTERN)
    bearable = n_counts <= _MOST_COUNTS and n_cells <= _MOST_CELLS
    return bearable and cost * _MARGIN <= other


def search(
    cube: Cube,
    axes: Sequence[Axis],
    literals: Literals,
    threshold: int,
    max_level: int,
    *,
    missing_matches: bool,
) -> Iterator[tuple[Ints, Ints]]:
    """Maximal uncovered patterns in batches; the root is known to be covered.

    Parameters
    ----------
    cube : Cube
    axes : sequence of Axis
        In the order of the cube's attributes.
    literals : Literals
        Of values as they are known, without items that might have them.
    threshold : int
        A pattern is uncovered with fewer items than this.
    max_level : int
    missing_matches : bool
        Whether an item with a missing value counts for every value it might have.

    Yields
    ------
    nodes : ndarray of int, shape (n_patterns, n_attributes)
    n : ndarray of int

    References
    ----------
    Moore and Lee (1998), "Cached sufficient statistics", section 3, for the value not counted.
    """
    sizes = counted_values(cube)
    kept = literals.only(literals.node < np.array(sizes)[literals.attribute])
    firsts = np.searchsorted(kept.attribute, np.arange(len(axes)))
    counts = _counts(kept, max_level, cube.n_items)
    for columns in _batches(axes, sizes, max_level):
        alike = [axes[j] for j in columns[0]]
        table = _tables(
            firsts[columns], [sizes[j] for j in columns[0]], counts, len(kept.attribute)
        )
        rolled = roll_up(_with_missing(table, alike), alike, missing_matches=missing_matches)
        best = maximal(rolled < threshold, alike)[tuple(slice(0, axis.any) for axis in alike)]
        *fixed, which = np.nonzero(best)
        nodes = np.tile([axis.any for axis in axes], (which.size, 1))
        nodes[np.arange(which.size)[:, None], columns[which]] = np.column_stack(fixed)
        yield nodes, rolled[(*fixed, which)].astype(np.int64)


def _counts(kept: Literals, max_level: int, n_items: int) -> Counts:
    """Items with each combination of counted values, the empty combination first."""
    patterns = np.zeros((1, 0), np.int64)
    counts = [(np.zeros(1, np.int64), np.array([n_items]))]
    for _ in range(max_level):
        patterns, n = extended(kept, patterns)
        patterns, n = patterns[n > 0], n[n > 0]
        keys = np.zeros(len(patterns), np.int64)
        for column in patterns.T:
            keys = keys * len(kept.attribute) + column
        counts.append((keys, n))
    return counts


def _batches(axes: Sequence[Axis], sizes: Sequence[int], max_level: int) -> Iterator[Ints]:
    """Sets of attributes whose cubes have the same shape and the same groups, so many at once."""
    for level in range(1, max_level + 1):
        alike = defaultdict(list)
        for columns in combinations(range(len(axes)), level):
            shape = tuple((sizes[j], axes[j].parents, axes[j].leaves) for j in columns)
            alike[shape].append(columns)
        for found in alike.values():
            n_cells = prod(axes[j].any + 2 for j in found[0])
            step = max(1, _CELLS_AT_ONCE // n_cells)
            for first in range(0, len(found), step):
                yield np.array(found[first : first + step])


def _tables(firsts: Ints, sizes: Sequence[int], counts: Counts, base: int) -> Ints:
    """Joint counts of some attributes, in a slot for each counted value and one for the rest.

    Parameters
    ----------
    firsts : ndarray of int, shape (n_sets, n_attributes)
        First literal of each attribute.
    sizes : sequence of int, length n_attributes
        Counted values of each attribute, alike in all sets.
    counts : list of keys and items
    base : int
        Number of literals, which the keys are written in.

    Returns
    -------
    ndarray of int, shape (n_values + 1, ..., n_sets)
    """
    table = np.zeros([*(size + 1 for size in sizes), len(firsts)], np.int64)
    places = range(len(sizes))
    for level in range(len(sizes) + 1):
        for chosen in combinations(places, level):
            keys = np.zeros([1] * len(sizes) + [len(firsts)], np.int64)
            for j in chosen:
                slots = np.arange(sizes[j]).reshape([-1 if i == j else 1 for i in places] + [1])
                keys = keys * base + firsts[:, j] + slots
            where = tuple(
                slice(0, size) if j in chosen else slice(size, None) for j, size in enumerate(sizes)
            )
            table[where] = _looked_up(keys, *counts[level])
    for j, size in enumerate(sizes):
        by_slot = np.moveaxis(table, j, 0)
        by_slot[size] -= by_slot[:size].sum(axis=0)
    return table


def _looked_up(keys: Ints, known: Ints, n: Ints) -> Ints:
    """Items by key; combinations that nobody has are not among the known."""
    if not known.size:
        return np.zeros(keys.shape, np.int64)
    at = np.minimum(np.searchsorted(known, keys), known.size - 1)
    return np.where(known[at] == keys, n[at], 0)


def _with_missing(table: Ints, axes: Sequence[Axis]) -> Ints:
    """The last slot of each axis counts missing values, also where there are none."""
    room = [
        (0, len(axis.attribute.values) + 1 - slots)
        for axis, slots in zip(axes, table.shape, strict=False)
    ]
    return np.pad(table, [*room, (0, 0)])
