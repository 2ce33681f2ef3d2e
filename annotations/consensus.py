"""Consensus runs: labels in, one value an item out; published as reference labels on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import crowds
from annotations.crowd_parameters import METHODS, STANDARD
from annotations.crowds import Crowd, NumberCrowd, Row
from annotations.ranked import amounts, ranked, store
from catalog.models import Run
from measures.consensus import (
    BiasVariance,
    Climb,
    Consensus,
    TieRule,
    accuracy_against_gold,
    agreement_weights,
    decide,
    distance_from_gold,
    glad,
    mace,
    majority_shares,
    mean_consensus,
    median_consensus,
    one_coin,
    weighted_majority_shares,
)

#: Up to so many labels all methods together take a second or two.
ALL_METHODS_LABELS = 50_000
ALL_METHODS_VALUES = 64
CONVENTIONS = {
    "tie": "an item on which several values come first is a tie and has no value, unless the "
    "question's tie rule names one; it stays marked as a tie",
    "gold_accuracy": "a tie between m values of which one is gold counts 1/m; n counts the items "
    "that have labels and gold (uploaded or adjudicated, never a published consensus)",
    "confidence": "posterior of the value; for majority its share of the labels",
    "dawid_skene": "maximum likelihood by EM from the shares of labels, plus the stated smoothing "
    "in every cell; repeated labels are independent draws; annotators with fewer than 10 labels "
    "lean on everybody's confusion, worth 4 labels a row",
    "weighted_majority": "labels weigh as much as their annotator agrees with the others",
    "items": "the least certain by the first method first",
    "methods": f"all of them up to {ALL_METHODS_LABELS:,} labels, else the three quick ones, "
    "unless a run names others",
    "bias_variance": "label = true value + annotator's bias + noise; biases sum to 0 by labels",
}


@dataclass(frozen=True)
class Answer:
    """What one method says about every item, and how it came to that."""

    posterior: NDArray[np.float64]
    consensus: Consensus
    log_likelihood: float | None = None
    climb: Climb | None = None


def measure_consensus(run: Run, should_stop: Callable[[], bool]) -> Row:
    """The consensus value of every item, by each method asked for."""
    question = crowds.question_of_run(run)
    if question.is_numeric:
        return _of_numbers(run, crowds.read_number_crowd(question))
    crowd = crowds.read_crowd(question)
    methods = run.parameters["methods"] or _standard(crowd)
    answers = {
        method: answer
        for method in methods
        if not should_stop() and (answer := answer_of(crowd, method, run)) is not None
    }
    return {
        **crowds.headline(
            question, crowd.counts.n_items, crowd.counts.n_labels, crowd.counts.n_annotators
        ),
        "values": crowd.values,
        "tie_rule": question.tie_rule,
        "warnings": _warnings(crowd, methods, answers),
        "conventions": CONVENTIONS,
        "methods": {
            method: _summary(crowd, answer, run.parameters["ci_level"])
            for method, answer in answers.items()
        },
        "items": _items(run, crowd, answers),
    }


def _standard(crowd: Crowd) -> tuple[str, ...]:
    """Every method where that is quick."""
    counts = crowd.counts
    quick = counts.n_labels <= ALL_METHODS_LABELS and counts.n_values <= ALL_METHODS_VALUES
    return METHODS if quick else STANDARD


def _warnings(crowd: Crowd, methods: Sequence[str], answers: dict[str, Answer]) -> list[str]:
    found = []
    if crowd.counts.n_items and len(answers) < len(methods):
        found.append("too_many_values")
    # The others say so of themselves; MACE stops after a fixed number of steps.
    first = next(iter(answers.values()), None)
    if first is not None and first.climb is not None and not first.climb.converged:
        found.append("not_converged")
    if crowd.counts.n_annotators == 2:
        found.append("two_annotators")
    return found


def answer_of(crowd: Crowd, method: str, run: Run) -> Answer | None:
    """What a method says; ``None`` where there is nothing to say it about or too many values."""
    if crowd.counts.n_labels == 0:
        return None
    rng = np.random.default_rng(int(run.digest[:16], 16))
    rule = TieRule(crowd.question.tie_rule)
    if method in ("majority", "weighted_majority"):
        shares = (
            majority_shares(crowd.counts)
            if method == "majority"
            else weighted_majority_shares(crowd.counts, agreement_weights(crowd.counts))
        )
        return Answer(shares, decide(shares, rule=rule))
    model: Any = _fitted(crowd, method, run.parameters.get("smoothing", 0.0), rng)
    if model is None:
        return None
    chosen = decide(model.posterior, rule=rule)
    return Answer(model.posterior, chosen, model.log_likelihood, model.climb)


def _fitted(crowd: Crowd, method: str, smoothing: float, rng: np.random.Generator) -> Any:
    if method == "dawid_skene":
        return crowd.fitted(smoothing)
    if method == "one_coin":
        return one_coin(crowd.counts, smoothing=smoothing)
    if method == "mace":
        return mace(crowd.counts, rng=rng)
    return glad(crowd.counts)


def _summary(crowd: Crowd, answer: Answer, ci_level: float) -> Row:
    code = answer.consensus.code
    n_of = np.bincount(code[code >= 0], minlength=len(crowd.codes)).tolist()
    return {
        "n_decided": int((code >= 0).sum()),
        "n_ties": int(answer.consensus.tie.sum()),
        "mean_confidence": float(answer.consensus.confidence.mean()),
        "log_likelihood": answer.log_likelihood,
        "steps": None if answer.climb is None else answer.climb.steps,
        "converged": None if answer.climb is None else answer.climb.converged,
        "gold_accuracy": accuracy_against_gold(
            answer.posterior, crowd.gold, ci_level=ci_level
        ).as_dict(),
        "values": [
            {"value": value, "n_items": n, "share": n / len(code)}
            for value, n in zip(crowd.values, n_of, strict=True)
        ],
    }


def _items(run: Run, crowd: Crowd, answers: dict[str, Answer]) -> Row:
    """All items, the least certain by the first method first; the first of them in the result."""
    if not answers:
        return {"n_items": crowd.counts.n_items, "rows": []}
    first = next(iter(answers.values()))
    order = np.argsort(first.consensus.confidence, kind="stable")
    votes = crowd.counts.by_value()[order].astype(np.int64)
    columns = {
        "item": crowd.counts.items[order],
        "n_labels": votes.sum(axis=1),
        "labels": amounts(votes, least=1),
        **_decisions("", first, order),
        # Down to one in a thousand, lest rows grow long.
        "posterior": amounts(first.posterior[order], least=1e-3),
    }
    for method, answer in answers.items():
        columns |= _decisions(f"methods.{method}.", answer, order)
    coded = [name for name in columns if name.split(".")[-1] == "value"]
    rows = ranked(columns, crowd.values, coded=coded)
    store(run, {"items": rows})
    return rows.part()


def _decisions(prefix: str, answer: Answer, order: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
    chosen = answer.consensus
    parts = {"value": chosen.code, "tie": chosen.tie, "confidence": chosen.confidence}
    return {prefix + name: part[order] for name, part in parts.items()}


def number_answers(crowd: NumberCrowd, model: BiasVariance) -> dict[str, NDArray[np.float64]]:
    """The consensus number of every item by each method."""
    return {
        "bias_variance": model.value,
        "mean": mean_consensus(crowd.labels),
        "median": median_consensus(crowd.labels),
    }


def _of_numbers(run: Run, crowd: NumberCrowd) -> Row:
    labels, methods, ci_level = crowd.labels, run.parameters["methods"], run.parameters["ci_level"]
    body = {
        **crowds.headline(
            crowd.question, labels.items.size, labels.n_labels, labels.annotators.size
        ),
        "values": [],
        "tie_rule": crowd.question.tie_rule,
        "conventions": CONVENTIONS,
    }
    if labels.n_labels == 0:
        return {**body, "warnings": [], "methods": {}, "items": {"n_items": 0, "rows": []}}
    model = crowd.fitted()
    known = number_answers(crowd, model)
    answers = {name: known[name] for name in methods}
    low, high = model.interval(ci_level)
    order = np.argsort(-model.sd, kind="stable")
    columns = {
        "item": labels.items,
        "n_labels": labels.labels_by_item(),
        "value": answers[methods[0]],
        "tie": np.zeros(len(order), bool),
        "sd": model.sd,
        "ci_low": low,
        "ci_high": high,
        **{f"methods.{name}.value": value for name, value in answers.items()},
    }
    rows = ranked({name: column[order] for name, column in columns.items()})
    store(run, {"items": rows})
    return {
        **body,
        "warnings": crowds.model_warnings(labels.annotators.size, model),
        "methods": {
            name: {
                **(crowds.fit_of(model) if name == "bias_variance" else {}),
                "gold_error": distance_from_gold(value, crowd.gold, ci_level=ci_level).as_dict(),
            }
            for name, value in answers.items()
        },
        "items": rows.part(),
    }
