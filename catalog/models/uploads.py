"""Files that came in."""

import uuid

from django.conf import settings
from django.db import models

from catalog.models.datasets import Dataset


class Upload(models.Model):
    """One file, as sent; every stored row points to the upload that brought it."""

    class State(models.TextChoices):
        RECEIVED = "received"
        CHECKING = "checking"
        STORED = "stored"
        REJECTED = "rejected"
        FAILED = "failed"
        WITHDRAWN = "withdrawn"

    class OnError(models.TextChoices):
        REJECT = "reject", "reject the file"
        SKIP = "skip", "store the rows without problems"

    class Mode(models.TextChoices):
        UPSERT = "upsert", "a changed row replaces the old value, which is kept"
        ADD = "add", "a changed row is a problem"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="uploads")
    kind = models.CharField(max_length=20, help_text="What the file holds: labels, items, ...")
    subject = models.CharField(
        max_length=200, blank=True, help_text="The question, population or model it belongs to."
    )
    file_name = models.CharField(max_length=255, blank=True, help_text="As the sender called it.")
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField(help_text="Bytes as sent.")
    options = models.JSONField(default=dict, help_text="Format, delimiter, column mapping.")
    on_error = models.CharField(max_length=10, choices=OnError, default=OnError.REJECT)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.UPSERT)
    dry_run = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001  absent is not ""
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    rows_read = models.BigIntegerField(default=0)
    rows_stored = models.BigIntegerField(default=0)
    rows_unchanged = models.BigIntegerField(default=0)
    rows_replaced = models.BigIntegerField(default=0)
    rows_rejected = models.BigIntegerField(default=0)
    version = models.PositiveIntegerField(
        null=True, help_text="Version of the data set once this was stored."
    )
    problems = models.JSONField(default=list, help_text="The first 1,000.")
    problem_count = models.BigIntegerField(default=0)
    warnings = models.JSONField(default=list)
    failure = models.TextField(blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="uploads"
    )
    received_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    file_erased_at = models.DateTimeField(
        null=True, help_text="When its file was deleted, because it named an erased annotator."
    )
    withdrawn_at = models.DateTimeField(null=True, help_text="When it was undone.")
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-received_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "uploaded_by", "idempotency_key"],
                name="one_upload_per_idempotency_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.file_name or self.sha256[:8]} ({self.state})"
