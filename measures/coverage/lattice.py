"""The lattice of patterns: values, their groups or ranges, and "any", on every attribute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from measures.coverage.cube import Attribute

Groups = Mapping[str, Sequence[str]]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Axis:
    """What one attribute of a pattern can be fixed to.

    Parameters
    ----------
    attribute : Attribute
    nodes : tuple of str
        The values, then the groups of values or the ranges of neighbouring values; the node after
        the last stands for "any".
    parents : tuple of pairs of int
        The one or two nodes that are one step more general; ``len(nodes)`` is "any". A value in a
        group has one, named twice; a range has two, one value more at either end.
    leaves : tuple of tuple of int
        Values under each node.
    """

    attribute: Attribute
    nodes: tuple[str, ...]
    parents: tuple[tuple[int, int], ...]
    leaves: tuple[tuple[int, ...], ...]

    @property
    def any(self) -> int:
        """The node that fixes nothing."""
        return len(self.nodes)

    @property
    def is_flat(self) -> bool:
        """Whether there are no groups or ranges of values."""
        return len(self.nodes) == len(self.attribute.values)


def axis_of(attribute: Attribute, groups: Groups | None = None) -> Axis:
    """An attribute with its groups of values, for example countries in regions.

    Parameters
    ----------
    attribute : Attribute
    groups : mapping of group name to its members, optional
        Members are values or other groups; each has one group at most.

    Returns
    -------
    Axis

    Raises
    ------
    ValueError
        When a group has the name of a value, a member is unknown or in two groups, or groups
        contain each other.
    """
    groups = dict(groups or {})
    nodes = attribute.values + tuple(groups)
    place = {name: i for i, name in enumerate(nodes)}
    if len(place) < len(nodes):
        raise ValueError(f"A group of {attribute.name!r} has the name of one of its values.")
    parents = [len(nodes)] * len(nodes)
    for group, members in groups.items():
        for member in members:
            if member not in place:
                raise ValueError(
                    f"Group {group!r} of {attribute.name!r} has the member {member!r}, "
                    "which is neither a value nor a group."
                )
            if parents[place[member]] != len(nodes):
                raise ValueError(f"{member!r} is in two groups of {attribute.name!r}.")
            parents[place[member]] = place[group]
    leaves = [_leaves(node, parents, len(attribute.values)) for node in range(len(nodes))]
    if not all(leaves):
        empty = nodes[[bool(under) for under in leaves].index(False)]
        raise ValueError(f"Group {empty!r} of {attribute.name!r} holds no value.")
    return Axis(attribute, nodes, tuple((up, up) for up in parents), tuple(leaves))


def axis_of_ranges(attribute: Attribute, name: Callable[[str, str], str] | None = None) -> Axis:
    """An ordered attribute with every range of neighbouring values, for example 60 and over.

    Parameters
    ----------
    attribute : Attribute
        Its values in their order.
    name : callable, optional
        Name of the range from one value to another; by default ``"low to high"``.

    Returns
    -------
    Axis
        With k values, k (k + 1) / 2 - 1 nodes: the range of all values is "any".
    """
    k = len(attribute.values)
    spans = [(low, low + width) for width in range(max(k - 1, 1)) for low in range(k - width)]
    place = {span: node for node, span in enumerate(spans)}
    said = name or (lambda low, high: f"{low} to {high}")
    parents = []
    for low, high in spans:
        down = place.get((low - 1, high), len(spans))
        up = place.get((low, high + 1), len(spans))
        # At the end of the scale a range can grow on one side only; the whole scale is "any".
        parents.append((up if low == 0 else down, down if high == k - 1 else up))
    nodes = attribute.values + tuple(
        said(attribute.values[low], attribute.values[high]) for low, high in spans[k:]
    )
    leaves = tuple(tuple(range(low, high + 1)) for low, high in spans)
    return Axis(attribute, nodes, tuple(parents), leaves)


def _leaves(node: int, parents: list[int], n_values: int) -> tuple[int, ...]:
    return tuple(leaf for leaf in range(n_values) if node in _upwards(leaf, parents))


def _upwards(node: int, parents: list[int]) -> list[int]:
    """The node and all that are more general, "any" left out."""
    path: list[int] = []
    while node < len(parents):
        if node in path:
            raise ValueError("Groups must not contain each other.")
        path.append(node)
        node = parents[node]
    return path


def roll_up(
    table: NDArray[np.int64], axes: Sequence[Axis], *, missing_matches: bool
) -> NDArray[np.int64]:
    """Counts of every pattern of the lattice, from the joint counts.

    Parameters
    ----------
    table : ndarray of int
        Joint counts; the last slot of each axis counts missing values.
    axes : sequence of Axis
    missing_matches : bool
        Whether an item with a missing value counts for every value it might have.

    Returns
    -------
    ndarray of int
        One slot per node on each axis, the last one "any".
    """
    counts = table
    if counts.sum() < np.iinfo(np.int32).max:
        counts = counts.astype(np.int32)  # half the memory, and memory is what bounds this
    for j, axis in enumerate(axes):
        missing = _slots(counts, j, [len(axis.attribute.values)])
        parts = [_slots(counts, j, slice(0, len(axis.attribute.values)))]
        for leaves in axis.leaves[len(axis.attribute.values) :]:
            inside = _slots(counts, j, list(leaves))
            parts.append(inside.sum(axis=j, keepdims=True, dtype=counts.dtype))
        if missing_matches:
            parts = [part + missing for part in parts]
        parts.append(counts.sum(axis=j, keepdims=True, dtype=counts.dtype))
        counts = np.concatenate(parts, axis=j)
    return counts


def maximal(uncovered: NDArray[np.bool_], axes: Sequence[Axis]) -> NDArray[np.bool_]:
    """Which uncovered patterns have no uncovered pattern one step more general.

    Parameters
    ----------
    uncovered : ndarray of bool
        One slot per node on each axis, the last one "any".
    axes : sequence of Axis

    Returns
    -------
    ndarray of bool, same shape

    References
    ----------
    Asudeh, Jin and Jagadish (2019), definition 5.
    """
    best = uncovered.copy()
    for j, axis in enumerate(axes):
        if axis.is_flat:
            best[_at(best, j, slice(0, axis.any))] &= ~_slots(uncovered, j, [axis.any])
            continue
        for node, parents in enumerate(axis.parents):
            for parent in {*parents}:
                best[_at(best, j, node)] &= ~uncovered[_at(best, j, parent)]
    return best


def _at(table: NDArray[np.generic], axis: int, slot: int | slice) -> tuple[int | slice, ...]:
    where: list[int | slice] = [slice(None)] * table.ndim
    where[axis] = slot
    return tuple(where)


def _slots(table: NDArray[T], axis: int, which: list[int] | slice) -> NDArray[T]:
    where: list[list[int] | slice] = [slice(None)] * table.ndim
    where[axis] = which
    return table[tuple(where)]
