"""What reading a file answers: coded columns, the line of each row, and what is wrong."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from catalog.reading.problems import Notice, Problem

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
_AT_A_TIME = 4096
_ROWS = 1 << 16
#: So many distinct texts are kept as their bytes.
MANY = 100_000


def put_aside(values: npt.NDArray[Any]) -> None:
    """Leave an array that is mapped from a file to the file, until it is looked at again.

    What was looked at would stay in memory: of millions of rows, most of what a process holds.
    """
    held: Any = values
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        held.madvise(mmap.MADV_DONTNEED)


class Texts(Sequence[str]):
    """Many texts in the memory of their bytes: as objects they would take five times as much.

    Parameters
    ----------
    body : bytes or array of uint8, the texts in UTF-8, each followed by a NUL, which none holds
    """

    def __init__(self, body: bytes | npt.NDArray[np.uint8]) -> None:
        self.body = body if isinstance(body, np.ndarray) else np.frombuffer(body, np.uint8)
        self.ends = np.flatnonzero(self.body == 0).astype(np.uint32)

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        start = int(self.ends[at - 1]) + 1 if at else 0
        return self.body[start : self.ends[at]].tobytes().decode()

    def __contains__(self, text: object) -> bool:
        if not isinstance(text, str):
            return False
        sought = text.encode()
        starts = np.append(0, self.ends + 1)[:-1]
        places = starts[self.ends - starts == len(sought)]
        for offset, byte in enumerate(sought):
            places = places[self.body[places + offset] == byte]
        return bool(len(places))

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _AT_A_TIME):
            last = min(first + _AT_A_TIME, len(self)) - 1
            start = self.ends[first - 1] + 1 if first else 0
            yield from self.body[start : self.ends[last]].tobytes().decode().split("\0")


@dataclass(slots=True)
class TextColumn:
    """Text, coded: ``values[codes[row]]``; -1 is an empty field.

    ``values`` are distinct, in the spelling they are compared in; in order of first appearance,
    unless there are many.
    ``spellings`` gives, for a code whose values were sent in another spelling, all of those.
    """

    codes: npt.NDArray[np.int32]
    values: Sequence[str]
    spellings: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def missing(self) -> Mask:
        return self.codes < 0

    def used(self, rows: Mask) -> npt.NDArray[np.intp]:
        """The codes of the values that some rows hold, ascending."""
        met = np.zeros(len(self.values) + 1, bool)  # the last place is that of code -1
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            met[self.codes[part][rows[part]]] = True
        return np.flatnonzero(met[:-1])

    def take(self, rows: Rows) -> TextColumn:
        """The same column for some rows, with only the values that they use."""
        codes = self.codes[rows]
        used = np.unique(codes[codes >= 0])
        renumber = np.full(len(self.values) + 1, -1, np.int32)
        renumber[used] = np.arange(len(used))
        spellings = {
            int(renumber[code]): spelled
            for code, spelled in self.spellings.items()
            if renumber[code] >= 0
        }
        # Code -1 picks the last place of ``renumber``, which stays -1.
        return TextColumn(renumber[codes], [self.values[code] for code in used], spellings)


@dataclass(slots=True)
class NumberColumn:
    """Numbers as binary64; ``values`` is 0 where ``missing``."""

    values: npt.NDArray[np.float64]
    missing: Mask

    def take(self, rows: Rows) -> NumberColumn:
        return NumberColumn(self.values[rows], self.missing[rows])


@dataclass(slots=True)
class TimeColumn:
    """Microseconds since 1970-01-01T00:00:00Z; ``values`` is 0 where ``missing``."""

    values: npt.NDArray[np.int64]
    missing: Mask

    def take(self, rows: Rows) -> TimeColumn:
        return TimeColumn(self.values[rows], self.missing[rows])


@dataclass(slots=True)
class MatrixColumn:
    """A vector of numbers for each row, as binary32; ``values`` has a shape of (rows, width)."""

    values: npt.NDArray[np.float32]

    @property
    def missing(self) -> Mask:
        return np.zeros(len(self.values), bool)

    def take(self, rows: Rows) -> MatrixColumn:
        return MatrixColumn(self.values[rows])


AnyColumn = TextColumn | NumberColumn | TimeColumn | MatrixColumn


@dataclass(slots=True)
class Table:
    """One file, read.

    Attributes
    ----------
    n_rows : int
        Rows read, those with problems included (their faulty values count as empty).
    line : array of int64
        Physical line in which each row begins, header is line 1; JSON: number of the record;
        Parquet: number of the row + 1.
    columns : mapping of str to column
        By our name; columns that the file does not have are absent.
    header : tuple of str
        The names as sent; of a file of arrays, those of the matrix's columns.
    problems : list of Problem
        The first thousand, by line; ``n_problems`` is the true total.
    problem_rows : array of int64
        Row numbers (from 0) to leave out where the rest is to be stored.
    complete : bool
        Whether the whole file was read. If not, leaving out rows is no way to store the rest.
    notices : list of Notice
    """

    n_rows: int
    line: npt.NDArray[np.integer[Any]]
    columns: Mapping[str, AnyColumn]
    header: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    n_problems: int = 0
    problem_rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    complete: bool = True
    notices: list[Notice] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.n_problems == 0

    def without_problem_rows(self) -> Table:
        """The rows without problems, each column with only the values that they use."""
        kept = np.ones(self.n_rows, bool)
        kept[self.problem_rows] = False
        rows = np.flatnonzero(kept)
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return replace(
            self,
            n_rows=len(rows),
            line=self.line[rows],
            columns=columns,
            problem_rows=np.empty(0, np.int64),
        )


def refused(*problems: Problem) -> Table:
    """The answer where a file could not be read at all."""
    return Table(
        0,
        np.empty(0, np.int64),
        {},
        problems=list(problems),
        n_problems=len(problems),
        complete=False,
    )
