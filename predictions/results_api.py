"""The newest finished result about a model, whole or one of its tables, for any kind of run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.access import May, dataset_for, may
from catalog.models import Dataset, Run
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run
from catalog.rest.tables import FILE
from predictions import targets
from predictions.disclosure import visible
from predictions.models import ModelVersion
from predictions.parameters import check_kind
from predictions.queries import model_of

MODEL = OpenApiParameter(
    "model",
    str,
    description="A model by name (its newest version) or name:version. May be left out if there "
    "is only one.",
)
Rows = list[dict[str, Any]]
Result = dict[str, Any]


def newest_of(
    request: Request, slug: str, kind: str, *known: str
) -> tuple[Dataset, ModelVersion, Run]:
    """The newest finished run of a kind about the model that the address names.

    ``known`` names the query parameters that the caller has read beside ``model``. A run about a
    population too is found by both names.
    """
    query = query_of(request, "model", *known)
    dataset = dataset_for(request.user, slug, may=May.READ_RESULTS)
    model = model_of(dataset, query.get("model"))
    check_kind(model, kind)
    subject = model.key
    if kind == targets.KIND:
        population = targets.known_population(dataset, query.get("population"))
        subject = targets.subject_of(model.key, population)
    return dataset, model, finished_run(request, dataset, kind, subject)


def keyed(name: str, numbers: Result) -> Rows:
    """Numbers by key as rows that name their key."""
    return [{name: key, **number} for key, number in numbers.items()]


class ModelResultView(APIView):
    """The newest finished result of one kind about a model."""

    kind: ClassVar[str]
    #: Query parameters beside ``model``.
    known: ClassVar[tuple[str, ...]] = ()

    def kind_of(self, request: Request) -> str:
        """Which kind of run the address means."""
        return self.kind

    @extend_schema(parameters=[MODEL])
    def get(self, request: Request, slug: str) -> Response:
        dataset, _, run = newest_of(request, slug, self.kind_of(request), *self.known)
        shown = visible(request.user, dataset, run.result or {})
        if may(request.user, dataset, May.READ_ROWS):
            shown = shown | self.links(request, slug, run)
        shown = self.part_of(request, shown)
        return answer_result(request, dataset, run, shown)

    def links(self, request: Request, slug: str, run: Run) -> Result:
        """Beside the result: where items are listed that it counts, for who may see them."""
        return {}

    def part_of(self, request: Request, result: Result) -> Result:
        """The part of a result that the address means: all of it, where nothing else is said."""
        return result


class ModelResultTable(tables.TableView):
    """One table of such a result, as json, ndjson, csv or parquet."""

    kind: ClassVar[str]
    known: ClassVar[tuple[str, ...]] = ()
    tables: ClassVar[dict[str, Callable[[Result], Rows]]]

    def kind_of(self, request: Request) -> str:
        """Which kind of run the address means."""
        return self.kind

    def tables_of(self, kind: str) -> dict[str, Callable[[Result], Rows]]:
        """The tables of a result of that kind."""
        return self.tables

    @extend_schema(parameters=[MODEL], responses=FILE)
    def get(
        self, request: Request, slug: str, table: str, suffix: str | None = None
    ) -> HttpResponse:
        # Who may not see the result is told so before what tables it has.
        dataset_for(request.user, slug, may=May.READ_RESULTS)
        kind = self.kind_of(request)
        known = self.tables_of(kind)
        tables.check_table(table, known, kind)
        dataset, _, run = newest_of(request, slug, kind, *self.known)
        form = tables.wanted_format(request, suffix)
        result = visible(request.user, dataset, run.result or {})
        return tables.table(self.rows_of(request, table, result, form), form, f"{kind}-{table}")

    def rows_of(self, request: Request, table: str, result: Result, form: str) -> Rows:
        """The rows of a table, from what this member may see of the result."""
        return self.tables_of(self.kind_of(request))[table](result)
