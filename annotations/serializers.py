"""The shape of annotation results, for the API's description."""

from __future__ import annotations

from rest_framework import serializers

from catalog.rest.numbers import NumberSerializer, ResultSerializer


class AgreementSerializer(ResultSerializer):
    """How far the annotators of a question agree."""

    question = serializers.CharField()
    scale = serializers.CharField()
    coefficients = serializers.DictField(child=NumberSerializer())
    parts = serializers.DictField(
        child=serializers.DictField(), help_text="Observed and expected (dis)agreement by key."
    )
    n_items = serializers.IntegerField()
    n_items_pairable = serializers.IntegerField(help_text="Items with two labels or more.")
    n_labels = serializers.IntegerField()
    n_labels_pairable = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    pairs = serializers.ListField(child=serializers.DictField())
    annotators = serializers.ListField(child=serializers.DictField())
    values = serializers.ListField(child=serializers.DictField())
    subgroups = serializers.ListField(child=serializers.DictField())
    items = serializers.DictField()
    second_opinion = serializers.ListField(child=serializers.DictField())
    benchmarks = serializers.DictField()
    warnings = serializers.ListField(child=serializers.CharField())
