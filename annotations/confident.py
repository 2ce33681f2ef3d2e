"""Confident learning about the labels of a question, as the result shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.crowds import Row
from annotations.ranked import Ranked, ranked
from measures.consensus import LabelCounts, confident_issues, confident_joint, label_quality
from measures.estimates import Reason

RULES = ("by_noise_rate", "by_class", "both", "confident")
#: Probabilities that are in memory at once, one row a label.
MAX_CELLS = 50_000_000


def confident_part(
    counts: LabelCounts,
    prob: NDArray[np.float64],
    classes: tuple[str, ...],
    *,
    of: str = "labels",
) -> Row:
    """Which labels are probably wrong, and how labels and true values go together.

    ``of`` says whose they are: ``labels`` of annotators, or ``reference`` labels.
    """
    row, annotator, code, count = counts.entries()
    times = count.astype(np.int64)
    if int(times.sum()) * counts.n_values > MAX_CELLS:
        return {
            "reason": Reason.NOT_APPLICABLE.value,
            "why": f"There are {int(times.sum()):,} labels of {counts.n_values} values; this asks "
            f"for {MAX_CELLS:,} probabilities at most.",
            "items": {"n_items": 0, "rows": []},
            "labels": {"n_labels": 0, "rows": []},
        }
    # A label that was given in two rounds is two labels.
    row, annotator, code = (np.repeat(one, times) for one in (row, annotator, code))
    each = prob[row]
    joint = confident_joint(code, each)
    found = confident_issues(code, each)
    quality = label_quality(code, each)
    flags = {rule: getattr(found, rule) for rule in RULES}
    any_rule = np.logical_or.reduce(list(flags.values()))
    order = np.flatnonzero(any_rule)
    order = order[np.argsort(quality.self_confidence[order], kind="stable")]
    columns = {
        "item": counts.items[row],
        **({"annotator": counts.annotators[annotator]} if of == "labels" else {}),
        "label": code,
        "suggested": each.argmax(axis=1),
        "self_confidence": quality.self_confidence,
        "normalized_margin": quality.normalized_margin,
        "confidence_weighted_entropy": quality.confidence_weighted_entropy,
        **flags,
    }
    return {
        "reason": None,
        "why": None,
        "of": of,
        "joint": joint.counts.tolist(),
        "noise_matrix": _shares(joint.counts.T),
        "inverse_noise_matrix": _shares(joint.counts),
        "noise_rate": joint.noise_rate,
        "n_estimated": int(joint.counts.sum() - np.trace(joint.counts)),
        "n_issues": {rule: int(flag.sum()) for rule, flag in flags.items()},
        "items": _items(counts, prob, (row, any_rule, quality.self_confidence), classes),
        "labels": ranked(
            {name: column[order] for name, column in columns.items()},
            classes,
            coded=("label", "suggested"),
        ),
    }


def _shares(table: NDArray[np.int64]) -> list[list[float | None]]:
    """Each row over its sum; null where nothing was counted."""
    return [
        [None if not line.sum() else float(n / line.sum()) for n in line.tolist()] for line in table
    ]


def _items(
    counts: LabelCounts, prob: NDArray[np.float64], labels: Any, classes: tuple[str, ...]
) -> Ranked:
    """Items with a label that is probably wrong, by the mean probability of their labels."""
    row, wrong, confidence = labels
    n = np.bincount(row, minlength=counts.n_items)
    mean = np.bincount(row, confidence, minlength=counts.n_items) / n
    n_wrong = np.bincount(row, wrong, minlength=counts.n_items).astype(np.int64)
    order = np.flatnonzero(n_wrong)
    order = order[np.argsort(mean[order], kind="stable")]
    said = prob.argmax(axis=1)
    columns = {
        "item": counts.items,
        "n_labels": n,
        "n_issues": n_wrong,
        "mean_self_confidence": mean,
        "model_value": said,
        "model_probability": prob[np.arange(len(said)), said],
    }
    rows = {name: column[order] for name, column in columns.items()}
    return ranked(rows, classes, coded=("model_value",))
