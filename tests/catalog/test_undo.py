"""Undo of every kind but labels: what was replaced comes back to the last bit, twice in a row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotations.models import Label
from catalog.models import Annotator, Attribute, EarlierRow, Item, Question, ReferenceLabel, Run
from catalog.queries import group_codes, n_numbers
from coverage.models import Population, PopulationCell
from predictions.models import Prediction
from tests.catalog.test_withdrawing import withdraw
from tests.conftest import Trust

#: A first file of each kind, and a second one that changes, adds and leaves rows alone.
FILES = {
    "items": (
        "item,group,sex,age\ni1,g1,F,31\ni2,g2,M,47.5\ni3,,F,\n",
        "item,group,sex,site\ni1,g1,F,north\ni2,g9,X,south\ni4,,M,north\n",
    ),
    "annotators": ("annotator,site\nann,x\nbob,y\n", "annotator,site,years\nann,z,3\ncat,x,2\n"),
    "reference-labels": ("item,label\ni1,cat\ni2,dog\n", "item,label\ni2,cat\ni3,dog\ni1,cat\n"),
    "population": ("sex,weight\nF,50\nM,49.5\nX,0.5\n", "sex,weight\nF,49.5\nM,49.5\nD,1\n"),
    "predictions": (
        "item,p_cat,p_dog,split\ni1,0.1,0.9,test\ni2,0.25,0.75,\n",
        "item,p_cat,p_dog,split\ni1,0.3,0.7,test\ni2,0.25,0.75,\ni3,1,0,train\n",
    ),
}


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    alice.post(f"{path}attributes/", {"name": "age", "kind": "numeric", "bands": ["0-39", "40+"]})
    alice.post(f"{path}populations/", {"name": "census"})
    alice.post(f"{path}models/", {"name": "net", "question": "pet", "classes": ["cat", "dog"]})
    return path


def contents() -> dict[str, list[Any]]:
    """Every stored row with all that is known of it; profiles as their values."""
    bearers = {
        model.__name__: list(
            model.objects.order_by("id").values_list(
                "id", "external_id", "profile__values", "upload_id", *extra
            )
        )
        for model, extra in ((Item, ("group", "numbers")), (Annotator, ()))
    }
    return {
        **bearers,
        "references": list(ReferenceLabel.objects.order_by("id").values_list()),
        "cells": list(PopulationCell.objects.order_by("id").values_list()),
        "margins": list(Population.objects.values_list("margins", flat=True)),
        "predictions": list(
            Prediction.objects.values_list(
                "model_id", "item_id", "member", "fold", "split", "probabilities", "upload_id"
            )
        ),
        "attributes": list(Attribute.objects.order_by("name").values_list("name", "values")),
    }


@pytest.mark.parametrize("kind", FILES)
def test_undoing_two_files_gives_back_each_state_before(alice: Trust, pets: str, kind: str) -> None:
    empty = contents()
    first, second = FILES[kind]
    one = alice.upload(pets, kind, first)
    after_one = contents()
    two = alice.upload(pets, kind, second)
    assert (one["state"], two["state"]) == ("stored", "stored"), two["problems"]
    assert two["rows"]["replaced"] > 0
    assert contents() != after_one
    refused = withdraw(alice, pets, one, expect=409)
    assert (refused["code"], two["id"] in refused["detail"]) == ("replaced_since", True)
    assert withdraw(alice, pets, two)["state"] == "withdrawn"
    assert contents() == after_one
    assert EarlierRow.objects.filter(upload=two["id"], superseded_by=None).exists()
    withdraw(alice, pets, one)
    assert contents() == empty
    again = alice.upload(pets, kind, first)
    assert (again["state"], again["rows"]) == ("stored", one["rows"])


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_replaces_nothing_writes_no_history(alice: Trust, pets: str, kind: str) -> None:
    alice.upload(pets, kind, FILES[kind][0])
    assert set(EarlierRow.objects.values_list("of", flat=True)) <= {"attribute", "population"}


def test_what_depends_on_the_file_is_measured_again(alice: Trust, pets: str) -> None:
    alice.upload(pets, "items", FILES["items"][0])
    alice.upload(pets, "population", FILES["population"][0])
    second = alice.upload(pets, "items", FILES["items"][1])
    version = withdraw(alice, pets, second)["version"] + 1
    assert alice.get(pets)["version"] == version
    assert Run.objects.filter(kind="coverage", version=version, state="waiting").exists()


def test_items_that_labels_speak_of_stay_and_go_with_the_labels(alice: Trust, pets: str) -> None:
    items = alice.upload(pets, "items", "item,sex\ni1,F\ni2,M\ni3,F\n")
    labels = alice.upload(pets, "labels", "item,annotator,label\ni2,ann,cat\n")
    undone = withdraw(alice, pets, items)
    told = [w for w in undone["warnings"] if w["code"] == "still_named"]
    assert [w["count"] for w in told] == [1]
    assert "labels" in told[0]["message"]
    kept = Item.objects.get()
    assert (kept.external_id, kept.profile_id) == ("i2", None)
    assert Label.objects.count() == 1
    withdraw(alice, pets, labels)
    assert (Item.objects.count(), Annotator.objects.count()) == (0, 0)


def test_items_described_after_they_were_labelled_outlive_the_labels(
    alice: Trust, pets: str
) -> None:
    labels = alice.upload(pets, "labels", "item,annotator,label\ni1,ann,cat\ni2,ann,dog\n")
    items = alice.upload(pets, "items", "item,sex\ni1,F\n")
    withdraw(alice, pets, labels)
    assert list(Item.objects.values_list("external_id", flat=True)) == ["i1"]
    withdraw(alice, pets, items)
    assert not Item.objects.exists()


def test_a_number_is_never_given_to_two_items(alice: Trust, pets: str) -> None:
    """Results and history name items by number."""
    alice.upload(pets, "items", "item,group\ni1,g\n")
    wrong = alice.upload(pets, "items", "item,group\nx1,g\nx2,g\n")
    withdraw(alice, pets, wrong)
    alice.upload(pets, "items", "item,group\ni2,g\n")
    numbers = {item.external_id: item.number for item in Item.objects.all()}
    assert numbers == {"i1": 0, "i2": 3}
    dataset = Item.objects.first().dataset  # type: ignore[union-attr]
    assert n_numbers(dataset) == 4
    codes = group_codes(dataset)
    assert codes[0] == codes[3] >= 0
    assert (codes[1:3] < 0).all()


def test_a_question_forgets_values_that_only_a_withdrawn_file_taught(alice: Trust) -> None:
    path = alice.dataset("moods")
    alice.post(f"{path}questions/", {"name": "mood", "scale": "nominal"})
    wrong = alice.upload(path, "labels", "item,annotator,label\ni1,ann,ann\ni2,bob,bob\n")
    assert Question.objects.get().values == ["ann", "bob"]
    withdraw(alice, path, wrong)
    assert (Question.objects.get().values, Question.objects.get().learned) == ([], False)
    codebook = EarlierRow.objects.get(of="question", superseded_by=None)
    assert codebook.row["values"] == ["ann", "bob"]
    right = alice.upload(path, "labels", "item,annotator,label\ni1,ann,sad\ni2,bob,glad\n")
    assert right["state"] == "stored"
    assert Question.objects.get().values == ["glad", "sad"]


def test_an_export_is_undone_with_its_gold_and_its_annotators(alice: Trust, pets: str) -> None:
    alice.upload(pets, "reference-labels", "item,label\n1,cat\n")
    before = contents()
    choice = {"from_name": "pet", "type": "choices", "value": {"choices": ["dog"]}}
    gold = {"completed_by": 7, "ground_truth": True, "result": [choice]}
    plain = {"completed_by": 8, "ground_truth": False, "result": [choice]}
    body = [{"id": 1, "data": {}, "annotations": [gold, plain]}]
    sent = alice.upload(
        pets,
        "labels",
        json.dumps(body),
        format="labelstudio",
        content_type="application/json",
    )
    assert sent["state"] == "stored", sent["problems"]
    assert contents()["references"] != before["references"]
    withdraw(alice, pets, sent)
    assert contents() == before
    assert not Label.objects.exists()


def test_what_comes_back_is_placed_in_the_bands_of_today(alice: Trust, pets: str) -> None:
    alice.upload(pets, "items", "item,age\ni1,31\n")
    second = alice.upload(pets, "items", "item,age\ni1,50\n")
    alice.patch(f"{pets}attributes/age/", {"bands": ["0-29", "30+"]})
    withdraw(alice, pets, second)
    item = Item.objects.select_related("profile").get()
    assert (item.numbers, item.profile.values) == ({"age": 31}, {"age": "30+"})  # type: ignore[union-attr]
