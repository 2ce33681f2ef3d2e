"""How often something was done lately, so that nobody does it too often."""

from django.db import models


class UseCount(models.Model):
    """How often somebody did something within one minute; counted for all web processes at once."""

    what = models.CharField(max_length=20, help_text="What is counted: runs, uploads, sign-ins.")
    who = models.CharField(
        max_length=64, help_text="A user's number, or a digest of a name or address that failed."
    )
    minute = models.BigIntegerField(help_text="Minutes since 1970.")
    n = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["what", "who", "minute"]
        constraints = [
            models.UniqueConstraint(fields=["what", "who", "minute"], name="one_count_per_minute")
        ]

    def __str__(self) -> str:
        return f"{self.what}: {self.n}"
