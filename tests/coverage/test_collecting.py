"""Collection plans through HTTP: published totals, prices, supplies, and what they are worth."""

from __future__ import annotations

from typing import Any

import pytest

from measures.intervals import wilson
from tests.conftest import Trust, work_off
from tests.coverage.conftest import JOINT
from tests.coverage.test_coverage_journeys import as_csv
from tests.coverage.test_patterns import cases, declared, one, spread

__all__ = ["cases"]


def plan(alice: Trust, path: str, **parameters: Any) -> dict[str, Any]:
    asked = {"population": "census", "n_replicates": 100, **parameters}
    alice.post(f"{path}runs/", {"kind": "coverage", "parameters": asked}, expect=202)
    work_off()
    return alice.get(f"{path}coverage/")["collection_plan"]


@pytest.fixture
def measured(alice: Trust, people: str) -> str:
    assert alice.upload(people, "population", JOINT)["state"] == "stored"
    return people


def test_compas_is_filled_at_the_published_totals(alice: Trust, cases: dict[str, Any]) -> None:
    path = declared(alice, "compas", [2, 4, 4, 7])
    alice.upload(path, "items", spread(cases["shared"]["compas_cells"]))
    alice.post(f"{path}populations/", {"name": "census"})
    alice.upload(path, "population", "a,weight\n0,1\n1,1\n")
    for level, tau in ((2, 10), (3, 10), (4, 10)):
        expected = one(cases, f"plan_compas_l{level}_tau{tau}")["expected"]
        found = plan(alice, path, plan_level=level, min_items=tau)
        assert found["n_targets"] == expected["n_targets"]
        assert found["naive_n_items"] == expected["naive_total"]
        assert (found["n_items"], found["is_optimal"]) == (expected["optimal_total"], True)
        assert (found["lower_bound"], found["infeasible"]) == (found["n_items"], [])


def test_dear_cells_are_avoided_and_supplies_kept(alice: Trust, measured: str) -> None:
    # 55, 15, 25 and 5 of 30 wanted in each cell: 15 old women, 5 young men and 25 old men.
    free = plan(alice, measured)
    assert (free["n_items"], free["cost"], free["naive_n_items"]) == (45, 45, 55)
    dear = plan(alice, measured, costs=[{"where": {"sex": ["M"], "age": ["old"]}, "cost": 2.5}])
    assert (dear["n_items"], dear["cost"]) == (45, 15 + 5 + 25 * 2.5)
    short = plan(alice, measured, supplies=[{"where": {"sex": ["M"]}, "at_most": 10}])
    assert {tuple(row["attributes"].values()): row["lacking"] for row in short["unmet"]} in (
        {("old", "M"): 20},
        {("old", "M"): 15, ("young", "M"): 5},
    )
    gone = plan(alice, measured, impossible=[{"sex": ["M"], "age": ["old"]}])
    assert gone["infeasible"] == [{"attributes": {"age": "old", "sex": "M"}, "lacking": 25}]


def test_moving_items_and_adding_them_are_two_numbers(alice: Trust, measured: str) -> None:
    # 30, 20, 30 and 20 of 100: 5 + 5 + 15 elsewhere; or all cells up to 55 in 30: N = 183.3.
    target = plan(alice, measured)["to_target"]
    assert target["attributes"] == ["sex", "age"]
    assert target["deficit_at_fixed_n"] == 5 + 5 + 15
    assert target["topup_no_removal"] == (55 - 25) + 2 * 37 - 15 - 5
    assert "25 items would have to be of other combinations" in target["words"]


def test_a_plan_tells_what_it_is_worth(alice: Trust, measured: str) -> None:
    found = plan(alice, measured)
    rows = {tuple(row["attributes"].values()): row for row in found["precision"]}
    old_men = rows["old", "M"]
    assert (old_men["n"], old_men["n_after"]) == (5, 30)
    for name, n in (("half_width", 5), ("half_width_after", 30)):
        low, high = wilson(n / 2, n)
        assert old_men[name] == pytest.approx((high - low) / 2)
    assert found["half_width"] == old_men["half_width_after"]
    lines = alice.http.get(f"/api/v1/{measured}coverage/precision.csv").content.decode()
    assert lines.splitlines()[0] == (
        "attributes.age,attributes.sex,n,n_after,half_width,half_width_after"
    )
    assert len(lines.splitlines()) == 1 + len(rows)
    assert found["calibration"] == []


def test_how_many_more_it_takes_to_judge_a_models_confidence(alice: Trust, measured: str) -> None:
    alice.post(f"{measured}questions/", {"name": "q", "scale": "nominal", "values": ["no", "yes"]})
    names = [f"i0_{k}" for k in range(20)] + ["i3_0"]
    truth = as_csv({"item": name, "label": "yes"} for name in names)
    alice.upload(measured, "reference-labels", truth, question="q")
    model = {"name": "net", "version": "1", "question": "q", "classes": ["no", "yes"]}
    alice.post(f"{measured}models/", model | {"positive_class": "yes"})
    # Of the young women half are called wrongly, each time with a confidence of 0.8.
    rows = ({"item": n, "probability": 0.8 if k % 2 else 0.2} for k, n in enumerate(names))
    sent = alice.upload(measured, "predictions", as_csv(rows), model="net:1")
    assert sent["state"] == "stored", sent["problems"]
    found = plan(alice, measured)["calibration"]
    assert [(row["question"], row["model"], row["reason"]) for row in found] == [
        ("q", "net:1", None)
    ]
    values = {tuple(row["attributes"].values()): row for row in found[0]["values"]}
    women = values[("F",)]
    variance = 20 / 19 * 0.25
    assert (women["n"], women["overconfidence"]) == (20, pytest.approx(0.3))
    assert women["half_width"] == pytest.approx(1.959964 * (variance / 20) ** 0.5, rel=1e-5)
    assert women["n_needed"] == -(-(1.959964**2 * variance) // found[0]["half_width"] ** 2)
    assert women["n_more"] == women["n_needed"] - 20
    assert (values[("M",)]["n"], values[("M",)]["half_width"]) == (1, None)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("costs", [{"where": {"sex": ["M"]}, "cost": 0}], "a cost above 0"),
        ("costs", [{"where": {"sex": ["M"]}, "price": 1}], "a cost above 0"),
        ("supplies", [{"where": {"sex": ["M"]}, "at_most": 1.5}], "a whole number"),
        ("supplies", [{"where": {"sex": ["X"]}, "at_most": 1}], "values of sex (F, M)"),
        ("impossible", [{"shoe": ["M"]}], "attributes that there are (age, sex)"),
        ("impossible", [{"sex": []}], "a list of values for sex"),
        ("impossible", "none", "a list like"),
        ("model", 3, "a model with predictions"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(
    alice: Trust, measured: str, name: str, wrong: Any, said: str
) -> None:
    body = {"kind": "coverage", "parameters": {"population": "census", name: wrong}}
    problem = alice.post(f"{measured}runs/", body, expect=400)["errors"][0]
    assert problem["pointer"] == f"/parameters/{name}"
    assert said in problem["message"]
