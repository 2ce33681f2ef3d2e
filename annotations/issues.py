"""Label-issue runs: what is unsettled, which labels are probably wrong, and what to ask next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from annotations import crowds
from annotations.crowds import KEPT_ROWS, Crowd, NumberCrowd, Parameters, Row
from catalog.models import Run
from measures.consensus import (
    DawidSkene,
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
    "kept": f"the first {KEPT_ROWS:,} of each; the counts are of all",
}


def find_issues(run: Run, should_stop: Callable[[], bool]) -> Row:
    """Items and labels of a question to look at first."""
    question = crowds.question_of_run(run)
    if question.is_numeric:
        return _of_numbers(crowds.read_number_crowd(question))
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
    return {
        **body,
        "warnings": crowds.model_warnings(counts.n_annotators, model),
        "plan": None if plan is None else _plan_in_short(plan),
        "items": _items(crowd, model, plan),
        "labels": _labels(crowd, model, run.parameters["suspect_below"]),
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
        crowd.counts.by_value().sum(axis=1).astype(np.int64),
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


def _items(crowd: Crowd, model: DawidSkene | None, plan: LabelPlan | None) -> Row:
    found = item_issues(crowd.counts, crowd.posterior(model))
    values = crowd.values
    rows = []
    for rank, i in enumerate(found.position[:KEPT_ROWS].tolist()):
        runner_up = int(found.runner_up[rank])
        rows.append(
            {
                "item": int(crowd.counts.items[i]),
                "n_labels": int(found.n_labels[rank]),
                "value": values[int(found.code[rank])],
                "confidence": float(found.confidence[rank]),
                "runner_up": None if runner_up < 0 else values[runner_up],
                "entropy": float(found.entropy[rank]),
                "settled": None if plan is None else bool(plan.settled[i]),
                "more_labels": None if plan is None else int(plan.more_labels[i]),
            }
        )
    return {"n_items": crowd.counts.n_items, "rows": rows}


def _labels(crowd: Crowd, model: DawidSkene | None, at_most: float) -> Row:
    counts, values = crowd.counts, crowd.values
    found = label_issues(counts, crowd.posterior(model), at_most=at_most)
    return {
        "n_labels": len(found.item),
        "rows": [
            {
                "item": int(counts.items[found.item[i]]),
                "annotator": int(counts.annotators[found.annotator[i]]),
                "label": values[int(found.code[i])],
                "probability": float(found.probability[i]),
                "suggested": values[int(found.suggested[i])],
                "suggested_probability": float(found.suggested_probability[i]),
            }
            for i in range(min(len(found.item), KEPT_ROWS))
        ],
    }


def _of_numbers(crowd: NumberCrowd) -> Row:
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
    least_known = np.argsort(-model.sd, kind="stable")[:KEPT_ROWS]
    found = number_issues(labels, model)
    return {
        **body,
        "warnings": crowds.model_warnings(labels.annotators.size, model),
        "plan": None,
        "items": {
            "n_items": int(labels.items.size),
            "rows": [
                {
                    "item": int(labels.items[i]),
                    "n_labels": int(n[i]),
                    "value": float(model.value[i]),
                    "sd": float(model.sd[i]),
                }
                for i in least_known.tolist()
            ],
        },
        "labels": {
            "n_labels": len(found.position),
            "rows": [
                {
                    "item": int(labels.items[labels.item[i]]),
                    "annotator": int(labels.annotators[labels.annotator[i]]),
                    "label": float(labels.value[i]),
                    "suggested": float(expected),
                    "z": float(z),
                }
                for i, expected, z in zip(
                    found.position[:KEPT_ROWS].tolist(),
                    found.expected[:KEPT_ROWS].tolist(),
                    found.z[:KEPT_ROWS].tolist(),
                    strict=True,
                )
            ],
        },
    }
