"""Printed figures of other sources through HTTP: intervals, tests, distances, weights, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from measures.intervals import sison_glaz
from tests.conftest import Trust, work_off
from tests.coverage.conftest import cell


def dataset(alice: Trust, slug: str, counts: dict[str, int], target: dict[str, float]) -> str:
    """Items of one attribute, ``v``, and a population of it."""
    path = alice.dataset(slug)
    values = list(dict.fromkeys([*counts, *target]))
    alice.post(f"{path}attributes/", {"name": "v", "values": values})
    rows = [f"{value}{k},{value}" for value, n in counts.items() for k in range(n)]
    assert alice.upload(path, "items", "item,v\n" + "\n".join(rows) + "\n")["state"] == "stored"
    alice.post(f"{path}populations/", {"name": "target"})
    cells = "".join(f"{value},{weight}\n" for value, weight in target.items())
    assert alice.upload(path, "population", f"v,weight\n{cells}")["state"] == "stored"
    return path


def test_intervals_of_shares_are_the_printed_ones(alice: Trust) -> None:
    # Newcombe (1998): 81 of 263 and 0 of 20, the latter by Clopper and Pearson below 30 items.
    for slug, x, n, low, high in (
        ("many", 81, 263, 0.2552885198782742, 0.36620957698280004),
        ("none", 0, 20, 0.0, 0.16843347098308534),
    ):
        path = dataset(alice, slug, {"a": x, "b": n - x}, {"a": 1, "b": 1})
        share = cell(alice.get(f"{path}coverage/")["attributes"]["v"], v="a")["share"]
        assert (share["ci_low"], share["ci_high"]) == pytest.approx((low, high), abs=1e-12)


def test_simultaneous_intervals_are_given_on_request(alice: Trust) -> None:
    # Sison and Glaz (1995), their example of seven counts.
    counts = dict(zip("abcdefg", (56, 72, 73, 59, 62, 87, 58), strict=True))
    path = dataset(alice, "glaz", counts, dict.fromkeys(counts, 1))
    asked = {"population": "target", "simultaneous": "sison_glaz"}
    alice.post(f"{path}runs/", {"kind": "coverage", "parameters": asked}, expect=202)
    work_off()
    cells = alice.get(f"{path}coverage/")["attributes"]["v"]
    share = cell(cells, v="a")["share"]
    assert (share["ci_low"], share["ci_high"]) == pytest.approx(
        (0.07922912205567452, 0.164355734040258), abs=1e-9
    )
    low, high = sison_glaz(list(counts.values()))
    assert [one["share"]["ci_high"] for one in cells] == pytest.approx(high.tolist())
    assert [one["share"]["ci_low"] for one in cells] == pytest.approx(low.tolist())


def test_a_small_table_is_tested_exactly(alice: Trust) -> None:
    # Counts 5, 2 and 1 against a quarter, a quarter and a half: 0.025390625 by enumeration.
    target = {"a": 0.25, "b": 0.25, "c": 0.5}
    path = dataset(alice, "exact", {"a": 5, "b": 2, "c": 1}, target)
    overall = alice.get(f"{path}coverage/")["overall"]
    assert overall["chi_squared"]["p_value"] == pytest.approx(0.02539062499999998)
    assert overall["chi_squared"]["p_method"].startswith("exact")


def test_distances_are_the_printed_ones(alice: Trust) -> None:
    target = {"a": 0.4, "b": 0.4, "c": 0.2}
    path = dataset(alice, "apart", {"a": 50, "b": 30, "c": 20}, target)
    overall = alice.get(f"{path}coverage/")["overall"]
    for name, value in (
        ("total_variation", 0.1),
        ("psi", 0.05108256237659909),
        ("jensen_shannon", 0.009185925460812056),
        ("hellinger", 0.079851380615908),
        # |p - q| / sqrt(q (1 - q)): 0.1 / 0.4899 twice, and 0.
        ("asmd", 2 * 0.1 / (0.4 * 0.6) ** 0.5 / 3),
    ):
        assert overall[name]["value"] == pytest.approx(value), name
        assert overall[name]["ci_low"] <= value <= overall[name]["ci_high"]
    # Exchanged shares are as far apart as can be, whatever their entropy says.
    path = dataset(alice, "exchanged", {"a": 90, "b": 10}, {"a": 0.1, "b": 0.9})
    assert alice.get(f"{path}coverage/")["overall"]["total_variation"]["value"] == pytest.approx(
        0.8
    )


def test_a_cell_without_items_is_counted_bounded_and_refused_weights(alice: Trust) -> None:
    target = {"A": 0.4, "B": 0.4, "C": 0.2}
    path = dataset(alice, "zero", {"A": 50, "B": 50}, target)
    empty = cell(alice.get(f"{path}coverage/")["attributes"]["v"], v="C")
    assert (empty["n"], empty["ratio"]["value"], empty["status"]) == (0, 0, "gap")
    assert empty["ratio"]["ci_high"] == pytest.approx(0.18496749103492846)
    weights = alice.get(f"{path}coverage/weights/")
    assert (weights["reason"], weights["unreachable_share"]) == (
        "too_few_items",
        pytest.approx(0.2),
    )
    assert "v=C" in weights["detail"]


def test_weights_and_their_price_are_those_of_balance(alice: Trust) -> None:
    # balance 0.23.0, quickstart: 1,000 respondents, a target of 10,000.
    sample = {
        "Female": (123, 86, 50, 9),
        "Male": (321, 187, 95, 41),
        "NA": (47, 27, 11, 3),
    }
    target = {
        "Female": (876, 1360, 1370, 945),
        "Male": (905, 1355, 1347, 944),
        "NA": (190, 259, 275, 174),
    }
    ages = ("18-24", "25-34", "35-44", "45+")

    def rows(table: dict[str, tuple[int, ...]]) -> Any:
        return ((s, a, n) for s, row in table.items() for a, n in zip(ages, row, strict=True))

    path = alice.dataset("balance")
    people = [f"{s}{a}{k},{s},{a}" for s, a, n in rows(sample) for k in range(n)]
    alice.upload(path, "items", "item,gender,age_group\n" + "\n".join(people) + "\n")
    alice.post(f"{path}populations/", {"name": "target"})
    body = "".join(f"{s},{a},{n}\n" for s, a, n in rows(target))
    alice.upload(path, "population", f"gender,age_group,weight\n{body}")
    found = alice.get(f"{path}coverage/weights/")
    assert found["design_effect"]["value"] == pytest.approx(2.3793223435, abs=1e-9)
    youngest = cell(found["cells"], gender="Female", age_group="18-24")
    # Its weights sum to the target's 10,000 and ours to the 1,000 items.
    assert youngest["weight"] == pytest.approx(7.121951219512195 / 10)
    asked = {"population": "target", "method": "raking"}
    alice.post(f"{path}runs/", {"kind": "weights", "parameters": asked}, expect=202)
    work_off()
    raked = alice.get(f"{path}coverage/weights/")
    assert (raked["design_effect"]["value"], raked["converged"]) == (
        pytest.approx(2.10276, abs=5e-6),
        True,
    )
