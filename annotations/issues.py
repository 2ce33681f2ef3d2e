"""Label-issue runs: what is unsettled, which labels are probably wrong, and what to ask next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from annotations import crowds
from annotations.crowds import Crowd, NumberCrowd, Parameters, Row
from annotations.ranked import Ranked, ranked, store
from catalog.models import Run
from measures.consensus import (
    DawidSkene,
    LabelCounts,
    LabelIssues,
    LabelPlan,
    item_issues,
    label_issues,
    number_issues,
    plan_labels,
)

CONVENTIONS = {
    "items": "by the posterior of the most probable value, the least certain first; where equal, "
    "by the share of labels that give it",
    "labels": "labels that are not the most probable value and whose posterior is at most "
    "suspect_below, the least probable first",
    "posterior": "Dawid and Skene's model by maximum likelihood, plus the stated smoothing; the "
    "shares of labels where there are too many values for it",
    "more_labels": "expected further labels until the posterior reaches certainty, asking an "
    "average annotator (Wald 1945); an item with max_labels labels is left to a person",
    "stop": "labelling may stop when every item is settled or has max_labels labels",
    "numbers": "labels by their distance from true value plus the annotator's bias, in standard "
    "deviations of the annotator's noise, |z| of 3 or more; items by the uncertainty of the value",
}


def find_issues(run: Run, should_stop: Callable[[], bool]) -> Row:
    """Items and labels of a question to look at first."""
    question = crowds.question_of_run(run)
    if question.is_numeric:
        return _of_numbers(run, crowds.read_number_crowd(question))
    crowd = crowds.read_crowd(question)
    counts = crowd.counts
    body = {
        **crowds.headline(question, counts.n_items, counts.n_labels, counts.n_annotators),
        "values": crowd.values,
        "conventions": CONVENTIONS,
    }
    if counts.n_labels == 0:
        return {**body, **_nothing()}
    model = crowd.fitted(run.parameters["smoothing"])
    plan = _plan(crowd, model, run.parameters)
    items = _items(crowd, model, plan)
    labels = _labels(crowd, model, run.parameters["suspect_below"])
    store(run, {"items": items, "labels": labels})
    return {
        **body,
        "warnings": crowds.model_warnings(counts.n_annotators, model),
        "plan": None if plan is None else _plan_in_short(plan),
        "items": items.part(),
        "labels": labels.part("n_labels"),
    }


def _nothing() -> Row:
    none: Row = {"n_items": 0, "rows": []}
    return {"warnings": [], "plan": None, "items": none, "labels": {"n_labels": 0, "rows": []}}


def _plan(crowd: Crowd, model: DawidSkene | None, parameters: Parameters) -> LabelPlan | None:
    """What each item needs, asking an annotator who errs like the labels so far on average."""
    if model is None:
        return None
    pooled = model.expected.sum(axis=0) + 1e-9
    return plan_labels(
        model.posterior,
        crowd.counts.by_item(),
        pooled / pooled.sum(axis=1, keepdims=True),
        certainty=parameters["certainty"],
        max_labels=int(parameters["max_labels"]),
    )


def _plan_in_short(plan: LabelPlan) -> Row:
    return {
        "n_settled": int(plan.settled.sum()),
        "n_exhausted": int(plan.exhausted.sum()),
        "n_open": int((~plan.settled & ~plan.exhausted).sum()),
        "n_more_labels": plan.n_more_labels,
        "may_stop": plan.may_stop,
    }


def _items(crowd: Crowd, model: DawidSkene | None, plan: LabelPlan | None) -> Ranked:
    found = item_issues(crowd.counts, crowd.posterior(model))
    columns = {
        "item": crowd.counts.items[found.position],
        "n_labels": found.n_labels,
        "value": found.code,
        "confidence": found.confidence,
        "runner_up": found.runner_up,
        "entropy": found.entropy,
    }
    for name in ("settled", "more_labels"):
        planned = np.full(len(found.code), np.nan) if plan is None else getattr(plan, name)
        columns[name] = planned[found.position]
    return ranked(columns, crowd.values, coded=("value", "runner_up"))


def _labels(crowd: Crowd, model: DawidSkene | None, at_most: float) -> Ranked:
    found = label_issues(crowd.counts, crowd.posterior(model), at_most=at_most)
    return suspected(crowd.counts, found, crowd.values)


def suspected(counts: LabelCounts, found: LabelIssues, values: Sequence[Any]) -> Ranked:
    """Labels that are probably wrong, with the value to put in their place."""
    columns = {
        "item": counts.items[found.item],
        "annotator": counts.annotators[found.annotator],
        "label": found.code,
        "probability": found.probability,
        "suggested": found.suggested,
        "suggested_probability": found.suggested_probability,
    }
    return ranked(columns, values, coded=("label", "suggested"))


def _of_numbers(run: Run, crowd: NumberCrowd) -> Row:
    labels = crowd.labels
    body = {
        **crowds.headline(
            crowd.question, labels.items.size, labels.n_labels, labels.annotators.size
        ),
        "values": [],
        "conventions": CONVENTIONS,
    }
    if labels.n_labels == 0:
        return {**body, **_nothing()}
    model = crowd.fitted()
    n = labels.labels_by_item()
    least_known = np.argsort(-model.sd, kind="stable")
    found = number_issues(labels, model)
    at = found.position
    items = ranked(
        {
            "item": labels.items[least_known],
            "n_labels": n[least_known],
            "value": model.value[least_known],
            "sd": model.sd[least_known],
        }
    )
    suspects = ranked(
        {
            "item": labels.items[labels.item[at]],
            "annotator": labels.annotators[labels.annotator[at]],
            "label": labels.value[at],
            "suggested": found.expected,
            "z": found.z,
        }
    )
    store(run, {"items": items, "labels": suspects})
    return {
        **body,
        "warnings": crowds.model_warnings(labels.annotators.size, model),
        "plan": None,
        "items": items.part(),
        "labels": suspects.part("n_labels"),
    }
