"""Shapes that every result uses, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class NumberSerializer(serializers.Serializer[Any]):
    """A number with what it rests on, or null with a reason."""

    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(
        allow_null=True, help_text="Why there is no value; null when there is one."
    )
    n = serializers.IntegerField(allow_null=True)
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)
    ci_level = serializers.FloatField(allow_null=True)
    ci_method = serializers.CharField(allow_null=True)
    se = serializers.FloatField(required=False)
    p_value = serializers.FloatField(required=False)
    p_adjusted = serializers.FloatField(required=False)


class ResultSerializer(serializers.Serializer[Any]):
    """What every result says of itself."""

    run = serializers.UUIDField()
    dataset = serializers.CharField()
    version = serializers.IntegerField(help_text="Version of the data set that was measured.")
    computed_at = serializers.DateTimeField()
    parameters = serializers.DictField()
    conventions = serializers.DictField(child=serializers.CharField())
    code_version = serializers.CharField()
    libraries = serializers.DictField(child=serializers.CharField())
    stale = serializers.BooleanField(
        help_text="It was asked for again, on a later version of the data set."
    )
    disclosure = serializers.CharField(help_text="full, summary, or min_cell_N for auditors.")
