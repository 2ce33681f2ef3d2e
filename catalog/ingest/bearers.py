"""Items and annotators with their attributes: rows become keys, columns become profiles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from django.db import connection
from numpy.typing import NDArray

from catalog.ingest.coding import Coded, code_attribute
from catalog.ingest.copying import Column, copy_in, copy_out
from catalog.ingest.history import keep
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.numbering import FEW, UNKNOWN, enroll, look_up, texts_of
from catalog.ingest.objects import json_objects
from catalog.ingest.profiles import profiles_of
from catalog.ingest.repeats import refuse_repeats
from catalog.kinds import kept_table
from catalog.models import Annotator, Attribute, Item
from catalog.reading.columns import Column as FileColumn
from catalog.reading.columns import Kind, Layout
from catalog.reading.tables import TextColumn


def layout(id_column: str, *, with_group: bool, mapping: dict[str, str]) -> Layout:
    """The columns of an items or annotators file; any further column is an attribute."""
    columns = [FileColumn(id_column, Kind.IDENTIFIER, required=True)]
    if with_group:
        columns.append(FileColumn("group", Kind.IDENTIFIER))
    return Layout(tuple(columns), extra=FileColumn("attribute", Kind.CATEGORY), mapping=mapping)


def store_items(incoming: Incoming) -> Counts:
    """Store the items of a file; a changed group or attribute replaces the old one."""
    return _store(incoming, Item, "item", Attribute.Of.ITEM)


def store_annotators(incoming: Incoming) -> Counts:
    """Store the annotators of a file; a changed attribute replaces the old one."""
    return _store(incoming, Annotator, "annotator", Attribute.Of.ANNOTATOR)


def _store(
    incoming: Incoming, model: type[Item] | type[Annotator], id_column: str, of: Attribute.Of
) -> Counts:
    ids = incoming.text(id_column)
    if ids is None:
        return Counts()
    refuse_repeats(incoming, id_column, ids.codes.astype(np.int64))
    attributes = [
        coded
        for name, column in incoming.table.columns.items()
        if name not in {id_column, "group", *incoming.upload.options.get("ignore", [])}
        and isinstance(column, TextColumn)
        and (coded := code_attribute(incoming, of, name, column)) is not None
    ]
    if (incoming.problem_count and incoming.upload.on_error == "reject") or not len(incoming.rows):
        return Counts()
    known = look_up(model, incoming.dataset, ids.values)
    keys = known.of(ids.codes)[incoming.rows]
    before = _profiles_before(model, incoming.dataset.pk, keys)
    told = _told(incoming, of, before, attributes)
    new, old = np.flatnonzero(keys == UNKNOWN), np.flatnonzero(keys != UNKNOWN)
    stored = [Column("id", "int8", keys), *told]
    replaced = _replace(incoming, of, [column.only(old) for column in stored]) if len(old) else 0
    codes = ids.codes[incoming.rows[new]].astype(np.intp)
    enroll(model, incoming.upload, known, codes, [column.only(new) for column in told])
    return Counts(len(new), len(old) - replaced, replaced)


def _profiles_before(
    model: type[Item] | type[Annotator], dataset_id: int, keys: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The profile of each key; -1 where there is none yet."""
    before = np.full(len(keys), -1, np.int64)
    known = keys != UNKNOWN
    if not known.any():
        return before
    mine = keys[known]
    which, place = "id = ANY(%s)", [mine.tolist()]
    if np.ptp(mine) < FEW * len(mine):
        which, place = "id BETWEEN %s AND %s", [int(mine.min()), int(mine.max())]
    stored = copy_out(
        f"SELECT id, coalesce(profile_id, -1) FROM {model._meta.db_table} "  # noqa: S608
        f"WHERE dataset_id = %s AND {which} ORDER BY id",
        (dataset_id, *place),
        {"id": "int8", "profile": "int8"},
    )
    before[known] = stored["profile"][np.searchsorted(stored["id"], mine)]
    return before


def _told(
    incoming: Incoming, of: Attribute.Of, before: NDArray[np.int64], attributes: list[Coded]
) -> list[Column]:
    """What the file says of each row's item or annotator, as columns of its table."""
    told = [Column("profile_id", "int8", profiles_of(incoming, of, before, attributes))]
    group = incoming.text("group") if of == Attribute.Of.ITEM else None
    if group is not None:
        told.append(Column("group", "text", texts_of(group, incoming.rows)))
    if numeric := [a for a in attributes if a.numbers is not None]:
        told.append(Column("numbers", "jsonb", _numbers(incoming, numeric)))
    return told


def _replace(incoming: Incoming, of: Attribute.Of, arriving: list[Column]) -> int:
    """Give known rows what the file says where it differs; returns how many did."""
    kept = kept_table(of)
    sets = ["profile_id = a.profile_id", f"upload_id = '{incoming.upload.pk}'"]
    differs = ["t.profile_id IS DISTINCT FROM a.profile_id"]
    names = {column.name for column in arriving}
    if "group" in names:
        sets.append('"group" = coalesce(a."group", t."group")')
        differs.append('(a."group" IS NOT NULL AND t."group" IS DISTINCT FROM a."group")')
    if "numbers" in names:
        merged = "coalesce(t.numbers, '{}') || a.numbers"
        sets.append(f"numbers = {merged}")
        differs.append(f"t.numbers IS DISTINCT FROM ({merged})")
    described = " OR ".join(f"t.{name} IS NOT NULL" for name in kept.bare)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (id bigint PRIMARY KEY, profile_id bigint, "
            '"group" text, numbers jsonb) ON COMMIT DROP'
        )
        copy_in("arriving", arriving)
        rows = f"{kept.table} t JOIN arriving a USING (id)"
        differing = f"({described}) AND ({' OR '.join(differs)})"
        mine = [incoming.dataset.pk]
        keep(kept, incoming.upload, f"{rows} WHERE {kept.scope} AND {differing}", tuple(mine))
        cursor.execute(
            f"UPDATE {kept.table} t SET {', '.join(sets)} FROM arriving a "  # noqa: S608
            f"WHERE {kept.scope} AND t.id = a.id AND ({' OR '.join(differs)})",
            mine,
        )
        replaced = cursor.rowcount
        cursor.execute("DROP TABLE arriving")
    return int(replaced)


def _numbers(incoming: Incoming, numeric: list[Coded]) -> pa.Array:
    """The exact numbers of each row as a JSON object; null takes away one no longer said."""
    columns = []
    for attribute in numeric:
        if attribute.numbers is None:
            continue
        distinct, which = np.unique(attribute.numbers[incoming.rows], return_inverse=True)
        said = [None if np.isnan(number) else number for number in distinct.tolist()]
        columns.append((attribute.name, said, which))
    return json_objects(columns)
