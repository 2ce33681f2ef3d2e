"""Which subgroups have too few items: maximal uncovered patterns, and all uncovered cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from measures.coverage import subcubes
from measures.coverage.bitsets import Literals, literals_of, search
from measures.coverage.cube import Cube
from measures.coverage.lattice import Axis, Groups, axis_of, axis_of_ranges, maximal, roll_up
from measures.coverage.target import Target
from measures.coverage.thresholds import Threshold

Ints = NDArray[np.int64]
RangeName = Callable[[str, str], str]

MAX_NODES = 50_000_000
"""Patterns that are counted all at once; a larger lattice is searched level by level."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A subgroup in words: the fixed attributes, its items, and how many it lacks."""

    attributes: dict[str, str]
    n: int
    deficit: int
    level: int
    target_share: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The pattern as it is shown."""
        return {
            "attributes": self.attributes,
            "n": self.n,
            "deficit": self.deficit,
            "level": self.level,
            "target_share": self.target_share,
        }


@dataclass(frozen=True, slots=True, eq=False)
class UncoveredPatterns:
    """Patterns with fewer items than the threshold.

    Parameters
    ----------
    axes : tuple of Axis
    nodes : ndarray of int, shape (n_patterns, n_attributes)
        Node of each axis; ``axis.any`` where the attribute is not fixed.
    n : ndarray of int, shape (n_patterns,)
        Items in each pattern.
    threshold : Threshold
    max_level : int
        Patterns with more fixed attributes were not looked for.
    """

    axes: tuple[Axis, ...]
    nodes: Ints
    n: Ints
    threshold: Threshold
    max_level: int

    @property
    def levels(self) -> Ints:
        """Number of fixed attributes of each pattern."""
        return np.asarray((self.nodes < [axis.any for axis in self.axes]).sum(axis=1))

    def per_level(self) -> dict[int, int]:
        """How many patterns each level has; levels without any are left out."""
        return dict(sorted(Counter(self.levels.tolist()).items()))

    def foremost(
        self, *, limit: int | None = None, target: Target | None = None
    ) -> UncoveredPatterns:
        """The most important patterns, in order.

        Parameters
        ----------
        limit : int, optional
            At most this many; there can be tens of thousands.
        target : Target, optional
            Rank by target share times deficit; without it, by level and then by deficit.

        Returns
        -------
        UncoveredPatterns
        """
        deficit = self.threshold.n - self.n
        if target is None:
            order = np.lexsort([-deficit, self.levels])
        else:
            shares = self.target_shares(target)
            mass = np.array([-1.0 if share is None else share for share in shares])
            order = np.lexsort([self.levels, -(mass * deficit)])
        return replace(self, nodes=self.nodes[order[:limit]], n=self.n[order[:limit]])

    def in_words(self, *, limit: int | None = None, target: Target | None = None) -> list[Pattern]:
        """The patterns for a reader, the most important first.

        Parameters
        ----------
        limit, target : optional
            See :meth:`foremost`.

        Returns
        -------
        list of Pattern
        """
        first = self.foremost(limit=limit, target=target)
        shares = [None] * len(first.n) if target is None else first.target_shares(target)
        return [
            Pattern(
                attributes=first._attributes(i),
                n=n,
                deficit=self.threshold.n - n,
                level=level,
                target_share=shares[i],
            )
            for i, (n, level) in enumerate(
                zip(first.n.tolist(), first.levels.tolist(), strict=True)
            )
        ]

    def target_shares(self, target: Target) -> list[float | None]:
        """Share of the target population in each pattern; ``None`` where the target cannot say."""
        cache: dict[tuple[str, ...], NDArray[np.float64] | None] = {}
        return [self._target_share(target, i, cache) for i in range(len(self.n))]

    def _fixed(self, i: int) -> Iterator[tuple[Axis, int]]:
        for axis, node in zip(self.axes, self.nodes[i].tolist(), strict=True):
            if node < axis.any:
                yield axis, node

    def _attributes(self, i: int) -> dict[str, str]:
        return {axis.attribute.name: axis.nodes[node] for axis, node in self._fixed(i)}

    def _target_share(
        self, target: Target, i: int, cache: dict[tuple[str, ...], NDArray[np.float64] | None]
    ) -> float | None:
        fixed = list(self._fixed(i))
        names = tuple(axis.attribute.name for axis, _ in fixed)
        if not names:
            return 1.0
        if names not in cache:
            cache[names] = target.shares(names)[0]
        shares = cache[names]
        if shares is None:
            return None
        places = [_places(target, axis, node) for axis, node in fixed]
        return float(shares[np.ix_(*places)].sum())


def _places(target: Target, axis: Axis, node: int) -> list[int]:
    """Where the target keeps the values under a node; values it lacks have no share there."""
    known = target.values(axis.attribute.name)
    values = [axis.attribute.values[leaf] for leaf in axis.leaves[node]]
    return [known.index(value) for value in values if value in known]


def uncovered_patterns(
    cube: Cube,
    threshold: Threshold,
    *,
    max_level: int | None = None,
    groups: Mapping[str, Groups] | None = None,
    ranges: Mapping[str, RangeName | None] | None = None,
    missing_matches: bool = False,
    max_nodes: int = MAX_NODES,
) -> UncoveredPatterns:
    """Most general subgroups that have fewer items than the threshold.

    A pattern fixes some attributes to a value (or a group of values) and leaves the others
    open. It is uncovered when fewer items than the threshold match it, and maximal when every
    pattern one step more general is covered; all other uncovered patterns lie below these.

    Parameters
    ----------
    cube : Cube
    threshold : Threshold
    max_level : int, optional
        Look no deeper than this number of fixed attributes; required where the lattice has more
        than ``max_nodes`` patterns.
    groups : mapping of attribute name to groups, optional
        See :func:`measures.coverage.lattice.axis_of`.
    ranges : mapping of attribute name to a namer, optional
        Ordered attributes that a pattern may fix to a range of neighbouring values, with how
        ranges are named; see :func:`measures.coverage.lattice.axis_of_ranges`.
    missing_matches : bool
        With missing values, what is uncovered lies between two answers. ``False`` counts items
        whose values are known: patterns *possibly* uncovered. ``True`` counts an item for every
        value it might have: patterns *definitely* uncovered.
    max_nodes : int

    Returns
    -------
    UncoveredPatterns
        The pattern without any fixed attribute is the only one when the whole data set is
        smaller than the threshold. None when the threshold is 0.

    Raises
    ------
    ValueError
        When groups are malformed, groups or ranges name no attribute or the same one, or
        ``max_level`` is needed or negative.

    References
    ----------
    Asudeh, Jin and Jagadish (2019), "Assessing and remedying coverage for a given dataset",
    definitions 4 to 6.
    """
    axes = axes_of(cube, groups, ranges)
    deepest = len(axes) if max_level is None else min(max_level, len(axes))
    if deepest < 0:
        raise ValueError(f"max_level cannot be negative; got {max_level}.")
    if threshold.n <= 0 or cube.n_items < threshold.n:
        return _all_or_nothing(cube, axes, threshold, deepest)
    if prod(axis.any + 1 for axis in axes) <= max_nodes:
        nodes, n = _dense(cube, axes, threshold.n, missing_matches)
    elif max_level is None:
        raise ValueError(
            f"{len(axes)} attributes make more than {max_nodes} patterns; give max_level, "
            "for example 3."
        )
    else:
        nodes, n = _sparse(cube, axes, threshold.n, missing_matches, deepest)
    shallow = (nodes < [axis.any for axis in axes]).sum(axis=1) <= deepest
    return UncoveredPatterns(axes, nodes[shallow], n[shallow], threshold, deepest)


def uncovered_cells(cube: Cube, threshold: Threshold, *, max_level: int) -> UncoveredPatterns:
    """Every uncovered pattern down to a level, maximal or not: what a collection plan must fill.

    Parameters
    ----------
    cube : Cube
    threshold : Threshold
    max_level : int
        At least 1.

    Returns
    -------
    UncoveredPatterns
        Items with a missing value count only where it is not asked for.

    References
    ----------
    Asudeh, Jin and Jagadish (2019), section 5.
    """
    axes = axes_of(cube)
    wildcard = np.array([axis.any for axis in axes])
    nodes, counts = [np.zeros((0, len(axes)), np.int64)], [np.zeros(0, np.int64)]
    for level in range(1, min(max_level, len(axes)) + 1):
        for subset in combinations(range(len(axes)), level):
            table = cube.table([cube.names[j] for j in subset])
            table = table[tuple(slice(0, axes[j].any) for j in subset)]
            where = np.argwhere(table < threshold.n)
            block = np.tile(wildcard, (len(where), 1))
            block[:, subset] = where
            nodes.append(block)
            counts.append(table[tuple(where.T)])
    return UncoveredPatterns(
        axes, np.concatenate(nodes), np.concatenate(counts), threshold, max_level
    )


def axes_of(
    cube: Cube,
    groups: Mapping[str, Groups] | None = None,
    ranges: Mapping[str, RangeName | None] | None = None,
) -> tuple[Axis, ...]:
    """What each attribute of a cube can be fixed to: values, and groups or ranges of them.

    Parameters
    ----------
    cube : Cube
    groups, ranges : mapping, optional
        As in :func:`uncovered_patterns`.

    Returns
    -------
    tuple of Axis

    Raises
    ------
    ValueError
        When groups are malformed, or groups or ranges name no attribute or the same one.
    """
    grouped, ranged = groups or {}, ranges or {}
    for name in (*grouped, *ranged):
        cube.position(name)
    if both := sorted({*grouped} & {*ranged}):
        raise ValueError(f"{both[0]!r} has groups of values; it cannot have ranges as well.")
    return tuple(
        axis_of_ranges(attribute, ranged[attribute.name])
        if attribute.name in ranged
        else axis_of(attribute, grouped.get(attribute.name))
        for attribute in cube.attributes
    )


def counts_of(
    cube: Cube,
    found: UncoveredPatterns,
    *,
    missing_matches: bool,
    max_nodes: int = MAX_NODES,
) -> Ints:
    """Items in each of some patterns, whatever the search counted.

    Parameters
    ----------
    cube : Cube
    found : UncoveredPatterns
        Over the cube's attributes.
    missing_matches : bool
        Whether an item with a missing value counts for every value it might have.
    max_nodes : int
        Patterns in all up to which one cube over all attributes answers for each.

    Returns
    -------
    ndarray of int, shape (n_patterns,)
    """
    fixed = found.nodes < [axis.any for axis in found.axes]
    subsets, which = np.unique(fixed, axis=0, return_inverse=True)
    size = prod(axis.any + 1 for axis in found.axes)
    if len(subsets) > 1 and size <= max_nodes:
        # One cube over all attributes is less than many over a few.
        rolled = roll_up(cube.table(cube.names), found.axes, missing_matches=missing_matches)
        whole: Ints = rolled[tuple(found.nodes.T)].astype(np.int64)
        return whole
    counts = np.zeros(len(found.n), np.int64)
    for s, subset in enumerate(subsets):
        mine = np.flatnonzero(which.reshape(-1) == s)
        columns = np.flatnonzero(subset).tolist()
        if not columns:
            counts[mine] = cube.n_items
            continue
        table = cube.table([cube.names[j] for j in columns])
        axes = [found.axes[j] for j in columns]
        rolled = roll_up(table, axes, missing_matches=missing_matches)
        counts[mine] = rolled[tuple(found.nodes[mine][:, columns].T)]
    return counts


def _all_or_nothing(
    cube: Cube, axes: tuple[Axis, ...], threshold: Threshold, max_level: int
) -> UncoveredPatterns:
    """Nothing is uncovered at a threshold of 0; everything is, when there are too few items."""
    rows = [[axis.any for axis in axes]] if threshold.n > 0 else []
    nodes = np.array(rows, np.int64).reshape(-1, len(axes))
    return UncoveredPatterns(axes, nodes, np.full(len(rows), cube.n_items), threshold, max_level)


def _dense(
    cube: Cube, axes: Sequence[Axis], threshold: int, missing_matches: bool
) -> tuple[Ints, Ints]:
    counts = roll_up(cube.table(cube.names), axes, missing_matches=missing_matches)
    hits = np.flatnonzero(maximal(counts < threshold, axes).ravel())
    nodes = np.column_stack(np.unravel_index(hits, counts.shape)).astype(np.int64)
    return nodes, counts.ravel()[hits].astype(np.int64)


def _sparse(
    cube: Cube, axes: Sequence[Axis], threshold: int, missing_matches: bool, max_level: int
) -> tuple[Ints, Ints]:
    """The way that needs fewer counts: small cubes over few attributes each, or level by level."""
    known = literals_of(cube, axes, missing_matches=False)
    if subcubes.is_cheaper(cube, axes, known, threshold, max_level):
        found = subcubes.search(
            cube, axes, known, threshold, max_level, missing_matches=missing_matches
        )
    else:
        literals = literals_of(cube, axes, missing_matches=True) if missing_matches else known
        found = _level_wise(literals, axes, threshold, max_level)
    nodes, counts = [np.zeros((0, len(axes)), np.int64)], [np.zeros(0, np.int64)]
    for block, n in found:
        nodes.append(block)
        counts.append(n)
    return np.concatenate(nodes), np.concatenate(counts)


def _level_wise(
    literals: Literals, axes: Sequence[Axis], threshold: int, max_level: int
) -> Iterator[tuple[Ints, Ints]]:
    for level in search(literals, threshold, max_level):
        block = np.tile([axis.any for axis in axes], (len(level.n), 1))
        rows = np.arange(len(level.n))[:, None]
        block[rows, literals.attribute[level.literals]] = literals.node[level.literals]
        yield block, level.n
