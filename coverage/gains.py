"""What a collection plan is worth: narrower intervals of a share, and of a model's calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Dataset
from catalog.problems import Refusal
from catalog.queries import item_subgroups
from coverage import queries
from coverage.outcomes import Outcomes, outcomes
from measures.coverage.collection import CollectionPlan
from measures.coverage.outlook import half_widths, items_for_mean, mean_half_width
from measures.coverage.patterns import UncoveredPatterns

MAX_LISTED = 500
TOO_FEW = 10
"""Items below which a subgroup lends its variance from the whole."""
Row = dict[str, Any]


def precision_gains(
    lacking: UncoveredPatterns, plan: CollectionPlan, share: float, level: float
) -> list[Row]:
    """Intervals of a share in each subgroup that lacks items, as it is and after the plan."""
    first = lacking.foremost(limit=MAX_LISTED)
    subgroups = [pattern.attributes for pattern in first.in_words()]
    after = first.n + np.array([_bought(subgroup, plan) for subgroup in subgroups], np.int64)
    before, then = (half_widths(n, share=share, level=level) for n in (first.n, after))
    return [
        {
            "attributes": subgroup,
            "n": int(n),
            "n_after": int(n_after),
            "half_width": float(old),
            "half_width_after": float(new),
        }
        for subgroup, n, n_after, old, new in zip(
            subgroups, first.n, after, before, then, strict=True
        )
    ]


def _bought(subgroup: dict[str, str], plan: CollectionPlan) -> int:
    """Items of the plan that are sure to belong to the subgroup."""
    return sum(
        purchase.n
        for purchase in plan.purchases
        if all(purchase.attributes.get(name) == value for name, value in subgroup.items())
    )


def calibration_gains(
    dataset: Dataset,
    plan: CollectionPlan,
    domains: queries.Values,
    asked: dict[str, Any],
    half_width: float,
) -> list[Row]:
    """For each question with one model: how many more items each value needs to be judged by."""
    found: list[Row] = []
    for question in queries.labelled_questions(dataset):
        try:
            known = outcomes(question, asked["model"])
        except Refusal as refusal:
            found.append({"question": question.name, "reason": refusal.detail, "values": []})
            continue
        if known is not None:
            rows = _by_value(dataset, known, plan, domains, asked["ci_level"], half_width)
            row = {"question": question.name, "reason": None, "model": known.model}
            found.append(row | {"half_width": half_width, "values": rows})
    return found


def _by_value(
    dataset: Dataset,
    known: Outcomes,
    plan: CollectionPlan,
    domains: queries.Values,
    level: float,
    half_width: float,
) -> list[Row]:
    over = known.confidence - known.correct
    whole = float(over.var(ddof=1)) if len(over) > 1 else 0.25
    subgroups = item_subgroups(dataset, names=list(domains))
    rows = []
    for name, values in domains.items():
        codes = subgroups.codes[name][known.item]
        place = {value: code for code, value in enumerate(subgroups.values[name])}
        for value in values:
            mine = over[codes == place.get(value, -2)]
            rows.append(_row({name: value}, mine, whole, plan, level, half_width))
    return rows


def _row(
    subgroup: dict[str, str],
    over: NDArray[np.float64],
    whole: float,
    plan: CollectionPlan,
    level: float,
    half_width: float,
) -> Row:
    n = len(over)
    variance = float(over.var(ddof=1)) if n >= TOO_FEW else whole
    needed = items_for_mean(variance, half_width, level=level)
    n_after = n + _bought(subgroup, plan)
    return {
        "attributes": subgroup,
        "n": n,
        "overconfidence": float(over.mean()) if n else None,
        "half_width": mean_half_width(variance, n, level=level),
        "n_after": n_after,
        "half_width_after": mean_half_width(variance, n_after, level=level),
        "n_needed": needed,
        "n_more": max(0, needed - n),
    }
