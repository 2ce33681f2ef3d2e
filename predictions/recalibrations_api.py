"""Recalibration maps over REST, each to be downloaded and applied without the service."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.problems import Refusal
from catalog.rest.numbers import NumberSerializer
from catalog.rest.results import answer_result
from predictions.results_api import MODEL, newest_of


class GainSerializer(serializers.Serializer[Any]):
    method = serializers.CharField()
    recommended = serializers.BooleanField()
    brier_gain = NumberSerializer(help_text="Of unseen items; positive is better.")
    log_loss_gain = NumberSerializer()
    ece_before = serializers.FloatField(allow_null=True)
    ece_after = serializers.FloatField(allow_null=True)
    map = serializers.CharField(allow_null=True, help_text="Where to download it.")


class RecalibrationListSerializer(serializers.Serializer[Any]):
    run = serializers.UUIDField()
    version = serializers.IntegerField()
    recommended = serializers.CharField(help_text="none, unless a gain is beyond doubt.")
    why = serializers.CharField()
    n = serializers.IntegerField()
    n_folds = serializers.IntegerField()
    folds_by = serializers.CharField()
    conventions = serializers.DictField(help_text="Of the calibration result they come from.")
    methods = GainSerializer(many=True)


class MapSerializer(serializers.Serializer[Any]):
    run = serializers.UUIDField()
    model = serializers.CharField(help_text="name:version")
    classes = serializers.ListField(child=serializers.CharField())
    positive_class = serializers.CharField(allow_null=True)
    method = serializers.CharField()
    parameters = serializers.DictField()
    n = serializers.IntegerField(help_text="Items it was fitted on.")
    n_classes = serializers.IntegerField()


class RecalibrationList(APIView):
    """What each recalibration would gain on unseen items, and where its map is."""

    @extend_schema(
        operation_id="recalibrations_list",
        parameters=[MODEL],
        responses=RecalibrationListSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        dataset, model, run = newest_of(request, slug, "calibration")
        result = run.result or {}
        found = result["recalibration"]
        here = request.build_absolute_uri(request.path)
        methods = [
            {
                **one,
                "recommended": one["method"] == found["recommended"],
                "map": f"{here}{one['method']}.json?{urlencode({'model': model.key})}"
                if one["map"]
                else None,
            }
            for one in found["methods"]
        ]
        said = {"conventions": result["conventions"], **found, "methods": methods}
        return answer_result(request, dataset, run, said)


class RecalibrationMap(APIView):
    """One fitted map: plain JSON, with the formula in the documentation."""

    @extend_schema(operation_id="recalibrations_map", parameters=[MODEL], responses=MapSerializer)
    def get(self, request: Request, slug: str, method: str) -> Response:
        dataset, model, run = newest_of(request, slug, "calibration")
        methods = (run.result or {})["recalibration"]["methods"]
        fitted = {one["method"]: one["map"] for one in methods}
        if fitted.get(method) is None:
            able = ", ".join(name for name, one in fitted.items() if one) or "none"
            raise Refusal(
                f"The newest calibration of {model.key!r} has no map {method!r}; it has: {able}.",
                code="not_found",
                status=404,
            )
        body = {
            "model": model.key,
            "classes": model.classes,
            "positive_class": model.positive_class or None,
            **fitted[method],
        }
        return answer_result(request, dataset, run, body)


@extend_schema(exclude=True)
class RecalibrationFile(RecalibrationMap):
    """The same under the name of a file; the API's description names one of the two."""
