"""The weight of each item towards a population, for other rooms: see ``catalog.exchange``."""

from __future__ import annotations

import numpy as np

from catalog.exchange import ItemWeights
from catalog.models import Attribute, Dataset
from catalog.problems import Refusal
from coverage.material import Material, material_beside
from coverage.models import Population
from coverage.parameters import WEIGHTS
from coverage.strata import strata_of
from coverage.weights import method_of, weight_by_item, weights_of


def item_weights(dataset: Dataset, population: str | None = None) -> ItemWeights | None:
    """Weights by the definitions and items of this moment, not by those of an earlier run.

    ``None`` where no population of items has cells, or where one that has is not reached: the
    result of a run of the kind ``weights`` says which cells no item can stand for.

    Raises
    ------
    Refusal
        Where no population of items has this name, or several have cells and none is named.
    """
    target = _target(dataset, population)
    if target is None or not target.margins or not _is_known(target):
        return None
    # Weights take no chances: nothing is drawn.
    material = material_beside(target, WEIGHTS, np.random.default_rng(0))
    return _per_item(dataset, material)


def _target(dataset: Dataset, name: str | None) -> Population | None:
    """The population of items that is named, or the only one that has cells."""
    known = {p.name: p for p in dataset.populations.filter(of=Attribute.Of.ITEM).order_by("name")}
    if name in known:
        return known[name]
    filled = [one for one in known.values() if one.margins]
    if name is None and len(filled) < 2:
        return filled[0] if filled else None
    said = "no population was named" if name is None else f"there is no population {name!r}"
    raise Refusal(
        f"The data set {dataset.slug!r} must know towards which population items are weighted: "
        f"{said}; those of items are: {', '.join(known) or 'none yet'}.",
        code="unknown_population",
    )


def _is_known(target: Population) -> bool:
    """Whether items have each of the population's attributes."""
    items = target.dataset.attributes.filter(of=Attribute.Of.ITEM)
    return set(target.attributes) <= set(items.values_list("name", flat=True))


def _per_item(dataset: Dataset, material: Material) -> ItemWeights | None:
    strata = strata_of(dataset, Attribute.Of.ITEM, material.counts)
    try:
        weights = weights_of(material, strata)
    except Refusal:
        return None  # No item has a value of one of the attributes.
    if weights.factors is None:
        return None
    own = weight_by_item(dataset, weights, strata)
    item = np.flatnonzero(own > 0)
    # Items of combinations that nobody in the population has weigh nothing and are left out.
    shares = own[item] / own[item].mean()
    return ItemWeights(material.population.name, item, shares, method_of(weights))
