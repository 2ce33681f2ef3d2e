"""Agreement within subgroups of items and annotators, and where two attributes of items meet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotations import queries
from annotations.agreement.work import Row, Work, numbers
from catalog.models import Attribute
from catalog.queries import Subgroups, item_subgroups
from measures.agreement import Labels, SubgroupAgreement, subgroup_agreement

# Pairs of attributes with more cells than this would be noise, and long to read.
MAX_CELLS = 400


def of_items(work: Work) -> Subgroups:
    """The attribute values of the data set's items."""
    return item_subgroups(work.question.dataset)


def of_annotators(work: Work) -> Subgroups:
    """The attribute values of the data set's annotators."""
    return queries.annotator_subgroups(work.question.dataset)


def subgroup_rows(
    work: Work, items: Subgroups, annotators: Subgroups, should_stop: Callable[[], bool]
) -> list[Row]:
    """Agreement per value of every attribute of items and of annotators."""
    found: list[Row] = []
    for of, subgroups, bearer in (
        (Attribute.Of.ITEM, items, work.item),
        (Attribute.Of.ANNOTATOR, annotators, work.annotator),
    ):
        for name in subgroups.attributes:
            values = subgroups.values[name]
            if not values or should_stop():
                continue
            group = subgroups.codes[name][bearer]
            found += [
                _row(of, {name: values[one.group]}, one)
                for one in _measured(work, group, len(values))
            ]
    return found


def cell_rows(work: Work, items: Subgroups, should_stop: Callable[[], bool]) -> list[Row]:
    """Agreement where the values of two attributes of items meet; cells with labels only."""
    found: list[Row] = []
    for one, other in combinations(items.attributes, 2):
        width = len(items.values[other])
        size = len(items.values[one]) * width
        if not 0 < size <= MAX_CELLS or should_stop():
            continue
        left, right = items.codes[one][work.item], items.codes[other][work.item]
        cell = np.where((left >= 0) & (right >= 0), left * width + right, -1)
        met, place = np.unique(cell, return_inverse=True)
        unknown = int(met[0] < 0) if met.size else 0
        for answer in _measured(work, place - unknown, met.size - unknown):
            row, column = divmod(int(met[answer.group + unknown]), width)
            attributes = {one: items.values[one][row], other: items.values[other][column]}
            found.append(_row(Attribute.Of.ITEM, attributes, answer))
    return found


def _measured(work: Work, group: NDArray[np.int64], n_groups: int) -> list[SubgroupAgreement]:
    known = group >= 0
    labels: Labels = work.labels() if known.all() else work.labels(known)
    return subgroup_agreement(labels, group[known], work.domain, n_groups=n_groups, **work.options)


def _row(of: str, attributes: dict[str, str], one: SubgroupAgreement) -> Row:
    return {
        "of": str(of),
        "attributes": attributes,
        "coefficients": numbers(one.coefficients),
        "n_labels": one.n_labels,
        "n_items": one.n_items,
        "n_items_pairable": one.n_items_pairable,
        "n_annotators": one.n_annotators,
        "warnings": list(one.warnings),
    }
