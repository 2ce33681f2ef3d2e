"""Agreement between two groups of annotators, and how closely each group holds together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from measures.agreement.coincidences import (
    alpha_of_coincidences,
    coincidence_matrix,
    scale_distance,
)
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
    association_index : tuple of float or None
        Alpha within each group over the agreement between them; above 1 the group agrees better
        with itself than with the other. None where either is missing or the latter is not above 0.
    """

    groups: tuple[int, int]
    xrr_kappa: Estimate
    cohesion: tuple[GroupCohesion, GroupCohesion]
    association_index: tuple[float | None, float | None]


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
        Bootstrap replicates over the items that both groups labelled (over their clusters, where
        the labels have them).
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
    clustered = labels.cluster is not None
    xrr = _xrr(one, other, cluster, distance, (clustered, n_replicates, ci_level, rng))
    cohesion = (
        _cohesion(groups[0], one.astype(np.float64), domain),
        _cohesion(groups[1], other.astype(np.float64), domain),
    )
    return CrossGroupAgreement(
        groups=groups,
        xrr_kappa=xrr,
        cohesion=cohesion,
        association_index=(
            _association(cohesion[0].alpha, xrr),
            _association(cohesion[1].alpha, xrr),
        ),
    )


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


def _xrr(
    one: IntArray,
    other: IntArray,
    cluster: IntArray,
    distance: FloatArray,
    options: tuple[bool, int, float, np.random.Generator],
) -> Estimate:
    clustered, n_replicates, ci_level, rng = options
    both = (one.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
    n = int(both.sum())
    if n < 2:
        return undefined(Reason.TOO_FEW_ITEMS if n else Reason.NO_OVERLAP, n)
    stacked = np.concatenate([one[both], other[both]], axis=1)
    rows, lead, times = distinct_rows(stacked, cluster[both], None)
    table = _xrr_moments(rows.astype(np.float64), distance)
    value = float(_xrr_kappa(times[None, :] @ table, distance)[0])
    if not np.isfinite(value):
        return undefined(Reason.NO_VARIATION, n)
    drawn = [
        _xrr_kappa(weights @ table, distance)
        for weights in bootstrap_weights(
            lead, times, clustered=clustered, n_replicates=n_replicates, rng=rng
        )
    ]
    low, high, _ = percentile_interval(
        np.concatenate(drawn) if drawn else np.zeros(0), level=ci_level
    )
    if low is None:
        return Estimate(value, n)
    method = f"bootstrap_{'groups' if clustered else 'items'}_percentile"
    return Estimate(value, n, None, low, high, ci_level, method)


def _xrr_moments(rows: FloatArray, distance: FloatArray) -> FloatArray:
    size = len(distance)
    one, other = rows[:, :size], rows[:, size:]
    n_one, n_other = one.sum(axis=1), other.sum(axis=1)
    apart = ((one @ distance) * other).sum(axis=1) * (n_one + n_other) / (n_one * n_other)
    return np.concatenate([rows, apart[:, None]], axis=1)


def _xrr_kappa(totals: FloatArray, distance: FloatArray) -> FloatArray:
    size = len(distance)
    one, other, apart = totals[:, :size], totals[:, size : 2 * size], totals[:, -1]
    n_one, n_other = one.sum(axis=1), other.sum(axis=1)
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


def _association(alpha: Estimate, xrr: Estimate) -> float | None:
    if alpha.value is None or xrr.value is None or xrr.value <= 0:
        return None
    return alpha.value / xrr.value
