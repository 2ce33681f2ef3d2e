"""CSV and TSV: RFC 4180, strictly, with physical line numbers.

Chunks without quotes, and chunks whose quotes are plainly in order, are taken apart at C speed.
Everything else goes line by line through one tokeniser, which is the truth about problems.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from catalog.reading.building import Batch, TableBuilder
from catalog.reading.characters import character_faults
from catalog.reading.columns import Column, Kind, Layout, Options
from catalog.reading.headers import Header, wrong_delimiter
from catalog.reading.problems import Code, Fault, ReadingStoppedError, counted, escape
from catalog.reading.source import Chunk, chunks, split_lines

_QUOTED = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')


@dataclass(slots=True)
class _Row:
    """One row as tokenised: its first line, how many lines it takes, its fields or its faults."""

    line: int
    n_lines: int
    fields: list[str]
    faults: list[Fault] = field(default_factory=list)


class _UnfinishedRowError(Exception):
    """The lines at hand end inside a quoted field."""


class RowReader:
    """The tokeniser: rows from physical lines, in order, with a fault where one is malformed."""

    def __init__(self, options: Options) -> None:
        self.separator = options.separator
        self.max_value = options.limits.max_value

    def rows(self, lines: Sequence[str], first_line: int, *, last: bool) -> Iterator[_Row]:
        """Rows of these lines; a row that they do not finish is left for the next call."""
        position = 0
        while position < len(lines):
            if lines[position].strip("\r\n"):
                try:
                    row = self._row(lines, position, first_line + position)
                except _UnfinishedRowError:
                    self._refuse_unclosed(lines[position:], first_line + position, last=last)
                    return
                yield row
                position += row.n_lines
            else:
                position += 1

    def _refuse_unclosed(self, lines: Sequence[str], line: int, *, last: bool) -> None:
        if last or sum(map(len, lines)) > self.max_value + len(lines[0]):
            limit = "the end of the file" if last else f"{self.max_value:,} characters"
            sentence = (
                f"a quoted field begins here and is not closed within {limit}; close it, or "
                "double the quotes that belong to the value. Reading stopped here."
            )
            raise ReadingStoppedError(
                Fault(Code.UNCLOSED_QUOTE, sentence, lines[0].rstrip("\r\n"), line=line)
            )

    def _row(self, lines: Sequence[str], start: int, line: int) -> _Row:
        text = lines[start]
        if '"' not in text:
            return _Row(line, 1, text.rstrip("\r\n").split(self.separator))
        end = start + 1
        while True:
            try:
                fields, fault = self._fields(text)
            except _UnfinishedRowError:
                if end == len(lines) or len(text) > self.max_value + len(lines[start]):
                    raise
                text += lines[end]
                end += 1
                continue
            if fault is not None and end > start + 1:
                # Where a malformed row of several lines ends cannot be known.
                sentence = f"{fault.sentence} Reading stopped here."
                raise ReadingStoppedError(Fault(fault.code, sentence, fault.value, line=line))
            return _Row(line, end - start, fields, [] if fault is None else [fault])

    def _fields(self, text: str) -> tuple[list[str], Fault | None]:
        fields: list[str] = []
        position = 0
        content = text.rstrip("\r\n")
        while True:
            quoted = text.startswith('"', position)
            if quoted:
                match = _QUOTED.match(text, position)
                if match is None:
                    raise _UnfinishedRowError
                position = match.end()
                value = match.group(1).replace('""', '"')
            else:
                end = content.find(self.separator, position)
                end = len(content) if end < 0 else end
                value, position = content[position:end], end
            fields.append(value)
            if position >= len(content):
                return fields, None if quoted or '"' not in value else _bad_quote(value)
            if (not quoted and '"' in value) or content[position] != self.separator:
                return fields, _bad_quote(content if quoted else value)
            position += 1


def _bad_quote(value: str) -> Fault:
    sentence = (
        f"a quote stands inside the field or text follows its closing quote: '{escape(value)}'. "
        "Enclose the whole field in quotes and double the quotes inside it."
    )
    return Fault(Code.BAD_QUOTE, sentence, value)


class DelimitedReader:
    """Reads one CSV or TSV file into a builder."""

    def __init__(self, layout: Layout, options: Options, builder: TableBuilder) -> None:
        self.layout = layout
        self.options = options
        self.builder = builder
        self.row_reader = RowReader(options)
        self.names: list[str] = []
        ends = re.escape(options.separator) + r"\r\n"
        self.quoted_field = re.compile(rf'(?<![^{ends}])"[^"]*+(?:""[^"]*+)*+"(?![^{ends}])')

    def read(self, path: Path) -> None:
        """Read all of the file; problems go to the builder's log."""
        carry: Chunk | None = None
        for part in chunks(path, self.options):
            chunk = part if carry is None else _joined(carry, part)
            carry = self._read_chunk(chunk)
        if not self.names:
            sentence = "the first line is empty; it must name the columns."
            raise ReadingStoppedError(Fault(Code.HEADER_MISSING, sentence, line=1))
        if not self.builder.n_rows:
            sentence = "the file has a header and no rows below it; send at least one row."
            raise ReadingStoppedError(Fault(Code.NO_ROWS, sentence, line=1))

    def _read_chunk(self, chunk: Chunk) -> Chunk | None:
        """Take in the rows of a chunk; answers what the next chunk has to continue."""
        if not self.names:
            if not chunk.text:
                return None
            rest = self._read_header(chunk)
            if rest is None:
                return chunk
            chunk = rest
        if not chunk.text:
            return None
        batch, rest = self._plain_batch(chunk), None
        if batch is None:
            whole, rest = self._cut(chunk)
            batch = self._quoted_batch(whole)
        if batch is None:
            return self._slow(chunk)
        self.builder.add(batch)
        return rest

    def _cut(self, chunk: Chunk) -> tuple[Chunk, Chunk | None]:
        """A chunk up to where its quotes are paired, and the unfinished row after that."""
        if chunk.last or chunk.text.count('"') % 2 == 0:
            return chunk, None
        lines = split_lines(chunk.text)
        n = len(lines) - 1
        while lines[n].count('"') % 2 == 0:
            n -= 1
        rest = "".join(lines[n:])
        if len(rest) > self.options.limits.max_value:
            return chunk, None
        whole = Chunk("".join(lines[:n]), chunk.first_line, chunk.last, chunk.bad_bytes)
        return whole, Chunk(rest, chunk.first_line + n, chunk.last, chunk.bad_bytes)

    def _read_header(self, chunk: Chunk) -> Chunk | None:
        lines = split_lines(chunk.text)
        if not lines[0].strip("\r\n"):
            sentence = "the first line is empty; it must name the columns."
            raise ReadingStoppedError(Fault(Code.HEADER_MISSING, sentence, line=1))
        row = next(self.row_reader.rows(lines, 1, last=chunk.last), None)
        if row is None:
            return None
        if row.faults:
            form = {"{": "ndjson", "[": "json"}.get(lines[0].lstrip()[:1])
            hint = f"This looks like JSON; send format={form}." if form else None
            raise ReadingStoppedError(replace(row.faults[0], line=1, hint=hint))
        self._match_header(row.fields)
        rest = "".join(lines[row.n_lines :])
        return Chunk(rest, 1 + row.n_lines, chunk.last, chunk.bad_bytes)

    def _match_header(self, fields: list[str]) -> None:
        fault = wrong_delimiter(fields, self.layout, self.options)
        if fault is not None:
            raise ReadingStoppedError(replace(fault, line=1))
        header = Header(self.layout, self.options)
        columns: list[Column | None] = [header.add(name) for name in fields]
        faults = header.finish()
        self.names, self.builder.header = fields, tuple(fields)
        for fault in faults[:-1]:
            self.builder.log.add(fault.at(1))
        if faults:
            raise ReadingStoppedError(replace(faults[-1], line=1))
        self.builder.notices.extend(header.notices(1))
        for column in columns:
            if column is not None:
                self.builder.add_column(column)

    def _plain_batch(self, chunk: Chunk) -> Batch | None:
        """A chunk without quotes where every line has its fields, or ``None``."""
        text = chunk.text
        if '"' in text or "\ufeff" in text:
            return None
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = text.removesuffix("\n")
        lines = text.split("\n")
        separator, width = self.options.separator, len(self.names)
        if set(map(str.count, lines, [separator] * len(lines))) != {width - 1} or "" in lines:
            return None
        fields = text.replace("\n", separator).split(separator) if width > 1 else lines
        first = chunk.first_line
        return self._batch(range(first, first + len(lines)), fields, chunk)

    def _quoted_batch(self, chunk: Chunk) -> Batch | None:
        """A chunk whose quotes are in order, by the csv module, or ``None``.

        The csv module keeps a quote inside an unquoted field as a part of the value. So it is
        asked only where every quote of the chunk belongs to a well-formed quoted field.
        """
        text = chunk.text
        if "\ufeff" in text or '"' in self.quoted_field.sub("", text):
            return None
        lines = split_lines(text)
        reader = csv.reader(lines, delimiter=self.options.separator, strict=True)
        rows, numbers, first = [], [], chunk.first_line
        try:
            for row in reader:
                if row:
                    rows.append(row)
                    numbers.append(first)
                first = chunk.first_line + reader.line_num
        except csv.Error:
            return None
        width = len(self.names)
        if not rows or set(map(len, rows)) != {width}:
            return None
        fields = list(chain.from_iterable(rows))
        return self._batch(numbers, fields, chunk)

    def _batch(self, line: Sequence[int], fields: list[str], chunk: Chunk) -> Batch | None:
        """Rows from all their fields in a line; ``None`` where a header is among them."""
        width = len(self.names)
        columns = [fields[place::width] for place in range(width)]
        if self.names[0] in columns[0] and tuple(self.names) in zip(*columns, strict=True):
            return None
        return Batch(line, columns, {}, chunk.bad_bytes)

    def _slow(self, chunk: Chunk) -> Chunk | None:
        lines = split_lines(chunk.text)
        first = chunk.first_line
        numbers: list[int] = []
        rows: list[list[str]] = []
        broken: dict[int, list[Fault]] = {}
        stopped: ReadingStoppedError | None = None
        done = 0
        try:
            for row in self.row_reader.rows(lines, first, last=chunk.last):
                faults = row.faults or row_faults(row.fields, self.names, self.options.separator)
                if faults:
                    broken[len(rows)] = faults
                rows.append([""] * len(self.names) if faults else row.fields)
                numbers.append(row.line)
                done = row.line - first + row.n_lines
        except ReadingStoppedError as error:
            stopped = error
        if rows:
            columns = list(zip(*rows, strict=True))
            self.builder.add(Batch(numbers, columns, broken, chunk.bad_bytes))
        if stopped is not None:
            raise stopped
        rest = "".join(lines[done:])
        if chunk.last or not rest.strip("\r\n"):
            return None
        return Chunk(rest, first + done, chunk.last, chunk.bad_bytes)


def row_faults(fields: list[str], names: list[str], separator: str) -> list[Fault]:
    """What is wrong with a row as a whole: it is a header, or it has too many or few fields."""
    if fields[0].startswith("\ufeff") or fields == names:
        sentence = (
            "a second file seems to begin here (its header, or its byte order mark); "
            "files were joined. Remove the line, or send the files one by one."
        )
        return [Fault(Code.HEADER_REPEATED, sentence, separator.join(fields))]
    if len(fields) == len(names):
        return []
    faults = [fault for value in fields for fault in character_faults(value, Kind.TEXT)]
    if fields == ["\x1a"]:
        return faults
    sentence = (
        f"the row has {counted(len(fields), 'field')} and the header {len(names):,}; give each row "
        "one field for each column, and quote fields that hold the delimiter."
    )
    return [
        *faults,
        Fault(Code.ROW_LENGTH, sentence, separator.join(fields), _likely(fields, names)),
    ]


def _likely(fields: list[str], names: list[str]) -> str | None:
    """Why a row probably has another number of fields than the header."""
    if fields[0].startswith("#"):
        return "Lines of comment are not read; remove them."
    if len(fields) == len(names) + 1 and not fields[-1]:
        return "The row ends with a spare delimiter; remove it."
    return None


def delimited_rows(path: Path, options: Options) -> Iterator[tuple[int, list[str], list[Fault]]]:
    """Line, fields and faults of every row, the header among them."""
    reader = RowReader(options)
    carry: Chunk | None = None
    for part in chunks(path, options):
        chunk = part if carry is None else _joined(carry, part)
        lines, done = split_lines(chunk.text), 0
        for row in reader.rows(lines, chunk.first_line, last=chunk.last):
            done = row.line - chunk.first_line + row.n_lines
            bad = [n for n in range(row.line, row.line + row.n_lines) if n in chunk.bad_bytes]
            yield row.line, row.fields, row.faults or _byte_faults(chunk, bad)
        rest = "".join(lines[done:])
        carry = Chunk(rest, chunk.first_line + done, chunk.last, chunk.bad_bytes)


def _byte_faults(chunk: Chunk, lines: list[int]) -> list[Fault]:
    return [
        Fault(
            Code.INVALID_UTF8,
            f"byte {chunk.bad_bytes[line]:,} of the file is not UTF-8; save the file as UTF-8.",
            line=line,
        )
        for line in lines
    ]


def _joined(carry: Chunk, part: Chunk) -> Chunk:
    bad_bytes = carry.bad_bytes | part.bad_bytes
    return Chunk(carry.text + part.text, carry.first_line, part.last, bad_bytes)


def read_delimited(path: Path, layout: Layout, options: Options, builder: TableBuilder) -> None:
    """Read a CSV or TSV file into a builder."""
    DelimitedReader(layout, options, builder).read(path)
