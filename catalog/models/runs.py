"""Computations: the row is the truth, the Celery message only a doorbell."""

import uuid

from django.conf import settings
from django.db import models

from catalog.models.datasets import Dataset
from catalog.models.uploads import Upload


class Run(models.Model):
    """One computation on one version of a data set, with its parameters and its outcome.

    waiting -> running (claimed by one worker, under a lease) -> succeeded | failed.
    A lease that runs out returns the run to waiting, at most three times. Cancelling ends it
    from waiting or running; a result that comes afterwards is dropped.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=30, help_text="What is computed.")
    subject = models.CharField(
        max_length=200, blank=True, help_text="The question, population or model it is about."
    )
    version = models.PositiveIntegerField(help_text="Version of the data set that was measured.")
    parameters = models.JSONField(default=dict)
    digest = models.CharField(
        max_length=64, help_text="SHA-256 of kind, version, parameters and code version."
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True, help_text="When workers were last rung.")
    rings = models.PositiveSmallIntegerField(default=0)
    failure = models.TextField(blank=True, help_text="Why it failed, in words.")
    code_version = models.CharField(max_length=80)
    libraries = models.JSONField(default=dict, help_text="Versions that the result depends on.")
    result = models.JSONField(null=True)
    etag = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the result.")
    upload = models.ForeignKey(Upload, models.CASCADE, null=True, related_name="runs")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "digest"],
                condition=models.Q(state__in=["waiting", "running", "succeeded"]),
                name="same_version_and_parameters_same_run",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="succeeded") | models.Q(result__isnull=False),
                name="succeeded_run_has_a_result",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="failed") | ~models.Q(failure=""),
                name="failed_run_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["dataset", "kind", "subject", "-finished_at"], name="newest_result"
            ),
            models.Index(
                fields=["published_at"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="unfinished_runs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} v{self.version} ({self.state})"


class WorkerBeat(models.Model):
    """A sign of life of a worker or sweeper process; pages warn when there is none."""

    class Kind(models.TextChoices):
        WORKER = "worker"
        SWEEPER = "sweeper"

    name = models.CharField(max_length=200, primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
