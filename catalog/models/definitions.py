"""What is asked of annotators, and what is known about items and annotators."""

from django.db import models

from catalog.models.datasets import Dataset


class Question(models.Model):
    """One thing that annotators answer about each item."""

    class Scale(models.TextChoices):
        NOMINAL = "nominal"
        ORDINAL = "ordinal"
        INTERVAL = "interval"
        RATIO = "ratio"
        CIRCULAR = "circular"
        SET = "set"

    class TieRule(models.TextChoices):
        NONE = "none", "a tie is stored as a tie"
        FIRST = "first", "the first declared value wins"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="questions")
    name = models.CharField(max_length=80, help_text="Unique within the data set.")
    scale = models.CharField(
        max_length=10, choices=Scale, help_text="Which differences between values mean something."
    )
    values = models.JSONField(
        default=list,
        blank=True,
        help_text="The allowed values in their order; left empty, the first upload is learned.",
    )
    learned = models.BooleanField(
        default=False, editable=False, help_text="The values came from uploads, not from a person."
    )
    combinations = models.JSONField(
        default=list,
        editable=False,
        help_text="For a set question: each distinct set seen, as positions in the values.",
    )
    missing_codes = models.JSONField(
        default=list, blank=True, help_text="Values that mean: no answer."
    )
    tie_rule = models.CharField(max_length=10, choices=TieRule, default=TieRule.NONE)

    class Meta:
        ordering = ["dataset", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "name"], name="one_question_per_name_and_dataset"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.scale})"

    @property
    def is_numeric(self) -> bool:
        """Whether labels of this question are stored as numbers rather than as codes."""
        return self.scale in (self.Scale.INTERVAL, self.Scale.RATIO)


class Attribute(models.Model):
    """Something known about items or annotators, by which subgroups are formed."""

    class Of(models.TextChoices):
        ITEM = "item"
        ANNOTATOR = "annotator"

    class Kind(models.TextChoices):
        CATEGORICAL = "categorical"
        ORDINAL = "ordinal"
        NUMERIC = "numeric"

    class Role(models.TextChoices):
        SUBGROUP = "subgroup"
        DESIGN_WEIGHT = "design_weight"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="attributes")
    of = models.CharField(max_length=10, choices=Of, default=Of.ITEM)
    name = models.CharField(max_length=80, help_text="The column's name in uploads.")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.CATEGORICAL)
    values = models.JSONField(
        default=list,
        blank=True,
        help_text="The possible values in their order; an absent one is still shown, with n = 0.",
    )
    bands = models.JSONField(
        default=list,
        blank=True,
        help_text='Bands of a numeric attribute, for example ["0-17", "18-64", "65+"].',
    )
    mapping = models.JSONField(
        default=dict,
        blank=True,
        help_text='Values of files and what they mean, for example {"03-Sep": "3-9"}.',
    )
    parents = models.JSONField(
        default=dict,
        blank=True,
        help_text='The group around each value, and around a group, for example {"Paris": '
        '"France", "France": "Europe"}; a value left out has none.',
    )
    role = models.CharField(
        max_length=13,
        choices=Role,
        default=Role.SUBGROUP,
        help_text="design_weight: a number above 0, how many of its kind an item stands for.",
    )
    missing_codes = models.JSONField(
        default=list, blank=True, help_text="Values that mean: unknown."
    )
    sensitive = models.BooleanField(
        default=False, help_text="A special category, such as origin or health."
    )
    purpose = models.CharField(
        max_length=1000, blank=True, help_text="What its values are needed for."
    )
    retention = models.CharField(
        max_length=200, blank=True, help_text="How long its values are kept, or until when."
    )
    declared = models.BooleanField(
        default=True, editable=False, help_text="Declared by a person, not met in an upload."
    )

    class Meta:
        ordering = ["dataset", "of", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "of", "name"], name="one_attribute_per_name_and_bearer"
            ),
            models.UniqueConstraint(
                fields=["dataset"],
                condition=models.Q(role="design_weight"),
                name="one_design_weight_per_dataset",
            ),
            models.CheckConstraint(
                condition=~models.Q(role="design_weight") | models.Q(of="item", kind="numeric"),
                name="design_weight_is_a_number_of_items",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.of}"

    @property
    def domain(self) -> list[str]:
        """The values that subgroups can have, in order: bands of a number, else the values."""
        return list(self.bands if self.kind == self.Kind.NUMERIC else self.values)
