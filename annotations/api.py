"""Annotation quality over REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations import queries
from annotations.serializers import AgreementSerializer
from catalog import access
from catalog.access import May
from catalog.disclosure import withhold_small
from catalog.ingest.kinds import question_of
from catalog.models import Dataset, Item
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, envelope, finished_run

QUESTION = OpenApiParameter("question", str, description="May be left out if there is only one.")
TABLES = ("pairs", "annotators", "values", "subgroups", "items")
SUMMARY = (
    "question",
    "scale",
    "coefficients",
    "n_items",
    "n_items_pairable",
    "n_labels",
    "n_labels_pairable",
    "n_annotators",
    "q_declared",
    "q_used",
    "warnings",
    "benchmarks",
    "conventions",
    "second_opinion",
)


def named(dataset: Dataset, result: dict[str, Any], *, is_lead: bool) -> dict[str, Any]:
    """The result with items and annotators by name: the lead sees names, others pseudonyms."""
    result = dict(result)
    numbers = {n for pair in result["pairs"] for n in pair["annotators"]}
    numbers |= {one["annotator"] for one in result["annotators"]}
    names = {n: f"annotator {n + 1}" for n in numbers}
    if is_lead:
        names |= queries.annotator_names(dataset, numbers)
    result["pairs"] = [
        {**pair, "annotators": [names[n] for n in pair["annotators"]]} for pair in result["pairs"]
    ]
    result["annotators"] = [
        {**one, "annotator": names[one["annotator"]]} for one in result["annotators"]
    ]
    items = result["items"]
    worst = items["most_disagreeing"] if is_lead else []
    keys = [dataset.pk << 32 | one["item"] for one in worst]
    ids = dict(Item.objects.filter(pk__in=keys).values_list("pk", "external_id"))
    by_number = {pk & NUMBER_MASK: name for pk, name in ids.items()}
    result["items"] = {
        **items,
        "most_disagreeing": [{**one, "item": by_number.get(one["item"])} for one in worst],
    }
    return result


def visible(request: Request, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of an agreement result."""
    user = request.user
    if access.may(user, dataset, May.READ_ROWS):
        return {**named(dataset, result, is_lead=True), "disclosure": "full"}
    if access.may(user, dataset, May.READ_RESULTS):
        shown = withhold_small(named(dataset, result, is_lead=False), dataset.min_cell)
        return {**shown, "disclosure": f"min_cell_{dataset.min_cell}"}
    return {**{key: result[key] for key in SUMMARY if key in result}, "disclosure": "summary"}


class AgreementView(APIView):
    """How far the annotators of a question agree: the newest finished result."""

    serializer_class = AgreementSerializer

    @extend_schema(parameters=[QUESTION])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "question")
        dataset = access.dataset_for(request.user, slug, may=May.READ_SUMMARY)
        question = question_of(dataset, query.get("question"))
        run = finished_run(request, dataset, "agreement", question)
        body = {**envelope(dataset, run), **visible(request, dataset, run.result or {})}
        return answer_result(request, run, body)


class AgreementTable(APIView):
    """One table of the newest agreement result, as json, ndjson, csv or parquet."""

    @extend_schema(
        parameters=[QUESTION], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def get(
        self, request: Request, slug: str, table: str, suffix: str | None = None
    ) -> HttpResponse:
        query = query_of(request, "question")
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        if table not in TABLES:
            raise Refusal(
                f"An agreement result has no table {table!r}; it has: {', '.join(TABLES)}.",
                code="not_found",
                status=404,
            )
        question = question_of(dataset, query.get("question"))
        run = finished_run(request, dataset, "agreement", question)
        shown = visible(request, dataset, run.result or {})[table]
        rows = shown["most_disagreeing"] if table == "items" else shown
        return tables.table(rows, tables.wanted_format(request, suffix), f"agreement-{table}")
