"""The weight of each item towards a population, for other rooms: see ``catalog.exchange``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.exchange import ItemWeights
from catalog.models import Attribute, Dataset
from catalog.problems import Refusal
from catalog.queries import item_subgroups
from coverage.material import Material, material_beside
from coverage.models import Population
from coverage.parameters import WEIGHTS
from coverage.strata import Strata, strata_of
from coverage.weights import method_of, weight_by_item, weights_of


def populations(dataset: Dataset) -> tuple[str, ...]:
    """The populations of items that have cells and attributes that items have, by name."""
    known = dataset.populations.filter(of=Attribute.Of.ITEM).order_by("name")
    return tuple(one.name for one in known if one.margins and _is_known(one))


def item_weights(
    dataset: Dataset,
    population: str | None = None,
    among: NDArray[np.int64] | None = None,
) -> ItemWeights | None:
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
    return _per_item(dataset, material, among)


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


def _per_item(
    dataset: Dataset, material: Material, among: NDArray[np.int64] | None
) -> ItemWeights | None:
    strata = strata_of(dataset, Attribute.Of.ITEM, material.counts)
    if among is not None:
        strata = _only(dataset, strata, among)
    try:
        weights = weights_of(material, strata)
    except Refusal:
        return None  # No item has a value of one of the attributes.
    if weights.factors is None:
        return None
    own = weight_by_item(dataset, weights, strata)
    item = np.flatnonzero(own > 0)
    if among is not None:
        item = np.intersect1d(item, among)
    # Items of combinations that nobody in the population has weigh nothing and are left out.
    shares = own[item] / own[item].mean()
    return ItemWeights(material.population.name, item, shares, method_of(weights))


def _only(dataset: Dataset, strata: Strata, among: NDArray[np.int64]) -> Strata:
    """The strata with only these items in them."""
    of_item = strata.of_item
    if of_item is None:
        items = item_subgroups(dataset, names=[])
        values, of_item = [*items.profiles, {}], items.profile_of
        strata = Strata(values, np.ones(len(values)), np.zeros(len(values), np.int64), of_item)
    n = np.bincount(of_item[among], minlength=len(strata.values))
    return replace(strata, n=n.astype(np.int64))
