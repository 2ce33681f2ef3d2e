"""What populations and coverage results look like over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.models import Attribute
from catalog.rest.numbers import NumberSerializer, ResultSerializer
from catalog.rest.serializers import StrictModelSerializer
from coverage.models import Population


class MarginSerializer(serializers.Serializer[Any]):
    attributes = serializers.ListField(child=serializers.CharField())
    n_cells = serializers.IntegerField()
    total_weight = serializers.FloatField()


class PopulationSerializer(StrictModelSerializer):
    kind = serializers.CharField(
        read_only=True, allow_null=True, help_text="joint or marginal; null before its upload."
    )
    attributes = serializers.ListField(child=serializers.CharField(), read_only=True)
    n_cells = serializers.IntegerField(read_only=True)
    total_weight = serializers.FloatField(
        read_only=True, allow_null=True, help_text="Null where margins do not agree on one."
    )
    margins = MarginSerializer(many=True, read_only=True)
    mapping = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField(max_length=255)), required=False
    )

    class Meta:
        model = Population
        fields = [
            "id",
            "name",
            "source",
            "url",
            "year",
            "sample_size",
            "of",
            "mapping",
            "kind",
            "attributes",
            "n_cells",
            "total_weight",
            "margins",
        ]
        read_only_fields = ["id"]

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        mapping = fields.get("mapping")
        of = fields.get("of", getattr(self.instance, "of", Attribute.Of.ITEM))
        for name, values in (mapping or {}).items():
            self._check_mapping(of, name, values)
        return fields

    def _check_mapping(self, of: str, name: str, values: dict[str, str]) -> None:
        attribute = self.context["dataset"].attributes.filter(of=of, name=name).first()
        if attribute is None:
            raise serializers.ValidationError(
                {"mapping": f"There is no attribute {name!r} of {of}s; declare or upload it first."}
            )
        known = [str(value) for value in attribute.domain]
        for value, there in values.items():
            if there not in known:
                shown = ", ".join(known[:10]) or "none yet"
                raise serializers.ValidationError(
                    {
                        "mapping": f"{value!r} is mapped to {there!r}, which is not a value of "
                        f"{name!r}; those are: {shown}."
                    }
                )

    def validate_sample_size(self, size: int | None) -> int | None:
        if size == 0:
            raise serializers.ValidationError("A sample has at least one person; or send null.")
        return size

    def validate_of(self, of: str) -> str:
        if self.instance is not None and self.instance.margins and of != self.instance.of:
            raise serializers.ValidationError(
                f"Its cells are about {self.instance.of}s; make another population for {of}s."
            )
        return of


class DistanceSerializer(NumberSerializer):
    """A distance beside what chance alone would give at the same number of items."""

    noise_floor = serializers.FloatField(allow_null=True)
    noise_high = serializers.FloatField(allow_null=True)


class OverallSerializer(serializers.Serializer[Any]):
    """One set of attributes as a whole against the target."""

    attributes = serializers.ListField(child=serializers.CharField())
    n_items = serializers.IntegerField()
    n_outside_target = serializers.IntegerField()
    n_missing = serializers.IntegerField()
    n_cells = serializers.IntegerField()
    n_empty_cells = serializers.IntegerField(allow_null=True)
    basis = serializers.CharField()
    verdict = serializers.CharField(help_text="matches, small, large, not_estimable or withheld")
    total_variation = DistanceSerializer()
    jensen_shannon = DistanceSerializer()
    hellinger = DistanceSerializer()
    asmd = DistanceSerializer()
    psi = DistanceSerializer()
    cramers_v = DistanceSerializer()
    chi_squared = NumberSerializer()
    effective_sample_size = NumberSerializer()


class CellSerializer(serializers.Serializer[Any]):
    """A value, or a combination of values, against the target."""

    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    share = NumberSerializer()
    target_share = serializers.FloatField(allow_null=True)
    ratio = NumberSerializer()
    gap = NumberSerializer()
    p_value = serializers.FloatField(allow_null=True)
    p_adjusted = serializers.FloatField(allow_null=True)
    p_method = serializers.CharField(allow_null=True)
    status = serializers.CharField(
        help_text="adequate, gap, insufficient_evidence, not_estimable or withheld"
    )
    deficit_at_fixed_n = serializers.IntegerField(allow_null=True)
    topup_no_removal = serializers.IntegerField(allow_null=True)
    basis = serializers.CharField(required=False, allow_null=True)


class CoverageSerializer(ResultSerializer):
    """Whether the data set has the composition of a population, and where not."""

    population = serializers.DictField()
    n_items = serializers.IntegerField()
    n_counted = serializers.IntegerField()
    overall = OverallSerializer()
    per_attribute = serializers.DictField(child=OverallSerializer())
    attributes = serializers.DictField(child=CellSerializer(many=True))
    cells = CellSerializer(many=True)
    outside_target = serializers.ListField(child=serializers.DictField())
    target_lacking = serializers.ListField(child=serializers.DictField())
    placed = serializers.ListField(
        child=serializers.DictField(),
        help_text="Values of the population that the data set knows by another name or band.",
    )
    missing = serializers.ListField(child=serializers.DictField())
    skipped = serializers.ListField(child=serializers.ListField())
    not_in_data = serializers.ListField(child=serializers.CharField())
    uncovered_summary = serializers.DictField()
    uncovered_patterns = serializers.ListField(child=serializers.DictField())
    collection_plan = serializers.DictField()
    label_patterns = serializers.DictField(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())


class PatternSerializer(serializers.Serializer[Any]):
    """A subgroup that lacks items."""

    attributes = serializers.DictField(child=serializers.CharField())
    level = serializers.IntegerField()
    n = serializers.IntegerField(allow_null=True)
    n_with_unknown = serializers.IntegerField(
        allow_null=True, help_text="Items, had every unknown value been this one."
    )
    deficit = serializers.IntegerField(allow_null=True)
    certain = serializers.BooleanField(allow_null=True)
    words = serializers.CharField(allow_null=True)


class PatternsSerializer(ResultSerializer):
    """Subgroups that lack items, whatever the population."""

    of = serializers.CharField()
    question = serializers.CharField(allow_null=True)
    label_attribute = serializers.CharField(
        allow_null=True, help_text="The name under which the label is one more attribute."
    )
    attributes = serializers.ListField(child=serializers.CharField())
    n_items = serializers.IntegerField()
    summary = serializers.DictField(allow_null=True)
    patterns = PatternSerializer(many=True)
    n_matching = serializers.IntegerField(help_text="Patterns that are asked for, shown or not.")


class NeighboursSerializer(ResultSerializer):
    """Places of a few numeric attributes that have few items near them."""

    features = serializers.DictField(allow_null=True, help_text="The feature set, if asked for.")
    attributes = serializers.ListField(child=serializers.CharField())
    ranges = serializers.DictField(help_text="Least and greatest number of each attribute.")
    n_items = serializers.IntegerField()
    n_missing = serializers.IntegerField()
    items = serializers.DictField()
    places = serializers.DictField(allow_null=True)


class LabelRateSerializer(serializers.Serializer[Any]):
    """The share of one reference label, as it is and as the population would show it."""

    value = serializers.CharField()
    n = serializers.IntegerField(allow_null=True)
    unweighted = NumberSerializer()
    weighted = NumberSerializer()


class QuestionRatesSerializer(serializers.Serializer[Any]):
    question = serializers.CharField()
    n_labelled = serializers.IntegerField()
    n_weighted = serializers.IntegerField()
    values = LabelRateSerializer(many=True)


class WeightsSerializer(ResultSerializer):
    """Weights that give the data set the composition of a population."""

    population = serializers.DictField()
    reason = serializers.CharField(allow_null=True, help_text="Why there are no weights.")
    detail = serializers.CharField(help_text="The same in words.")
    method = serializers.CharField(help_text="post_stratification or raking; empty: none.")
    n_items = serializers.IntegerField()
    n_weighted = serializers.IntegerField(help_text="Items that have a weight.")
    design_weight = serializers.CharField(allow_null=True, help_text="The attribute that is one.")
    n_without_design_weight = serializers.IntegerField()
    converged = serializers.BooleanField()
    least_weight = serializers.FloatField(allow_null=True)
    greatest_weight = serializers.FloatField(allow_null=True)
    design_effect = NumberSerializer()
    effective_n = NumberSerializer()
    n_rounds = serializers.IntegerField(help_text="Of raking; 0 for post-stratification.")
    largest_error = serializers.FloatField(help_text="Of a margin, relative to the target.")
    n_bounded = serializers.IntegerField(help_text="Cells that the bounds held back.")
    unreachable = serializers.ListField(child=serializers.DictField())
    n_unreachable = serializers.IntegerField()
    unreachable_share = serializers.FloatField()
    n_cells = serializers.IntegerField()
    cells = serializers.ListField(child=serializers.DictField())
    label_rates = QuestionRatesSerializer(many=True)
    model_metrics = serializers.ListField(child=serializers.DictField())


class MissingnessSerializer(ResultSerializer):
    """What is unknown, whether that says something, and how parts of the data set compare."""

    n_items = serializers.IntegerField()
    attributes = serializers.ListField(child=serializers.DictField())
    patterns = serializers.ListField(child=serializers.DictField())
    subgroups = serializers.ListField(child=serializers.DictField())
    labels = serializers.ListField(child=serializers.DictField())
    balance = serializers.ListField(child=serializers.DictField())
    leakage = serializers.ListField(child=serializers.DictField())
    drift = serializers.DictField()


class DivergenceSerializer(ResultSerializer):
    """Subgroups in which a label is more, or less, frequent than in the whole."""

    question = serializers.CharField()
    n_items = serializers.IntegerField(help_text="Items with a reference label.")
    attributes = serializers.ListField(child=serializers.CharField())
    max_level = serializers.IntegerField()
    min_items = serializers.IntegerField()
    disclosure_min_cell = serializers.IntegerField()
    labels = serializers.ListField(child=serializers.DictField())
    agreement = serializers.DictField(
        allow_null=True, help_text="Pairwise agreement of annotators on items, by subgroup."
    )
