"""Target populations: whom the data set is meant to represent."""

from django.db import models

from catalog.models import Attribute, Dataset, Upload


class Population(models.Model):
    """A population that shares are compared with, with where its figures come from."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="populations")
    name = models.CharField(max_length=80, help_text="Unique within the data set.")
    source = models.CharField(max_length=400, blank=True, help_text="Who published the figures.")
    url = models.URLField(max_length=400, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    sample_size = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="People whom the source asked, where its figures are a sample; empty for a "
        "census. Gaps, ratios and tests then take its sampling error into account.",
    )
    of = models.CharField(
        max_length=10,
        choices=Attribute.Of,
        default=Attribute.Of.ITEM,
        help_text="Whether items or annotators are meant to represent it.",
    )
    mapping = models.JSONField(
        default=dict,
        blank=True,
        help_text="Its values in the data set's words, by attribute, for example "
        '{"age": {"85-89": "80+", "90+": "80+"}}; what is left out has the same name, or lies in '
        "one band.",
    )
    margins = models.JSONField(
        default=list,
        editable=False,
        help_text="What its cells give, told by its upload: attributes, n_cells, total_weight.",
    )

    class Meta:
        ordering = ["dataset", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "name"], name="one_population_per_name_and_dataset"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def attributes(self) -> list[str]:
        """The attributes that it gives shares of."""
        return list(dict.fromkeys(name for margin in self.margins for name in margin["attributes"]))

    @property
    def n_cells(self) -> int:
        """Its cells, as its source gives them."""
        return sum(margin["n_cells"] for margin in self.margins)

    @property
    def total_weight(self) -> float | None:
        """Size of the population; unknown where its margins do not agree on one."""
        totals = {margin["total_weight"] for margin in self.margins}
        return totals.pop() if len(totals) == 1 else None

    @property
    def kind(self) -> str | None:
        """Whether it says how attributes go together (joint), or one by one only (marginal)."""
        if not self.margins:
            return None
        return "joint" if len(self.margins[0]["attributes"]) > 1 else "marginal"


class PopulationCell(models.Model):
    """The weight of one combination of attribute values, or of one value for a margin."""

    # Like items without a check in the database; the unique constraint below leads with it.
    population = models.ForeignKey(
        Population, models.CASCADE, related_name="cells", db_index=False, db_constraint=False
    )
    values = models.JSONField(help_text="Attribute name to value.")
    weight = models.FloatField(help_text="People, or any other measure of size.")
    upload = models.ForeignKey(
        Upload, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        ordering = ["population", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["population", "values"], name="one_weight_per_population_cell"
            ),
            models.CheckConstraint(
                condition=models.Q(weight__gte=0), name="population_weight_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.values}: {self.weight:g}"
