"""JSON records, one object a line (NDJSON) or one array of objects, into columns of text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.reading.building import Batch, TableBuilder
from catalog.reading.characters import character_faults
from catalog.reading.columns import TEXT_KINDS, Column, Kind, Layout, Limits, Options
from catalog.reading.headers import Header
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape
from catalog.reading.source import blocks, chunks, split_lines

_BATCH = 8_192
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_DEPTH = np.zeros(256, np.int64)
_DEPTH[[ord("["), ord("{")]] = 1
_DEPTH[[ord("]"), ord("}")]] = -1


class _Pairs(list[tuple[str, object]]):
    """A JSON object as its pairs, told apart from an array."""


class _Numeral(str):
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

    def _object(self, pairs: list[tuple[str, object]]) -> _Pairs:
        if len({key for key, _ in pairs}) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for place, key in enumerate(keys) if key in keys[:place])
            sentence = f"the key '{escape(twice)}' stands in one object twice; keep one of them."
            self.faults.append(Fault(Code.JSON_DUPLICATE_KEY, sentence, twice))
        return _Pairs(pairs)

    def _number(self, digits: str) -> _Numeral:
        if len(digits) > self.limits.max_number_digits:
            limit = self.limits.max_number_digits
            sentence = f"a number has {len(digits):,} digits; at most {limit:,} are allowed."
            self.faults.append(Fault(Code.JSON_NUMBER_TOO_LONG, sentence, digits))
        elif math.isinf(float(digits)):
            sentence = f"the number {escape(digits)} is too large for 64 bits; send it as a string."
            self.faults.append(Fault(Code.JSON_NUMBER_RANGE, sentence, digits))
        return _Numeral(digits)

    def _constant(self, name: str) -> None:
        sentence = f"{name} is not JSON and not a finite number; send null if it is unknown."
        self.faults.append(Fault(Code.JSON_NOT_FINITE, sentence, name))


class RecordCollector:
    """Turns decoded records into batches of text columns for the builder."""

    def __init__(self, layout: Layout, options: Options, builder: TableBuilder) -> None:
        self.header = Header(layout, options)
        self.builder = builder
        self.known: dict[str, int | Fault] = {}
        self.columns: list[Column] = []
        self.rows: list[list[str]] = []
        self.line: list[int] = []
        self.broken: dict[int, list[Fault]] = {}

    def add(self, record: object, line: int, faults: list[Fault]) -> None:
        """Take in one record, or what could not be read of it."""
        row: list[str] = []
        faults = list(faults)
        if isinstance(record, _Pairs):
            self._take_names(record, line)
            row = [""] * len(self.columns)
            for name, value in record:
                place = self.known[name]
                if type(value) is str and type(place) is int:
                    row[place] = value
                else:
                    self._take_value(place, value, row, faults)
        elif not faults:
            sentence = "the record is not a JSON object; send one object with the columns as keys."
            faults.append(Fault(Code.TYPE, sentence, _compact(record)))
        if faults:
            self.broken[len(self.line)] = faults
        self.rows.append(row or [""] * len(self.columns))
        self.line.append(line)
        if len(self.line) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand the rows collected so far to the builder."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.columns)
        batch = Batch(self.line, columns, self.broken)
        self.rows, self.line, self.broken = [], [], {}
        self.builder.add(batch)

    def _take_names(self, record: _Pairs, line: int) -> None:
        first = not self.known
        for name, _ in record:
            if name not in self.known:
                self._take_name(name)
        if first:
            self._finish_header(line)

    def _take_name(self, name: str) -> None:
        column = self.header.add(name)
        if column is None:
            self.known[name] = self.header.faults[-1]
            return
        self.flush()
        self.known[name] = len(self.columns)
        self.columns.append(column)
        self.builder.add_column(column)
        self.builder.header = (*self.builder.header, name)

    def _finish_header(self, line: int) -> None:
        """The first record must name what is required, as the header of a CSV must."""
        faults = self.header.finish()
        self.builder.notices.extend(self.header.notices(line))
        for fault in faults[:-1]:
            self.builder.log.add(fault.at(line))
        if faults:
            raise ReadingStoppedError(replace(faults[-1], line=line))

    def _take_value(
        self, place: int | Fault, value: object, row: list[str], faults: list[Fault]
    ) -> None:
        if isinstance(place, Fault):
            faults.append(place)
            return
        text = _as_text(value, self.columns[place])
        if isinstance(text, Fault):
            faults.append(text)
        else:
            row[place] = text


def _as_text(value: object, column: Column) -> str | Fault:
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, bool) and column.kind in TEXT_KINDS:
        return "true" if value else "false"
    if column.nested and isinstance(value, list):
        faults = [f for text in _strings(value) for f in character_faults(text, Kind.TEXT)]
        return faults[0] if faults else _compact(value)
    names = {bool: "true or false", _Pairs: "an object", list: "an array"}
    sentence = (
        f"the value is {names[type(value)]} where {column.kind.value} is expected; send a "
        "string, a number or null."
    )
    return Fault(Code.TYPE, sentence, _compact(value), column=column.name)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _strings(part)


def _compact(value: object) -> str:
    """The JSON text of a decoded value, with numbers as they were written."""
    if isinstance(value, _Numeral):
        return str(value)
    if isinstance(value, _Pairs):
        pairs = (f"{_compact(key)}:{_compact(part)}" for key, part in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def read_ndjson(path: Path, layout: Layout, options: Options, builder: TableBuilder) -> None:
    """Read one JSON object a line; blank lines are allowed."""
    decoder = RecordDecoder(options.limits)
    collector = RecordCollector(layout, options, builder)
    _collect(collector, _lines(path, options, decoder))


def _collect(
    collector: RecordCollector, records: Iterable[tuple[object, int, list[Fault]]]
) -> None:
    found = False
    try:
        for record, line, faults in records:
            found = True
            collector.add(record, line, faults)
    except ReadingStoppedError:
        collector.flush()
        raise
    if not found:
        sentence = "The file holds no records; send at least one."
        raise ReadingStoppedError(Fault(Code.NO_ROWS, sentence, line=1))
    collector.flush()


def _lines(
    path: Path, options: Options, decoder: RecordDecoder
) -> Iterator[tuple[object, int, list[Fault]]]:
    for chunk in chunks(path, options):
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
    where = f"{error.msg} at character {error.pos + 1:,}"
    if code is Code.JSONL_PARSE:
        sentence = f"the line is not one JSON value ({where}); write one object on each line."
        hint = "For one array over many lines send format=json."
    else:
        sentence = f"the file is not valid JSON ({where}); correct it."
        hint = "For one object a line send format=ndjson."
    return Fault(code, sentence, text[max(0, error.pos - 20) : error.pos + 40], hint)


def read_json(path: Path, layout: Layout, options: Options, builder: TableBuilder) -> None:
    """Read one array of objects. The file is held in memory: it may be 256 MiB at most."""
    decoder = RecordDecoder(options.limits)
    collector = RecordCollector(layout, options, builder)
    text = _whole(path, options)
    too_deep = decoder.too_deep(text)
    if too_deep is not None:
        raise ReadingStoppedError(too_deep)
    _collect(collector, _elements(text, decoder))


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


def _elements(text: str, decoder: RecordDecoder) -> Iterator[tuple[object, int, list[Fault]]]:
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        raise ReadingStoppedError(_no_array(text, position, decoder))
    position = _skip(text, position + 1)
    number = 0
    closed = text[position : position + 1] == "]"
    while not closed:
        number += 1
        try:
            record, position = decoder.decode(text, position)
            position = _skip(text, position)
            closed = text[position : position + 1] == "]"
            if not closed and text[position : position + 1] != ",":
                raise json.JSONDecodeError("Expecting ',' or ']'", text, position)
        except json.JSONDecodeError as error:
            fault = _parse_fault(Code.JSON_PARSE, error, text)
            raise ReadingStoppedError(replace(fault, line=number)) from error
        yield record, number, decoder.faults
        position = _skip(text, position + 1) if not closed else position
    position = _skip(text, position + 1)
    if position < len(text):
        more = json.JSONDecodeError("Extra data", text, position)
        raise ReadingStoppedError(
            replace(_parse_fault(Code.JSON_PARSE, more, text), line=number + 1)
        )


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return position if match is None else match.end()


def _no_array(text: str, position: int, decoder: RecordDecoder) -> Fault:
    try:
        decoder.decode(text, position)
    except json.JSONDecodeError as error:
        return replace(_parse_fault(Code.JSON_PARSE, error, text), line=1)
    if decoder.faults:
        return replace(decoder.faults[0], line=1)
    sentence = (
        "the file is not a JSON array; send an array of objects, or one object a line with "
        "format=ndjson."
    )
    return Fault(Code.TYPE, sentence, text[position : position + 100], line=1)
