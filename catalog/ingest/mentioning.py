"""Where a person's name stands: in texts, in JSON values, and in the files that were sent."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
import zlib
from pathlib import Path
from typing import Any

from catalog.reading.problems import escape

_CHUNK = 1 << 20


class Name:
    """A name that is looked for as a whole word, in each of the ways in which it is written.

    ``ann`` stands in ``'ann'`` and ``ann,cat``, and not in ``annotator``. In a file too much is
    found rather than too little: another value that reads the same counts.
    """

    def __init__(self, text: str) -> None:
        composed = unicodedata.normalize("NFC", text)
        plain = {text, composed, unicodedata.normalize("NFD", text)}
        quoted = {way for one in plain for way in _quoted(one)}
        self._text = text
        self._pattern = _whole(sorted(plain | quoted, key=len, reverse=True))
        forms = [re.escape(one.encode()) for one in sorted(plain | quoted, key=len, reverse=True)]
        self._longest = max(len(one) for one in forms)
        self._bytes = re.compile(
            rb"(?<![0-9A-Za-z_])(?:" + b"|".join(forms) + rb")(?![0-9A-Za-z_])", re.IGNORECASE
        )

    def stands_in(self, text: str) -> bool:
        """Whether a text speaks of this name."""
        return self._pattern.search(text) is not None

    def replaced(self, value: Any, pseudonym: str) -> Any:
        """A JSON value with the pseudonym wherever it said exactly the name."""
        if isinstance(value, str):
            return pseudonym if value == self._text else value
        if isinstance(value, list):
            return [self.replaced(one, pseudonym) for one in value]
        if isinstance(value, dict):
            return {key: self.replaced(one, pseudonym) for key, one in value.items()}
        return value

    def stands_in_file(self, path: Path, *, packed: bool = False) -> bool:
        """Whether a file holds the name; of one that cannot be searched as text it is assumed."""
        if packed:
            return True
        with path.open("rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
        try:
            with gzip.open(path) if gzipped else path.open("rb") as file:
                return self._found_in(file)
        except (OSError, EOFError, zlib.error):
            return True

    def _found_in(self, file: Any) -> bool:
        kept = b""
        while chunk := file.read(_CHUNK):
            window = kept + chunk
            if self._bytes.search(window):
                return True
            kept = window[-2 * self._longest :]
        return False


def _quoted(text: str) -> set[str]:
    """The name as JSON, CSV, Python and our own messages write it."""
    return {
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.replace('"', '""'),
        repr(text)[1:-1],
        escape(text),
    }


def _whole(forms: list[str]) -> re.Pattern[str]:
    ways = "|".join(re.escape(form) for form in forms)
    return re.compile(rf"(?<!\w)(?:{ways})(?!\w)", re.IGNORECASE)
