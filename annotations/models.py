"""Labels: what annotators answered."""

from django.db import models

from catalog.models import Annotator, Dataset, Item, Question, Run, Upload


class Label(models.Model):
    """One annotator's value for one item, in one round.

    The table is partitioned by question: the first upload to a question fills an empty partition
    in key order, and a question is dropped with its partition. It has no foreign keys in the
    database, since checking them costs thirty times the load; the upload checks every row.
    """

    class Status(models.IntegerChoices):
        ANSWERED = 0, "answered"
        SKIPPED = 1, "skipped"
        EMPTY = 2, "answered empty"

    pk = models.CompositePrimaryKey("question_id", "item_id", "annotator_id", "round")
    question = models.ForeignKey(Question, models.DO_NOTHING, db_constraint=False, db_index=False)
    item = models.ForeignKey(Item, models.DO_NOTHING, db_constraint=False, db_index=False)
    annotator = models.ForeignKey(Annotator, models.DO_NOTHING, db_constraint=False, db_index=False)
    upload = models.ForeignKey(Upload, models.DO_NOTHING, db_constraint=False, db_index=False)
    number = models.FloatField(null=True, help_text="The value of a numeric question.")
    labelled_at = models.DateTimeField(null=True)
    code = models.IntegerField(null=True, help_text="Position in the question's values.")
    duration_ms = models.IntegerField(null=True)
    round = models.SmallIntegerField(default=1, help_text="Repeated labels by one annotator.")
    status = models.SmallIntegerField(choices=Status, default=Status.ANSWERED)
    confidence = models.FloatField(null=True, help_text="The annotator's own, in [0, 1].")
    batch = models.TextField(null=True)  # noqa: DJ001  not stated is not the empty name
    guideline_version = models.TextField(null=True)  # noqa: DJ001
    comment = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        ordering = ["question_id", "item_id", "annotator_id", "round"]

    def __str__(self) -> str:
        return f"label of item {self.item_id} by annotator {self.annotator_id}"


class SupersededLabel(models.Model):
    """A label as it was before a later upload changed it, or before its own was withdrawn.

    Never erased. Without foreign keys in the database, as labels are: checking three of them costs
    as much a row as keeping it.
    """

    # Without an index of its own: the one below leads with it.
    question = models.ForeignKey(
        Question, models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    item = models.ForeignKey(
        Item, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    annotator = models.ForeignKey(
        Annotator, models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    round = models.SmallIntegerField()
    code = models.IntegerField(null=True)
    number = models.FloatField(null=True)
    status = models.SmallIntegerField(choices=Label.Status)
    labelled_at = models.DateTimeField(null=True)
    upload = models.ForeignKey(
        Upload,
        models.CASCADE,
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
    confidence = models.FloatField(null=True)
    duration_ms = models.IntegerField(null=True)
    batch = models.TextField(null=True)  # noqa: DJ001  as in a label
    guideline_version = models.TextField(null=True)  # noqa: DJ001
    comment = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        ordering = ["-superseded_at", "id"]
        indexes = [
            models.Index(fields=["question", "item", "annotator"], name="history_of_a_label")
        ]

    def __str__(self) -> str:
        return f"earlier label of item {self.item_id} by annotator {self.annotator_id}"


class LabelRow(models.Model):
    """A label with its key as one text, from a view: Django's admin needs a single key."""

    id = models.TextField(primary_key=True)
    dataset = models.ForeignKey(Dataset, models.DO_NOTHING)
    question = models.ForeignKey(Question, models.DO_NOTHING)
    item = models.ForeignKey(Item, models.DO_NOTHING)
    annotator = models.ForeignKey(Annotator, models.DO_NOTHING)
    round = models.SmallIntegerField()
    value = models.TextField(null=True)  # noqa: DJ001
    status = models.SmallIntegerField(choices=Label.Status)
    labelled_at = models.DateTimeField(null=True)
    upload = models.ForeignKey(Upload, models.DO_NOTHING)

    class Meta:
        managed = False
        db_table = "annotations_label_row"
        ordering = ["question_id", "item_id", "annotator_id", "round"]
        verbose_name = "label"

    def __str__(self) -> str:
        return f"{self.value} by {self.annotator} for {self.item}"


class RowBlock(models.Model):
    """Some rows of a table of a run, as the bytes of an array; see :mod:`annotations.ranked`.

    A result of millions of items would be too large for one JSON value.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    table = models.CharField(max_length=40, help_text="The table's name within the result.")
    number = models.IntegerField(
        help_text="Position of the block, from 0; -1: the columns; -2, -3: whom each row is about."
    )
    body = models.BinaryField()

    class Meta:
        ordering = ["run", "table", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "table", "number"], name="one_block_per_run_table_and_number"
            ),
        ]

    def __str__(self) -> str:
        return f"block {self.number} of {self.table} of run {self.run_id}"
