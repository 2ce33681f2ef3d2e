"""Features and embeddings by upload: a vector of numbers for each item, checked and stored whole.

A table names the columns in its header; numpy's files bring a matrix, with the items' names beside
it (NPZ) or in an order that the sender states (NPY).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Exists, OuterRef
from numpy.typing import NDArray

from catalog.ingest.checks import RowCode
from catalog.ingest.copying import Column, PerRow, constant, copy_in
from catalog.ingest.history import keep
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.keys import resolve_keys
from catalog.ingest.kinds import mapping_of, without
from catalog.ingest.repeats import refuse_repeats
from catalog.kinds import KeptTable, Mention, kept_table
from catalog.models import Dataset, Item, Upload
from catalog.problems import Refusal
from catalog.reading import Column as FileColumn
from catalog.reading import Kind, Layout, MatrixColumn, NumberColumn
from catalog.reading.columns import ARRAYS
from predictions.models import FeatureSet, FeatureVector

TABLE = FeatureVector._meta.db_table
#: What a set is called where nobody named one.
DEFAULT_NAME = "features"
LONGEST_NAME = 38
LARGEST = float(np.finfo(np.float32).max)
SORTED_ITEMS = "sorted_items"
Matrix = NDArray[np.float32]


def check_subject(dataset: Dataset, name: str | None) -> str:
    """The feature set named, the only one there is, or the first: a set begins with its file."""
    names = list(FeatureSet.objects.filter(dataset=dataset).values_list("name", flat=True))
    if name is None and len(names) > 1:
        raise Refusal(
            f"The data set {dataset.slug!r} has several feature sets: {', '.join(names)}; send "
            "features= with the one that this file is about, or a new name.",
            code="unknown_features",
            pointer="features",
        )
    said = names[0] if name is None and names else name or DEFAULT_NAME
    if not re.fullmatch(rf"[^\s/:,](?:[^/:,\n\r\t]{{0,{LONGEST_NAME - 2}}}[^\s/:,])?", said):
        raise Refusal(
            f"features must be a name of 1 to {LONGEST_NAME} characters without '/', ':' and ',' "
            f"and without space around it; it is {said[:60]!r}.",
            code="invalid",
            pointer="features",
        )
    return str(said)


def layout(upload: Upload) -> Layout:
    """The columns of a features file: the item, and whatever numbers the sender has."""
    item = FileColumn("item", Kind.IDENTIFIER, required=True)
    form = upload.options["format"]
    if form not in ARRAYS:
        number = FileColumn(
            "a feature", Kind.NUMBER, empty_allowed=False, low=-LARGEST, high=LARGEST
        )
        return without(upload, Layout((item,), extra=number, mapping=mapping_of(upload)))
    _check_order(upload, form)
    names = FileColumn("names", Kind.CATEGORY)
    matrix = FileColumn("features", Kind.NUMBER, required=True)
    return without(upload, Layout((item, matrix, names), mapping=mapping_of(upload)))


def _check_order(upload: Upload, form: str) -> None:
    order = upload.options.get("item_order")
    if order not in (None, SORTED_ITEMS):
        raise ValueError(f"item_order must be {SORTED_ITEMS}; it is {order!r}.")
    if form == "npy" and order is None:
        raise ValueError(
            "A bare NPY does not say which item each row is. Send an NPZ that does "
            "(numpy.savez(path, item=names, features=matrix)), or state item_order="
            f"{SORTED_ITEMS}: one row for each item of the data set, sorted by name."
        )


@dataclass
class _Vectors:
    """The rows without problems, in order of their items."""

    row: NDArray[np.intp]
    item: NDArray[np.int64]
    matrix: Matrix


def store_features(incoming: Incoming) -> Counts:
    """Check every row, and store the vectors of the upload's feature set."""
    matrix, names = _numbers(incoming)
    if matrix is None:
        return Counts()
    known = FeatureSet.objects.filter(
        dataset=incoming.dataset, name=incoming.upload.subject
    ).first()
    places = _places(incoming, known, names)
    items = _items(incoming)
    rejecting = incoming.upload.on_error == Upload.OnError.REJECT
    if places is None or items is None or (incoming.problem_count and rejecting):
        return Counts()
    rows = incoming.rows
    if not len(rows):
        return Counts()
    rows = rows[np.argsort(items[rows], kind="stable")]
    if known is None:
        known = FeatureSet.objects.create(
            dataset=incoming.dataset, name=incoming.upload.subject, columns=names
        )
    return _store(incoming, known, _Vectors(rows, items[rows], matrix[rows][:, places]))


def _numbers(incoming: Incoming) -> tuple[Matrix | None, list[str]]:
    """The matrix of the file, and what its columns are."""
    columns = incoming.table.columns
    found = columns.get("features")
    if isinstance(found, MatrixColumn):
        return found.values, list(incoming.table.header)
    named = {name: c.values for name, c in columns.items() if isinstance(c, NumberColumn)}
    if not named:
        incoming.refuse_file(
            RowCode.HEADER_MISSING_COLUMN,
            None,
            "the file names items and no features; send a column of numbers for each feature.",
        )
        return None, []
    matrix = np.empty((incoming.table.n_rows, len(named)), np.float32)
    for place, values in enumerate(named.values()):
        matrix[:, place] = values
    # So that 0 and -0 are one number wherever vectors are compared.
    matrix += np.float32(0)
    return matrix, list(named)


def _places(
    incoming: Incoming, known: FeatureSet | None, names: list[str]
) -> NDArray[np.intp] | None:
    """Where each column of the set stands in the file; the file must have just those."""
    if known is None:
        return np.arange(len(names))
    place = {name: k for k, name in enumerate(names)}
    lacking = [name for name in known.columns if name not in place]
    spare = [name for name in names if name not in set(known.columns)]
    if not lacking and not spare:
        return np.array([place[name] for name in known.columns], np.intp)
    what = [f"lacks {_listed(lacking)}"] if lacking else []
    what += [f"has {_listed(spare)}, which the set does not have"] if spare else []
    incoming.refuse_file(
        RowCode.OTHER_FEATURES,
        (spare or lacking)[0],
        f"the feature set {known.name!r} holds {known.width:,} numbers an item; this file "
        f"{' and '.join(what)}. Send the same columns, or another name with features=.",
    )
    return None


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5:,} more"


def _items(incoming: Incoming) -> NDArray[np.int64] | PerRow | None:
    """The item of each row: by the names in the file, or by the order that was stated."""
    names = incoming.text("item")
    if names is not None:
        refuse_repeats(incoming, "item", names.codes.astype(np.int64))
        return resolve_keys(incoming, Item, "item")
    known = Item.objects.filter(dataset=incoming.dataset).order_by("external_id")
    keys = np.fromiter(known.values_list("pk", flat=True), np.int64)
    if len(keys) != incoming.table.n_rows:
        incoming.refuse_file(
            RowCode.ROWS_NOT_ITEMS,
            None,
            f"the array has {incoming.table.n_rows:,} rows and the data set {len(keys):,} items; "
            f"item_order={SORTED_ITEMS} means one row for each item. Send an NPZ with the "
            "names of the items that it has.",
        )
        return None
    return keys


def _store(incoming: Incoming, known: FeatureSet, vectors: _Vectors) -> Counts:
    """Directly where the set has none yet; else through a stage that tells new from changed."""
    if not FeatureVector.objects.filter(features=known).exists():
        return Counts(stored=copy_in(TABLE, _columns(incoming, known, vectors)))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE arriving (LIKE {TABLE}) ON COMMIT DROP")
        copy_in("arriving", _columns(incoming, known, vectors))
        cursor.execute("ANALYZE arriving")
        counts = _merge(incoming, cursor, vectors)
        cursor.execute("DROP TABLE arriving")
    return counts


def _columns(incoming: Incoming, known: FeatureSet, vectors: _Vectors) -> list[Column]:
    n = len(vectors.item)
    return [
        Column("features_id", "int8", constant(known.pk, n)),
        Column("item_id", "int8", vectors.item),
        Column("vector", "float4[]", vectors.matrix),
        Column("upload_id", "uuid", constant(incoming.upload.pk.bytes, n, "S16")),
    ]


_SAME = "(t.features_id, t.item_id) = (a.features_id, a.item_id)"


def _merge(incoming: Incoming, cursor: Any, vectors: _Vectors) -> Counts:
    n_rows = len(vectors.item)
    if incoming.upload.mode == Upload.Mode.ADD:
        n_rows -= _refuse_changes(incoming, cursor, vectors)
    differing = f"{_SAME} AND t.vector <> a.vector"
    table = kept_table("features")
    replaced = keep(table, incoming.upload, f"{TABLE} t, arriving a WHERE {differing}", ())
    if replaced:
        cursor.execute(
            f"UPDATE {TABLE} t SET vector = a.vector, upload_id = a.upload_id "  # noqa: S608
            f"FROM arriving a WHERE {differing}"
        )
    cursor.execute(
        f"INSERT INTO {TABLE} (features_id, item_id, vector, upload_id) "  # noqa: S608
        "SELECT features_id, item_id, vector, upload_id FROM arriving ORDER BY item_id "
        "ON CONFLICT (features_id, item_id) DO NOTHING"
    )
    stored = cursor.rowcount
    return Counts(stored, n_rows - stored - replaced, replaced)


def _refuse_changes(incoming: Incoming, cursor: Any, vectors: _Vectors) -> int:
    """Under ``mode=add`` a vector that differs from the stored one is a problem of its row."""
    cursor.execute(
        f"DELETE FROM arriving a USING {TABLE} t WHERE {_SAME} AND t.vector <> a.vector "  # noqa: S608
        "RETURNING a.item_id"
    )
    changed = np.array([item for (item,) in cursor.fetchall()], np.int64)
    incoming.refuse(
        np.sort(vectors.row[np.isin(vectors.item, changed)]),
        RowCode.CONFLICTS_WITH_EXISTING,
        "item",
        lambda row: (
            None,
            "another vector is stored for this item; send mode=upsert to replace it.",
            None,
        ),
    )
    return len(changed)


def kept() -> tuple[KeptTable, Mention]:
    """Vectors are kept when they are replaced, and speak of items."""
    own = f"(SELECT id FROM {FeatureSet._meta.db_table} WHERE dataset_id = %s)"  # noqa: S608
    return (
        KeptTable("features", TABLE, "item_id", f"t.features_id IN {own}"),
        Mention("item", f"SELECT v.item_id FROM {TABLE} v WHERE v.features_id IN {own}"),  # noqa: S608
    )


def forget_empty_set(upload: Upload) -> None:
    """A set whose last vector was withdrawn is as if it had never begun."""
    vectors = FeatureVector.objects.filter(features=OuterRef("pk"))
    sets = FeatureSet.objects.filter(dataset_id=upload.dataset_id, name=upload.subject)
    sets.filter(~Exists(vectors)).delete()
