"""JSON records, one object a line (NDJSON) or one array of objects, into columns of text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from catalog.reading.building import Batch, TableBuilder
from catalog.reading.characters import character_faults
from catalog.reading.columns import TEXT_KINDS, Column, Kind, Layout, Options
from catalog.reading.decoding import (
    Pairs,
    Record,
    array_records,
    compact,
    line_records,
    strings,
)
from catalog.reading.headers import Header
from catalog.reading.problems import Code, Fault, ReadingStoppedError

_BATCH = 8_192


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
        if isinstance(record, Pairs):
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
            faults.append(Fault(Code.TYPE, sentence, compact(record)))
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

    def _take_names(self, record: Pairs, line: int) -> None:
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
    is_array = isinstance(value, list) and not isinstance(value, Pairs)
    is_text = isinstance(value, list) and column.kind is Kind.TEXT
    if column.nested and (is_array or is_text):
        faults = [f for text in strings(value) for f in character_faults(text, Kind.TEXT)]
        return faults[0] if faults else compact(value)
    names = {bool: "true or false", Pairs: "an object", list: "an array"}
    article = "an" if column.kind.value[0] in "aeiou" else "a"
    sentence = (
        f"the value is {names[type(value)]} where {article} {column.kind.value} is expected; send "
        "a string, a number or null."
    )
    hint = None
    if isinstance(value, Pairs) and value and all(key.isdigit() for key, _ in value):
        hint = "pandas wrote a column here; write rows, with orient='records'."
    elif is_array and column.name == "label":
        hint = "If several values are meant, declare the question's scale as set."
    return Fault(Code.TYPE, sentence, compact(value), hint, column=column.name)


def read_ndjson(path: Path, layout: Layout, options: Options, builder: TableBuilder) -> None:
    """Read one JSON object a line; blank lines are allowed."""
    collect(RecordCollector(layout, options, builder), line_records(path, options))


def read_json(path: Path, layout: Layout, options: Options, builder: TableBuilder) -> None:
    """Read one array of objects. The file is held in memory: it may be 256 MiB at most."""
    collect(RecordCollector(layout, options, builder), array_records(path, options))


def collect(collector: RecordCollector, records: Iterable[Record]) -> None:
    """Take in all records; there must be one."""
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
