"""Tables that one file fills whole: rows first, their keys after, then attached to the table.

Building an index over rows at once costs a fraction of keeping it right row by row, beside those of
others; and attaching locks nobody out.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from catalog.ingest.copying import Column, copy_in


def exists(name: str) -> bool:
    """Whether the database has a table of this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def fill(table: str, partition: str, columns: list[Column], keys: dict[str, str]) -> None:
    """Make a partition of ``table`` with these rows and their keys, for :func:`attach`.

    Parameters
    ----------
    columns : list of Column, the rows in the order of the first key
    keys : dict, what is said of each key in its name, to its columns in brackets
    """
    with connection.cursor() as cursor:
        _fill(cursor, table, partition, columns)
        cursor.execute("SET LOCAL maintenance_work_mem = '128MB'")
        # The rows come in order: helpers would only share the work of telling so.
        cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        for name, key in keys.items():
            cursor.execute(f"CREATE UNIQUE INDEX {partition}_{name} ON {partition} {key}")


def attach(table: str, partition: str, value: int) -> None:
    """Let the table have the partition's rows, all of which have ``value`` where it is parted."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES IN ({value})")


def _fill(cursor: Any, table: str, partition: str, columns: list[Column]) -> None:
    """Make the table of what differs between rows, fill it, then add what all of them share.

    PostgreSQL keeps the value that a new column has for rows which were there before in its
    catalog, once: rows are two thirds as long, and as much faster to write and to read.
    """
    cursor.execute(
        "SELECT attname, concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod), "
        "CASE WHEN attcollation <> typcollation THEN "
        "'COLLATE ' || attcollation::regcollation END, "
        "CASE WHEN attnotnull THEN 'NOT NULL' END) "
        "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table],
    )
    defined: dict[str, str] = dict(cursor.fetchall())
    shared = {c.name: c.shared for c in columns if c.shared is not None}
    own = [c for c in columns if c.name not in shared and not c.is_absent]
    cursor.execute(f"CREATE TABLE {partition} ({', '.join(defined.pop(c.name) for c in own)})")
    copy_in(partition, own, freeze=True)
    added = ", ".join(
        f"ADD {column} DEFAULT {'%s' if name in shared else 'NULL'}"
        for name, column in defined.items()
    )
    given = [shared[name] for name in defined if name in shared]
    cursor.execute(f"ALTER TABLE {partition} {added}", given)
    # Later rows say for themselves what they are.
    dropped = ", ".join(f"ALTER {name} DROP DEFAULT" for name in shared)
    cursor.execute(f"ALTER TABLE {partition} {dropped}")
