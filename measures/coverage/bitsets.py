"""Level-wise search for uncovered patterns where the whole lattice would not fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measures.coverage.cube import MISSING, Cube
from measures.coverage.lattice import Axis

Bits = NDArray[np.uint64]
Ints = NDArray[np.int64]

_NOBODY = -2
"""A code that no value has, nor a missing one."""


@dataclass(frozen=True, slots=True, eq=False)
class Literals:
    """Every node of every attribute, with the distinct profiles that match it as a bit set.

    Parameters
    ----------
    attribute, node : ndarray of int, shape (n_literals,)
    parents : ndarray of int, shape (n_literals, 2)
        Literals of the groups or ranges around the node, or -1 where that is "any".
    bits : ndarray of uint64, shape (n_literals, n_words)
        A profile has one bit for each binary digit that is 1 in its number of items, the bits of
        each digit side by side: most profiles are rare, so that few are repeated.
    parts : tuple of (power, words)
        Which words belong to which digit: a bit in them counts two to that power items.
    """

    attribute: Ints
    node: Ints
    parents: Ints
    bits: Bits
    parts: tuple[tuple[int, slice], ...]

    def count(self, which: slice, profiles: Bits) -> Ints:
        """Items with one of the profiles that match each of some literals."""
        counts = np.zeros(len(self.bits[which]), np.int64)
        set_bits = np.bitwise_count(self.bits[which] & profiles)
        for power, words in self.parts:
            counts += set_bits[:, words].sum(axis=1, dtype=np.int64) << power
        return counts

    def only(self, which: NDArray[np.bool_]) -> Literals:
        """Some of the literals, for counting: without the groups around them."""
        parents = np.full((int(which.sum()), 2), -1)
        return Literals(
            self.attribute[which], self.node[which], parents, self.bits[which], self.parts
        )


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Patterns with the same number of fixed attributes: sorted literals, and their counts."""

    literals: Ints
    n: Ints


def literals_of(cube: Cube, axes: Sequence[Axis], *, missing_matches: bool) -> Literals:
    """Bit sets of all nodes of all attributes.

    Parameters
    ----------
    cube : Cube
    axes : sequence of Axis
        In the order of the cube's attributes.
    missing_matches : bool
        Whether a profile with a missing value matches every value.

    Returns
    -------
    Literals
    """
    attribute: list[int] = []
    node: list[int] = []
    parents: list[list[int]] = []
    rows: list[Bits] = []
    profiles, parts = _bit_profiles(cube.n)
    is_padding = profiles < 0
    for j, axis in enumerate(axes):
        first = len(attribute)
        codes = cube.codes[:, j][profiles]
        unknown = (codes == MISSING) & missing_matches
        codes[is_padding], unknown[is_padding] = _NOBODY, False
        for i, leaves in enumerate(axis.leaves):
            attribute.append(j)
            node.append(i)
            parents.append([-1 if up == axis.any else first + up for up in axis.parents[i]])
            known = codes == leaves[0] if len(leaves) == 1 else np.isin(codes, leaves)
            rows.append(np.packbits(known | unknown).view(np.uint64))
    return Literals(
        np.array(attribute), np.array(node), np.array(parents), np.array(rows), tuple(parts)
    )


def search(literals: Literals, threshold: int, max_level: int) -> list[Level]:
    """Maximal uncovered patterns of each level from 1 on; the root is known to be covered.

    Parameters
    ----------
    literals : Literals
    threshold : int
        A pattern is uncovered with fewer items than this.
    max_level : int

    Returns
    -------
    list of Level
        One per level up to ``max_level``.

    Raises
    ------
    ValueError
        When so many literals and levels are asked for that patterns cannot be numbered.

    References
    ----------
    Asudeh, Jin and Jagadish (2019), with the level-wise candidates of Agrawal and Srikant (1994).
    """
    base = len(literals.attribute)
    if base**max_level >= 1 << 62:
        raise ValueError(f"{base} values and {max_level} levels are too many; lower max_level.")
    covered = np.zeros((1, 0), np.int64)
    found = []
    for _ in range(max_level):
        patterns, n = extended(literals, covered)
        is_covered = n >= threshold
        above, covered = covered, patterns[is_covered]
        candidates = patterns[~is_covered]
        best = _has_covered_parents(literals, candidates, above, covered)
        found.append(Level(candidates[best], n[~is_covered][best]))
    return found


def _bit_profiles(n: Ints) -> tuple[Ints, list[tuple[int, slice]]]:
    """Which profile each bit stands for, -1 where words are filled up; and the words by digit."""
    blocks, parts, n_words = [np.zeros(0, np.int64)], [], 0
    for power in range(int(n.max(initial=0)).bit_length()):
        profiles = np.flatnonzero((n >> power) & 1)
        padding = -profiles.size % 64
        blocks.append(np.pad(profiles, (0, padding), constant_values=-1))
        words = slice(n_words, n_words + blocks[-1].size // 64)
        if profiles.size:
            parts.append((power, words))
        n_words = words.stop
    return np.concatenate(blocks), parts


def extended(literals: Literals, covered: Ints) -> tuple[Ints, Ints]:
    """Every covered pattern with one more literal, of an attribute after its last.

    Parameters
    ----------
    literals : Literals
    covered : ndarray of int, shape (n_patterns, level)
        Sorted literals of each pattern; the patterns in order.

    Returns
    -------
    patterns : ndarray of int, shape (_, level + 1)
        In order.
    n : ndarray of int
        Items in each.
    """
    level = covered.shape[1]
    patterns, counts = [np.zeros((0, level + 1), np.int64)], [np.zeros(0, np.int64)]
    stack: list[tuple[int, Bits]] = []
    everything = np.full(literals.bits.shape[1], ~np.uint64(0))
    for pattern in covered.tolist():
        profiles = _profiles(literals, pattern, stack, everything)
        last = literals.attribute[pattern[-1]] if pattern else -1
        first = int(np.searchsorted(literals.attribute, last, side="right"))
        if first == len(literals.attribute):
            continue
        added = np.arange(first, len(literals.attribute))
        prefix = np.tile(np.array(pattern, np.int64), (added.size, 1))
        patterns.append(np.column_stack([prefix, added]))
        counts.append(literals.count(slice(first, None), profiles))
    return np.concatenate(patterns), np.concatenate(counts)


def _profiles(
    literals: Literals, pattern: list[int], stack: list[tuple[int, Bits]], everything: Bits
) -> Bits:
    """Profiles matching a pattern; the stack keeps what it shares with the one before."""
    shared = 0
    while shared < min(len(stack), len(pattern)) and stack[shared][0] == pattern[shared]:
        shared += 1
    del stack[shared:]
    for literal in pattern[shared:]:
        before = stack[-1][1] if stack else everything
        stack.append((literal, before & literals.bits[literal]))
    return stack[-1][1] if stack else everything


def _has_covered_parents(
    literals: Literals, candidates: Ints, above: Ints, beside: Ints
) -> NDArray[np.bool_]:
    """Whether all patterns one step more general are covered.

    Parameters
    ----------
    candidates : ndarray of int, shape (m, level)
    above : ndarray of int, shape (_, level - 1)
        Covered patterns with one attribute fewer: parents by dropping a literal.
    beside : ndarray of int, shape (_, level)
        Covered patterns of the same level: parents by putting a group in place of a member.
    """
    base = len(literals.attribute)
    known_above, known_beside = _keys(above, base), _keys(beside, base)
    good = np.ones(len(candidates), bool)
    for j in range(candidates.shape[1]):
        dropped = np.delete(candidates, j, axis=1)
        above_covered = np.isin(_keys(dropped, base), known_above)
        for parent in literals.parents[candidates[:, j]].T:
            replaced = candidates.copy()
            replaced[:, j] = parent
            beside_covered = np.isin(_keys(replaced, base), known_beside)
            good &= np.where(parent < 0, above_covered, beside_covered)
    return good


def _keys(patterns: Ints, base: int) -> Ints:
    """One number per pattern."""
    keys = np.zeros(len(patterns), np.int64)
    for column in patterns.T:
        keys = keys * base + column
    return keys
