"""What every computation about a population starts from: counts, domains, and the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.models import Attribute, Run
from catalog.problems import Refusal
from coverage import queries
from coverage.models import Population
from measures.coverage.target import Target


@dataclass(frozen=True)
class Material:
    """A data set beside one of its populations, as far as a run needs them."""

    population: Population
    counts: queries.ProfileCounts
    domains: queries.Values
    placed: queries.PlacedTarget
    attributes: dict[str, Attribute]
    parameters: dict[str, Any]
    rng: np.random.Generator
    n_differing: int = 0
    """Groups whose items differ in attributes, where groups are counted."""

    @property
    def target(self) -> Target:
        return self.placed.target


def material_of(run: Run) -> Material:
    """The run's population as a target, and the data set counted in the same attributes.

    Raises
    ------
    Refusal
        Where the population has no cells, or its cells contradict each other.
    """
    population = Population.objects.select_related("dataset").get(
        dataset=run.dataset, name=run.parameters["population"]
    )
    rng = np.random.default_rng(int(run.digest[:16], 16))
    return material_beside(population, run.parameters, rng)


def material_beside(
    population: Population, parameters: dict[str, Any], rng: np.random.Generator
) -> Material:
    """A population as a target, and its data set counted in the same attributes.

    Raises
    ------
    Refusal
        Where the population has no cells, or its cells contradict each other.
    """
    dataset = population.dataset
    if not population.margins:
        raise Refusal(
            f"The population {population.name!r} has no cells; upload them with "
            f"uploads/population/?population={population.name} first.",
            code="no_cells",
        )
    try:
        placed = queries.target_of(
            population, assume_no_interaction=parameters.get("assume_no_interaction", True)
        )
    except ValueError as error:
        raise Refusal(f"The population {population.name!r} is no target: {error}") from None
    differing = 0
    if parameters.get("unit") == "groups":
        counts, differing = queries.count_of_groups(dataset)
    else:
        counts = queries.count_of_profiles(dataset, population.of)
    attributes = queries.attributes_of(dataset, population.of)
    domains = queries.domains_of(attributes, counts)
    return Material(population, counts, domains, placed, attributes, parameters, rng, differing)


def described(material: Material) -> dict[str, Any]:
    """The population as a result tells of it: its figures' source, kind and size."""
    population = material.population
    names = ("name", "source", "url", "year", "of", "kind", "attributes", "n_cells")
    return {
        **{name: getattr(population, name) for name in names},
        "total_weight": population.total_weight,
        "sample_size": population.sample_size,
        "weight_missing": material.placed.weight_missing,
    }
