"""Groups of annotators: agreement within, with each other, and whether chance would do as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from annotations.agreement.work import Row, Work
from catalog.queries import Subgroups
from measures.agreement import CrossGroupAgreement, cross_group_agreement
from measures.agreement.annotator_pairs import GroupTests, annotator_group_tests, annotator_pairs
from measures.estimates import Estimate
from measures.multiplicity import benjamini_hochberg

# The groups of an attribute with most labels; all others are in the subgroups.
MAX_GROUPS = 6


def group_rows(work: Work, annotators: Subgroups, should_stop: Callable[[], bool]) -> list[Row]:
    """One row for each group of annotators and each other group of the same attribute."""
    if not annotators.attributes or not work.code.size:
        return []
    pairs = annotator_pairs(work.labels(), work.domain, rng=work.rng)
    found: list[tuple[Row, Estimate, Estimate]] = []
    for name in annotators.attributes:
        group, values = _largest(work, annotators, name)
        if len(values) < 2 or should_stop():
            continue
        tests = annotator_group_tests(
            pairs,
            group,
            n_groups=len(values),
            rng=work.rng,
            n_permutations=work.run.parameters["n_permutations"],
        )
        found += _attribute_rows(work, name, values, group, tests)
    within = _adjusted([one for _, one, _ in found])
    between = _adjusted([one for _, _, one in found])
    return [
        {**row, "in_group_test": one.as_dict(), "association_test": other.as_dict()}
        for (row, _, _), one, other in zip(found, within, between, strict=True)
    ]


def _largest(work: Work, annotators: Subgroups, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """The group of each annotator among those with most labels, and their names."""
    codes = annotators.codes[name]
    own = np.full(len(work.statistics.annotator_values), -1, np.int64)
    own[: len(codes)] = codes[: len(own)]
    given = work.statistics.annotator_values.sum(axis=1)
    known = own >= 0
    n_labels = np.bincount(own[known], weights=given[known], minlength=len(annotators.values[name]))
    chosen = np.sort(np.argsort(-n_labels, kind="stable")[:MAX_GROUPS])
    chosen = chosen[n_labels[chosen] > 0]
    place = np.full(len(n_labels) + 1, -1, np.int64)
    place[chosen] = np.arange(chosen.size)
    # An annotator without labels belongs to no group: nothing of theirs can be dealt.
    return np.where(given > 0, place[own], -1), [annotators.values[name][i] for i in chosen]


def _attribute_rows(
    work: Work, name: str, values: list[str], group: NDArray[np.int64], tests: GroupTests
) -> list[tuple[Row, Estimate, Estimate]]:
    of_label = group[work.annotator]
    members = np.bincount(group[group >= 0], minlength=len(values))
    given = np.bincount(of_label[of_label >= 0], minlength=len(values))
    crossed: dict[tuple[int, int], CrossGroupAgreement] = {}
    found = []
    for one, other in permutations(range(len(values)), 2):
        low, high = min(one, other), max(one, other)
        if (low, high) not in crossed:
            which = (of_label == low) | (of_label == high)
            crossed[low, high] = cross_group_agreement(
                work.labels(which),
                of_label[which],
                work.domain,
                groups=(low, high),
                **work.options,
            )
        cross = crossed[low, high]
        side = 0 if one == low else 1
        row = {
            "attributes": {name: values[one]},
            "compared_with": {name: values[other]},
            "cross_group": cross.xrr_kappa.as_dict(),
            "in_group": cross.cohesion[side].alpha.as_dict(),
            "association_index": cross.association_index[side].as_dict(),
            "n_annotators": int(min(members[one], members[other])),
            "n_labels": int(min(given[one], given[other])),
        }
        found.append((row, tests.within[one], tests.association[one, other]))
    return found


def _adjusted(estimates: list[Estimate]) -> list[Estimate]:
    """With p-values adjusted over all of them; the same test named twice counts once."""
    distinct = {id(one): one for one in estimates if one.p_value is not None}
    p_values = [one.p_value or 0.0 for one in distinct.values()]
    p_adjusted = dict(zip(distinct, benjamini_hochberg(p_values), strict=True))
    return [replace(one, p_adjusted=p_adjusted.get(id(one))) for one in estimates]
