"""Label rates and model metrics: as they are, and as the population would show them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Question
from catalog.problems import Refusal
from catalog.queries import reference_codes
from coverage.outcomes import Outcomes, outcomes
from measures.coverage.weighted_means import weighted_mean, weighted_rate

Floats = NDArray[np.float64]


def label_rates(question: Question, weight: Floats) -> dict[str, Any]:
    """The share of each reference label of a question, among items with a label.

    Parameters
    ----------
    question : Question
    weight : (n_items,) float64, by item number; 0 where an item has none
    """
    number, code = reference_codes(question)
    labels = [str(value) for value in question.values]
    known = (code >= 0) & (code < len(labels))
    code, own = code[known], weight[number[known]]
    # Items that weigh alike are one cell: weights are few, and so are sums over them.
    weights, cell = np.unique(own, return_inverse=True)
    n = np.bincount(cell * max(len(labels), 1) + code, minlength=len(weights) * len(labels))
    counts = n.reshape(len(weights), len(labels)) if labels else np.zeros((0, 0), np.int64)
    sizes = counts.sum(axis=1)
    return {
        "question": question.name,
        "n_labelled": len(code),
        "n_weighted": int((own > 0).sum()),
        "values": [
            {
                "value": label,
                "n": int(counts[:, k].sum()),
                "unweighted": weighted_rate(counts[:, k], sizes, np.ones(len(sizes))).as_dict(),
                "weighted": weighted_rate(counts[:, k], sizes, weights).as_dict(),
            }
            for k, label in enumerate(labels)
        ],
    }


def model_metrics(question: Question, weight: Floats, model: str | None) -> dict[str, Any] | None:
    """Accuracy, Brier score and calibration in the large; None where no model has predicted."""
    try:
        known = outcomes(question, model)
    except Refusal as refusal:
        return {"question": question.name, "reason": refusal.detail}
    if known is None:
        return None
    return {"question": question.name, "reason": None, **_metrics(known, weight[known.item])}


def _metrics(known: Outcomes, own: Floats) -> dict[str, Any]:
    ways = {"unweighted": np.ones(len(own)), "weighted": own}
    over = known.confidence - known.correct
    return {
        "model": known.model,
        "out_of_fold": known.out_of_fold,
        "n": len(own),
        "n_weighted": int((own > 0).sum()),
        "accuracy": {k: weighted_rate(known.correct, 1, w).as_dict() for k, w in ways.items()},
        "brier": {k: weighted_mean(known.brier, w).as_dict() for k, w in ways.items()},
        "overconfidence": {k: weighted_mean(over, w).as_dict() for k, w in ways.items()},
        "calibration_in_the_large": [
            {
                "value": name,
                **{k: weighted_mean(known.surplus(c), w).as_dict() for k, w in ways.items()},
            }
            for c, name in enumerate(known.classes)
        ],
    }
