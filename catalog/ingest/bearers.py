"""Items and annotators with their attributes: rows become keys, columns become profiles."""

from __future__ import annotations

import json

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from catalog.ingest.coding import Coded, code_attribute
from catalog.ingest.copying import Column, copy_in
from catalog.ingest.history import keep
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.numbering import UNKNOWN, enroll, look_up
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
    keys = look_up(model, incoming.dataset, ids.values)
    used = np.unique(ids.codes[incoming.rows])
    new = used[keys.keys[used] == UNKNOWN]
    keys = enroll(model, incoming.upload, keys, new)
    changed = _update(incoming, model, of, keys.of(ids.codes)[incoming.rows], attributes)
    replaced = changed - len(new)
    return Counts(len(new), len(incoming.rows) - changed, replaced)


def _update(
    incoming: Incoming,
    model: type[Item] | type[Annotator],
    of: Attribute.Of,
    keys: NDArray[np.int64],
    attributes: list[Coded],
) -> int:
    """Set profile, group and numbers of rows where they differ; returns how many did."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (id bigint PRIMARY KEY, profile_id bigint, "
            '"group" text, numbers text) ON COMMIT DROP'
        )
        table = model._meta.db_table
        old = np.empty(len(keys), np.int64)
        cursor.execute(
            f"SELECT coalesce(t.profile_id, -1) FROM unnest(%s) WITH ORDINALITY AS k(id, position) "  # noqa: S608
            f"JOIN {table} t USING (id) ORDER BY k.position",
            [keys.tolist()],
        )
        old[:] = np.array(cursor.fetchall(), np.int64).reshape(-1)
    profiles = profiles_of(incoming, of, old, attributes)
    columns = [
        Column("id", "int8", keys),
        Column("profile_id", "int8", profiles, profiles < 0),
    ]
    sets = ["profile_id = a.profile_id", f"upload_id = '{incoming.upload.pk}'"]
    differs = ["t.profile_id IS DISTINCT FROM a.profile_id"]
    if model is Item and (group := incoming.text("group")) is not None:
        codes = group.codes[incoming.rows]
        texts = np.array([*group.values, ""], dtype=object)[codes]
        columns.append(Column("group", "text", texts, codes < 0))
        sets.append('"group" = coalesce(a."group", t."group")')
        differs.append('(a."group" IS NOT NULL AND t."group" IS DISTINCT FROM a."group")')
    if any(a.numbers is not None for a in attributes):
        texts = np.array(_numbers_json(incoming, attributes), dtype=object)
        columns.append(Column("numbers", "text", texts))
        merged = "coalesce(t.numbers, '{}') || a.numbers::jsonb"
        sets.append(f"numbers = {merged}")
        differs.append(f"t.numbers IS DISTINCT FROM ({merged})")
    copy_in("arriving", columns)
    kept = kept_table(of)
    described = " OR ".join(f"t.{name} IS NOT NULL" for name in kept.bare)
    rows = f"{table} t JOIN arriving a USING (id) WHERE ({described}) AND ({' OR '.join(differs)})"
    if (old >= 0).any():
        keep(kept, incoming.upload, rows, ())
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} t SET {', '.join(sets)} FROM arriving a "  # noqa: S608
            f"WHERE t.id = a.id AND ({' OR '.join(differs)})"
        )
        changed = cursor.rowcount
        cursor.execute("DROP TABLE arriving")
    return int(changed)


def _numbers_json(incoming: Incoming, attributes: list[Coded]) -> list[str]:
    numeric = [(a.name, a.numbers[incoming.rows]) for a in attributes if a.numbers is not None]
    return [
        # Null takes away a number that the file no longer says.
        json.dumps({name: None if np.isnan(x[i]) else float(x[i]) for name, x in numeric})
        for i in range(len(incoming.rows))
    ]
