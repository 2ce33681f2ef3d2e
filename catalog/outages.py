"""Telling a database that is away from a statement that it refused."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, OperationalError

#: What an ``except`` must name to meet every outage; :func:`is_outage` tells them apart.
DATABASE_ERRORS = (DatabaseError, InterfaceError)


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the database is away, so that trying again may help.

    A server that is stopped at once gives psycopg2 no error code, and so the bare ``DatabaseError``
    ("server closed the connection unexpectedly"); a refused statement is always of a subclass.
    """
    return isinstance(error, (OperationalError, InterfaceError)) or type(error) is DatabaseError
