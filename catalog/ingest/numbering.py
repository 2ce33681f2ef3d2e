"""External ids become integers: dense numbers per data set, allotted under its lock."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import OperationalError, connection, transaction
from django.db.models import Max
from numpy.typing import NDArray
from pyarrow import csv

from catalog.ingest.copying import Column, PerRow, constant, copy_in
from catalog.ingest.filling import attach, exists, fill
from catalog.models import Annotator, Dataset, EarlierRow, Item, ProfileCount, Upload
from catalog.queries import own_keys
from catalog.reading.tables import TextColumn, Texts, put_aside

UNKNOWN = -1
# Fewer ids than one in so many of those known are looked up one by one.
FEW = 10
Numbered = type[Item] | type[Annotator]
ITEMS = Item._meta.db_table
ITEM_KEYS = {"one_item_per_number": "(id)", "one_item_per_external_id": "(external_id)"}


@dataclass(frozen=True)
class Keys:
    """What distinct external ids are called in the database.

    Parameters
    ----------
    values : sequence of str, the external ids
    keys : int64 array, the same length; ``UNKNOWN`` where the data set does not know the id
    """

    values: Sequence[str]
    keys: NDArray[np.int64]

    def of(self, codes: NDArray[np.int32]) -> PerRow:
        """The key of each row; an empty field (code -1) has none."""
        return PerRow(np.append(self.keys, UNKNOWN), codes)


def look_up(model: Numbered, dataset: Dataset, values: Sequence[str]) -> Keys:
    """Find the keys of external ids (NFC, distinct) in a data set."""
    n_known = _next_key(model, dataset.pk) - (dataset.pk << 32)
    if not n_known or not values:
        return Keys(values, np.full(len(values), UNKNOWN, np.int64))
    if len(values) * FEW < n_known:
        return Keys(values, _few(model, dataset, values))
    keys = _many(model, dataset, values)
    # Of millions of ids, as much as all that is in use would stay with the allocator.
    pa.default_memory_pool().release_unused()
    return Keys(values, keys)


def _few(model: Numbered, dataset: Dataset, values: Sequence[str]) -> NDArray[np.int64]:
    """By the index, one id after the other."""
    keys = np.full(len(values), UNKNOWN, np.int64)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v.position, t.id FROM unnest(%s::text[]) WITH ORDINALITY AS v(id, position) "  # noqa: S608
            f"JOIN {model._meta.db_table} t ON t.dataset_id = %s AND t.external_id = v.id",
            [list(values), dataset.pk],
        )
        found = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    keys[found[:, 0] - 1] = found[:, 1]
    return keys


def _many(model: Numbered, dataset: Dataset, values: Sequence[str]) -> NDArray[np.int64]:
    """By one look at all that the data set has, which is a sixth of the price for each."""
    known = _all(model, dataset)
    place = pc.index_in(as_arrow(values), value_set=known["name"])
    ids = np.append(known["id"].to_numpy(), UNKNOWN)
    return np.asarray(ids[pc.fill_null(place, -1).to_numpy()], np.int64)


def _all(model: Numbered, dataset: Dataset) -> pa.Table:
    """The keys and external ids of a data set."""
    body = io.BytesIO()
    with connection.cursor() as cursor:
        select = cursor.mogrify(
            f"SELECT id, external_id FROM {model._meta.db_table} WHERE dataset_id = %s",  # noqa: S608
            [dataset.pk],
        ).decode()
        cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT csv)", body, 1 << 20)
    kinds = {"id": pa.int64(), "name": pa.string()}
    if not body.getbuffer().nbytes:
        return pa.schema(kinds).empty_table()
    return csv.read_csv(
        pa.py_buffer(body.getbuffer()),
        csv.ReadOptions(column_names=list(kinds), use_threads=False),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
    )


def as_arrow(values: Sequence[str]) -> pa.Array:
    """The same texts as Arrow keeps them."""
    if not isinstance(values, Texts):
        return pa.array(values, pa.string())
    # Arrow keeps texts without anything between them.
    body = pa.py_buffer(values.body[values.body != 0])
    put_aside(values.body)
    ends = values.ends - np.arange(len(values))
    starts = pa.py_buffer(np.append(0, ends).astype(np.int32))
    return pa.Array.from_buffers(pa.string(), len(values), [None, starts, body])


def texts_of(column: TextColumn, rows: NDArray[np.integer[Any]]) -> pa.Array:
    """What some rows say, as Arrow keeps it, coded; null where the field is empty."""
    codes = column.codes[rows]
    indices = pa.array(codes, mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, as_arrow(column.values))


def _next_key(model: Numbered, dataset_id: int) -> int:
    """The key that the next new id gets, after all that were ever given.

    What was withdrawn keeps its number for good, since results and history speak of numbers.
    """
    own = own_keys(dataset_id)
    gone = EarlierRow.objects.filter(of=model._meta.model_name, key__range=own)
    newest = (
        model.objects.filter(dataset=dataset_id, id__range=own).aggregate(newest=Max("id"))[
            "newest"
        ],
        gone.aggregate(newest=Max("key"))["newest"],
    )
    return max((key for key in newest if key is not None), default=own[0] - 1) + 1


def items_of(dataset_id: int) -> str:
    """The name of the table that holds a data set's items."""
    return f"{ITEMS}_d{int(dataset_id)}"


def attach_items(dataset: Dataset) -> None:
    """Let the first items of a data set be seen; the last step of storing a file.

    One data set after the other is attached, so that nobody should wait for another's rows. The
    triggers that count items by profile hear of no rows that were there before.
    """
    partition = items_of(dataset.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND NOT relispartition", [partition]
        )
        if cursor.fetchone() is None:
            return
        cursor.execute(
            f"INSERT INTO {ProfileCount._meta.db_table} (dataset_id, profile_id, n) "  # noqa: S608
            f"SELECT %s, coalesce(profile_id, {ProfileCount.NONE}), count(*) FROM {partition} "
            "GROUP BY 2 ON CONFLICT (dataset_id, profile_id) "
            f"DO UPDATE SET n = {ProfileCount._meta.db_table}.n + excluded.n",
            [dataset.pk],
        )
    attach(ITEMS, partition, dataset.pk)


def drop_items(dataset_id: int) -> None:
    """Drop the table of a data set that is gone; where it is in use, it stays, and is empty.

    In a transaction of its own: dropping it among labels' tables, the two could wait for somebody
    who reads items and labels in the other order.
    """
    with suppress(OperationalError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        cursor.execute(f"DROP TABLE IF EXISTS {items_of(dataset_id)}")


def enroll(
    model: Numbered,
    upload: Upload,
    known: Keys,
    which: NDArray[np.intp],
    beside: Sequence[Column] = (),
) -> Keys:
    """Give numbers to unknown ids and store them, sorted, in one COPY.

    The caller holds the data set's lock; otherwise two uploads would allot the same numbers.
    ``beside`` is what else is known of them, by their place in ``which``.
    """
    if not len(which):
        return known
    first = _next_key(model, upload.dataset_id)
    names = as_arrow(known.values)
    if len(which) < len(names):
        names = names.take(pa.array(which))
    order = np.arange(len(names))
    # Numbered names come in order from the reader.
    if not pc.all(pc.less(names[:-1], names[1:])).as_py():
        order = pc.sort_indices(names).to_numpy()
        names = names.take(pa.array(order))
    new = first + np.arange(len(which), dtype=np.int64)
    keys = known.keys.copy()
    keys[which[order]] = new
    columns = [
        Column("id", "int8", new),
        Column("dataset_id", "int8", constant(upload.dataset_id, len(new))),
        Column("upload_id", "uuid", constant(upload.pk.bytes, len(new), "S16")),
        Column("external_id", "text", names),
        *(column.only(order) for column in beside),
    ]
    partition = items_of(upload.dataset_id)
    if model is Item and not exists(partition):
        fill(ITEMS, partition, columns, ITEM_KEYS)
    else:
        copy_in(model._meta.db_table, columns)
    pa.default_memory_pool().release_unused()
    return Keys(known.values, keys)
