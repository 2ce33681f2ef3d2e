"""Weights that give the data set a population's composition: runs of the kind ``weights``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Attribute, Run
from catalog.problems import Refusal
from coverage import queries
from coverage.material import Material, described, material_of
from measures.coverage.cube import MISSING
from measures.coverage.weighting import Method, Weights, weighted_rate, weights_to_target
from measures.estimates import Reason

MAX_UNREACHABLE = 500


def weigh(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Weights by cell, what they cost in precision, and label rates for the population."""
    material = material_of(run)
    weights = weights_of(material)
    is_item = material.population.of == Attribute.Of.ITEM
    questions = queries.labelled_questions(run.dataset) if is_item else []
    return {
        "population": described(material),
        **_in_short(weights, material),
        "cells": _cells(weights, material),
        "label_rates": [_rates(weights, question) for question in questions],
        "conventions": CONVENTIONS,
    }


def weights_of(material: Material) -> Weights:
    """Weights towards the material's population, as its parameters ask for them.

    Raises
    ------
    Refusal
        Where nothing is known of an attribute of the population.
    """
    lacking = [name for name in material.target.names if not material.domains.get(name)]
    if lacking:
        raise Refusal(
            f"The population {material.population.name!r} has {lacking[0]}, of which no "
            f"{material.population.of} has a value; upload that attribute first.",
            code="attribute_missing",
        )
    domains = {name: material.domains[name] for name in material.target.names}
    bounds = material.parameters["bounds"]
    return weights_to_target(
        queries.cube_of(material.counts, domains),
        material.target,
        method=Method(material.parameters["method"]),
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
    )


def method_of(weights: Weights) -> str:
    """How the weights were made, whatever was asked for; empty where there are none."""
    if weights.factors is None:
        return ""
    return (Method.RAKING if weights.n_rounds else Method.POST_STRATIFICATION).value


def _in_short(weights: Weights, material: Material) -> dict[str, Any]:
    per_profile = weight_of(weights, material.counts.values)
    n = np.array(material.counts.n, np.int64)
    used = per_profile[per_profile > 0]
    parts = [
        {"attributes": part.attributes, "n": 0, "target_share": part.target_share}
        for part in weights.unreachable
    ]
    return {
        "reason": None if weights.reason is None else weights.reason.value,
        "detail": _why_not(weights),
        "method": method_of(weights),
        "n_items": int(n.sum()),
        "n_weighted": int(n[per_profile > 0].sum()),
        "least_weight": float(used.min()) if used.size else None,
        "greatest_weight": float(used.max()) if used.size else None,
        "design_effect": weights.design_effect.as_dict(),
        "effective_n": weights.effective_n.as_dict(),
        "n_rounds": weights.n_rounds,
        "largest_error": weights.largest_error,
        "n_bounded": weights.n_bounded,
        "unreachable": parts[:MAX_UNREACHABLE],
        "n_unreachable": len(parts),
        "unreachable_share": weights.unreachable_share,
    }


def _why_not(weights: Weights) -> str:
    """In words, why there are no weights; nothing where there are."""
    if weights.reason is None:
        return ""
    if weights.reason is Reason.NO_DATA:
        return "No item has a value that the population knows on each of its attributes."
    if not weights.unreachable:
        return "Through empty cells the margins cannot be met together; merge values or bands."
    shown = [
        " & ".join(f"{name}={value}" for name, value in part.attributes.items())
        for part in weights.unreachable[:5]
    ]
    more = len(weights.unreachable) - len(shown)
    tail = f" and {more} more" if more else ""
    return (
        f"No item is there to stand for {', '.join(shown)}{tail}: "
        f"{weights.unreachable_share:.1%} of the population. Collect some, merge values, or rake "
        "to margins."
    )


def weight_of(weights: Weights, profiles: list[dict[str, Any]]) -> NDArray[np.float64]:
    """The weight of an item with each profile; 0 where it has none."""
    if weights.factors is None:
        return np.zeros(len(profiles))
    places = [
        {value: code for code, value in enumerate(attribute.values)}
        for attribute in weights.attributes
    ]
    names = [attribute.name for attribute in weights.attributes]
    found = np.zeros(len(profiles))
    for row, profile in enumerate(profiles):
        codes = [
            place.get(str(profile.get(name)), MISSING)
            for name, place in zip(names, places, strict=True)
        ]
        if MISSING not in codes:
            found[row] = weights.factors[tuple(codes)]
    return found


def _cells(weights: Weights, material: Material) -> list[dict[str, Any]]:
    """Cells with items, the heaviest weights first."""
    per_profile = weight_of(weights, material.counts.values)
    names = [attribute.name for attribute in weights.attributes]
    cells: dict[tuple[str, ...], list[float]] = {}
    for profile, n, weight in zip(
        material.counts.values, material.counts.n, per_profile.tolist(), strict=True
    ):
        if weight > 0:
            key = tuple(str(profile[name]) for name in names)
            cells.setdefault(key, [0, weight])[0] += n
    ordered = sorted(cells.items(), key=lambda cell: (-cell[1][1], cell[0]))
    return [
        {"attributes": dict(zip(names, key, strict=True)), "n": int(n), "weight": weight}
        for key, (n, weight) in ordered
    ]


def _rates(weights: Weights, question: Any) -> dict[str, Any]:
    """The share of each reference label, as it is and as the population would show it."""
    labelled = queries.labelled_profiles(question)
    weight = weight_of(weights, labelled.values)
    n = labelled.n.sum(axis=1)
    return {
        "question": question.name,
        "n_labelled": int(n.sum()),
        "n_weighted": int(n[weight > 0].sum()),
        "values": [
            {
                "value": label,
                "n": int(labelled.n[:, code].sum()),
                "unweighted": weighted_rate(labelled.n[:, code], n, np.ones(len(n))).as_dict(),
                "weighted": weighted_rate(labelled.n[:, code], n, weight).as_dict(),
            }
            for code, label in enumerate(labelled.labels)
        ],
    }


CONVENTIONS = {
    "weight": "of each item of the cell; the mean over all weighted items is 1. Items with a "
    "missing value, or with one that the population does not know, have none",
    "method": "auto: post-stratification to a joint population, raking to margins",
    "bounds": "least and greatest weight as multiples of the mean; what the margins then miss is "
    "largest_error, relative to the target",
    "design_effect": "Kish: n sum(w^2) / sum(w)^2; effective_n is n over it",
    "label_rates": "share of each reference label among items that have one; the interval is "
    "Wilson's, of the weighted rate at the effective number of items. It assumes that, within a "
    "cell, labelled items stand for the population's",
}
