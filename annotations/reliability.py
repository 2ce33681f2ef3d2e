"""Annotator runs: whom one can rely on, and what must be known before comparing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import crowds
from annotations.crowds import Crowd, NumberCrowd, Parameters, Row
from catalog.models import Run
from measures.agreement import items_for_half_width
from measures.consensus import (
    DawidSkene,
    Reliability,
    assignment_check,
    bias_estimates,
    consensus_without,
    distance_from_gold,
    drift,
    gold_accuracy,
    pace,
    reliability,
    shared_items,
)
from measures.estimates import Estimate, Reason, undefined

CONVENTIONS = {
    "accuracy": "sum over values of prevalence times the probability of saying the true one, by "
    "Dawid and Skene's model; interval from a Dirichlet posterior of the confusion, the true "
    "values' posterior taken as it is",
    "shrunk": "fewer than 10 labels: the confusion leans on that of everybody, worth 4 labels in "
    "each row",
    "spammer_score": "0 when labels say nothing about the true value, 1 when they determine it "
    "(Raykar and Yu 2012); a perfect liar scores 1. Interval from draws of the confusion "
    "as for the accuracy, from 0 where guessing is not refuted; none beyond 250,000 cells of "
    "confusions",
    "gold_accuracy": "share of labels of gold items that are gold; Wilson interval",
    "consensus_change_without": "share of shared items whose most probable value changes without "
    "the annotator's labels, the parameters staying as fitted; Wilson interval over items",
    "drift": "mean score of the later half of the labels minus the earlier half; the score is the "
    "posterior of the label's value (for numbers minus its distance from the consensus); p by rank "
    "correlation with time, adjusted over annotators (Benjamini-Hochberg)",
    "pace": "median duration, and its ratio to the others' on the same items",
    "assignment": "total variation between the consensus values of own and of all other items; not "
    "comparable: adjusted p below 0.05 and distance above 0.1, or no chain of shared items",
    "labels_needed": "labels in all for an accuracy known to plus or minus half_width",
}


def measure_annotators(run: Run, should_stop: Callable[[], bool]) -> Row:
    """How far each annotator of a question can be relied on."""
    question = crowds.question_of_run(run)
    if question.is_numeric:
        return _of_numbers(crowds.read_number_crowd(question), run.parameters)
    crowd = crowds.read_crowd(question)
    counts = crowd.counts
    body = {
        **crowds.headline(question, counts.n_items, counts.n_labels, counts.n_annotators),
        "values": crowd.values,
        "conventions": CONVENTIONS,
    }
    if counts.n_labels == 0:
        return {**body, "warnings": [], "prevalence": [], "model": None, "annotators": []}
    model = crowd.fitted(run.parameters["smoothing"])
    return {
        **body,
        "warnings": crowds.model_warnings(counts.n_annotators, model),
        "prevalence": [] if model is None else model.prevalence.tolist(),
        "model": None if model is None else crowds.fit_of(model),
        "annotators": _rows(crowd, model, run),
    }


def _rows(crowd: Crowd, model: DawidSkene | None, run: Run) -> list[Row]:
    counts, level = crowd.counts, run.parameters["ci_level"]
    posterior = crowd.posterior(model)
    gold = gold_accuracy(counts, crowd.gold, ci_level=level)
    position = _Positions(crowd.records, counts.items, counts.annotators)
    code = np.searchsorted(crowd.codes, crowd.records.value)
    conduct = _conduct(position, posterior[position.item, code], level)
    checks = assignment_check(counts, posterior)
    rows = _modelled(crowd, model, run)
    for row, correct, extra, check in zip(rows, gold, conduct, checks, strict=True):
        row["gold_accuracy"] = correct.as_dict()
        row |= extra
        row["assignment"] = {
            "difference": check.difference.as_dict(),
            "component": check.component,
            "comparable": check.comparable,
        }
    return rows


def _modelled(crowd: Crowd, model: DawidSkene | None, run: Run) -> list[Row]:
    counts, parameters = crowd.counts, run.parameters
    if model is None:
        none = undefined(Reason.NOT_APPLICABLE, 0).as_dict()
        n_items, n_shared = shared_items(counts)
        n_labels = counts.by_annotator().sum(axis=1)
        return [
            {
                "annotator": int(counts.annotators[a]),
                "n_labels": int(n_labels[a]),
                "n_items": int(n_items[a]),
                "n_items_shared": int(n_shared[a]),
                "accuracy": none,
                "spammer_score": none,
                "consensus_change_without": none,
                "shrunk": False,
                "labels_needed": None,
                "confusion": [],
            }
            for a in range(counts.n_annotators)
        ]
    change = consensus_without(counts, model, ci_level=parameters["ci_level"])
    rng = np.random.default_rng(int(run.digest[:16], 16))
    found = reliability(counts, model, ci_level=parameters["ci_level"], rng=rng)
    return [
        _modelled_row(one, changed, parameters["half_width"])
        for one, changed in zip(found, change, strict=True)
    ]


def _modelled_row(one: Reliability, change: Estimate, half_width: float) -> Row:
    return {
        "annotator": one.annotator,
        "n_labels": one.n_labels,
        "n_items": one.n_items,
        "n_items_shared": one.n_items_shared,
        "accuracy": one.accuracy.as_dict(),
        "spammer_score": one.spammer_score.as_dict(),
        "consensus_change_without": change.as_dict(),
        "shrunk": one.shrunk,
        "labels_needed": items_for_half_width(one.accuracy, half_width=half_width),
        "confusion": [list(row) for row in one.confusion],
    }


class _Positions:
    """Every label by position of its item and annotator, with its time and duration."""

    def __init__(
        self, records: Any, items: NDArray[np.int64], annotators: NDArray[np.int64]
    ) -> None:
        self.item = np.searchsorted(items, records.item)
        self.annotator = np.searchsorted(annotators, records.annotator)
        self.n_annotators = len(annotators)
        self.labelled_at, self.duration_ms = records.labelled_at, records.duration_ms


def _conduct(at: _Positions, score: NDArray[np.float64], ci_level: float) -> list[Row]:
    """Drift and pace of each annotator, by the labels whose time and duration are known."""
    dated, timed = at.labelled_at >= 0, at.duration_ms > 0
    options: dict[str, Any] = {"n_annotators": at.n_annotators, "ci_level": ci_level}
    drifts = drift(at.annotator[dated], at.labelled_at[dated], score[dated], **options)
    paces = pace(at.item[timed], at.annotator[timed], at.duration_ms[timed], **options)
    return [
        {
            "drift": change.as_dict(),
            "pace": {"median_ms": speed.median.as_dict(), "ratio": speed.ratio.as_dict()},
        }
        for change, speed in zip(drifts, paces, strict=True)
    ]


def _of_numbers(crowd: NumberCrowd, parameters: Parameters) -> Row:
    labels, level = crowd.labels, parameters["ci_level"]
    body = {
        **crowds.headline(
            crowd.question, labels.items.size, labels.n_labels, labels.annotators.size
        ),
        "values": [],
        "prevalence": [],
        "conventions": CONVENTIONS,
    }
    if labels.n_labels == 0:
        return {**body, "warnings": [], "model": None, "annotators": []}
    model = crowd.fitted()
    position = _Positions(crowd.records, labels.items, labels.annotators)
    residual = labels.value - model.value[labels.item] - model.bias[labels.annotator]
    conduct = _conduct(position, -np.abs(residual), level)
    n_labels = labels.labels_by_annotator()
    labels_of = np.split(np.argsort(labels.annotator, kind="stable"), np.cumsum(n_labels)[:-1])
    rows = []
    for a, (bias, noise) in enumerate(bias_estimates(labels, model, ci_level=level)):
        mine = labels_of[a]
        gold = crowd.gold[labels.item[mine]]
        rows.append(
            {
                "annotator": int(labels.annotators[a]),
                "n_labels": int(n_labels[a]),
                "bias": bias.as_dict(),
                "noise": noise.as_dict(),
                "shrunk": bool(model.shrunk[a]),
                "gold_error": distance_from_gold(
                    labels.value[mine], gold, ci_level=level
                ).as_dict(),
                **conduct[a],
            }
        )
    return {
        **body,
        "warnings": crowds.model_warnings(labels.annotators.size, model),
        "model": {**crowds.fit_of(model), "mean": model.mean, "spread": model.spread},
        "annotators": rows,
    }
