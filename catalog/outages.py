"""Telling a database that is away, or at its limits, from a statement that it refused."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError

#: What an ``except`` must name to meet every outage; :func:`is_outage` tells them apart.
DATABASE_ERRORS = (DatabaseError, InterfaceError)


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the database is away or busy, so that trying again may help.

    A server that is stopped at once gives psycopg2 no error code, and so the bare ``DatabaseError``
    ("server closed the connection unexpectedly"); a refused statement is always of a subclass.
    """
    return isinstance(error, (OperationalError, InterfaceError)) or type(error) is DatabaseError


@dataclass(frozen=True)
class Outage:
    """Why a statement was not carried out though nothing was wrong with it, and how to answer."""

    detail: str
    code: str = "unavailable"
    status: int = 503


AWAY = Outage("The database cannot be reached; try again in a few seconds.")
# By the classes and codes of PostgreSQL's appendix A; the most special first.
_OUTAGES = {
    "53100": Outage(
        "The database's disk is full; free some space, then try again.", "storage_full", 507
    ),
    "53200": Outage(
        "The database has no memory left for this, or no room for the locks that it takes "
        "(out of memory); try again when less is going on, or ask whoever runs the service to "
        "raise max_locks_per_transaction or its memory."
    ),
    "53300": Outage("The database has no connection left; try again in a few seconds."),
    "57014": Outage("The database took longer over this than it may; try again, or ask for less."),
    "55P03": Outage("Others are changing the same rows; try again in a few seconds."),
    "40": Outage("Others were changing the same rows at the same time; try again."),
}


def outage_of(error: BaseException) -> Outage:
    """What an outage was, by the code that PostgreSQL gave; without one it is away."""
    state = getattr(error.__cause__, "pgcode", None) or ""
    return next((told for code, told in _OUTAGES.items() if state.startswith(code)), AWAY)
