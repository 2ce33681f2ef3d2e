"""Labels become codes or numbers by their question's declared values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import did_you_mean
from catalog.ingest.missing import looks_missing
from catalog.models import Question
from catalog.reading.columns import DELIMITED
from catalog.reading.numerals import number_fault

MISSING = -1
WRONG = -2
MAX_VALUES = 1000
# A decimal number of so many digits comes back from binary64 as it was.
_ALWAYS_KEPT = 15
_SWAPPED = str.maketrans(",.", ".,")
_STRICT_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def strict_number(text: str, decimal: str = ".") -> float | None:
    """A finite number written in ASCII digits, or ``None``: no ``1_000``, no NaN, no hex."""
    if decimal == ",":
        text = text.translate(_SWAPPED)
    if _STRICT_NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number + 0.0 if math.isfinite(number) else None


def in_order(values: list[str]) -> list[str]:
    """Values met in a file, in an order that does not depend on the file's rows."""
    numbers = [strict_number(v) for v in values]
    if all(n is not None for n in numbers):
        return [v for _, v in sorted(zip(numbers, values, strict=True))]
    return sorted(values)


@dataclass(frozen=True)
class Answers:
    """What distinct label texts mean to a question.

    Parameters
    ----------
    codes : int64 array, position in the question's values (or combinations); MISSING for a
        missing code, WRONG where the question does not allow the text
    numbers : float64 array, the value of a numeric question, else NaN
    learned : list of str, values that were not declared and are now the question's
    """

    codes: NDArray[np.int64]
    numbers: NDArray[np.float64]
    learned: list[str]


def read_answers(question: Question, texts: list[str], decimal: str = ".") -> Answers:
    """Code distinct, non-empty label texts; ``question`` is changed in memory where it learns."""
    if question.scale == Question.Scale.SET:
        return _read_sets(question, texts)
    if question.is_numeric:
        return _read_numbers(question, texts, decimal)
    given = [t for t in texts if t not in question.missing_codes]
    learned = [] if question.values else in_order(given)
    if learned:
        question.values, question.learned = learned, True
    position = {value: code for code, value in enumerate(question.values)}
    position.update(dict.fromkeys(question.missing_codes, MISSING))
    codes = np.array([position.get(text, WRONG) for text in texts], np.int64)
    return Answers(codes, np.full(len(texts), np.nan), learned)


def _read_numbers(question: Question, texts: list[str], decimal: str) -> Answers:
    numbers = np.full(len(texts), np.nan)
    codes = np.full(len(texts), WRONG, np.int64)
    allowed = {strict_number(str(value)) for value in question.values}
    for i, text in enumerate(texts):
        if text in question.missing_codes:
            codes[i] = MISSING
        elif (number := strict_number(text, decimal)) is not None and (
            (not allowed or number in allowed) and not is_below_scale(question, number)
        ):
            numbers[i], codes[i] = number, 0
    return Answers(codes, numbers, [])


def is_below_scale(question: Question, number: float) -> bool:
    """Whether a number lies below the zero of the ratio scale."""
    return question.scale == Question.Scale.RATIO and number < 0


def _read_sets(question: Question, texts: list[str]) -> Answers:
    sets = {text: _members(text) for text in texts if text not in question.missing_codes}
    learned: list[str] = []
    if not question.values:
        learned = in_order(sorted({m for members in sets.values() for m in members or ()}))
        question.values, question.learned = learned, True
    position = {value: i for i, value in enumerate(question.values)}
    known = {tuple(c): i for i, c in enumerate(question.combinations)}
    codes = np.full(len(texts), MISSING, np.int64)
    for i, text in enumerate(texts):
        if text in sets:
            members = sets[text]
            if members is None or not members <= position.keys():
                codes[i] = WRONG
            else:
                key = tuple(sorted(position[m] for m in members))
                codes[i] = known.setdefault(key, len(known))
    question.combinations = [list(key) for key in known]
    return Answers(codes, np.full(len(texts), np.nan), learned)


def _members(text: str) -> frozenset[str] | None:
    """The members of a set written as a JSON list or as ``a|b``; ``None`` if it is neither."""
    if not text.startswith("["):
        return frozenset(part for part in text.split("|") if part)
    try:
        members = json.loads(text)
    except ValueError:
        return None
    return frozenset(members) if all(isinstance(m, str) for m in members) else None


def decimal_of(options: Mapping[str, Any]) -> str:
    """The decimal mark of a file's numbers; JSON and Parquet have a point."""
    delimited = options.get("format") in DELIMITED
    return str(options.get("decimal", ".")) if delimited else "."


def loses_digits(text: str, number: float, decimal: str) -> bool:
    """Whether a number has more digits than its 64 bits keep."""
    if len(text) <= _ALWAYS_KEPT:
        return False
    return Decimal(text.translate(_SWAPPED) if decimal == "," else text) != Decimal(repr(number))


def why_wrong(question: Question, text: str, decimal: str = ".") -> tuple[str, str | None]:
    """The sentence and the hint for a text that the question does not allow."""
    missing = f"If it means no answer, add it to the question's missing_codes: {text}."
    if question.is_numeric and strict_number(text, decimal) is None:
        fault = number_fault(text, decimal)
        return (
            f"question {question.name!r} is answered with numbers, and {fault.sentence}",
            missing if looks_missing(text) else fault.hint,
        )
    if question.is_numeric and is_below_scale(question, strict_number(text, decimal) or 0.0):
        return (
            f"{text!r} is below 0, and question {question.name!r} is answered on the ratio scale, "
            "whose least value is 0; correct it, or send the question's scale as interval.",
            None,
        )
    allowed = [str(v) for v in question.values]
    meant = text
    if question.scale == Question.Scale.SET and not looks_missing(text):
        members = _members(text)
        if members is None:
            return (
                f"{text!r} is not a set of values, which question {question.name!r} asks for; "
                'write a JSON list of texts, like ["a", "b"], or a|b.',
                None,
            )
        meant = next(iter(sorted(members - set(allowed))), text)
    hint = missing if looks_missing(text) else did_you_mean(meant, allowed)
    shown = ", ".join(repr(v) for v in allowed[:10]) + (", ..." if len(allowed) > 10 else "")
    return (
        f"{meant!r} is not a value of question {question.name!r}; the values are: {shown}. "
        "Mend it, or add it to the question's values.",
        hint,
    )
