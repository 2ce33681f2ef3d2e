"""JSON values from a file, one at a time and strictly: numbers keep their digits."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.reading.columns import Limits, Options
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape
from catalog.reading.signatures import what_file
from catalog.reading.source import Chunk, blocks, chunks, split_lines

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SPARE_COMMA = re.compile(r",[ \t\r\n]*+([\]}])")
_NEAR = 200
_SPACE = re.compile(r"[ \t\r\n]*")
_DEPTH = np.zeros(256, np.int64)
_DEPTH[[ord("["), ord("{")]] = 1
_DEPTH[[ord("]"), ord("}")]] = -1


# A decoded record, its line (or number), and what could not be read of it.
Record = tuple[object, int, list[Fault]]


class Pairs(list[tuple[str, object]]):
    """A JSON object as its pairs, told apart from an array."""


class Numeral(str):
    """A JSON number as its digits: 7 stays 7, and 7.0 stays 7.0."""

    __slots__ = ()


class RecordDecoder:
    """Decodes one JSON value at a time, strictly; what is wrong is noted in ``faults``."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.faults: list[Fault] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=self._number,
            parse_int=self._number,
            parse_constant=self._constant,
        )

    def decode(self, text: str, position: int = 0) -> tuple[object, int]:
        """The value that begins at a position, and where it ends.

        Raises
        ------
        json.JSONDecodeError
            When there is no JSON value.
        """
        self.faults = []
        return self._decoder.raw_decode(text, position)

    def too_deep(self, text: str) -> Fault | None:
        """That a text nests too deeply, found without parsing it: parsers recurse."""
        limit = self.limits.max_json_depth
        if text.count("[") + text.count("{") <= limit:
            return None
        bare = _STRING.sub("", text).encode("utf-8", "replace")
        depth = np.cumsum(_DEPTH[np.frombuffer(bare, np.uint8)])
        if not len(depth) or depth.max() <= limit:
            return None
        sentence = f"the JSON nests deeper than {limit} levels; send flat objects."
        return Fault(Code.JSON_TOO_DEEP, sentence)

    def _object(self, pairs: list[tuple[str, object]]) -> Pairs:
        if len({key for key, _ in pairs}) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for place, key in enumerate(keys) if key in keys[:place])
            sentence = f"the key '{escape(twice)}' stands in one object twice; keep one of them."
            self.faults.append(Fault(Code.JSON_DUPLICATE_KEY, sentence, twice))
        return Pairs(pairs)

    def _number(self, digits: str) -> Numeral:
        if len(digits) > self.limits.max_number_digits:
            limit = self.limits.max_number_digits
            sentence = f"a number has {len(digits):,} digits; at most {limit:,} are allowed."
            self.faults.append(Fault(Code.JSON_NUMBER_TOO_LONG, sentence, digits))
        elif math.isinf(float(digits)):
            sentence = f"the number {escape(digits)} is too large for 64 bits; send it as a string."
            self.faults.append(Fault(Code.JSON_NUMBER_RANGE, sentence, digits))
        return Numeral(digits)

    def _constant(self, name: str) -> None:
        sentence = f"{name} is not JSON and not a finite number; send null if it is unknown."
        self.faults.append(Fault(Code.JSON_NOT_FINITE, sentence, name))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from strings(part)


def compact(value: object) -> str:
    """The JSON text of a decoded value, with numbers as they were written."""
    if isinstance(value, Numeral):
        return str(value)
    if isinstance(value, Pairs):
        pairs = (f"{compact(key)}:{compact(part)}" for key, part in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def line_records(path: Path, options: Options) -> Iterator[Record]:
    """The records of NDJSON: one value a line; blank lines are allowed."""
    return chunk_records(chunks(path, options), RecordDecoder(options.limits))


def chunk_records(parts: Iterable[Chunk], decoder: RecordDecoder) -> Iterator[Record]:
    """The records of NDJSON that was read into chunks already."""
    for chunk in parts:
        for line, text in enumerate(split_lines(chunk.text), start=chunk.first_line):
            if line in chunk.bad_bytes:
                offset = chunk.bad_bytes[line]
                sentence = f"byte {offset:,} of the file is not UTF-8; save the file as UTF-8."
                yield None, line, [Fault(Code.INVALID_UTF8, sentence, text, line=line)]
            elif content := text.strip(" \t\r\n"):
                record, faults = _line_record(content, decoder)
                yield record, line, faults


def _line_record(text: str, decoder: RecordDecoder) -> tuple[object, list[Fault]]:
    too_deep = decoder.too_deep(text)
    if too_deep is not None:
        return None, [too_deep]
    try:
        record, end = decoder.decode(text)
    except json.JSONDecodeError as error:
        return None, [_parse_fault(Code.JSONL_PARSE, error, text)]
    if end < len(text):
        more = json.JSONDecodeError("Extra data", text, end)
        return None, [_parse_fault(Code.JSONL_PARSE, more, text)]
    return record, decoder.faults


def _parse_fault(code: Code, error: json.JSONDecodeError, text: str) -> Fault:
    where = f"{error.msg.removesuffix(' at')} at character {error.pos + 1:,}"
    if code is Code.JSONL_PARSE:
        sentence = f"the line is not one JSON value ({where}); write one object on each line."
    else:
        sentence = f"the file is not valid JSON ({where}); correct it."
    hint = _parse_hint(code, error, text)
    if (spare := _SPARE_COMMA.search(text, max(0, error.pos - _NEAR), error.pos + _NEAR)) and (
        spare.start() <= error.pos <= spare.end()
    ):
        line = text.count("\n", 0, spare.start()) + 1
        where = f" in line {line:,} of the file" if code is Code.JSON_PARSE else ""
        sentence = f"a comma stands before the closing '{spare.group(1)}'{where}; remove the comma."
        hint = None
    return Fault(code, sentence, text[max(0, error.pos - 20) : error.pos + 40], hint)


def _parse_hint(code: Code, error: json.JSONDecodeError, text: str) -> str | None:
    """What a text that is not JSON probably is."""
    rest = text[error.pos :].strip()
    if error.pos and not rest and code is Code.JSON_PARSE:
        return "The file ends in the middle of a record; it was cut off. Send it again."
    if rest.startswith("'"):
        return "JSON has double quotes; print() of Python does not write it, json.dump() does."
    if rest.startswith("\ufeff"):
        return "A byte order mark stands here: files were joined. Remove it."
    if code is Code.JSONL_PARSE and error.pos and (hint := _line_hint(rest, text)):
        return hint
    if error.pos == _skip(text, 0) and text[error.pos : error.pos + 1] not in tuple("{[-"):
        return "If it is a table of columns, send format=csv."
    if code is Code.JSONL_PARSE:
        return "For one array over many lines send format=json."
    return "For one object a line send format=ndjson."


def _line_hint(rest: str, text: str) -> str | None:
    """What a line is that begins as a record of NDJSON and is none."""
    if rest == ",":
        return "Remove the comma at the end of the line."
    if rest.startswith("{") and text.startswith("{"):
        return "Two records stand on one line; begin each on its own."
    if text.startswith("{") and not text.endswith("}"):
        return "The record does not end on its line; if it is the last, the file was cut off."
    return None


def listed_records(path: Path, options: Options) -> Iterator[Record]:
    """One array, or one object a line: tools write both, and the first character tells."""
    head = next(blocks(path, options)).lstrip()[:1]
    yield from (array_records if head == b"[" else line_records)(path, options)


def array_records(path: Path, options: Options) -> Iterator[Record]:
    """The elements of one array. The file is held in memory: it may be 256 MiB at most."""
    decoder = RecordDecoder(options.limits)
    yield from _elements(_shallow(path, options, decoder), decoder)


def member_records(path: Path, options: Options) -> Iterator[tuple[str, Record]]:
    """The members of one object with their keys. The file is held in memory, as an array is."""
    decoder = RecordDecoder(options.limits)
    yield from _members(_shallow(path, options, decoder), decoder)


def _shallow(path: Path, options: Options, decoder: RecordDecoder) -> str:
    text = _whole(path, options)
    too_deep = decoder.too_deep(text)
    if too_deep is not None:
        raise ReadingStoppedError(too_deep)
    return text


def _whole(path: Path, options: Options) -> str:
    parts, size = [], 0
    for block in blocks(path, options):
        parts.append(block)
        size += len(block)
        if size > options.limits.max_json:
            sentence = (
                f"A JSON array may have {options.limits.max_json:,} bytes at most; send one "
                "object a line (format=ndjson)."
            )
            raise ReadingStoppedError(Fault(Code.FILE_TOO_LARGE, sentence))
    data = b"".join(parts)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        sentence = f"byte {error.start:,} of the file is not UTF-8; save the file as UTF-8."
        raise ReadingStoppedError(Fault(Code.INVALID_UTF8, sentence, line=line)) from error


def _elements(text: str, decoder: RecordDecoder) -> Iterator[Record]:
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        raise ReadingStoppedError(_no_array(text, position, decoder))
    position, number = _skip(text, position + 1), 0
    closed = text[position : position + 1] == "]"
    while not closed:
        number += 1
        try:
            record, position = decoder.decode(text, position)
            position, closed = _after(text, position, "]")
        except json.JSONDecodeError as error:
            raise _unreadable(error, text, number) from error
        yield record, number, decoder.faults
    _refuse_more(text, position + 1, number)


def _members(text: str, decoder: RecordDecoder) -> Iterator[tuple[str, Record]]:
    position = _skip(text, 0)
    if text[position : position + 1] != "{":
        sentence = "the file is not a JSON object; send one with the ids of the items as its keys."
        shown = text[position : position + 100]
        raise ReadingStoppedError(Fault(Code.TYPE, sentence, shown, line=1))
    position, number = _skip(text, position + 1), 0
    closed = text[position : position + 1] == "}"
    while not closed:
        number += 1
        try:
            key, position = _key(text, position, decoder)
            record, position = decoder.decode(text, position)
            position, closed = _after(text, position, "}")
        except json.JSONDecodeError as error:
            raise _unreadable(error, text, number) from error
        yield key, (record, number, decoder.faults)
    _refuse_more(text, position + 1, number)


def _key(text: str, position: int, decoder: RecordDecoder) -> tuple[str, int]:
    """The key that begins at a position, and where its value begins."""
    if text[position : position + 1] != '"':
        raise json.JSONDecodeError("Expecting a key in double quotes", text, position)
    key, position = decoder.decode(text, position)
    position = _skip(text, position)
    if text[position : position + 1] != ":":
        raise json.JSONDecodeError("Expecting ':'", text, position)
    return str(key), _skip(text, position + 1)


def _after(text: str, position: int, end: str) -> tuple[int, bool]:
    """Where the next value begins, or the end of the array or object, and whether it is that."""
    position = _skip(text, position)
    mark = text[position : position + 1]
    if mark == end:
        return position, True
    if mark != ",":
        raise json.JSONDecodeError(f"Expecting ',' or '{end}'", text, position)
    return _skip(text, position + 1), False


def _unreadable(error: json.JSONDecodeError, text: str, number: int) -> ReadingStoppedError:
    return ReadingStoppedError(replace(_parse_fault(Code.JSON_PARSE, error, text), line=number))


def _refuse_more(text: str, position: int, number: int) -> None:
    position = _skip(text, position)
    if position < len(text):
        raise _unreadable(json.JSONDecodeError("Extra data", text, position), text, number + 1)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return position if match is None else match.end()


def _no_array(text: str, position: int, decoder: RecordDecoder) -> Fault:
    try:
        value, _ = decoder.decode(text, position)
    except json.JSONDecodeError as error:
        return replace(_parse_fault(Code.JSON_PARSE, error, text), line=1)
    if decoder.faults:
        return replace(decoder.faults[0], line=1)
    sentence = "the file is not a JSON array; send an array of objects."
    keys = [key for key, _ in value] if isinstance(value, Pairs) else []
    hint = what_file(keys, delimited=False) or "For one object a line send format=ndjson."
    return Fault(Code.TYPE, sentence, text[position : position + 100], hint, line=1)
