"""How often somebody may ask for work, or send a wrong password, within a minute.

Counted in the database, since every web process must see the same count; one statement a request
that creates work, none for reading.
"""

from __future__ import annotations

import hashlib
import time

from django.conf import settings
from django.db import connection

from catalog.models import UseCount
from catalog.problems import Refusal

TABLE = UseCount._meta.db_table
_SAID = {
    "runs": "asked for {limit} computations",
    "uploads": "sent {limit} files",
    "sign_ins": "sent {limit} wrong passwords",
}


def spend(what: str, who: str | int | None) -> None:
    """Count one use of this minute.

    Raises
    ------
    Refusal
        429 where that is more than the service's limit; it says the limit and when to come back.
    """
    if count(what, who) > limit_of(what):
        raise too_many(what)


def count(what: str, who: str | int | None) -> int:
    """Count one use, and say how many there are in this minute; earlier ones are forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} (what, who, minute, n) VALUES (%s, %s, %s, 1) "  # noqa: S608
            f"ON CONFLICT (what, who, minute) DO UPDATE SET n = {TABLE}.n + 1 RETURNING n",
            [what, str(who), _minute()],
        )
        n = int(cursor.fetchone()[0])
        if n == 1:
            cursor.execute(f"DELETE FROM {TABLE} WHERE minute < %s", [_minute() - 1])  # noqa: S608
    return n


def is_spent(what: str, who: str | int) -> bool:
    """Whether this minute's uses are used up already."""
    used = UseCount.objects.filter(what=what, who=str(who), minute=_minute())
    return used.filter(n__gte=limit_of(what)).exists()


def too_many(what: str) -> Refusal:
    """The answer to who did something too often."""
    wait = 60 - int(time.time()) % 60
    limit = limit_of(what)
    said = _SAID[what].format(limit=f"{limit:,}")
    return Refusal(
        f"You {said} within this minute, which is the limit; come back in {wait} s. Whoever runs "
        f"the service sets it (RATE_{what.upper()}).",
        code="rate_limited",
        status=429,
        headers={"Retry-After": str(wait)},
    )


def limit_of(what: str) -> int:
    """How often a minute."""
    return int(getattr(settings, f"RATE_{what.upper()}"))


def unnamed(text: str) -> str:
    """A digest by which a name or an address is counted without being stored."""
    key = f"{settings.SECRET_KEY}{text.casefold()}"
    return hashlib.sha256(key.encode()).hexdigest()


def _minute() -> int:
    return int(time.time()) // 60
