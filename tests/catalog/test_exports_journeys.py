"""Exports over HTTP: what arrives in the data set, and what is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from annotations.models import Label, LabelRow
from catalog.models import Annotator, Attribute, ReferenceLabel
from tests.catalog.test_exports_argilla import flattened
from tests.catalog.test_exports_doccano import lines, packed, record
from tests.catalog.test_exports_labelstudio import annotation, choice, result, task
from tests.catalog.test_exports_prodigy import choice as choice_task
from tests.conftest import Trust

WIDE = "item,Ann,Bob\ni1,cat,\ni2,dog,cat\n"
DICES = (
    "id,rater_id,rater_gender,rater_age,item_id,answer_time_ms,Q1,Q2\n"
    "0,r1,Woman,gen z,i1,1200,Yes,No\n"
    "1,r2,Man,,i1,900,No,\n"
    "2,r1,Woman,gen z,i2,800,Unsure,No\n"
)


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def stored() -> set[tuple[Any, ...]]:
    return {
        (row.item.external_id, row.annotator.external_id, row.question.name, row.value, row.round)
        for row in LabelRow.objects.select_related("item", "annotator", "question")
    }


def notices(upload: dict[str, Any]) -> dict[str, str]:
    return {warning["code"]: warning["message"] for warning in upload["warnings"]}


def test_a_wide_table_is_stored_and_answered_with_its_shape(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "labels", WIDE, format="wide", orientation="items_in_rows")
    assert upload["state"] == "stored", upload["problems"]
    assert upload["rows"]["stored"] == 3
    assert notices(upload)["export_read"] == "2 items x 2 annotators, 3 labels."
    assert stored() == {
        ("i1", "Ann", "pet", "cat", 1),
        ("i2", "Ann", "pet", "dog", 1),
        ("i2", "Bob", "pet", "cat", 1),
    }
    again = alice.upload(
        pets,
        "labels",
        "annotator\ti1\ti2\nAnn\tcat\tdog\nBob\t\tcat\n",
        content_type="text/tab-separated-values",
        format="wide",
        orientation="annotators_in_rows",
    )
    assert again["rows"]["unchanged"] == 3


def test_what_a_wide_table_does_not_say_is_asked_for(alice: Trust, pets: str) -> None:
    refused = alice.send(pets, "labels", WIDE, expect=400, format="wide")
    assert "orientation=items_in_rows" in refused["detail"]
    wrong = alice.send(pets, "labels", WIDE, expect=400, format="wide", orientation="rows")
    assert "annotators_in_rows" in wrong["detail"]
    wide = {"format": "wide", "orientation": "items_in_rows"}
    assert "uploads/labels/" in alice.send(pets, "items", WIDE, expect=400, **wide)["detail"]
    stray = alice.send(pets, "labels", WIDE, expect=400, annotator="Ann")
    assert "send format=" in stray["detail"]


def test_a_label_that_the_question_lacks_is_named_with_its_line(alice: Trust, pets: str) -> None:
    body = WIDE.replace("dog", "cow")
    upload = alice.upload(pets, "labels", body, format="wide", orientation="items_in_rows")
    problem = upload["problems"][0]
    assert (problem["line"], problem["code"], problem["value"]) == (3, "unknown_label", "cow")
    assert not Label.objects.exists()


def label_studio() -> list[dict[str, Any]]:
    def pet(value: str) -> dict[str, Any]:
        return {**choice(value), "from_name": "pet"}

    later = "2024-03-05T09:00:00Z"
    return [
        task(1, annotation(7, pet("cat")), annotation(7, pet("dog"), created_at=later)),
        task(2, annotation(7, was_cancelled=True), annotation(8)),
        task(3, annotation(9, pet("dog"), ground_truth=True), annotation(8, pet("dog"))),
    ]


def test_label_studio_brings_labels_rounds_skips_and_gold(alice: Trust, pets: str) -> None:
    body = json.dumps(label_studio())
    json_type = "application/json"
    upload = alice.upload(pets, "labels", body, content_type=json_type, format="labelstudio")
    assert upload["state"] == "stored", upload["problems"]
    assert upload["rows"] == {
        "read": 6,
        "stored": 6,
        "unchanged": 0,
        "replaced": 0,
        "rejected": 0,
    }
    assert stored() == {
        ("1", "7", "pet", "cat", 1),
        ("1", "7", "pet", "dog", 2),
        ("2", "7", "pet", None, 1),
        ("2", "8", "pet", None, 1),
        ("3", "8", "pet", "dog", 1),
    }
    by_status = Label.objects.filter(status__gt=0).order_by("annotator_id")
    assert list(by_status.values_list("status", flat=True)) == [1, 2]
    gold = ReferenceLabel.objects.get()
    assert (gold.item.external_id, gold.code, gold.source) == ("3", 1, "gold")
    assert set(Annotator.objects.values_list("external_id", flat=True)) == {"7", "8"}
    assert {"gold_found", "skipped_found", "empty_found", "rounds_numbered"} <= set(notices(upload))
    other = alice.upload(pets, "labels", body + "\n", content_type=json_type, format="labelstudio")
    assert other["rows"]["unchanged"] == 6
    assert other["version"] == upload["version"]


def test_two_different_gold_answers_for_one_item_are_a_problem(alice: Trust, pets: str) -> None:
    tasks = label_studio()
    cat = {**choice("cat"), "from_name": "pet"}
    tasks[2]["annotations"].append(annotation(8, cat, ground_truth=True))
    upload = alice.upload(pets, "labels", json.dumps(tasks), format="labelstudio")
    assert [p["code"] for p in upload["problems"]] == ["conflicting_rows"]
    assert not ReferenceLabel.objects.exists()
    tasks[2]["annotations"][-1]["result"][0]["value"]["choices"] = ["dog"]
    upload = alice.upload(pets, "labels", json.dumps(tasks), format="labelstudio")
    assert upload["state"] == "stored", upload["problems"]
    assert ReferenceLabel.objects.count() == 1


def test_contributors_bring_labels_only(
    alice: Trust, pets: str, person: Callable[[str], Trust]
) -> None:
    bob = person("bob")
    alice.post(f"{pets}members/", {"user": "bob", "role": "contributor"})
    upload = bob.upload(pets, "labels", json.dumps(label_studio()), format="labelstudio")
    assert upload["state"] == "stored", upload["problems"]
    assert "labels_only" in notices(upload)
    assert not ReferenceLabel.objects.exists()
    assert len(stored()) == 5


def test_a_question_of_another_name_is_named_or_refused(alice: Trust, pets: str) -> None:
    body = json.dumps([task(1, annotation(7, choice("cat")))])
    refused = alice.upload(pets, "labels", body, format="labelstudio")
    assert [p["code"] for p in refused["problems"]] == ["unknown_question"]
    assert "question=" in refused["problems"][0]["hint"]
    upload = alice.upload(pets, "labels", body, format="labelstudio", question="pet")
    assert stored() == {("1", "7", "pet", "cat", 1)}, upload
    mapped = alice.upload(
        pets, "labels", body + " ", format="labelstudio", questions='{"pet": "mood"}'
    )
    assert mapped["rows"]["unchanged"] == 1


def test_sets_and_numbers_arrive_by_the_scale_of_their_question(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}questions/", {"name": "tags", "scale": "set"})
    alice.post(f"{pets}questions/", {"name": "stars", "scale": "interval"})
    tags = {**choice("b", "a|b"), "from_name": "tags"}
    body = json.dumps([task(1, annotation(7, tags, result("stars", "rating", rating=4)))])
    upload = alice.upload(pets, "labels", body, format="labelstudio")
    assert upload["state"] == "stored", upload["problems"]
    assert alice.get(f"{pets}questions/tags/")["values"] == ["a|b", "b"]
    assert Label.objects.get(question__name="stars").number == 4.0


def test_lewidi_is_stored_and_a_foreign_value_is_a_problem(alice: Trust) -> None:
    path = alice.dataset("hate")
    alice.post(f"{path}questions/", {"name": "hs", "scale": "nominal", "values": ["0", "1"]})
    body = {"1": {"annotators": "A1,A2", "annotations": "0,1"}}
    upload = alice.upload(path, "labels", json.dumps(body), format="lewidi")
    assert upload["rows"]["stored"] == 2
    body["2"] = {"annotators": "A1,A2", "annotations": "No,1"}
    upload = alice.upload(path, "labels", json.dumps(body), format="lewidi")
    assert [(p["line"], p["code"]) for p in upload["problems"]] == [(2, "unknown_label")]


@pytest.fixture
def safety(alice: Trust) -> str:
    path = alice.dataset("safety")
    for name in ("Q1", "Q2"):
        body = {"name": name, "scale": "nominal", "values": ["No", "Unsure", "Yes"]}
        alice.post(f"{path}questions/", body)
    return path


def test_dices_brings_labels_and_the_attributes_of_annotators(alice: Trust, safety: str) -> None:
    upload = alice.upload(safety, "labels", DICES, format="dices", ignore="id")
    assert upload["state"] == "stored", upload["problems"]
    assert stored() == {
        ("i1", "r1", "Q1", "Yes", 1),
        ("i1", "r1", "Q2", "No", 1),
        ("i1", "r2", "Q1", "No", 1),
        ("i2", "r1", "Q1", "Unsure", 1),
        ("i2", "r1", "Q2", "No", 1),
    }
    assert set(Label.objects.values_list("duration_ms", flat=True)) == {1200, 900, 800}
    profiles = {a.external_id: a.profile.values for a in Annotator.objects.all()}
    assert profiles == {
        "r1": {"rater_gender": "Woman", "rater_age": "gen z"},
        "r2": {"rater_gender": "Man"},
    }
    changed = alice.upload(
        safety, "labels", DICES.replace("r2,Man,,", "r2,Man,gen x,"), format="dices", ignore="id"
    )
    assert changed["rows"]["unchanged"] == 5
    assert changed["version"] == upload["version"] + 1


def test_attributes_are_renamed_by_their_mapping(alice: Trust, safety: str) -> None:
    columns = json.dumps({"gender": "rater_gender"})
    upload = alice.upload(safety, "labels", DICES, format="dices", ignore="id", columns=columns)
    assert upload["state"] == "stored", upload["problems"]
    names = set(Attribute.objects.values_list("name", flat=True))
    assert names == {"gender", "rater_age"}


def test_an_annotator_with_two_values_of_an_attribute_is_a_problem(
    alice: Trust, safety: str
) -> None:
    body = DICES.replace("2,r1,Woman", "2,r1,Man")
    upload = alice.upload(safety, "labels", body, format="dices", ignore="id")
    assert {(p["line"], p["code"], p["column"]) for p in upload["problems"]} == {
        (4, "conflicting_attribute", "rater_gender")
    }
    assert not Annotator.objects.exists()
    skipped = alice.upload(safety, "labels", body, format="dices", ignore="id", on_error="skip")
    assert skipped["rows"]["stored"] == 3


def test_columns_that_nobody_named_are_asked_about(alice: Trust, safety: str) -> None:
    upload = alice.upload(safety, "labels", DICES, format="dices")
    assert [p["code"] for p in upload["problems"]] == ["header_unknown_column"]
    assert "'id'" in upload["problems"][0]["message"]


def test_the_zip_of_doccano_is_taken_for_that_format_only(alice: Trust, pets: str) -> None:
    body = packed(
        {
            "ann.jsonl": lines(record(1, "cat"), record(2, "dog")),
            "bob.jsonl": lines(record(1, "dog")),
        }
    )
    zipped = {"content_type": "application/zip", "filename": "export.zip"}
    upload = alice.upload(pets, "labels", body, format="doccano", **zipped)
    assert upload["state"] == "stored", upload["problems"]
    assert stored() == {
        ("1", "ann", "pet", "cat", 1),
        ("2", "ann", "pet", "dog", 1),
        ("1", "bob", "pet", "dog", 1),
    }
    alice.send(pets, "labels", body, expect=415, **zipped)
    alice.send(pets, "labels", body, expect=415, format="argilla", **zipped)


@pytest.mark.parametrize(
    ("form", "body", "more"),
    [
        ("doccano", lines(record(1, "cat")), {"annotator": "ann"}),
        ("prodigy", lines(choice_task(1, "cat", who="ann")), {}),
        ("argilla", json.dumps([flattened("1", ("cat", "ann", "submitted"), question="pet")]), {}),
        (
            "labelstudio-min",
            json.dumps([{"id": 1, "annotator": "ann", "pet": "cat", "text": "x"}]),
            {},
        ),
        ("labelstudio-csv", "id,annotator,pet,text\n1,ann,cat,x\n", {"questions": "pet"}),
        ("lewidi", json.dumps({"1": {"annotators": "ann", "annotations": "cat"}}), {}),
        ("wide", "item,ann\n1,cat\n", {"orientation": "items_in_rows"}),
        ("dices", "item_id,rater_id,pet\n1,ann,cat\n", {}),
    ],
)
def test_every_format_brings_the_same_label(
    form: str, body: str, more: dict[str, str], alice: Trust, pets: str
) -> None:
    upload = alice.upload(pets, "labels", body, format=form, **more)
    assert upload["state"] == "stored", upload["problems"]
    assert stored() == {("1", "ann", "pet", "cat", 1)}
    assert notices(upload)["export_read"] == "1 item x 1 annotator, 1 label."


def test_a_mapping_is_offered_again_where_a_header_lacks_columns(alice: Trust, pets: str) -> None:
    body = "image,who,answer\n1,ann,cat\n"
    mapping = {"item": "image", "annotator": "who", "label": "answer"}
    refused = alice.upload(pets, "labels", body)
    assert [p["code"] for p in refused["problems"]] == ["header_missing_column"]
    assert "remembered_columns" not in refused
    stored_once = alice.upload(pets, "labels", body, columns=json.dumps(mapping))
    assert stored_once["state"] == "stored"
    assert "remembered_columns" not in stored_once
    again = alice.upload(pets, "labels", body.replace("cat", "dog"))
    assert again["remembered_columns"] == mapping
    sent = json.dumps(again["remembered_columns"])
    renewed = alice.upload(pets, "labels", body.replace("cat", "dog"), columns=sent)
    assert renewed["rows"]["replaced"] == 1
