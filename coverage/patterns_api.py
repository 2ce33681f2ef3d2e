"""Uncovered patterns over REST: asked by attribute, value and level, never dumped whole."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access
from catalog.access import May
from catalog.ingest.kinds import question_of
from catalog.models import Attribute, Dataset, Run
from catalog.problems import Refusal
from catalog.rest import tables
from catalog.rest.queries import check_choice, check_level, query_of
from catalog.rest.results import answer_result, finished_run
from coverage.pattern_parameters import subject_of
from coverage.pattern_rows import rows_of
from coverage.serializers import PatternsSerializer

CERTAINTIES = ("possible", "certain")
MAX_SHOWN = 1000
ASKED = [
    OpenApiParameter("of", str, description="item (the default) or annotator."),
    OpenApiParameter("question", str, description="Patterns of items by their label."),
    OpenApiParameter("certainty", str, description="possible (the default) or certain."),
    OpenApiParameter("attribute", str, description="Only patterns that fix this attribute."),
    OpenApiParameter("value", str, description="Only patterns with this value, group or range."),
    OpenApiParameter("level", int, description="Only patterns with so many attributes."),
]
NAMES = ("of", "question", "certainty", "attribute", "value", "level")
LIMIT = OpenApiParameter("limit", int, description="Patterns to show, at most 1,000; 100.")


class PatternsView(APIView):
    """Subgroups with too few items, whatever the population: the newest finished result."""

    serializer_class = PatternsSerializer

    @extend_schema(operation_id="coverage_patterns_retrieve", parameters=[*ASKED, LIMIT])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, *NAMES, "limit", in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        run = _run(request, dataset, query)
        rows = _rows(request, dataset, run, query)
        shown = list(islice(rows, _limit(query)))
        result = {name: one for name, one in (run.result or {}).items() if name not in _STORED}
        body = {
            **result,
            "patterns": shown,
            "n_matching": len(shown) + sum(1 for _ in rows),
        }
        return answer_result(request, dataset, run, body)


class PatternsTable(tables.TableView):
    """All patterns that are asked for, as json, ndjson, csv or parquet."""

    @extend_schema(parameters=ASKED, responses=tables.FILE)
    def get(self, request: Request, slug: str, suffix: str | None = None) -> HttpResponse:
        query = query_of(request, *NAMES, in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        rows = list(_rows(request, dataset, _run(request, dataset, query), query))
        return tables.table(rows, tables.wanted_format(request, suffix), "coverage-patterns")


_STORED = {"axes", *CERTAINTIES}


def _run(request: Request, dataset: Dataset, query: dict[str, str]) -> Run:
    check_choice(query, "of", Attribute.Of.values)
    check_choice(query, "certainty", CERTAINTIES)
    check_level(query)
    question = query.get("question")
    if question is not None:
        question = question_of(dataset, question)
    subject = subject_of(query.get("of", Attribute.Of.ITEM), question)
    run = finished_run(request, dataset, "patterns", subject)
    axes = {axis["name"]: axis["nodes"] for axis in (run.result or {})["axes"]}
    check_choice(query, "attribute", axes)
    asked = [query["attribute"]] if "attribute" in query else axes
    check_choice(query, "value", (node for name in asked for node in axes[name]))
    return run


def _rows(request: Request, dataset: Dataset, run: Run, query: dict[str, str]) -> Any:
    """The patterns; auditors see which they are where that says no more than that they lack."""
    rows = rows_of(run.result or {}, query.get("certainty", CERTAINTIES[0]), query)
    if access.may(request.user, dataset, May.READ_ROWS):
        return rows
    summary = (run.result or {})["summary"]
    if summary is None or summary["threshold"] < dataset.min_cell:
        # That a subgroup is named would tell that it is smaller than auditors may know.
        return iter(())
    hidden = {"n": None, "n_with_unknown": None, "deficit": None, "certain": None, "words": None}
    return ({**row, **hidden, "status": "withheld"} for row in rows)


def _limit(query: dict[str, str]) -> int:
    given = query.get("limit", "100")
    if not (given.isascii() and given.isdigit() and 0 <= int(given) <= MAX_SHOWN):
        raise Refusal(
            f"limit must be a whole number from 0 to {MAX_SHOWN:,}; it is {given!r}. All patterns "
            "are in the table coverage/patterns.csv.",
            pointer="limit",
        )
    return int(given)
