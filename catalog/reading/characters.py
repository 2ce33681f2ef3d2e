"""Which characters a value may hold, and in which spelling it is compared."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from catalog.reading.columns import Column, Kind
from catalog.reading.problems import Code, Fault, escape

# Tab, line feed and carriage return are judged by the kind of column.
_CONTROL = r"\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_INVISIBLE = r"\xad\u2028\u2029\u200b\u2060-\u2064\u3164\uffa0\ufeff\ufff9-\ufffb\ufffe\uffff"
# Joiners and variation selectors are spelling in some scripts and in emoji, and tags in flags;
# elsewhere they only hide.
_HIDDEN = r"\u200c\u200d\ufe00-\ufe0f\U000e0001\U000e0020-\U000e007f"
_ASTRAY = (
    r"(?<![^\x00-\x7f])(?:[\u200c\u200d]|[\ufe00-\ufe0f](?!\u20e3))"
    r"|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0001\U000e0020-\U000e007f]"
)
_EMBEDDING = r"\u202a-\u202e\u2066-\u2069"
_MARKS = r"\u061c\u200e\u200f"
_SURROGATE = r"\ud800-\udfff"
_SUSPECT_IN_TEXT = re.compile(f"[\x00{_CONTROL}{_EMBEDDING}{_SURROGATE}]")
_SUSPECT = re.compile(f"[\x00\n\r{_CONTROL}{_INVISIBLE}{_EMBEDDING}{_MARKS}{_SURROGATE}]|{_ASTRAY}")

# Unicode's stream-safe text format (UAX 15, D4): no real word stacks more than 30 marks.
_MAX_MARKS = 30

_HALF = "holds half of a surrogate pair ({}), which is no character; remove the escape."
_WHAT_TO_DO: tuple[tuple[Code, str, str], ...] = (
    (Code.NUL_CHARACTER, "[\x00]", "holds a NUL character ({}); remove it."),
    (
        Code.INVALID_UTF8,
        r"[\udc80-\udcff]",
        "holds a byte that is not UTF-8 ({}); save the file as UTF-8.",
    ),
    (
        Code.UNPAIRED_SURROGATE,
        r"[\ud800-\udc7f\udd00-\udfff]",
        _HALF,
    ),
    (
        Code.CONTROL_CHARACTER,
        "[\n\r]",
        "holds a line end ({}); write it on one line.",
    ),
    (
        Code.CONTROL_CHARACTER,
        f"[{_CONTROL}{_INVISIBLE}{_HIDDEN}]",
        "holds a control or invisible character ({}); remove it.",
    ),
    (
        Code.BIDI_CONTROL,
        f"[{_EMBEDDING}{_MARKS}]",
        "holds a character that reverses the direction of text ({}); remove it.",
    ),
)
_CLASSES = tuple((code, re.compile(pattern), text) for code, pattern, text in _WHAT_TO_DO)


def suspicious(text: str, kind: Kind) -> bool:
    """Whether any character of the text has to be looked at. One pass for many values."""
    pattern = _SUSPECT_IN_TEXT if kind is Kind.TEXT else _SUSPECT
    return pattern.search(text) is not None


def character_faults(value: str, kind: Kind) -> list[Fault]:
    """Every class of forbidden character that stands in a value."""
    pattern = _SUSPECT_IN_TEXT if kind is Kind.TEXT else _SUSPECT
    found = "".join(pattern.findall(value))
    faults = []
    if kind is Kind.IDENTIFIER and ("\n" in found or "\r" in found):
        sentence = f"the identifier '{escape(value)}' holds a line end; write it on one line."
        faults.append(Fault(Code.NEWLINE_IN_IDENTIFIER, sentence, value))
    for code, pattern, text in _CLASSES:
        character = pattern.search(found)
        if character is not None:
            sentence = f"'{escape(value)}' {text.format(_named(character.group()))}"
            hint = _in_windows_1252(value) if code is Code.INVALID_UTF8 else None
            faults.append(Fault(code, sentence, value, hint))
    return faults


def _named(character: str) -> str:
    """A character as an escape, those too that count as printable and cannot be seen."""
    shown = escape(character)
    return shown if shown != character else character.encode("unicode_escape").decode()


def _in_windows_1252(value: str) -> str | None:
    """A hint at the encoding that Western spreadsheets save in, where it makes letters of bytes."""
    if any("\x7f" < c < "\udc80" or c > "\udcff" for c in value):
        return None  # a letter that is UTF-8 says that the rest should be
    try:
        text = value.encode("utf-8", "surrogateescape").decode("cp1252")
    except UnicodeError:
        return None
    letters = [c for c in text if c > "\x7f"]
    if any(c.isalpha() or c in "\u2018\u2019\u201c\u201d\u2013\u2014\u20ac" for c in letters):
        return f"In Windows-1252 it is '{escape(text)}'; save the file as 'CSV UTF-8'."
    return None


def unpaired_surrogate(value: str) -> Fault:
    """The fault of a value with an escape that is half of a character."""
    half = next(c for c in value if "\ud800" <= c <= "\udfff")
    sentence = f"'{escape(value)}' {_HALF.format(escape(half))}"
    return Fault(Code.UNPAIRED_SURROGATE, sentence, value)


def text_faults(value: str, column: Column, max_bytes: int) -> list[Fault]:
    """Everything wrong with one value of a text column, in its NFC spelling."""
    faults = character_faults(value, column.kind)
    if not column.allows_spaces and (_is_space(value[0]) or _is_space(value[-1])):
        faults.append(
            Fault(
                Code.SURROUNDING_SPACE,
                f"'{escape(value)}' begins or ends with a space; remove the space, or it would "
                "name another thing.",
                value,
            )
        )
    too_long = _length_fault(value, column, max_bytes)
    if too_long is not None:
        faults.append(too_long)
    return faults


def _is_space(character: str) -> bool:
    # Tabs are kept as sent; the other ASCII control characters are reported as such.
    return character == " " or (character > "\x9f" and character.isspace())


def _length_fault(value: str, column: Column, max_bytes: int) -> Fault | None:
    if len(value) > column.longest:
        size, limit = f"{len(value):,} characters", f"{column.longest:,} characters"
    elif 4 * len(value) > max_bytes and _n_bytes(value) > max_bytes:
        size, limit = f"{_n_bytes(value):,} bytes", f"{max_bytes:,} bytes"
    elif not value.isascii() and _longest_stack(value) > _MAX_MARKS:
        size, limit = f"{_longest_stack(value)} marks on one letter", f"{_MAX_MARKS} marks"
    else:
        return None
    sentence = f"'{escape(value, 40)}' has {size}; at most {limit} are allowed."
    return Fault(Code.VALUE_TOO_LONG, sentence, value)


def _n_bytes(value: str) -> int:
    return len(value.encode("utf-8", "surrogatepass"))


def _longest_stack(value: str) -> int:
    runs = groupby(value, key=lambda character: unicodedata.combining(character) > 0)
    return max((sum(1 for _ in run) for marks, run in runs if marks), default=0)


def compared_spelling(value: str, kind: Kind) -> str:
    """The spelling in which a value is compared and stored: NFC, except for free text."""
    if kind is Kind.TEXT or value.isascii():
        return value
    return unicodedata.normalize("NFC", value)
