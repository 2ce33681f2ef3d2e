"""Runs of the kind ``neighbours``: places of a few numeric attributes with few items near them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.copying import copy_out
from catalog.models import Dataset, Item, Run
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from measures.coverage.neighbours import neighbours_within, scaled, uncovered_points
from measures.intervals import proportion

Floats = NDArray[np.float64]
MAX_LISTED = 500
MAX_NAMED = 100


def measure_neighbours(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Items, and places of a grid, that have fewer than k items within the radius."""
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
    k, radius = asked["k"], float(asked["radius"])
    lonely = uncovered_points(points, points, radius=radius, k=k)
    return {
        "attributes": names,
        "ranges": {
            name: [float(a), float(a + b)] for name, a, b in zip(names, low, span, strict=True)
        },
        "n_items": len(raw),
        "n_missing": int((~known).sum()),
        "items": {
            "n_uncovered": len(lonely),
            "share": proportion(len(lonely), len(raw)).as_dict(),
            "named": number[lonely[:MAX_NAMED]].tolist(),
        },
        "places": _places(points, (low, span), asked) if asked["grid"] else None,
        "conventions": CONVENTIONS,
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
