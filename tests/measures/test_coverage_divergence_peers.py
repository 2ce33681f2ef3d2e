"""Diverging subgroups beside DivExplorer 0.2.6 and SliceLine 0.3.0, run on the same 600 rows."""

import numpy as np
import pytest

from measures.coverage.cube import Attribute, count_items
from measures.coverage.divergence import diverging_subgroups, global_contributions
from measures.coverage.mean_divergence import sliceline_score

CARDS = {"a": 2, "b": 3, "c": 2}
# DivExplorer: minimum support 30 of 600; size, divergence and t of the first by divergence.
DIVEXPLORER = {
    "a=1 b=2": (91, 0.247784, 4.504129),
    "b=2 c=1": (94, 0.145142, 2.703957),
    "b=2": (191, 0.085768, 2.174293),
    "a=0 c=1": (130, 0.067564, 1.501519),
    "c=1": (301, 0.047171, 1.433776),
    "a=1 c=0": (143, 0.040991, 0.975782),
}
# Its global Shapley values, over patterns of up to three attributes.
GLOBAL = {
    "a=1": 0.02114353226864078,
    "a=0": -0.018170819286168278,
    "b=0": -0.018375650660871306,
    "b=1": -0.008286934601934314,
    "b=2": 0.030534379769576014,
    "c=1": 0.024319014616517188,
    "c=0": -0.021984112663907412,
}
# SliceLine: alpha 0.95, at least 30 items, at most two attributes; the five best slices.
SLICELINE = {
    "a=1 b=2": 0.5006435553396876,
    "b=2 c=1": 0.1879275890443159,
    "b=2": 0.16302970697983837,
    "c=1": 0.09888034360602758,
    "a=1": 0.067554632790231,
}


def rows():
    """Three attributes and an outcome from a linear congruential sequence."""
    x = 7

    def draw():
        nonlocal x
        x = (1103515245 * x + 12345) % 2**31
        return x / 2**31

    for _ in range(600):
        a, b, c = (int(draw() * card) for card in CARDS.values())
        yield a, b, c, draw() < 0.2 + 0.3 * (a == 1 and b == 2) + 0.1 * (c == 1)


@pytest.fixture(scope="module")
def cubes():
    table = np.array(list(rows()), int)
    axes = [Attribute(name, tuple(map(str, range(card)))) for name, card in CARDS.items()]
    hit = table[table[:, 3] == 1]
    return count_items(axes, list(table[:, :3].T)), count_items(axes, list(hit[:, :3].T))


def named(attributes):
    return " ".join(f"{name}={value}" for name, value in sorted(attributes.items()))


def test_divexplorer_finds_the_same_divergence(cubes):
    found = {
        named(row.attributes): row for row in diverging_subgroups(*cubes, max_level=2, min_items=30)
    }
    ordered = sorted(found, key=lambda name: -found[name].divergence)
    assert ordered[: len(DIVEXPLORER)] == list(DIVEXPLORER)
    for name, (n, divergence, t) in DIVEXPLORER.items():
        row = found[name]
        # Its t has no sign.
        assert (row.n, row.divergence) == (n, pytest.approx(divergence, abs=5e-7))
        assert abs(row.t) == pytest.approx(t, abs=5e-7)


def test_divexplorer_finds_the_same_contributions(cubes):
    found = diverging_subgroups(*cubes, max_level=3, min_items=30)
    contributions = global_contributions(found, CARDS)
    assert {f"{name}={value}": x for (name, value), x in contributions.items()} == pytest.approx(
        GLOBAL, abs=1e-12
    )


def test_sliceline_finds_the_same_slices(cubes):
    whole, hits = cubes
    found = diverging_subgroups(whole, hits, max_level=2, min_items=30)
    rate = hits.n_items / whole.n_items
    scores = {
        named(row.attributes): float(sliceline_score(row.n, row.k / row.n, whole.n_items, rate))
        for row in found
    }
    best = dict(sorted(scores.items(), key=lambda one: -one[1])[:5])
    assert list(best) == list(SLICELINE)
    assert best == pytest.approx(SLICELINE, rel=1e-12)
