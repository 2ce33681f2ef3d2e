"""Hints for names that are not known: another case, another alphabet, a slip of the finger."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

# Letters that most fonts draw like a Latin one; NFKC keeps them apart. Full-width letters,
# ligatures and accents are told by Unicode's own decomposition.
_CYRILLIC = ("авекмнорстухіјѕһԁԛԝѵ", "abekmhopctyxijshdqwv")
_GREEK = ("αβεζηικμνορτυχγω", "abezniku\u0076optuxyw")
_OTHERS = ("\u2010\u2011\u2012\u2013\u2014\u2212\u2019\u2018ı01|", "------''iol" + "l")
_TABLE = str.maketrans(
    "".join(pair[0] for pair in (_CYRILLIC, _GREEK, _OTHERS)),
    "".join(pair[1] for pair in (_CYRILLIC, _GREEK, _OTHERS)),
)
_NUMERAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
# Beyond these, comparing letter by letter takes longer than a hint is worth.
_MAX_COMPARED = 2000
_MAX_VALUES = 200


def skeleton(text: str) -> str:
    """What is left of a text when letters that look alike are one: ``аlice`` is ``alice``."""
    plain = unicodedata.normalize("NFKD", text.strip()).casefold()
    return "".join(c for c in plain.translate(_TABLE) if not unicodedata.combining(c))


def code_points(text: str) -> str:
    """How a short text is spelled: ``U+0065 U+0301``."""
    return " ".join(f"U+{ord(c):04X}" for c in text)


class Known:
    """Names that are known, ready to be compared with many that are not."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._folded = {name.strip().casefold(): name for name in self._names}
        self._skeletons = {skeleton(name): name for name in self._names}
        self._numbers: dict[float | None, str] = {
            _number(name): name for name in self._names if _number(name) is not None
        }
        self._close: dict[str, str | None] = {}

    def hint(self, value: str) -> str | None:
        """The known name that was probably meant, and why it was not recognised."""
        if (same := self._folded.get(value.strip().casefold())) is not None:
            return f"Did you mean {same!r}?"
        if (alike := self._skeletons.get(skeleton(value))) is not None:
            return f"It looks like {alike!r}{_difference(value, alike)}. Is that meant?"
        if (equal := self._numbers.get(_number(value))) is not None:
            return f"Did you mean {equal!r}?"
        close = self._closest(value)
        return f"Did you mean {close!r}?" if close is not None else None

    def _closest(self, value: str) -> str | None:
        if value not in self._close:
            if len(self._close) >= _MAX_VALUES:
                return None
            found = get_close_matches(value, self._names[:_MAX_COMPARED], n=1)
            self._close[value] = found[0] if found else None
        return self._close[value]


def _number(text: str) -> float | None:
    """The number that a text is, as 1.0 is 1; programs write whole numbers either way."""
    return float(text) if _NUMERAL.fullmatch(text) else None


def _difference(value: str, known: str) -> str:
    strange = [c for c in value if c not in known and not c.isascii()]
    if not strange:
        return ""
    letter = strange[0]
    return f", but holds {unicodedata.name(letter, 'a character')} ({code_points(letter)})"
