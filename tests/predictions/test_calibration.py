"""Calibration results: what is measured, what is left out, who sees what."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from catalog import runs
from catalog.models import Dataset, Run
from predictions import parameters
from tests.conftest import Trust, work_off
from tests.predictions.conftest import (
    ITEMS,
    LABELS,
    STATED,
    make_file,
    make_predictions,
    make_references,
)


def brier(stated: list[float], labels: list[str]) -> float:
    pairs = zip(stated, labels, strict=True)
    return sum((p - (label == "yes")) ** 2 for p, label in pairs) / len(stated)


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here is about how wide an interval is."""
    monkeypatch.setitem(parameters.DEFAULTS["calibration"], "n_replicates", 50)


@pytest.fixture
def measured(alice: Trust, mail: str) -> str:
    """The data set of mails with subgroups, reference labels and predictions."""
    sizes = ["big" if k < 30 else "small" for k in range(40)]
    alice.send(mail, "items", make_file("item,size", ITEMS, sizes))
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_predictions())
    return mail


def numbers_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    if not isinstance(value, dict):
        return []
    if value.keys() >= {"value", "reason", "n"}:
        return [value]
    return [number for item in value.values() for number in numbers_in(item)]


def test_a_result_has_the_contracts_shape(alice: Trust, measured: str) -> None:
    found = alice.get(f"{measured}calibration/", model="filter")
    assert {"brier", "brier_sum", "log_loss", "accuracy", "auc", "mcb", "dsc", "unc"} <= set(
        found["scores"]
    )
    assert {"uniform_10", "uniform_15", "quantile_10", "classwise_15"} <= set(found["ece"])
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED, LABELS))
    first = found["curve"]["bins"][0]
    assert (first["low"], first["high"], first["n"]) == (0, 0.1, 3)
    assert sum(one["n"] for one in found["curve"]["bins"]) == 40
    assert sum(one["n"] for one in found["curve"]["corp"]) == 40
    assert (found["model"], found["model_version"], found["notion"]) == ("filter", "1", "positive")
    assert found["base_rates"] == {"no": 0.75, "yes": 0.25}
    assert found["parameters"]["model"] == "filter:1"
    assert not found["stale"]
    for number in numbers_in(found):
        assert (number["value"] is None) == (number["reason"] is not None)


def test_subgroups_are_those_of_every_item_attribute(alice: Trust, measured: str) -> None:
    subgroups = alice.get(f"{measured}calibration/")["subgroups"]
    big, small = subgroups
    assert [(one["attributes"], one["n"]) for one in subgroups] == [
        ({"size": "big"}, 30),
        ({"size": "small"}, 10),
    ]
    assert big["scores"]["brier"]["value"] == pytest.approx(brier(STATED[:30], LABELS[:30]))
    assert small["scores"]["brier"]["reason"] == "too_few_items"
    alice.post(
        f"{measured}runs/",
        {"kind": "calibration", "parameters": {"min_items": 5}},
        expect=202,
    )
    work_off()
    small = alice.get(f"{measured}calibration/")["subgroups"][1]
    assert small["scores"]["brier"]["value"] == pytest.approx(brier(STATED[30:], LABELS[30:]))


def test_values_of_several_attributes_meet_from_min_items_on(alice: Trust, measured: str) -> None:
    halves = ["odd" if k % 2 else "even" for k in range(40)]
    alice.upload(measured, "items", make_file("item,half", ITEMS, halves))
    asked = {"depth": 2, "min_items": 10}
    alice.post(f"{measured}runs/", {"kind": "calibration", "parameters": asked}, expect=202)
    work_off()
    found = alice.get(f"{measured}calibration/")
    crossed = {
        (one["attributes"]["half"], one["attributes"]["size"]): one
        for one in found["subgroups"]
        if len(one["attributes"]) == 2
    }
    # The ten small items fall into two halves of five, too few to be shown.
    assert {key: one["n"] for key, one in crossed.items()} == {
        ("even", "big"): 15,
        ("odd", "big"): 15,
    }
    odd = slice(1, 30, 2)
    assert crossed["odd", "big"]["scores"]["brier"]["value"] == pytest.approx(
        brier(STATED[odd], LABELS[odd])
    )
    assert found["n_intersections_left_out"] == 0


def test_only_the_largest_intersections_are_measured(
    alice: Trust, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predictions.subgroups.MAX_INTERSECTIONS", 1)
    thirds = ["a" if k < 20 else "b" for k in range(40)]
    alice.upload(measured, "items", make_file("item,third", ITEMS, thirds))
    asked = {"depth": 2, "min_items": 5}
    alice.post(f"{measured}runs/", {"kind": "calibration", "parameters": asked}, expect=202)
    work_off()
    found = alice.get(f"{measured}calibration/")
    crossed = [one for one in found["subgroups"] if len(one["attributes"]) == 2]
    # 20 items are big and a, 10 are big and b, 10 small and b.
    assert [(one["attributes"], one["n"]) for one in crossed] == [
        ({"size": "big", "third": "a"}, 20)
    ]
    assert found["n_intersections_left_out"] == 2


def test_p_values_are_adjusted_over_all_subgroups_together(alice: Trust, measured: str) -> None:
    halves = ["odd" if k % 2 else "even" for k in range(40)]
    alice.upload(measured, "items", make_file("item,half", ITEMS, halves))
    subgroups = alice.get(f"{measured}calibration/")["subgroups"]
    tests = [one["tests"]["test"] for one in subgroups]
    raw = sorted(t["p_value"] for t in tests if "p_value" in t)
    assert len(raw) == 2
    for test in tests:
        if "p_value" in test:
            bound = min(p * len(raw) / (raw.index(p) + 1) for p in raw if p >= test["p_value"])
            assert test["p_adjusted"] == pytest.approx(min(bound, 1))


def test_several_rows_of_an_item_are_averaged(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    members = [make_predictions([p + d for p in STATED]) for d in (0.01, -0.01)]
    rows = [f"{row},{m}" for m, one in enumerate(members) for row in one.split()[1:]]
    alice.upload(mail, "predictions", "\n".join(["item,probability,member", *rows]) + "\n")
    found = alice.get(f"{mail}calibration/")
    assert (found["n_items"], found["n_rows"]) == (40, 80)
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED, LABELS))


def test_the_training_split_is_left_out_and_counted(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    splits = ["train" if k < 10 else "test" for k in range(40)]
    body = make_file("item,probability,split", ITEMS, STATED, splits)
    alice.upload(mail, "predictions", body)
    found = alice.get(f"{mail}calibration/")
    assert (found["n_items"], found["n_train_left_out"]) == (30, 10)
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED[10:], LABELS[10:]))
    assert "train_left_out" in found["warnings"]


def test_an_item_of_another_folds_training_split_is_measured(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    folds = [(k % 2, 1 - k % 2) for k in range(40)]
    rows = [f"{i},{p},{f[0]},test" for i, p, f in zip(ITEMS, STATED, folds, strict=True)]
    rows += [f"{i},{0.5},{f[1]},train" for i, f in zip(ITEMS, folds, strict=True)]
    alice.upload(mail, "predictions", "\n".join(["item,probability,fold,split", *rows]) + "\n")
    found = alice.get(f"{mail}calibration/")
    counts = ("n_items", "n_train_left_out", "n_train_rows_left_out")
    assert [found[name] for name in counts] == [40, 0, 40]
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED, LABELS))


def test_who_has_no_reference_or_no_prediction_is_counted(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", "item,label\n" + "i0,no\ni1,yes\nother,no\n")
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}calibration/")
    counts = ("n_items", "n_predicted", "n_without_reference", "n_reference", "n_not_predicted")
    assert [found[name] for name in counts] == [2, 40, 38, 3, 1]
    assert "not_all_predicted" in found["warnings"]


def test_a_reference_that_is_no_class_is_counted(alice: Trust, mail: str) -> None:
    alice.patch(f"{mail}questions/spam/", {"values": ["no", "yes", "unclear"]})
    labels = ["unclear" if k < 4 else label for k, label in enumerate(LABELS)]
    alice.send(mail, "reference-labels", make_references(labels))
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}calibration/")
    assert (found["n_items"], found["n_reference_not_a_class"]) == (36, 4)
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED[4:], LABELS[4:]))


def test_without_any_reference_there_is_a_reason(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}calibration/")
    assert found["n_items"] == 0
    assert {one["reason"] for one in found["scores"].values()} == {"no_data"}
    assert "no_reference" in found["warnings"]


def test_references_of_other_items_are_no_overlap(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", "item,label\nother,no\n")
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}calibration/")
    assert {one["reason"] for one in found["scores"].values()} == {"no_overlap"}
    assert "no_overlap" in found["warnings"]


def test_one_class_only_has_no_auc_and_says_why(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references(["no"] * 40))
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}calibration/")
    assert (found["scores"]["auc"]["value"], found["scores"]["auc"]["reason"]) == (
        None,
        "one_class",
    )
    assert found["tests"]["cox"]["slope"]["reason"] == "one_class"
    assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED, ["no"] * 40))
    assert "one_class" in found["warnings"]


def test_identical_predictions_have_a_result(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_predictions([0.5] * 40))
    found = alice.get(f"{mail}calibration/")
    assert found["scores"]["brier"]["value"] == 0.25
    assert found["scores"]["auc"]["value"] == 0.5
    assert "constant_predictions" in found["warnings"]


def test_groups_are_what_is_resampled_and_never_split(alice: Trust, mail: str) -> None:
    groups = [f"g{k // 4}" for k in range(40)]
    alice.send(mail, "items", make_file("item,group", ITEMS, groups))
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}calibration/")
    assert found["n_groups"] == 10
    assert found["scores"]["brier"]["ci_method"] == "bootstrap_groups"
    assert found["recalibration"]["folds_by"] == "groups"
    assert found["tests"]["kuiper"]["reason"] == "not_applicable"


def test_the_models_own_order_of_classes_is_kept(alice: Trust, pets: str) -> None:
    body = {"name": "other", "question": "pet", "classes": ["fox", "cat", "dog"]}
    alice.post(f"{pets}models/", body)
    labels = "item,label\na,fox\nb,cat\nc,dog\n"
    alice.send(pets, "reference-labels", labels)
    rows = "item,p_cat,p_dog,p_fox\na,0.1,0.1,0.8\nb,0.7,0.2,0.1\nc,0.3,0.6,0.1\n"
    alice.send(pets, "predictions", rows, model="net")
    alice.upload(pets, "predictions", rows, model="other")
    results = [alice.get(f"{pets}calibration/", model=name) for name in ("net", "other")]
    assert [r["classes"][0] for r in results] == ["cat", "fox"]
    for key in ("brier_sum", "log_loss", "accuracy"):
        assert results[0]["scores"][key]["value"] == pytest.approx(
            results[1]["scores"][key]["value"]
        )
    assert results[0]["scores"]["accuracy"]["value"] == 1


def test_the_same_run_gives_the_same_numbers_and_is_asked_once(alice: Trust, measured: str) -> None:
    before = alice.get(f"{measured}calibration/")
    again = alice.post(f"{measured}runs/", {"kind": "calibration"}, expect=200)
    assert again["id"] == before["run"]
    Run.objects.filter(kind="calibration").delete()
    dataset = Dataset.objects.get(slug="mail")
    run, _ = runs.launch(dataset, "calibration", {"model": "filter"})
    work_off()
    after = alice.get(f"{measured}calibration/")
    assert after["run"] == str(run.pk)
    volatile = {"run", "computed_at"}
    assert {k: v for k, v in after.items() if k not in volatile} == {
        k: v for k, v in before.items() if k not in volatile
    }


@pytest.mark.parametrize(
    ("parameters", "code", "pointer"),
    [
        ({}, None, None),
        ({"model": "filtre"}, "unknown_model", "model"),
        ({"model": 1}, "invalid", "/parameters/model"),
        ({"bins": 10}, "unknown_parameter", "/parameters/bins"),
        ({"n_replicates": 0}, "invalid", "/parameters/n_replicates"),
        ({"min_items": True}, "invalid", "/parameters/min_items"),
        ({"depth": 4}, "invalid", "/parameters/depth"),
        ({"ci_level": 95}, "invalid", "/parameters/ci_level"),
    ],
)
def test_a_run_with_wrong_parameters_is_refused(
    alice: Trust, mail: str, parameters: dict[str, Any], code: str | None, pointer: str | None
) -> None:
    body = {"kind": "calibration", "parameters": parameters}
    answer = alice.post(f"{mail}runs/", body, expect=400 if code else 202)
    if code is not None:
        error = answer["errors"][0]
        assert (error["code"], error["pointer"]) == (code, pointer)


def test_each_part_is_a_table(alice: Trust, measured: str) -> None:
    for name, n, column in (
        ("scores", 13, "score"),
        ("ece", 16, "error"),
        ("curve", 10, "observed.value"),
        ("subgroups", 2, "scores.brier.value"),
        ("recalibration", 6, "brier_gain.value"),
        ("second_opinion", 5, "library"),
    ):
        answer = alice.http.get(f"/api/v1/{measured}calibration/{name}.csv")
        lines = answer.content.decode().splitlines()
        assert column in lines[0].split(",")
        assert len(lines) == n + 1
        assert len(alice.get(f"{measured}calibration/{name}.json")["results"]) == n
        parquet = alice.http.get(f"/api/v1/{measured}calibration/{name}.parquet")
        assert parquet.content[:4] == b"PAR1"


def test_there_is_no_other_table(alice: Trust, measured: str) -> None:
    answer = alice.get(f"{measured}calibration/items.csv", expect=404)
    assert "curve" in answer["detail"]


def test_auditors_see_no_small_subgroup_and_contributors_nothing(
    alice: Trust, measured: str, person: Callable[[str], Trust]
) -> None:
    alice.patch(measured, {"min_cell": 11})
    for name, role in (("audrey", "auditor"), ("colin", "contributor")):
        person_ = person(name)
        person_.get(f"{measured}calibration/", expect=404)
        alice.post(f"{measured}members/", {"user": name, "role": role})
        if role == "contributor":
            person_.get(f"{measured}calibration/", expect=403)
            person_.get(f"{measured}calibration/curve.csv", expect=403)
            continue
        shown = person_.get(f"{measured}calibration/")
        assert shown["disclosure"] == "min_cell_11"
        # The larger one would be 40 items less the smaller.
        for subgroup in shown["subgroups"]:
            assert subgroup["n"] is None
            assert {n["reason"] for n in numbers_in(subgroup)} == {"suppressed"}
        table = person_.get(f"{measured}calibration/subgroups.json")["results"]
        assert table == shown["subgroups"]


def test_before_the_first_prediction_the_answer_says_what_is_missing(
    alice: Trust, mail: str
) -> None:
    answer = alice.get(f"{mail}calibration/", expect=404)
    assert answer["code"] == "no_result"
    assert alice.get(f"{mail}calibration/", expect=400, model="nobody")["code"] == "unknown_model"


def test_several_models_must_be_named(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_predictions())
    alice.post(f"{mail}models/", {"name": "new", "question": "spam", "classes": ["no", "yes"]})
    answer = alice.get(f"{mail}calibration/", expect=400)
    assert "filter:1, new:1" in answer["detail"]
    assert alice.get(f"{mail}calibration/", model="filter")["n_items"] == 40


def test_logits_are_measured_as_the_probabilities_they_stand_for(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    sent = {"question": "spam", "classes": ["no", "yes"], "scores": "logit"}
    odds = [math.log(p / (1 - p)) for p in STATED]
    files = {
        "one": make_file("item,logit", ITEMS, odds),
        "two": make_file("item,logit_yes,p_no", ITEMS, [x + 3 for x in odds], [3] * 40),
    }
    for name, body in files.items():
        alice.post(f"{mail}models/", {"name": name, **sent})
        upload = alice.upload(mail, "predictions", body, model=name)
        assert upload["rows"]["stored"] == 40, upload
        found = alice.get(f"{mail}calibration/", model=name)
        assert found["model_scores"] == "logit"
        assert found["n_rows_renormalised"] == 0
        assert found["scores"]["brier"]["value"] == pytest.approx(brier(STATED, LABELS))
        again = alice.upload(mail, "predictions", f"{body}\n", model=name)
        assert again["rows"]["unchanged"] == 40


def test_logits_of_more_classes_become_a_softmax(alice: Trust, pets: str) -> None:
    model = {"question": "pet", "classes": ["fox", "cat", "dog"], "scores": "logit"}
    alice.post(f"{pets}models/", {"name": "logits", **model})
    alice.send(pets, "reference-labels", "item,label\na,cat\nb,dog\n")
    body = "item,logit_cat,logit_dog,logit_fox\na,2,1,-1\nb,0,0,700\n"
    alice.upload(pets, "predictions", body, model="logits")
    found = alice.get(f"{pets}calibration/", model="logits")
    right = math.exp(2) / (math.exp(2) + math.exp(1) + math.exp(-1))
    others = (math.exp(1) ** 2 + math.exp(-1) ** 2) / (
        math.exp(2) + math.exp(1) + math.exp(-1)
    ) ** 2
    expected = ((1 - right) ** 2 + others + 2) / 2
    assert found["scores"]["brier_sum"]["value"] == pytest.approx(expected)


def test_items_that_are_only_counted_can_be_listed(
    alice: Trust, pets: str, person: Callable[[str], Trust]
) -> None:
    alice.post(f"{pets}models/", {"name": "pair", "question": "pet", "classes": ["cat", "dog"]})
    labels = ["cat", "dog", "fox", "dog", "cat"]
    alice.send(pets, "reference-labels", make_file("item,label", list("abcde"), labels))
    body = make_file("item,probability,split", list("axcdye"), [0.5] * 6, ["test"] * 5 + ["train"])
    alice.upload(pets, "predictions", body, model="pair")
    found = alice.get(f"{pets}calibration/", model="pair")
    assert (found["n_without_reference"], found["n_reference_not_a_class"]) == (2, 1)
    listed = {}
    for count, address in found["links"].items():
        assert address.startswith("http")
        rows = alice.http.get(address).json()["results"]
        listed[count] = [row["item"] for row in rows]
        assert all(row["outcome"] is None for row in rows)
    assert listed == {"n_without_reference": ["x", "y"], "n_reference_not_a_class": ["c"]}
    first = alice.http.get(f"{found['links']['n_without_reference']}&page_size=1")
    assert [row["item"] for row in first.json()["results"]] == ["x"]
    second = alice.http.get(first.headers["Link"].partition(">")[0].removeprefix("<"))
    assert [row["item"] for row in second.json()["results"]] == ["y"]
    assert "Link" not in second.headers
    refused = alice.get(f"{pets}confidence/", model="pair", reference="none", expect=400)
    assert "missing or not_a_class" in refused["detail"]
    audrey = person("audrey")
    alice.post(f"{pets}members/", {"user": "audrey", "role": "auditor"})
    assert "links" not in audrey.get(f"{pets}calibration/", model="pair")
