"""Populations and coverage over REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access
from catalog.access import May
from catalog.models import Dataset
from catalog.rest import tables
from catalog.rest.definitions import DefinitionDetail, DefinitionList
from catalog.rest.queries import check_choice, check_level, query_of
from catalog.rest.results import answer_result, finished_run
from coverage.disclosure import visible
from coverage.models import Population
from coverage.populations import population_of
from coverage.serializers import CoverageSerializer, PopulationSerializer
from measures.coverage.statuses import Status

POPULATION = OpenApiParameter("population", str, description="May be left out if there is one.")
FILTERS = [
    OpenApiParameter("attribute", str, description="Only rows that name this attribute."),
    OpenApiParameter("level", int, description="Only rows with so many attributes."),
    OpenApiParameter("status", str, description="Only cells of this status."),
]
STATUSES = (*map(str, Status), "withheld")
TABLES = (
    "attributes",
    "cells",
    "outside_target",
    "missing",
    "target_lacking",
    "uncovered_patterns",
    "collection_plan",
    "precision",
)


class PopulationList(DefinitionList):
    """Whom the data set is meant to represent."""

    model = Population
    serializer_class = PopulationSerializer

    @extend_schema(operation_id="populations_list", responses=PopulationSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return super().get(request, slug)


class PopulationDetail(DefinitionDetail):
    """One population, with how much of it is known."""

    model = Population
    serializer_class = PopulationSerializer


class CoverageView(APIView):
    """Whether the data set has the composition of a population: the newest finished result."""

    serializer_class = CoverageSerializer

    @extend_schema(operation_id="coverage_retrieve", parameters=[POPULATION])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "population", in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        population = population_of(dataset, query.get("population"))
        run = finished_run(request, dataset, "coverage", population)
        shown = visible(request.user, dataset, run.result or {})
        return answer_result(request, dataset, run, shown)


class CoverageTable(tables.TableView):
    """One table of the newest coverage result, as json, ndjson, csv or parquet."""

    @extend_schema(
        parameters=[POPULATION, *FILTERS],
        responses=tables.FILE,
    )
    def get(
        self, request: Request, slug: str, table: str, suffix: str | None = None
    ) -> HttpResponse:
        query = query_of(request, "population", "attribute", "level", "status", in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        tables.check_table(table, TABLES, "coverage")
        population = population_of(dataset, query.get("population"))
        check_choice(query, "status", STATUSES)
        check_level(query)
        run = finished_run(request, dataset, "coverage", population)
        check_choice(query, "attribute", _names(dataset, run.result or {}))
        shown = visible(request.user, dataset, run.result or {})
        rows = shown.get(table, [])
        if table == "precision":
            rows = shown["collection_plan"].get("precision", [])
        elif table == "attributes":
            rows = [cell for cells in rows.values() for cell in cells]
        elif table == "collection_plan":
            rows = rows["purchases"]
        rows = [row for row in rows if _is_asked(row, query)]
        return tables.table(rows, tables.wanted_format(request, suffix), f"coverage-{table}")


def _names(dataset: Dataset, result: dict[str, Any]) -> list[str]:
    """Attributes that a row can be about: of the items or annotators, or of the population."""
    population = result["population"]
    own = dataset.attributes.filter(of=population["of"]).values_list("name", flat=True)
    return sorted({*own, *population["attributes"]})


def _is_asked(row: dict[str, Any], query: dict[str, str]) -> bool:
    """Whether a row has the attribute, the number of attributes and the status asked for."""
    has = row.get("attributes", [row.get("attribute")])
    return (
        ("attribute" not in query or query["attribute"] in has)
        and ("level" not in query or query["level"] == str(len(has)))
        and ("status" not in query or query["status"] == row.get("status"))
    )
