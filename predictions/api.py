"""Models and their calibration over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_view,
)
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.access import May, dataset_for
from catalog.models import Dataset, Run
from catalog.problems import Refusal
from catalog.rest.definitions import DefinitionDetail, DefinitionList
from catalog.rest.queries import query_of
from predictions import targets
from predictions.confidence_api import links_to_items
from predictions.definitions import define_model, redefine_model
from predictions.models import ModelVersion
from predictions.queries import find_model
from predictions.results_api import MODEL, ModelResultTable, ModelResultView, Result, Rows, keyed
from predictions.serializers import CalibrationSerializer, ModelSerializer
from predictions.subgroup_api import ASKED, NAMES, asked_subgroup, result_of, subgroup_row
from predictions.votes_api import (
    AGAINST,
    VOTE_TABLES,
    VOTES,
    VoteCalibrationSerializer,
    ece_rows,
    kind_against,
)

LEVEL = OpenApiParameter(
    "level", int, description="Of the table subgroups: only those of so many attributes."
)
POPULATION = OpenApiParameter(
    "population",
    str,
    description="A target population of the data set's items: the result for it, items weighted.",
)


class ModelList(DefinitionList):
    """The models whose predictions are measured."""

    model = ModelVersion
    serializer_class = ModelSerializer

    @extend_schema(operation_id="models_list", responses=ModelSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return super().get(request, slug)

    @extend_schema(responses={201: ModelSerializer})
    def post(self, request: Request, slug: str) -> Response:
        dataset = dataset_for(request.user, slug, may=May.DEFINE)
        serializer = ModelSerializer(data=request.data, context={"dataset": dataset})
        serializer.is_valid(raise_exception=True)
        made = define_model(dataset, serializer.validated_data)
        body = ModelSerializer(made, context={"dataset": dataset}).data
        location = request.build_absolute_uri(f"{made.pk}/")
        return Response(body, status=201, headers={"Location": location})


class ModelDetail(DefinitionDetail):
    """One model, by its id, its name (the newest version) or name:version."""

    model = ModelVersion
    serializer_class = ModelSerializer

    def find(self, dataset: Dataset, key: str) -> ModelVersion:
        found = find_model(dataset, key)
        if found is None:
            by_id = super().find(dataset, key)
            found = ModelVersion.objects.select_related("question").get(pk=by_id.pk)
        return found

    def change(self, dataset: Dataset, found: ModelVersion, fields: dict[str, Any]) -> None:
        redefine_model(dataset, found, fields)


@extend_schema_view(
    get=extend_schema(
        operation_id="calibration_retrieve",
        parameters=[MODEL, AGAINST, POPULATION, *ASKED],
        responses=PolymorphicProxySerializer(
            component_name="CalibrationAgainst",
            serializers=[CalibrationSerializer, VoteCalibrationSerializer],
            resource_type_field_name=None,
        ),
    )
)
class CalibrationView(ModelResultView):
    """Whether a model's probabilities come true: the newest finished result."""

    kind = "calibration"
    known = ("against", "population", *NAMES)
    serializer_class = CalibrationSerializer

    def kind_of(self, request: Request) -> str:
        return kind_asked(request)

    def links(self, request: Request, slug: str, run: Run) -> Result:
        listed = links_to_items(request, slug, run.parameters["model"])
        return {"links": {name: url for name, url in listed.items() if name in (run.result or {})}}

    def part_of(self, request: Request, result: Result) -> Result:
        asked = asked_subgroup(query_of(request, "model", *self.known))
        return result if asked is None else result_of(result, subgroup_row(result, asked))


def kind_asked(request: Request) -> str:
    """The kind of run that the address means: against what, or for which population.

    Raises
    ------
    Refusal
        When both are asked for at once, or ``against`` is none of the known words.
    """
    kind = kind_against(request)
    if "population" not in request.query_params:
        return kind
    if kind == VOTES:
        raise Refusal(
            "Votes are not weighted to a population; send population= or against=votes, not both.",
            code="invalid_parameter",
            pointer="population",
        )
    return targets.KIND


def _method_rows(result: Result) -> Rows:
    recommended = result["recalibration"]["recommended"]
    return [
        {
            **{k: v for k, v in one.items() if k != "map"},
            "recommended": one["method"] == recommended,
        }
        for one in result["recalibration"]["methods"]
    ]


TABLES: dict[str, Callable[[Result], Rows]] = {
    "scores": lambda result: keyed("score", result["scores"]),
    "ece": ece_rows,
    "curve": lambda result: result["curve"]["bins"],
    "corp": lambda result: result["curve"]["corp"],
    "band": lambda result: result["curve"]["band"],
    "subgroups": lambda result: result["subgroups"],
    "recalibration": _method_rows,
    "second_opinion": lambda result: result["second_opinion"],
    "other_libraries": lambda result: result["other_libraries"],
    "folds": lambda result: result["folds"],
    "labels": lambda result: result.get("labels", []),
    "label_scores": lambda result: keyed("score", result.get("label_scores", {})),
}


#: A population has none of these here: they are about the sample.
_OF_THE_SAMPLE = {"folds", "recalibration"}
POPULATION_TABLES = {k: v for k, v in TABLES.items() if k not in _OF_THE_SAMPLE}
#: What a subgroup has of its own.
_OF_A_SUBGROUP = ("scores", "ece", "curve", "corp", "band", "other_libraries")
#: No columns: of one subgroup they are tables of their own.
_LISTS = ("curve", "other_libraries")


@extend_schema_view(get=extend_schema(parameters=[MODEL, AGAINST, POPULATION, *ASKED, LEVEL]))
class CalibrationTable(ModelResultTable):
    """One table of the newest calibration result, as json, ndjson, csv or parquet."""

    kind = "calibration"
    known = ("against", "population", *NAMES, "level")
    tables = TABLES

    def kind_of(self, request: Request) -> str:
        return kind_asked(request)

    def tables_of(self, kind: str) -> dict[str, Callable[[Result], Rows]]:
        return {VOTES: VOTE_TABLES, targets.KIND: POPULATION_TABLES}.get(kind, TABLES)

    def rows_of(self, request: Request, table: str, result: Result, form: str) -> Rows:
        query = query_of(request, "model", *self.known)
        if table == "subgroups":
            return subgroup_rows(result, query, nested=form in ("json", "ndjson"))
        if "level" in query:
            raise Refusal(
                "level is about the table subgroups; leave it out.",
                code="unknown_filter",
                pointer="level",
            )
        asked = asked_subgroup(query)
        if asked is not None:
            if table not in _OF_A_SUBGROUP:
                raise Refusal(
                    f"The table {table} is about all items; of one subgroup there are: "
                    f"{', '.join(_OF_A_SUBGROUP)}.",
                    code="invalid_parameter",
                    pointer="subgroup" if "subgroup" in query else "attribute",
                )
            result = result_of(result, subgroup_row(result, asked))
        return super().rows_of(request, table, result, form)


def subgroup_rows(result: Result, query: dict[str, str], *, nested: bool) -> Rows:
    """The subgroups that are asked for; not ``nested``: without their curves."""
    if "subgroup" in query:
        rows = [subgroup_row(result, asked_subgroup(query) or {})]
    else:
        rows = [row for row in result.get("subgroups", []) if _is_asked(row["attributes"], query)]
    return rows if nested else [{k: v for k, v in row.items() if k not in _LISTS} for row in rows]


def _is_asked(attributes: dict[str, str], query: dict[str, str]) -> bool:
    """Whether a subgroup has the attribute, value and number of attributes that are asked for."""
    pairs = [
        pair
        for pair in attributes.items()
        if query.get("attribute", pair[0]) == pair[0] and query.get("value", pair[1]) == pair[1]
    ]
    return bool(pairs) and query.get("level", str(len(attributes))) == str(len(attributes))
