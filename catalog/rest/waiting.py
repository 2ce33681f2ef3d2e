"""Long work: 202 with the address of what is being made, or the finished thing if asked to wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

MAX_WAIT = 60.0
_POLL = 0.05


def patience_of(request: Request) -> float:
    """Seconds that ``Prefer: wait=N`` (RFC 7240) grants; 0 where nothing was said."""
    match = re.search(r"\bwait\s*=\s*(\d{1,6})\b", request.headers.get("Prefer", ""))
    return min(float(match.group(1)), MAX_WAIT) if match else 0.0


def wait_until(request: Request, is_done: Callable[[], bool]) -> bool:
    """Wait as long as the client granted; whether it was done by then."""
    until = time.monotonic() + patience_of(request)
    pause = _POLL
    while not (done := is_done()) and time.monotonic() < until:
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(pause * 1.5, 1.0)
    return done


def answer_when_done(
    request: Request,
    *,
    location: str,
    is_done: Callable[[], bool],
    body: Callable[[], Any],
) -> Response:
    """200 with the finished resource when it is done in time, else 202, Location, Retry-After."""
    done = wait_until(request, is_done)
    headers = {"Location": location}
    if patience_of(request):
        headers["Preference-Applied"] = "wait"
    if not done:
        headers["Retry-After"] = "1"
    return Response(body(), status=200 if done else 202, headers=headers)
