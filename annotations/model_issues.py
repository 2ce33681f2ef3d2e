"""Label issues by what a model says that never saw the items: CROWDLAB, confident learning, and
what to label next (ActiveLab)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations import crowds, queries
from annotations.confident import confident_part
from annotations.crowds import Parameters, Row
from annotations.issues import suspected
from annotations.ranked import Ranked, ranked, store
from catalog import exchange
from catalog.exchange import ClassProbabilities
from catalog.models import Question, Run
from catalog.queries import reference_codes
from measures.consensus import (
    ActiveLab,
    Crowdlab,
    CrowdlabCertainty,
    LabelCounts,
    RelabelPlan,
    accuracy_against_gold,
    activelab,
    crowdlab,
    crowdlab_certainty,
    label_counts,
    label_issues,
    plan_relabels,
)
from measures.estimates import Reason

CONVENTIONS = {
    "out_of_fold": "only of a model that is stated to be out of fold: with a model that was "
    "trained on an item its label agrees with itself, and nothing is found",
    "crowdlab": "weights of annotators and model by how much better than the most frequent value "
    "they agree, with the majority first and with the consensus that they give again (Goh, "
    "Tkachenko and Mueller 2022); items by the quality of their consensus, the lowest first; "
    "labels that are not the consensus and whose probability is at most suspect_below",
    "intervals": "of annotators and likelihood over items, consensus and weights staying as found; "
    "weights are what the consensus was formed with, and posterior, quality and score of an item "
    "are probabilities and ranks of that item: they have none",
    "confident_learning": "each label by the model's probabilities: the confident joint, the noise "
    "matrix of labels given true values, and the labels beyond it (Northcutt, Jiang and Chuang "
    "2021), the least probable first; where nobody labelled, the reference labels",
    "activelab": "the item first where one more label would help most, labelled or not (Goh and "
    "Mueller 2023); the model's probabilities at the temperature that fits the votes best",
    "dissent": "how many further labels of an average annotator, all for the runner-up, it takes "
    "until that leads",
    "stop": "labelling may stop when every item would withstand margin dissenting labels or has "
    "max_labels labels; more_labels is what that takes on average (Wald 1945)",
    "rounds": "repeated labels of one annotator count as several",
}


@dataclass(frozen=True)
class Judged:
    """The labelled items that a model predicted, in the order of the counts.

    Parameters
    ----------
    counts : LabelCounts, over the model's classes
    prob : (n_items, K) float array
    unlabelled : (m,) int64 array, predicted items without a label
    unlabelled_prob : (m, K) float array
    gold : (n_items,) int64 array, classes; -1 where there is no gold, K where it is no class
    classes : tuple of str
    """

    counts: LabelCounts
    prob: NDArray[np.float64]
    unlabelled: NDArray[np.int64]
    unlabelled_prob: NDArray[np.float64]
    gold: NDArray[np.int64]
    classes: tuple[str, ...]
    told: dict[str, int]


def find_issues_by_model(run: Run, should_stop: Callable[[], bool]) -> Row:
    """Items and labels to look at first, by a model's out-of-fold probabilities."""
    question = crowds.question_of_run(run)
    told = exchange.class_probabilities(question, run.parameters["model"])
    body = {
        "question": question.name,
        "scale": question.scale,
        "model": run.parameters["model"],
        "out_of_fold": None if told is None else told.out_of_fold,
        "conventions": CONVENTIONS,
    }
    if told is None or told.out_of_fold is not True:
        why = _not_out_of_fold(run.parameters["model"], told)
        return {**body, "values": [] if told is None else list(told.classes), **_nothing(*why)}
    judged = _judged(question, told)
    body |= {"values": list(told.classes), "warnings": _warnings(judged), **judged.told}
    labelled = judged.counts.n_labels > 0
    parts = {
        "crowdlab": _crowdlab_part(judged, run.parameters),
        "confident_learning": (
            confident_part(judged.counts, judged.prob, judged.classes)
            if labelled
            else _of_references(question, told)
        ),
        "activelab": _activelab_part(judged, run.parameters),
    }
    return body | _stored(run, parts)


def _stored(run: Run, parts: dict[str, Row]) -> dict[str, Row]:
    """The parts with the first rows of their tables, which are all kept beside the run."""
    tables = {
        f"{method}.{name}": rows
        for method, part in parts.items()
        for name in ("items", "labels")
        if isinstance(rows := part[name], Ranked)
    }
    store(run, tables)
    found = {method: dict(part) for method, part in parts.items()}
    for place, rows in tables.items():
        method, name = place.split(".")
        found[method][name] = rows.part(f"n_{name}")
    return found


def _not_out_of_fold(model: str, told: ClassProbabilities | None) -> tuple[Reason, str]:
    if told is None:
        return Reason.NO_DATA, f"{model} has no predictions outside its training split."
    said = "is stated not to be" if told.out_of_fold is False else "is not stated to be"
    return Reason.NOT_APPLICABLE, (
        f"{model} {said} out of fold: where a model was trained on an item, it repeats the item's "
        "label, wrong or not. Send predictions of a cross-validation, and set out_of_fold to true "
        f"(PATCH models/{model}/)."
    )


def _nothing(reason: Reason, why: str) -> Row:
    part = {
        "reason": reason.value,
        "why": why,
        "items": {"n_items": 0, "rows": []},
        "labels": {"n_labels": 0, "rows": []},
    }
    return {
        "n_items": 0,
        "n_labels": 0,
        "n_annotators": 0,
        "warnings": [],
        **dict.fromkeys(("crowdlab", "confident_learning", "activelab"), part),
    }


def _judged(question: Question, told: ClassProbabilities) -> Judged:
    """Labels as positions in the model's classes, of the items that it predicted."""
    records = None if question.is_numeric else queries.read_records(question)
    empty = np.zeros(0, np.int64)
    item, annotator, code = (
        (empty, empty, empty)
        if records is None
        else (records.item, records.annotator, records.value)
    )
    class_of = _class_of(question, told)
    klass, predicted = class_of[code], np.isin(item, told.item)
    used = (klass >= 0) & predicted
    counts = label_counts(
        item[used], annotator[used], klass[used], n_values=max(len(told.classes), 1)
    )
    fresh = ~np.isin(told.item, item)
    gold = np.full(counts.n_items, -1, np.int64)
    numbers, values = queries.gold_values(question)
    place = np.searchsorted(counts.items, numbers)
    known = np.append(counts.items, -1)[place] == numbers
    gold_class = class_of[values[known].astype(np.int64)]
    gold[place[known]] = np.where(gold_class >= 0, gold_class, len(told.classes))
    return Judged(
        counts,
        told.probabilities[np.searchsorted(told.item, counts.items)],
        told.item[fresh],
        told.probabilities[fresh],
        gold,
        told.classes,
        {
            "n_items": counts.n_items,
            "n_labels": counts.n_labels,
            "n_annotators": counts.n_annotators,
            "n_items_not_predicted": len(np.unique(item[~predicted])),
            "n_labels_not_a_class": int((predicted & (klass < 0)).sum()),
            "n_items_unlabelled": int(fresh.sum()),
        },
    )


def _class_of(question: Question, told: ClassProbabilities) -> NDArray[np.int64]:
    """The class of each code of the question; -1 for none."""
    place = {name: i for i, name in enumerate(told.classes)}
    return np.array([place.get(str(value), -1) for value in question.values] + [-1], np.int64)


def _warnings(judged: Judged) -> list[str]:
    counts = judged.counts
    by_item = counts.by_item() if counts.n_labels else np.zeros(0)
    found = {
        "no_labels": not counts.n_labels,
        "single_labels": counts.n_labels and not (by_item > 1).any(),
        "not_all_predicted": judged.told["n_items_not_predicted"],
    }
    return [name for name, holds in found.items() if holds]


def _crowdlab_part(judged: Judged, parameters: Parameters) -> Row:
    counts = judged.counts
    if not (counts.n_labels and (counts.by_item() > 1).any()):
        why = "No item that the model predicted has two labels, so that nothing tells how good "
        return _empty(Reason.TOO_FEW_ANNOTATORS, f"{why}annotators are; collect second labels.")
    found = crowdlab(counts, judged.prob)
    sure = crowdlab_certainty(counts, found)
    return {
        "reason": None,
        "why": None,
        "model_weight": found.model_weight,
        "likelihood": sure.likelihood.as_dict(),
        "gold_accuracy": accuracy_against_gold(found.posterior, judged.gold).as_dict(),
        "annotators": _annotators(counts, found, sure),
        "items": _crowdlab_items(judged, found),
        "labels": suspected(
            counts,
            label_issues(counts, found.posterior, at_most=parameters["suspect_below"]),
            judged.classes,
        ),
    }


def _empty(reason: Reason, why: str) -> Row:
    one = _nothing(reason, why)["crowdlab"]
    return dict(one)


def _annotators(counts: LabelCounts, found: Crowdlab, sure: CrowdlabCertainty) -> list[Row]:
    n_labels = counts.by_annotator().sum(axis=1)
    return [
        {
            "annotator": int(counts.annotators[a]),
            "n_labels": int(n_labels[a]),
            "quality": sure.quality[a].as_dict(),
            "weight": float(found.annotator_weight[a]),
            "agreement_with_consensus": sure.agreement[a].as_dict(),
        }
        for a in np.argsort(found.annotator_quality, kind="stable").tolist()
    ]


def _crowdlab_items(judged: Judged, found: Crowdlab) -> Ranked:
    counts, said = judged.counts, judged.prob.argmax(axis=1)
    columns = {
        "item": counts.items,
        "n_labels": counts.by_item(),
        "value": found.code,
        "quality": found.quality,
        "majority": found.majority,
        "agreement": found.agreement,
        "model_value": said,
        "model_probability": judged.prob[np.arange(len(said)), said],
    }
    order = np.lexsort((found.agreement, found.quality))
    rows = {name: column[order] for name, column in columns.items()}
    return ranked(rows, judged.classes, coded=("value", "majority", "model_value"))


def _of_references(question: Question, told: ClassProbabilities) -> Row:
    """Confident learning of the reference labels, where nobody's labels are stored."""
    numbers, codes = reference_codes(question)
    klass = _class_of(question, told)[codes]
    used = (klass >= 0) & np.isin(numbers, told.item)
    if not used.any():
        return _empty(Reason.NO_DATA, "No item that the model predicted has a label.")
    # One labeller of everything stands for whoever made the reference; nobody is named.
    counts = label_counts(
        numbers[used], np.zeros(used.sum(), np.int64), klass[used], n_values=len(told.classes)
    )
    prob = told.probabilities[np.searchsorted(told.item, counts.items)]
    return confident_part(counts, prob, told.classes, of="reference")


def _activelab_part(judged: Judged, parameters: Parameters) -> Row:
    counts, prob = judged.counts, judged.prob
    if not counts.n_labels:
        return _empty(Reason.NO_DATA, "No item that the model predicted has a label.")
    found = activelab(counts, prob, judged.unlabelled_prob)
    n = np.append(counts.by_item(), np.zeros(len(judged.unlabelled), np.int64))
    plan = plan_relabels(
        np.append(found.dissent, found.dissent_unlabelled),
        n,
        n_values=counts.n_values,
        likelihood=found.likelihood,
        margin=parameters["margin"],
        max_labels=int(parameters["max_labels"]),
    )
    return {
        "reason": None,
        "why": None,
        "temperature": found.temperature,
        "plan": {
            "margin": parameters["margin"],
            "n_settled": int(plan.settled.sum()),
            "n_exhausted": int(plan.exhausted.sum()),
            "n_open": int((plan.more_labels > 0).sum()),
            "n_more_labels": plan.n_more_labels,
            "may_stop": plan.may_stop,
        },
        "items": _next_rows(judged, found, n, plan),
        "labels": {"n_labels": 0, "rows": []},
    }


def _next_rows(judged: Judged, found: ActiveLab, n: NDArray[np.int64], plan: RelabelPlan) -> Ranked:
    votes = judged.counts.by_value()
    own = found.crowd.code if found.crowd is not None else votes.argmax(axis=1)
    score = np.append(found.score, found.score_unlabelled)
    columns = {
        "item": np.append(judged.counts.items, judged.unlabelled),
        "score": score,
        "n_labels": n,
        "value": np.append(own, judged.unlabelled_prob.argmax(axis=1)),
        "dissent": np.append(found.dissent, found.dissent_unlabelled),
        "settled": plan.settled,
        "more_labels": plan.more_labels,
    }
    order = np.argsort(score, kind="stable")
    rows = {name: column[order] for name, column in columns.items()}
    return ranked(rows, judged.classes, coded=("value",))
