"""What each member may see of an agreement result."""

from __future__ import annotations

from typing import Any

from annotations import queries
from catalog import access
from catalog.access import May, User
from catalog.disclosure import withhold_small
from catalog.models import Dataset
from catalog.queries import item_names

SUMMARY = (
    "question",
    "scale",
    "coefficients",
    "n_items",
    "n_items_pairable",
    "n_labels",
    "n_labels_pairable",
    "n_annotators",
    "n_groups",
    "resampled",
    "paradox",
    "needed",
    "q_declared",
    "q_used",
    "warnings",
    "benchmarks",
    "conventions",
    "second_opinion",
)


def named(dataset: Dataset, result: dict[str, Any], *, is_lead: bool) -> dict[str, Any]:
    """The result with items and annotators by name: the lead sees names, others pseudonyms."""
    result = dict(result)
    numbers = {n for pair in result["pairs"] for n in pair["annotators"]}
    numbers |= {one["annotator"] for one in result["annotators"]}
    opinions = result["second_opinion"]
    numbers |= {n for one in opinions for n in one["annotators"] or ()}
    names = {n: f"annotator {n + 1}" for n in numbers}
    if is_lead:
        names |= queries.annotator_names(dataset, numbers)
    result["pairs"] = [
        {**pair, "annotators": [names[n] for n in pair["annotators"]]} for pair in result["pairs"]
    ]
    result["annotators"] = [
        {**one, "annotator": names[one["annotator"]]} for one in result["annotators"]
    ]
    result["second_opinion"] = [
        {**one, "annotators": one["annotators"] and [names[n] for n in one["annotators"]]}
        for one in opinions
    ]
    items = result["items"]
    worst = items["most_disagreeing"] if is_lead else []
    by_number = item_names(dataset.pk, {one["item"] for one in worst})
    result["items"] = {
        **items,
        "most_disagreeing": [{**one, "item": by_number.get(one["item"])} for one in worst],
    }
    return result


def visible(user: User, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of an agreement result."""
    if access.may(user, dataset, May.READ_ROWS):
        return named(dataset, result, is_lead=True)
    shown = named(dataset, result, is_lead=False)
    if access.may(user, dataset, May.READ_RESULTS):
        return {**withhold_small(shown, dataset.min_cell)}
    return {**{key: shown[key] for key in SUMMARY if key in shown}, "disclosure": "summary"}
