"""Labels that are taken as correct."""

from django.db import models

from catalog.models.definitions import Question
from catalog.models.items import Item
from catalog.models.runs import Run
from catalog.models.uploads import Upload


class ReferenceLabel(models.Model):
    """The value that is taken as correct for an item, with where it came from.

    Rooms meet here: a consensus is written as a reference label, calibration reads it.
    """

    class Source(models.TextChoices):
        GOLD = "gold"
        CONSENSUS = "consensus"
        ADJUDICATED = "adjudicated"

    question = models.ForeignKey(Question, models.CASCADE, related_name="reference_labels")
    item = models.ForeignKey(Item, models.DO_NOTHING, db_constraint=False, related_name="+")
    source = models.CharField(max_length=12, choices=Source, default=Source.GOLD)
    code = models.IntegerField(null=True, help_text="Position in the question's values.")
    number = models.FloatField(null=True, help_text="The value of a numeric question.")
    method = models.CharField(max_length=80, blank=True, help_text="How it was arrived at.")
    confidence = models.FloatField(null=True, blank=True, help_text="In [0, 1].")
    tie = models.BooleanField(default=False, help_text="No single value won.")
    upload = models.ForeignKey(Upload, models.SET_NULL, null=True, related_name="+")
    run = models.ForeignKey(Run, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["question", "item", "source"]
        constraints = [
            models.UniqueConstraint(
                fields=["question", "item", "source"], name="one_reference_per_item_and_source"
            ),
            models.CheckConstraint(
                condition=models.Q(code__isnull=True) | models.Q(number__isnull=True),
                name="reference_is_a_code_or_a_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} label of item {self.item_id}"
