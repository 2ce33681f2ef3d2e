"""Items that count for more than one: as a file says, or so that they stand for a population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from predictions import parameters
from tests.conftest import Trust
from tests.predictions.conftest import ITEMS, LABELS, STATED, make_file, make_references

TIMES = [k % 3 + 1 for k in range(40)]
#: 30 items are big and 10 small; the market has as many small as big ones.
SIZES = ["big" if k < 30 else "small" for k in range(40)]
MARKET = "size,weight\nbig,50\nsmall,50\n"


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("calibration", "calibration-population"):
        monkeypatch.setitem(parameters.DEFAULTS[kind], "n_replicates", 50)


def values(numbers: dict[str, Any], *left_out: str) -> dict[str, float]:
    return {k: one["value"] for k, one in numbers.items() if k not in left_out and one["value"]}


def brier(weights: Sequence[float]) -> float:
    pairs = zip(weights, STATED, LABELS, strict=True)
    total = sum(w * (p - (label == "yes")) ** 2 for w, p, label in pairs)
    return total / sum(weights)


def weighted(weights: Sequence[object] = TIMES) -> str:
    return make_file("item,probability,weight", ITEMS, STATED, weights)


@pytest.fixture
def market(alice: Trust, mail: str) -> str:
    """The mails with their sizes, outcomes, and a population of sizes."""
    alice.send(mail, "items", make_file("item,size", ITEMS, SIZES))
    alice.send(mail, "reference-labels", make_references())
    alice.post(f"{mail}populations/", {"name": "market", "source": "a guess"})
    alice.send(mail, "population", MARKET, population="market")
    return mail


def test_whole_weights_give_what_repeated_items_give(alice: Trust, mail: str) -> None:
    again = [(item, k) for item, times in zip(ITEMS, TIMES, strict=True) for k in range(times)]
    place = {item: k for k, item in enumerate(ITEMS)}
    names = [f"{item}_{k}" for item, k in again]
    where = [place[item] for item, _ in again]
    path = alice.dataset("repeated")
    question = {"name": "spam", "scale": "nominal", "values": ["no", "yes"]}
    alice.post(f"{path}questions/", question)
    alice.post(f"{path}models/", {"name": "filter", "question": "spam", "classes": ["no", "yes"]})
    alice.send(path, "reference-labels", make_file("item,label", names, [LABELS[k] for k in where]))
    alice.upload(
        path, "predictions", make_file("item,probability", names, [STATED[k] for k in where])
    )
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", weighted())
    repeated, found = alice.get(f"{path}calibration/"), alice.get(f"{mail}calibration/")
    assert (found["n_items"], repeated["n_items"]) == (40, 79)
    assert values(found["scores"]) == pytest.approx(values(repeated["scores"]))
    assert values(found["ece"], "debiased_squared_10") == pytest.approx(
        values(repeated["ece"], "debiased_squared_10")
    )
    assert found["base_rates"] == pytest.approx(repeated["base_rates"])
    for one, two in zip(found["curve"]["bins"], repeated["curve"]["bins"], strict=True):
        assert one["observed"]["value"] == pytest.approx(two["observed"]["value"])
        assert one["n_effective"] <= one["n"] + 1e-9
    assert found["tests"]["cox"]["slope"]["value"] == pytest.approx(
        repeated["tests"]["cox"]["slope"]["value"]
    )
    assert found["tests"]["cox"]["method"] == "wald_robust"
    weighting = found["weighting"]
    assert (weighting["by"], weighting["n_left_out"]) == ("file", 0)
    assert weighting["n_effective"] == pytest.approx(sum(TIMES) ** 2 / sum(t * t for t in TIMES))
    assert repeated["weighting"]["by"] is None
    assert repeated["weighting"]["n_effective"] == 79


def test_items_of_weight_0_or_none_are_left_out_and_counted(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", weighted([0, 0, *TIMES[2:]]))
    alice.upload(mail, "predictions", "item,probability\nnew,0.5\n")
    alice.upload(mail, "reference-labels", "item,label\nnew,yes\n")
    found = alice.get(f"{mail}calibration/")
    assert (found["n_items"], found["weighting"]["n_left_out"]) == (38, 3)
    assert found["scores"]["brier"]["value"] == pytest.approx(brier([0, 0, *TIMES[2:]]))
    assert "weights_left_out" in found["warnings"]


def test_a_file_without_weights_leaves_those_that_are_stored(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    stored = alice.upload(mail, "predictions", weighted())
    assert stored["rows"]["stored"] == 40
    same = alice.upload(mail, "predictions", make_file("item,probability", ITEMS, STATED))
    assert same["rows"]["unchanged"] == 40
    changed = alice.upload(mail, "predictions", weighted([5, *TIMES[1:]]))
    assert (changed["rows"]["unchanged"], changed["rows"]["replaced"]) == (39, 1)
    found = alice.get(f"{mail}calibration/")
    assert found["scores"]["brier"]["value"] == pytest.approx(brier([5, *TIMES[1:]]))


@pytest.mark.parametrize(("weight", "code"), [("-1", "out_of_range"), ("", "value_missing")])
def test_a_weight_is_a_number_from_0(alice: Trust, mail: str, weight: str, code: str) -> None:
    upload = alice.upload(mail, "predictions", weighted([weight, *TIMES[1:]]))
    assert upload["state"] == "rejected"
    found = [(p["column"], p["line"], p["code"]) for p in upload["problems"]]
    assert found == [("weight", 2, code)]


def test_the_result_for_a_population_weights_the_measured_items_to_it(
    alice: Trust, market: str
) -> None:
    # Only the first 36 are measured: 30 big ones and 6 small ones stand for half of it each.
    some = make_file("item,probability", ITEMS[:36], STATED[:36])
    alice.upload(market, "predictions", some)
    found = alice.get(f"{market}calibration/", population="market")
    weights = [0.5 / 30] * 30 + [0.5 / 6] * 6 + [0] * 4
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(weights))
    assert found["scores"]["brier"]["ci_low"] < brier(weights) < found["scores"]["brier"]["ci_high"]
    told = found["weighting"]
    assert (told["by"], told["population"], told["method"]) == (
        "population",
        "market",
        "post_stratification",
    )
    assert told["n_effective"] == pytest.approx(1 / sum(w * w for w in weights))
    assert (found["n_items"], told["n_left_out"]) == (36, 0)
    assert found["parameters"]["population"] == "market"
    plain = alice.get(f"{market}calibration/")
    assert plain["scores"]["brier"]["value"] == pytest.approx(brier([1] * 36 + [0] * 4))
    rows = alice.get(f"{market}calibration/curve.json", population="market")["results"]
    assert rows == found["curve"]["bins"]
    refused = alice.get(f"{market}calibration/recalibration.csv", population="market", expect=404)
    assert "it has: scores" in refused["detail"]


def test_items_outside_the_population_are_left_out_and_counted(alice: Trust, market: str) -> None:
    alice.upload(market, "predictions", make_file("item,probability", ITEMS, STATED))
    alice.upload(market, "items", make_file("item,size", ITEMS[:2], ["huge", "huge"]))
    found = alice.get(f"{market}calibration/", population="market")
    assert (found["n_items"], found["weighting"]["n_left_out"]) == (38, 2)
    weights = [0] * 2 + [0.5 / 28] * 28 + [0.5 / 10] * 10
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(weights))


def test_items_that_cannot_stand_for_the_population_give_reasons(alice: Trust, market: str) -> None:
    big = make_file("item,probability", ITEMS[:30], STATED[:30])
    alice.upload(market, "predictions", big)
    found = alice.get(f"{market}calibration/", population="market")
    assert found["n_items"] == 0
    assert "population_not_reached" in found["warnings"]
    assert {one["reason"] for one in found["scores"].values()} == {"no_overlap"}


def test_an_unknown_population_is_refused_by_name(alice: Trust, market: str) -> None:
    alice.upload(market, "predictions", make_file("item,probability", ITEMS, STATED))
    answer = alice.get(f"{market}calibration/", population="markt", expect=400)
    assert (answer["code"], answer["errors"][0]["pointer"]) == ("unknown_population", "population")
    assert "market" in answer["detail"]
    body = {"kind": "calibration-population", "parameters": {"population": "markt"}}
    refused = alice.post(f"{market}runs/", body, expect=400)
    assert refused["errors"][0]["pointer"] == "/parameters/population"
    both = alice.get(f"{market}calibration/", population="market", against="votes", expect=400)
    assert "not both" in both["detail"]


def test_auditors_see_a_population_s_result(
    alice: Trust, market: str, person: Callable[[str], Trust]
) -> None:
    alice.upload(market, "predictions", make_file("item,probability", ITEMS, STATED))
    auditor = person("audrey")
    alice.post(f"{market}members/", {"user": "audrey", "role": "auditor"})
    shown = auditor.get(f"{market}calibration/", population="market")
    assert shown["disclosure"].startswith("min_cell_")
