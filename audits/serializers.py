"""The shape of the trust card, for the API's description."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.rest.numbers import NumberSerializer


class TileSerializer(serializers.Serializer[Any]):
    """One word about one kind of evidence, and the number that it rests on."""

    verdict = serializers.CharField(
        help_text="reliable, tentative, unreliable; representative, undecided, hidden gaps, gaps; "
        "calibrated, undecided, slightly off, miscalibrated; not defined, not yet"
    )
    light = serializers.CharField(help_text="good, caution, problem or unknown")
    headline_name = serializers.CharField()
    headline = NumberSerializer(allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="Why there is no verdict.")
    subject = serializers.CharField(allow_null=True, help_text="The question, population or model.")
    run = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    computed_at = serializers.DateTimeField(allow_null=True)
    stale = serializers.BooleanField(allow_null=True)
    n_subjects = serializers.IntegerField()
    n_without_result = serializers.IntegerField()


class TilesSerializer(serializers.Serializer[Any]):
    annotation_quality = TileSerializer()
    coverage = TileSerializer()
    calibration = TileSerializer()


class LowAgreementSerializer(serializers.Serializer[Any]):
    subject = serializers.CharField()
    of = serializers.CharField(help_text="item or annotator")
    attributes = serializers.DictField(child=serializers.CharField())
    krippendorff_alpha = NumberSerializer()


class LargeGapSerializer(serializers.Serializer[Any]):
    subject = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField()
    share = NumberSerializer()
    target_share = serializers.FloatField()
    ratio = NumberSerializer()
    gap = NumberSerializer()
    p_adjusted = serializers.FloatField()
    topup_no_removal = serializers.IntegerField(allow_null=True)


class PoorCalibrationSerializer(serializers.Serializer[Any]):
    subject = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField()
    p_adjusted = serializers.FloatField()
    observed_expected = NumberSerializer()
    ece = NumberSerializer()


class WorstSubgroupsSerializer(serializers.Serializer[Any]):
    agreement = LowAgreementSerializer(many=True)
    coverage = LargeGapSerializer(many=True)
    calibration = PoorCalibrationSerializer(many=True)


class EffectSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)


class FixSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    why = serializers.CharField()
    size = EffectSerializer(allow_null=True)
    link = serializers.URLField()


class TrustCardSerializer(serializers.Serializer[Any]):
    """Can this be trusted, for whom not, and what to fix first."""

    dataset = serializers.CharField()
    version = serializers.IntegerField()
    disclosure = serializers.CharField(help_text="full, or min_cell_N for auditors.")
    tiles = TilesSerializer()
    worst_subgroups = WorstSubgroupsSerializer()
    fix_first = FixSerializer(many=True)
    conventions = serializers.DictField(child=serializers.CharField())
