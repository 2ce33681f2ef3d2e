"""Stored items and annotators under a changed attribute: the values that they have from now on."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import connection

from catalog.ingest.answers import strict_number
from catalog.ingest.bands import Bands, parse_bands
from catalog.ingest.profiles import profile_ids
from catalog.models import Annotator, Attribute, Item, Profile
from catalog.problems import Refusal

# Attributes' fields that say which value a bearer has.
DECIDING = ("name", "kind", "bands", "mapping", "missing_codes")
_NO_NUMBER = -2
_PLACE = (
    "CASE WHEN jsonb_typeof(t.numbers->%(name)s) = 'number' THEN "
    "width_bucket((t.numbers->>%(name)s)::float8, %(edges)s::float8[]) - 1 ELSE -2 END"
)


def reprofile(attribute: Attribute, was: str) -> None:
    """Give stored bearers the values that the attribute now says; ``was`` is its earlier name.

    Exact numbers decide where they are known, else the value that is stored.

    Raises
    ------
    Refusal
        Where something that is stored would lie outside the new bands.
    """
    model: type[Item] | type[Annotator] = Item if attribute.of == Attribute.Of.ITEM else Annotator
    if attribute.name != was:
        _rename_numbers(model, attribute, was)
    bands = None
    if attribute.kind == Attribute.Kind.NUMERIC and attribute.bands:
        bands = parse_bands([str(band) for band in attribute.bands])
    place = {
        "dataset": attribute.dataset_id,
        "name": attribute.name,
        "edges": [] if bands is None else list(bands.edges),
    }
    groups = _groups(model, place)
    stored = Profile.objects.filter(pk__in={old for old, *_ in groups})
    before: dict[int, dict[str, Any]] = dict(stored.values_list("pk", "values"))
    wanted = []
    for old, at, n, example in groups:
        values = dict(before.get(old, {}))
        said = values.pop(was, None)
        value = _value(attribute, bands, said, at, (n, example))
        wanted.append(values if value is None else {**values, attribute.name: value})
    new = profile_ids(attribute.dataset, Attribute.Of(attribute.of), wanted)
    moved = [
        (old, at, pk)
        for (old, at, *_), pk, values in zip(groups, new.tolist(), wanted, strict=True)
        if old != pk and (old >= 0 or values)
    ]
    _move(model, place, moved)


def _groups(
    model: type[Item] | type[Annotator], place: dict[str, Any]
) -> list[tuple[int, int, int, float | None]]:
    """Profile (-1 for none) and place among the bands; how many, and one of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(t.profile_id, -1), {_PLACE} AS place, count(*), "  # noqa: S608
            "min(CASE WHEN jsonb_typeof(t.numbers->%(name)s) = 'number' "
            "THEN (t.numbers->>%(name)s)::float8 END) "
            f"FROM {model._meta.db_table} t WHERE t.dataset_id = %(dataset)s GROUP BY 1, 2",
            place,
        )
        return list(cursor.fetchall())


def _value(
    attribute: Attribute,
    bands: Bands | None,
    said: str | None,
    at: int,
    found: tuple[int, float | None],
) -> str | None:
    """The value of bearers that had ``said``, or whose number lies in the band ``at``."""
    n, example = found
    if at != _NO_NUMBER and attribute.kind == Attribute.Kind.NUMERIC:
        if bands is None:
            return None
        if not 0 <= at < len(bands.names):
            raise _outside(attribute, n, f"{example:g}")
        return bands.names[at]
    if said is None:
        return None
    value = str(attribute.mapping.get(said, said))
    if value in attribute.missing_codes:
        return None
    return value if bands is None or value in bands.names else _banded(attribute, bands, value, n)


def _banded(attribute: Attribute, bands: Bands, value: str, n: int) -> str:
    number = strict_number(value)
    at = -1 if number is None else int(bands.place(np.array([number]))[0])
    if at < 0:
        raise _outside(attribute, n, value)
    return bands.names[at]


def _outside(attribute: Attribute, n: int, value: str) -> Refusal:
    return Refusal(
        f"{n:,} stored {attribute.of}s have values of {attribute.name!r} outside these bands, such "
        f"as {value!r}; add a band for them, or say which it is with mapping "
        f'({{"{value}": "..."}}).',
        code="outside_bands",
        status=409,
        pointer="/bands",
    )


def _rename_numbers(model: type[Item] | type[Annotator], attribute: Attribute, was: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} t SET numbers = (t.numbers - %(was)s) || "  # noqa: S608
            "jsonb_build_object(%(name)s, t.numbers->%(was)s) "
            "WHERE t.dataset_id = %(dataset)s AND t.numbers ? %(was)s",
            {"was": was, "name": attribute.name, "dataset": attribute.dataset_id},
        )


def _move(
    model: type[Item] | type[Annotator],
    place: dict[str, Any],
    moved: list[tuple[int, int, int]],
) -> None:
    """Point bearers to their new profiles."""
    if not moved:
        return
    old, at, new = (list(part) for part in zip(*moved, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} t SET profile_id = m.new "  # noqa: S608
            "FROM unnest(%(old)s::bigint[], %(at)s::int[], %(new)s::bigint[]) AS m(old, at, new) "
            "WHERE t.dataset_id = %(dataset)s AND coalesce(t.profile_id, -1) = m.old "
            f"AND {_PLACE} = m.at",
            {**place, "old": old, "at": at, "new": new},
        )
