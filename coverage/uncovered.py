"""Uncovered patterns: subgroups with too few items, over values, their groups and their ranges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.attributes import groups_of
from catalog.ingest.bands import parse_bands
from catalog.models import Attribute
from coverage.queries import Values
from measures.coverage.cube import MISSING, Cube
from measures.coverage.lattice import Groups
from measures.coverage.patterns import (
    RangeName,
    UncoveredPatterns,
    axes_of,
    counts_of,
    uncovered_patterns,
)
from measures.coverage.thresholds import (
    Threshold,
    count_threshold,
    precision_threshold,
    share_threshold,
)

MAX_PATTERNS = 2_000_000
"""Patterns that are looked at one by one where the lattice is too large to be counted whole."""
UNASKED_LEVEL = 3
"""How deep such a lattice is looked into where nobody said."""


@dataclass(frozen=True)
class Uncovered:
    """What is uncovered where unknown values count for nothing, and where they count for all.

    Parameters
    ----------
    cube : Cube
    possible : UncoveredPatterns
        Of the items whose values are known: more of them may be elsewhere.
    certain : UncoveredPatterns
        Even if every unknown value were the one that is lacking.
    """

    cube: Cube
    possible: UncoveredPatterns
    certain: UncoveredPatterns

    @property
    def has_unknown(self) -> bool:
        """Whether any item lacks a value; without, both are the same patterns."""
        return self.certain is not self.possible

    def with_unknown(self, found: UncoveredPatterns) -> NDArray[np.int64]:
        """Items in each of some patterns, had all unknown values been the right ones."""
        return counts_of(self.cube, found, missing_matches=True) if self.has_unknown else found.n

    def known(self, found: UncoveredPatterns) -> NDArray[np.int64]:
        """Items in each of some patterns of which every value is known."""
        return counts_of(self.cube, found, missing_matches=False) if self.has_unknown else found.n


def search(
    cube: Cube, attributes: dict[str, Attribute], asked: dict[str, Any], *, max_nodes: int
) -> Uncovered:
    """The maximal uncovered patterns of a cube over attributes that have values.

    ``asked`` holds ``min_items``, ``min_share``, ``half_width``, ``expected_share``, ``ranges``
    and ``level``; a level of ``None`` is as deep as can be counted.
    """
    groups = dict(_groups(cube, attributes))
    ranges = dict(_ranges(cube, attributes, asked["ranges"], groups))
    threshold = threshold_of(asked, cube.n_items)
    sizes = [axis.any for axis in axes_of(cube, groups, ranges)]
    level = _level(sizes, asked["level"], max_nodes)

    def look(missing_matches: bool) -> UncoveredPatterns:
        return uncovered_patterns(
            cube,
            threshold,
            max_level=level,
            groups=groups,
            ranges=ranges,
            missing_matches=missing_matches,
            max_nodes=max_nodes,
        )

    possible = look(False)
    has_unknown = bool((cube.codes == MISSING).any())
    return Uncovered(cube, possible, look(True) if has_unknown else possible)


def threshold_of(asked: dict[str, Any], n_items: int) -> Threshold:
    """The items that a subgroup should have: a count, a share, or as a precision needs them."""
    if asked["half_width"] is not None:
        return precision_threshold(float(asked["half_width"]), share=float(asked["expected_share"]))
    if asked["min_share"] is not None:
        return share_threshold(float(asked["min_share"]), n_items)
    return count_threshold(asked["min_items"])


def affordable_level(sizes: list[int], wanted: int) -> int:
    """The deepest level, up to the wanted one, down to which all patterns can be looked at."""
    of_level = [1] + [0] * wanted
    for size in sizes:
        for level in range(wanted, 0, -1):
            of_level[level] += of_level[level - 1] * size
    deepest, total = 1, of_level[1]
    while deepest < min(wanted, len(sizes)) and total + of_level[deepest + 1] <= MAX_PATTERNS:
        deepest += 1
        total += of_level[deepest]
    return deepest


def _level(sizes: list[int], wanted: int | None, max_nodes: int) -> int:
    deepest = len(sizes) if wanted is None else min(wanted, len(sizes))
    if prod(size + 1 for size in sizes) <= max_nodes:
        return deepest  # All levels are counted at once, whichever is asked for.
    return affordable_level(sizes, min(deepest, UNASKED_LEVEL) if wanted is None else deepest)


def _groups(cube: Cube, attributes: dict[str, Attribute]) -> Iterator[tuple[str, Groups]]:
    """Groups that hold at least one of the values in use, by attribute."""
    for axis in cube.attributes:
        if axis.name in attributes and attributes[axis.name].parents:
            yield axis.name, _in_use(groups_of(attributes[axis.name]), set(axis.values))


def _in_use(groups: dict[str, list[str]], values: set[str]) -> dict[str, list[str]]:
    """Without members that no item can have; a group whose name is a value too holds that value."""

    def is_used(name: str) -> bool:
        return name in values or any(map(is_used, groups.get(name, ())))

    said = {name: f"{name} (all)" if name in values else name for name in groups}
    return {
        said[group]: [said.get(member, member) for member in members if is_used(member)]
        + ([group] if group in values else [])
        for group, members in groups.items()
        if is_used(group)
    }


def _ranges(
    cube: Cube, attributes: dict[str, Attribute], asked: Any, groups: dict[str, Groups]
) -> Iterator[tuple[str, RangeName | None]]:
    """Ordered attributes whose ranges are looked for: those named, or all under ``true``."""
    if not asked:
        return
    for axis in cube.attributes:
        attribute = attributes.get(axis.name)
        if attribute is None or axis.name in groups or attribute.kind == Attribute.Kind.CATEGORICAL:
            continue
        if asked is True or axis.name in asked:
            is_banded = attribute.kind == Attribute.Kind.NUMERIC
            yield axis.name, _joined_bands if is_banded else None


def _joined_bands(low: str, high: str) -> str:
    """The band from the beginning of one band to the end of another."""
    start = parse_bands([low]).edges[0]
    end = parse_bands([high]).edges[1]
    if np.isinf(end):
        return f"{start:g}+"
    last = high.replace("–", "-").split("-")[-1].split("to")[-1].strip()
    return f"<{end:g}" if np.isinf(start) else f"{start:g}-{last}"


def ordered(attribute: Attribute, values: Iterable[str]) -> list[str]:
    """Values in the order in which ranges of them make sense: bands by their edges."""
    names = list(values)
    if attribute.kind != Attribute.Kind.NUMERIC or not names:
        return names
    try:
        return list(parse_bands(names).names)
    except ValueError:
        return names  # Bands of an earlier definition may still be met beside the new ones.


def ordered_domains(attributes: dict[str, Attribute], domains: Values) -> Values:
    """Each attribute's values, bands in the order of their numbers."""
    return {
        name: ordered(attributes[name], values) if name in attributes else values
        for name, values in domains.items()
    }
