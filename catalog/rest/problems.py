"""Errors as ``application/problem+json`` (RFC 9457), the same shape for all of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    MethodNotAllowed,
    NotAcceptable,
    NotAuthenticated,
    UnsupportedMediaType,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.outages import is_outage, outage_of
from catalog.problems import Refusal

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "The request is not valid",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Format not available",
    409: "Conflict",
    411: "Length required",
    412: "Changed meanwhile",
    413: "Too large",
    414: "Address too long",
    415: "Media type not supported",
    422: "Cannot be processed",
    428: "Precondition required",
    429: "Too many requests",
    431: "Headers too large",
    500: "An error in the service",
    503: "The service is not available",
    507: "Storage full",
}


class Refused(APIException):
    """A refusal on its way through the framework."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail, refusal.code)
        self.status_code = refusal.status
        self.refusal = refusal


def _no_such_format(request: Request | None) -> Refusal:
    asked = request.headers.get("Accept", "") if request else ""
    return Refusal(
        f"Accept asks for {asked[:80]!r}, and this comes as application/json. Tables of a result "
        "have addresses of their own, such as agreement/pairs.csv; /api/v1/docs/ lists them.",
        code="not_acceptable",
        status=406,
    )


class ProblemHandler(ExceptionHandler):
    """Knows the service's own refusals and a database that is away."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if is_outage(exc):
            told = outage_of(exc)
            exc = Refusal(
                told.detail, code=told.code, status=told.status, headers={"Retry-After": "5"}
            )
        if isinstance(exc, NotAcceptable):
            exc = _no_such_format(self.context["request"])
        if isinstance(exc, Refusal):
            return Refused(exc)
        known: Exception = super().convert_known_exceptions(exc)
        return known

    def get_response(self, exc: APIException, data: dict[str, Any]) -> Response:
        headers = self.get_headers(exc)
        if isinstance(exc, Refused):
            headers.update(exc.refusal.headers)
        return Response(data, status=exc.status_code, headers=headers, content_type=MEDIA_TYPE)

    def report_exception(self, exc: APIException, response: Response) -> None:
        # A full disk or an absent database is an answer, not an error in the code.
        if not isinstance(exc, Refused):
            super().report_exception(exc, response)


class ProblemFormatter(ExceptionFormatter):
    """Flattens whatever the framework found into one list of errors with pointers."""

    def run(self) -> dict[str, Any]:
        if isinstance(self.exc, Refused):
            refusal = self.exc.refusal
            return problem(refusal.status, refusal.code, refusal.detail, refusal.errors)
        found = [
            {
                "pointer": None if e.attr is None else "/" + e.attr.replace(".", "/"),
                "code": e.code,
                "message": _what_to_do(self.exc) or str(e.detail),
            }
            for e in self.get_errors()
        ]
        code = found[0]["code"] if len(found) == 1 and self.exc.status_code != 400 else "invalid"
        detail = " ".join(_sentence(e) for e in found[:5])
        return problem(self.exc.status_code, str(code), detail, found)


def _what_to_do(error: APIException) -> str | None:
    """Our words for what the framework says without saying what to do."""
    if isinstance(error, NotAuthenticated):
        return (
            "This needs a signed-in user; send Authorization: Token and the token that "
            "/api/v1/tokens/ or ./trust token NAME gives."
        )
    if isinstance(error, AuthenticationFailed) and str(error.detail) == "Invalid token.":
        return "There is no such token, or it was deleted; make one at /api/v1/tokens/."
    if isinstance(error, MethodNotAllowed):
        return f"{error.detail} The header Allow says which methods this address takes."
    if isinstance(error, UnsupportedMediaType):
        return f"{error.detail} Send application/json in UTF-8."
    return None


def _sentence(error: dict[str, Any]) -> str:
    where = f"{error['pointer'].lstrip('/')}: " if error["pointer"] else ""
    return f"{where}{error['message']}"


# Every error has the same keys, of a file or not.
_NOWHERE = dict.fromkeys(("pointer", "line", "column", "value", "code", "message", "hint"))


def problem(status: int, code: str, detail: str, errors: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of an error answer."""
    return {
        "type": f"/api/v1/problems/#{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [_NOWHERE | error for error in errors],
    }


@extend_schema(exclude=True)
class NotHere(APIView):
    """Any address below /api/v1/ that does not exist, answered like every other problem."""

    permission_classes: tuple[type, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Refusal(
            f"There is nothing at {request.path}; /api/v1/docs/ lists every address.",
            code="not_found",
            status=404,
        )


def add_problem_responses(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """OpenAPI: every operation may answer with a problem; said once, as its default response."""
    text = {"type": ["string", "null"]}
    error = {
        "type": "object",
        "properties": {
            "pointer": text,
            "line": {"type": ["integer", "null"]},
            "column": text,
            "value": text,
            "code": {"type": "string"},
            "message": {"type": "string"},
            "hint": text,
        },
        "required": ["pointer", "line", "column", "value", "code", "message", "hint"],
    }
    result["components"].setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "description": "RFC 9457 problem details.",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": error},
        },
        "required": ["type", "title", "status", "code", "detail", "errors"],
    }
    answer = {
        "description": "What is wrong, where, which value, and what to do.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"]["default"] = answer
    return result
