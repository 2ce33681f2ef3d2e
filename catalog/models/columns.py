"""Columns of a version, and what later versions changed: what analyses read instead of rows."""

from django.db import models

from catalog.models.datasets import Dataset


class ColumnBlock(models.Model):
    """One column of a range of items, as the bytes of an array.

    Derived from rows and disposable: a version without blocks is read from its rows. See
    :mod:`catalog.columns`.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_index=False)
    of = models.CharField(max_length=20, help_text="What the rows are, for example labels.")
    subject_id = models.BigIntegerField(help_text="The question or model that they belong to.")
    version = models.PositiveIntegerField(help_text="Version of the data set that was read.")
    column = models.CharField(max_length=40)
    number = models.IntegerField(help_text="Position of the block, from 0.")
    low = models.BigIntegerField(help_text="Number of the first item in the block.")
    high = models.BigIntegerField(help_text="Number of the last item in the block.")
    n_rows = models.IntegerField()
    dtype = models.CharField(max_length=8, help_text="As numpy writes it, little-endian.")
    names = models.JSONField(default=list, help_text="What the codes of a column of text mean.")
    body = models.BinaryField()

    class Meta:
        ordering = ["dataset", "of", "subject_id", "version", "column", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "of", "subject_id", "version", "column", "number"],
                name="one_block_per_column_and_range",
            )
        ]

    def __str__(self) -> str:
        return f"{self.column} of {self.of}, items {self.low} to {self.high}"


class VersionChange(models.Model):
    """What a version of a data set changed.

    Each version that an upload made has one row without a subject, which says of what kind the
    upload was; beside it stand the items that changed, for each subject. A version without such a
    row may have changed anything. See :mod:`catalog.changes`.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_index=False)
    version = models.PositiveIntegerField()
    of = models.CharField(max_length=20, help_text="What changed, for example labels.")
    subject_id = models.BigIntegerField(default=0, help_text="The question; 0 for the version.")
    items = models.BinaryField(default=bytes, help_text="Numbers of items as <i8, ascending.")

    class Meta:
        ordering = ["dataset", "version", "of", "subject_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "version", "of", "subject_id"],
                name="one_change_per_version_and_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.of} of version {self.version}"
