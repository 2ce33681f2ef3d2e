"""Parameters of agreement runs, and which runs start by themselves. Imports no statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from annotations import queries
from catalog.models import Dataset
from catalog.problems import Refusal

DEFAULTS = {"n_replicates": 1000, "ci_level": 0.95}


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The question and the full parameters of an agreement run."""
    if unknown := sorted(set(parameters) - {"question", *DEFAULTS}):
        raise Refusal(
            f"An agreement run has no parameter {unknown[0]!r}; it has question, "
            f"{', '.join(DEFAULTS)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )
    name = parameters.get("question")
    question = dataset.questions.filter(name=name).first()
    if question is None:
        names = ", ".join(dataset.questions.values_list("name", flat=True)) or "none yet"
        raise Refusal(
            f"The data set has no question {name!r}; it has: {names}.",
            code="unknown_question",
            pointer="/parameters/question",
        )
    full = {**DEFAULTS, **parameters, "question": question.name}
    _check(full)
    return question.name, full


def _check(full: dict[str, Any]) -> None:
    n, level = full["n_replicates"], full["ci_level"]
    if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= 10_000:
        raise Refusal(
            f"n_replicates must be a whole number from 0 to 10,000; it is {n!r}.",
            pointer="/parameters/n_replicates",
        )
    if not isinstance(level, float) or not 0.5 <= level < 1:
        raise Refusal(
            f"ci_level must be a fraction from 0.5 to below 1; it is {level!r}.",
            pointer="/parameters/ci_level",
        )


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After labels or attributes came in, or a definition changed: agreement on every question."""
    if upload_kind in (None, "labels", "items", "annotators"):
        for question in dataset.questions.order_by("name"):
            if queries.has_labels(question):
                yield {"question": question.name}
