"""Label issues over REST: by the labels alone, or by a model that never saw the items."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations import consensus_serializers as shapes
from annotations import row_pages
from annotations.api import QUESTION
from annotations.consensus_api import (
    ANNOTATOR,
    ITEM,
    PAGES,
    SUBGROUP,
    answered,
    found,
    paged,
)
from annotations.crowd_disclosure import lead_only, visible_annotators
from annotations.crowd_parameters import ISSUES, MODEL_ISSUES, issues_subject, model_key
from annotations.issues_serializers import ModelIssuesSerializer
from annotations.row_pages import Row
from catalog import access
from catalog.access import May
from catalog.ingest.kinds import question_of
from catalog.models import Dataset, Question, Run
from catalog.problems import Refusal
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import finished_run

POSTERIOR = "posterior"
BY_MODEL = ("crowdlab", "confident_learning", "activelab")
METHOD = OpenApiParameter(
    "method",
    str,
    enum=[POSTERIOR, *BY_MODEL],
    description="posterior (default): by the labels alone. crowdlab, confident_learning: labels "
    "that are probably wrong by a model's out-of-fold predictions too. activelab: what to label "
    "next, labelled items and others.",
)
MODEL = OpenApiParameter(
    "model",
    str,
    description="With those methods: a model by name (its newest version) or name:version. May be "
    "left out if only one has predicted the question.",
)
COLUMNS: dict[str, tables.Names] = {
    "labels": ("item", "annotator", "label", "suggested"),
    "items": ("item", "n_labels", "value"),
}
_FILTERS = ("item", "annotator", "subgroup")


def _method(request: Request) -> str:
    said = request.query_params.get("method", POSTERIOR)
    if said not in (POSTERIOR, *BY_MODEL):
        raise Refusal(
            f"method must be one of {', '.join((POSTERIOR, *BY_MODEL))}; it is {said!r}.",
            code="unknown_method",
            pointer="method",
        )
    if said == POSTERIOR and "model" in request.query_params:
        raise Refusal(
            f"model belongs to a method that uses one; add method={BY_MODEL[0]} or another of "
            f"{', '.join(BY_MODEL)}.",
            code="invalid_parameter",
            pointer="model",
        )
    return said


def _found_by_model(
    request: Request, slug: str, may: May, *known: str
) -> tuple[Dataset, dict[str, str], Run]:
    """As ``consensus_api.found``, of the run about a question and a model."""
    query = query_of(request, "question", "method", "model", *known)
    dataset = access.dataset_for(request.user, slug, may=may)
    name = question_of(dataset, query.get("question"))
    if set(_FILTERS) & set(query):
        lead_only(request.user, dataset, "Looking for single items, annotators or subgroups")
    model = model_key(Question.objects.get(dataset=dataset, name=name), query.get("model"))
    run = finished_run(request, dataset, MODEL_ISSUES, issues_subject(name, model))
    return dataset, query, run


class LabelIssuesView(APIView):
    """Items and labels of a question to look at first: the newest finished result.

    ``cursor`` and ``page_size`` page through the labels; the items are those of the first page,
    and the table ``label-issues/items`` has pages of all of them. With ``method=activelab`` they
    page through the items, since it ranks no labels.
    """

    serializer_class = shapes.LabelIssuesSerializer

    @extend_schema(
        operation_id="label_issues_retrieve",
        parameters=[QUESTION, METHOD, MODEL, ITEM, ANNOTATOR, SUBGROUP, *PAGES],
        responses=PolymorphicProxySerializer(
            component_name="LabelIssuesBy",
            serializers=[shapes.LabelIssuesSerializer, ModelIssuesSerializer],
            resource_type_field_name=None,
        ),
    )
    def get(self, request: Request, slug: str) -> Response:
        method = _method(request)
        if method != POSTERIOR:
            return _by_model(request, slug, method)
        dataset, query, run = found(request, slug, May.READ_RESULTS, ISSUES, "method", *_FILTERS)
        body, links = _with_pages(request, dataset, run, query)
        return answered(request, dataset, run, {**run.result, **body}, links)


def _by_model(request: Request, slug: str, method: str) -> Response:
    dataset, query, run = _found_by_model(request, slug, May.READ_RESULTS, *_FILTERS)
    result: Row = run.result or {}
    part = result[method]
    body, links = _with_pages(request, dataset, run, query)
    if "annotators" in part:
        body["annotators"] = visible_annotators(request.user, dataset, part["annotators"])
    common = {name: value for name, value in result.items() if name not in BY_MODEL}
    return answered(request, dataset, run, {**common, "method": method, **part, **body}, links)


def _with_pages(
    request: Request, dataset: Dataset, run: Run, query: dict[str, str]
) -> tuple[Row, dict[str, str | None]]:
    """The items and labels of a result, the one that is ranked in pages."""
    by_items = query.get("method") == "activelab"
    name, other = ("items", "labels") if by_items else ("labels", "items")
    rows, links = paged(request, dataset, run, _table_of(run, query, name), query)
    first = {k: v for k, v in query.items() if k not in ("cursor", "annotator")}
    rest, _ = paged(request, dataset, run, _table_of(run, query, other), first)
    return {name: rows, other: rest}, links


def _table_of(run: Run, query: dict[str, str], name: str) -> tuple[str, Row]:
    """A table by the name under which its rows are stored, and what the result has of it."""
    method = query.get("method", POSTERIOR)
    result: Row = run.result or {}
    if method == POSTERIOR:
        return name, result[name]
    return f"{method}.{name}", result[method][name]


class LabelIssuesTable(tables.TableView):
    """The labels that are probably wrong, or the items, as json, ndjson, csv or parquet."""

    @extend_schema(
        parameters=[QUESTION, METHOD, MODEL, ITEM, ANNOTATOR, SUBGROUP, *PAGES],
        responses=tables.FILE,
    )
    def get(
        self, request: Request, slug: str, table: str = "labels", suffix: str | None = None
    ) -> HttpResponse:
        tables.check_table(table, ("labels", "items"), "label issues")
        known = ("item", "subgroup") if table == "items" else _FILTERS
        if _method(request) == POSTERIOR:
            dataset, query, run = found(request, slug, May.READ_ROWS, ISSUES, "method", *known)
        else:
            dataset, query, run = _found_by_model(request, slug, May.READ_ROWS, *known)
        query.setdefault("page_size", str(row_pages.MAX_PAGE_SIZE))
        part, links = paged(request, dataset, run, _table_of(run, query, table), query)
        form = tables.wanted_format(request, suffix)
        answer = tables.table(part["rows"], form, f"label-issues-{table}", COLUMNS[table])
        return row_pages.linked(answer, links)
