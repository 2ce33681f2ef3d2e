"""Tables with a row an item or a label, in the order to look at them: kept to the last row.

A result of millions of items would be too large for one JSON value. So a result holds the first
rows, and all of them stand in blocks beside the run, from which pages are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from annotations.models import RowBlock
from annotations.values import name_of
from catalog.models import Run

BLOCK_ROWS = 10_000
#: Rows within the result itself.
FIRST_ROWS = 100
#: The block that says what the columns are, and those that say whom the row of each rank is about.
HEAD = -1
ABOUT = {"item": -2, "annotator": -3}
_KINDS = {"b": "?", "f": "<f8", "i": "<i4"}
Row = dict[str, Any]
Table = NDArray[np.void]


@dataclass(frozen=True)
class Ranked:
    """Rows in their order.

    Parameters
    ----------
    table : structured array (n,)
        A name such as ``methods.mean.value`` is shown as nested objects, a list of codes and
        amounts as an object of amounts by value.
    values : list
        What codes stand for.
    coded : tuple of str
        The columns of codes; -1 is shown as null, and so are numbers that are not finite.
    """

    table: Table
    values: list[Any]
    coded: tuple[str, ...]

    def part(self, count: str = "n_items") -> Row:
        """The first rows, and how many there are, as a result holds them."""
        rows = _shown(self.table[:FIRST_ROWS], self.values, self.coded)
        return {count: len(self.table), "rows": rows}


def ranked(
    columns: Mapping[str, NDArray[Any]], values: Sequence[Any] = (), *, coded: Iterable[str] = ()
) -> Ranked:
    """Columns of equal length as rows; :func:`amounts` makes those that are objects."""
    fields: list[Any] = []
    for name, column in columns.items():
        kind = "<u4" if name in ABOUT else _KINDS.get(column.dtype.kind, column.dtype)
        fields.append((name, kind, column.shape[1:]))
    table = np.zeros(len(columns["item"]), np.dtype(fields))
    for name, column in columns.items():
        table[name] = column
    return Ranked(table, list(values), tuple(coded))


def amounts(of_values: NDArray[Any], *, least: float) -> Table:
    """Of a table (n, K) the amounts from ``least`` on, each with its code: (n, most in a row).

    Values that nobody gave take no room, however many there are.
    """
    is_kept = of_values >= least
    n_kept = is_kept.sum(axis=1)
    kind = _KINDS[of_values.dtype.kind]
    found = np.zeros((len(of_values), int(n_kept.max(initial=0))), [("code", "<i4"), ("n", kind)])
    found["code"] = -1
    row, code = np.nonzero(is_kept)
    place = np.arange(len(row)) - np.repeat(np.cumsum(n_kept) - n_kept, n_kept)
    found["code"][row, place] = code
    found["n"][row, place] = of_values[row, code]
    return found


def _shown(table: Table, values: list[Any], coded: Iterable[str]) -> list[Row]:
    columns = [_column(table[name], name in coded, values) for name in table.dtype.names or ()]
    names = [name.split(".") for name in table.dtype.names or ()]
    return [_nested(names, cells) for cells in zip(*columns, strict=True)]


def _column(column: NDArray[Any], is_coded: bool, values: list[Any]) -> list[Any]:
    if column.dtype.names:
        return [
            {name_of(values[code]): n for code, n in entries if code >= 0}
            for entries in column.tolist()
        ]
    cells: list[Any] = column.tolist()
    if is_coded:
        return [values[code] if code >= 0 else None for code in cells]
    if column.dtype.kind == "f":
        return [
            cell if known else None for cell, known in zip(cells, np.isfinite(column), strict=True)
        ]
    return cells


def _nested(names: list[list[str]], cells: Iterable[Any]) -> Row:
    found: Row = {}
    for (*outer, last), cell in zip(names, cells, strict=True):
        place = found
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = cell
    return found


def store(run: Run, tables: Mapping[str, Ranked]) -> None:
    """Keep every row beside the run, and drop those of earlier runs about the same question.

    The rows of a result that was replaced are never asked for: the newest one is shown.
    """
    blocks = [
        RowBlock(run=run, table=name, number=number, body=body)
        for name, rows in tables.items()
        for number, body in _bodies(rows).items()
    ]
    earlier = RowBlock.objects.filter(
        run__dataset=run.dataset_id, run__kind=run.kind, run__subject=run.subject
    )
    with transaction.atomic():
        earlier.filter(run__version__lt=run.version).delete()
        RowBlock.objects.filter(run=run).delete()
        RowBlock.objects.bulk_create(blocks, batch_size=20)


def _bodies(rows: Ranked) -> dict[int, bytes]:
    table = rows.table
    head = {"columns": _described(table.dtype), "values": rows.values, "coded": rows.coded}
    found = {HEAD: json.dumps(head).encode()}
    for name, number in ABOUT.items():
        if name in (table.dtype.names or ()):
            found[number] = table[name].tobytes()
    for start in range(0, len(table), BLOCK_ROWS):
        found[start // BLOCK_ROWS] = table[start : start + BLOCK_ROWS].tobytes()
    return found


def _described(layout: np.dtype[Any]) -> list[Any]:
    """A layout as JSON holds it; :func:`_layout` reads it again."""
    found: list[Any] = []
    for name in layout.names or ():
        kind = layout[name]
        base = kind.base
        found.append([name, _described(base) if base.names else base.str, kind.shape])
    return found


def _layout(described: list[Any]) -> np.dtype[Any]:
    return np.dtype(
        [
            (name, _layout(kind) if isinstance(kind, list) else kind, tuple(shape))
            for name, kind, shape in described
        ]
    )


class StoredRows(Sequence[Row]):
    """The rows of a run's table by their rank, read when they are asked for.

    Parameters
    ----------
    ranks : int64 array or None
        Only these, ascending; by default all.
    """

    def __init__(
        self, run: Run, name: str, head: bytes, ranks: NDArray[np.int64] | None = None
    ) -> None:
        self.run, self.name, self.head = run, name, head
        self._chosen = ranks

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """The ranks of the rows, ascending."""
        return np.arange(len(self._about("item"))) if self._chosen is None else self._chosen

    def __len__(self) -> int:
        return len(self.ranks)

    @overload
    def __getitem__(self, which: int) -> Row: ...

    @overload
    def __getitem__(self, which: slice) -> list[Row]: ...

    def __getitem__(self, which: int | slice) -> Row | list[Row]:
        if isinstance(which, int):
            return self[which : which + 1][0]
        head = json.loads(self.head)
        table = self._at(self.ranks[which], _layout(head["columns"]))
        return _shown(table, head["values"], head["coded"])

    def about(self, name: str, numbers: Iterable[int]) -> StoredRows:
        """The rows about these items, or annotators."""
        wanted = np.fromiter(numbers, np.int64)
        ranks = np.flatnonzero(np.isin(self._about(name), wanted))
        if self._chosen is not None:
            ranks = np.intersect1d(self._chosen, ranks)
        return StoredRows(self.run, self.name, self.head, ranks)

    def _about(self, name: str) -> NDArray[np.uint32]:
        return np.frombuffer(self._body(ABOUT[name]), "<u4")

    def _body(self, number: int) -> bytes:
        found = RowBlock.objects.filter(run=self.run, table=self.name, number=number)
        return bytes(found.values_list("body", flat=True).get())

    def _at(self, ranks: NDArray[np.int64], layout: np.dtype[Any]) -> Table:
        block = ranks // BLOCK_ROWS
        parts = [
            np.frombuffer(self._body(int(number)), layout)[ranks[block == number] % BLOCK_ROWS]
            for number in np.unique(block)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, layout)


def stored_rows(run: Run, name: str, within: Row) -> Sequence[Row]:
    """All rows of a table of a run; those within its result where there are no others."""
    head = RowBlock.objects.filter(run=run, table=name, number=HEAD)
    body = head.values_list("body", flat=True).first()
    rows: list[Row] = within["rows"]
    return rows if body is None else StoredRows(run, name, bytes(body))
