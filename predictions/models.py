"""Models and what they predicted."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from catalog.models import Dataset, Item, Question, Run, Upload


class ModelVersion(models.Model):
    """One version of one model, and what its scores mean."""

    class Scores(models.TextChoices):
        PROBABILITY = "probability"
        LOGIT = "logit"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="models")
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=80, default="1")
    question = models.ForeignKey(
        Question, models.RESTRICT, related_name="models", help_text="What it predicts."
    )
    classes = models.JSONField(help_text="Class names, in the order of the probabilities.")
    positive_class = models.CharField(
        max_length=255,
        blank=True,
        help_text="Of two classes: the one that is meant by probability; default the second.",
    )
    scores = models.CharField(
        max_length=12,
        choices=Scores,
        default=Scores.PROBABILITY,
        help_text="What its files hold: probabilities, or logits (softmax makes them "
        "probabilities).",
    )
    parameters = models.JSONField(
        default=dict,
        blank=True,
        help_text="Numbers that tell this version from others, by name: learning rate, epochs.",
    )
    out_of_fold = models.BooleanField(
        null=True,
        help_text="Whether no item was predicted by a model trained on it; null: not stated.",
    )

    has_weights = models.BooleanField(
        default=False, editable=False, help_text="Whether a file told what its items count for."
    )

    class Meta:
        ordering = ["dataset", "name", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "name", "version"], name="one_model_per_name_and_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def key(self) -> str:
        """What it is called where one version must be meant: ``name:version``."""
        return f"{self.name}:{self.version}"

    def described(self) -> dict[str, Any]:
        """What every result about it says of it."""
        return {
            "model": self.name,
            "model_version": self.version,
            "question": self.question.name,
            "classes": self.classes,
            "out_of_fold": self.out_of_fold,
        }

    @property
    def has_logits(self) -> bool:
        """Whether its files hold logits, not probabilities."""
        return self.scores == self.Scores.LOGIT

    @property
    def is_binary(self) -> bool:
        """Whether its predictions are probabilities of one positive class."""
        return len(self.classes) == 2 and not self.is_multilabel

    @property
    def is_multilabel(self) -> bool:
        """Whether each class has a probability of its own: its question asks for a set."""
        return self.question.scale == Question.Scale.SET


class Prediction(models.Model):
    """A model's probabilities for one item, by one fold and ensemble member.

    Like labels, without foreign keys in the database; the upload checks every row.
    """

    class Split(models.TextChoices):
        TRAIN = "train"
        VALIDATION = "validation"
        TEST = "test"

    pk = models.CompositePrimaryKey("model_id", "item_id", "member", "fold")
    model = models.ForeignKey(ModelVersion, models.DO_NOTHING, db_constraint=False, db_index=False)
    item = models.ForeignKey(Item, models.DO_NOTHING, db_constraint=False, db_index=False)
    upload = models.ForeignKey(Upload, models.DO_NOTHING, db_constraint=False, db_index=False)
    fold = models.SmallIntegerField(default=-1, help_text="-1: not stated.")
    member = models.SmallIntegerField(default=0, help_text="Of an ensemble; 0 where there is one.")
    split = models.TextField(null=True, choices=Split)  # noqa: DJ001  not stated
    probabilities = ArrayField(
        models.FloatField(),
        help_text="One a class, in the model's order, as sent; logits where its scores are those.",
    )
    weight = models.FloatField(null=True, help_text="What the item counts for; not stated: null.")

    class Meta:
        ordering = ["model_id", "item_id", "member", "fold"]

    def __str__(self) -> str:
        return f"prediction for item {self.item_id} by model {self.model_id}"


class AdoptedMap(models.Model):
    """A recalibration map that was chosen for what a model predicts later; the newest is in use.

    A copy of the map, because results may be deleted; rows are added, never changed.
    """

    model = models.ForeignKey(ModelVersion, models.CASCADE, related_name="adopted_maps")
    run = models.UUIDField(help_text="The calibration run that fitted it.")
    version = models.PositiveIntegerField(help_text="Version of the data set it was fitted on.")
    method = models.CharField(max_length=20, help_text="none: no map is in use from here on.")
    map = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the map as canonical JSON.")
    recommended = models.BooleanField(help_text="Whether its run recommended it.")
    adopted_at = models.DateTimeField(auto_now_add=True)
    adopted_by = models.CharField(max_length=150)
    seen = models.BinaryField(
        help_text="A compressed bit for each item's number: predicted when it was chosen."
    )

    class Meta:
        ordering = ["-adopted_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.method} for {self.model}"


class PredictionRow(models.Model):
    """A prediction with its key as one text, from a view: Django's admin needs a single key."""

    id = models.TextField(primary_key=True)
    dataset = models.ForeignKey(Dataset, models.DO_NOTHING)
    model = models.ForeignKey(ModelVersion, models.DO_NOTHING)
    item = models.ForeignKey(Item, models.DO_NOTHING)
    fold = models.SmallIntegerField()
    member = models.SmallIntegerField()
    split = models.TextField(null=True)  # noqa: DJ001
    probabilities = ArrayField(models.FloatField())
    upload = models.ForeignKey(Upload, models.DO_NOTHING)

    class Meta:
        managed = False
        db_table = "predictions_prediction_row"
        ordering = ["model_id", "item_id", "member", "fold"]
        verbose_name = "prediction"

    def __str__(self) -> str:
        return f"prediction for {self.item} by {self.model}"


class RealField(models.FloatField):  # type: ignore[type-arg]
    """A number of 32 bits: what embeddings are made of, at half the room."""

    def db_type(self, connection: Any) -> str:
        return "real"


class FeatureSet(models.Model):
    """What was measured or computed of each item, as a vector of numbers: features, embeddings."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="feature_sets")
    name = models.CharField(max_length=38)
    columns = models.JSONField(help_text="What each number of a vector is, in their order.")

    class Meta:
        ordering = ["dataset", "name"]
        verbose_name = "feature set"
        constraints = [
            models.UniqueConstraint(fields=["dataset", "name"], name="one_feature_set_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return len(self.columns)


class FeatureVector(models.Model):
    """The features of one item. Without foreign keys in the database, as predictions are."""

    pk = models.CompositePrimaryKey("features_id", "item_id")
    features = models.ForeignKey(FeatureSet, models.DO_NOTHING, db_constraint=False, db_index=False)
    item = models.ForeignKey(Item, models.DO_NOTHING, db_constraint=False, db_index=False)
    upload = models.ForeignKey(Upload, models.DO_NOTHING, db_constraint=False, db_index=False)
    vector = ArrayField(RealField(), help_text="One a column of the feature set, in 32 bits.")

    class Meta:
        ordering = ["features_id", "item_id"]

    def __str__(self) -> str:
        return f"features {self.features_id} of item {self.item_id}"


class FeatureVectorRow(models.Model):
    """A vector with its key as one text, from a view; see :class:`PredictionRow`."""

    id = models.TextField(primary_key=True)
    dataset = models.ForeignKey(Dataset, models.DO_NOTHING)
    features = models.ForeignKey(FeatureSet, models.DO_NOTHING)
    item = models.ForeignKey(Item, models.DO_NOTHING)
    width = models.IntegerField()
    first = ArrayField(RealField(), help_text="The first eight numbers.")
    upload = models.ForeignKey(Upload, models.DO_NOTHING)

    class Meta:
        managed = False
        db_table = "predictions_feature_row"
        ordering = ["features_id", "item_id"]
        verbose_name = "feature vector"

    def __str__(self) -> str:
        return f"{self.features} of {self.item}"


class ItemNovelty(models.Model):
    """What the newest novelty run says of one item; numbers in the order of the run's methods."""

    pk = models.CompositePrimaryKey("run_id", "item_id")
    run = models.ForeignKey(Run, models.DO_NOTHING, db_constraint=False, db_index=False)
    item = models.ForeignKey(Item, models.DO_NOTHING, db_constraint=False, db_index=False)
    scores = ArrayField(models.FloatField(), help_text="How unlike the reference; no unit.")
    p_values = ArrayField(models.FloatField(), help_text="Conformal; low is novel.")
    confidence = models.FloatField(
        null=True, help_text="Stated probability of the class that the run's model predicts."
    )

    class Meta:
        ordering = ["run_id", "item_id"]
        verbose_name_plural = "item novelties"

    def __str__(self) -> str:
        return f"novelty of item {self.item_id}"


class ItemNoveltyRow(models.Model):
    """An item's novelty with its key as one text, from a view; see :class:`PredictionRow`."""

    id = models.TextField(primary_key=True)
    dataset = models.ForeignKey(Dataset, models.DO_NOTHING)
    run = models.ForeignKey(Run, models.DO_NOTHING)
    item = models.ForeignKey(Item, models.DO_NOTHING)
    scores = ArrayField(models.FloatField())
    p_values = ArrayField(models.FloatField())
    confidence = models.FloatField(null=True)

    class Meta:
        managed = False
        db_table = "predictions_novelty_row"
        ordering = ["run_id", "item_id"]
        verbose_name = "item novelty"
        verbose_name_plural = "item novelties"

    def __str__(self) -> str:
        return f"novelty of {self.item}"
