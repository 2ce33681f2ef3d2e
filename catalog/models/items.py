"""Items, annotators, and the combinations of attribute values that they share."""

from django.db import models

from catalog.models.datasets import Dataset
from catalog.models.definitions import Attribute
from catalog.models.uploads import Upload


class Profile(models.Model):
    """One distinct combination of attribute values; items and annotators point to theirs.

    The joint distribution of any number of items is then one GROUP BY of an integer.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="profiles")
    of = models.CharField(max_length=10, choices=Attribute.Of)
    values = models.JSONField(help_text="Attribute name to value; an absent name is unknown.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the values in canonical form.")

    class Meta:
        ordering = ["dataset", "of", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "of", "digest"], name="one_profile_per_combination"
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.values.items()) or "(unknown)"


class Numbered(models.Model):
    """Something that a data set numbers from 0: its key is ``dataset << 32 | number``.

    The number is what numpy arrays are indexed by; keys of one data set lie together, so that
    tables can be partitioned or distributed by data set.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    external_id = models.CharField(
        max_length=255, db_collation="C", help_text="Its name in uploads, exactly as sent (NFC)."
    )
    profile = models.ForeignKey(
        Profile, models.DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    upload = models.ForeignKey(
        Upload,
        models.DO_NOTHING,
        null=True,
        editable=False,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="The upload that described it last, else the one that named it first.",
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.external_id

    @property
    def number(self) -> int:
        """Position within the data set, from 0."""
        return self.id & 0xFFFFFFFF


class Item(Numbered):
    """The thing labelled: an image, a text, a patient."""

    # Without an index of its own: the unique constraint below leads with it. Without a check in the
    # database, which costs as much a row as storing it; a trigger takes items along instead.
    dataset = models.ForeignKey(
        Dataset, models.CASCADE, related_name="items", db_index=False, db_constraint=False
    )
    group = models.CharField(  # noqa: DJ001  unknown is not the empty name
        max_length=255,
        null=True,
        blank=True,
        help_text="What must not be split across folds: subject, scanner.",
    )
    numbers = models.JSONField(
        null=True, editable=False, help_text="Exact values of numeric attributes."
    )

    class Meta:
        ordering = ["id"]
        # The table is partitioned by data set (migration 0015): each partition has an index of this
        # name for itself, and one on the key.
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "external_id"], name="one_item_per_external_id"
            ),
        ]


class ProfileCount(models.Model):
    """How many items have each profile, so that the joint distribution is read and not counted.

    Triggers of the database keep it (migration 0012): whoever stores, changes or removes items
    pays for those alone, in the same transaction, and nobody can forget to. A data set's first
    items, which are stored apart, are counted as they are attached.
    """

    NONE = -1
    """Stands for the profile of items that have none."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_index=False)
    profile_id = models.BigIntegerField(help_text="-1: items of which nothing is known.")
    n = models.BigIntegerField(help_text="Items that have it; 0 once they all have another.")

    class Meta:
        ordering = ["dataset", "profile_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "profile_id"], name="one_count_per_profile_of_items"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.n} items of profile {self.profile_id}"


class Annotator(Numbered):
    """Who labels; known by the name in uploads, and by attributes where they were given."""

    dataset = models.ForeignKey(
        Dataset, models.CASCADE, related_name="annotators", db_index=False, db_constraint=False
    )
    numbers = models.JSONField(
        null=True, editable=False, help_text="Exact values of numeric attributes."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "external_id"], name="one_annotator_per_external_id"
            ),
        ]

    @property
    def pseudonym(self) -> str:
        """What everyone but the lead sees instead of the name."""
        return f"annotator {self.number + 1}"
