"""Subgroups of a result for a population: each weighted to its own part of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from predictions import parameters
from tests.conftest import Trust
from tests.predictions.conftest import make_file

#: So many measured items of each sex and age; the last are of one site alone.
CELLS = {("f", "young"): 40, ("f", "old"): 24, ("m", "young"): 30, ("m", "old"): 26}
ROWS = [cell for cell, n in CELLS.items() for _ in range(n)]
N = len(ROWS)
RNG = np.random.default_rng(12)
SAID = RNG.uniform(0.1, 0.9, N).round(6)
LABELS = np.where(RNG.random(N) < SAID, "yes", "no")
SQUARE = (SAID - (LABELS == "yes")) ** 2
SITES = ["one" if k % 3 else "two" for k in range(N)]
NAMES = [f"p{k}" for k in range(N)]
CENSUS = {("f", "young"): 10, ("f", "old"): 40, ("m", "young"): 20, ("m", "old"): 30}


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in parameters.DEFAULTS.values():
        monkeypatch.setitem(kind, "n_replicates", 50)


@pytest.fixture
def town(alice: Trust, mail: str) -> str:
    """People by sex, age and site, and an empty population ``census``."""
    sexes, ages = zip(*ROWS, strict=True)
    alice.send(mail, "items", make_file("item,sex,age,site", NAMES, sexes, ages, SITES))
    alice.send(mail, "reference-labels", make_file("item,label", NAMES, LABELS))
    alice.post(f"{mail}populations/", {"name": "census"})
    return mail


def send(alice: Trust, path: str, census: str) -> None:
    alice.send(path, "population", census, population="census")
    alice.upload(path, "predictions", make_file("item,probability", NAMES, SAID))


def joint(cells: dict[tuple[str, str], float]) -> str:
    lines = [f"{sex},{age},{weight}" for (sex, age), weight in cells.items()]
    return "\n".join(["sex,age,weight", *lines]) + "\n"


def expected(rows: list[int], target: dict[tuple[str, str], float]) -> tuple[float, float]:
    """Brier score and effective n of these items, weighted cell by cell to the target."""
    n = {cell: sum(ROWS[k] == cell for k in rows) for cell in CELLS}
    weights = np.array([target[ROWS[k]] / n[ROWS[k]] for k in rows])
    value = float((weights * SQUARE[rows]).sum() / weights.sum())
    return value, float(weights.sum() ** 2 / (weights**2).sum())


def test_a_subgroup_stands_for_its_own_part_of_the_population(alice: Trust, town: str) -> None:
    send(alice, town, joint(CENSUS))
    for name, value, rows in (
        ("sex", "f", [k for k in range(N) if ROWS[k][0] == "f"]),
        ("age", "old", [k for k in range(N) if ROWS[k][1] == "old"]),
        # The census has no sites: the items of one get the composition of everybody.
        ("site", "two", [k for k in range(N) if SITES[k] == "two"]),
    ):
        found = alice.get(f"{town}calibration/", population="census", attribute=name, value=value)
        brier, n_effective = expected(rows, CENSUS)
        assert found["n_items"] == len(rows)
        assert found["scores"]["brier"]["value"] == pytest.approx(brier)
        assert found["n_effective"] == pytest.approx(n_effective)
        assert found["weighting"]["n_effective"] == pytest.approx(n_effective)
        assert found["weighting"]["method"] == "post_stratification"
        assert found["tests"]["cox"]["method"] == "wald_robust"
    table = alice.get(f"{town}calibration/subgroups.json", population="census")["results"]
    assert len(table) == 6
    plain = alice.get(f"{town}calibration/", attribute="sex", value="f")
    assert "weighting" not in plain


def test_a_subgroup_without_an_item_of_some_cell_says_whom_it_lacks(
    alice: Trust, town: str, person: Callable[[str], Trust]
) -> None:
    old_and_other = {**CENSUS, ("f", "oldest"): 5}
    send(alice, town, joint(old_and_other))
    whole = alice.get(f"{town}calibration/", population="census")
    assert "population_not_reached" in whole["warnings"]
    parts = {tuple(one["attributes"].items()): one for one in whole["subgroups"]}
    women, men = parts[("sex", "f"),], parts[("sex", "m"),]
    assert {one["reason"] for one in women["scores"].values()} == {"no_overlap"}
    assert women["weighting"]["reason"] == "no_overlap"
    assert women["weighting"]["n_left_out"] == 64
    (lacking,) = women["weighting"]["lacking"]
    assert lacking["attributes"] == {"sex": "f", "age": "oldest"}
    assert lacking["target_share"] == pytest.approx(5 / 55)
    rows = [k for k in range(N) if ROWS[k][0] == "m"]
    assert men["scores"]["brier"]["value"] == pytest.approx(expected(rows, CENSUS)[0])
    audrey = person("audrey")
    alice.post(f"{town}members/", {"user": "audrey", "role": "auditor"})
    for one in audrey.get(f"{town}calibration/", population="census")["subgroups"]:
        assert not one["weighting"]["lacking"]


def test_margins_leave_a_subgroup_the_weights_it_has_in_the_whole(alice: Trust, town: str) -> None:
    send(alice, town, "sex,age,weight\nf,,50\nm,,50\n,young,30\n,old,70\n")
    found = alice.get(f"{town}calibration/", population="census", attribute="sex", value="f")
    assert found["weighting"]["method"] == "raking"
    n = np.array([[CELLS[s, a] for a in ("young", "old")] for s in ("f", "m")], float)
    for _ in range(500):
        n *= (50 / n.sum(axis=1))[:, None]
        n *= np.array([30, 70]) / n.sum(axis=0)
    target = dict(zip(CELLS, n.ravel(), strict=True))
    rows = [k for k in range(N) if ROWS[k][0] == "f"]
    brier, n_effective = expected(rows, target)
    assert found["scores"]["brier"]["value"] == pytest.approx(brier, abs=1e-6)
    assert found["n_effective"] == pytest.approx(n_effective, rel=1e-5)
