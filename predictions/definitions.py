"""Defining models: what their classes are, and which of the question's values those mean."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from catalog.ingest.checks import did_you_mean
from catalog.models import Dataset, Question
from catalog.problems import Refusal
from catalog.reading.headers import folded
from catalog.services import define, lock, redefine
from predictions.models import ModelVersion, Prediction

MULTILABEL = (
    "A model is multilabel when its question is of scale set; its scores are probability or logit."
)


def define_model(dataset: Dataset, fields: dict[str, Any]) -> ModelVersion:
    """Add a model; its classes become the question's values where that declared none.

    Raises
    ------
    Refusal
        When the classes contradict the question or each other, or the name is taken.
    """
    with transaction.atomic():
        lock(dataset)
        fields = _settled(fields)
        _learn_values(fields["question"], fields["classes"])
        return define(dataset, ModelVersion, fields)


def redefine_model(dataset: Dataset, model: ModelVersion, fields: dict[str, Any]) -> None:
    """Change a model; its classes only as long as it has no predictions."""
    with transaction.atomic():
        lock(dataset)
        names = ["name", "version", "question", "classes", "positive_class", "out_of_fold"]
        names += ["scores", "parameters"]
        now = {name: getattr(model, name) for name in names}
        changed = [f for f in ("classes", "scores") if fields.get(f, now[f]) != now[f]]
        if "classes" in changed and "positive_class" not in fields:
            now["positive_class"] = ""
        wanted = _settled({**now, **fields})
        if changed and Prediction.objects.filter(model=model).exists():
            raise Refusal(
                f"Model {model.key!r} has predictions for the classes {model.classes}, of the kind "
                f"{model.scores}; define a new version for other {changed[0]}.",
                code="values_in_use",
                status=409,
                pointer=f"/{changed[0]}",
            )
        _learn_values(wanted["question"], wanted["classes"])
        redefine(dataset, model, wanted)


def _settled(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with their defaults, once they fit together."""
    question: Question = fields["question"]
    classes: list[str] = fields["classes"]
    if ":" in fields["name"]:
        raise Refusal(
            f"The name {fields['name']!r} may not hold ':', which parts name and version in "
            "model=name:version; choose another name.",
            code="invalid",
            pointer="/name",
        )
    scales = (Question.Scale.NOMINAL, Question.Scale.ORDINAL, Question.Scale.SET)
    if question.scale not in scales:
        raise Refusal(
            f"Question {question.name!r} is of scale {question.scale}; class probabilities need "
            "one of scale nominal, ordinal or set.",
            code="scale",
            pointer="/question",
        )
    _check_classes(question, classes)
    several = question.scale == Question.Scale.SET
    if several and fields.get("positive_class"):
        raise Refusal(
            f"Question {question.name!r} asks for sets: each class has a probability of its own, "
            "and none is the positive one; leave positive_class out.",
            code="not_applicable",
            pointer="/positive_class",
        )
    default = classes[1] if len(classes) == 2 and not several else ""
    positive = fields.get("positive_class") or default
    if positive and positive not in classes:
        raise Refusal(
            f"The positive class {positive!r} is none of the classes: {', '.join(classes)}.",
            code="unknown_class",
            pointer="/positive_class",
        )
    return {**fields, "positive_class": positive}


def _check_classes(question: Question, classes: list[str]) -> None:
    first: dict[str, int] = {}
    for position, name in enumerate(classes):
        # Headers are matched without regard to case, so that their columns would be one.
        earlier = first.setdefault(folded(name), position)
        if earlier != position:
            raise Refusal(
                f"The classes {classes[earlier]!r} and {name!r} cannot be told apart in a file's "
                "header; name each class once, and not by case alone.",
                code="duplicate_class",
                pointer="/classes",
            )
    unknown = [name for name in classes if question.values and name not in question.values]
    if unknown:
        shown = ", ".join(repr(v) for v in question.values[:10])
        more = ", ..." if len(question.values) > 10 else ""
        hint = did_you_mean(unknown[0], [str(v) for v in question.values])
        raise Refusal(
            f"The class {unknown[0]!r} is not a value of question {question.name!r}; the values "
            f"are: {shown}{more}." + (f" {hint}" if hint else ""),
            code="unknown_class",
            pointer="/classes",
        )


def _learn_values(question: Question, classes: list[str]) -> None:
    if not question.values:
        question.values = classes
        question.save(update_fields=["values"])
