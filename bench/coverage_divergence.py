"""Diverging subgroups beside DivExplorer and SliceLine on the same rows, where installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.coverage_growth import timed
from measures.coverage.cube import Attribute, Cube, count_items
from measures.coverage.divergence import diverging_subgroups
from measures.coverage.mean_divergence import sliceline_score

Codes = NDArray[Any]
CARDS = (2, 9, 5, 4, 3, 6)
LEVEL = 3
SUPPORT = 0.005


def compare(n_rows: int) -> None:
    """CPU seconds of all three, and whether they found the same."""
    codes, label = _rows(n_rows)
    (whole, hits), counting = timed(lambda: _cubes(codes, label))
    print(f"\n{n_rows:,} rows x {len(CARDS)}: counted in {counting:.3f} s")
    if _has("divexplorer"):
        _beside_divexplorer(codes, label, (whole, hits))
    if _has("sliceline"):
        _beside_sliceline(codes, label, (whole, hits))


def _beside_divexplorer(codes: Codes, label: Codes, cubes: tuple[Cube, Cube]) -> None:
    """All levels, since it has no other limit than the support."""
    least = int(SUPPORT * len(codes))
    searched = partial(diverging_subgroups, *cubes, max_level=len(CARDS), min_items=least)
    found, ours = timed(searched)
    table, theirs = timed(_by_divexplorer(codes, label))
    mine = sorted((row.n, row.divergence) for row in found)
    other = sorted(zip(table["support_count"], table["label_div"], strict=True))
    other.remove((len(codes), 0.0))
    same = len(mine) == len(other) and np.allclose(mine, other, atol=1e-5)
    print(f"{len(found):,} subgroups of {least:,} rows and more: ours {ours:.2f} s, ", end="")
    print(f"DivExplorer {theirs:.2f} s; the same sizes and divergences: {same}")


def _beside_sliceline(codes: Codes, label: Codes, cubes: tuple[Cube, Cube]) -> None:
    least = int(SUPPORT * len(codes))
    searched = partial(diverging_subgroups, *cubes, max_level=LEVEL, min_items=least)
    found, ours = timed(searched)
    finder, theirs = timed(_by_sliceline(codes, label, least))
    n = np.array([row.n for row in found])
    rates = np.array([row.k / row.n for row in found])
    scores = np.sort(sliceline_score(n, rates, len(codes), label.mean()))[::-1]
    best = [row["slice_score"] for row in finder.top_slices_statistics_]
    print(f"{len(found):,} subgroups of up to {LEVEL} attributes: ours {ours:.2f} s, ", end="")
    same = np.allclose(scores[: len(best)], best)
    print(f"SliceLine {theirs:.2f} s; the same {len(best)} best scores: {same}")


def _rows(n_rows: int) -> tuple[Codes, Codes]:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, CARDS, (n_rows, len(CARDS)))
    share = 0.2 + 0.2 * ((codes[:, 0] == 1) & (codes[:, 1] == 2)) + 0.1 * (codes[:, 2] == 1)
    return codes, rng.random(n_rows) < share


def _cubes(codes: Codes, label: Codes) -> tuple[Cube, Cube]:
    axes = [Attribute(f"a{j}", tuple(map(str, range(k)))) for j, k in enumerate(CARDS)]
    return count_items(axes, list(codes.T)), count_items(axes, list(codes[label].T))


def _has(package: str) -> bool:
    if find_spec(package):
        return True
    print(f"{package} is not installed; install it beside the service to compare with it.")
    return False


def _by_divexplorer(codes: Codes, label: Codes) -> Callable[[], dict[str, Any]]:
    frame = import_module("pandas").DataFrame(codes, columns=[f"a{j}" for j in range(len(CARDS))])
    names = list(frame.columns)
    frame["label"] = label.astype(int)
    explorer = import_module("divexplorer").DivergenceExplorer(frame)
    return lambda: explorer.get_pattern_divergence(
        min_support=SUPPORT, attributes=names, boolean_outcomes=["label"]
    )


def _by_sliceline(codes: Codes, label: Codes, least: int) -> Callable[[], Any]:
    finder = import_module("sliceline").Slicefinder(
        alpha=0.95, k=10, max_l=LEVEL, min_sup=least, verbose=False
    )
    return lambda: finder.fit(codes + 1, label.astype(float))
