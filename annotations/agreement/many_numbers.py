"""Agreement of numbers that are nearly all distinct; coefficients of categories do not apply."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotations.agreement.conventions import conventions
from annotations.agreement.headline import needed
from annotations.agreement.work import clusters, numbers
from catalog.columns import Columns
from catalog.models import Question, Run
from measures.agreement import numeric_agreement, numeric_statistics
from measures.agreement.plan import weighted_coefficients
from measures.agreement.two_annotators import INDICES
from measures.estimates import Estimate, Reason, undefined

MAX_VALUES = 200
CATEGORY_KEYS = (
    "percent_agreement",
    "cohen_kappa",
    "fleiss_kappa",
    "scott_pi",
    "conger_kappa",
    "brennan_prediger",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha_nominal",
)


def has_many_numbers(columns: Columns) -> bool:
    """Whether there are too many distinct numbers to be counted by value."""
    return len(np.unique(columns.arrays["value"])) > MAX_VALUES


def many_numbers(
    run: Run, question: Question, columns: Columns, rng: np.random.Generator
) -> dict[str, Any]:
    """Alpha of the numbers on the question's scale, and what there is beside it."""
    item = columns.arrays["item"]
    cluster, n_groups = clusters(question, item, run.parameters["resample"], rng)
    statistics = numeric_statistics(
        item, columns.arrays["annotator"], columns.arrays["value"], cluster=cluster
    )
    options = {name: run.parameters[name] for name in ("n_replicates", "ci_level")}
    computed = numeric_agreement(statistics, rng=rng, **options)
    n = next(iter(computed.values())).n
    coefficients: dict[str, Estimate] = {
        key: undefined(Reason.NOT_APPLICABLE, n) for key in CATEGORY_KEYS
    }
    weights = run.parameters["weights"]
    # A table of thousands of values by themselves is not made: none of these is known.
    for one in weighted_coefficients(weights):
        coefficients[one.key] = undefined(Reason.NOT_APPLICABLE, n)
    coefficients |= computed
    coefficients["krippendorff_alpha"] = computed[f"krippendorff_alpha_{question.scale}"]
    pairable = statistics.n_labels[statistics.n_labels > 1]
    resampled = "items" if cluster is None else "groups"
    return {
        "question": question.name,
        "scale": question.scale,
        "coefficients": numbers(coefficients),
        "n_items": len(statistics.n_labels),
        "n_items_pairable": len(pairable),
        "n_labels": columns.n_rows,
        "n_labels_pairable": int(pairable.sum()),
        "n_annotators": statistics.n_annotators,
        "n_groups": n_groups,
        "resampled": resampled,
        "warnings": ["many_distinct_numbers", *(["weights_not_applied"] if weights else [])],
        "conventions": conventions(question, resampled),
        "paradox": numbers(dict.fromkeys(INDICES, undefined(Reason.NOT_APPLICABLE, n))),
        "needed": needed(coefficients, run.parameters["half_width"]),
        "items": {"n_disagreeing": None, "most_disagreeing": []},
        "change": {},
        **{
            name: []
            for name in (
                *("pairs", "annotators", "values", "subgroups", "cells", "groups", "periods"),
                "second_opinion",
            )
        },
    }
