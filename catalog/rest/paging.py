"""Lists come in pages that stay right while rows are added; no page costs more than another."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.signing import BadSignature, Signer
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from catalog.problems import Refusal

# A cursor is compared with a column in the database: only one that we made may get there.
_SEAL = Signer(salt="cursor")


class CursorPage(CursorPagination):
    """``?cursor=`` and ``?page_size=`` (at most 10,000), with a ``Link`` header (RFC 8288)."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 10_000
    ordering = "-pk"

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        # The model's own ordering ends with something unique; a client cannot choose another.
        return tuple(queryset.query.order_by or queryset.model._meta.ordering)

    def get_page_size(self, request: Any) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not given.isascii() or not given.isdecimal() or not 0 < int(given[:9]) <= 10_000:
            raise Refusal(
                f"page_size must be a whole number from 1 to 10,000; it is {given[:40]!r}.",
                pointer=self.page_size_query_param,
            )
        return int(given)

    def decode_cursor(self, request: Any) -> Any:
        given = request.query_params.get(self.cursor_query_param)
        if given is None:
            return None
        try:
            plain = {self.cursor_query_param: _SEAL.unsign(given)}
            unsealed: Any = SimpleNamespace(query_params=plain)
            return super().decode_cursor(unsealed)
        except (NotFound, BadSignature):
            raise Refusal(
                "The cursor is not one that this service gave; follow the links of a page.",
                code="bad_cursor",
            ) from None

    def encode_cursor(self, cursor: Any) -> str:
        url = super().encode_cursor(cursor)
        plain = parse_qs(urlsplit(url).query)[self.cursor_query_param][0]
        return str(replace_query_param(url, self.cursor_query_param, _SEAL.sign(plain)))

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        header = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        body = {"next": links["next"], "previous": links["prev"], "results": data}
        return Response(body, headers={"Link": header} if header else {})
