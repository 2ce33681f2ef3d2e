"""Keys for programs."""

from django.db import models
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """A key that a program sends instead of a password; only its hash is stored."""

    class Scope(models.TextChoices):
        READ = "read"
        WRITE = "write"

    name = models.CharField(max_length=80, help_text="What the key is for.")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.WRITE)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.scope})"
