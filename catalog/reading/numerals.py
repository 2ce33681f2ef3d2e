"""Numbers: strict ASCII notation in, binary64 out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from catalog.reading.characters import character_faults
from catalog.reading.columns import Column, Kind
from catalog.reading.problems import Code, Fault, escape

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_OTHER_THAN_NUMERALS = re.compile(r"[^0-9+\-.eE]")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?:\.\d{3}){2,})", re.ASCII)
# What word processors and some locales write: minus signs, and spaces between thousands.
_TYPESET = str.maketrans(
    dict.fromkeys("\u2212\u2013\u2010\u2011", "-") | dict.fromkeys(" \xa0\u202f\u2009")
)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
# Beyond this, binary64 no longer tells neighbouring integers apart.
_LARGEST_INTEGER = 2.0**53


def parse_numbers(
    texts: Sequence[str], column: Column, decimal: str
) -> tuple[Floats, Mask, dict[int, list[Fault]]]:
    """Values, which are missing, and the faults by position."""
    missing = _missing(texts, column)
    present: Sequence[str] = texts
    if missing.any():
        present = ["0" if gone else text for text, gone in zip(texts, missing, strict=True)]
    values = _parse_all(present, decimal)
    faults: dict[int, list[Fault]] = {}
    if values is None:
        values, faults = _parse_each(present, column, decimal)
    return _judged(values, texts, column, missing, faults)


class FloatTexts(Sequence[str]):
    """Numbers that come as binary64; their text is made only where a message needs it."""

    def __init__(self, values: Floats, missing: Mask) -> None:
        self.values = values
        self.missing = missing

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> FloatTexts: ...

    def __getitem__(self, place: int | slice) -> str | FloatTexts:
        if isinstance(place, slice):
            return FloatTexts(self.values[place], self.missing[place])
        return "" if self.missing[place] else repr(float(self.values[place]))


def check_numbers(texts: FloatTexts, column: Column) -> tuple[Floats, Mask, dict[int, list[Fault]]]:
    """As :func:`parse_numbers`, for numbers that are numbers already."""
    return _judged(texts.values.copy(), texts, column, texts.missing.copy(), {})


def _judged(
    values: Floats,
    texts: Sequence[str],
    column: Column,
    missing: Mask,
    faults: dict[int, list[Fault]],
) -> tuple[Floats, Mask, dict[int, list[Fault]]]:
    _judge(values, texts, column, missing, faults)
    values[missing] = 0.0
    for position in faults:
        values[position], missing[position] = 0.0, True
    # -0.0 + 0.0 is 0.0: the sign of zero means nothing here.
    return values + 0.0, missing, faults


def _missing(texts: Sequence[str], column: Column) -> Mask:
    if column.missing_codes:
        gone = column.missing_codes | {""}
        return np.fromiter((text in gone for text in texts), bool, len(texts))
    if "" in texts:
        return np.fromiter((not text for text in texts), bool, len(texts))
    return np.zeros(len(texts), bool)


def _parse_all(texts: Sequence[str], decimal: str) -> Floats | None:
    """All values at once, or ``None`` when one of them needs a look.

    Over the characters of ``_OTHER_THAN_NUMERALS`` Python's ``float`` accepts exactly decimal
    notation: no underscore, no other script's digits, no name of an infinity.
    """
    joined = "".join(texts)
    if decimal == ",":
        if "." in joined:
            return None
        joined = joined.replace(",", ".")
        texts = [text.replace(",", ".") for text in texts]
    if _OTHER_THAN_NUMERALS.search(joined):
        return None
    try:
        return np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        return None


def _parse_each(
    texts: Sequence[str], column: Column, decimal: str
) -> tuple[Floats, dict[int, list[Fault]]]:
    values = np.zeros(len(texts))
    faults: dict[int, list[Fault]] = {}
    for position, text in enumerate(texts):
        one = _parse_all([text], decimal)
        if one is None:
            faults[position] = _not_a_number(text, column, decimal)
        else:
            values[position] = one[0]
    return values, faults


def _not_a_number(text: str, column: Column, decimal: str) -> list[Fault]:
    faults = character_faults(text, Kind.CATEGORY)
    if faults:
        return faults
    if _NOT_FINITE.fullmatch(text):
        return [_not_finite(text, column)]
    like = "3" if column.kind is Kind.INTEGER else f"0{decimal}25 or 2{decimal}5e-1"
    empty = ", or leave it empty" if column.allows_empty else ""
    sentence = f"'{escape(text)}' is not a number; write it like {like}{empty}."
    other = "," if decimal == "." else "."
    return [Fault(Code.NOT_A_NUMBER, sentence, text, _likely_number(text, decimal, other))]


def _likely_number(text: str, decimal: str, other: str) -> str | None:
    """A hint at what the text was meant to be: thousands, a percentage, another decimal mark."""
    if text.endswith("%"):
        return "Is this a percentage? Write it as a number, without the sign."
    plain = text.translate(_TYPESET).strip()
    if plain != text and _parse_all([plain], decimal) is not None:
        return f"Write {plain}, with the minus sign of the keyboard and without spaces."
    hints = []
    if _THOUSANDS.fullmatch(text):
        hints.append(f"Are thousands parted? Write {re.sub('[,.]', '', text)}.")
    if text.count(other) == 1 and _parse_all([text.replace(other, decimal)], decimal) is not None:
        name = "comma" if other == "," else "point"
        hints.append(f"Is this a decimal {name}? Send decimal={other}")
    return " ".join(hints) or None


def number_fault(text: str, decimal: str) -> Fault:
    """What is wrong with a text that is no finite number, and what it was meant to be."""
    _, _, faults = parse_numbers([text], Column("number", Kind.NUMBER, required=True), decimal)
    return faults[0][0]


def _not_finite(text: str, column: Column) -> Fault:
    what = "leave the field empty if unknown" if column.allows_empty else "send a finite number"
    sentence = f"'{escape(text)}' is not a finite number; {what}."
    return Fault(Code.NOT_FINITE, sentence, text)


def _judge(
    values: Floats,
    texts: Sequence[str],
    column: Column,
    missing: Mask,
    faults: dict[int, list[Fault]],
) -> None:
    """Add the faults of well-formed numbers that the column does not allow."""
    low, high = column.bounds
    wrong = ~np.isfinite(values) | (values < low) | (values > high)
    if column.kind is Kind.INTEGER:
        wrong |= (values != np.floor(values)) | (np.abs(values) > _LARGEST_INTEGER)
    for position in np.flatnonzero(wrong & ~missing).tolist():
        if position not in faults:
            faults[position] = [_value_fault(texts[position], values[position], column)]


def _value_fault(text: str, value: float, column: Column) -> Fault:
    shown = escape(text)
    low, high = column.bounds
    if math.isnan(value):
        return _not_finite(text, column)
    if math.isinf(value):
        sentence = f"'{shown}' is too large for a 64-bit number; send a finite number."
        return Fault(Code.NOT_FINITE, sentence, text)
    if not low <= value <= high:
        share = low == 0 and high == 1 and 2 <= value <= 100
        hint = "Is this a percentage? Divide it by 100." if share else None
        sentence = f"{shown} {_range(low, high)}"
        return Fault(Code.OUT_OF_RANGE, sentence, text, hint)
    sentence = f"{shown} is not a whole number of at most 2^53; send an integer."
    return Fault(Code.NOT_AN_INTEGER, sentence, text)


def _range(low: float, high: float) -> str:
    """What is wrong with a number outside these bounds, and which to send."""
    if not math.isfinite(high):
        return f"lies below {_shown(low)}; send a number of at least {_shown(low)}."
    if not math.isfinite(low):
        return f"lies above {_shown(high)}; send a number of at most {_shown(high)}."
    return f"lies outside [{_shown(low)}, {_shown(high)}]; send a number in that range."


def _shown(bound: float) -> str:
    return f"{bound:,.0f}" if float(bound).is_integer() and abs(bound) < 1e15 else f"{bound:g}"
