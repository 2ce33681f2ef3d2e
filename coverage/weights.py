"""Weights that give the data set a population's composition: runs of the kind ``weights``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Attribute, Dataset, Run
from catalog.problems import Refusal
from catalog.queries import item_subgroups
from coverage import queries
from coverage.material import Material, described, material_of
from coverage.strata import Strata, design_attribute, strata_of
from coverage.weighted_figures import label_rates, model_metrics
from measures.coverage.cube import MISSING
from measures.coverage.weighting import (
    Design,
    Method,
    Weights,
    weights_to_target,
)
from measures.estimates import Reason

MAX_UNREACHABLE = 500


def weigh(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Weights by cell, what they cost in precision, and what they say of labels and models."""
    material = material_of(run)
    strata = strata_of(run.dataset, material.population.of, material.counts)
    weights = weights_of(material, strata)
    weight = weight_of(weights, strata)
    is_item = material.population.of == Attribute.Of.ITEM
    questions = queries.labelled_questions(run.dataset) if is_item else []
    by_item = weight_by_item(run.dataset, weights, strata) if questions else np.zeros(0)
    metrics = [model_metrics(q, by_item, run.parameters["model"]) for q in questions]
    return {
        "population": described(material),
        "design_weight": design_attribute(run.dataset) if is_item else None,
        **_in_short(weights, strata, weight),
        "cells": _cells(weights, strata, weight),
        "label_rates": [label_rates(question, by_item) for question in questions],
        "model_metrics": [one for one in metrics if one is not None],
        "conventions": CONVENTIONS,
    }


def weights_of(material: Material, strata: Strata) -> Weights:
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
        queries.cube_of(strata.counted, domains),
        material.target,
        method=Method(material.parameters["method"]),
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        design=None if strata.of_item is None else _design(strata, domains),
    )


def _design(strata: Strata, domains: queries.Values) -> Design:
    each = np.where(strata.is_known, strata.design, 0.0)
    codes = np.column_stack([codes_of(strata.values, n, v) for n, v in domains.items()])
    return Design(codes, each * strata.n, each**2 * strata.n)


def method_of(weights: Weights) -> str:
    """How the weights were made, whatever was asked for; empty where there are none."""
    if weights.factors is None:
        return ""
    return (Method.RAKING if weights.n_rounds else Method.POST_STRATIFICATION).value


def _in_short(weights: Weights, strata: Strata, weight: NDArray[np.float64]) -> dict[str, Any]:
    used = weight[(weight > 0) & (strata.n > 0)]
    parts = [
        {"attributes": part.attributes, "n": 0, "target_share": part.target_share}
        for part in weights.unreachable
    ]
    return {
        "reason": None if weights.reason is None else weights.reason.value,
        "detail": _why_not(weights),
        "method": method_of(weights),
        "n_items": int(strata.n.sum()),
        "n_weighted": int(strata.n[weight > 0].sum()),
        "n_without_design_weight": int(strata.n[~strata.is_known].sum()),
        "least_weight": float(used.min()) if used.size else None,
        "greatest_weight": float(used.max()) if used.size else None,
        "design_effect": weights.design_effect.as_dict(),
        "effective_n": weights.effective_n.as_dict(),
        "n_rounds": weights.n_rounds,
        "converged": weights.factors is not None,
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


def weight_of(weights: Weights, strata: Strata) -> NDArray[np.float64]:
    """The weight of an item of each stratum; 0 where it has none."""
    own = np.where(strata.is_known, strata.design, 0.0)
    return np.asarray(factor_of(weights, strata.values) * own)


def factor_of(weights: Weights, profiles: list[dict[str, Any]]) -> NDArray[np.float64]:
    """What the design weight of an item with each profile is multiplied by; 0 for none."""
    if weights.factors is None:
        return np.zeros(len(profiles))
    codes = [codes_of(profiles, a.name, a.values) for a in weights.attributes]
    known = np.all([column != MISSING for column in codes], axis=0)
    found = np.zeros(len(profiles))
    found[known] = weights.factors[tuple(column[known] for column in codes)]
    return found


def codes_of(profiles: list[dict[str, Any]], name: str, values: Sequence[str]) -> NDArray[np.int64]:
    """Each profile's position among an attribute's values; -1 where it is none of them."""
    place = {value: code for code, value in enumerate(values)}
    return np.array([place.get(str(profile.get(name)), MISSING) for profile in profiles], np.int64)


def _cells(weights: Weights, strata: Strata, weight: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Cells with items, the heaviest weights first."""
    names = [attribute.name for attribute in weights.attributes]
    factors = factor_of(weights, strata.values)
    cells: dict[tuple[str, ...], list[float]] = {}
    for profile, n, own, factor in zip(
        strata.values, strata.n.tolist(), weight.tolist(), factors.tolist(), strict=True
    ):
        if own > 0 and n:
            key = tuple(str(profile[name]) for name in names)
            cell = cells.setdefault(key, [0, 0.0, factor])
            cell[0] += n
            cell[1] += n * own
    ordered = sorted(cells.items(), key=lambda cell: (-cell[1][1] / cell[1][0], cell[0]))
    return [
        {
            "attributes": dict(zip(names, key, strict=True)),
            "n": int(n),
            "weight": total / n,
            "factor": factor,
        }
        for key, (n, total, factor) in ordered
    ]


def weight_by_item(dataset: Dataset, weights: Weights, strata: Strata) -> NDArray[np.float64]:
    """By item number; 0 where an item has no weight."""
    if strata.of_item is not None:
        return np.asarray(weight_of(weights, strata)[strata.of_item])
    items = item_subgroups(dataset, names=[])
    return np.asarray(factor_of(weights, [*items.profiles, {}])[items.profile_of])


CONVENTIONS = {
    "weight": "of each item of the cell; the mean over all weighted items is 1. Items with a "
    "missing value, or with one that the population does not know, have none",
    "method": "auto: post-stratification to a joint population, raking to margins",
    "bounds": "least and greatest weight as multiples of the mean; what the margins then miss is "
    "largest_error, relative to the target",
    "design_effect": "Kish: n sum(w^2) / sum(w)^2; effective_n is n over it",
    "design_weight": "the attribute that says how many of its kind an item stands for; weights are "
    "then multiples of it (factor), and items without one have no weight",
    "model_metrics": "over items with a prediction and a reference label; accuracy: Wilson at the "
    "effective number of items; brier: sum over the classes, in [0, 2]; overconfidence: confidence "
    "minus correctness of the most probable class; calibration_in_the_large: mean probability of a "
    "class minus its share; their intervals: normal, linearised (Saerndal et al. 1992)",
    "label_rates": "share of each reference label among items that have one; the interval is "
    "Wilson's, of the weighted rate at the effective number of items. It assumes that, within a "
    "cell, labelled items stand for the population's",
}
