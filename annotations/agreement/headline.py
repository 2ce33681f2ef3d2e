"""The coefficients, what they are made of, and what to make of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from annotations.agreement.work import Row, Work, numbers
from measures.agreement import (
    Agreement,
    benchmark_by_replicates,
    items_for_half_width,
    paradox_indices,
)
from measures.estimates import Estimate

COUNTS = (
    "n_items",
    "n_items_pairable",
    "n_labels",
    "n_labels_pairable",
    "n_annotators",
    "q_declared",
    "q_used",
)


def headline(work: Work, overall: Agreement) -> dict[str, Any]:
    """Coefficients with their parts, bands, paradox indices and the items still needed."""
    alpha = overall.replicates.get("krippendorff_alpha", np.zeros(0))
    return {
        "question": work.question.name,
        "scale": work.question.scale,
        "coefficients": numbers(overall.coefficients),
        "parts": {key: asdict(parts) for key, parts in overall.parts.items()},
        **{name: getattr(overall, name) for name in COUNTS},
        "identified": {
            "n_items": work.identified.n_items,
            "n_labels": work.identified.n_labels,
        },
        "n_groups": work.n_groups,
        "resampled": work.resampled,
        "warnings": list(overall.warnings),
        "benchmarks": {
            scheme: [asdict(band) for band in benchmark_by_replicates(alpha, scheme=scheme)]
            for scheme in ("krippendorff", "landis_koch")
        },
        "paradox": numbers(paradox_indices(work.statistics)),
        "needed": needed(overall.coefficients, work.run.parameters["half_width"]),
    }


def needed(coefficients: Any, half_width: float) -> Row:
    """Items with two labels that an interval of the wanted half-width would take."""
    found: dict[str, Row] = {}
    for key in ("krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "percent_agreement"):
        estimate: Estimate | None = coefficients.get(key)
        if estimate is None or estimate.value is None:
            continue
        n_items = items_for_half_width(estimate, half_width=half_width)
        more = None if n_items is None else max(0, n_items - estimate.n)
        found[key] = {"n": estimate.n, "n_items": n_items, "n_items_more": more}
    return {"half_width": half_width, "coefficients": found}
