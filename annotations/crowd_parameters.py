"""Parameters of runs about a crowd, and which start by themselves. Imports no statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from annotations import queries
from catalog import exchange
from catalog.ingest.kinds import question_of
from catalog.models import Dataset, Question
from catalog.problems import Refusal
from catalog.runs import digest_of

Parameters = dict[str, Any]
METHODS = ("dawid_skene", "majority", "weighted_majority", "one_coin", "mace", "glad")
NUMBER_METHODS = ("bias_variance", "mean", "median")
#: What is computed where nothing is said and all methods would take long.
STANDARD = ("dawid_skene", "majority", "weighted_majority")
ANNOTATORS = "annotators"
CONSENSUS = "consensus"
ISSUES = "label-issues"
MODEL_ISSUES = "model-label-issues"
PUBLICATION = "consensus-publication"
#: A run's subject is no longer than this.
MAX_SUBJECT = 200
DEFAULTS: dict[str, Parameters] = {
    ANNOTATORS: {"smoothing": 0.0, "ci_level": 0.95, "half_width": 0.05},
    CONSENSUS: {"methods": None, "smoothing": 0.0, "ci_level": 0.95},
    ISSUES: {"smoothing": 0.0, "certainty": 0.95, "max_labels": 10, "suspect_below": 0.5},
    MODEL_ISSUES: {"model": None, "suspect_below": 0.5, "margin": 1.0, "max_labels": 10},
    PUBLICATION: {"method": None, "smoothing": 0.0},
}


def resolve_annotators(dataset: Dataset, parameters: Parameters) -> tuple[str, Parameters]:
    """The question and the full parameters of an annotators run."""
    question, full = _with_question(dataset, parameters, ANNOTATORS)
    _check_number(full, "smoothing", 0, 1000)
    _check_number(full, "ci_level", 0.5, 0.999)
    _check_number(full, "half_width", 0.001, 0.499)
    return question.name, full


def resolve_consensus(dataset: Dataset, parameters: Parameters) -> tuple[str, Parameters]:
    """The question and the full parameters of a consensus run."""
    question, full = _with_question(dataset, parameters, CONSENSUS)
    known = NUMBER_METHODS if question.is_numeric else METHODS
    if full["methods"] is None and question.is_numeric:
        full["methods"] = list(NUMBER_METHODS)
    if full["methods"] is not None:
        _check_methods(full["methods"], known, question)
    _check_number(full, "smoothing", 0, 1000)
    _check_number(full, "ci_level", 0.5, 0.999)
    return question.name, full


def resolve_issues(dataset: Dataset, parameters: Parameters) -> tuple[str, Parameters]:
    """The question and the full parameters of a label-issues run."""
    question, full = _with_question(dataset, parameters, ISSUES)
    _check_number(full, "smoothing", 0, 1000)
    _check_number(full, "certainty", 0.5, 0.999999)
    _check_number(full, "max_labels", 1, 10_000)
    _check_number(full, "suspect_below", 0, 1)
    return question.name, full


def resolve_model_issues(dataset: Dataset, parameters: Parameters) -> tuple[str, Parameters]:
    """The question and model, and the full parameters, of a run about labels by a model."""
    question, full = _with_question(dataset, parameters, MODEL_ISSUES)
    full["model"] = model_key(question, full["model"])
    _check_number(full, "suspect_below", 0, 1)
    _check_number(full, "margin", 0.001, 1000)
    _check_number(full, "max_labels", 1, 10_000)
    return issues_subject(question.name, full["model"]), full


def issues_subject(question: str, model: str) -> str:
    """What such a run is about, short enough for any two names."""
    whole = f"{question} by {model}"
    return whole if len(whole) <= MAX_SUBJECT else f"{question} by #{digest_of(model)[:16]}"


def model_key(question: Question, said: Any) -> str:
    """The model that a client named, by ``name`` (its newest version) or ``name:version``.

    Raises
    ------
    Refusal
        When no such model has predicted the question, or several have and none was named.
    """
    keys = exchange.models(question)
    found = [k for k in keys if said in (k, k.partition(":")[0])]
    if said is None and len({k.partition(":")[0] for k in keys}) == 1:
        found = list(keys)
    if found:
        return found[-1]
    what = "no model= was sent" if said is None else f"{said!r} is none of them"
    raise Refusal(
        f"Which model's predictions of {question.name!r} are meant: {what}; "
        f"it is predicted by: {', '.join(keys) or 'none yet; send predictions first'}.",
        code="unknown_model",
        pointer="/parameters/model",
    )


def resolve_publication(dataset: Dataset, parameters: Parameters) -> tuple[str, Parameters]:
    """The question and the method of a publication."""
    question, full = _with_question(dataset, parameters, PUBLICATION)
    known = NUMBER_METHODS if question.is_numeric else METHODS
    full["method"] = full["method"] or known[0]
    _check_methods([full["method"]], known, question)
    _check_number(full, "smoothing", 0, 1000)
    return question.name, full


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[Parameters]:
    """After labels or gold came in, or a definition changed: every question that has labels."""
    if upload_kind in (None, "labels", "reference-labels"):
        for question in dataset.questions.order_by("name"):
            if queries.has_labels(question):
                yield {"question": question.name}


def standard_model_issues(dataset: Dataset, upload_kind: str | None) -> Iterator[Parameters]:
    """After labels, gold or predictions came in, or a definition changed: every model."""
    if upload_kind in (None, "labels", "reference-labels", "predictions"):
        for question in dataset.questions.order_by("name"):
            for model in exchange.models(question):
                yield {"question": question.name, "model": model}


def none_by_itself(dataset: Dataset, upload_kind: str | None) -> list[Parameters]:
    """Nothing is published unless somebody asks."""
    return []


def _with_question(
    dataset: Dataset, parameters: Parameters, kind: str
) -> tuple[Question, Parameters]:
    """The question and the full parameters of a run; refuses those that it does not know."""
    defaults = DEFAULTS[kind]
    if unknown := sorted(set(parameters) - {"question", *defaults}):
        raise Refusal(
            f"A run of kind {kind!r} has no parameter {unknown[0]!r}; it has question, "
            f"{', '.join(defaults)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )
    name = question_of(dataset, parameters.get("question"), "/parameters/question")
    question = dataset.questions.get(name=name)
    return question, {**defaults, **parameters, "question": question.name}


def _check_number(full: Parameters, name: str, low: float, high: float) -> None:
    """Refuse a parameter that is no number from low to high."""
    value = full[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise Refusal(
            f"{name} must be a number from {low:g} to {high:g}; it is {value!r}.",
            pointer=f"/parameters/{name}",
        )


def _check_methods(methods: Any, known: tuple[str, ...], question: Question) -> None:
    """Refuse a method that the question's scale has not."""
    wrong = [m for m in methods if m not in known] if isinstance(methods, list) else [methods]
    if wrong or not methods or len(set(methods)) < len(methods):
        raise Refusal(
            f"methods must list one or more of {', '.join(known)}, each once, for the "
            f"{question.scale} question {question.name!r}; it is {methods!r}.",
            code="unknown_method",
            pointer="/parameters/methods",
        )
