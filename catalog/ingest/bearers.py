"""Items and annotators with their attributes: rows become keys, columns become profiles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from catalog.ingest.answers import (
    decimal_of,
    in_order,
    other_decimal,
    strict_number,
)
from catalog.ingest.band_values import Doubt, doubtful_bands, likely_band
from catalog.ingest.bands import parse_bands
from catalog.ingest.checks import NoticeCode, RowCode, did_you_mean
from catalog.ingest.copying import Column, PerRow, copy_in
from catalog.ingest.history import keep, remember
from catalog.ingest.identifiers import why_identifying
from catalog.ingest.lookalikes import Known
from catalog.ingest.mapping import mapped
from catalog.ingest.missing import looks_missing, tell_of_missing
from catalog.ingest.numbering import UNKNOWN, enroll, look_up
from catalog.ingest.repeats import skip_identical
from catalog.ingest.store import Counts, Incoming
from catalog.kinds import kept_table
from catalog.models import Annotator, Attribute, Dataset, Item, Profile
from catalog.reading.columns import Column as FileColumn
from catalog.reading.columns import Kind, Layout
from catalog.reading.tables import TextColumn
from catalog.runs import digest_of

MAX_CATEGORIES = 200


def layout(id_column: str, *, with_group: bool, mapping: dict[str, str]) -> Layout:
    """The columns of an items or annotators file; any further column is an attribute."""
    columns = [FileColumn(id_column, Kind.IDENTIFIER, required=True)]
    if with_group:
        columns.append(FileColumn("group", Kind.IDENTIFIER))
    return Layout(tuple(columns), extra=FileColumn("attribute", Kind.CATEGORY), mapping=mapping)


@dataclass
class _Coded:
    """An attribute column: each row's position in ``values``; -1 unknown, -2 not in the file."""

    name: str
    codes: NDArray[np.int64]
    values: list[str]
    numbers: NDArray[np.float64] | None = None


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
        and (coded := _code_attribute(incoming, of, name, column)) is not None
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


def refuse_repeats(incoming: Incoming, column: str, key: NDArray[np.int64]) -> None:
    """Refuse rows whose key stood in an earlier row of the file."""
    rows = incoming.rows
    order = rows[np.argsort(key[rows], kind="stable")]
    same = np.zeros(len(order), bool)
    same[1:] = key[order[1:]] == key[order[:-1]]
    start = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    same[same] = ~skip_identical(incoming, order[same], order[start[same]])
    first = dict(zip(order[same].tolist(), order[start[same]].tolist(), strict=True))
    ids = incoming.text(column)
    values = ids.values if ids is not None else []

    def describe(row: int) -> tuple[str | None, str, str | None]:
        value = values[ids.codes[row]] if ids is not None else None
        line = int(incoming.table.line[first[row]])
        return value, f"{value!r} already stands in line {line}; send one row for each.", None

    incoming.refuse(np.sort(order[same]), RowCode.DUPLICATE_ROW, column, describe)


def _code_attribute(
    incoming: Incoming, of: Attribute.Of, name: str, column: TextColumn
) -> _Coded | None:
    attribute = Attribute.objects.filter(dataset=incoming.dataset, of=of, name=name).first()
    if attribute is None:
        attribute = declare(incoming, of, name, column)
    if attribute is None:
        return None
    column = mapped(attribute, column)
    if attribute.kind == Attribute.Kind.NUMERIC:
        return _code_numbers(incoming, attribute, column)
    return _code_values(incoming, attribute, column)


def declare(
    incoming: Incoming, of: Attribute.Of, name: str, column: TextColumn
) -> Attribute | None:
    """An attribute that nobody declared: categorical, its values are those of the file."""
    if (why := why_identifying(name, column.values)) is not None:
        incoming.refuse_file(
            RowCode.DIRECT_IDENTIFIER,
            name,
            f"column {name!r} {why}; leave it out with ignore={name}, or declare it as an "
            "attribute if it does not.",
        )
        return None
    attribute = Attribute(dataset=incoming.dataset, of=of, name=name, declared=False)
    if len(column.values) > MAX_CATEGORIES:
        incoming.refuse_file(
            RowCode.TOO_MANY_CATEGORIES,
            name,
            f"column {name!r} has {len(column.values):,} distinct values, more than the "
            f"{MAX_CATEGORIES} that subgroups can have; leave it out with ignore={name}, or "
            "declare it as a numeric attribute with bands.",
        )
        return None
    attribute.save()
    remember(incoming.upload, "attribute", attribute.pk, {"created": True, "values": []})
    incoming.warn(
        NoticeCode.ATTRIBUTES_DECLARED,
        f"Column {name!r} was not declared; it is now a categorical attribute of {of}s with "
        f"{len(column.values)} values.",
    )
    return attribute


def _code_values(incoming: Incoming, attribute: Attribute, column: TextColumn) -> _Coded:
    known = [str(v) for v in attribute.values]
    met = [v for v in column.values if v not in attribute.missing_codes]
    if not (attribute.declared and known):
        doubts = _refuse_doubtful(incoming, attribute, column, known)
        fresh = [v for v in in_order(met) if v not in doubts and v not in set(known)]
        tell_of_missing(incoming, f"attribute {attribute.name!r}", fresh)
        if fresh:
            before = {"created": False, "values": list(known)}
            remember(incoming.upload, "attribute", attribute.pk, before)
            known += fresh
            attribute.values = known
            attribute.save(update_fields=["values"])
    position: dict[str, int] = {value: i for i, value in enumerate(known)}
    position.update(dict.fromkeys((str(c) for c in attribute.missing_codes), -1))
    codes = np.array([position.get(v, -3) for v in column.values] + [-1], np.int64)[column.codes]
    rows = incoming.rows
    incoming.refuse(
        rows[codes[rows] == -3],
        RowCode.UNKNOWN_VALUE,
        attribute.name,
        lambda row: _unknown_value(attribute, known, column.values[column.codes[row]]),
    )
    _tell_missing(incoming, attribute, column, codes)
    return _Coded(attribute.name, codes, known)


def _tell_missing(
    incoming: Incoming, attribute: Attribute, column: TextColumn, codes: NDArray[np.int64]
) -> None:
    """Say how many rows leave the attribute unknown: empty, or with a declared missing code."""
    rows = incoming.rows
    unknown = rows[codes[rows] == -1]
    if not len(unknown):
        return
    met = set(column.codes[unknown].tolist()) - {-1}
    coded = "".join(f", {column.values[code]!r}" for code in sorted(met))
    incoming.warn(
        NoticeCode.MISSING_VALUES,
        f"Attribute {attribute.name!r} is unknown in {len(unknown):,} rows (empty{coded}); they "
        "are counted as unknown, never filled in.",
        len(unknown),
        row=int(unknown[0]),
    )


def _refuse_doubtful(
    incoming: Incoming, attribute: Attribute, column: TextColumn, known: list[str]
) -> dict[str, Doubt]:
    """Report bands that were made dates of, or that overlap, before they are learned."""
    met = [v for v in column.values if v not in attribute.missing_codes]
    doubts = doubtful_bands(dict.fromkeys([*known, *met]))
    doubts = {value: doubt for value, doubt in doubts.items() if value not in known}
    rows = incoming.rows
    for code in {doubt.code for doubt in doubts.values()}:
        mask = np.array(
            [v in doubts and doubts[v].code is code for v in column.values] + [False], bool
        )[column.codes]

        def describe(row: int) -> tuple[str, str, str | None]:
            value = column.values[column.codes[row]]
            return value, doubts[value].sentence, doubts[value].hint

        incoming.refuse(rows[mask[rows]], code, attribute.name, describe)
    return doubts


def _unknown_value(
    attribute: Attribute, known: list[str], value: str
) -> tuple[str, str, str | None]:
    shown = ", ".join(repr(v) for v in known[:10]) + (", ..." if len(known) > 10 else "")
    sentence = (
        f"{value!r} is not a value of attribute {attribute.name!r}; the values are: {shown}. "
        "Mend the file, add the value to the attribute, or say in its mapping which one it is."
    )
    if looks_missing(value):
        hint = f"If it means unknown, add it to the attribute's missing_codes: {value}."
        return value, sentence, hint
    return value, sentence, likely_band(value, known) or did_you_mean(value, known)


def _code_numbers(incoming: Incoming, attribute: Attribute, column: TextColumn) -> _Coded:
    missing = {str(c) for c in attribute.missing_codes}
    decimal = decimal_of(incoming.upload.options)
    parsed = [None if v in missing else strict_number(v, decimal) for v in column.values]
    numbers = np.array([np.nan if n is None else n for n in parsed] + [np.nan])[column.codes]
    # A text that is called like a band is that band, without an exact number.
    named = {str(band): place for place, band in enumerate(_band_names(attribute))}
    said = np.array(
        [named.get(v, -1) if n is None else -1 for n, v in zip(parsed, column.values, strict=True)]
        + [-1]
    )[column.codes]
    known = missing | named.keys()
    wrong = np.array(
        [n is None and v not in known for n, v in zip(parsed, column.values, strict=True)] + [False]
    )[column.codes]
    rows = incoming.rows
    incoming.refuse(
        rows[wrong[rows]],
        RowCode.NOT_A_NUMBER,
        attribute.name,
        lambda row: (
            column.values[column.codes[row]],
            f"{column.values[column.codes[row]]!r} is not a number; attribute "
            f"{attribute.name!r} is numeric. Write digits with a decimal "
            f"{'point' if decimal == '.' else 'comma'}.",
            other_decimal(column.values[column.codes[row]], decimal),
        ),
    )
    if attribute.role == Attribute.Role.DESIGN_WEIGHT:
        _refuse_weightless(incoming, attribute, column, numbers)
        return _Coded(attribute.name, np.full(len(numbers), -1), [], numbers)
    if not attribute.bands:
        incoming.warn(
            NoticeCode.ATTRIBUTE_WITHOUT_BANDS,
            f"Attribute {attribute.name!r} is numeric without bands: its numbers are kept, but it "
            "forms no subgroups until bands are declared.",
        )
        return _Coded(attribute.name, np.full(len(numbers), -1), [], numbers)
    bands = parse_bands([str(b) for b in attribute.bands])
    codes = np.where(said >= 0, said, bands.place(numbers))
    rows = incoming.rows
    incoming.refuse(
        rows[(codes[rows] < 0) & ~np.isnan(numbers[rows])],
        RowCode.OUTSIDE_BANDS,
        attribute.name,
        lambda row: (
            column.values[column.codes[row]],
            f"{column.values[column.codes[row]]} lies outside all bands of attribute "
            f"{attribute.name!r} ({', '.join(bands.names)}).",
            None,
        ),
    )
    return _Coded(attribute.name, codes, list(bands.names), numbers)


def _band_names(attribute: Attribute) -> tuple[str, ...]:
    return parse_bands([str(b) for b in attribute.bands]).names if attribute.bands else ()


def _refuse_weightless(
    incoming: Incoming, attribute: Attribute, column: TextColumn, numbers: NDArray[np.float64]
) -> None:
    """A design weight is how many of its kind an item stands for: itself, at the very least."""
    rows = incoming.rows
    incoming.refuse(
        rows[numbers[rows] <= 0],
        RowCode.OUT_OF_RANGE,
        attribute.name,
        lambda row: (
            column.values[column.codes[row]],
            f"{column.values[column.codes[row]]} is no design weight; {attribute.name!r} says how "
            "many of its kind an item stands for. Send a number above 0, or leave it empty.",
            None,
        ),
    )


def _update(
    incoming: Incoming,
    model: type[Item] | type[Annotator],
    of: Attribute.Of,
    keys: NDArray[np.int64],
    attributes: list[_Coded],
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
    profiles = _profiles(incoming, of, old, attributes)
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


def _numbers_json(incoming: Incoming, attributes: list[_Coded]) -> list[str]:
    numeric = [(a.name, a.numbers[incoming.rows]) for a in attributes if a.numbers is not None]
    return [
        # Null takes away a number that the file no longer says.
        json.dumps({name: None if np.isnan(x[i]) else float(x[i]) for name, x in numeric})
        for i in range(len(incoming.rows))
    ]


def _profiles(
    incoming: Incoming, of: Attribute.Of, old: NDArray[np.int64], attributes: list[_Coded]
) -> NDArray[np.int64]:
    """The profile of each row: its old one, with the file's attributes put over it."""
    rows = incoming.rows
    matrix = np.column_stack([old, *(a.codes[rows] for a in attributes)])
    distinct, inverse = np.unique(matrix, axis=0, return_inverse=True)
    before = dict(
        Profile.objects.filter(pk__in=np.unique(old[old >= 0]).tolist()).values_list("pk", "values")
    )
    wanted: list[dict[str, Any]] = []
    for combination in distinct.tolist():
        values = dict(before.get(combination[0], {}))
        for attribute, code in zip(attributes, combination[1:], strict=True):
            values.pop(attribute.name, None)
            if code >= 0:
                values[attribute.name] = attribute.values[code]
        wanted.append(values)
    ids = profile_ids(incoming.dataset, of, wanted)
    return ids[inverse.reshape(-1)]


def profile_ids(
    dataset: Dataset, of: Attribute.Of, wanted: list[dict[str, Any]]
) -> NDArray[np.int64]:
    """The profile of each combination of values; those that are new are stored."""
    digests = [digest_of(values) for values in wanted]
    Profile.objects.bulk_create(
        [
            Profile(dataset=dataset, of=of, values=values, digest=digest)
            for digest, values in dict(zip(digests, wanted, strict=True)).items()
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    found = dict(Profile.objects.filter(dataset=dataset, of=of).values_list("digest", "pk"))
    return np.array([found[d] for d in digests], np.int64)


def resolve_keys(
    incoming: Incoming, model: type[Item] | type[Annotator], column: str
) -> PerRow | None:
    """Each row's item or annotator, for files that speak of them (labels, predictions).

    Ids that no items or annotators file declared are created, unless such a file was stored or
    the sender said ``unknown=reject``: then an unknown id is a problem of its row.
    """
    ids = incoming.text(column)
    if ids is None:
        return None
    known = look_up(model, incoming.dataset, ids.values)
    rows = incoming.rows
    met = np.zeros(len(ids.values) + 1, bool)  # the last place is that of code -1
    met[ids.codes[rows]] = True
    used = np.flatnonzero(met[:-1])
    unknown = used[known.keys[used] == UNKNOWN]
    if not len(unknown):
        return known.of(ids.codes)
    if _may_create(incoming, model):
        code = NoticeCode.ITEMS_CREATED if model is Item else NoticeCode.ANNOTATORS_CREATED
        incoming.warn(
            code, f"{len(unknown):,} new {column}s were created from this file.", len(unknown)
        )
        return enroll(model, incoming.upload, known, unknown).of(ids.codes)
    # A row may name nobody: a reference label inside an export.
    absent = rows[(ids.codes[rows] >= 0) & (known.of(ids.codes)[rows] == UNKNOWN)]
    external = model.objects.filter(dataset=incoming.dataset).values_list("external_id", flat=True)
    names = Known(external[:50_000] if len(absent) else [])
    incoming.refuse(
        absent,
        RowCode.UNKNOWN_ITEM if model is Item else RowCode.UNKNOWN_ANNOTATOR,
        column,
        lambda row: (
            ids.values[ids.codes[row]],
            f"{column} {ids.values[ids.codes[row]]!r} is not one of this data set's; upload it "
            f"with the {column}s first, or send unknown=create.",
            names.hint(ids.values[ids.codes[row]]),
        ),
    )
    return known.of(ids.codes)


def _may_create(incoming: Incoming, model: type[Item] | type[Annotator]) -> bool:
    wish = incoming.upload.options.get("unknown")
    if wish is not None:
        return bool(wish == "create")
    kind = "items" if model is Item else "annotators"
    return not incoming.dataset.uploads.filter(kind=kind, state="stored", dry_run=False).exists()
