"""The growth curves of the paper on uncovered patterns: by rows, by attributes, by threshold."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.growth import Points, draw
from measures.coverage.cube import Attribute, Cube, count_items
from measures.coverage.patterns import uncovered_patterns
from measures.coverage.thresholds import count_threshold

ROWS = (1_000, 10_000, 100_000, 1_000_000)
ATTRIBUTES = (5, 7, 9, 11, 13, 15, 16)
"""The 3 to the power of 17 patterns of the paper's last step are more than fit into 1 GB."""
MANY_ATTRIBUTES = (5, 10, 15, 20, 25, 30, 35)
RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
DIAMOND_RATES = (1e-5, 1e-4, 1e-3, 1e-2)


def binary_rows(n_rows: int, n_attributes: int) -> list[np.ndarray[Any, np.dtype[np.int8]]]:
    """Rows that share a hidden liking, so that attributes go together as in real lists."""
    rng = np.random.default_rng(20190408)
    liking = rng.random(n_rows)
    return [
        (rng.random(n_rows) < liking * rng.random()).astype(np.int8) for _ in range(n_attributes)
    ]


def binary_cube(n_rows: int, n_attributes: int) -> Cube:
    """Those rows, counted."""
    axes = [Attribute(f"a{j}", ("0", "1")) for j in range(n_attributes)]
    return count_items(axes, binary_rows(n_rows, n_attributes))


def draw_growth(picture: Path | None, bluenile: Cube | None, command: list[str]) -> None:
    """Measure the paper's curves and draw them into three files beside each other."""
    curves = {"rows": by_rows(), "attributes": by_attributes(), "threshold": by_threshold(bluenile)}
    titles = {
        "rows": ("Rows x 15 binary attributes, threshold 0.1 %", "rows"),
        "attributes": ("1,000,000 rows, threshold 0.1 %", "binary attributes"),
        "threshold": ("Search by threshold, counts in memory", "threshold, share of the rows"),
    }
    for name, series in curves.items():
        title, x = titles[name]
        for curve, points in series.items():
            told = ", ".join(f"{at:g}: {cost:.3f}" for at, cost in points)
            print(f"{title}; {curve}: {told}")
        path = picture and picture.with_stem(f"{picture.stem}-{name}")
        draw(path, series, title=title, x=x, command=command, linear=name == "rows")


def by_rows() -> dict[str, Points]:
    """Counting and searching 15 attributes, of a thousand to a million rows."""
    counted, searched = [], []
    for n_rows in ROWS:
        rows = binary_rows(n_rows, 15)
        axes = [Attribute(f"a{j}", ("0", "1")) for j in range(15)]
        cube, cost = timed(partial(count_items, axes, rows))
        counted.append((n_rows, cost))
        searched.append((n_rows, _search(cube, 1e-3, None)))
    return {"count the profiles": counted, "search, all levels": searched}


def by_attributes() -> dict[str, Points]:
    """All levels of a few attributes, and the first levels of many."""
    curves: dict[str, Points] = {
        "all levels": [(d, _search(binary_cube(1_000_000, d), 1e-3, None)) for d in ATTRIBUTES]
    }
    found: dict[int, list[tuple[float, float]]] = {2: [], 4: []}
    for d in MANY_ATTRIBUTES:
        cube = binary_cube(1_000_000, d)
        for level, points in found.items():
            points.append((d, _search(cube, 1e-3, level)))
    return curves | {f"to level {level}": points for level, points in found.items()}


def by_threshold(bluenile: Cube | None) -> dict[str, Points]:
    """All levels, for thresholds from one in a million to one in a hundred."""
    cubes: dict[str, tuple[Cube, tuple[float, ...]]] = {}
    cubes["1,000,000 x 15 binary"] = (binary_cube(1_000_000, 15), RATES)
    if bluenile is not None:
        cubes["BlueNile, 7 attributes"] = (bluenile, DIAMOND_RATES)
    return {
        name: [(rate, _search(cube, rate, None)) for rate in rates]
        for name, (cube, rates) in cubes.items()
    }


def _search(cube: Cube, rate: float, max_level: int | None) -> float:
    threshold = count_threshold(max(1, round(rate * cube.n_items)))
    return timed(lambda: uncovered_patterns(cube, threshold, max_level=max_level))[1]


def timed(step: Callable[[], Any]) -> tuple[Any, float]:
    """What a step found, and its CPU seconds."""
    before = time.process_time()
    found = step()
    return found, time.process_time() - before
