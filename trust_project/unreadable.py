"""What the web server answers to requests that never reach the application: problems, like all."""

from __future__ import annotations

import json
from typing import Any

from gunicorn import util

from catalog.rest.problems import MEDIA_TYPE, problem

_ANSWERS = {
    414: (
        "address_too_long",
        "The address is longer than the server reads; leave parameters out of it.",
    ),
    431: ("headers_too_large", "The headers are larger than the server reads; send fewer of them."),
    500: ("error", "An error in the service; please report it, with the time."),
}


def write_problem(sock: Any, status: int, reason: str, message: str) -> None:
    """Answer on a socket whose request could not be read; takes the place of gunicorn's HTML."""
    unreadable = f"The request could not be read ({message}); send it with a client of HTTP."
    code, detail = _ANSWERS.get(status, ("unreadable_request", unreadable))
    errors = [{"code": code, "message": detail}]
    body = json.dumps(problem(status, code, detail, errors))
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, (head + body).encode("ascii"))


def answer_in_problems() -> None:
    """Let gunicorn write problems; it has no setting for that."""
    util.write_error = write_problem
