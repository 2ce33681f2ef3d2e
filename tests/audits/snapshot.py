"""The rows of the whole database, kept in memory: built once through HTTP, put back per test."""

from __future__ import annotations

import io
from dataclasses import dataclass

from django.db import connection, transaction

TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname NOT LIKE 'django_%'
    AND c.relname <> 'auth_permission'
"""


@dataclass(frozen=True)
class Snapshot:
    """The rows of each table that has any, in PostgreSQL's binary form."""

    rows: dict[str, bytes]

    @classmethod
    def take(cls) -> Snapshot:
        rows = {}
        with connection.cursor() as cursor:
            cursor.execute(TABLES)
            for (table,) in cursor.fetchall():
                out = io.BytesIO()
                cursor.copy_expert(f'COPY "{table}" TO STDOUT (FORMAT binary)', out)
                rows[table] = out.getvalue()
        return cls(rows)

    def restore(self) -> None:
        """Put the rows into empty tables; foreign keys are checked at the end of it."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self.rows.items():
                cursor.copy_expert(f'COPY "{table}" FROM STDIN (FORMAT binary)', io.BytesIO(rows))
