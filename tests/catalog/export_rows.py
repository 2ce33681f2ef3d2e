"""What the tests of exports share: how labels are laid out, and a table as plain rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from catalog.reading import (
    Column,
    Export,
    Kind,
    Layout,
    NumberColumn,
    Options,
    Table,
    TextColumn,
    TimeColumn,
    read,
)

COLUMNS = (
    Column("item", Kind.IDENTIFIER, required=True),
    Column("annotator", Kind.IDENTIFIER, required=True),
    Column("label", Kind.CATEGORY, required=True, empty_allowed=True),
    Column("question", Kind.IDENTIFIER),
    Column("round", Kind.INTEGER, low=1),
    Column("status", Kind.CATEGORY),
    Column("labelled_at", Kind.TIME),
    Column("duration_ms", Kind.INTEGER, low=0),
)


def read_export(
    file: Path,
    form: str,
    body: object,
    columns: dict[str, str] | None = None,
    *,
    delimiter: str = ",",
    compression: str | None = None,
    **said: Any,
) -> Table:
    """Read an export as an upload of labels is read; what is no text is written as JSON."""
    if isinstance(body, bytes):
        file.write_bytes(body)
    else:
        file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    layout = Layout(COLUMNS, extra=Column("attribute", Kind.CATEGORY), mapping=columns or {})
    options = Options(
        format=form, delimiter=delimiter, compression=compression, export=Export(**said)
    )
    return read(file, layout, options)


def values(table: Table, name: str) -> list[Any]:
    """One column as Python values, empty fields as empty text or None."""
    column = table.columns[name]
    if isinstance(column, TextColumn):
        return [column.values[code] if code >= 0 else "" for code in column.codes]
    if isinstance(column, NumberColumn):
        return [
            None if gone else value
            for value, gone in zip(column.values, column.missing, strict=True)
        ]
    assert isinstance(column, TimeColumn)
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        None if gone else (start + timedelta(microseconds=int(value))).isoformat()
        for value, gone in zip(column.values, column.missing, strict=True)
    ]


def rows(table: Table, *names: str) -> list[tuple[Any, ...]]:
    """Rows of a table that was read without problems, with their lines."""
    assert table.problems == []
    return list(zip(table.line.tolist(), *(values(table, name) for name in names), strict=True))


def codes(table: Table) -> list[str]:
    return [problem.code.value for problem in table.problems]


def told(table: Table) -> dict[str, tuple[str, int]]:
    """The notices by code."""
    return {notice.code.value: (notice.message, notice.count) for notice in table.notices}
