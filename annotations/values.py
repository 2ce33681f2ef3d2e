"""The values of a question as people see them."""

from __future__ import annotations

from typing import Any

from catalog.models import Question


def value_of(question: Question, code: int) -> Any:
    """The value that a code stands for."""
    if question.scale == Question.Scale.SET:
        return sorted(str(question.values[i]) for i in question.combinations[code])
    return question.values[code]


def name_of(value: Any) -> str:
    """A value as the name of a column."""
    return " | ".join(value) if isinstance(value, list) else str(value)
