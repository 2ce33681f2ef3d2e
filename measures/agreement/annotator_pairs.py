"""Do annotators of a group agree as any annotators would? Dealing whole annotators anew, quickly.

What two annotators differ by on the items that both labelled is one number a pair of annotators.
Agreement within a group and between two groups are sums of such numbers, so a permutation of the
annotators is a product of matrices of annotators, whatever the number of labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from measures.agreement.coincidences import scale_distance
from measures.agreement.patterns import checked_labels, dense_ids
from measures.agreement.scales import Domain, FloatArray, IntArray
from measures.agreement.subgroups import Labels
from measures.estimates import Estimate, Reason, undefined

# Beyond so many pairs of labels a random part of the items must do.
_MAX_PAIRS = 40_000_000
_MAX_CHUNK = 2_000_000
# Matrices of more annotators are kept sparse.
_MAX_DENSE = 2048
_MAX_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatorPairs:
    """How far each two annotators are apart on the items that both labelled.

    Parameters
    ----------
    apart : array or sparse array, shape (A, A)
        Summed distance of the labels of two annotators, symmetric; 0 on the diagonal.
    met : array or sparse array, shape (A, A)
        Number of pairs of labels behind it.
    totals : array of float, shape (A, K)
        Labels of each annotator by value, in items that somebody else labelled too.
    distance : array of float, shape (K, K)
    n_items : int
        Items labelled by two annotators or more that were used.
    """

    apart: FloatArray | sparse.csr_array
    met: FloatArray | sparse.csr_array
    totals: FloatArray
    distance: FloatArray
    n_items: int


@dataclass(frozen=True, slots=True)
class GroupTests:
    """Groups of annotators against groups of the same sizes put together at random.

    Parameters
    ----------
    within : dict of int to Estimate
        Agreement within the group minus the mean of random groups, with two-sided p-value.
    association : dict of (int, int) to Estimate
        Agreement within the first group minus that between the two, less what random groups show,
        with two-sided p-value.
    n_permutations : int
    n_strata : int
        Sets of annotators that share items directly or through others; groups are dealt anew
        within them.
    """

    within: Mapping[int, Estimate]
    association: Mapping[tuple[int, int], Estimate]
    n_permutations: int
    n_strata: int


def annotator_pairs(
    labels: Labels, domain: Domain, *, rng: np.random.Generator, max_pairs: int = _MAX_PAIRS
) -> AnnotatorPairs:
    """Count, for each two annotators, how often they met and how far their labels were apart.

    Parameters
    ----------
    labels : Labels
    domain : Domain
        On the ordinal scale the ranks come from all labels of items with two labels.
    rng : numpy Generator
        Draws the items that are used where there are too many pairs of labels.
    max_pairs : int

    Returns
    -------
    AnnotatorPairs

    Raises
    ------
    ValueError
        When the columns differ in length or a code is out of range.
    """
    items, annotators, codes = checked_labels(
        labels.item, labels.annotator, labels.code, n_values=domain.size
    )
    n_annotators = int(annotators.max(initial=-1)) + 1
    dense, n_items = dense_ids(items)
    size = np.bincount(dense, minlength=n_items)
    paired = np.bincount(codes[size[dense] >= 2], minlength=domain.size).astype(np.float64)
    distance = scale_distance(domain, paired)
    used = _affordable(size, rng, max_pairs)
    rows = np.flatnonzero(used[dense])
    rows = rows[np.argsort(dense[rows], kind="stable")]
    sums = _PairSums(n_annotators)
    for block in _equal_items(rows, size[dense[rows]]):
        sums.add(annotators[block], codes[block], distance)
    cells = annotators[rows] * domain.size + codes[rows]
    totals = np.bincount(cells, minlength=n_annotators * domain.size).astype(np.float64)
    apart, met = sums.matrices()
    return AnnotatorPairs(
        apart, met, totals.reshape(n_annotators, domain.size), distance, int(used.sum())
    )


def annotator_group_tests(
    pairs: AnnotatorPairs,
    group_of_annotator: ArrayLike,
    *,
    n_groups: int,
    rng: np.random.Generator,
    n_permutations: int = 999,
) -> GroupTests:
    """Whether annotators of a group agree more, or less, than random groups of annotators would.

    Agreement is 1 minus observed over expected distance where each *pair* of labels counts once;
    alpha weighs each label once, which is the same where items have equally many labels.

    Parameters
    ----------
    pairs : AnnotatorPairs
    group_of_annotator : array of int, shape (A,)
        Group 0..n_groups-1; negative where not known, which leaves the annotator out.
    n_groups : int
    rng : numpy Generator
    n_permutations : int
        Whole annotators are dealt, never single labels, among those who share items directly or
        through others.

    Returns
    -------
    GroupTests
        ``n`` is the number of annotators of the group (for the association of both groups).

    Raises
    ------
    ValueError
        When the groups do not fit the annotators or there is no permutation.

    References
    ----------
    Prabhakaran et al. (2023), GRASP, section 4; Wong, Paritosh & Aroyo (2021);
    Phipson & Smyth (2010): p = (1 + b) / (1 + m).
    """
    groups = np.asarray(group_of_annotator, dtype=np.int64)
    if groups.shape != (len(pairs.totals),):
        raise ValueError(
            f"group_of_annotator must have one group for each of {len(pairs.totals)} annotators; "
            f"got shape {groups.shape}."
        )
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1; got {n_permutations}.")
    n_strata, stratum = connected_components(sparse.csr_array(pairs.met), directed=False)
    strata: IntArray = stratum.astype(np.int64)
    blocks = _blocks(pairs, strata)
    observed = _coefficients(pairs, blocks, groups[None, :], n_groups)
    step = max(1, _MAX_CELLS // max(1, len(groups) * n_groups))
    sizes = [min(step, n_permutations - start) for start in range(0, n_permutations, step)]
    dealt = np.concatenate(
        [_coefficients(pairs, blocks, _dealt(groups, strata, n, rng), n_groups) for n in sizes]
    )
    members = np.bincount(groups[groups >= 0], minlength=n_groups)
    within, association = {}, {}
    for one in range(n_groups):
        within[one] = _tested(observed[0, one, one], dealt[:, one, one], int(members[one]))
        for other in range(n_groups):
            if other != one:
                association[one, other] = _tested(
                    observed[0, one, one] - observed[0, one, other],
                    dealt[:, one, one] - dealt[:, one, other],
                    int(members[one] + members[other]),
                )
    return GroupTests(within, association, n_permutations, int(n_strata))


def _affordable(
    size: IntArray, rng: np.random.Generator, max_pairs: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Items with two labels or more, or as many of them by chance as can be paid for."""
    used = size >= 2
    total = float((size[used] * (size[used] - 1.0) / 2.0).sum())
    if total > max_pairs:
        used = used & (rng.random(size.size) < max_pairs / total)
    return used


def _equal_items(rows: IntArray, size: IntArray) -> list[IntArray]:
    """Rows of items with equally many labels as tables of shape (items, labels), in chunks."""
    tables = []
    for labels in np.unique(size).tolist():
        table = rows[size == labels].reshape(-1, labels)
        step = max(1, _MAX_CHUNK // (labels * (labels - 1) // 2))
        tables += [table[start : start + step] for start in range(0, len(table), step)]
    return tables


class _PairSums:
    """Sums by two annotators, gathered from chunks of items."""

    def __init__(self, n_annotators: int) -> None:
        self.n = n_annotators
        self.dense = n_annotators <= _MAX_DENSE
        self.apart: FloatArray | sparse.csr_array
        self.met: FloatArray | sparse.csr_array
        if self.dense:
            self.apart = np.zeros((self.n, self.n))
            self.met = np.zeros((self.n, self.n))
        else:
            self.apart = sparse.csr_array((self.n, self.n), dtype=np.float64)
            self.met = sparse.csr_array((self.n, self.n), dtype=np.float64)

    def add(self, annotators: IntArray, codes: IntArray, distance: FloatArray) -> None:
        one, other = np.triu_indices(annotators.shape[1], 1)
        left, right = annotators[:, one].ravel(), annotators[:, other].ravel()
        # An annotator who labelled the item twice (rounds) is not two annotators.
        differ = left != right
        apart = distance[codes[:, one].ravel(), codes[:, other].ravel()][differ]
        left, right = left[differ], right[differ]
        if self.dense:
            cell = left * self.n + right
            shape = (self.n, self.n)
            cells = self.n * self.n
            self.apart += np.bincount(cell, weights=apart, minlength=cells).reshape(shape)
            self.met += np.bincount(cell, minlength=cells).reshape(shape)
            return
        place = (left, right)
        self.apart = self.apart + sparse.csr_array((apart, place), shape=(self.n, self.n))
        self.met = self.met + sparse.csr_array((np.ones(left.size), place), shape=(self.n, self.n))

    def matrices(self) -> tuple[Any, Any]:
        """Both sums with either annotator first."""
        return self.apart + self.apart.T, self.met + self.met.T


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The annotators of one stratum and their part of both matrices."""

    who: IntArray
    apart: Any
    met: Any


def _blocks(pairs: AnnotatorPairs, strata: IntArray) -> list[_Block]:
    """Strata have nothing in common, so that each is multiplied by itself.

    Whole numbers below 2**24 are exact in single precision, and nominal distances are such.
    """
    order = np.argsort(strata, kind="stable")
    edges = np.flatnonzero(np.diff(strata[order])) + 1
    matrices: tuple[Any, Any] = (pairs.apart, pairs.met)
    found = []
    for who in np.split(order, edges):
        if who.size > 1:
            apart, met = (matrix[np.ix_(who, who)] for matrix in matrices)
            exact = np.float32 if met.sum() < 2**24 else np.float64
            found.append(_Block(who, apart.astype(exact), met.astype(exact)))
    return found


def _dealt(groups: IntArray, strata: IntArray, n: int, rng: np.random.Generator) -> IntArray:
    """Groups shuffled among the annotators of each stratum, n times; unknown ones stay put."""
    known = np.flatnonzero(groups >= 0)
    before = known[np.argsort(strata[known], kind="stable")]
    # Strata as whole numbers plus a fraction: one sort shuffles each of them apart.
    _, rank = np.unique(strata[before], return_inverse=True)
    order = np.argsort(rank[None, :] + rng.random((n, before.size)), axis=1)
    dealt = np.tile(groups, (n, 1))
    dealt[:, before] = groups[before][order]
    return dealt


def _coefficients(
    pairs: AnnotatorPairs, blocks: list[_Block], groups: IntArray, n_groups: int
) -> FloatArray:
    """Agreement within (diagonal) and between groups, shape (R, G, G); NaN where there is none."""
    n = len(groups)
    apart, met = np.zeros((2, n, n_groups, n_groups))
    totals = np.zeros((n, n_groups, pairs.totals.shape[1]))
    for group in range(n_groups):
        totals[:, group] = (groups == group).astype(np.float64) @ pairs.totals
    for block in blocks:
        members = [
            (groups[:, block.who] == group).astype(block.met.dtype) for group in range(n_groups)
        ]
        for one, own in enumerate(members):
            own_apart, own_met = (block.apart @ own.T).T, (block.met @ own.T).T
            for other in range(one, n_groups):
                apart[:, one, other] += np.einsum("ra,ra->r", own_apart, members[other])
                met[:, one, other] += np.einsum("ra,ra->r", own_met, members[other])
    counts = totals.sum(axis=2)
    found = np.full((n, n_groups, n_groups), np.nan)
    for one in range(n_groups):
        for other in range(one, n_groups):
            differing = (totals[:, one] @ pairs.distance * totals[:, other]).sum(axis=1)
            same = counts[:, one] if one == other else 0.0
            chances = counts[:, one] * counts[:, other] - same
            summed = apart[:, one, other], met[:, one, other]
            found[:, one, other] = _corrected(summed, differing, chances)
            found[:, other, one] = found[:, one, other]
    return found


def _corrected(
    summed: tuple[FloatArray, FloatArray], differing: FloatArray, chances: FloatArray
) -> FloatArray:
    apart, met = summed
    defined = (met > 0) & (differing > 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        value: FloatArray = 1.0 - (apart / met) / (differing / chances)
    return np.where(defined, value, np.nan)


def _tested(value: float, dealt: FloatArray, n: int) -> Estimate:
    defined = dealt[np.isfinite(dealt)]
    if not np.isfinite(value) or defined.size < 0.8 * dealt.size:
        return undefined(Reason.TOO_FEW_ANNOTATORS if n < 2 else Reason.NO_OVERLAP, n)
    centre = float(defined.mean())
    # Equal values must count as equal whatever the rounding, single precision included.
    further = np.abs(defined - centre) >= abs(value - centre) - 1e-6
    p_value = (1.0 + float(further.sum())) / (1.0 + defined.size)
    return Estimate(float(value) - centre, n, p_value=p_value)
