"""What an expected-performance result looks like over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.rest.numbers import NumberSerializer, ResultSerializer


class ShownCalibrationSerializer(serializers.Serializer[Any]):
    shown = serializers.BooleanField(help_text="Whether it was put to the test, and held.")
    n = serializers.IntegerField(help_text="Predicted items with a reference label.")
    method = serializers.CharField(allow_null=True, help_text="Recalibration; none: as stated.")
    tests = serializers.DictField(allow_null=True, help_text="Cox's, out of fold.")
    detectable = serializers.DictField(
        allow_null=True, help_text="The mean error that these items could have shown."
    )


class LabelledSerializer(serializers.Serializer[Any]):
    of = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    accuracy = NumberSerializer(help_text="What came true.")
    expected_accuracy = NumberSerializer()
    difference = NumberSerializer(help_text="True less expected.")


class ExpectedGroupSerializer(serializers.Serializer[Any]):
    of = serializers.CharField(help_text="all, split or item.")
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    expected_accuracy = NumberSerializer()
    labelled = LabelledSerializer(help_text="Those of them with a reference label.")


class ExpectedPerformanceSerializer(ResultSerializer):
    """How often a model will be right, by its own confidence where that was shown honest."""

    model = serializers.CharField()
    model_version = serializers.CharField()
    question = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField())
    positive_class = serializers.CharField(allow_null=True)
    out_of_fold = serializers.BooleanField(allow_null=True, help_text="null: not stated.")
    assumption = serializers.CharField(help_text="To be printed beside the numbers.")
    reason = serializers.CharField(allow_null=True)
    why = serializers.CharField(help_text="Whether the confidence was shown calibrated, in words.")
    calibration = ShownCalibrationSerializer()
    n_predicted = serializers.IntegerField()
    n_labelled = serializers.IntegerField()
    n_train_left_out = serializers.IntegerField()
    expected = serializers.DictField(
        child=NumberSerializer(),
        help_text="Two classes: accuracy, precision, recall, f1, specificity, auc, brier and "
        "log_loss of the items without a reference label.",
    )
    groups = ExpectedGroupSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
