"""Subgroups of items on which annotators agree more, or less, than on the whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog import exchange
from catalog.disclosure import key_of
from catalog.models import Attribute, Question
from catalog.queries import item_subgroups
from coverage import queries
from coverage.disclosure import hidden_subgroups
from coverage.uncovered import affordable_level
from coverage.weights import codes_of
from measures.coverage.cube import Attribute as Axis
from measures.coverage.cube import Cube
from measures.coverage.divergence import global_contributions
from measures.coverage.mean_divergence import (
    DivergingMean,
    Sums,
    diverging_means,
    sliceline_score,
)
from measures.intervals import wilson

MAX_LISTED = 500
Row = dict[str, Any]


def agreement_divergence(question: Question, asked: Row) -> Row | None:
    """Pairwise agreement of annotators on items, by subgroup; None where nobody shares an item."""
    said = exchange.votes(question)
    if said is None:
        return None
    votes = said.counts.astype(float)
    size = votes.sum(axis=1)
    shared = size >= 2
    if not shared.any():
        return None
    pairs = size[shared] * (size[shared] - 1)
    agreeing = (votes[shared] * (votes[shared] - 1)).sum(axis=1) / pairs
    sums, items = _sums(question, said.item[shared], agreeing, asked["attributes"])
    n_items = int(shared.sum())
    least = max(asked["min_items"], int(np.ceil(asked["min_support"] * n_items)))
    sizes = [len(axis.values) for axis in sums.attributes]
    level = affordable_level(sizes, asked["max_level"]) if sizes else 0
    found = diverging_means(sums, max_level=level, min_items=least)
    mean = float(agreeing.mean())
    min_cell = question.dataset.min_cell
    hidden = set() if items is None else hidden_subgroups(items, None, level, min_cell)
    return {
        "n_items": n_items,
        "mean": mean,
        "max_level": level,
        "min_items": least,
        "n_subgroups": len(found),
        "n_differing": sum(row.p_adjusted <= asked["alpha"] for row in found),
        "subgroups": [
            _row(row, (n_items, mean), hidden, asked["alpha"]) for row in found[:MAX_LISTED]
        ],
        "contributions": _contributions(found, sums),
    }


def _sums(
    question: Question, item: Any, number: Any, names: list[str] | None
) -> tuple[Sums, Cube | None]:
    """The number of each item, summed over items with the same attribute values; their counts."""
    dataset = question.dataset
    known = queries.attributes_of(dataset, Attribute.Of.ITEM)
    items = item_subgroups(dataset, names=[])
    profiles = [*items.profiles, {}]
    profile = items.profile_of[item]
    n, total, squares = (
        np.bincount(profile, one, minlength=len(profiles)).astype(float)
        for one in (np.ones(len(item)), number, number**2)
    )
    counts = queries.ProfileCounts(profiles, n.astype(int).tolist())
    domains = queries.domains_of(known, counts)
    used = {name: domains[name] for name in names or domains if domains.get(name)}
    codes = [codes_of(profiles, name, values) for name, values in used.items()]
    table = np.column_stack(codes) if codes else np.zeros((len(profiles), 0), np.int64)
    axes = tuple(Axis(name, tuple(values)) for name, values in used.items())
    cube = queries.cube_of(counts, used) if used else None
    return Sums(axes, table, n, total, squares), cube


def _row(row: DivergingMean, whole: tuple[int, float], hidden: set[Any], alpha: float) -> Row:
    n_all, mean = whole
    low, high = wilson(row.mean * row.n, row.n)
    shown = {
        "attributes": row.attributes,
        "n": row.n,
        "agreement": row.mean,
        # The range of agreement is [0, 1]; Wilson's interval is wider than that of a mean there.
        "ci_low": low,
        "ci_high": high,
        "divergence": row.divergence,
        "t": row.t,
        "p_value": row.p_value,
        "p_adjusted": row.p_adjusted,
        "sliceline": float(sliceline_score(row.n, 1 - row.mean, n_all, 1 - mean))
        if mean < 1
        else None,
        "verdict": "differs" if row.p_adjusted <= alpha else "no_evidence",
    }
    return shown | {"managers_only": key_of(shown) in hidden}


def _contributions(found: list[DivergingMean], sums: Sums) -> list[Row]:
    sizes = {axis.name: len(axis.values) for axis in sums.attributes}
    ordered = sorted(
        global_contributions(found, sizes).items(), key=lambda one: (-abs(one[1]), one[0])
    )
    return [{"attributes": {name: value}, "contribution": x} for (name, value), x in ordered]
