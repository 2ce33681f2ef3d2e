"""What a novelty result looks like over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.rest.numbers import NumberSerializer, ResultSerializer


class QuadrantSerializer(serializers.Serializer[Any]):
    share = NumberSerializer(help_text="Of the judged items that the model predicted.")
    accuracy = NumberSerializer(help_text="Right answers among those with a reference label.")


class NoveltyMethodSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(allow_null=True)
    rate = NumberSerializer(help_text="Share of judged items that are novel.")
    quadrants = serializers.DictField(
        child=QuadrantSerializer(),
        allow_null=True,
        help_text="sure_familiar, sure_novel, unsure_familiar, unsure_novel; null without a model.",
    )


class NovelSubgroupSerializer(serializers.Serializer[Any]):
    of = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    knn = NumberSerializer(required=False, help_text="Rate of novel items, by this method.")
    mahalanobis = NumberSerializer(required=False)
    isolation_forest = NumberSerializer(required=False)


class NoveltySerializer(ResultSerializer):
    """Items unlike those of the reference, and how sure the model is of them."""

    features = serializers.CharField()
    width = serializers.IntegerField(help_text="Numbers of an item.")
    model = serializers.CharField(allow_null=True)
    model_version = serializers.CharField(allow_null=True)
    reference = serializers.CharField(
        allow_null=True,
        help_text="items.ATTRIBUTE=VALUE or predictions.split=train; null: nobody stated one.",
    )
    reason = serializers.CharField(allow_null=True)
    n_items = serializers.IntegerField(help_text="Items that have a vector.")
    n_reference_available = serializers.IntegerField()
    n_reference = serializers.IntegerField(help_text="Those that were used.")
    n_query = serializers.IntegerField(help_text="Items that were judged.")
    n_split_not_stated = serializers.IntegerField()
    smallest_p = serializers.FloatField(allow_null=True, help_text="1 / (n_reference + 1).")
    methods = serializers.DictField(child=NoveltyMethodSerializer())
    subgroups = NovelSubgroupSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
