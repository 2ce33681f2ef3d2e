"""A model's calibration in each value of every item attribute, and where values meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import combinations, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Run
from catalog.queries import Subgroups, item_subgroups
from measures.calibration.forecasts import Forecasts
from measures.calibration.report import CalibrationReport
from measures.calibration.resampling import Bootstrap
from measures.calibration.subgroups import adjusted, subgroup_calibration
from measures.estimates import Estimate, Reason
from predictions.weighting import part_weights

#: Intersections beyond the largest of this many are left out, and counted.
MAX_INTERSECTIONS = 300


@dataclass(frozen=True)
class Family:
    """Subgroups that no item is in twice: the values of one attribute, or of several together."""

    attributes: list[dict[str, str]]
    codes: NDArray[np.int64]
    sizes: NDArray[np.int64]


def measure_subgroups(
    run: Run,
    forecasts: Forecasts,
    item: NDArray[np.int64],
    bootstrap: Bootstrap,
    should_stop: Callable[[], bool],
    *,
    n_labels: int = 1,
) -> tuple[list[dict[str, Any]], int]:
    """Every subgroup's numbers, p-values adjusted, and how many subgroups were left out.

    Those of one attribute are adjusted together, and so are those of two, and of three. A single
    value is shown whatever its size; an intersection from ``min_items`` items on. Where an item
    has ``n_labels`` rows, one a label, they count as one item. In a run about a population each
    subgroup is weighted to the composition that it has there.
    """
    min_items = run.parameters["min_items"] * n_labels
    families, n_left_out = _families(item_subgroups(run.dataset), item, run, min_items)
    found: list[CalibrationReport] = []
    names: list[dict[str, str]] = []
    told: list[dict[str, Any] | None] = []
    for family in families:
        if should_stop():
            break
        part = _weighted(run, forecasts, item, family)
        found += subgroup_calibration(
            part.forecasts,
            part.codes,
            bootstrap,
            n_subgroups=len(family.attributes),
            min_items=min_items,
            n_bins=run.parameters["n_bins"],
        )
        names += family.attributes
        told += part.told
    rows = [_shown(name, one) for name, one in zip(names, _by_depth(names, found), strict=True)]
    rows = [{**row, "n": row["n"] // n_labels} for row in rows]
    return [_explained(row, one) for row, one in zip(rows, told, strict=True)], n_left_out


@dataclass(frozen=True)
class _Weighted:
    """A family of subgroups as it is measured; how each of them was weighted, if at all."""

    forecasts: Forecasts
    codes: NDArray[np.int64]
    told: list[dict[str, Any] | None]


def _weighted(run: Run, forecasts: Forecasts, item: NDArray[np.int64], family: Family) -> _Weighted:
    population = run.parameters.get("population")
    if population is None:
        return _Weighted(forecasts, family.codes, [None] * len(family.attributes))
    parts = part_weights(run.dataset, population, item, family.attributes, family.codes)
    counts = parts.weights > 0
    codes = np.where(counts, family.codes, -1)
    weights = np.where(counts, parts.weights, 1.0)
    return _Weighted(replace(forecasts, weights=weights, weighted=True), codes, [*parts.told])


def _explained(row: dict[str, Any], weighting: dict[str, Any] | None) -> dict[str, Any]:
    """A subgroup's row with how it was weighted, and the reason where it cannot be."""
    if weighting is None:
        return row
    if weighting["reason"] is not None:
        row = with_reason(row, Reason.NO_DATA.value, weighting["reason"])
    return {**row, "weighting": weighting}


def _by_depth(
    names: list[dict[str, str]], found: list[CalibrationReport]
) -> list[CalibrationReport]:
    """P-values adjusted: to look deeper as well makes no value of one attribute less certain."""
    parts = groupby(zip(names, found, strict=True), key=lambda pair: len(pair[0]))
    return [one for _, part in parts for one in adjusted([report for _, report in part])]


def _families(
    subgroups: Subgroups, item: NDArray[np.int64], run: Run, min_items: int
) -> tuple[list[Family], int]:
    named = [name for name, values in subgroups.values.items() if values]
    single = single_families(subgroups, item)
    crossed = [
        _crossed(subgroups, names, item, min_items)
        for depth in range(2, run.parameters["depth"] + 1)
        for names in combinations(named, depth)
    ]
    sizes = np.sort(np.concatenate([np.zeros(0, np.int64), *(f.sizes for f in crossed)]))[::-1]
    if len(sizes) <= MAX_INTERSECTIONS:
        return [*single, *crossed], 0
    # Equal sizes at the edge all go, so that the outcome does not depend on their order.
    least = int(sizes[MAX_INTERSECTIONS]) + 1
    return [*single, *(_at_least(f, least) for f in crossed)], int((sizes < least).sum())


def single_families(subgroups: Subgroups, item: NDArray[np.int64]) -> list[Family]:
    """The values of each attribute, each attribute a family."""
    return [
        Family(
            [{name: value} for value in values],
            subgroups.codes[name][item],
            np.zeros(0, np.int64),
        )
        for name, values in subgroups.values.items()
        if values
    ]


def _crossed(
    subgroups: Subgroups, names: tuple[str, ...], item: NDArray[np.int64], min_items: int
) -> Family:
    """The combinations of these attributes' values that occur in enough items."""
    columns = np.stack([subgroups.codes[name][item] for name in names])
    shape = tuple(len(subgroups.values[name]) for name in names)
    known = (columns >= 0).all(axis=0)
    codes = np.full(len(item), -1, np.int64)
    flat = np.ravel_multi_index(tuple(columns[:, known]), shape)
    cells, codes[known], sizes = np.unique(flat, return_inverse=True, return_counts=True)
    places = np.stack(np.unravel_index(cells, shape), axis=1)
    attributes = [
        {name: subgroups.values[name][i] for name, i in zip(names, place, strict=True)}
        for place in places.tolist()
    ]
    return _at_least(Family(attributes, codes, sizes.astype(np.int64)), min_items)


def _at_least(family: Family, min_items: int) -> Family:
    kept = family.sizes >= min_items
    renumber = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    attributes = [a for a, keep in zip(family.attributes, kept, strict=True) if keep]
    return Family(attributes, renumber[family.codes], family.sizes[kept])


def _shown(attributes: dict[str, str], one: CalibrationReport) -> dict[str, Any]:
    return {
        "of": "item",
        "attributes": attributes,
        "n": one.n,
        "n_groups": one.n_clusters,
        "n_effective": one.scores.conventions.get("n_eff"),
        **shown_report(one),
        "tests": {**one.tests.cox.as_dict(), **_other_tests(one)},
        "detectable": _detectable(one),
    }


def shown_report(report: CalibrationReport) -> dict[str, Any]:
    """Scores, errors and curves, of all items or of a subgroup."""
    return {
        "scores": shown_numbers(report.scores.estimates),
        "ece": shown_numbers(report.ece.errors),
        "ece_if_calibrated": shown_numbers(report.ece.expected_if_calibrated),
        "effective_bins": report.ece.effective_bins,
        **report.curves(),
    }


def _other_tests(one: CalibrationReport) -> dict[str, Any]:
    """Beside Cox's, which is the headline: those that see other departures."""
    tests = one.tests.as_dict()
    return {name: one for name, one in tests.items() if name not in ("cox", "detectable")}


def _detectable(one: CalibrationReport) -> dict[str, Any] | None:
    """What error these items could show, and how many more a mean error of five points takes."""
    found = one.tests.detectable
    if found is None:
        return None
    more = None if found.n_for_target is None else max(0, found.n_for_target - one.n)
    return {**asdict(found), "n_more_for_target": more}


def shown_numbers(estimates: dict[str, Estimate]) -> dict[str, dict[str, Any]]:
    """Numbers by key, JSON-ready."""
    return {key: estimate.as_dict() for key, estimate in estimates.items()}


def with_reason(value: Any, old: str, new: str) -> Any:
    """The same result, its numbers missing for a reason that says more."""
    if isinstance(value, list):
        return [with_reason(item, old, new) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: new if key == "reason" and item == old else with_reason(item, old, new)
        for key, item in value.items()
    }
