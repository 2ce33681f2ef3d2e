"""What a conformal result looks like over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.rest.numbers import NumberSerializer, ResultSerializer


class SetsSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField(
        allow_null=True, help_text="For items to come; null: too few items, every class belongs."
    )
    coverage = NumberSerializer(help_text="Share of sets that hold the true class.")
    n_covered = serializers.IntegerField(allow_null=True)
    mean_size = serializers.FloatField(allow_null=True)
    share_empty = serializers.FloatField(allow_null=True)
    share_single = serializers.FloatField(allow_null=True)


class SubgroupSetsSerializer(serializers.Serializer[Any]):
    of = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    lac = serializers.DictField(help_text="As methods, and own: by the subgroup's own threshold.")
    aps = serializers.DictField(required=False, help_text="Not of several labels an item.")


class ConformalSerializer(ResultSerializer):
    """Sets of classes that cannot be ruled out, and the risk of answering."""

    model = serializers.CharField()
    model_version = serializers.CharField()
    question = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField())
    out_of_fold = serializers.BooleanField(allow_null=True, help_text="null: not stated.")
    n_items = serializers.IntegerField(help_text="Items that were measured.")
    alpha = serializers.FloatField(help_text="Share of sets that may miss the true class.")
    folds_by = serializers.CharField(help_text="groups, items or split.")
    n_calibration = serializers.IntegerField(help_text="Items that set the thresholds.")
    n_judged = serializers.IntegerField(help_text="Items whose sets are looked at.")
    methods = serializers.DictField(child=SetsSerializer())
    subgroups = SubgroupSetsSerializer(many=True)
    risk_coverage = serializers.DictField()
    risk_threshold = serializers.DictField()
