"""What can be asked about places of numeric attributes that have few items near them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog import exchange
from catalog.models import Attribute, Dataset
from coverage.pattern_parameters import check_attributes, check_names, refuse

NEIGHBOURS: dict[str, Any] = {
    "attributes": None,
    "features": None,
    "k": 10,
    "radius": 0.1,
    "grid": None,
}
MAX_ATTRIBUTES = 10
MAX_PLACES = 200_000


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The full parameters; by default all numeric attributes, and a grid where they are few."""
    check_names(parameters, "neighbours", list(NEIGHBOURS))
    full = {**NEIGHBOURS, **parameters}
    _check_nearness(full)
    if full["features"] is not None:
        return "", _of_features(dataset, full)
    known = numeric_names(dataset)
    check_attributes(full["attributes"], known)
    names = full["attributes"] or known
    if not 1 <= len(names) <= MAX_ATTRIBUTES:
        listed = ", ".join(known) or "none yet"
        refuse("attributes", f"1 to {MAX_ATTRIBUTES} of the numeric ones ({listed})", names)
    if full["radius"] > 10:
        refuse("radius", "a number above 0 and at most 10, each range being 1", full["radius"])
    full["attributes"], full["grid"] = names, _grid(full["grid"], len(names))
    return "", full


def _check_nearness(full: dict[str, Any]) -> None:
    if type(full["k"]) is not int or not 1 <= full["k"] <= 1000:
        refuse("k", "a whole number from 1 to 1,000", full["k"])
    if type(full["radius"]) not in (int, float) or not 0 < full["radius"] <= 1e9:
        refuse("radius", "a number above 0", full["radius"])


def _of_features(dataset: Dataset, full: dict[str, Any]) -> dict[str, Any]:
    """An embedding has distances of its own and no axes to lay a grid on."""
    if full["attributes"] is not None:
        refuse("attributes", "left out where features is said: it is one or the other", "both")
    if full["grid"]:
        refuse("grid", "0 or left out where features is said", full["grid"])
    known = exchange.feature_sets(dataset)
    if full["features"] not in known:
        listed = ", ".join(known) or "none yet; POST to uploads/features/ first"
        refuse("features", f"the name of a feature set ({listed})", full["features"])
    return {**full, "attributes": [], "grid": 0}


def _grid(wanted: Any, n_attributes: int) -> int:
    """Places on each attribute's range; 0 for none."""
    if wanted is None:
        return 21 if n_attributes <= 3 else 0
    if type(wanted) is not int or wanted == 1 or wanted < 0:
        refuse("grid", "a whole number from 2 on, 0 for no grid, or null", wanted)
    if wanted**n_attributes > MAX_PLACES:
        refuse("grid", f"so small that there are at most {MAX_PLACES:,} places", wanted)
    return int(wanted)


def numeric_names(dataset: Dataset) -> list[str]:
    """Numeric attributes of items that say something of them."""
    numeric = dataset.attributes.filter(of=Attribute.Of.ITEM, kind=Attribute.Kind.NUMERIC)
    kept = numeric.exclude(role=Attribute.Role.DESIGN_WEIGHT).order_by("name")
    return list(kept.values_list("name", flat=True))


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """None: how near is near has to be said by who knows the attributes."""
    yield from ()
