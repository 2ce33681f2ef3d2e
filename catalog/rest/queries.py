"""Query parameters: only those that an address knows, each at most once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from catalog.problems import Refusal

OF_LISTS = {"format", "cursor", "page_size"}
# Shown and never looked up; whoever takes it makes it harmless.
INERT = {"filename"}
ORDERINGS = {"ordering", "order", "order_by", "sort"}


def query_of(request: Request, *known: str, in_pages: bool = True) -> dict[str, str]:
    """The parameters of a request by name; an unknown or repeated one is refused.

    Those of pages are known too, unless the answer comes whole.
    """
    given = request.query_params
    found = {}
    for name in given:
        values = given.getlist(name)
        if len(values) > 1:
            raise Refusal(
                f"The parameter {name!r} was sent {len(values)} times; send it once.",
                code="repeated_parameter",
                pointer=name,
            )
        if name not in INERT and ("\x00" in values[0] or "\ufffd" in values[0]):
            raise Refusal(
                f"The parameter {name!r} is not valid UTF-8 text.",
                code="invalid_utf8",
                pointer=name,
            )
        found[name] = values[0]
    if unknown := sorted(set(given) - {*known, *(OF_LISTS if in_pages else ())}):
        raise _unknown(unknown[0], known)
    return found


def _unknown(name: str, known: tuple[str, ...]) -> Refusal:
    if name in ORDERINGS:
        detail = (
            f"The parameter {name!r} is not known: every list has one order, by which it pages."
        )
        return Refusal(detail, code="unknown_ordering", pointer=name)
    return Refusal(
        f"The parameter {name!r} is not known here; known are: "
        f"{', '.join(sorted(known)) or 'none'}.",
        code="unknown_filter",
        pointer=name,
    )


def flag(query: dict[str, str], name: str) -> bool:
    """A yes-or-no parameter: 1 or true, 0 or false."""
    value = query.get(name, "0").lower()
    if value not in ("1", "true", "0", "false"):
        raise Refusal(
            f"{name} must be 1 or 0; it is {query[name]!r}.", code="invalid", pointer=name
        )
    return value in ("1", "true")


def one_by_id(rows: QuerySet[Any], key: str, missing: str) -> Any:
    """The row with this id; 404 with the sentence ``missing`` where there is none, or no id."""
    try:
        found = rows.filter(pk=uuid.UUID(key)).first()
    except ValueError:
        found = None
    if found is None:
        raise Refusal(missing, code="not_found", status=404)
    return found


def one_of(query: dict[str, str], name: str, allowed: list[str], default: str) -> str:
    """A parameter that takes one of a few words."""
    check_choice(query, name, allowed, n_named=len(allowed))
    return query.get(name, default)


def check_choice(
    query: dict[str, str], name: str, known: Iterable[str], *, n_named: int = 10
) -> None:
    """Refuse a value that is none of those that there are; a parameter that was not sent is good.

    Up to so many of them are named.
    """
    if name in query and query[name] not in (choices := list(known)):
        listed = ", ".join(choices[:n_named]) or "none"
        more = f" and {len(choices) - n_named:,} more" if len(choices) > n_named else ""
        raise Refusal(
            f"{name} must be one of {listed}{more}; it is {query[name]!r}.",
            code="invalid",
            pointer=name,
        )


def check_level(query: dict[str, str]) -> None:
    """Refuse what is no number of attributes."""
    given = query.get("level", "0")
    if not (given.isascii() and given.isdigit() and (given == "0" or given[0] != "0")):
        raise Refusal(
            f"level must be a whole number of attributes, like 2; it is {given!r}.",
            code="invalid",
            pointer="level",
        )
