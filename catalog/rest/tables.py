"""Tables as JSON, NDJSON, CSV or Parquet: by the address's suffix, or by Accept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from catalog.problems import Refusal

Rows = list[dict[str, Any]]
Names = tuple[str, ...]
#: Columns that say what a row is about.
ABOUT = ("attributes", "compared_with")
#: The parts of a number, in the order of their columns.
NUMBER = ("value", "reason", "n", "ci_low", "ci_high", "ci_level", "ci_method")
# How the schema says that an answer is a file.
FILE = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\x00", "\uff1d", "\uff0b", "\uff0d", "\uff20")


# What a CSV with :func:`safe_cell` says of itself.
SPREADSHEET_SAFE = "text that begins like a formula is prefixed with '"


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A row of nested objects as one of plain columns: ``share.value``, ``attributes.sex``."""
    columns: dict[str, Any] = {}
    if "value" in row and "reason" in row:
        row = {name: row[name] for name in (*NUMBER, *row) if name in row}
    for name, value in row.items():
        if isinstance(value, dict):
            columns.update(flat(value, f"{prefix}{name}."))
        else:
            columns[prefix + name] = value
    return columns


def _columns(rows: Rows, first: Names) -> list[str]:
    """Every column that a row has: whom it is about, those named first, and the others.

    ``accuracy.*`` names all columns of a number. A table without rows has those named.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    if not names:
        return [one for name in first for one in _parts(name)]
    order = {one: at for at, one in enumerate(one for name in first for one in _parts(name))}

    def place(name: str) -> tuple[int, int]:
        about = name.partition(".")[0]
        return ABOUT.index(about) if about in ABOUT else len(ABOUT), order.get(name, len(order))

    return sorted(names, key=place)


def _parts(name: str) -> list[str]:
    return [name[:-1] + part for part in NUMBER] if name.endswith(".*") else [name]


def _as_json(rows: Rows, first: Names) -> bytes:
    return json.dumps({"results": rows}, ensure_ascii=False).encode()


def _as_ndjson(rows: Rows, first: Names) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _as_csv(rows: Rows, first: Names) -> bytes:
    rows = [flat(row) for row in rows]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _columns(rows, first), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: safe_cell(v) for k, v in row.items()} for row in rows)
    return out.getvalue().encode()


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers never do."""
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _as_parquet(rows: Rows, first: Names) -> bytes:
    rows = [flat(row) for row in rows]
    columns = {
        name: [json.dumps(v) if isinstance(v := row.get(name), list) else v for row in rows]
        for name in _columns(rows, first)
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


FORMATS: dict[str, tuple[str, Callable[[Rows, Names], bytes]]] = {
    "json": ("application/json", _as_json),
    "ndjson": ("application/x-ndjson", _as_ndjson),
    "csv": ("text/csv; charset=utf-8", _as_csv),
    "parquet": ("application/vnd.apache.parquet", _as_parquet),
}


def wanted_format(request: Request, suffix: str | None) -> str:
    """The format of a table: the suffix if there is one, else the first one Accept names."""
    accepted = request.headers.get("Accept") or "*/*"
    if form := suffix or named_format(accepted):
        return form
    if "*/*" in accepted or "application/*" in accepted:
        return "json"
    kinds = ", ".join(kind.split(";")[0] for kind, _ in FORMATS.values())
    raise Refusal(
        f"Accept asks for {accepted[:80]!r}, and this table comes as {kinds}; ask for one of them, "
        f"or end the address with one of .{', .'.join(FORMATS)}.",
        code="not_acceptable",
        status=406,
    )


def named_format(accepted: str) -> str | None:
    """The first format of a table that an Accept header names."""
    for part in accepted.split(","):
        media_type = part.split(";")[0].strip()
        for name, (kind, _) in FORMATS.items():
            if media_type == kind.split(";")[0]:
                return name
    return None


def or_table(result: type[APIView], rows: type[APIView]) -> Callable[..., HttpResponse]:
    """The view of a result, or of its main table where Accept names a format of tables."""
    answer_result, answer_rows = result.as_view(), rows.as_view()

    @wraps(answer_result)
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = named_format(request.headers.get("Accept", ""))
        return (answer_result if form in (None, "json") else answer_rows)(request, **kwargs)

    return view


class _AnyMediaType(BaseContentNegotiation):
    """Leaves the choice of the format to :func:`wanted_format`."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class TableView(APIView):
    """A view that answers with a table in the format of the suffix, or of Accept."""

    content_negotiation_class = _AnyMediaType


def check_table(name: str, known: Iterable[str], kind: str) -> None:
    """Refuse a table that a result of this kind does not have."""
    if name not in known:
        raise Refusal(
            f"The {kind} result has no table {name!r}; it has: {', '.join(known)}.",
            code="not_found",
            status=404,
        )


def table(rows: Rows, form: str, name: str, first: Names = ()) -> HttpResponse:
    """Answer with a table; CSV is made safe for spreadsheets, and says so in a header.

    ``first`` are the columns that come first, and the header of a table without rows.
    """
    if form not in FORMATS:
        raise Refusal(
            f"There is no format {form!r}; the formats are: {', '.join(FORMATS)}.",
            code="unknown_format",
            status=404,
        )
    media_type, write = FORMATS[form]
    response = HttpResponse(write(rows, first), content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    response["X-Content-Type-Options"] = "nosniff"
    if form == "csv":
        response["X-Spreadsheet-Safe"] = SPREADSHEET_SAFE
    return response
