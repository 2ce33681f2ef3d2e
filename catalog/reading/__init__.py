"""Reads bytes of a file format into typed columns and problems. Knows no Django, no database."""

from __future__ import annotations

from catalog.reading.child import read_in_child
from catalog.reading.columns import Column, Export, Kind, Layout, Limits, Options
from catalog.reading.formats import read
from catalog.reading.problems import Code, Notice, Problem
from catalog.reading.sniffing import Sniffed, array_format, sniff
from catalog.reading.tables import MatrixColumn, NumberColumn, Table, TextColumn, TimeColumn

__all__ = [
    "Code",
    "Column",
    "Export",
    "Kind",
    "Layout",
    "Limits",
    "MatrixColumn",
    "Notice",
    "NumberColumn",
    "Options",
    "Problem",
    "Sniffed",
    "Table",
    "TextColumn",
    "TimeColumn",
    "array_format",
    "read",
    "read_in_child",
    "sniff",
]
