"""Builds a table from chunks of rows, and collects every problem on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from catalog.reading.characters import (
    compared_spelling,
    suspicious,
    text_faults,
    unpaired_surrogate,
)
from catalog.reading.columns import TEXT_KINDS, Column, Kind, Options
from catalog.reading.numerals import FloatTexts, check_numbers, parse_numbers
from catalog.reading.problems import (
    Code,
    Fault,
    Notice,
    ProblemLog,
    ReadingStoppedError,
    counted,
    escape,
)
from catalog.reading.tables import AnyColumn, NumberColumn, Table, TextColumn, TimeColumn
from catalog.reading.times import TimeParser

Integers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Batch:
    """Rows that stand together in the file.

    ``columns`` hold the fields as sent, '' for an empty one. ``broken`` gives the faults of rows
    that could not be taken apart wholly; the fields that were not found are ''.
    """

    line: Sequence[int]
    columns: Sequence[Sequence[str]]
    broken: dict[int, list[Fault]] = field(default_factory=dict)
    bad_bytes: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Findings:
    """The faults of one column in one batch; made in words only where they are kept."""

    column: Column
    empty: Integers
    rows: Integers
    faults_of: Callable[[int], list[Fault]]
    n_faults_of: Callable[[int], int]


class _Coder(dict[str, int]):
    """Numbers distinct values in order of first appearance; ``distinct`` has them in that order."""

    def __init__(self) -> None:
        super().__init__({"": -1})
        self.distinct: list[str] = []

    def __missing__(self, value: str) -> int:
        code = len(self.distinct)
        self[value] = code
        self.distinct.append(value)
        return code


class TextBuilder:
    """Codes a text column; each distinct value is checked once."""

    def __init__(self, column: Column, options: Options) -> None:
        self.column = column
        self.max_bytes = options.limits.max_value
        self.coder = _Coder()
        self.chunks: list[npt.NDArray[np.int32]] = []
        self.n_faults: dict[int, int] = {}
        self.respelled: dict[int, str] = {}
        self.n_respelled = 0

    def add(self, texts: Sequence[str]) -> Findings:
        n_known = len(self.coder.distinct)
        codes = np.fromiter(map(self.coder.__getitem__, texts), np.int32, len(texts))
        self._check(self.coder.distinct[n_known:])
        self.chunks.append(codes)
        rows = self._where(codes, self.n_faults)
        if self.respelled:
            self.n_respelled += len(self._where(codes, self.respelled))
        return Findings(
            self.column,
            np.flatnonzero(codes < 0),
            rows,
            lambda row: self._faults(self.coder.distinct[codes[row]]),
            lambda row: self.n_faults[int(codes[row])],
        )

    def _faults(self, value: str) -> list[Fault]:
        spelling = compared_spelling(value, self.column.kind)
        return text_faults(spelling, self.column, self.max_bytes)

    def _where(self, codes: npt.NDArray[np.int32], wanted: Mapping[int, object]) -> Integers:
        if not wanted:
            return np.empty(0, np.int64)
        chosen = np.zeros(len(self.coder.distinct) + 1, bool)
        chosen[np.fromiter(wanted, np.int64, len(wanted))] = True
        # Code -1 picks the last place, which is never chosen.
        return np.flatnonzero(chosen[codes])

    def _check(self, fresh: list[str]) -> None:
        joined = "\t".join(fresh)
        look_at_all = suspicious(joined, self.column.kind) or not joined.isascii()
        longest = min(self.column.longest, self.max_bytes)
        spaces = self.column.allows_spaces
        for value in fresh:
            if look_at_all or len(value) > longest or (not spaces and value.strip() != value):
                self._check_one(value)

    def _check_one(self, value: str) -> None:
        faults = self._faults(value)
        spelling = compared_spelling(value, self.column.kind)
        if faults:
            self.n_faults[self.coder[value]] = len(faults)
        elif spelling != value:
            self.respelled[self.coder[value]] = spelling

    def finish(self) -> TextColumn:
        codes = np.concatenate(self.chunks) if self.chunks else np.empty(0, np.int32)
        values = self.coder.distinct
        if not self.n_faults and not self.respelled:
            return TextColumn(codes, values)
        return self._merged(codes, values)

    def _merged(self, codes: npt.NDArray[np.int32], values: list[str]) -> TextColumn:
        """Without the faulty values, and with one code for all spellings of a value."""
        renumber = np.full(len(values) + 1, -1, np.int32)
        kept: dict[str, int] = {}
        spellings: dict[int, list[str]] = {}
        for code, value in enumerate(values):
            if code not in self.n_faults:
                new = kept.setdefault(self.respelled.get(code, value), len(kept))
                renumber[code] = new
                spellings.setdefault(new, []).append(value)
        distinct = list(kept)
        changed = {new: tuple(s) for new, s in spellings.items() if s != [distinct[new]]}
        return TextColumn(renumber[codes], distinct, changed)

    def notice(self, line: Integers) -> Notice | None:
        if not self.n_respelled:
            return None
        codes = np.concatenate(self.chunks)
        first = int(self._where(codes, self.respelled)[0])
        value = escape(self.coder.distinct[codes[first]])
        message = (
            f"Column {self.column.name}: {counted(self.n_respelled, 'value')} brought into "
            "Unicode's composed form (NFC), so that one spelling names one thing."
        )
        return Notice(
            int(line[first]),
            self.column.name,
            Code.UNICODE_NORMALISED,
            value,
            message,
            self.n_respelled,
        )


class NumberBuilder:
    """Parses a column of numbers."""

    def __init__(self, column: Column, options: Options) -> None:
        self.column = column
        self.decimal = options.decimal if options.is_delimited else "."
        self.values: list[npt.NDArray[np.float64]] = []
        self.missing: list[npt.NDArray[np.bool_]] = []

    def add(self, texts: Sequence[str]) -> Findings:
        if isinstance(texts, FloatTexts):
            values, missing, faults = check_numbers(texts, self.column)
        else:
            values, missing, faults = parse_numbers(texts, self.column, self.decimal)
        self.values.append(values)
        self.missing.append(missing)
        return _findings(self.column, missing, faults)

    def finish(self) -> NumberColumn:
        if not self.values:
            return NumberColumn(np.empty(0), np.empty(0, bool))
        return NumberColumn(np.concatenate(self.values), np.concatenate(self.missing))

    def notice(self, line: Integers) -> Notice | None:
        del line
        return None


class TimeBuilder:
    """Parses a column of times."""

    def __init__(self, column: Column, options: Options) -> None:
        self.column = column
        self.parser = TimeParser(column, options.timezone)
        self.values: list[Integers] = []
        self.missing: list[npt.NDArray[np.bool_]] = []
        self.truncated: list[npt.NDArray[np.bool_]] = []

    def add(self, texts: Sequence[str]) -> Findings:
        values, missing, faults, truncated = self.parser.parse(texts)
        self.values.append(values)
        self.missing.append(missing)
        self.truncated.append(truncated)
        return _findings(self.column, missing, faults)

    def finish(self) -> TimeColumn:
        if not self.values:
            return TimeColumn(np.empty(0, np.int64), np.empty(0, bool))
        return TimeColumn(np.concatenate(self.values), np.concatenate(self.missing))

    def notice(self, line: Integers) -> Notice | None:
        if not self.truncated:
            return None
        rows = np.flatnonzero(np.concatenate(self.truncated))
        if not len(rows):
            return None
        message = (
            f"Column {self.column.name}: {len(rows):,} times were cut to microseconds; finer "
            "digits are not kept."
        )
        where = int(line[rows[0]])
        return Notice(where, self.column.name, Code.PRECISION_TRUNCATED, None, message, len(rows))


Builder = TextBuilder | NumberBuilder | TimeBuilder


def _findings(
    column: Column, missing: npt.NDArray[np.bool_], faults: dict[int, list[Fault]]
) -> Findings:
    rows = np.array(sorted(faults), np.int64)
    empty = np.setdiff1d(np.flatnonzero(missing), rows)
    return Findings(column, empty, rows, lambda row: faults[row], lambda row: len(faults[row]))


def _builder(column: Column, options: Options) -> Builder:
    if column.kind in TEXT_KINDS:
        return TextBuilder(column, options)
    if column.kind is Kind.TIME:
        return TimeBuilder(column, options)
    return NumberBuilder(column, options)


class TableBuilder:
    """Takes in batches of rows; answers the table."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.log = ProblemLog(options.limits.max_problems)
        self.builders: list[Builder] = []
        self.header: tuple[str, ...] = ()
        self.notices: list[Notice] = []
        self.lines: list[Integers] = []
        self.n_rows = 0

    def add_column(self, column: Column) -> None:
        """Begin a column; rows that were added before leave it empty."""
        builder = _builder(column, self.options)
        for line in self.lines:
            builder.add([""] * len(line))
        self.builders.append(builder)

    def add(self, batch: Batch) -> None:
        """Take in rows; stops at the limit of rows."""
        n_over = self.n_rows + len(batch.line) - self.options.limits.max_rows
        if n_over > 0:
            kept = len(batch.line) - n_over
            over = batch.line[kept]
            batch = _first_rows(batch, kept)
            self._take(batch)
            raise ReadingStoppedError(self._too_many(over))
        self._take(batch)

    def _too_many(self, line: int) -> Fault:
        sentence = (
            f"the file has more than {self.options.limits.max_rows:,} rows; send it in parts."
        )
        return Fault(Code.TOO_MANY_ROWS, sentence, line=line)

    def _take(self, batch: Batch) -> None:
        findings = [
            builder.add(texts) for builder, texts in zip(self.builders, batch.columns, strict=True)
        ]
        self._report(batch, findings)
        self.lines.append(np.array(batch.line, np.int64))
        self.n_rows += len(batch.line)

    def _report(self, batch: Batch, findings: list[Findings]) -> None:
        rows = set(batch.broken)
        for found in findings:
            rows.update(found.rows.tolist())
            if not found.column.allows_empty:
                rows.update(found.empty.tolist())
        if not self.log.room:
            n_problems = _count(batch, findings)
            self.log.count([self.n_rows + row for row in rows], n_problems)
        elif rows:
            self._report_each(batch, findings, rows)

    def _report_each(self, batch: Batch, findings: list[Findings], rows: set[int]) -> None:
        empty = [set(f.empty.tolist()) if not f.column.allows_empty else set() for f in findings]
        wrong = [set(f.rows.tolist()) for f in findings]
        for row in sorted(rows):
            for column, fault in _row_faults(row, batch, findings, empty, wrong):
                self._log(row, batch, column, fault)

    def _log(self, row: int, batch: Batch, column: str | None, fault: Fault) -> None:
        number = self.n_rows + row
        if not self.log.room:
            self.log.count([number], 1)
            return
        line = batch.line[row]
        if fault.code is Code.INVALID_UTF8 and fault.line is None:
            fault = _placed(fault, batch, line)
        self.log.add(fault.at(line, column), number)

    def finish(self) -> Table:
        line = np.concatenate(self.lines) if self.lines else np.empty(0, np.int64)
        columns: dict[str, AnyColumn] = {}
        for builder in self.builders:
            notice = builder.notice(line)
            if notice is not None:
                self.notices.append(notice)
            columns[builder.column.name] = builder.finish()
        return Table(
            self.n_rows,
            line,
            columns,
            self.header,
            self.log.problems,
            self.log.total,
            self.log.rows,
            self.log.complete,
            self.notices,
        )


def _first_rows(batch: Batch, n: int) -> Batch:
    broken = {row: faults for row, faults in batch.broken.items() if row < n}
    return Batch(batch.line[:n], [texts[:n] for texts in batch.columns], broken, batch.bad_bytes)


def _count(batch: Batch, findings: list[Findings]) -> int:
    """How many problems a batch has, where nobody will read them one by one."""
    total = sum(map(len, batch.broken.values()))
    for found in findings:
        total += sum(map(found.n_faults_of, found.rows.tolist()))
        if not found.column.allows_empty:
            faulty = batch.broken.keys() | set(found.rows.tolist())
            total += sum(row not in faulty for row in found.empty.tolist())
    return total


def _row_faults(
    row: int,
    batch: Batch,
    findings: list[Findings],
    empty: list[set[int]],
    wrong: list[set[int]],
) -> list[tuple[str | None, Fault]]:
    broken = batch.broken.get(row, [])
    faults: list[tuple[str | None, Fault]] = [(None, fault) for fault in broken]
    for found, is_empty, is_wrong in zip(findings, empty, wrong, strict=True):
        name = found.column.name
        if row in is_wrong:
            faults.extend((name, fault) for fault in found.faults_of(row))
        elif row in is_empty and not broken:
            faults.append((name, Fault(Code.VALUE_MISSING, "the field is empty; fill it in.", "")))
    return faults


def _placed(fault: Fault, batch: Batch, line: int) -> Fault:
    """With the physical line and the offset of the first bad byte of a row."""
    number = min((bad for bad in batch.bad_bytes if bad >= line), default=None)
    if number is not None:
        offset = f"It is byte {batch.bad_bytes[number]:,} of the file, counted from 0."
        return replace(fault, line=number, sentence=f"{fault.sentence} {offset}")
    if fault.value is None or batch.bad_bytes:
        return fault
    # All bytes were UTF-8: the surrogate was written as an escape.
    return unpaired_surrogate(fault.value)
