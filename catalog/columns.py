"""A columnar copy of the rows of one version, so that the next analysis does not read them again.

Rows stay the truth. A copy is written by whoever has just read the rows, belongs to the version of
the data set that was read, and is found only while that is still the version: every change to rows
makes a new version in the same transaction, so a copy can never be out of date and be read. Copies
of earlier versions are removed when a new one is written. Reading one costs about a tenth of
reading the rows, since PostgreSQL hands over a few large values instead of millions of small ones.
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

from catalog.models import ColumnBlock, Dataset

# A block is cut between two items after about so many rows.
BLOCK_ROWS = 1_000_000
# Fewer rows than this are read as quickly as a copy is found.
MIN_ROWS = 50_000
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


def current_version(dataset_id: int) -> int:
    """The version of the data set as the database has it now, not as an object remembers it."""
    return Dataset.objects.values_list("version", flat=True).get(pk=dataset_id)


def keep(dataset_id: int, of: str, subject_id: int, columns: Columns) -> bool:
    """Write the copy of these rows, and remove those of earlier versions.

    Returns
    -------
    bool : whether it was written; not when the rows are few, are no longer those of the newest
        version, or another process has written or is writing the same copy
    """
    if columns.n_rows < max(1, MIN_ROWS):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{_TABLE} {of} {subject_id}"],
        )
        is_mine = cursor.fetchone()[0]
        if not is_mine or current_version(dataset_id) != columns.version:
            return False
        ColumnBlock.objects.filter(dataset_id=dataset_id, version__lt=columns.version).delete()
        place = (dataset_id, of, subject_id, columns.version)
        if ColumnBlock.objects.filter(**dict(zip(_PLACE, place, strict=False))).exists():
            return False
        body = _written(place, columns)
        names = ", ".join(f'"{name}"' for name in (*_PLACE, *_FACTS))
        cursor.copy_expert(f"COPY {_TABLE} ({names}) FROM STDIN (FORMAT binary)", body, 1 << 20)
    return True


def find(
    dataset_id: int, of: str, subject_id: int, wanted: Sequence[str] | None = None
) -> Columns | None:
    """The copy of the newest version, or ``None`` when there is none.

    Parameters
    ----------
    wanted : sequence of str or None
        The columns to read; all of them by default. One that the rows do not have is left out.
    """
    with connection.cursor() as cursor:
        chosen = "" if wanted is None else "AND b.column = ANY(%s)"
        statement = cursor.mogrify(
            f"SELECT b.version, b.column, b.dtype, b.names::text, b.body FROM {_TABLE} b "  # noqa: S608
            "JOIN catalog_dataset d ON d.id = b.dataset_id AND d.version = b.version "
            f"WHERE b.dataset_id = %s AND b.of = %s AND b.subject_id = %s {chosen} "
            "ORDER BY b.column, b.number",
            (dataset_id, of, subject_id, *([] if wanted is None else [list(wanted)])),
        ).decode()
        out = io.BytesIO()
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", out, 1 << 20)
    return _read(out)


def _read(out: io.BytesIO) -> Columns | None:
    parts: dict[str, list[NDArray[Any]]] = {}
    names: dict[str, list[str]] = {}
    version = -1
    for raw_version, raw_column, raw_dtype, raw_names, body in _rows(out.getbuffer()):
        version = int(struct.unpack("!i", raw_version)[0])
        column = bytes(raw_column).decode()
        parts.setdefault(column, []).append(np.frombuffer(body, bytes(raw_dtype).decode()))
        if column not in names:
            names[column] = json.loads(bytes(raw_names))
    if not parts:
        return None
    arrays = {name: np.concatenate(blocks) for name, blocks in parts.items()}
    return Columns(version, arrays, {name: words for name, words in names.items() if words})


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


def _written(place: tuple[Any, ...], columns: Columns) -> io.BytesIO:
    dataset_id, of, subject_id, version = place
    item = columns.arrays["item"]
    edges = _edges(item)
    out = io.BytesIO()
    out.write(_HEADER)
    for name, array in columns.arrays.items():
        kind = _narrow(array)
        words = json.dumps(list(columns.names.get(name, [])))
        for number, (start, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            fields = (
                struct.pack("!q", dataset_id),
                of.encode(),
                struct.pack("!q", subject_id),
                struct.pack("!i", version),
                name.encode(),
                struct.pack("!i", number),
                struct.pack("!q", int(item[start])),
                struct.pack("!q", int(item[stop - 1])),
                struct.pack("!i", stop - start),
                kind.str.encode(),
                # jsonb comes with the number of its format.
                b"\x01" + words.encode(),
                array[start:stop].astype(kind).tobytes(),
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
    low, high = int(array.min()), int(array.max())
    for kind in ("<i1", "<i2", "<i4"):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return np.dtype(kind)
    return np.dtype("<i8")
