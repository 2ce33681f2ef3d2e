"""Agreement within each subgroup: labels by women, items from one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measures.agreement.patterns import AgreementStatistics, agreement_statistics
from measures.agreement.plan import subgroup_plan
from measures.agreement.results import Agreement, planned_agreement
from measures.agreement.scales import Domain
from measures.estimates import Estimate

# Annotators of other subgroups have no label here, and the panel is not asked for.
_NOT_OF_A_SUBGROUP = ("unlabelled_annotators", "large_crowd")


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Columns of labels, one row a label.

    Parameters
    ----------
    item, annotator, code : array of int, shape (n,)
        As in :func:`measures.agreement.patterns.agreement_statistics`.
    cluster : array of int, shape (n,), optional
        Cluster of the label's item.
    """

    item: ArrayLike
    annotator: ArrayLike
    code: ArrayLike
    cluster: ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class SubgroupAgreement:
    """Agreement among the labels of one subgroup."""

    group: int
    coefficients: Mapping[str, Estimate]
    n_labels: int
    n_items: int
    n_items_pairable: int
    n_annotators: int
    warnings: tuple[str, ...]


def subgroup_agreement(
    labels: Labels,
    group: ArrayLike,
    domain: Domain,
    *,
    rng: np.random.Generator,
    n_groups: int | None = None,
    n_replicates: int = 1000,
    ci_level: float = 0.95,
) -> list[SubgroupAgreement]:
    """How far annotators agree within each subgroup of annotators or of items.

    Parameters
    ----------
    labels : Labels
    group : array of int, shape (n,)
        Subgroup of each label: that of its annotator or of its item, 0..n_groups-1; negative where
        it is not known, which leaves the label out.
    domain : Domain
    rng : numpy Generator
    n_groups : int, optional
        Number of subgroups; by default one more than the largest number seen.
    n_replicates : int
        Bootstrap replicates over the items (or clusters) of the subgroup.
    ci_level : float
        Level of the intervals, in (0, 1).

    Returns
    -------
    list of SubgroupAgreement
        One for each subgroup number, also the empty ones (``no_data``). Coefficients:
        ``percent_agreement``, ``fleiss_kappa``, ``gwet_ac1``, ``krippendorff_alpha`` (by the
        question's scale), ``krippendorff_alpha_nominal``. Only pairs of labels within the subgroup
        count; how subgroups agree with each other is :func:`cross_group_agreement`.

    Raises
    ------
    ValueError
        When the columns differ in length or a group is out of range.
    """
    item = np.asarray(labels.item)
    groups, size = _checked_groups(group, item, n_groups)
    # Short integers are sorted by counting, ten times faster than long ones.
    short = groups.astype(np.int16) if size < 2**15 else groups
    order = np.argsort(short, kind="stable")
    edges = np.searchsorted(groups[order], np.arange(size + 1))
    plan = subgroup_plan(domain)
    found = []
    for number in range(size):
        answer = planned_agreement(
            _statistics_of_rows(labels, order[edges[number] : edges[number + 1]], domain),
            domain,
            plan,
            rng=rng,
            n_replicates=n_replicates,
            ci_level=ci_level,
            min_items=2,
        )
        found.append(_subgroup(number, answer))
    return found


def _checked_groups(
    group: ArrayLike, item: NDArray[np.int64], n_groups: int | None
) -> tuple[NDArray[np.int64], int]:
    groups = np.asarray(group, dtype=np.int64)
    if groups.shape != item.shape:
        raise ValueError(f"group must be as long as item ({item.size}); got shape {groups.shape}.")
    seen = int(groups.max(initial=-1)) + 1
    size = seen if n_groups is None else n_groups
    if seen > size:
        raise ValueError(f"n_groups is {size}, but group {seen - 1} has labels.")
    return groups, size


def _statistics_of_rows(
    labels: Labels, rows: NDArray[np.int64], domain: Domain
) -> AgreementStatistics:
    return agreement_statistics(
        np.asarray(labels.item)[rows],
        np.asarray(labels.annotator)[rows],
        np.asarray(labels.code)[rows],
        n_values=domain.size,
        cluster=None if labels.cluster is None else np.asarray(labels.cluster)[rows],
        with_panel=False,
    )


def _subgroup(number: int, answer: Agreement) -> SubgroupAgreement:
    return SubgroupAgreement(
        group=number,
        coefficients=answer.coefficients,
        n_labels=answer.n_labels,
        n_items=answer.n_items,
        n_items_pairable=answer.n_items_pairable,
        n_annotators=answer.n_annotators,
        warnings=tuple(code for code in answer.warnings if code not in _NOT_OF_A_SUBGROUP),
    )
