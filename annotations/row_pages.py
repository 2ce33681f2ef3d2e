"""Rows of a stored result: filtered, in pages that stay right while newer results come."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from annotations import queries
from annotations.ranked import StoredRows
from catalog.models import Annotator, Attribute, Dataset, Item, Run
from catalog.problems import Refusal

Row = dict[str, Any]
#: Within the result, or in blocks beside it.
Rows = Sequence[Row]
PAGE_SIZE = 1000
MAX_PAGE_SIZE = 10_000
Answer = TypeVar("Answer", bound=HttpResponseBase)


def filtered(dataset: Dataset, rows: Rows, query: dict[str, str], *, of: Attribute.Of) -> Rows:
    """The rows about one item, one annotator, or a subgroup such as ``sex=female & age=60+``.

    ``of`` says whose attributes the subgroup names.
    """
    if "item" in query:
        number = queries.item_number(dataset, query["item"])
        rows = _about(rows, "item", set() if number is None else {number})
    if "annotator" in query:
        number = queries.annotator_number(dataset, query["annotator"])
        rows = _about(rows, "annotator", set() if number is None else {number})
    if "subgroup" in query:
        rows = _of_subgroup(dataset, rows, query["subgroup"], of)
    return rows


def _about(rows: Rows, of: str, numbers: set[int]) -> Rows:
    """The rows about these items or annotators."""
    if isinstance(rows, StoredRows):
        return rows.about(of, numbers)
    return [row for row in rows if row[of] in numbers]


def _of_subgroup(dataset: Dataset, rows: Rows, text: str, of: Attribute.Of) -> Rows:
    """The rows whose item, or whose annotator, has these attribute values."""
    known = list(dataset.attributes.filter(of=of).order_by("name").values_list("name", flat=True))
    wanted = {}
    for part in text.split(" & "):
        name, equals, value = part.partition("=")
        if not equals or name not in known:
            raise Refusal(
                f"subgroup must read like sex=female & age=60+; {part!r} names no attribute of "
                f"{of}s, which have: {', '.join(known) or 'none'}.",
                code="unknown_attribute",
                pointer="subgroup",
            )
        wanted[name] = value
    model = Item if of == Attribute.Of.ITEM else Annotator
    return _about(rows, of, queries.numbers_within(model, dataset, wanted))


def page(
    request: Request, query: dict[str, str], run: Run, rows: Rows
) -> tuple[list[Row], dict[str, str | None]]:
    """One page of rows, and the addresses of the next and the previous one."""
    size = _page_size(query.get("page_size", str(PAGE_SIZE)))
    start = _start(query.get("cursor"), run)
    links: dict[str, str | None] = {"next": None, "previous": None}
    if start + size < len(rows):
        links["next"] = _address(request, run, start + size)
    if start:
        links["previous"] = _address(request, run, max(start - size, 0))
    return list(rows[start : start + size]), links


def linked(answer: Answer, links: dict[str, str | None]) -> Answer:
    """The answer with the ``Link`` header (RFC 8288) of its page."""
    relations = {"next": links["next"], "prev": links["previous"]}
    if header := ", ".join(f'<{url}>; rel="{rel}"' for rel, url in relations.items() if url):
        answer["Link"] = header
    return answer


def _page_size(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MAX_PAGE_SIZE:
        raise Refusal(
            f"page_size must be a whole number from 1 to {MAX_PAGE_SIZE:,}; it is {text!r}.",
            pointer="page_size",
        )
    return int(text)


def _start(cursor: str | None, run: Run) -> int:
    if cursor is None:
        return 0
    try:
        told, _, start = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        position = int(start)
    except (binascii.Error, ValueError):
        raise Refusal(
            "The cursor is not one that this service gave; follow the links of a page.",
            code="bad_cursor",
        ) from None
    if told != str(run.pk) or position < 0:
        raise Refusal(
            "A newer result has replaced the one that this cursor belongs to; start again without "
            "a cursor.",
            code="bad_cursor",
        )
    return position


def _address(request: Request, run: Run, start: int) -> str:
    cursor = base64.urlsafe_b64encode(f"{run.pk}:{start}".encode()).decode()
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return request.build_absolute_uri(f"{request.path}?{urlencode({**kept, 'cursor': cursor})}")
