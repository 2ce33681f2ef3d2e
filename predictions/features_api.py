"""Feature sets over REST: what they hold, and how to be rid of one. A file begins them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.rest.definitions import DefinitionDetail, DefinitionList
from predictions.models import FeatureSet, FeatureVector


class FeatureSetSerializer(serializers.ModelSerializer[FeatureSet]):
    width = serializers.IntegerField(help_text="Numbers of an item.")
    n_items = serializers.SerializerMethodField(help_text="Items that have a vector.")

    class Meta:
        model = FeatureSet
        fields = ["id", "name", "width", "columns", "n_items"]

    def get_n_items(self, found: FeatureSet) -> int:
        return FeatureVector.objects.filter(features=found).count()


class FeatureSetList(DefinitionList):
    """The feature sets of the data set; uploads/features/ makes them."""

    model = FeatureSet
    serializer_class = FeatureSetSerializer
    http_method_names = ["get", "head", "options"]

    @extend_schema(operation_id="features_list", responses=FeatureSetSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return super().get(request, slug)


class FeatureSetDetail(DefinitionDetail):
    """One feature set, by its id or name; DELETE takes its vectors along."""

    model = FeatureSet
    serializer_class = FeatureSetSerializer
    http_method_names = ["get", "delete", "head", "options"]
