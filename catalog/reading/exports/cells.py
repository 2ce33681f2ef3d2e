"""CSV tables that are not one row an answer: their rows as records."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from catalog.reading.columns import DELIMITERS, Options
from catalog.reading.decoding import Record
from catalog.reading.delimited import delimited_rows, row_faults
from catalog.reading.headers import folded, name_fault
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape

MAX_COLUMNS = 5_000


def table_records(
    path: Path, options: Options, check: Callable[[list[str]], Fault | None]
) -> Iterator[Record]:
    """Each row as a dictionary under the names of the header, which ``check`` has approved of."""
    names: list[str] = []
    for line, fields, faults in delimited_rows(path, options):
        if names:
            found = faults or row_faults(fields, names, options.separator)
            yield None if found else dict(zip(names, fields, strict=True)), line, found
        else:
            if line > 1:
                break
            names = _header(fields, faults, options)
            fault = check(names)
            if fault is not None:
                raise ReadingStoppedError(replace(fault, line=line))
    if not names:
        sentence = "the first line is empty; it must name the columns."
        raise ReadingStoppedError(Fault(Code.HEADER_MISSING, sentence, line=1))


def _header(fields: list[str], faults: list[Fault], options: Options) -> list[str]:
    names = [unicodedata.normalize("NFC", name).strip() for name in fields]
    if faults and (fault := _delimiter_fault([faults[0].value or ""], options)) is not None:
        # A quoted header under the wrong delimiter looks like text after a closing quote.
        raise ReadingStoppedError(replace(fault, line=1))
    fault = faults[0] if faults else _header_fault(names, options)
    if fault is not None:
        raise ReadingStoppedError(replace(fault, line=1))
    return names


def _header_fault(names: list[str], options: Options) -> Fault | None:
    if len(names) > MAX_COLUMNS:
        sentence = (
            f"the table has more than {MAX_COLUMNS:,} columns; send it the other way round, or "
            "one row an answer."
        )
        return Fault(Code.TOO_MANY_COLUMNS, sentence)
    for position, name in enumerate(names, start=1):
        fault = name_fault(name, position)
        if fault is not None and position == 1 and not name:
            sentence = "column 1 has no name; if it holds the ids of the rows, name it item."
            return Fault(Code.HEADER_EMPTY_COLUMN, sentence, name)
        if fault is not None:
            return fault
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        sentence = f"the column '{escape(twice)}' stands in the header twice; keep one of them."
        return Fault(Code.HEADER_DUPLICATE_COLUMN, sentence, twice, column=twice)
    return _delimiter_fault(names, options)


def _delimiter_fault(names: list[str], options: Options) -> Fault | None:
    """That the header is a single name, in which another delimiter stands."""
    other = [mark for mark in DELIMITERS if mark != options.separator and mark in names[0]]
    if len(names) > 1 or not other:
        return None
    shown = "tab" if other[0] == "\t" else other[0]
    sentence = (
        f"the columns are separated by a {DELIMITERS[other[0]]}, not by a "
        f"{DELIMITERS[options.separator]}; send delimiter={shown}."
    )
    return Fault(Code.WRONG_DELIMITER, sentence, names[0])


def find_column(names: list[str], wanted: tuple[str, ...], stated: str | None) -> str | None:
    """The name in a header that was stated, else the first that means what is wanted."""
    means = {folded(name): name for name in names}
    candidates = wanted if stated is None else (stated,)
    return next((means[folded(name)] for name in candidates if folded(name) in means), None)


def missing_column(names: list[str], ours: str, wanted: str) -> Fault:
    """That no column of a header holds what is needed."""
    have = ", ".join(escape(name, 40) for name in names[:10])
    sentence = (
        f"the header lacks {wanted}; it has: {have}. Name the column so, or send "
        f'columns={{"{ours}": "..."}} with the name that it has.'
    )
    return Fault(Code.HEADER_MISSING_COLUMN, sentence, column=wanted)
