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
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from catalog.reading.bytewise import ByteColumn, mask_of, numbers_of, string_array
from catalog.reading.characters import compared_spelling, text_faults
from catalog.reading.columns import TEXT_KINDS, Column, Kind, Options
from catalog.reading.grown import Grown
from catalog.reading.headers import Header
from catalog.reading.numbered import Numbered
from catalog.reading.tables import (
    MANY,
    AnyColumn,
    NumberColumn,
    Table,
    TextColumn,
    Texts,
    TimeColumn,
)

_BLOCK = 1 << 21
_MOST_ODD_VALUES = 20_000
_MOST_WAITING = 2_000_000
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
    quoted = _quoted(path, options.separator.encode())
    if quoted is None:
        return None
    with path.open("rb") as file:
        first = file.readline(options.limits.max_line).rstrip(b"\r\n")
    if not first.isascii():
        return None
    names = first.decode().split(options.separator)
    columns = [header.add(name.strip('"') if quoted else name) for name in names]
    if header.finish() or header.notices(1) or len(columns) < 2 or None in columns:
        return None
    coders = [_coder(column, options, quoted=quoted) for column in columns if column is not None]
    try:
        n_rows = _feed(coders, _batches(path, len(columns), options, quoted=quoted), options)
    except (pa.ArrowInvalid, _Unproven):
        return None
    return _table(n_rows, coders, header.names) if n_rows else None


def _quoted(path: Path, separator: bytes) -> bool | None:
    """Whether fields are quoted; ``None`` where quotes or line ends are not plainly right.

    They are where each quote stands at one end of a field, as many at the beginning as at the
    end, and no parsed value holds a quote or a separator; the latter is seen later.
    """
    opening = closing = quotes = 0
    for block in _lines(path):
        if b"\x00" in block:
            return None
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return None
        if b'"' not in block:
            continue
        if b'""' in block:
            return None
        quotes += block.count(b'"')
        opening += block.count(separator + b'"') + block.count(b'\n"') + block.startswith(b'"')
        closing += sum(block.count(b'"' + end) for end in (separator, b"\n", b"\r\n"))
        closing += block.endswith(b'"')
    with path.open("rb") as file:
        if file.read(3) == b"\xef\xbb\xbf" or opening != closing or opening + closing != quotes:
            return None
    return quotes > 0


def _lines(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block + file.readline()


def _batches(
    path: Path, n_columns: int, options: Options, *, quoted: bool
) -> Iterator[pa.RecordBatch]:
    names = [str(i) for i in range(n_columns)]
    with csv.open_csv(
        path,
        csv.ReadOptions(column_names=names, skip_rows=1, block_size=_BLOCK, use_threads=False),
        csv.ParseOptions(
            delimiter=options.separator,
            quote_char='"' if quoted else False,
            double_quote=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
        ),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    ) as reader:
        yield from reader


class _Unproven(Exception):  # noqa: N818  control flow within this module
    """The strict reader might have something to say."""


@dataclass
class _Typed:
    """A column of numbers or times, converted batch by batch."""

    column: Column
    options: Options
    missing: Grown = field(default_factory=lambda: Grown(np.bool_))
    values: Grown = field(init=False)

    def __post_init__(self) -> None:
        self.values = Grown(np.int64 if self._is_time else np.float64)

    def add(self, texts: pa.Array) -> None:
        missing = ByteColumn.of(texts).widths == 0
        if self.column.missing_codes or (missing.any() and not self.column.allows_empty):
            raise _Unproven
        present = texts.filter(mask_of(~missing)) if missing.any() else texts
        values = np.zeros(len(texts), self.values.dtype)
        values[~missing] = self._times(present) if self._is_time else self._numbers(present)
        self.values.add(values)
        self.missing.add(missing)

    @property
    def _is_time(self) -> bool:
        return self.column.kind is Kind.TIME

    def _times(self, texts: pa.Array) -> npt.NDArray[np.int64]:
        if not ByteColumn.of(texts).all_like(_TIME):
            raise _Unproven
        return numbers_of(texts.cast(pa.timestamp("us", "UTC")), np.int64)

    def _numbers(self, texts: pa.Array) -> npt.NDArray[np.float64]:
        held = ByteColumn.of(texts)
        if self.column.kind is Kind.INTEGER:
            right = held.only(_DIGITS) and bool((held.widths <= 15).all())
        else:
            right = self.options.decimal == "." and held.only(_DIGITS + b"+-.eE")
        if not right:
            raise _Unproven
        # The conversion takes a text whole or not at all, and no letters came this far but "e".
        numbers = numbers_of(texts.cast(pa.float64()), np.float64) + 0.0
        low, high = self.column.bounds
        if not np.isfinite(numbers).all() or ((numbers < low) | (numbers > high)).any():
            raise _Unproven
        return numbers

    def finish(self) -> AnyColumn:
        made = TimeColumn if self._is_time else NumberColumn
        return made(self.values.array(), self.missing.array())


@dataclass
class _Coded:
    """A column of text, coded batch by batch; each distinct value is looked at once."""

    column: Column
    options: Options
    separators: tuple[str, ...]
    codes: Grown = field(default_factory=lambda: Grown(np.int32))
    known: pa.Array = field(default_factory=lambda: pa.nulls(0, pa.string()))
    waiting: list[pa.Array] = field(default_factory=list)
    numbered: Numbered | None = field(init=False)

    def __post_init__(self) -> None:
        self.numbered = Numbered() if self.column.kind is Kind.IDENTIFIER else None

    def add(self, texts: pa.Array) -> None:
        if self.numbered is not None:
            if self.numbered.add(ByteColumn.of(texts)):
                return
            self._leave_numbers(self.numbered)
        self.waiting.append(texts)
        # Each coding hashes the known values again: it waits until that is a small part of it, or
        # until what waits would be most of what is held.
        if sum(map(len, self.waiting)) >= min(2 * len(self.known), _MOST_WAITING):
            self._code()

    def _leave_numbers(self, numbered: Numbered) -> None:
        """Go on with a hash table, from what was coded so far."""
        self.numbered = None
        if numbered.n_rows:
            self.codes, numbers = numbered.coded()
            self.known = string_array(*numbered.texts(numbers))
            self._prove(self.known)

    def _code(self) -> None:
        n_known = len(self.known)
        # One hash table serves all parts, so that the last one's dictionary holds every value.
        before = [self.known] if n_known else []
        parts = pa.chunked_array([*before, *self.waiting]).dictionary_encode().chunks
        for part in parts[len(before) :]:
            self.codes.add(numbers_of(part.indices, np.int32))
        self.known, self.waiting = parts[-1].dictionary, []
        self._prove(self.known.slice(n_known))

    def _prove(self, values: pa.Array) -> None:
        held = ByteColumn.of(values)
        plain = held.plain() & (held.widths <= min(self.column.longest, 1 << 16))
        odd = values.filter(mask_of(~plain))
        if len(odd) > _MOST_ODD_VALUES:
            raise _Unproven
        faulty = any(value != "" and not self._is_right(value) for value in odd.to_pylist())
        parted = any(pc.any(pc.match_substring(values, mark)).as_py() for mark in self.separators)
        if faulty or parted:
            raise _Unproven

    def _is_right(self, value: str) -> bool:
        spelling = compared_spelling(value, self.column.kind)
        faults = text_faults(value, self.column, self.options.limits.max_value)
        return spelling == value and not faults

    def finish(self) -> AnyColumn:
        if self.numbered is not None:
            return self._finish_numbers(self.numbered)
        if self.waiting:
            self._code()
        codes = self.codes.array()
        full = ByteColumn.of(self.known).widths > 0
        if not full.all():
            if not self.column.allows_empty:
                raise _Unproven
            renumber = (np.cumsum(full) - 1).astype(np.int32)
            renumber[~full] = -1
            codes = renumber[codes]
        return _text_column(codes, ByteColumn.of(self.known.filter(mask_of(full))).ended)

    def _finish_numbers(self, numbered: Numbered) -> AnyColumn:
        codes, numbers = numbered.coded()
        # The names differ in digits only, and the last one is as long as any.
        self._prove(string_array(*numbered.texts(numbers[-1:])))
        return _text_column(codes.array(), numbered.texts(numbers, b"\0")[0])


def _text_column(codes: npt.NDArray[np.int32], ended: npt.NDArray[np.uint8]) -> TextColumn:
    values = Texts(ended.tobytes())
    return TextColumn(codes, values if len(values) >= MANY else list(values))


def _coder(column: Column, options: Options, *, quoted: bool) -> _Coded | _Typed:
    if column.kind not in TEXT_KINDS:
        return _Typed(column, options)
    return _Coded(column, options, ('"', "\n", "\r", options.separator) if quoted else ())


def _feed(
    coders: Sequence[_Coded | _Typed],
    batches: Iterator[pa.RecordBatch],
    options: Options,
) -> int:
    """Hand each batch's columns to their coders; returns the number of rows."""
    n_rows, longest = 0, [0] * len(coders)
    for batch in batches:
        n_rows += batch.num_rows
        if not batch.num_rows:
            continue
        for place, coder in enumerate(coders):
            texts = batch.column(place)
            longest[place] = max(longest[place], int(ByteColumn.of(texts).widths.max()))
            coder.add(texts)
        # Each value may come in two quotes, and has a separator or a line end after it.
        if n_rows > options.limits.max_rows or sum(longest) + 4 * len(coders) > (
            options.limits.max_line
        ):
            raise _Unproven
    return n_rows


def _table(n_rows: int, coders: Sequence[_Coded | _Typed], names: list[str]) -> Table | None:
    try:
        found = {coder.column.name: coder.finish() for coder in coders}
    except _Unproven:
        return None
    first = found[coders[0].column.name]
    if isinstance(first, TextColumn) and names[0] in first.values:
        return None  # perhaps the header once more, between two files that were joined
    line = np.arange(2, n_rows + 2, dtype=np.int32)
    return Table(n_rows, line, found, tuple(names))
