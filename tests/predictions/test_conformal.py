"""Prediction sets, risk against coverage, and maps to download, over REST."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from measures.recalibration import apply_map, map_from_dict
from predictions import parameters
from tests.conftest import Trust, work_off
from tests.predictions.conftest import make_file

DOCS = Path(__file__).resolve().parents[2] / "docs" / "measures" / "calibration.md"
N = 240
ITEMS = [f"i{k}" for k in range(N)]
#: Golden-ratio sequences: even, without chance. Outcomes follow a less bold law than is stated.
U, W = (
    (np.arange(1, N + 1) * 0.6180339887498949) % 1,
    (np.arange(1, N + 1) * 0.7548776662466927) % 1,
)
STATED = np.round(0.02 + 0.96 * U, 4)
TRUE = 1 / (1 + ((1 - STATED) / STATED) ** 0.3)
LABELS = ["yes" if w < t else "no" for w, t in zip(W, TRUE, strict=True)]


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("calibration", "conformal"):
        monkeypatch.setitem(parameters.DEFAULTS[kind], "n_replicates", 50)


@pytest.fixture
def judged(alice: Trust, mail: str) -> str:
    """Predictions that are too bold, in two subgroups and sixty groups of items."""
    columns = (
        [f"s{k // 4}" for k in range(N)],
        ["big" if k < 230 else "small" for k in range(N)],
    )
    alice.send(mail, "items", make_file("item,group,size", ITEMS, *columns))
    alice.send(mail, "reference-labels", make_file("item,label", ITEMS, LABELS))
    alice.upload(mail, "predictions", make_file("item,probability", ITEMS, STATED))
    return mail


def test_sets_hold_the_true_class_as_often_as_promised(alice: Trust, judged: str) -> None:
    found = alice.get(f"{judged}conformal/", model="filter")
    assert (found["alpha"], found["folds_by"], found["n_items"]) == (0.1, "groups", N)
    for one in found["methods"].values():
        coverage = one["coverage"]
        assert coverage["value"] == pytest.approx(one["n_covered"] / N)
        assert coverage["ci_high"] > 0.9
        assert coverage["ci_method"] == "clopper_pearson"
        assert 1 <= one["mean_size"] <= 2
    # APS is not randomised: of two classes the larger alone often falls short, so it keeps both.
    assert found["methods"]["lac"]["coverage"]["ci_low"] < 0.9
    # LAC by hand: the ceil(241 * 0.9) = 217th smallest of 1 - p of the true class.
    happened = np.array([label == "yes" for label in LABELS])
    scores = np.sort(1 - np.where(happened, STATED, 1 - STATED))
    assert found["methods"]["lac"]["threshold"] == pytest.approx(scores[216])
    big, small = found["subgroups"]
    assert big["lac"]["own"]["coverage"]["n"] == 230
    assert small["aps"]["coverage"]["reason"] == "too_few_items"
    assert small["aps"]["own"]["coverage"]["reason"] == "too_few_items"


def test_the_risk_falls_as_only_sure_items_are_answered(alice: Trust, judged: str) -> None:
    found = alice.get(f"{judged}conformal/")
    wrong = np.mean((STATED >= 0.5) != (np.array(LABELS) == "yes"))
    curve = found["risk_coverage"]
    assert curve["points"][-1]["coverage"] == 1
    assert curve["points"][-1]["risk"] == pytest.approx(wrong)
    assert curve["oracle"] < curve["aurc"]["value"] < wrong
    assert found["risk_threshold"]["target"] == 0.05
    table = alice.get(f"{judged}conformal/risk_coverage.json")["results"]
    assert table == curve["points"]


def test_the_level_of_the_sets_is_a_parameter(alice: Trust, judged: str) -> None:
    wanted = {"alpha": 0.3, "target_risk": 0.45}
    alice.post(f"{judged}runs/", {"kind": "conformal", "parameters": wanted}, expect=202)
    work_off()
    found = alice.get(f"{judged}conformal/")
    assert found["methods"]["lac"]["coverage"]["ci_low"] < 0.7
    threshold = found["risk_threshold"]
    assert threshold["risk"]["ci_high"] <= 0.45
    assert threshold["coverage"] == pytest.approx(threshold["risk"]["n"] / N)
    wanted = {"alpha": 3}
    alice.post(f"{judged}runs/", {"kind": "conformal", "parameters": wanted}, expect=400)


def test_an_empty_join_has_reasons_not_numbers(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", "item,probability\na,0.5\n")
    found = alice.get(f"{mail}conformal/")
    assert found["methods"]["lac"]["coverage"]["reason"] == "no_data"
    assert found["methods"]["lac"]["threshold"] is None
    assert found["risk_coverage"]["aurc"]["reason"] == "no_data"


def reference_applier() -> dict[str, Callable[..., Any]]:
    """The programs that the documentation prints."""
    printed = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    for code in printed:
        if "def recalibrate" in code:
            exec(code, names)
    return names


def test_the_documented_program_applies_every_map_as_the_service_does(
    alice: Trust, judged: str
) -> None:
    recalibrate = reference_applier()["recalibrate"]
    listed = alice.get(f"{judged}recalibrations/", model="filter")
    assert listed["conventions"]["log"] == "natural"
    assert {one["method"] for one in listed["methods"]} == {
        "temperature",
        "platt",
        "beta",
        "isotonic",
        "histogram",
        "venn_abers",
    }
    stated = np.concatenate([[0, 1], STATED[:20], np.linspace(0.001, 0.999, 41)])
    for one in listed["methods"]:
        address = one["map"].split("/api/v1/")[1]
        fitted = alice.get(address)
        assert (fitted["model"], fitted["positive_class"]) == ("filter:1", "yes")
        ours = apply_map(map_from_dict(fitted), stated)
        theirs = [recalibrate(fitted, p) for p in stated.tolist()]
        np.testing.assert_allclose(theirs, ours, atol=1e-12, err_msg=one["method"])
    assert alice.get(f"{judged}recalibrations/none/", expect=404)["code"] == "not_found"


def test_the_documented_program_applies_the_maps_of_classes(alice: Trust, pets: str) -> None:
    row = np.stack([STATED, (1 - STATED) * W, (1 - STATED) * (1 - W)], axis=1)
    row /= row.sum(axis=1, keepdims=True)
    truth = ["cat" if label == "yes" else ("dog", "fox")[k % 2] for k, label in enumerate(LABELS)]
    alice.send(pets, "reference-labels", make_file("item,label", ITEMS, truth))
    body = make_file("item,p_cat,p_dog,p_fox", ITEMS, *row.T)
    alice.upload(pets, "predictions", body)
    program = reference_applier()["recalibrate_row"]
    methods = alice.get(f"{pets}recalibrations/")["methods"]
    assert len(methods) == 5
    for one in methods:
        fitted = alice.get(f"{pets}recalibrations/{one['method']}.json")
        ours = apply_map(map_from_dict(fitted), row[:30])
        theirs = [program(fitted, one_row) for one_row in row[:30].tolist()]
        np.testing.assert_allclose(theirs, ours, atol=1e-12, err_msg=one["method"])


def test_maps_and_sets_are_not_for_contributors(
    alice: Trust, judged: str, person: Callable[[str], Trust]
) -> None:
    bob, eve = person("bob"), person("eve")
    for name, role in (("bob", "contributor"), ("eve", "auditor")):
        alice.post(f"{judged}members/", {"user": name, "role": role})
    for path in ("conformal/", "recalibrations/", "recalibrations/platt.json", "ensembles/"):
        bob.get(f"{judged}{path}", expect=403)
        eve.get(f"{judged}{path}")
    alice.patch(judged, {"min_cell": 11})
    small = eve.get(f"{judged}conformal/")["subgroups"][1]
    assert small["n"] is None
    assert small["lac"]["coverage"]["reason"] == "suppressed"


def test_each_item_has_its_confidence_in_pages(
    alice: Trust, judged: str, person: Callable[[str], Trust]
) -> None:
    path = f"/api/v1/{judged}confidence/?model=filter&page_size=100"
    pages, answer = [], None
    while path:
        answer = alice.http.get(path)
        pages.append(answer.json()["results"])
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert [len(page) for page in pages] == [100, 100, 40]
    by_item = {row["item"]: row for page in pages for row in page}
    assert len(by_item) == N
    rows = [by_item[name] for name in ITEMS]
    assert [row["outcome"] for row in rows] == LABELS
    result = alice.get(f"{judged}calibration/")["recalibration"]
    maps = {one["method"]: map_from_dict(one["map"]) for one in result["methods"]}
    assert answer.headers["X-Recalibration"] == result["recommended"] != "none"
    expected = apply_map(maps[result["recommended"]], STATED)
    np.testing.assert_allclose([row["calibrated"]["yes"] for row in rows], expected)
    np.testing.assert_allclose([row["probabilities"]["yes"] for row in rows], STATED)
    low, high = np.array([row["venn_abers"] for row in rows]).T
    merged = apply_map(maps["venn_abers"], STATED)
    assert (low - 1e-9 <= merged).all()
    assert (merged <= high + 1e-9).all()
    threshold = alice.get(f"{judged}conformal/")["methods"]["lac"]["threshold"]
    assert [("yes" in row["conformal_set"]) for row in rows] == (threshold >= 1 - STATED).tolist()
    bob = person("bob")
    alice.post(f"{judged}members/", {"user": "bob", "role": "auditor"})
    bob.get(f"{judged}confidence/", expect=403)
    assert alice.get(f"{judged}confidence/", cursor="-1", expect=400)["code"] == "bad_cursor"


def test_a_subgroup_says_how_many_more_items_it_takes(alice: Trust, judged: str) -> None:
    big = alice.get(f"{judged}calibration/")["subgroups"][0]
    needed = big["detectable"]["n_for_target"]
    assert big["detectable"]["n_more_for_target"] == max(0, needed - 230)
