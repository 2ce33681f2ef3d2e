"""What models and calibration results look like over REST, and what may be sent of a model."""

from __future__ import annotations

import math
from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.fields import empty

from catalog.models import Question
from catalog.rest.numbers import NumberSerializer, ResultSerializer
from catalog.rest.serializers import StrictModelSerializer, ValueField
from catalog.serializers import TextListField
from predictions.definitions import MULTILABEL
from predictions.models import ModelVersion

#: A file may have 1,000 columns; some are taken by item, fold, member and split.
MAX_CLASSES = 990
MAX_PARAMETERS = 100


class QuestionNameField(serializers.CharField):
    """A question of the data set, by its name."""

    def get_attribute(self, instance: ModelVersion) -> str:
        return self._names[instance.question_id]

    @cached_property
    def _names(self) -> dict[int, str]:
        # A page of models asks for the names once, not once a model.
        rows = Question.objects.filter(dataset=self.context["dataset"])
        return dict(rows.values_list("pk", "name"))

    def run_validation(self, data: Any = empty) -> Any:
        # The text is checked as a text before it is looked up.
        name = super().run_validation(data)
        questions = Question.objects.filter(dataset=self.context["dataset"])
        found = questions.filter(name=name).first()
        if found is None:
            names = ", ".join(questions.values_list("name", flat=True)) or "none yet"
            raise serializers.ValidationError(
                f"The data set has no question {name!r}; it has: {names}.",
                code="unknown_question",
            )
        return found


class ScoresField(serializers.ChoiceField):
    """What the model's files hold; multilabel is named, because it is asked for."""

    def to_internal_value(self, data: Any) -> Any:
        if data == "multilabel":
            raise serializers.ValidationError(MULTILABEL, code="multilabel")
        return super().to_internal_value(data)


class ModelSerializer(StrictModelSerializer):
    question = QuestionNameField(max_length=80, help_text="What it predicts, by name.")
    classes = TextListField(
        min_length=2,
        max_length=MAX_CLASSES,
        error_messages={
            "min_length": "Send a list of {min_length} classes or more; a yes or no is two.",
            "max_length": "Send at most {max_length} classes: a file has a column for each.",
        },
        help_text="Values of the question, in the model's own order; where the question has none "
        "yet, they become its values.",
    )
    positive_class = ValueField(
        max_length=255,
        required=False,
        allow_null=True,
        help_text="Of two classes: the one that probability means; default the second.",
    )
    scores = ScoresField(
        choices=ModelVersion.Scores.choices,
        required=False,
        help_text="What its files hold: probability (the default) or logit.",
    )
    parameters = serializers.JSONField(
        required=False,
        help_text="Numbers that tell this version from others, by name, for example epochs.",
    )

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "name",
            "version",
            "question",
            "classes",
            "positive_class",
            "out_of_fold",
            "scores",
            "parameters",
        ]
        read_only_fields = ["id"]

    def validate_parameters(self, value: Any) -> dict[str, float]:
        if not isinstance(value, dict) or len(value) > MAX_PARAMETERS:
            raise serializers.ValidationError(
                f"Send an object of at most {MAX_PARAMETERS} numbers by name.", code="invalid"
            )
        for name, number in value.items():
            plain = isinstance(number, int | float) and not isinstance(number, bool)
            if not plain or not math.isfinite(number):
                raise serializers.ValidationError(
                    f"The parameter {name!r} must be a number; it is {number!r}.", code="invalid"
                )
        return value

    def to_representation(self, instance: ModelVersion) -> dict[str, Any]:
        body: dict[str, Any] = super().to_representation(instance)
        body["positive_class"] = body["positive_class"] or None
        return body


class CurveBinSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    mean_predicted = serializers.FloatField(allow_null=True)
    observed = NumberSerializer()
    n_effective = serializers.FloatField(help_text="Equally weighted items that are as precise.")


class StepSerializer(serializers.Serializer[Any]):
    p_low = serializers.FloatField()
    p_high = serializers.FloatField()
    calibrated = serializers.FloatField()
    n = serializers.IntegerField()


class BandPointSerializer(serializers.Serializer[Any]):
    p = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class CurveSerializer(serializers.Serializer[Any]):
    bins = CurveBinSerializer(many=True)
    corp = StepSerializer(many=True, help_text="The curve without bins, by isotonic regression.")
    band = BandPointSerializer(
        many=True, help_text="Where that curve would lie if the probabilities were honest."
    )
    band_level = serializers.FloatField()
    band_draws = serializers.IntegerField()


class MurphySerializer(serializers.Serializer[Any]):
    """``brier = reliability - resolution + uncertainty`` and the two terms within bins."""

    brier = serializers.FloatField()
    reliability = serializers.FloatField()
    resolution = serializers.FloatField()
    uncertainty = serializers.FloatField()
    within_variance = serializers.FloatField()
    within_covariance = serializers.FloatField(help_text="Subtracted, as within_variance is added.")


class OtherLibrarySerializer(serializers.Serializer[Any]):
    library = serializers.CharField()
    quantity = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    rule = serializers.CharField(help_text="In what it differs from ours.")


class LackingSerializer(serializers.Serializer[Any]):
    attributes = serializers.DictField(child=serializers.CharField())
    target_share = serializers.FloatField(help_text="Of what the subgroup is to stand for.")


class WeightingSerializer(serializers.Serializer[Any]):
    by = serializers.CharField(allow_null=True, help_text="file, population, or null: all alike.")
    population = serializers.CharField(allow_null=True)
    method = serializers.CharField(allow_null=True)
    n_effective = serializers.FloatField(help_text="Kish: equally weighted items as precise.")
    design_effect = serializers.FloatField(allow_null=True)
    smallest = serializers.FloatField(allow_null=True, help_text="In units of the mean weight.")
    largest = serializers.FloatField(allow_null=True)
    n_left_out = serializers.IntegerField(
        help_text="Without a weight, with one of 0, or outside the population."
    )


class SubgroupWeightingSerializer(WeightingSerializer):
    reason = serializers.CharField(allow_null=True, help_text="Why it has no numbers.")
    lacking = LackingSerializer(
        many=True, help_text="Of whom the population has people and the subgroup no item."
    )


class CalibrationSubgroupSerializer(serializers.Serializer[Any]):
    of = serializers.CharField()
    attributes = serializers.DictField(child=serializers.CharField())
    n = serializers.IntegerField(allow_null=True)
    n_groups = serializers.IntegerField(allow_null=True)
    n_effective = serializers.FloatField(allow_null=True)
    scores = serializers.DictField(child=NumberSerializer())
    ece = serializers.DictField(child=NumberSerializer())
    ece_if_calibrated = serializers.DictField(child=NumberSerializer())
    effective_bins = serializers.DictField(child=serializers.IntegerField())
    curve = CurveSerializer()
    murphy = serializers.DictField(child=MurphySerializer(allow_null=True))
    other_libraries = OtherLibrarySerializer(many=True)
    tests = serializers.DictField(
        help_text="Cox's test, slope, intercept and calibration in the large; spiegelhalter, "
        "kuiper, mcb; p-values of each adjusted over the subgroups of as many attributes."
    )
    detectable = serializers.DictField(allow_null=True)
    weighting = SubgroupWeightingSerializer(
        required=False, help_text="Of a population's result: how it was weighted within itself."
    )


class FoldSerializer(serializers.Serializer[Any]):
    fold = serializers.IntegerField()
    n = serializers.IntegerField()
    n_groups = serializers.IntegerField(allow_null=True)
    scores = serializers.DictField(child=NumberSerializer())
    ece = serializers.DictField(child=NumberSerializer())
    ece_if_calibrated = serializers.DictField(child=NumberSerializer())
    tests = serializers.DictField()


class LabelCurveSerializer(serializers.Serializer[Any]):
    bins = CurveBinSerializer(many=True)


class LabelSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    n_positive = serializers.IntegerField()
    scores = serializers.DictField(child=NumberSerializer())
    ece = serializers.DictField(child=NumberSerializer())
    ece_if_calibrated = serializers.DictField(child=NumberSerializer())
    curve = LabelCurveSerializer()
    tests = serializers.DictField()

    def get_fields(self) -> dict[str, Any]:
        return {"class": serializers.CharField(), **super().get_fields()}


class CalibrationSerializer(ResultSerializer):
    """Whether a model's probabilities come true."""

    model = serializers.CharField()
    model_version = serializers.CharField()
    question = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField())
    positive_class = serializers.CharField(allow_null=True)
    out_of_fold = serializers.BooleanField(allow_null=True, help_text="null: not stated.")
    model_scores = serializers.CharField(help_text="probability or logit.")
    model_parameters = serializers.DictField(child=serializers.FloatField())
    notion = serializers.CharField(help_text="positive, or confidence with three classes or more.")
    n_items = serializers.IntegerField(help_text="Items that were measured.")
    n_predicted = serializers.IntegerField()
    n_without_reference = serializers.IntegerField()
    n_reference_not_a_class = serializers.IntegerField()
    n_reference = serializers.IntegerField()
    n_not_predicted = serializers.IntegerField(help_text="With a reference, without prediction.")
    n_rows = serializers.IntegerField()
    n_rows_renormalised = serializers.IntegerField()
    n_train_rows_left_out = serializers.IntegerField()
    n_train_left_out = serializers.IntegerField(help_text="Items with rows of that split only.")
    n_groups = serializers.IntegerField(allow_null=True, help_text="null: items have no groups.")
    weighting = WeightingSerializer()
    base_rates = serializers.DictField(child=serializers.FloatField(allow_null=True))
    scores = serializers.DictField(child=NumberSerializer())
    ece = serializers.DictField(child=NumberSerializer())
    ece_if_calibrated = serializers.DictField(
        child=NumberSerializer(), help_text="What chance alone gives an honest model."
    )
    effective_bins = serializers.DictField(child=serializers.IntegerField())
    curve = CurveSerializer()
    tests = serializers.DictField()
    links = serializers.DictField(
        child=serializers.URLField(),
        required=False,
        help_text="Where the items are listed that are counted here; for managers.",
    )
    subgroups = CalibrationSubgroupSerializer(many=True)
    n_intersections_left_out = serializers.IntegerField(help_text="Beyond the 300 largest.")
    recalibration = serializers.DictField()
    second_opinion = serializers.ListField(child=serializers.DictField())
    threshold = serializers.FloatField(required=False, help_text="Several labels an item only.")
    label_scores = serializers.DictField(
        child=NumberSerializer(), required=False, help_text="Micro and macro, each named."
    )
    labels = LabelSerializer(many=True, required=False, help_text="Each label alone.")
    murphy = serializers.DictField(
        child=MurphySerializer(allow_null=True), help_text="Of the notion's event, by bins."
    )
    other_libraries = OtherLibrarySerializer(many=True)
    folds = FoldSerializer(many=True, help_text="Empty where no fold is stated.")
    n_groups_in_several_folds = serializers.IntegerField(
        allow_null=True, help_text="null: without groups or folds, or items in several folds."
    )
    adopted = serializers.DictField(
        allow_null=True,
        help_text="The map in use, and calibration before and after it on items predicted since.",
    )
    warnings = serializers.ListField(child=serializers.CharField())
