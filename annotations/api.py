"""Annotation quality over REST."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.disclosure import visible
from annotations.serializers import AgreementSerializer
from catalog import access
from catalog.access import May
from catalog.ingest.kinds import question_of
from catalog.problems import Refusal
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, envelope, finished_run

QUESTION = OpenApiParameter("question", str, description="May be left out if there is only one.")
TABLES = ("pairs", "annotators", "values", "subgroups", "items")


class AgreementView(APIView):
    """How far the annotators of a question agree: the newest finished result."""

    serializer_class = AgreementSerializer

    @extend_schema(operation_id="agreement_retrieve", parameters=[QUESTION])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "question")
        dataset = access.dataset_for(request.user, slug, may=May.READ_SUMMARY)
        question = question_of(dataset, query.get("question"))
        run = finished_run(request, dataset, "agreement", question)
        body = {**envelope(dataset, run), **visible(request.user, dataset, run.result or {})}
        return answer_result(request, run, body)


class AgreementTable(tables.TableView):
    """One table of the newest agreement result, as json, ndjson, csv or parquet."""

    @extend_schema(
        parameters=[QUESTION],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
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
        shown = visible(request.user, dataset, run.result or {})[table]
        rows = shown["most_disagreeing"] if table == "items" else shown
        return tables.table(rows, tables.wanted_format(request, suffix), f"agreement-{table}")
