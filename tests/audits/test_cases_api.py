"""The case of one item over REST: for a lead, for an auditor, and in a small subgroup."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.models import Dataset
from tests.conftest import Trust


def test_a_lead_reads_every_label_and_what_was_made_of_them(alice: Trust, judged: str):
    case = alice.get(f"{judged}cases/i9/")

    assert (case["item"], case["disclosure"]) == ("i9", "full")
    assert {one["name"]: one["value"] for one in case["attributes"]} == {
        "age": "old",
        "origin": "common",
        "sex": "F",
    }
    answers = case["questions"][0]
    assert [(one["annotator"], one["value"]) for one in answers["labels"]] == [
        ("Ann", "yes"),
        ("Bob", "yes"),
        ("Cyd", "no"),
    ]
    assert answers["votes"] == [{"value": "yes", "n": 2}, {"value": "no", "n": 1}]
    assert [(one["source"], one["value"]) for one in answers["references"]] == [("gold", "yes")]


def test_the_models_part_is_the_row_of_the_confidence_table(alice: Trust, judged: str):
    model = alice.get(f"{judged}cases/i9/")["models"][0]
    rows = alice.get(f"{judged}confidence.json?page_size=100")["results"]
    table = {row.pop("item"): row for row in rows}

    assert model["probabilities"] == table["i9"]["probabilities"]
    assert {name: model[name] for name in table["i9"]} == table["i9"]
    assert model["rows"][0]["scores"] == model["probabilities"]
    assert model["outcome"] == "yes"


def test_an_auditor_reads_figures_without_people(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    lead = alice.get(f"{judged}cases/i9/")
    case = member("auditor").get(f"{judged}cases/i9/")

    answers = case["questions"][0]
    assert case["disclosure"] == "min_cell_10"
    assert (case["attributes"], answers["labels"], answers["superseded"]) == ([], [], [])
    assert answers["votes"] == lead["questions"][0]["votes"]
    assert answers["consensus"] == lead["questions"][0]["consensus"]
    assert case["models"] == lead["models"]


@pytest.mark.parametrize(("role", "status"), [("auditor", 403), ("manager", 200)])
def test_an_item_of_a_small_subgroup_is_for_leads(
    judged: str, member: Callable[..., Trust], role: str, status: int
):
    answer = member(role).get(f"{judged}cases/i2/", expect=status)

    if role == "auditor":
        assert answer["code"] == "below_threshold"
        assert "rare" not in answer["detail"]


def test_a_small_group_of_items_is_a_small_subgroup(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    rows = [f"i{k},{'patient-1' if k in (20, 21) else 'ward'}" for k in range(80)]
    alice.upload(judged, "items", "item,group\n" + "\n".join(rows) + "\n", mode="upsert")
    auditor = member("auditor")

    assert auditor.get(f"{judged}cases/i20/", expect=403)["code"] == "below_threshold"
    assert auditor.get(f"{judged}cases/i22/")["group"] is None


def test_a_contributor_reads_no_case(judged: str, member: Callable[..., Trust]):
    refused = member("contributor").get(f"{judged}cases/i9/", expect=403)

    assert refused["code"] == "permission_denied"


def test_names_with_slashes_are_found_and_unknown_ones_are_named(alice: Trust, judged: str):
    alice.upload(judged, "labels", "item,annotator,label\nscans/7.png,Ann,yes\n", unknown="create")

    assert alice.get(f"{judged}cases/scans/7.png/")["questions"][0]["n_labels"] == 1
    unknown = alice.get(f"{judged}cases/i999/", expect=404)
    assert unknown["code"] == "unknown_item"
    assert "'i999'" in unknown["detail"]


def test_an_item_that_nobody_labelled_has_no_place_in_the_queue(alice: Trust, judged: str):
    labelled = alice.get(f"{judged}cases/i9/")["questions"][0]
    alice.upload(judged, "items", "item,sex,age,origin\nnew,F,old,common\n")
    answers = alice.get(f"{judged}cases/new/")["questions"][0]

    assert labelled["queue_length"] == 80
    assert (answers["place_in_queue"], answers["queue_length"]) == (None, 80)
    assert (answers["n_labels"], answers["consensus"]) == (0, None)


def test_without_labels_or_models_the_parts_are_empty(alice: Trust):
    path = alice.dataset("bare")
    alice.upload(path, "items", "item\na\n")

    case = alice.get(f"{path}cases/a/")
    assert (case["questions"], case["models"], case["novelty"]) == ([], [], [])
    assert Dataset.objects.get(slug="bare").version == case["version"]
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal"})
    asked = alice.get(f"{path}cases/a/")
    assert [(one["question"], one["queue_length"]) for one in asked["questions"]] == [("q", 0)]
