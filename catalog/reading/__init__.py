"""Reads bytes of a file format into typed columns and problems. Knows no Django, no database."""

from __future__ import annotations

from catalog.reading.child import read_in_child
from catalog.reading.columns import Column, Export, Kind, Layout, Limits, Options
from catalog.reading.formats import read
from catalog.reading.problems import Code, Notice, Problem
from catalog.reading.sniffing import Sniffed, sniff
from catalog.reading.tables import NumberColumn, Table, TextColumn, TimeColumn

__all__ = [
    "Code",
    "Column",
    "Export",
    "Kind",
    "Layout",
    "Limits",
    "Notice",
    "NumberColumn",
    "Options",
    "Problem",
    "Sniffed",
    "Table",
    "TextColumn",
    "TimeColumn",
    "read",
    "read_in_child",
    "sniff",
]
