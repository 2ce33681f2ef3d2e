"""Agreement between two groups of annotators, and how closely each group holds together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from measures.agreement.coincidences import (
    alpha_of_coincidences,
    coincidence_matrix,
    scale_distance,
)
from measures.agreement.formulas import alpha_of_sums
from measures.agreement.patterns import checked_labels, dense_ids
from measures.agreement.resampling import bootstrap_weights, percentile_interval
from measures.agreement.rows import distinct_rows
from measures.agreement.scales import Domain, FloatArray, IntArray
from measures.agreement.subgroups import Labels
from measures.estimates import Estimate, Reason, undefined


@dataclass(frozen=True, slots=True)
class GroupCohesion:
    """How closely the annotators of one group hold together.

    Parameters
    ----------
    group : int
    alpha : Estimate
        Alpha on the question's scale within the group; ``n`` items with two of its labels.
    plurality_size : Estimate
        Mean share of an item's most frequent value, in (0, 1].
    negentropy : Estimate
        Mean of ln q minus the entropy of an item's labels, in [0, ln q] nats; 0 is uniform.
    """

    group: int
    alpha: Estimate
    plurality_size: Estimate
    negentropy: Estimate


@dataclass(frozen=True, slots=True)
class CrossGroupAgreement:
    """Two groups of annotators on the items that both labelled.

    Parameters
    ----------
    groups : tuple of int
    xrr_kappa : Estimate
        Cross-replication reliability: 1 is perfect agreement between the groups, 0 chance; ``n`` is
        the number of items that both labelled.
    cohesion : tuple of GroupCohesion
        Each group on its own items.
    association_index : tuple of Estimate
        Alpha within each group over the agreement between them; above 1 the group agrees better
        with itself than with the other. Undefined where either is, or the latter is not above 0.
    """

    groups: tuple[int, int]
    xrr_kappa: Estimate
    cohesion: tuple[GroupCohesion, GroupCohesion]
    association_index: tuple[Estimate, Estimate]


def cross_group_agreement(
    labels: Labels,
    group: ArrayLike,
    domain: Domain,
    *,
    groups: tuple[int, int],
    rng: np.random.Generator,
    n_replicates: int = 1000,
    ci_level: float = 0.95,
) -> CrossGroupAgreement:
    """How far two groups of annotators agree with each other, beside how far each does with itself.

    Parameters
    ----------
    labels : Labels
    group : array of int, shape (n,)
        Group of each label's annotator; negative where not known.
    domain : Domain
        On the ordinal scale the ranks come from the labels of both groups.
    groups : tuple of int
        The two groups.
    rng : numpy Generator
    n_replicates : int
        Bootstrap replicates over the items that either group labelled (over their clusters, where
        the labels have them), the same for all numbers; ordinal ranks stay as observed.
    ci_level : float
        Level of the interval, in (0, 1).

    Returns
    -------
    CrossGroupAgreement

    Raises
    ------
    ValueError
        When the columns differ in length or the groups are the same.

    References
    ----------
    Wong, Paritosh & Aroyo (2021), Cross-replication reliability, eq. 3 to 6.
    Prabhakaran et al. (2023), GRASP: in-group and cross-group cohesion.
    """
    if groups[0] == groups[1]:
        raise ValueError(f"groups must be two different groups; got {groups[0]} twice.")
    one, other, cluster = _group_counts(labels, np.asarray(group), domain.size, groups)
    distance = scale_distance(domain, (one + other).sum(axis=0).astype(np.float64))
    cohesion = [
        _cohesion(number, counts.astype(np.float64), domain)
        for number, counts in zip(groups, (one, other), strict=True)
    ]
    n_both = int(((one.sum(axis=1) > 0) & (other.sum(axis=1) > 0)).sum())
    drawn = _drawn(
        (one, other, cluster),
        (distance, _own_distance(one, domain), _own_distance(other, domain)),
        clustered=labels.cluster is not None,
        n_replicates=n_replicates,
        rng=rng,
    )
    method = f"bootstrap_{'groups' if labels.cluster is not None else 'items'}_percentile"
    how = (ci_level, method)
    xrr = _within(_xrr(one, other, distance, n_both), drawn[0], how)
    within = [
        _within(group.alpha, own, how) for group, own in zip(cohesion, drawn[1:], strict=True)
    ]
    index = [_association(alpha, xrr) for alpha in within]
    above = np.where(drawn[0] > 0, drawn[0], np.nan)
    return CrossGroupAgreement(
        groups=groups,
        xrr_kappa=xrr,
        cohesion=(
            replace(cohesion[0], alpha=within[0]),
            replace(cohesion[1], alpha=within[1]),
        ),
        association_index=(
            _within(index[0], drawn[1] / above, how),
            _within(index[1], drawn[2] / above, how),
        ),
    )


def _within(one: Estimate, drawn: FloatArray, how: tuple[float, str]) -> Estimate:
    """The estimate with the percentile interval of its replicates."""
    low, high, _ = percentile_interval(drawn, level=how[0])
    if one.value is None or low is None:
        return one
    return replace(one, ci_low=low, ci_high=high, ci_level=how[0], ci_method=how[1])


def _own_distance(counts: IntArray, domain: Domain) -> FloatArray:
    """Distances between values by the ranks of a group's own pairable labels."""
    paired = counts[counts.sum(axis=1) >= 2].sum(axis=0)
    return scale_distance(domain, paired.astype(np.float64))


def _group_counts(
    labels: Labels, group: IntArray, size: int, groups: tuple[int, int]
) -> tuple[IntArray, IntArray, IntArray]:
    """Label counts of the items by value for each of the two groups, and the items' clusters."""
    items, _, codes = checked_labels(labels.item, labels.annotator, labels.code, n_values=size)
    if group.shape != items.shape:
        raise ValueError(f"group must be as long as item ({items.size}); got shape {group.shape}.")
    dense, n_items = dense_ids(items)
    counts = [
        np.bincount(
            dense[group == one] * size + codes[group == one], minlength=n_items * size
        ).reshape(n_items, size)
        for one in groups
    ]
    cluster = np.zeros(n_items, dtype=np.int64)
    if labels.cluster is not None:
        cluster[dense] = np.asarray(labels.cluster, dtype=np.int64)
    return counts[0], counts[1], cluster


def _xrr(one: IntArray, other: IntArray, distance: FloatArray, n: int) -> Estimate:
    if n < 2:
        return undefined(Reason.TOO_FEW_ITEMS if n else Reason.NO_OVERLAP, n)
    stacked = np.concatenate([one, other], axis=1).astype(np.float64)
    value = float(_xrr_kappa(_xrr_moments(stacked, distance).sum(axis=0)[None, :], distance)[0])
    return Estimate(value, n) if np.isfinite(value) else undefined(Reason.NO_VARIATION, n)


def _drawn(
    counts: tuple[IntArray, IntArray, IntArray],
    distances: tuple[FloatArray, FloatArray, FloatArray],
    *,
    clustered: bool,
    n_replicates: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Replicates of the agreement between the groups and of alpha within each, item by item."""
    one, other, cluster = counts
    size = one.shape[1]
    some = (one.sum(axis=1) > 0) | (other.sum(axis=1) > 0)
    stacked = np.concatenate([one, other], axis=1)[some]
    whole, lead, times = distinct_rows(stacked, cluster[some], None)
    rows = whole.astype(np.float64)
    tables = (
        _xrr_moments(rows, distances[0]),
        _alpha_moments(rows[:, :size], distances[1]),
        _alpha_moments(rows[:, size:], distances[2]),
    )
    of_totals = (_xrr_kappa, _alpha, _alpha)
    drawn = [
        [
            compute(weights @ table, distance)
            for compute, table, distance in zip(of_totals, tables, distances, strict=True)
        ]
        for weights in bootstrap_weights(
            lead, times, clustered=clustered, n_replicates=n_replicates, rng=rng
        )
    ]
    none = np.zeros(0)
    first, second, third = zip(*drawn, strict=True) if drawn else ([none], [none], [none])
    return np.concatenate(first), np.concatenate(second), np.concatenate(third)


def _alpha_moments(rows: FloatArray, distance: FloatArray) -> FloatArray:
    """Pairable labels of each row by value, and the disagreement among them."""
    labels = rows.sum(axis=1)
    paired = np.where(labels[:, None] >= 2, rows, 0.0)
    apart = (paired @ distance * paired).sum(axis=1) / np.maximum(labels - 1.0, 1.0)
    return np.concatenate([paired, apart[:, None]], axis=1)


def _alpha(totals: FloatArray, distance: FloatArray) -> FloatArray:
    return alpha_of_sums(totals[:, :-1], totals[:, -1], distance).value


def _xrr_moments(rows: FloatArray, distance: FloatArray) -> FloatArray:
    """Labels of each row that both groups labelled by value, and the disagreement across."""
    size = len(distance)
    n_one, n_other = rows[:, :size].sum(axis=1), rows[:, size:].sum(axis=1)
    both = (n_one > 0) & (n_other > 0)
    rows = np.where(both[:, None], rows, 0.0)
    times = np.where(both, (n_one + n_other) / np.maximum(n_one * n_other, 1.0), 0.0)
    apart = (rows[:, :size] @ distance * rows[:, size:]).sum(axis=1) * times
    return np.concatenate([rows, apart[:, None]], axis=1)


def _xrr_kappa(totals: FloatArray, distance: FloatArray) -> FloatArray:
    size = len(distance)
    one, other, apart = totals[:, :size], totals[:, size : 2 * size], totals[:, -1]
    n_one, n_other = np.maximum(one.sum(axis=1), 1.0), np.maximum(other.sum(axis=1), 1.0)
    expected = (one @ distance * other).sum(axis=1) / (n_one * n_other)
    observed = apart / (n_one + n_other)
    varied = expected > 1e-12 * distance.max(initial=1e-300)
    kappa: FloatArray = np.where(varied, 1.0 - observed / np.where(varied, expected, 1.0), np.nan)
    return kappa


def _cohesion(group: int, counts: FloatArray, domain: Domain) -> GroupCohesion:
    pairable = counts[counts.sum(axis=1) >= 2]
    n = len(pairable)
    if n < 2:
        none = undefined(Reason.TOO_FEW_ITEMS if n else Reason.NO_OVERLAP, n)
        return GroupCohesion(group, none, none, none)
    alpha = alpha_of_coincidences(coincidence_matrix(pairable, np.ones(n)), domain)
    shares = pairable / pairable.sum(axis=1, keepdims=True)
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    return GroupCohesion(
        group=group,
        alpha=undefined(Reason.NO_VARIATION, n) if alpha is None else Estimate(alpha, n),
        plurality_size=Estimate(float(shares.max(axis=1).mean()), n),
        negentropy=Estimate(float((np.log(domain.size) - entropy).mean()), n),
    )


def _association(alpha: Estimate, xrr: Estimate) -> Estimate:
    if alpha.value is None or xrr.value is None:
        return undefined(alpha.reason or xrr.reason or Reason.NO_DATA, xrr.n)
    if xrr.value <= 0:
        return undefined(Reason.NOT_APPLICABLE, xrr.n)
    return Estimate(alpha.value / xrr.value, xrr.n)
