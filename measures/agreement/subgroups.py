"""Agreement within each subgroup: labels by women, items from one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measures.agreement.patterns import (
    AgreementStatistics,
    agreement_statistics,
    checked_labels,
    dense_ids,
)
from measures.agreement.plan import subgroup_plan
from measures.agreement.results import Agreement, planned_agreement
from measures.agreement.rows import grouped_rows
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
    statistics = subgroup_statistics(labels, group, domain, n_groups=n_groups)
    return agreement_of_subgroups(
        statistics, domain, rng=rng, n_replicates=n_replicates, ci_level=ci_level
    )


def agreement_of_subgroups(
    statistics: Sequence[AgreementStatistics],
    domain: Domain,
    *,
    rng: np.random.Generator,
    n_replicates: int = 1000,
    ci_level: float = 0.95,
) -> list[SubgroupAgreement]:
    """As :func:`subgroup_agreement`, from the statistics of each subgroup."""
    plan = subgroup_plan(domain)
    return [
        _subgroup(
            number,
            planned_agreement(
                one,
                domain,
                plan,
                rng=rng,
                n_replicates=n_replicates,
                ci_level=ci_level,
                min_items=2,
            ),
        )
        for number, one in enumerate(statistics)
    ]


def subgroup_statistics(
    labels: Labels, group: ArrayLike, domain: Domain, *, n_groups: int | None = None
) -> list[AgreementStatistics]:
    """The labels of each subgroup, counted; parameters as in :func:`subgroup_agreement`."""
    item = np.asarray(labels.item)
    groups, size = _checked_groups(group, item, n_groups)
    if labels.cluster is None and (found := _in_one_pass(labels, groups, domain, size)):
        return found
    # Short integers are sorted by counting, ten times faster than long ones.
    short = groups.astype(np.int16) if size < 2**15 else groups
    order = np.argsort(short, kind="stable")
    edges = np.searchsorted(groups[order], np.arange(size + 1))
    return [
        _statistics_of_rows(labels, order[edges[number] : edges[number + 1]], domain)
        for number in range(size)
    ]


def _in_one_pass(
    labels: Labels, groups: NDArray[np.int64], domain: Domain, size: int
) -> list[AgreementStatistics] | None:
    """All subgroups counted together, where the counts of an item fit into one number."""
    item, annotator, code = checked_labels(
        labels.item, labels.annotator, labels.code, n_values=domain.size
    )
    if groups.size and groups.min() < 0:
        known = groups >= 0
        item, annotator, code, groups = item[known], annotator[known], code[known], groups[known]
    dense, n_items = dense_ids(item)
    rows = grouped_rows(dense, code, groups, (n_items, domain.size, size))
    if rows is None:
        return None
    width = int(annotator.max(initial=-1)) + 1
    who = (groups * width + annotator) * domain.size + code
    given = np.bincount(who, minlength=size * width * domain.size)
    given = given.reshape(size, width, domain.size)
    return [
        AgreementStatistics(
            patterns=patterns,
            cluster=np.zeros(len(patterns), np.int64),
            multiplicity=times,
            annotator_values=_up_to_last(given[number]),
            panel=None,
            clustered=False,
        )
        for number, (patterns, times) in enumerate(rows)
    ]


def _up_to_last(given: NDArray[np.int64]) -> NDArray[np.int64]:
    used = np.flatnonzero(given.any(axis=1))
    return given[: int(used[-1]) + 1 if used.size else 0].astype(np.int64)


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
