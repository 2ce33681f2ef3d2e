"""Runs of the kind ``neighbours``: places of a few numeric attributes with few items near them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import exchange
from catalog.ingest.copying import copy_out
from catalog.models import Dataset, Item, Run
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from measures.coverage.neighbours import neighbours_within, scaled, uncovered_points
from measures.intervals import proportion

Floats = NDArray[np.float64]
MAX_LISTED = 500
MAX_NAMED = 100
#: Numbers compared, at most: about a minute.
MAX_COMPARED = 10**11


def measure_neighbours(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Items, and places of a grid, that have fewer than k items within the radius."""
    if run.parameters["features"] is not None:
        return _of_features(run.dataset, run.parameters)
    asked = run.parameters
    names = asked["attributes"]
    number, raw = _numbers(run.dataset, names)
    known = np.isfinite(raw).all(axis=1)
    number, raw = number[known], raw[known]
    if not len(raw):
        raise Refusal(
            f"No item has a number for each of {', '.join(names)}; upload them first.",
            code="attribute_missing",
        )
    points, low = scaled(raw), raw.min(axis=0)
    span = raw.max(axis=0) - low
    return {
        "features": None,
        "attributes": names,
        "ranges": {
            name: [float(a), float(a + b)] for name, a, b in zip(names, low, span, strict=True)
        },
        "n_items": len(raw),
        "n_missing": int((~known).sum()),
        "items": _lonely(number, points, asked),
        "places": _places(points, (low, span), asked) if asked["grid"] else None,
        "conventions": CONVENTIONS,
    }


def _of_features(dataset: Dataset, asked: dict[str, Any]) -> dict[str, Any]:
    """The same of an embedding's vectors, by the distances that they have."""
    found = exchange.features(dataset, asked["features"])
    if found is None or not len(found.item):
        raise Refusal(
            f"No item has a vector of features {asked['features']!r}; POST them to "
            "uploads/features/ first.",
            code="unknown_features",
        )
    n, width = found.values.shape
    if n * n * width > MAX_COMPARED:
        raise Refusal(
            f"{n:,} vectors of {width:,} numbers are too many to compare each with each; upload "
            "fewer components, such as the first ten principal ones, as features of their own.",
            code="too_many_vectors",
        )
    return {
        "features": {"name": found.name, "n_columns": width},
        "attributes": [],
        "ranges": {},
        "n_items": n,
        "n_missing": dataset.items.count() - n,
        "items": _lonely(found.item, found.values.astype(np.float64), asked),
        "places": None,
        "conventions": CONVENTIONS | {"radius": "Euclidean, of the vectors as they were sent"},
    }


def _lonely(number: NDArray[np.int64], points: Floats, asked: dict[str, Any]) -> dict[str, Any]:
    """Items that have fewer than k items near them."""
    found = uncovered_points(points, points, radius=float(asked["radius"]), k=asked["k"])
    return {
        "n_uncovered": len(found),
        "share": proportion(len(found), len(points)).as_dict(),
        "named": number[found[:MAX_NAMED]].tolist(),
    }


def _numbers(dataset: Dataset, names: list[str]) -> tuple[NDArray[np.int64], Floats]:
    """Item numbers and the exact values of some numeric attributes; NaN where not known."""
    columns = {f"x{j}": "float8" for j in range(len(names))}
    wanted = ", ".join("coalesce((numbers->>%s)::float8, 'NaN')" for _ in names)
    rows = copy_out(
        f"SELECT id & {NUMBER_MASK}, {wanted} FROM {Item._meta.db_table} "  # noqa: S608
        "WHERE dataset_id = %s ORDER BY id",
        (*names, dataset.pk),
        {"number": "int8", **columns},
    )
    return rows["number"], np.column_stack([rows[name] for name in columns])


def _places(points: Floats, scale: tuple[Floats, Floats], asked: dict[str, Any]) -> dict[str, Any]:
    """Places of a regular grid over the ranges, the emptiest first."""
    names, k = asked["attributes"], asked["k"]
    axes = [np.linspace(0, 1, asked["grid"])] * len(names)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(names))
    near = neighbours_within(points, grid, radius=float(asked["radius"]))
    empty = np.flatnonzero(near < k)
    first = empty[np.argsort(near[empty], kind="stable")][:MAX_LISTED]
    own = scale[0] + grid[first] * scale[1]
    return {
        "n": len(grid),
        "n_uncovered": len(empty),
        "listed": [
            {
                "at": dict(zip(names, place, strict=True)),
                "n": n,
                "words": f"{_said(names, place)}: {n:,} of at least {k:,} items near by",
            }
            for place, n in zip(own.tolist(), near[first].tolist(), strict=True)
        ],
    }


def _said(names: list[str], place: list[float]) -> str:
    return " & ".join(f"{name}={value:.4g}" for name, value in zip(names, place, strict=True))


CONVENTIONS = {
    "radius": "Euclidean, after each attribute's range was brought to [0, 1]; a distance equal to "
    "it counts",
    "uncovered": "fewer than k items within the radius (Asudeh et al. 2021); an item counts itself",
    "places": "of a regular grid over the ranges of the data, ends included",
}
