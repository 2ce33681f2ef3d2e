"""A columnar copy of the rows of one version, so that the next analysis does not read them again.

Rows stay the truth. A copy is written by whoever has just read the rows, and belongs to the version
of the data set that was read. Every change to rows makes a new version in the same transaction, and
says which items it changed (:mod:`catalog.changes`): so a copy of an earlier version is still good
for all other items, and is found together with those that must be read again. It is not found when
some version since does not say what it changed. A copy is removed when a newer one is written.
Reading one costs about a tenth of reading the rows, since PostgreSQL hands over a few large values
instead of millions of small ones.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from catalog.changes import changes_between, forget
from catalog.models import ColumnBlock, Dataset

# A block is cut between two items after about so many rows.
BLOCK_ROWS = 1_000_000
# Fewer rows than this are read as quickly as a copy is found.
MIN_ROWS = 50_000
# Before the kind of a column that is kept as the steps from each row to the next.
_STEPS = "+"
_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
_TABLE = ColumnBlock._meta.db_table
_PLACE = ("dataset_id", "of", "subject_id", "version", "column", "number")
_FACTS = ("low", "high", "n_rows", "dtype", "names", "body")


@dataclass(frozen=True)
class Columns:
    """Rows as arrays of one length, in the order of their items.

    Parameters
    ----------
    version : int, version of the data set that the rows are of
    arrays : dict of str to array, one of them ``item``: numbers within the data set, ascending
    names : dict of str to list of str, what the codes of a column of text mean
    """

    version: int
    arrays: Mapping[str, NDArray[Any]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.arrays["item"])


@dataclass(frozen=True)
class Kept:
    """A copy that is good but for some items.

    Parameters
    ----------
    columns : Columns, of the version that was copied
    version : int, the newest version of the data set
    changed : int64 array, numbers of the items whose rows changed since, ascending
    kinds : frozenset of str, the kinds of uploads since
    """

    columns: Columns
    version: int
    changed: NDArray[np.int64]
    kinds: frozenset[str]


def current_version(dataset_id: int) -> int:
    """The version of the data set as the database has it now, not as an object remembers it."""
    return Dataset.objects.values_list("version", flat=True).get(pk=dataset_id)


def keep(dataset_id: int, of: str, subject_id: int, columns: Columns) -> bool:
    """Write the copy of these rows, and remove an earlier one.

    Returns
    -------
    bool : whether it was written; not when the rows are few, are no longer those of the newest
        version, or another process has written or is writing the same copy
    """
    if columns.n_rows < max(1, MIN_ROWS):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        if not _claimed(cursor, dataset_id, of, subject_id, columns.version):
            return False
        edges = _edges(columns.arrays["item"])
        body = _written((dataset_id, of, subject_id, columns.version), columns, edges)
        _copy_in(cursor, body)
        _forget_changes(dataset_id)
    return True


def keep_arrays(dataset_id: int, of: str, subject_id: int, columns: Columns) -> bool:
    """Write arrays of any lengths that were computed of a version; returns as :func:`keep`."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not _claimed(cursor, dataset_id, of, subject_id, columns.version):
            return False
        _copy_in(cursor, _written((dataset_id, of, subject_id, columns.version), columns, None))
    return True


def _claimed(cursor: Any, dataset_id: int, of: str, subject_id: int, version: int) -> bool:
    """Whether this process is the one to write; what it replaces is gone then."""
    cursor.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{_TABLE} {of} {subject_id}"]
    )
    if not cursor.fetchone()[0] or current_version(dataset_id) != version:
        return False
    blocks = ColumnBlock.objects.filter(dataset_id=dataset_id, of=of, subject_id=subject_id)
    blocks.filter(version__lt=version).delete()
    return not blocks.filter(version=version).exists()


def _copy_in(cursor: Any, body: io.BytesIO) -> None:
    names = ", ".join(f'"{name}"' for name in (*_PLACE, *_FACTS))
    cursor.copy_expert(f"COPY {_TABLE} ({names}) FROM STDIN (FORMAT binary)", body, 1 << 20)


def _forget_changes(dataset_id: int) -> None:
    """What changed before the oldest copy is of no use to any."""
    oldest = ColumnBlock.objects.filter(dataset_id=dataset_id).order_by("version")
    forget(dataset_id, oldest.values_list("version", flat=True)[:1].get())


def find(
    dataset_id: int, of: str, subject_id: int, wanted: Sequence[str] | None = None
) -> Kept | None:
    """The copy and what has changed since, or ``None`` when there is none that is of use.

    To be called in one transaction with the reading of what has changed.

    Parameters
    ----------
    wanted : sequence of str or None
        The columns to read; all of them by default. One that the rows do not have is left out.
    """
    blocks = ColumnBlock.objects.filter(dataset_id=dataset_id, of=of, subject_id=subject_id)
    versions = blocks.order_by("-version").values_list("version", "dataset__version").first()
    changes = versions and changes_between(dataset_id, versions, of, subject_id)
    if versions is None or changes is None:
        return None
    with connection.cursor() as cursor:
        chosen = "" if wanted is None else "AND b.column = ANY(%s)"
        statement = cursor.mogrify(
            "SELECT b.version, b.column, b.low, b.high, b.dtype, b.names::text, b.body "  # noqa: S608
            f"FROM {_TABLE} b "
            "WHERE b.dataset_id = %s AND b.of = %s AND b.subject_id = %s AND b.version = %s "
            f"{chosen} ORDER BY b.column, b.number",
            (dataset_id, of, subject_id, versions[0], *([] if wanted is None else [list(wanted)])),
        ).decode()
        out = io.BytesIO()
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", out, 1 << 20)
    read = _read(out)
    if read is None:
        return None
    return Kept(read, changes.version, changes.items, changes.kinds)


def _read(out: io.BytesIO) -> Columns | None:
    parts: dict[str, list[NDArray[Any]]] = {}
    names: dict[str, list[str]] = {}
    version = -1
    for raw_version, raw_column, *ends, raw_dtype, raw_names, body in _rows(out.getbuffer()):
        version = int(struct.unpack("!i", raw_version)[0])
        column = bytes(raw_column).decode()
        low, high = (int(struct.unpack("!q", end)[0]) for end in ends)
        parts.setdefault(column, []).append(_array(body, bytes(raw_dtype).decode(), low, high))
        if column not in names:
            names[column] = json.loads(bytes(raw_names))
    if not parts:
        return None
    arrays = {
        name: blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        for name, blocks in parts.items()
    }
    return Columns(version, arrays, {name: words for name, words in names.items() if words})


def _array(body: memoryview, dtype: str, low: int, high: int) -> NDArray[Any]:
    if not dtype.startswith(_STEPS):
        return np.frombuffer(body, dtype)
    steps = np.frombuffer(body, dtype.removeprefix(_STEPS))
    items = np.empty(len(steps), np.int32 if high < 2**31 else np.int64)
    items[0] = low
    items[1:] = steps[1:]
    return np.cumsum(items, dtype=items.dtype, out=items)


def _rows(body: memoryview) -> Iterator[list[memoryview]]:
    """The fields of each row of a binary COPY, as views into it."""
    place = len(_HEADER)
    while True:
        (n_fields,) = struct.unpack_from("!h", body, place)
        place += 2
        if n_fields < 0:
            return
        fields = []
        for _ in range(n_fields):
            (length,) = struct.unpack_from("!i", body, place)
            fields.append(body[place + 4 : place + 4 + length])
            place += 4 + length
        yield fields


def _written(place: tuple[Any, ...], columns: Columns, edges: Sequence[int] | None) -> io.BytesIO:
    dataset_id, of, subject_id, version = place
    item = columns.arrays.get("item", np.zeros(0, np.int64))
    out = io.BytesIO()
    out.write(_HEADER)
    for name, array in columns.arrays.items():
        # Items ascend: the step from one row to the next is a quarter as long as a number.
        steps = _STEPS if edges is not None and name == "item" else ""
        held = np.diff(array, prepend=array[:1]) if steps else array
        kind = _narrow(held)
        words = json.dumps(list(columns.names.get(name, [])))
        cuts = [0, len(array)] if edges is None else edges
        for number, (start, stop) in enumerate(zip(cuts[:-1], cuts[1:], strict=True)):
            fields = (
                struct.pack("!q", dataset_id),
                of.encode(),
                struct.pack("!q", subject_id),
                struct.pack("!i", version),
                name.encode(),
                struct.pack("!i", number),
                struct.pack("!q", int(item[start]) if edges else 0),
                struct.pack("!q", int(item[stop - 1]) if edges else 0),
                struct.pack("!i", stop - start),
                (steps + kind.str).encode(),
                # jsonb comes with the number of its format.
                b"\x01" + words.encode(),
                held[start:stop].astype(kind).tobytes(),
            )
            out.write(struct.pack("!h", len(fields)))
            for one in fields:
                out.write(struct.pack("!i", len(one)))
                out.write(one)
    out.write(_TRAILER)
    out.seek(0)
    return out


def _edges(item: NDArray[Any]) -> list[int]:
    """Where blocks begin, and the end: after so many rows, but never within an item."""
    starts = np.arange(0, len(item), BLOCK_ROWS)
    first = np.searchsorted(item, item[starts], side="left")
    return [*np.unique(first).tolist(), len(item)]


def _narrow(array: NDArray[Any]) -> np.dtype[Any]:
    """The smallest little-endian kind that holds every value; floats stay as they are."""
    if array.dtype.kind not in "iu":
        return np.dtype("<f8")
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    for kind in ("<i1", "<i2", "<i4"):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return np.dtype(kind)
    return np.dtype("<i8")
