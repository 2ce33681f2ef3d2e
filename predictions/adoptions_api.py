"""Choosing a recalibration map for a model's later predictions, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.access import May, dataset_for
from catalog.problems import Refusal
from catalog.rest.queries import query_of
from catalog.rest.results import finished_run
from predictions.adoptions import adopt_map, adopted_map, provenance
from predictions.models import AdoptedMap
from predictions.queries import model_of
from predictions.results_api import MODEL

SHOWN = 100


class AdoptionSerializer(serializers.Serializer[Any]):
    method = serializers.CharField(help_text="none: the use of the one before was ended.")
    run = serializers.UUIDField(help_text="The calibration run that fitted it.")
    version = serializers.IntegerField(help_text="Version of the data set that it was fitted on.")
    digest = serializers.CharField(help_text="SHA-256 of the map as canonical JSON.")
    recommended = serializers.BooleanField(help_text="Whether that run recommended it.")
    adopted_at = serializers.DateTimeField()
    adopted_by = serializers.CharField()


class AdoptionListSerializer(serializers.Serializer[Any]):
    results = AdoptionSerializer(many=True)


class AdoptedMapSerializer(AdoptionSerializer):
    model = serializers.CharField(help_text="name:version")
    classes = serializers.ListField(child=serializers.CharField())
    positive_class = serializers.CharField(allow_null=True)
    parameters = serializers.DictField()
    n = serializers.IntegerField(help_text="Items it was fitted on.")
    n_classes = serializers.IntegerField()


class Adopt(APIView):
    """Use a map of the newest calibration result for what the model predicts from now on."""

    @extend_schema(
        operation_id="recalibrations_adopt",
        parameters=[MODEL],
        request=None,
        responses={201: AdoptionSerializer},
    )
    def post(self, request: Request, slug: str, method: str) -> Response:
        query = query_of(request, "model")
        dataset = dataset_for(request.user, slug, may=May.DEFINE)
        model = model_of(dataset, query.get("model"))
        run = finished_run(request, dataset, "calibration", model.key)
        adopted = adopt_map(dataset, model, run, method, request.user)
        return Response(provenance(adopted), status=201)


class AdoptionList(APIView):
    """The maps that were chosen for the model, the newest first; that one is in use."""

    @extend_schema(
        operation_id="recalibrations_adopted_list",
        parameters=[MODEL],
        responses=AdoptionListSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "model")
        dataset = dataset_for(request.user, slug, may=May.READ_RESULTS)
        model = model_of(dataset, query.get("model"))
        found = AdoptedMap.objects.filter(model=model)[:SHOWN]
        return Response({"results": [provenance(one) for one in found]})


class AdoptedFile(APIView):
    """The map in use, as it was when it was chosen."""

    @extend_schema(
        operation_id="recalibrations_adopted_map",
        parameters=[MODEL],
        responses=AdoptedMapSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "model")
        dataset = dataset_for(request.user, slug, may=May.READ_RESULTS)
        model = model_of(dataset, query.get("model"))
        adopted = adopted_map(model)
        if adopted is None:
            raise Refusal(
                f"No recalibration is in use for {model.key!r}; POST to "
                "recalibrations/<method>/adopt/ to choose one.",
                code="no_result",
                status=404,
            )
        body = {
            **provenance(adopted),
            "model": model.key,
            "classes": model.classes,
            "positive_class": model.positive_class or None,
            **adopted.map,
        }
        return Response(body, headers={"ETag": f'"{adopted.digest[:32]}"'})
