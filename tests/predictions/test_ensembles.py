"""Ensembles over REST: what each member is worth, and what they disagree about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from measures.ensembles import item_uncertainty
from predictions import ensembles_api, parameters, probabilities
from tests.conftest import Trust
from tests.predictions.conftest import (
    ITEMS,
    LABELS,
    STATED,
    make_file,
    make_predictions,
    make_references,
)

SHIFTS = (0.0, 0.06, -0.04)
MEMBERS = np.clip(np.array(STATED) + np.array(SHIFTS)[:, None], 0.01, 0.99).round(6)
HAPPENED = np.array([label == "yes" for label in LABELS], float)


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parameters.DEFAULTS["ensembles"], "n_replicates", 50)
    # Small enough that the forty items come in several ranges.
    monkeypatch.setattr(probabilities, "CHUNK_NUMBERS", 6 * 15)


def rows_of(members: np.ndarray, items: list[str] = ITEMS) -> str:
    lines = [(i, p, m) for m, one in enumerate(members) for i, p in zip(items, one, strict=True)]
    return make_file("item,probability,member", *zip(*lines, strict=True))


def test_an_ensemble_is_its_mean_its_members_and_their_disagreement(
    alice: Trust, mail: str
) -> None:
    sizes = ["big" if k < 30 else "small" for k in range(40)]
    alice.send(mail, "items", make_file("item,size", ITEMS, sizes))
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", rows_of(MEMBERS))
    found = alice.get(f"{mail}ensembles/", model="filter")
    counts = ("n_members", "n_items", "n_items_scored", "n_incomplete", "reason")
    assert [found[name] for name in counts] == [3, 40, 40, 0, None]
    each = [one["scores"]["brier"]["value"] for one in found["members"]]
    np.testing.assert_allclose(each, ((MEMBERS - HAPPENED) ** 2).mean(axis=1))
    terms = {key: number["value"] for key, number in found["ambiguity"].items()}
    assert terms["member_brier"] == pytest.approx(np.mean(each))
    assert terms["member_brier"] - terms["ensemble_brier"] == pytest.approx(terms["diversity"])
    assert terms["diversity"] == pytest.approx(MEMBERS.var(axis=0).mean())
    first, last = found["sizes"][0], found["sizes"][-1]
    assert (first["n_members"], last["n_members"]) == (1, 3)
    assert last["brier"] == pytest.approx(terms["ensemble_brier"])
    expected = item_uncertainty(MEMBERS).columns
    for key, number in found["uncertainty"].items():
        assert number["value"] == pytest.approx(expected[key].mean())
        assert number["ci_low"] <= number["value"] <= number["ci_high"]
    big, small = found["subgroups"]
    entropy = big["uncertainty"]["epistemic_entropy"]
    assert entropy["value"] == pytest.approx(expected["epistemic_entropy"][:30].mean())
    assert small["uncertainty"]["epistemic_entropy"]["reason"] == "too_few_items"
    table = alice.get(f"{mail}ensembles/members.json")["results"]
    assert [one["member"] for one in table] == [0, 1, 2]


def test_one_member_has_nobody_to_disagree_with(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_predictions())
    found = alice.get(f"{mail}ensembles/")
    assert (found["n_members"], found["reason"]) == (1, "not_applicable")
    assert {n["reason"] for n in found["uncertainty"].values()} == {"not_applicable"}
    assert {n["value"] for n in found["ambiguity"].values()} == {None}


def test_items_that_a_member_left_out_are_counted(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", "item,label\ni0,no\ni1,yes\n")
    body = rows_of(MEMBERS[:2]) + "i40,0.5,0\n"
    alice.upload(mail, "predictions", body)
    found = alice.get(f"{mail}ensembles/")
    assert (found["n_items"], found["n_items_scored"], found["n_incomplete"]) == (40, 2, 1)
    assert "incomplete_items_left_out" in found["warnings"]
    assert found["members"][1]["n"] == 2


def test_the_folds_of_a_member_are_averaged(alice: Trust, mail: str) -> None:
    body = "item,probability,member,fold\na,0.2,0,0\na,0.4,0,1\na,0.9,1,0\n"
    alice.upload(mail, "predictions", body)
    found = alice.get(f"{mail}ensembles/")
    assert (found["n_members"], found["n_items"]) == (2, 1)
    expected = item_uncertainty([[0.3], [0.9]]).columns["epistemic_variance"][0]
    assert found["uncertainty"]["epistemic_variance"]["value"] == pytest.approx(expected)
    assert found["ambiguity"]["diversity"]["reason"] == "no_data"


def test_each_items_epistemic_and_aleatoric_parts_stand_in_a_table_of_pages(
    alice: Trust, mail: str, person: Callable[[str], Trust]
) -> None:
    alice.upload(mail, "predictions", rows_of(MEMBERS) + "i40,0.5,0\n")
    first = alice.http.get(f"/api/v1/{mail}ensembles/items.json", {"page_size": 30})
    rows = first.json()["results"]
    follow = first["Link"].partition("<")[2].partition(">")[0]
    rows += alice.http.get(follow).json()["results"]
    # i40 was left out by two members; items are numbered in the order of their names.
    assert [row["item"] for row in rows] == sorted(ITEMS)
    expected = item_uncertainty(MEMBERS)
    place = [ITEMS.index(row["item"]) for row in rows]
    for key, column in expected.columns.items():
        np.testing.assert_allclose([row[key] for row in rows], column[place], atol=1e-12)
    spam = [row["probabilities"]["yes"] for row in rows]
    np.testing.assert_allclose(spam, MEMBERS.mean(axis=0)[place])
    audit = person("audit")
    alice.post(f"{mail}members/", {"user": "audit", "role": "auditor"})
    audit.get(f"{mail}ensembles/items.json", expect=403)


def test_one_members_items_have_no_parts_and_a_page_of_many_is_short(
    alice: Trust, mail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.upload(mail, "predictions", make_predictions())
    row = alice.get(f"{mail}ensembles/items.json")["results"][0]
    assert (row["n_members"], row["reason"]) == (1, "not_applicable")
    assert (row["epistemic_entropy"], row["aleatoric_variance"]) == (None, None)
    monkeypatch.setattr(ensembles_api, "CHUNK_NUMBERS", 2 * 7)
    assert len(alice.get(f"{mail}ensembles/items.json", page_size=30)["results"]) == 7
