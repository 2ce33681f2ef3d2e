"""Folds of a cross-validation: each measured alone, and groups that they share."""

from __future__ import annotations

import pytest

from predictions import parameters
from tests.conftest import Trust
from tests.predictions.conftest import ITEMS, LABELS, STATED, make_file, make_references

FOLDS = [k % 2 for k in range(40)]


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parameters.DEFAULTS["calibration"], "n_replicates", 50)


def brier(fold: int) -> float:
    inside = [k for k in range(40) if k % 2 == fold]
    return sum((STATED[k] - (LABELS[k] == "yes")) ** 2 for k in inside) / len(inside)


def test_each_fold_is_measured_alone(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    body = make_file("item,probability,fold", ITEMS, STATED, FOLDS)
    alice.upload(mail, "predictions", body)
    found = alice.get(f"{mail}calibration/")
    assert [(one["fold"], one["n"]) for one in found["folds"]] == [(0, 20), (1, 20)]
    for one in found["folds"]:
        assert one["scores"]["brier"]["value"] == pytest.approx(brier(one["fold"]))
    assert found["n_groups_in_several_folds"] is None
    rows = alice.get(f"{mail}calibration/folds.json")["results"]
    assert rows == found["folds"]


def test_members_of_a_fold_are_averaged_and_an_item_may_be_in_several(
    alice: Trust, mail: str
) -> None:
    alice.send(mail, "reference-labels", make_references())
    rows = [
        (item, p + (0.02 if member else -0.02), fold, member)
        for item, p in zip(ITEMS, STATED, strict=True)
        for fold in (0, 3)
        for member in (0, 1)
    ]
    body = make_file("item,probability,fold,member", *zip(*rows, strict=True))
    alice.upload(mail, "predictions", body)
    found = alice.get(f"{mail}calibration/")
    assert [(one["fold"], one["n"]) for one in found["folds"]] == [(0, 40), (3, 40)]
    whole = found["scores"]["brier"]["value"]
    assert [one["scores"]["brier"]["value"] for one in found["folds"]] == pytest.approx([whole] * 2)


def test_groups_that_folds_share_are_counted(alice: Trust, mail: str) -> None:
    groups = [f"g{k // 4}" if k < 8 else f"h{k}" for k in range(40)]
    alice.send(mail, "items", make_file("item,group", ITEMS, groups))
    alice.send(mail, "reference-labels", make_references())
    body = make_file("item,probability,fold", ITEMS, STATED, FOLDS)
    alice.upload(mail, "predictions", body)
    found = alice.get(f"{mail}calibration/")
    assert found["n_groups_in_several_folds"] == 2
    assert "groups_in_several_folds" in found["warnings"]


def test_without_folds_there_are_none(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_file("item,probability", ITEMS, STATED))
    found = alice.get(f"{mail}calibration/")
    assert found["folds"] == []
    murphy = found["murphy"]["uniform_10"]
    assert murphy["brier"] == pytest.approx(found["scores"]["brier"]["value"])
    assert len(found["other_libraries"]) == 6
