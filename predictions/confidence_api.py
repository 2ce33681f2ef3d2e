"""The model's confidence about each item over REST, in pages; for managers only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.module_loading import import_string
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from catalog.access import May, dataset_for
from catalog.problems import Refusal
from catalog.rest import tables
from catalog.rest.queries import query_of
from predictions.queries import items_from, model_of
from predictions.results_api import MODEL

PAGE_SIZE, MAX_PAGE_SIZE = 100, 10_000
PAGE = [
    MODEL,
    OpenApiParameter("cursor", str, description="From the Link header of the page before."),
    OpenApiParameter("page_size", int, description=f"At most {MAX_PAGE_SIZE:,}."),
]


REFERENCES = ("missing", "not_a_class")
REFERENCE = OpenApiParameter(
    "reference",
    str,
    enum=list(REFERENCES),
    description="Only items without a reference label, or whose label is none of the classes.",
)


class ConfidenceTable(tables.TableView):
    """Each item's stated and recalibrated probabilities, Venn-ABERS interval, set and outcome."""

    @extend_schema(parameters=[*PAGE, REFERENCE], responses=tables.FILE)
    def get(self, request: Request, slug: str, suffix: str | None = None) -> HttpResponse:
        query = query_of(request, "model", "reference")
        dataset = dataset_for(request.user, slug, may=May.READ_ROWS)
        model = model_of(dataset, query.get("model"))
        start, size = whole_number(query, "cursor", 0), whole_number(query, "page_size", PAGE_SIZE)
        size = min(max(size, 1), MAX_PAGE_SIZE)
        # Where there is one item more than fits, it begins the next page.
        numbers = items_from(model, start, size + 1, _reference(query))
        # Statistics are imported by the first who asks, not by every web process.
        fitted = import_string("predictions.confidence.fitted_of")(model)
        make_rows = import_string("predictions.confidence.confidence_rows")
        rows = make_rows(model, fitted, numbers[:size])
        answer = tables.table(rows, tables.wanted_format(request, suffix), "confidence")
        if fitted.used[0] is not None:
            answer["X-Recalibration"] = fitted.used[0]
        if fitted.adopted is not None:
            answer["X-Recalibration-Run"] = str(fitted.adopted.run)
            answer["X-Recalibration-Digest"] = fitted.adopted.digest
        if len(numbers) > size:
            answer["Link"] = next_page(request, numbers[size])
        return answer


def _reference(query: dict[str, str]) -> str | None:
    said = query.get("reference")
    if said is not None and said not in REFERENCES:
        raise Refusal(
            f"reference must be {' or '.join(REFERENCES)}; it is {said!r}.",
            code="invalid_parameter",
            pointer="reference",
        )
    return said


def links_to_items(request: Request, slug: str, model: str) -> dict[str, str]:
    """Where the items are listed that a calibration result has only counted."""
    base = request.build_absolute_uri(f"/api/v1/datasets/{slug}/confidence/")
    asked = {"n_without_reference": "missing", "n_reference_not_a_class": "not_a_class"}
    return {
        count: f"{base}?{urlencode({'model': model, 'reference': reference})}"
        for count, reference in asked.items()
    }


def next_page(request: Request, cursor: int) -> str:
    """The Link header that leads to the items from this number on."""
    params = request.query_params.copy()
    params["cursor"] = str(cursor)
    return f'<{request.build_absolute_uri(request.path)}?{params.urlencode()}>; rel="next"'


def whole_number(query: dict[str, Any], name: str, default: int) -> int:
    """A parameter that is a whole number, as a page's link gives it."""
    said = query.get(name, str(default))
    if not (said.isascii() and said.isdecimal() and len(said) < 11):
        raise Refusal(
            f"{name} must be a whole number, as a page's Link header gives it; it is {said!r}.",
            code="bad_cursor",
            pointer=name,
        )
    return int(said)
