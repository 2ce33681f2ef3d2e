"""Annotators, consensus and label issues over REST: results, their tables, and publication."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations import consensus_serializers as shapes
from annotations import row_pages
from annotations.api import QUESTION
from annotations.crowd_disclosure import (
    is_lead,
    lead_only,
    level_of,
    visible_annotators,
    with_names,
)
from annotations.crowd_parameters import ANNOTATORS, CONSENSUS, PUBLICATION
from annotations.ranked import stored_rows
from annotations.row_pages import Row, Rows
from annotations.values import name_of
from catalog import access, runs
from catalog.access import May
from catalog.api.runs import answer_run
from catalog.ingest.kinds import question_of
from catalog.models import Attribute, Dataset, Run
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run
from catalog.serializers import RunSerializer

ITEM = OpenApiParameter("item", str, description="Only this item.")
ANNOTATOR = OpenApiParameter("annotator", str, description="Only this annotator.")
SUBGROUP = OpenApiParameter(
    "subgroup", str, description="Only these, for example `sex=female & age=60+`."
)
# The columns that come first, and the header of an empty table.
COLUMNS: dict[str, tables.Names] = {
    "annotators": (
        *("annotator", "n_labels", "n_items", "n_items_shared", "accuracy.*", "spammer_score.*"),
        *("gold_accuracy.*", "consensus_change_without.*", "bias.*", "noise.*", "gold_error.*"),
        *("labels_needed", "shrunk", "drift.*", "pace.median_ms.*", "pace.ratio.*"),
    ),
    "confusion": ("annotator", "true", "given", "probability"),
    "items": ("item", "n_labels", "value", "tie", "confidence"),
}
PAGES = [
    OpenApiParameter("page_size", int, description="Rows of a page, at most 10,000."),
    OpenApiParameter("cursor", str, description="From the link to a page."),
]


def found(request: Request, slug: str, may: May, kind: str, *known: str) -> Any:
    """The data set, the query and the newest result that a request asks for."""
    query = query_of(request, "question", *known)
    dataset = access.dataset_for(request.user, slug, may=may)
    question = question_of(dataset, query.get("question"))
    if {"item", "annotator", "subgroup"} & set(query):
        lead_only(request.user, dataset, "Looking for single items, annotators or subgroups")
    return dataset, query, finished_run(request, dataset, kind, question)


def answered(
    request: Request, dataset: Dataset, run: Run, body: Row, links: dict[str, str | None]
) -> Response:
    """The answer with a page of a result, and the links to the other pages."""
    whole = {
        **body,
        **links,
        "disclosure": level_of(request.user, dataset),
    }
    return row_pages.linked(answer_result(request, dataset, run, whole), links)


class AnnotatorsView(APIView):
    """How far each annotator of a question can be relied on: the newest finished result."""

    serializer_class = shapes.AnnotatorsSerializer

    @extend_schema(
        operation_id="annotators_retrieve",
        parameters=[QUESTION, ANNOTATOR, SUBGROUP, *PAGES],
    )
    def get(self, request: Request, slug: str) -> Response:
        dataset, query, run = found(
            request, slug, May.READ_SUMMARY, ANNOTATORS, "annotator", "subgroup"
        )
        rows = row_pages.filtered(
            dataset, run.result["annotators"], query, of=Attribute.Of.ANNOTATOR
        )
        rows, links = row_pages.page(request, query, run, rows)
        shown = visible_annotators(request.user, dataset, rows)
        return answered(request, dataset, run, {**run.result, "annotators": shown}, links)


class AnnotatorsTable(tables.TableView):
    """The annotators, or their confusions cell by cell, as json, ndjson, csv or parquet."""

    @extend_schema(parameters=[QUESTION, ANNOTATOR, SUBGROUP], responses=tables.FILE)
    def get(
        self, request: Request, slug: str, table: str = "annotators", suffix: str | None = None
    ) -> HttpResponse:
        # A contributor's table has one row: their own.
        dataset, query, run = found(
            request, slug, May.READ_SUMMARY, ANNOTATORS, "annotator", "subgroup"
        )
        tables.check_table(table, ("annotators", "confusion"), "annotators")
        rows = row_pages.filtered(
            dataset, run.result["annotators"], query, of=Attribute.Of.ANNOTATOR
        )
        rows = visible_annotators(request.user, dataset, list(rows))
        if table == "confusion":
            rows = _cells(rows, [name_of(value) for value in run.result["values"]])
        form = tables.wanted_format(request, suffix)
        return tables.table(rows, form, table, COLUMNS[table])


def _cells(rows: list[Row], values: list[str]) -> list[Row]:
    return [
        {"annotator": row["annotator"], "true": values[j], "given": values[k], "probability": p}
        for row in rows
        for j, line in enumerate(row.get("confusion", []))
        for k, p in enumerate(line)
    ]


class ConsensusView(APIView):
    """The consensus of a question, by each method: the newest finished result."""

    serializer_class = shapes.ConsensusSerializer

    @extend_schema(operation_id="consensus_retrieve", parameters=[QUESTION, ITEM, SUBGROUP, *PAGES])
    def get(self, request: Request, slug: str) -> Response:
        dataset, query, run = found(request, slug, May.READ_RESULTS, CONSENSUS, "item", "subgroup")
        items, links = paged(request, dataset, run, ("items", run.result["items"]), query)
        return answered(request, dataset, run, {**run.result, "items": items}, links)


def paged(
    request: Request, dataset: Dataset, run: Run, named: tuple[str, Row], query: dict[str, str]
) -> tuple[Row, dict[str, str | None]]:
    """A part of a result with a page of all its rows, how many those are, and the other pages."""
    name, part = named
    every = stored_rows(run, name, part)
    rows, links = item_rows(request, dataset, run, every, query)
    return {**part, "n_kept": len(every), "rows": rows}, links


def item_rows(
    request: Request, dataset: Dataset, run: Run, rows: Rows, query: dict[str, str]
) -> tuple[list[Row], dict[str, str | None]]:
    """A page of rows about items, for leads; nobody else sees them."""
    if not is_lead(request.user, dataset):
        return [], {"next": None, "previous": None}
    rows = row_pages.filtered(dataset, rows, query, of=Attribute.Of.ITEM)
    rows, links = row_pages.page(request, query, run, rows)
    return with_names(dataset, rows), links


class ConsensusTable(tables.TableView):
    """The items and their consensus, as json, ndjson, csv or parquet."""

    @extend_schema(parameters=[QUESTION, ITEM, SUBGROUP, *PAGES], responses=tables.FILE)
    def get(
        self, request: Request, slug: str, table: str = "items", suffix: str | None = None
    ) -> HttpResponse:
        dataset, query, run = found(request, slug, May.READ_ROWS, CONSENSUS, "item", "subgroup")
        tables.check_table(table, ("items",), "consensus")
        query.setdefault("page_size", str(row_pages.MAX_PAGE_SIZE))
        items, links = paged(request, dataset, run, ("items", run.result["items"]), query)
        form = tables.wanted_format(request, suffix)
        answer = tables.table(items["rows"], form, "consensus", COLUMNS["items"])
        return row_pages.linked(answer, links)


class PublishView(APIView):
    """Make a consensus the reference labels of its question; 202 with the run that does it."""

    serializer_class = shapes.PublishSerializer

    @extend_schema(request=shapes.PublishSerializer, responses={202: RunSerializer})
    def post(self, request: Request, slug: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.UPLOAD)
        body = shapes.PublishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        question = question_of(dataset, body.validated_data.get("question"))
        with transaction.atomic():
            run, _ = runs.launch(
                dataset,
                PUBLICATION,
                {**body.validated_data, "question": question},
                user=request.user,
            )
        return answer_run(request, run)
