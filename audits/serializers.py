"""The shapes of the trust card and of a case, for the API's description."""

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


class CaseAttributeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()
    sensitive = serializers.BooleanField()
    value = serializers.JSONField(help_text="The value, or the band of a number.")
    number = serializers.FloatField(allow_null=True)


class CaseLabelSerializer(serializers.Serializer[Any]):
    annotator = serializers.CharField()
    value = serializers.JSONField()
    status = serializers.CharField()
    round = serializers.IntegerField()
    labelled_at = serializers.DateTimeField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    comment = serializers.CharField(allow_null=True)
    upload = serializers.UUIDField(allow_null=True)


class CaseReferenceSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="gold, adjudicated or consensus"
    )
    value = serializers.JSONField()
    tie = serializers.BooleanField()
    method = serializers.CharField(allow_null=True)
    upload = serializers.UUIDField(allow_null=True)
    run = serializers.UUIDField(allow_null=True)


class CaseVotesSerializer(serializers.Serializer[Any]):
    value = serializers.JSONField()
    n = serializers.IntegerField()


class CaseAnswersSerializer(serializers.Serializer[Any]):
    question = serializers.CharField()
    n_labels = serializers.IntegerField()
    votes = CaseVotesSerializer(many=True)
    labels = CaseLabelSerializer(many=True, help_text="For managers; an auditor sees none.")
    superseded = CaseLabelSerializer(many=True)
    consensus = serializers.DictField(allow_null=True)
    consensus_run = serializers.UUIDField(allow_null=True)
    references = CaseReferenceSerializer(many=True)
    contradicted_by = serializers.ListField(child=serializers.CharField())
    place_in_queue = serializers.IntegerField(allow_null=True)
    queue_length = serializers.IntegerField()


class CaseScoresSerializer(serializers.Serializer[Any]):
    member = serializers.IntegerField()
    fold = serializers.IntegerField(allow_null=True)
    split = serializers.CharField(allow_null=True)
    scores = serializers.DictField(child=serializers.FloatField(), help_text="As they were sent.")


class CaseModelSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    question = serializers.CharField()
    out_of_fold = serializers.BooleanField(allow_null=True)
    rows = CaseScoresSerializer(many=True)
    probabilities = serializers.DictField(child=serializers.FloatField())
    calibrated = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    recalibration = serializers.CharField(allow_null=True, help_text="The map behind calibrated.")
    seen_by_map = serializers.BooleanField(allow_null=True)
    venn_abers = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    conformal_set = serializers.ListField(child=serializers.CharField(), allow_null=True)
    outcome = serializers.JSONField()


class CaseNoveltySerializer(serializers.Serializer[Any]):
    features = serializers.CharField()
    model = serializers.CharField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    p_values = serializers.ListField(child=serializers.FloatField())
    run = serializers.UUIDField()


class CaseSerializer(serializers.Serializer[Any]):
    """One item: what is known of it, what was said of it, and what was made of that."""

    dataset = serializers.CharField()
    version = serializers.IntegerField()
    disclosure = serializers.CharField(help_text="full, or min_cell_N for auditors.")
    item = serializers.CharField()
    group = serializers.CharField(allow_null=True)
    attributes = CaseAttributeSerializer(many=True)
    questions = CaseAnswersSerializer(many=True)
    models = CaseModelSerializer(many=True)
    novelty = CaseNoveltySerializer(many=True)
