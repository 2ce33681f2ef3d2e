"""What a definition may not say: texts that no file can match, and values that contradict it."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.db.models import Model

from catalog.ingest.answers import is_below_scale, strict_number
from catalog.models import Question
from catalog.problems import Refusal
from catalog.reading.characters import character_faults
from catalog.reading.columns import Kind
from catalog.reading.problems import escape


def check_spelling(definition: Model) -> None:
    """Refuse names and values that hold characters which no file may, or are not composed."""
    _check_text("name", str(getattr(definition, "name", "")))
    for field in ("values", "missing_codes", "classes", "bands"):
        found: Any = getattr(definition, field, None)
        for text in found if isinstance(found, list) else []:
            _check_text(field, str(text))
    if isinstance(definition, Question):
        _check_values(definition)


def _check_text(field: str, text: str) -> None:
    if bad := [c for c in text if unicodedata.category(c) in ("Cc", "Cs")]:
        raise Refusal(
            f"'{escape(text)}' holds the control character '{escape(bad[0])}'; remove it.",
            code="control_character",
            pointer=f"/{field}",
        )
    if faults := character_faults(text, Kind.CATEGORY):
        raise Refusal(faults[0].sentence, code=faults[0].code.value, pointer=f"/{field}")
    composed = unicodedata.normalize("NFC", text)
    if text != composed:
        raise Refusal(
            f"{text!r} is not in Unicode's composed form (NFC), in which files are read; send "
            f"{composed!r}, typed as one character where there is one.",
            code="not_composed",
            pointer=f"/{field}",
        )


def _check_values(question: Question) -> None:
    both = [str(value) for value in question.values if value in question.missing_codes]
    if both:
        raise Refusal(
            f"{both[0]!r} is a value and a missing code; say one of both.",
            pointer="/missing_codes",
        )
    wrong = [str(value) for value in question.values if strict_number(str(value)) is None]
    if question.is_numeric and wrong:
        raise Refusal(
            f"{wrong[0]!r} is not a number, and a question of the scale {question.scale} is "
            "answered with numbers; correct the value, or send scale ordinal or nominal.",
            pointer="/values",
        )
    below = [v for v in question.values if is_below_scale(question, strict_number(str(v)) or 0.0)]
    if below:
        raise Refusal(
            f"{below[0]!r} is below 0, the least value of the ratio scale; correct it, or send "
            "scale interval.",
            pointer="/values",
        )
