"""Reads bytes of a file format into typed columns and problems. Knows no Django, no database."""

from __future__ import annotations

from pathlib import Path

from catalog.reading.building import TableBuilder
from catalog.reading.columns import Column, Kind, Layout, Limits, Options
from catalog.reading.delimited import read_delimited
from catalog.reading.problems import Code, Notice, Problem, ReadingStoppedError
from catalog.reading.tables import NumberColumn, Table, TextColumn, TimeColumn

_READERS = {"csv": read_delimited, "tsv": read_delimited}


def read(path: Path | str, layout: Layout, options: Options) -> Table:
    """Read a file in this process; whatever the file holds, the answer is a table."""
    builder = TableBuilder(options)
    try:
        _READERS[options.format](Path(path), layout, options, builder)
    except ReadingStoppedError as stopped:
        builder.log.stop(stopped.fault.at(None))
    return builder.finish()


__all__ = [
    "Code",
    "Column",
    "Kind",
    "Layout",
    "Limits",
    "Notice",
    "NumberColumn",
    "Options",
    "Problem",
    "Table",
    "TextColumn",
    "TimeColumn",
    "read",
]
