"""The weight of each item towards a population, for other rooms: see ``catalog.exchange``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
from coverage.weights import method_of, weight_of, weights_of

Numbers = NDArray[np.int64]
_NONE: Numbers = np.zeros(0, np.int64)


@dataclass(frozen=True)
class _Placed:
    """The strata of items, and the stratum of the item with each number."""

    strata: Strata
    of_item: Numbers


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
    material = _material(dataset, population)
    if material is None:
        return None
    placed = _by_item(dataset, material)
    told = _told(material, placed, np.arange(len(placed.of_item)) if among is None else among)
    return told if len(told.item) else None


def part_weights(
    dataset: Dataset,
    population: str,
    among: Numbers,
    parts: Sequence[tuple[Mapping[str, str], Numbers]],
) -> list[ItemWeights]:
    """Weights of each part's items towards that part of the population; see the exchange."""
    material = _material(dataset, population)
    if material is None:
        return [ItemWeights(population, _NONE, np.zeros(0), "") for _ in parts]
    placed = _by_item(dataset, material)
    whole = _told(material, placed, among)
    return [_of_part(material, placed, whole, values, items) for values, items in parts]


def _of_part(
    material: Material,
    placed: _Placed,
    whole: ItemWeights,
    values: Mapping[str, str],
    items: Numbers,
) -> ItemWeights:
    target, own = material.target, {k: v for k, v in values.items() if k in material.target.names}
    if own and len(target.margins) > 1:
        return _only(whole, np.isin(whole.item, items, assume_unique=True))
    part = target.part(own) if own else target
    if part is None:
        # Nobody in the population is like these items: they stand for no one.
        return ItemWeights(material.population.name, _NONE, np.zeros(0), "")
    towards = replace(material, placed=replace(material.placed, target=part))
    return _told(towards, placed, items)


def _only(whole: ItemWeights, some: NDArray[np.bool_]) -> ItemWeights:
    if not some.any():
        return replace(whole, item=_NONE, weights=np.zeros(0), method="")
    weights = whole.weights[some]
    return replace(whole, item=whole.item[some], weights=weights / weights.mean())


def _material(dataset: Dataset, population: str | None) -> Material | None:
    target = _target(dataset, population)
    if target is None or not target.margins or not _is_known(target):
        return None
    # Weights take no chances: nothing is drawn.
    return material_beside(target, WEIGHTS, np.random.default_rng(0))


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


def _by_item(dataset: Dataset, material: Material) -> _Placed:
    strata = strata_of(dataset, Attribute.Of.ITEM, material.counts)
    if strata.of_item is not None:
        return _Placed(strata, strata.of_item)
    items = item_subgroups(dataset, names=[])
    values, of_item = [*items.profiles, {}], items.profile_of
    strata = Strata(values, np.ones(len(values)), np.zeros(len(values), np.int64), of_item)
    return _Placed(strata, of_item)


def _told(material: Material, placed: _Placed, among: Numbers) -> ItemWeights:
    """The weights of these items, of all that there are; or whom they cannot stand for."""
    nothing = ItemWeights(material.population.name, _NONE, np.zeros(0), "")
    own = placed.of_item[among]
    n = np.bincount(own, minlength=len(placed.strata.values)).astype(np.int64)
    strata = replace(placed.strata, n=n)
    try:
        weights = weights_of(material, strata)
    except Refusal:
        return nothing  # No item has a value of one of the attributes.
    if weights.factors is None:
        lacking = tuple((part.attributes, part.target_share) for part in weights.unreachable)
        return replace(nothing, lacking=lacking)
    weight = weight_of(weights, strata)[own]
    # Items of combinations that nobody in the population has weigh nothing and are left out.
    counts, found = weight > 0, weight[weight > 0]
    return replace(
        nothing, item=among[counts], weights=found / found.mean(), method=method_of(weights)
    )
