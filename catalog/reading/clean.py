"""The fast way for large, clean files: Arrow parses, and a few vectorised checks prove it right.

The strict reader is the truth about problems. This one answers only where it can prove that the
strict one would find nothing to say - quotes only around whole fields that hold no quote, every
distinct value plain - and otherwise answers nothing, so that the file is read strictly. It costs
a tenth, and holds a few blocks of the file at a time beside the coded columns.

Arrow loads pandas when it is first given a Python value or asked for a numpy array, which takes as
long as reading half a million rows. So arrays go to and fro as buffers here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from catalog.reading.blocks import UnprovenError, block_size, blocks, is_quoted
from catalog.reading.bytewise import ByteColumn, mask_of, numbers_of, string_array
from catalog.reading.characters import compared_spelling, text_faults
from catalog.reading.columns import TEXT_KINDS, Column, Kind, Options
from catalog.reading.grown import Grown
from catalog.reading.headers import Header
from catalog.reading.numbered import Numbered
from catalog.reading.parted import Parted
from catalog.reading.tables import (
    MANY,
    AnyColumn,
    NumberColumn,
    Table,
    TextColumn,
    Texts,
    TimeColumn,
)

_MOST_ODD_VALUES = 20_000
#: So many rows are coded at once where there are as many.
_AT_ONCE = 1 << 14
#: So many known values may be hashed once more for later rows, before texts are parted.
_HASHED_AGAIN = 100_000
_DIGITS = b"0123456789"
_TIME = re.compile(
    rb"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    rb"(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def read_clean(path: Path, header: Header, options: Options) -> Table | None:
    """The table of a delimited file that has no problem, or ``None`` where that is not proven.

    Parameters
    ----------
    path : Path, an uncompressed file
    header : Header, fresh; the file's first line is matched with it
    options : Options
    """
    try:
        with path.open("rb") as file:
            return _read(file, header, options)
    except (pa.ArrowInvalid, pa.ArrowCapacityError, UnprovenError):
        return None


def _read(file: BufferedReader, header: Header, options: Options) -> Table | None:
    first = file.readline(options.limits.max_line)
    if not first.isascii() or not first.endswith(b"\n"):
        return None
    quoted = is_quoted(first, len(first), options.separator.encode())
    names = first.rstrip(b"\r\n").decode().split(options.separator)
    if any(name.startswith('"') != name.endswith('"') for name in names):
        return None  # a name with a separator
    columns = [header.add(name.strip('"') if quoted else name) for name in names]
    if header.finish() or header.notices(1) or len(columns) < 2 or None in columns:
        return None
    coders = [_coder(column, options) for column in columns if column is not None]
    n_rows = _feed(coders, _batches(file, len(columns), options), options)
    return _table(n_rows, coders, header.names) if n_rows else None


def _batches(
    file: BufferedReader, n_columns: int, options: Options
) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """The rows block by block, and whether fields are quoted there."""
    names = [str(i) for i in range(n_columns)]
    size = block_size(n_columns)
    whole = csv.ReadOptions(column_names=names, block_size=size, use_threads=False)
    texts = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    for block, quoted in blocks(file, size, options.separator.encode()):
        form = csv.ParseOptions(
            delimiter=options.separator,
            quote_char='"' if quoted else False,
            double_quote=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
        )
        table = csv.read_csv(pa.BufferReader(pa.py_buffer(block)), whole, form, texts)
        for batch in table.to_batches():
            yield batch, quoted


@dataclass
class _Coder:
    """What becomes of a column, batch by batch."""

    column: Column
    options: Options
    #: Whether values could hold separators and line ends, as fields in quotes do.
    quoted: bool = field(default=False, init=False)


@dataclass
class _Typed(_Coder):
    """A column of numbers or times, converted batch by batch."""

    missing: Grown = field(default_factory=lambda: Grown(np.bool_))
    values: Grown = field(init=False)

    def __post_init__(self) -> None:
        self.values = Grown(np.int64 if self._is_time else np.float64)

    def add(self, texts: pa.Array) -> None:
        missing = ByteColumn.of(texts).widths == 0
        if self.column.missing_codes or (missing.any() and not self.column.allows_empty):
            raise UnprovenError
        convert = self._times if self._is_time else self._numbers
        if missing.any():
            values = np.zeros(len(texts), self.values.dtype)
            values[~missing] = convert(texts.filter(mask_of(~missing)))
        else:
            values = convert(texts)
        self.values.add(values)
        self.missing.add(missing)

    @property
    def _is_time(self) -> bool:
        return self.column.kind is Kind.TIME

    def _times(self, texts: pa.Array) -> npt.NDArray[np.int64]:
        if not ByteColumn.of(texts).all_like(_TIME):
            raise UnprovenError
        return numbers_of(texts.cast(pa.timestamp("us", "UTC")), np.int64)

    def _numbers(self, texts: pa.Array) -> npt.NDArray[np.float64]:
        held = ByteColumn.of(texts)
        if self.column.kind is Kind.INTEGER:
            right = held.only(_DIGITS) and bool((held.widths <= 15).all())
        else:
            right = self.options.decimal == "." and held.only(_DIGITS + b"+-.eE")
        if not right:
            raise UnprovenError
        # The conversion takes a text whole or not at all, and no letters came this far but "e".
        numbers = numbers_of(texts.cast(pa.float64()), np.float64) + 0.0
        low, high = self.column.bounds
        if not np.isfinite(numbers).all() or ((numbers < low) | (numbers > high)).any():
            raise UnprovenError
        return numbers

    def finish(self) -> AnyColumn:
        made = TimeColumn if self._is_time else NumberColumn
        return made(self.values.array(), self.missing.array())


@dataclass
class _Coded(_Coder):
    """A column of text, coded batch by batch; each distinct value is looked at once."""

    codes: Grown = field(default_factory=lambda: Grown(np.int32))
    known: pa.Array = field(default_factory=lambda: pa.nulls(0, pa.string()))
    waiting: list[pa.Array] = field(default_factory=list)
    hashed_again: int = 0
    numbered: Numbered | None = field(init=False)
    parted: Parted | None = None

    def __post_init__(self) -> None:
        self.numbered = Numbered() if self.column.kind is Kind.IDENTIFIER else None

    def add(self, texts: pa.Array) -> None:
        if self.numbered is not None:
            if self.numbered.add(ByteColumn.of(texts)):
                return
            self._leave_numbers(self.numbered)
        held = ByteColumn.of(texts)
        # Copied, as Arrow sets the memory of a whole block aside for each column of it.
        self.waiting.append(string_array(held.data.copy(), held.widths))
        if sum(map(len, self.waiting)) >= _AT_ONCE:
            self._code()

    def _leave_numbers(self, numbered: Numbered) -> None:
        """Go on with hash tables, from what was coded so far."""
        self.numbered = None
        if numbered.n_rows:
            self.codes, numbers = numbered.coded()
            self.known = string_array(*numbered.texts(numbers))

    def _code(self) -> None:
        if self.parted is None and self.hashed_again > _HASHED_AGAIN:
            self.parted = Parted(self.known, self.codes)
        texts, self.waiting = pa.concat_arrays(self.waiting), []
        if self.parted is not None:
            self.parted.add(texts)
            return
        # One hash table serves both, so that the second one's dictionary holds every value.
        coded = pa.chunked_array([self.known, texts]).dictionary_encode().chunks[-1]
        self.codes.add(numbers_of(coded.indices, np.int32))
        self.hashed_again += len(self.known)
        self.known = coded.dictionary

    def _prove(self, values: pa.Array) -> None:
        held = ByteColumn.of(values)
        plain = held.plain() & (held.widths <= min(self.column.longest, 1 << 16))
        odd = values.filter(mask_of(~plain))
        if len(odd) > _MOST_ODD_VALUES:
            raise UnprovenError
        faulty = any(value != "" and not self._is_right(value) for value in odd.to_pylist())
        marks = ('"', "\n", "\r", self.options.separator) if self.quoted else ()
        parted = any(pc.any(pc.match_substring(values, mark)).as_py() for mark in marks)
        if faulty or parted:
            raise UnprovenError

    def _is_right(self, value: str) -> bool:
        spelling = compared_spelling(value, self.column.kind)
        faults = text_faults(value, self.column, self.options.limits.max_value)
        return spelling == value and not faults

    def finish(self) -> AnyColumn:
        if self.numbered is not None:
            return self._finish_numbers(self.numbered)
        if self.waiting:
            self._code()
        body, n_values, empty = Grown(np.uint8), 0, None
        for values in [self.known] if self.parted is None else self.parted.values():
            self._prove(values)
            held = ByteColumn.of(values)
            absent = np.flatnonzero(held.widths == 0)
            if len(absent):
                empty = n_values + int(absent[0])
                held = ByteColumn.of(values.filter(mask_of(held.widths > 0)))
            body.add(held.ended)
            n_values += len(values)
        codes = self.codes if self.parted is None else self.parted.codes()
        return _text_column(codes if empty is None else self._without(codes, empty), body.array())

    def _without(self, codes: Grown, empty: int) -> Grown:
        """The codes where this one is that of an empty field."""
        if not self.column.allows_empty:
            raise UnprovenError
        out = Grown(np.int32)
        for some in codes.pieces():
            out.add(np.where(some == empty, np.int32(-1), some - (some > empty)))
        return out

    def _finish_numbers(self, numbered: Numbered) -> AnyColumn:
        codes, numbers = numbered.coded()
        # The names differ in digits only, and the last one is as long as any.
        self._prove(string_array(*numbered.texts(numbers[-1:])))
        return _text_column(codes, numbered.texts(numbers, b"\0")[0])


def _text_column(codes: Grown, ended: npt.NDArray[np.uint8]) -> TextColumn:
    values = Texts(ended)
    return TextColumn(codes.array(), values if len(values) >= MANY else list(values))


def _coder(column: Column, options: Options) -> _Coded | _Typed:
    return (_Coded if column.kind in TEXT_KINDS else _Typed)(column, options)


def _feed(
    coders: Sequence[_Coded | _Typed],
    batches: Iterator[tuple[pa.RecordBatch, bool]],
    options: Options,
) -> int:
    """Hand each batch's columns to their coders; returns the number of rows."""
    n_rows, longest = 0, [0] * len(coders)
    for batch, quoted in batches:
        n_rows += batch.num_rows
        for place, coder in enumerate(coders):
            texts = batch.column(place)
            longest[place] = max(longest[place], int(ByteColumn.of(texts).widths.max()))
            coder.quoted |= quoted
            coder.add(texts)
        # Each value may come in two quotes, and has a separator or a line end after it.
        if n_rows > options.limits.max_rows or sum(longest) + 4 * len(coders) > (
            options.limits.max_line
        ):
            raise UnprovenError
    return n_rows


def _table(n_rows: int, coders: Sequence[_Coded | _Typed], names: list[str]) -> Table | None:
    found = {coder.column.name: coder.finish() for coder in coders}
    first = found[coders[0].column.name]
    if isinstance(first, TextColumn) and names[0] in first.values:
        return None  # perhaps the header once more, between two files that were joined
    line = np.arange(2, n_rows + 2, dtype=np.int32)
    return Table(n_rows, line, found, tuple(names))
