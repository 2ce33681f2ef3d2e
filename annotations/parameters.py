"""Parameters of agreement runs, and which runs start by themselves. Imports no statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from annotations import queries
from catalog.ingest.kinds import question_of
from catalog.models import Dataset, Item, Question
from catalog.problems import Refusal

DEFAULTS: dict[str, Any] = {
    "n_replicates": 1000,
    "ci_level": 0.95,
    "weights": [],
    "resample": "auto",
    "half_width": 0.05,
    "n_permutations": 999,
}
RESAMPLE = ("auto", "items", "groups")
# Named here again because this module must not bring the statistics into the web processes.
WEIGHTS = (
    "identity",
    "linear",
    "quadratic",
    "ordinal",
    "radical",
    "ratio",
    "circular",
    "bipolar",
)


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The question and the full parameters of an agreement run."""
    if unknown := sorted(set(parameters) - {"question", *DEFAULTS}):
        raise Refusal(
            f"An agreement run has no parameter {unknown[0]!r}; it has question, "
            f"{', '.join(DEFAULTS)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )
    name = question_of(dataset, parameters.get("question"), "/parameters/question")
    full = {**DEFAULTS, **parameters, "question": name}
    _check(full)
    _check_order(dataset.questions.get(name=name), full["weights"])
    if full["resample"] == "groups" and not _has_groups(dataset):
        raise Refusal(
            "resample cannot be groups: no item of this data set has a group. Send uploads/items/ "
            "with a column group, or resample items.",
            pointer="/parameters/resample",
        )
    return name, full


def _has_groups(dataset: Dataset) -> bool:
    return Item.objects.filter(dataset=dataset, group__isnull=False).exists()


def _check_order(question: Question, weights: list[str]) -> None:
    """Refuse graded weights where nobody said in which order the values stand."""
    graded = [name for name in weights if name != "identity"]
    if not graded or question.scale not in (Question.Scale.NOMINAL, Question.Scale.SET):
        return
    if question.scale == Question.Scale.SET:
        why = "which sets do not have; alpha by Jaccard and MASI distance is given without asking"
    elif question.values and not question.learned:
        return
    elif question.values:
        why = (
            f"and these were learned from uploads: {', '.join(map(str, question.values[:10]))}. If "
            f"that is their order, say so with PATCH questions/{question.name}/ "
            '{"values": [...]}; else send the labels to a question that declares another'
        )
    else:
        why = f'which PATCH questions/{question.name}/ {{"values": [...]}} declares'
    raise Refusal(
        f"weights {graded[0]!r} need the values of {question.name!r} in an order, {why}.",
        pointer="/parameters/weights",
    )


def _check(full: dict[str, Any]) -> None:
    _check_whole(full, "n_replicates", 0)
    _check_whole(full, "n_permutations", 1)
    _check_fraction(full, "ci_level", 0.5)
    _check_fraction(full, "half_width", 0.001)
    if full["resample"] not in RESAMPLE:
        raise Refusal(
            f"resample must be one of {', '.join(RESAMPLE)}; it is {full['resample']!r}.",
            pointer="/parameters/resample",
        )
    names = full["weights"]
    if not isinstance(names, list) or not all(name in WEIGHTS for name in names):
        raise Refusal(
            f"weights must be a list of names among {', '.join(WEIGHTS)}; it is {names!r}.",
            pointer="/parameters/weights",
        )


def _check_whole(full: dict[str, Any], name: str, low: int) -> None:
    n = full[name]
    if not isinstance(n, int) or isinstance(n, bool) or not low <= n <= 10_000:
        raise Refusal(
            f"{name} must be a whole number from {low} to 10,000; it is {n!r}.",
            pointer=f"/parameters/{name}",
        )


def _check_fraction(full: dict[str, Any], name: str, low: float) -> None:
    value = full[name]
    if not isinstance(value, float) or not low <= value < 1:
        raise Refusal(
            f"{name} must be a fraction from {low} to below 1; it is {value!r}.",
            pointer=f"/parameters/{name}",
        )


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After labels or attributes came in, or a definition changed: agreement on every question."""
    if upload_kind in (None, "labels", "items", "annotators"):
        for question in dataset.questions.order_by("name"):
            if queries.has_labels(question):
                yield {"question": question.name}
