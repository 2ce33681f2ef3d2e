"""Calibration against reference labels or against votes: one address, two kinds of run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from catalog.problems import Refusal
from catalog.rest.numbers import NumberSerializer, ResultSerializer
from predictions.results_api import Result, Rows, keyed
from predictions.serializers import (
    BandPointSerializer,
    CalibrationSubgroupSerializer,
    CurveBinSerializer,
    StepSerializer,
)

VOTES = "calibration-votes"
#: A published consensus is a reference label, so that both words mean the same.
KINDS = {"reference": "calibration", "consensus": "calibration", "votes": VOTES}
AGAINST = OpenApiParameter(
    "against",
    str,
    enum=list(KINDS),
    description="reference (the default; consensus means the same): one label an item, gold before "
    "adjudicated before a published consensus. votes: the shares of the annotators' votes.",
)


def kind_against(request: Request) -> str:
    """The kind of run that ``against`` asks for.

    Raises
    ------
    Refusal
        When it is none of the known words.
    """
    said = request.query_params.get("against", "reference")
    if said not in KINDS:
        raise Refusal(
            f"against must be one of {', '.join(KINDS)}; it is {said!r}.",
            code="invalid_parameter",
            pointer="against",
        )
    return KINDS[said]


def ece_rows(result: Result) -> Rows:
    """Errors by key, each with what chance alone gives an honest model."""
    chance = result["ece_if_calibrated"]
    return [
        {"error": key, **number, "if_calibrated": chance.get(key)}
        for key, number in result["ece"].items()
    ]


VOTE_TABLES: dict[str, Callable[[Result], Rows]] = {
    "scores": lambda result: keyed("score", result["scores"]),
    "label_noise": lambda result: keyed("score", result["label_noise"]),
    "excess": lambda result: keyed("score", result["excess"]),
    "ece": ece_rows,
    "curve": lambda result: result["curve"]["bins"],
    "corp": lambda result: result["curve"]["corp"],
    "band": lambda result: result["curve"]["band"],
    "noise_band": lambda result: result["noise_band"],
    "subgroups": lambda result: result["subgroups"],
}


class BinNoiseSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()
    explained = serializers.BooleanField(help_text="Whether the diagonal lies between them.")


class VoteBinSerializer(CurveBinSerializer):
    majority = serializers.FloatField(
        allow_null=True, help_text="Rate of the event in the majority of the votes."
    )
    noise = BinNoiseSerializer(
        allow_null=True, help_text="Where that rate would lie with other annotators."
    )


class VoteCurveSerializer(serializers.Serializer[Any]):
    bins = VoteBinSerializer(many=True)
    corp = StepSerializer(many=True)
    band = BandPointSerializer(many=True)
    band_level = serializers.FloatField()
    band_draws = serializers.IntegerField()


class NoiseBandSerializer(serializers.Serializer[Any]):
    score = serializers.CharField()
    n = serializers.IntegerField()
    n_contested = serializers.IntegerField(help_text="Items whose votes differ.")
    reference = serializers.FloatField(allow_null=True, help_text="Against reference labels.")
    majority = serializers.FloatField(help_text="Against the majority of the votes.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    level = serializers.FloatField()
    n_draws = serializers.IntegerField()
    explained = serializers.BooleanField(
        allow_null=True, help_text="Whether label noise alone explains the reference's figure."
    )


class VoteCalibrationSerializer(ResultSerializer):
    """Whether a model's probabilities come true in what annotators say."""

    against = serializers.CharField()
    model = serializers.CharField()
    model_version = serializers.CharField()
    question = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField())
    positive_class = serializers.CharField(allow_null=True)
    out_of_fold = serializers.BooleanField(allow_null=True, help_text="null: not stated.")
    notion = serializers.CharField()
    n_items = serializers.IntegerField(help_text="Predicted items with a vote for a class.")
    n_votes = serializers.IntegerField()
    n_items_of_several_votes = serializers.IntegerField()
    n_predicted = serializers.IntegerField()
    n_without_votes = serializers.IntegerField()
    n_votes_not_a_class = serializers.IntegerField()
    n_train_left_out = serializers.IntegerField()
    n_groups = serializers.IntegerField(allow_null=True)
    scores = serializers.DictField(child=NumberSerializer())
    label_noise = serializers.DictField(
        child=NumberSerializer(), help_text="What no model can go below."
    )
    excess = serializers.DictField(child=NumberSerializer(), help_text="What the model adds.")
    annotator_agreement = NumberSerializer(help_text="Chance that two annotators agree.")
    total_variation = NumberSerializer()
    total_variation_if_calibrated = NumberSerializer()
    ece = serializers.DictField(child=NumberSerializer())
    ece_if_calibrated = serializers.DictField(child=NumberSerializer())
    curve = VoteCurveSerializer()
    tests = serializers.DictField()
    noise_band = NoiseBandSerializer(many=True)
    subgroups = CalibrationSubgroupSerializer(many=True)
    n_intersections_left_out = serializers.IntegerField()
    warnings = serializers.ListField(child=serializers.CharField())
