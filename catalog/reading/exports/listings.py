"""Lists inside a field of a table, as JSON or as Python writes them."""

from __future__ import annotations

import ast
import json
import re

from catalog.reading.decoding import RecordDecoder
from catalog.reading.exports.rows import plain
from catalog.reading.problems import Code, Fault

# Everything that a list of texts and numbers consists of, in Python's spelling.
_TOKEN = re.compile(
    r"""\s*+(?:(?P<text>'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+")|(?P<mark>[\[\]{},:])"""
    r"""|(?P<word>None|True|False|-?[0-9][-+.0-9eE]*+))\s*+""",
)
_WORDS = {"None": "null", "True": "true", "False": "false"}


def listing(text: str, decoder: RecordDecoder, column: str) -> object:
    """The list in a field, ``None`` for an empty one; a :class:`Fault` where there is none."""
    if not text or text == "None":
        return None
    for written in (text, _as_json(text)):
        if written is None or decoder.too_deep(written) is not None:
            continue
        try:
            value, end = decoder.decode(written)
        except json.JSONDecodeError:
            continue
        if end == len(written):
            return plain(value) if not decoder.faults else decoder.faults[0]
    sentence = (
        "the field holds no list; it is read as JSON or as Python writes lists. A list without "
        "commas, as NumPy writes it, cannot be told apart: send the records as JSON or Parquet."
    )
    return Fault(Code.EXPORT_SHAPE, sentence, text, column=column)


def _as_json(text: str) -> str | None:
    """The JSON of a list in Python's spelling; ``None`` for anything else."""
    parts, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        position = match.end()
        if (string := match.group("text")) is not None:
            try:
                parts.append(json.dumps(ast.literal_eval(string)))
            except (ValueError, SyntaxError):
                return None
        else:
            found = match.group("mark") or match.group("word")
            parts.append(_WORDS.get(found, found))
    return " ".join(parts)
