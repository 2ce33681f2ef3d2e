"""What rows were before an upload changed them."""

from django.db import models

from catalog.models.datasets import Dataset
from catalog.models.uploads import Upload


class EarlierRow(models.Model):
    """A row as it was before an upload changed it, or before its own upload was withdrawn.

    Never erased. One table for all kinds but labels, whose earlier rows are read one by one
    (``annotations.SupersededLabel``); it is written only where something is replaced. Without
    foreign keys in the database: checking three of them costs as much a row as keeping it.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, db_constraint=False, related_name="+")
    of = models.CharField(max_length=20, help_text="What it was: item, reference, prediction, ...")
    key = models.BigIntegerField(help_text="Its number; of a prediction that of its item.")
    row = models.JSONField(help_text="Its columns, or what else was changed.")
    upload = models.ForeignKey(
        Upload,
        models.CASCADE,
        null=True,
        db_constraint=False,
        related_name="+",
        help_text="The upload that brought it.",
    )
    superseded_by = models.ForeignKey(
        Upload,
        models.CASCADE,
        null=True,
        db_constraint=False,
        related_name="+",
        help_text="The upload that changed it; empty: its own upload was withdrawn.",
    )
    superseded_at = models.DateTimeField()
    restored_at = models.DateTimeField(
        null=True, help_text="When the upload that changed it was withdrawn, and it came back."
    )

    class Meta:
        ordering = ["-superseded_at", "id"]
        indexes = [models.Index(fields=["of", "key"], name="history_of_a_row")]

    def __str__(self) -> str:
        return f"earlier {self.of} {self.key}"
