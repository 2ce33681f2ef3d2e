"""Predictions that were found right on their way into the table: added, replaced or unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from catalog.ingest.checks import RowCode
from catalog.ingest.copying import Column, constant, copy_in
from catalog.ingest.history import keep
from catalog.ingest.incoming import Counts, Incoming
from catalog.kinds import KeptTable, Mention, kept_table
from catalog.models import Upload
from predictions.models import ModelVersion, Prediction

TABLE = Prediction._meta.db_table
NOT_STATED = -1


@dataclass
class Rows:
    """The rows without problems, as arrays in the file's order."""

    row: NDArray[np.intp]
    item: NDArray[np.int64]
    member: NDArray[np.int64]
    fold: NDArray[np.int64]
    split: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weight: NDArray[np.float64]

    def take(self, which: Any) -> Rows:
        return Rows(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @property
    def key(self) -> NDArray[np.int64]:
        return np.column_stack([self.item, self.member, self.fold])


def kept() -> tuple[KeptTable, Mention, Mention]:
    """Predictions are kept when they are replaced; they and their models speak of others."""
    models = ModelVersion._meta.db_table
    own = f"(SELECT id FROM {models} WHERE dataset_id = %s)"  # noqa: S608
    return (
        KeptTable("prediction", TABLE, "item_id", f"t.model_id IN {own}"),
        Mention("item", f"SELECT p.item_id FROM {TABLE} p WHERE p.model_id IN {own}"),  # noqa: S608
        Mention("question", f"SELECT question_id FROM {models} WHERE dataset_id = %s"),  # noqa: S608
    )


def store_rows(incoming: Incoming, model: ModelVersion, rows: Rows) -> Counts:
    """Directly where the model has none yet; else through a stage that tells new from changed."""
    columns = _columns(incoming, model, rows)
    is_empty = not Prediction.objects.filter(model=model).exists()
    if is_empty and (rows.split == NOT_STATED).all():
        return Counts(stored=copy_in(TABLE, columns))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (model_id bigint, item_id bigint, member smallint, "
            "fold smallint, probabilities float8[], weight float8, upload_id uuid, "
            "split_code smallint, "
            "PRIMARY KEY (item_id, member, fold)) ON COMMIT DROP"
        )
    copy_in("arriving", [*columns, Column("split_code", "int2", rows.split)])
    counts = _merge(incoming, rows)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE arriving")
    return counts


def _columns(incoming: Incoming, model: ModelVersion, rows: Rows) -> list[Column]:
    n = len(rows.row)
    return [
        Column("model_id", "int8", constant(model.pk, n)),
        Column("item_id", "int8", rows.item),
        Column("member", "int2", rows.member),
        Column("fold", "int2", rows.fold),
        Column("probabilities", "float8[]", rows.probabilities),
        Column("weight", "float8", rows.weight, np.isnan(rows.weight)),
        Column("upload_id", "uuid", constant(incoming.upload.pk.bytes, n, "S16")),
    ]


# Not stated is -1, and place 0 of an array is NULL.
_SPLIT = "(ARRAY['train', 'validation', 'test'])[a.split_code + 1]"
_KEY = "(model_id, item_id, member, fold)"
_SAME_KEY = "(t.model_id, t.item_id, t.member, t.fold) = (a.model_id, a.item_id, a.member, a.fold)"
# A file without weights leaves those that are stored.
_WEIGHT = "coalesce(a.weight, t.weight)"
_DIFFERS = (
    f"(t.probabilities, t.split, t.weight) IS DISTINCT FROM (a.probabilities, {_SPLIT}, {_WEIGHT})"
)


def _merge(incoming: Incoming, rows: Rows) -> Counts:
    """Replace what differs, and add what is new."""
    n_rows = len(rows.row)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE arriving")
        if incoming.upload.mode == Upload.Mode.ADD:
            n_rows -= _refuse_changes(incoming, cursor, rows)
        differing = f"{_SAME_KEY} AND {_DIFFERS}"
        table = kept_table("prediction")
        replaced = keep(table, incoming.upload, f"{TABLE} t, arriving a WHERE {differing}", ())
        if replaced:
            cursor.execute(
                f"UPDATE {TABLE} t SET probabilities = a.probabilities, split = {_SPLIT}, "  # noqa: S608
                f"weight = {_WEIGHT}, upload_id = a.upload_id FROM arriving a WHERE {differing}"
            )
        cursor.execute(
            f"INSERT INTO {TABLE} (model_id, item_id, member, fold, split, probabilities, "  # noqa: S608
            f"weight, upload_id) SELECT model_id, item_id, member, fold, {_SPLIT}, probabilities, "
            "weight, upload_id FROM arriving a ORDER BY item_id, member, fold "
            f"ON CONFLICT {_KEY} DO NOTHING"
        )
        stored = cursor.rowcount
    return Counts(stored, n_rows - stored - replaced, replaced)


def _refuse_changes(incoming: Incoming, cursor: Any, rows: Rows) -> int:
    """Under ``mode=add`` a row that says something else than before is a problem of its row.

    Such rows leave the stage; returns how many did.
    """
    cursor.execute(
        f"DELETE FROM arriving a USING {TABLE} t WHERE {_SAME_KEY} AND {_DIFFERS} "  # noqa: S608
        "RETURNING a.item_id, a.member, a.fold"
    )
    changed = set(cursor.fetchall())
    found = np.array([tuple(key) in changed for key in rows.key.tolist()], bool)
    incoming.refuse(
        np.sort(rows.row[found]),
        RowCode.CONFLICTS_WITH_EXISTING,
        "item",
        lambda row: (
            None,
            "another prediction is stored for this item; send mode=upsert to replace it.",
            None,
        ),
    )
    return len(changed)
