"""Persons who asked to be forgotten: that it was done, and nothing about whom."""

import uuid

from django.conf import settings
from django.db import models

from catalog.models.datasets import Dataset


class Erasure(models.Model):
    """One annotator's identity was destroyed in a data set; nothing here leads back to it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="erasures")
    version = models.PositiveIntegerField(
        help_text="Version of the data set, which stays: no figure changes."
    )
    done = models.JSONField(help_text="How many rows and files of each kind were changed.")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-erased_at", "id"]

    def __str__(self) -> str:
        return f"erasure in {self.dataset} at version {self.version}"
