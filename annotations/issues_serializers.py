"""Shape of the label issues by a model, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotations.consensus_serializers import CrowdResultSerializer, RowsSerializer
from catalog.rest.numbers import NumberSerializer


class LabellerSerializer(serializers.Serializer[Any]):
    """One annotator, by CROWDLAB; the least reliable first."""

    annotator = serializers.CharField(help_text="The name for leads, else a pseudonym.")
    n_labels = serializers.IntegerField()
    quality = NumberSerializer()
    weight = serializers.FloatField()
    agreement_with_consensus = NumberSerializer()


class RelabelPlanSerializer(serializers.Serializer[Any]):
    """How many more labels, and whether to stop."""

    margin = serializers.FloatField()
    n_settled = serializers.IntegerField()
    n_exhausted = serializers.IntegerField()
    n_open = serializers.IntegerField()
    n_more_labels = serializers.IntegerField()
    may_stop = serializers.BooleanField()


class ModelIssuesSerializer(CrowdResultSerializer):
    """Items and labels to look at first, by a model's out-of-fold predictions."""

    method = serializers.CharField()
    model = serializers.CharField()
    out_of_fold = serializers.BooleanField(allow_null=True)
    reason = serializers.CharField(
        allow_null=True, help_text="Why there is nothing: not_applicable, no_data, ..."
    )
    why = serializers.CharField(allow_null=True, help_text="The same in words.")
    n_items_not_predicted = serializers.IntegerField(required=False)
    n_items_unlabelled = serializers.IntegerField(required=False)
    n_labels_not_a_class = serializers.IntegerField(required=False)
    items = RowsSerializer()
    labels = RowsSerializer()
    model_weight = serializers.FloatField(required=False, help_text="crowdlab")
    likelihood = NumberSerializer(required=False, help_text="crowdlab")
    gold_accuracy = NumberSerializer(required=False, help_text="crowdlab")
    annotators = LabellerSerializer(many=True, required=False, help_text="crowdlab")
    of = serializers.CharField(required=False, help_text="confident_learning: whose labels.")
    joint = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        required=False,
        help_text="confident_learning: labels by value given (rows) and probable true one.",
    )
    noise_matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        required=False,
        help_text="Rows: true value; columns: share of labels that give each value.",
    )
    inverse_noise_matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        required=False,
        help_text="Rows: value given; columns: share whose true value is each.",
    )
    noise_rate = serializers.FloatField(required=False)
    n_estimated = serializers.IntegerField(
        required=False, help_text="Labels that are wrong by the joint."
    )
    n_issues = serializers.DictField(child=serializers.IntegerField(), required=False)
    temperature = serializers.FloatField(required=False, help_text="activelab")
    plan = RelabelPlanSerializer(required=False)
