"""Subgroups in which a reference label is more, or less, frequent than in the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from catalog.disclosure import key_of
from catalog.models import Attribute, Run
from coverage import queries
from coverage.agreeing import agreement_divergence
from coverage.disclosure import hidden_subgroups
from coverage.uncovered import affordable_level
from measures.coverage.cube import Cube
from measures.coverage.divergence import Diverging, diverging_subgroups, global_contributions
from measures.coverage.mean_divergence import sliceline_score
from measures.intervals import wilson

MAX_LISTED = 500


def measure_divergence(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """For each label of a question, the subgroups whose rate differs from the whole's."""
    asked = run.parameters
    question = run.dataset.questions.get(name=asked["question"])
    labelled = queries.labelled_profiles(question)
    counts = queries.ProfileCounts(labelled.values, labelled.n.sum(axis=1).tolist())
    attributes = queries.attributes_of(run.dataset, Attribute.Of.ITEM)
    domains = queries.domains_of(attributes, counts)
    used = {n: domains[n] for n in asked["attributes"] or domains if domains.get(n)}
    n_items = sum(counts.n)
    least = max(asked["min_items"], int(np.ceil(asked["min_support"] * n_items)))
    level = affordable_level([len(v) for v in used.values()], asked["max_level"]) if used else 0
    result: dict[str, Any] = {
        "question": question.name,
        "n_items": n_items,
        "attributes": list(used),
        "max_level": level,
        "min_items": least,
        "disclosure_min_cell": run.dataset.min_cell,
        "conventions": CONVENTIONS,
        "labels": [],
        "agreement": agreement_divergence(question, asked),
    }
    if not used or not n_items:
        return result
    items = queries.cube_of(counts, used)
    for code, label in enumerate(labelled.labels):
        if should_stop():
            break
        own = queries.cube_of(
            queries.ProfileCounts(labelled.values, labelled.n[:, code].tolist()), used
        )
        found = diverging_subgroups(items, own, max_level=level, min_items=least)
        hidden = hidden_subgroups(items, own, level, run.dataset.min_cell)
        result["labels"].append(_label(label, found, (items, own), hidden, asked["alpha"]))
    return result


def _label(
    label: str, found: list[Diverging], cubes: tuple[Cube, Cube], hidden: set[Any], alpha: float
) -> dict[str, Any]:
    items, own = cubes
    whole = (items.n_items, own.n_items / items.n_items)
    sizes = {a.name: len(a.values) for a in items.attributes}
    contributions = sorted(
        global_contributions(found, sizes).items(), key=lambda item: (-abs(item[1]), item[0])
    )
    return {
        "label": label,
        "n": own.n_items,
        "rate": own.n_items / items.n_items,
        "n_subgroups": len(found),
        "n_differing": sum(row.p_adjusted <= alpha for row in found),
        "subgroups": [_row(row, whole, hidden, alpha) for row in found[:MAX_LISTED]],
        "contributions": [
            {"attributes": {name: value}, "contribution": x} for (name, value), x in contributions
        ],
    }


def _row(
    row: Diverging, whole: tuple[int, float], hidden: set[Any], alpha: float
) -> dict[str, Any]:
    n_all, rate = whole
    low, high = wilson(row.k, row.n)
    shown = {
        "attributes": row.attributes,
        "n": row.n,
        "n_label": row.k,
        "rate": row.k / row.n,
        "ci_low": low,
        "ci_high": high,
        "divergence": row.divergence,
        "t": row.t,
        "sliceline": float(sliceline_score(row.n, row.k / row.n, n_all, rate)) if rate else None,
        "p_value": row.p_value,
        "p_adjusted": row.p_adjusted,
        "verdict": "differs" if row.p_adjusted <= alpha else "no_evidence",
    }
    return shown | {"managers_only": key_of(shown) in hidden}


CONVENTIONS = {
    "items": "those with a reference label of the question",
    "divergence": "rate of the label in the subgroup minus its rate among all items",
    "t": "difference of posterior means over their standard error, uniform priors (Pastor, de "
    "Alfaro and Baralis 2021)",
    "p_value": "two-sided, subgroup against the rest: hypergeometric, or its normal approximation",
    "p_adjusted": "Benjamini-Hochberg over all subgroups of the label",
    "interval": "of the rate: Wilson at 0.95",
    "contributions": "Shapley value of an attribute's value over all subgroups with min_items (the "
    "same paper's global divergence); subgroups below it add nothing",
    "agreement": "of annotators: the share of pairs of labels of an item that are equal, its mean "
    "over items with two labels or more; t and p_value: Welch's, subgroup against the rest. "
    "Coefficients such as alpha by subgroup are in the agreement result",
    "sliceline": "0.95 (e_S / e - 1) - 0.05 (n / n_S - 1), e being the rate of the label, or of "
    "disagreement (Sagadeeva and Boehm 2021)",
}
