"""Answers, names and times of exports as the texts that a labels file would have."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from catalog.reading.decoding import Numeral
from catalog.reading.problems import Code, Fault, escape

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 15
_WHOLE = re.compile(r"-?[0-9]+\.0+")
_STEP = " > "


def scalar_text(value: object) -> str | None:
    """A string, a number's digits, or true/false; empty for null; ``None`` for anything else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else None


def answer_text(value: object, *, takes_set: bool) -> str | Fault:
    """One answer as a label; several together as a JSON list, where the question takes a set."""
    parts = value if isinstance(value, list) else [value]
    texts = [text for part in parts if (text := _label_text(part)) is not None]
    if len(texts) < len(parts):
        shown = json.dumps(value, ensure_ascii=False, default=str)
        sentence = "the answer is no value or list of values; it cannot be a label."
        return Fault(Code.ANSWER_TYPE, sentence, shown)
    texts = [text for text in texts if text]
    if takes_set:
        return json.dumps(sorted(set(texts)), ensure_ascii=False) if texts else ""
    if len(texts) > 1:
        shown = json.dumps(texts, ensure_ascii=False)
        sentence = (
            f"{len(texts)} values were chosen ({escape(shown)}) and the question takes one; "
            "declare its scale as set if several are meant."
        )
        return Fault(Code.SEVERAL_ANSWERS, sentence, shown)
    return texts[0] if texts else ""


def _label_text(value: object) -> str | None:
    """An answer as text; a number is one value, however many zeros a tool writes after it."""
    text = scalar_text(value)
    if not isinstance(value, Numeral) or text is None or not _WHOLE.fullmatch(text):
        return text
    return text.partition(".")[0]


def path_text(value: object) -> str | Fault:
    """A place in a tree of values, from its root: ``Animals > Dogs``."""
    parts = value if isinstance(value, list) else [value]
    texts = [scalar_text(part) for part in parts]
    if not texts or any(not text for text in texts):
        shown = json.dumps(value, ensure_ascii=False, default=str)
        sentence = "the answer is no path in a tree of values; it cannot be a label."
        return Fault(Code.ANSWER_TYPE, sentence, shown)
    return _STEP.join(text for text in texts if text)


def paths_text(value: object, *, takes_set: bool) -> str | Fault:
    """The paths that were chosen in a tree of values, as one label or as a set."""
    found = [path_text(path) for path in (value if isinstance(value, list) else [value])]
    fault = next((path for path in found if isinstance(path, Fault)), None)
    return fault or answer_text(found, takes_set=takes_set)


def time_text(value: object) -> str:
    """A time as ISO 8601; numbers are seconds since 1970, as several tools write them."""
    if not isinstance(value, Numeral):
        return scalar_text(value) or ""
    try:
        moment = _EPOCH + timedelta(microseconds=int(Decimal(str(value)) * 1_000_000))
    except (OverflowError, InvalidOperation):
        return str(value)
    return moment.isoformat()


def milliseconds(seconds: object) -> str:
    """A duration in seconds as whole milliseconds; empty where there is none."""
    text = scalar_text(seconds) or ""
    try:
        number = Decimal(text) if text else Decimal(0)
    except InvalidOperation:
        # The builder reports it as the number that it is not.
        return text
    if not text or not number.is_finite() or number.adjusted() > _MOST_DIGITS:
        return text
    return str(round(number * 1000))


def at_path(record: dict[str, object], path: str) -> object:
    """The value under a key, or under keys joined by dots; ``None`` where there is none."""
    if path in record:
        return record[path]
    value: object = record
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def item_of(record: dict[str, object], path: str) -> str | Fault:
    """The item's id, from where it stands in a record."""
    text = scalar_text(at_path(record, path))
    if text:
        return text
    have = ", ".join(escape(key, 40) for key in list(record)[:10])
    sentence = (
        f"there is no item id under '{escape(path)}'; the record has: {have}. "
        'Send columns={"item": "..."} to say where it stands.'
    )
    return Fault(Code.VALUE_MISSING, sentence, column="item")
