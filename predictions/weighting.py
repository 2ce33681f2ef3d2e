"""What each item counts for: as a file stated, or so that the items stand for a population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import exchange
from catalog.models import Dataset
from measures.calibration.forecasts import kish_n_eff, rows_of
from measures.estimates import Reason
from predictions.models import ModelVersion
from predictions.probabilities import read_weights

#: Parts of a population that a subgroup lacks are named up to this many.
MAX_LACKING = 20


@dataclass(frozen=True)
class Weighting:
    """The weight of each of some items, or no weights at all.

    Parameters
    ----------
    by : str or None, ``file`` or ``population``
    weights : (n,) float64 or None, 0 where an item has none and is left out
    population : str or None
    method : str, how a population's weights were made; empty where there are none
    """

    by: str | None = None
    weights: NDArray[np.float64] | None = None
    population: str | None = None
    method: str = ""

    def kept(self, n: int) -> NDArray[np.bool_]:
        """Which of the ``n`` items count at all."""
        return np.ones(n, bool) if self.weights is None else self.weights > 0

    def as_dict(self, n: int) -> dict[str, Any]:
        """How the items count, as a result tells of it; ``n`` of them were asked about."""
        kept = self.kept(n)
        used = np.ones(n) if self.weights is None else self.weights[kept]
        effective = kish_n_eff(used)
        return {
            "by": self.by,
            "population": self.population,
            "method": self.method or None,
            "n_effective": effective,
            "design_effect": len(used) / effective if effective else None,
            "smallest": float(used.min()) / float(used.mean()) if len(used) else None,
            "largest": float(used.max()) / float(used.mean()) if len(used) else None,
            "n_left_out": int(n - kept.sum()),
        }


def stated_weights(model: ModelVersion, item: NDArray[np.int64]) -> Weighting:
    """The weights that the model's files state; none where no file does."""
    if not model.has_weights:
        return Weighting()
    known, weights = read_weights(model)
    return Weighting("file", _at(item, known, weights))


def population_weights(dataset: Dataset, population: str, item: NDArray[np.int64]) -> Weighting:
    """Weights that give these items the composition of a population.

    All weights are 0 where the items cannot stand for it, because it has parts without any.
    """
    told = exchange.item_weights(dataset, population, among=item)
    if told is None:
        return Weighting("population", np.zeros(len(item)), population)
    weights = _at(item, told.item, told.weights)
    return Weighting("population", weights, told.population, told.method)


@dataclass(frozen=True)
class WeightedParts:
    """Items of disjoint subgroups, weighted within each of them.

    Parameters
    ----------
    weights : (n,) float64, 0 where an item is left out
    told : list of dict, how the items of each subgroup count, or why they cannot
    """

    weights: NDArray[np.float64]
    told: list[dict[str, Any]]


def part_weights(
    dataset: Dataset,
    population: str,
    item: NDArray[np.int64],
    attributes: list[dict[str, str]],
    codes: NDArray[np.int64],
) -> WeightedParts:
    """Weights that give each subgroup the composition of the same part of the population."""
    rows = list(rows_of(codes, len(attributes)))
    # Of several labels an item each is a row.
    items = [np.unique(item[own]) for own in rows]
    parts = list(zip(attributes, items, strict=True))
    found = exchange.part_weights(dataset, population, np.unique(item), parts)
    weights, told = np.zeros(len(item)), []
    for own, members, one in zip(rows, items, found, strict=True):
        weights[own] = _at(item[own], one.item, one.weights)
        each = Weighting("population", _at(members, one.item, one.weights), population, one.method)
        said = each.as_dict(len(members))
        missed = len(members) > 0 and not len(one.item)
        lacking = [{"attributes": dict(a), "target_share": share} for a, share in one.lacking]
        reason = Reason.NO_OVERLAP.value if missed else None
        told.append({**said, "reason": reason, "lacking": lacking[:MAX_LACKING]})
    return WeightedParts(weights, told)


def _at(
    item: NDArray[np.int64], known: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weight of each item, 0 where it has none; ``known`` ascends."""
    found = np.zeros(len(item))
    if len(known):
        place = np.minimum(np.searchsorted(known, item), len(known) - 1)
        found = np.where(known[place] == item, weights[place], 0.0)
    return found
