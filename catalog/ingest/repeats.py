"""Rows of a file about something that an earlier row is about, or that say the same again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import NoticeCode, RowCode
from catalog.ingest.incoming import Incoming
from catalog.reading.problems import counted
from catalog.reading.tables import MatrixColumn, TextColumn

Rows = NDArray[np.intp]
Describe = Callable[[int], tuple[str | None, str, str | None]]


def identical(incoming: Incoming, rows: Rows, others: Rows) -> NDArray[np.bool_]:
    """Where two rows of the file hold the same in every column."""
    same = np.ones(len(rows), bool)
    for column in incoming.table.columns.values():
        if isinstance(column, TextColumn):
            same &= column.codes[rows] == column.codes[others]
        elif isinstance(column, MatrixColumn):
            same &= (column.values[rows] == column.values[others]).all(axis=1)
        else:
            both = column.missing[rows] & column.missing[others]
            either = column.missing[rows] | column.missing[others]
            same &= both | (~either & (column.values[rows] == column.values[others]))
    return same


def skip_identical(incoming: Incoming, rows: Rows, earlier: Rows) -> NDArray[np.bool_]:
    """Leave out rows that repeat their earlier one, where ``on_identical=skip``; which they are."""
    if incoming.upload.options.get("on_identical") != "skip" or not len(rows):
        return np.zeros(len(rows), bool)
    same = identical(incoming, rows, earlier)
    again = np.sort(rows[same])
    if len(again):
        incoming.skipped[again] = True
        incoming.warn(
            NoticeCode.DUPLICATE_ROW,
            f"{counted(len(again), 'row')} skipped: an earlier row says the same word for word.",
            len(again),
            row=int(again[0]),
        )
    return same


def refuse_repeats(incoming: Incoming, column: str, key: NDArray[np.int64]) -> None:
    """Refuse rows whose key stood in an earlier row of the file."""
    rows = incoming.rows
    order = rows[np.argsort(key[rows], kind="stable")]
    same = np.zeros(len(order), bool)
    same[1:] = key[order[1:]] == key[order[:-1]]
    start = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    same[same] = ~skip_identical(incoming, order[same], order[start[same]])
    again, earlier = order[same], order[start[same]]
    first = dict(zip(again.tolist(), earlier.tolist(), strict=True))
    ids = incoming.text(column)
    values = ids.values if ids is not None else []

    def describe(row: int) -> tuple[str | None, str, str | None]:
        value = values[ids.codes[row]] if ids is not None else None
        line = int(incoming.table.line[first[row]])
        other = _difference(incoming, row, first[row])
        return (
            value,
            f"{value!r} already stands in line {line}{other}; send one row for each.",
            None,
        )

    refuse_again(incoming, column, again, earlier, describe)


def refuse_again(
    incoming: Incoming, column: str, again: Rows, earlier: Rows, describe: Describe
) -> None:
    """Refuse rows about what an earlier row is about: that say the same, or contradict it."""
    alike = identical(incoming, again, earlier)
    for code, which in ((RowCode.CONFLICTING_ROWS, ~alike), (RowCode.DUPLICATE_ROW, alike)):
        incoming.refuse(np.sort(again[which]), code, column, describe)


def _difference(incoming: Incoming, row: int, earlier: int) -> str:
    """The first column in which two rows differ, with what each says."""
    for name, column in incoming.table.columns.items():
        if isinstance(column, TextColumn) and column.codes[row] != column.codes[earlier]:
            there, here = (
                repr(column.values[code]) if (code := column.codes[r]) >= 0 else "empty"
                for r in (earlier, row)
            )
            return f", where {name} is {there} and here {here}"
    return ""
