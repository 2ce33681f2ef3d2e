"""Data sets and who may do what with them."""

from django.conf import settings
from django.db import models


class Dataset(models.Model):
    """What is judged: items, their labels and attributes, the models trained on them."""

    slug = models.SlugField(max_length=80, unique=True, help_text="Its name in every address.")
    name = models.CharField(max_length=200, help_text="Its name in every title.")
    description = models.TextField(blank=True, max_length=4000)
    version = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Grows by one with each stored upload or changed definition.",
    )
    defined_version = models.PositiveIntegerField(
        default=0, editable=False, help_text="Version at which a definition last changed."
    )
    n_erased = models.PositiveIntegerField(
        default=0, editable=False, help_text="Requests by which annotators were erased."
    )
    min_cell = models.PositiveIntegerField(
        default=10, help_text="Auditors never see a subgroup with fewer members than this."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(min_cell__gte=1), name="smallest_cell_is_at_least_one"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A person's role in a data set; without one, the data set does not exist for that person."""

    class Role(models.TextChoices):
        CONTRIBUTOR = "contributor", "contributor (uploads labels)"
        AUDITOR = "auditor", "auditor (reads results and provenance)"
        MANAGER = "manager", "manager (data, definitions, runs)"
        OWNER = "owner", "owner (members, deletion)"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    annotator = models.CharField(
        max_length=255,
        blank=True,
        help_text="The annotator id that a contributor labels under; empty: any.",
    )

    class Meta:
        ordering = ["dataset", "user"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "user"], name="one_role_per_member_and_dataset"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.dataset}"
