"""Does one group agree more among itself than any group of its size would? A permutation test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from measures.agreement.coincidences import scale_distance
from measures.agreement.patterns import checked_labels, dense_ids
from measures.agreement.scales import Domain, FloatArray, IntArray
from measures.agreement.subgroups import Labels
from measures.estimates import Estimate, Reason, undefined
from measures.multiplicity import benjamini_hochberg


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """One group against groups put together at random.

    Parameters
    ----------
    group : int
    alpha : float or None
        Alpha within the group.
    alpha_by_chance : float or None
        Mean alpha within groups of the same number of members put together at random.
    difference : Estimate
        The former minus the latter, with two-sided permutation p-value, alone and adjusted over the
        groups (Benjamini-Hochberg); ``n`` is the number of the group's items with two labels.
    """

    group: int
    alpha: float | None
    alpha_by_chance: float | None
    difference: Estimate


def group_difference_tests(
    labels: Labels,
    member: ArrayLike,
    group_of_member: ArrayLike,
    domain: Domain,
    *,
    rng: np.random.Generator,
    stratum_of_member: ArrayLike | None = None,
    n_permutations: int = 999,
) -> list[GroupDifference]:
    """Whether agreement within each group differs from that within random groups of its size.

    Parameters
    ----------
    labels : Labels
    member : array of int, shape (n,)
        Who or what is grouped: the annotator of each label, or its item.
    group_of_member : array of int, shape (M,)
        Group of each annotator (or item) 0..M-1; negative where not known, which leaves it out.
    domain : Domain
        On the ordinal scale the ranks come from all labels and stay the same.
    rng : numpy Generator
    stratum_of_member : array of int, shape (M,), optional
        Groups are dealt anew only within strata: where annotators of different languages share no
        items, give the language.
    n_permutations : int
        Whole members are dealt, never single labels.

    Returns
    -------
    list of GroupDifference
        One for each group number; ``no_overlap`` or ``no_variation`` where it has no alpha.

    Raises
    ------
    ValueError
        When the columns differ in length or there is no permutation.

    References
    ----------
    Prabhakaran et al. (2023), GRASP, section 4 (null by shuffling annotators);
    Phipson & Smyth (2010): p = (1 + b) / (1 + m). Benjamini & Hochberg (1995).
    """
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1; got {n_permutations}.")
    groups = np.asarray(group_of_member, dtype=np.int64)
    strata = np.zeros_like(groups)
    if stratum_of_member is not None:
        strata = np.asarray(stratum_of_member, dtype=np.int64)
    if strata.shape != groups.shape:
        raise ValueError(f"stratum_of_member must have shape {groups.shape}; got {strata.shape}.")
    crowd = _Crowd(labels, np.asarray(member, dtype=np.int64), groups, domain)
    observed, n_items = crowd.alphas(groups)
    dealt = np.array([crowd.alphas(_dealt(groups, strata, rng))[0] for _ in range(n_permutations)])
    found = [
        _difference(group, float(observed[group]), dealt[:, group], int(n_items[group]))
        for group in range(crowd.n_groups)
    ]
    tested = [place for place, one in enumerate(found) if one.difference.p_value is not None]
    adjusted = benjamini_hochberg([found[place].difference.p_value or 0.0 for place in tested])
    for place, p_adjusted in zip(tested, adjusted, strict=True):
        found[place] = _adjusted(found[place], p_adjusted)
    return found


class _Crowd:
    """Labels ready to be counted by group again and again."""

    def __init__(self, labels: Labels, member: IntArray, groups: IntArray, domain: Domain) -> None:
        items, _, codes = checked_labels(
            labels.item, labels.annotator, labels.code, n_values=domain.size
        )
        if member.shape != items.shape:
            raise ValueError(
                f"member must be as long as item ({items.size}); got shape {member.shape}."
            )
        dense, self.n_items = dense_ids(items)
        self.n_groups = int(groups.max(initial=-1)) + 1
        self.size = domain.size
        self.member = member
        self.cell = dense * domain.size + codes
        labels_of_item = np.bincount(dense, minlength=self.n_items)
        paired = np.bincount(codes[labels_of_item[dense] >= 2], minlength=domain.size)
        self.distance = scale_distance(domain, paired.astype(np.float64))

    def alphas(self, groups: IntArray) -> tuple[FloatArray, IntArray]:
        """Alpha within each group (NaN where there is none), and its items with two labels."""
        group = groups[self.member]
        known = group >= 0
        width = self.n_items * self.size
        counts = np.bincount(
            group[known] * width + self.cell[known], minlength=self.n_groups * width
        ).reshape(self.n_groups, self.n_items, self.size)
        labels = counts.sum(axis=2)
        pairable = labels >= 2
        paired = (counts * pairable[:, :, None]).sum(axis=1).astype(np.float64)
        apart = ((counts @ self.distance) * counts).sum(axis=2)
        observed = (apart * pairable / np.maximum(labels - 1, 1)).sum(axis=1)
        total = paired.sum(axis=1)
        expected = (paired @ self.distance * paired).sum(axis=1) / np.maximum(total - 1.0, 1.0)
        varied = expected > 1e-12 * max(float(self.distance.max()), 1e-300)
        alpha = np.where(varied, 1.0 - observed / np.where(varied, expected, 1.0), np.nan)
        return alpha, pairable.sum(axis=1)


def _dealt(groups: IntArray, strata: IntArray, rng: np.random.Generator) -> IntArray:
    """Groups shuffled among the members of each stratum; unknown groups stay where they are."""
    known = np.flatnonzero(groups >= 0)
    before = known[np.argsort(strata[known], kind="stable")]
    after = known[np.lexsort((rng.random(known.size), strata[known]))]
    dealt = groups.copy()
    dealt[before] = groups[after]
    return dealt


def _difference(group: int, alpha: float, dealt: FloatArray, n: int) -> GroupDifference:
    defined = dealt[np.isfinite(dealt)]
    if not np.isfinite(alpha) or not defined.size:
        reason = Reason.NO_VARIATION if n else Reason.NO_OVERLAP
        return GroupDifference(group, None, None, undefined(reason, n))
    centre = float(defined.mean())
    # Equal alphas must count as equal whatever the rounding.
    further = np.abs(defined - centre) >= abs(alpha - centre) - 1e-12
    p_value = (1.0 + float(further.sum())) / (1.0 + defined.size)
    return GroupDifference(group, alpha, centre, Estimate(alpha - centre, n, p_value=p_value))


def _adjusted(one: GroupDifference, p_adjusted: float | None) -> GroupDifference:
    old = one.difference
    return GroupDifference(
        one.group,
        one.alpha,
        one.alpha_by_chance,
        Estimate(old.value, old.n, p_value=old.p_value, p_adjusted=p_adjusted),
    )
