"""Performance without labels: what calibrated confidence promises, and when it is not believed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from predictions import parameters
from tests.conftest import Trust, work_off
from tests.predictions.conftest import make_file

N = 600
ITEMS = [f"i{k:03}" for k in range(N)]
RNG = np.random.default_rng(2)
STATED = RNG.beta(1, 1, N).round(4)
HAPPENED = RNG.random(N) < STATED
WORDS = np.where(HAPPENED, "yes", "no")
#: The first 400 have a reference label.
LABELLED = slice(0, 400)
SITES = ["north" if k % 40 else "south" for k in range(N)]
SPLITS = ["test" if k < 300 else "" for k in range(N)]


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for defaults in parameters.DEFAULTS.values():
        monkeypatch.setitem(defaults, "n_replicates", 50)


def send(alice: Trust, path: str, stated: np.ndarray) -> None:
    alice.send(path, "items", make_file("item,site", ITEMS, SITES))
    labels = make_file("item,label", ITEMS[LABELLED], WORDS[LABELLED])
    alice.send(path, "reference-labels", labels)
    rows = make_file("item,probability,split", ITEMS, stated, SPLITS)
    alice.upload(path, "predictions", rows)


def test_calibrated_confidence_promises_what_comes_true(alice: Trust, mail: str) -> None:
    send(alice, mail, STATED)
    found = alice.get(f"{mail}expected-performance/", model="filter")
    assert "calibrated for these items" in found["assumption"]
    assert (found["reason"], found["calibration"]["shown"]) == (None, True)
    assert (found["calibration"]["method"], found["n_labelled"]) == ("none", 400)
    assert found["warnings"] == ["out_of_fold_not_stated"]
    rows = {tuple(row["attributes"].values())[0]: row for row in found["groups"]}
    assert list(rows) == ["all", "labelled", "unlabelled", "not stated", "test", "north", "south"]
    sure = np.maximum(STATED, 1 - STATED)
    right = (STATED >= 0.5) == HAPPENED
    unlabelled = rows["unlabelled"]
    assert unlabelled["n"] == 200
    assert unlabelled["expected_accuracy"]["value"] == pytest.approx(sure[400:].mean())
    assert unlabelled["labelled"]["accuracy"]["reason"] == "no_data"
    assert found["expected"]["accuracy"]["value"] == pytest.approx(sure[400:].mean())
    # What nobody told the service: the promise was kept, within three standard errors.
    assert unlabelled["expected_accuracy"]["value"] == pytest.approx(right[400:].mean(), abs=0.09)
    labelled = rows["labelled"]["labelled"]
    assert labelled["accuracy"]["value"] == pytest.approx(right[:400].mean())
    difference = labelled["difference"]
    assert difference["value"] == pytest.approx(right[:400].mean() - sure[:400].mean())
    assert difference["ci_low"] < 0 < difference["ci_high"]
    assert rows["test"]["labelled"]["accuracy"]["value"] == pytest.approx(right[:300].mean())
    table = alice.get(f"{mail}expected-performance/groups.json")["results"]
    assert len(table) == 7


def test_boldness_is_mended_by_the_recommended_map_first(alice: Trust, mail: str) -> None:
    odds = STATED / (1 - STATED).clip(1e-4)
    send(alice, mail, (odds**3 / (1 + odds**3)).round(6))
    found = alice.get(f"{mail}expected-performance/")
    assert found["calibration"]["method"] != "none"
    assert found["calibration"]["shown"] is True
    unlabelled = found["groups"][2]["expected_accuracy"]
    right = ((STATED >= 0.5) == HAPPENED)[400:]
    assert unlabelled["value"] == pytest.approx(right.mean(), abs=0.09)


def test_confidence_that_was_never_shown_calibrated_promises_nothing(
    alice: Trust, mail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parameters.DEFAULTS["expected-performance"], "min_labelled", 401)
    send(alice, mail, STATED)
    found = alice.get(f"{mail}expected-performance/")
    assert (found["reason"], found["calibration"]["shown"]) == ("too_few_items", False)
    assert "at least 401 are needed" in found["why"]
    assert {one["reason"] for one in found["expected"].values()} == {"too_few_items"}
    rows = found["groups"]
    assert {row["expected_accuracy"]["reason"] for row in rows} <= {"too_few_items", "no_data"}
    assert rows[1]["labelled"]["accuracy"]["value"] is not None


def test_confidence_that_is_contradicted_promises_nothing(
    alice: Trust, mail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        recommended = "none"

    # As where no map gains beyond doubt, although the confidence is wrong.
    monkeypatch.setattr("predictions.expected.choose_recalibration", lambda *_: Nothing)
    send(alice, mail, (0.5 + STATED / 2).round(4))
    found = alice.get(f"{mail}expected-performance/")
    assert (found["reason"], found["calibration"]["shown"]) == ("not_applicable", False)
    assert "does not come true on the 400 items" in found["why"]
    assert found["groups"][2]["expected_accuracy"]["reason"] == "not_applicable"


def test_of_three_classes_the_decision_is_what_is_foretold(alice: Trust, pets: str) -> None:
    stated = RNG.dirichlet([1, 1, 1], N).round(6)
    stated /= stated.sum(axis=1, keepdims=True)
    drawn = (RNG.random((N, 1)) > stated.cumsum(axis=1)).sum(axis=1).clip(max=2)
    names = np.array(["cat", "dog", "fox"])[drawn]
    alice.send(pets, "reference-labels", make_file("item,label", ITEMS[:400], names[:400]))
    rows = make_file("item,p_cat,p_dog,p_fox", ITEMS, *stated.T)
    alice.upload(pets, "predictions", rows)
    found = alice.get(f"{pets}expected-performance/")
    assert (found["expected"], found["calibration"]["method"]) == ({}, "none")
    expected = found["groups"][2]["expected_accuracy"]
    assert expected["value"] == pytest.approx(stated[400:].max(axis=1).mean())
    assert found["groups"][1]["labelled"]["accuracy"]["value"] == pytest.approx(
        (stated[:400].argmax(axis=1) == drawn[:400]).mean()
    )


def test_auditors_do_not_see_what_few_items_with_labels_said(
    alice: Trust, mail: str, person: Callable[[str], Trust]
) -> None:
    alice.patch(mail, {"min_cell": 25})
    send(alice, mail, STATED)
    audit = person("audit")
    alice.post(f"{mail}members/", {"user": "audit", "role": "auditor"})
    work_off()
    rows = audit.get(f"{mail}expected-performance/")["groups"]
    south = next(row for row in rows if row["attributes"] == {"site": "south"})
    assert (south["n"], south["expected_accuracy"]["reason"]) == (None, "suppressed")
    bare = next(row for row in rows if row["attributes"] == {"split": "not stated"})
    assert bare["n"] == 300
    unlabelled = next(row for row in rows if row["attributes"] == {"items": "unlabelled"})
    assert unlabelled["labelled"]["accuracy"]["reason"] == "suppressed"
