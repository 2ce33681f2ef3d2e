"""ETag and If-None-Match on GET, If-Match on PATCH and DELETE (RFC 9110, 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.problems import Refusal


def etag_of(body: Mapping[str, Any]) -> str:
    """The strong tag of a resource as it stands; addresses in it differ from host to host."""
    told = {name: value for name, value in body.items() if name != "links"}
    return f'"{hashlib.sha256(JSONRenderer().render(told)).hexdigest()[:32]}"'


def tagged(request: Request, body: Mapping[str, Any], etag: str | None = None) -> Response:
    """A resource with its tag, for the next change to name; 304 when the client has it already."""
    etag = etag or etag_of(body)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    reading = request.method in ("GET", "HEAD")
    given = parse_etags(request.headers.get("If-None-Match", "")) if reading else []
    # A proxy that compresses makes a tag weak, and weak ones count here (13.1.2).
    if "*" in given or etag in [tag.removeprefix("W/") for tag in given]:
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


def check_match(request: Request, body: Mapping[str, Any]) -> None:
    """Refuse a change of something that is no longer what its sender saw.

    The caller holds the lock under which the change is made.
    """
    wanted = request.headers.get("If-Match", "*")
    tags = [tag.strip() for tag in wanted.split(",")]
    if "*" not in tags and etag_of(body) not in tags:
        raise Refusal(
            "This was changed since you read it: If-Match names an older ETag. GET it again, then "
            "send the change with the new one.",
            code="stale_version",
            status=412,
            headers={"ETag": etag_of(body)},
        )
