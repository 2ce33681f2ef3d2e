"""Cells of a population on their way into the table: in one COPY, or compared with its earlier."""

from __future__ import annotations

from django.db import connection

from catalog.ingest.copying import Column, constant, copy_in
from catalog.ingest.history import keep
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.objects import json_objects
from catalog.kinds import kept_table
from catalog.models import Upload
from catalog.reading.tables import NumberColumn, TextColumn
from coverage.models import Population, PopulationCell

CELLS = PopulationCell._meta.db_table
_OWN = "t.population_id = %s"
_CHANGED = f"{CELLS} t JOIN arriving a USING (values) WHERE {_OWN} AND t.weight <> a.weight"
_GONE = (
    f"{CELLS} t WHERE {_OWN} AND NOT EXISTS (SELECT 1 FROM arriving a WHERE a.values = t.values)"  # noqa: S608
)


def cell_columns(
    incoming: Incoming,
    population: Population,
    columns: dict[str, TextColumn],
    weight: NumberColumn,
) -> list[Column]:
    """The cells of the rows without a problem, as columns of the table."""
    rows = incoming.rows
    values = json_objects(
        (name, column.values, column.codes[rows]) for name, column in columns.items()
    )
    upload = constant(incoming.upload.pk.bytes, len(rows), "S16")
    return [
        Column("population_id", "int8", constant(population.pk, len(rows))),
        Column("values", "jsonb", values),
        Column("weight", "float8", weight.values[rows]),
        Column("upload_id", "uuid", upload),
    ]


def stage(arriving: list[Column]) -> None:
    """Put arriving cells beside those that the population has."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE arriving (LIKE {CELLS}) ON COMMIT DROP")
        cursor.execute("ALTER TABLE arriving DROP COLUMN id")
        copy_in("arriving", arriving)
        cursor.execute("ANALYZE arriving")


def is_another(population: Population) -> bool:
    """Whether the cells on the stage are not exactly those that the population has."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM {_GONE}) OR (SELECT count(*) FROM arriving) <> "  # noqa: S608
            f"(SELECT count(*) FROM {CELLS} t JOIN arriving a USING (values, weight) WHERE {_OWN})",
            [population.pk, population.pk],
        )
        return bool(cursor.fetchone()[0])


def replace_cells(upload: Upload, population: Population) -> Counts:
    """Take the cells from the stage; what changes or goes is kept, and a cell that stays is left.

    Returns
    -------
    Counts : stored, replaced and removed
    """
    kept, own = kept_table("cell"), (population.pk,)
    replaced = keep(kept, upload, _CHANGED, own)
    removed = keep(kept, upload, _GONE, own)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {CELLS} WHERE id IN (SELECT t.id FROM {_GONE})", own)  # noqa: S608
        cursor.execute(
            f"UPDATE {CELLS} t SET weight = a.weight, upload_id = a.upload_id "  # noqa: S608
            f"FROM arriving a WHERE a.values = t.values AND {_OWN} AND t.weight <> a.weight",
            own,
        )
        cursor.execute(
            f"INSERT INTO {CELLS} (population_id, values, weight, upload_id) "  # noqa: S608
            "SELECT population_id, values, weight, upload_id FROM arriving a WHERE NOT EXISTS "
            f"(SELECT 1 FROM {CELLS} t WHERE {_OWN} AND t.values = a.values)",
            own,
        )
        stored = cursor.rowcount
        cursor.execute("DROP TABLE arriving")
    return Counts(stored=stored, replaced=replaced, removed=removed)
