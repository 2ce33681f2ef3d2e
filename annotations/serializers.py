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
    cells = serializers.ListField(
        child=serializers.DictField(), help_text="Where two attributes of items meet."
    )
    groups = serializers.ListField(
        child=serializers.DictField(), help_text="Each group of annotators beside each other one."
    )
    periods = serializers.ListField(
        child=serializers.DictField(), help_text="By batch, week and guideline version."
    )
    change = serializers.DictField(
        child=serializers.DictField(), help_text="Whether agreement changed, by kind of period."
    )
    intra_annotator = serializers.DictField(help_text="Annotators with themselves, over rounds.")
    paradox = serializers.DictField(
        child=NumberSerializer(), help_text="Why the kappa of two annotators is what it is."
    )
    needed = serializers.DictField(help_text="Items for an interval of the wanted half-width.")
    identified = serializers.DictField(help_text="What pairs and annotators are judged on.")
    resampled = serializers.CharField(help_text="What the intervals drew: items or groups.")
    n_groups = serializers.IntegerField(help_text="Groups of items drawn; 0 where items were.")
    items = serializers.DictField()
    second_opinion = serializers.ListField(child=serializers.DictField())
    benchmarks = serializers.DictField()
    warnings = serializers.ListField(child=serializers.CharField())
