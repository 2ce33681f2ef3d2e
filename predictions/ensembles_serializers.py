"""What an ensembles result looks like over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.rest.numbers import NumberSerializer, ResultSerializer


class EnsembleMemberSerializer(serializers.Serializer[Any]):
    member = serializers.IntegerField()
    n = serializers.IntegerField()
    scores = serializers.DictField(child=NumberSerializer())


class EnsembleSizeSerializer(serializers.Serializer[Any]):
    n_members = serializers.IntegerField()
    brier = serializers.FloatField(help_text="Mean over random subsets of this size.")
    brier_low = serializers.FloatField(help_text="Five of a hundred subsets lie below.")
    brier_high = serializers.FloatField()
    log_loss = serializers.FloatField()
    n_subsets = serializers.IntegerField()


class UncertainSubgroupSerializer(serializers.Serializer[Any]):
    of = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    uncertainty = serializers.DictField(child=NumberSerializer())


class EnsemblesSerializer(ResultSerializer):
    """What the members of an ensemble agree on, and where they differ."""

    model = serializers.CharField()
    model_version = serializers.CharField()
    question = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField())
    out_of_fold = serializers.BooleanField(allow_null=True, help_text="null: not stated.")
    n_members = serializers.IntegerField()
    reason = serializers.CharField(
        allow_null=True, help_text="not_applicable where there is a single member."
    )
    n_items = serializers.IntegerField(help_text="Items that every member predicted.")
    n_items_scored = serializers.IntegerField(help_text="Those with a reference label.")
    n_incomplete = serializers.IntegerField(help_text="Items that some member left out.")
    uncertainty = serializers.DictField(child=NumberSerializer())
    ambiguity = serializers.DictField(child=NumberSerializer())
    members = EnsembleMemberSerializer(many=True)
    sizes = EnsembleSizeSerializer(many=True)
    subgroups = UncertainSubgroupSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
