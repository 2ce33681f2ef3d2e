"""Shapes of the results about annotators, consensus and label issues, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotations.crowd_parameters import METHODS, NUMBER_METHODS
from catalog.rest.numbers import NumberSerializer, ResultSerializer
from catalog.rest.serializers import StrictSerializer


class CrowdResultSerializer(ResultSerializer):
    """What every result about the labels of a question says."""

    question = serializers.CharField()
    scale = serializers.CharField()
    values = serializers.ListField(help_text="The values that were used, in their order.")
    n_items = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="too_many_values, not_converged, two_annotators."
    )
    next = serializers.CharField(allow_null=True, help_text="The next page of rows.")
    previous = serializers.CharField(allow_null=True)


class PaceSerializer(serializers.Serializer[Any]):
    """How long an annotator takes."""

    median_ms = NumberSerializer()
    ratio = NumberSerializer(help_text="To the others on the same items; below 1 is faster.")


class AnnotatorSerializer(serializers.Serializer[Any]):
    """One annotator; a numeric question has bias, noise and gold_error instead of accuracy."""

    annotator = serializers.CharField(help_text="The name for leads, else a pseudonym.")
    n_labels = serializers.IntegerField()
    n_items = serializers.IntegerField(required=False)
    n_items_shared = serializers.IntegerField(required=False)
    accuracy = NumberSerializer(required=False)
    spammer_score = NumberSerializer(required=False)
    gold_accuracy = NumberSerializer(required=False)
    consensus_change_without = NumberSerializer(required=False)
    shrunk = serializers.BooleanField(help_text="Too few labels: leans on everybody's confusion.")
    labels_needed = serializers.IntegerField(required=False, allow_null=True)
    confusion = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        required=False,
        help_text="Rows: true value; columns: value given; in the order of values.",
    )
    bias = NumberSerializer(required=False)
    noise = NumberSerializer(required=False)
    gold_error = NumberSerializer(required=False)
    drift = NumberSerializer()
    pace = PaceSerializer()
    assignment = serializers.DictField(required=False)


class AnnotatorsSerializer(CrowdResultSerializer):
    """How far each annotator of a question can be relied on."""

    prevalence = serializers.ListField(child=serializers.FloatField())
    model = serializers.DictField(allow_null=True)
    annotators = AnnotatorSerializer(many=True)


class RowsSerializer(serializers.Serializer[Any]):
    """Rows of a page, with how many there are in all."""

    n_items = serializers.IntegerField(required=False)
    n_labels = serializers.IntegerField(required=False)
    n_kept = serializers.IntegerField(help_text="Rows that the result keeps, over all pages.")
    rows = serializers.ListField(child=serializers.DictField())


class ConsensusSerializer(CrowdResultSerializer):
    """The consensus value of every item, by each method."""

    tie_rule = serializers.CharField()
    methods = serializers.DictField(child=serializers.DictField())
    items = RowsSerializer()


class LabelIssuesSerializer(CrowdResultSerializer):
    """Items and labels to look at first."""

    plan = serializers.DictField(allow_null=True)
    items = RowsSerializer()
    labels = RowsSerializer()


class PublishSerializer(StrictSerializer):
    """Which consensus becomes the reference labels of a question."""

    question = serializers.CharField(required=False)
    method = serializers.ChoiceField(choices=[*METHODS, *NUMBER_METHODS], required=False)
    smoothing = serializers.FloatField(required=False, min_value=0, max_value=1000)
