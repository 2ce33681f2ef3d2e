"""The consensus of every item, in blocks beside the run that found it: read in pages to the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from annotations.models import ConsensusBlock
from annotations.values import name_of
from catalog.models import Run

BLOCK_ROWS = 10_000
#: With more values than this only the rows within the result are kept.
MAX_VALUES = 64
#: The block that says which item stands at which rank.
RANKS = -1
Table = NDArray[np.void]
Row = dict[str, Any]


def code_layout(n_values: int, methods: Iterable[str]) -> np.dtype[np.void]:
    """The columns of a question of categories: each item's votes, posterior and decisions."""
    fields: list[Any] = [("item", "<u4"), ("n_labels", "<u4")]
    fields += [("votes", "<u4", (n_values,)), ("posterior", "<f8", (n_values,))]
    for method in methods:
        fields += [
            (f"{method}.code", "<i4"),
            (f"{method}.tie", "?"),
            (f"{method}.confidence", "<f8"),
        ]
    return np.dtype(fields)


def number_layout(methods: Iterable[str]) -> np.dtype[np.void]:
    """The columns of a question of numbers."""
    fields: list[Any] = [("item", "<u4"), ("n_labels", "<u4")]
    fields += [(name, "<f8") for name in ("sd", "ci_low", "ci_high", *methods)]
    return np.dtype(fields)


def code_rows(table: Table, values: list[Any], methods: list[str]) -> list[Row]:
    """Items as they are shown; posteriors down to one in a thousand, lest rows grow long."""
    names = [name_of(value) for value in values]
    return [
        {
            "item": int(one["item"]),
            "n_labels": int(one["n_labels"]),
            "labels": {names[k]: int(one["votes"][k]) for k in np.flatnonzero(one["votes"])},
            **_decision(one, methods[0], values),
            "posterior": {
                names[k]: float(one["posterior"][k])
                for k in np.flatnonzero(one["posterior"] >= 1e-3)
            },
            "methods": {method: _decision(one, method, values) for method in methods},
        }
        for one in table
    ]


def _decision(one: Any, method: str, values: list[Any]) -> Row:
    code = int(one[f"{method}.code"])
    return {
        "value": values[code] if code >= 0 else None,
        "tie": bool(one[f"{method}.tie"]),
        "confidence": float(one[f"{method}.confidence"]),
    }


def number_rows(table: Table, methods: list[str]) -> list[Row]:
    """Items of a numeric question as they are shown."""
    return [
        {
            "item": int(one["item"]),
            "n_labels": int(one["n_labels"]),
            "value": float(one[methods[0]]),
            "tie": False,
            "sd": float(one["sd"]),
            "ci_low": float(one["ci_low"]),
            "ci_high": float(one["ci_high"]),
            "methods": {method: {"value": float(one[method])} for method in methods},
        }
        for one in table
    ]


def store(run: Run, table: Table) -> None:
    """Keep every row beside the run, and drop those of earlier runs about the same question.

    The rows of a result that was replaced are never asked for: the newest one is shown.
    """
    parts = {RANKS: table["item"].tobytes()}
    for start in range(0, len(table), BLOCK_ROWS):
        parts[start // BLOCK_ROWS] = table[start : start + BLOCK_ROWS].tobytes()
    earlier = ConsensusBlock.objects.filter(
        run__dataset=run.dataset_id, run__kind=run.kind, run__subject=run.subject
    )
    with transaction.atomic():
        earlier.filter(run__version__lt=run.version).delete()
        ConsensusBlock.objects.filter(run=run).delete()
        ConsensusBlock.objects.bulk_create(
            [ConsensusBlock(run=run, number=n, body=body) for n, body in parts.items()],
            batch_size=20,
        )


class ConsensusRows(Sequence[Row]):
    """The rows of a run in the order of their rank, read when they are asked for."""

    def __init__(self, run: Run, ranks: NDArray[np.int64] | None = None) -> None:
        self.run, self.ranks = run, ranks
        result: Row = run.result or {}
        self.values, self.methods = result["values"], result["item_methods"]
        self.is_numeric = result["item_layout"] == "numbers"
        self.n = len(self._items()) if ranks is None else len(ranks)

    def __len__(self) -> int:
        return self.n

    @overload
    def __getitem__(self, which: int) -> Row: ...

    @overload
    def __getitem__(self, which: slice) -> list[Row]: ...

    def __getitem__(self, which: int | slice) -> Row | list[Row]:
        if isinstance(which, int):
            return self[which : which + 1][0]
        start, stop, _ = which.indices(self.n)
        ranks = np.arange(start, stop) if self.ranks is None else self.ranks[start:stop]
        table = self._at(ranks)
        if self.is_numeric:
            return number_rows(table, self.methods)
        return code_rows(table, self.values, self.methods)

    def of_items(self, numbers: Iterable[int]) -> ConsensusRows:
        """The rows about these items."""
        wanted = np.fromiter(numbers, np.int64)
        ranks = np.flatnonzero(np.isin(self._items(), wanted))
        known = ranks if self.ranks is None else ranks[np.isin(ranks, self.ranks)]
        return ConsensusRows(self.run, known)

    def _items(self) -> NDArray[np.uint32]:
        return np.frombuffer(self._body(RANKS), "<u4")

    def _body(self, number: int) -> bytes:
        found = ConsensusBlock.objects.filter(run=self.run, number=number)
        return bytes(found.values_list("body", flat=True).get())

    def _at(self, ranks: NDArray[np.int64]) -> Table:
        layout = (
            number_layout(self.methods)
            if self.is_numeric
            else code_layout(len(self.values), self.methods)
        )
        block = ranks // BLOCK_ROWS
        parts = [
            np.frombuffer(self._body(int(number)), layout)[ranks[block == number] % BLOCK_ROWS]
            for number in np.unique(block)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, layout)


def stored_rows(run: Run) -> Sequence[Row]:
    """All rows of a run; those within its result where it has no others."""
    result: Row = run.result or {}
    if ConsensusBlock.objects.filter(run=run, number=RANKS).exists():
        return ConsensusRows(run)
    rows: list[Row] = result["items"]["rows"]
    return rows
