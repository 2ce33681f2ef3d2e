"""Models over REST: their classes, their versions, and what cannot be defined."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Dataset
from predictions.models import ModelVersion, Prediction
from tests.conftest import Trust
from tests.predictions.conftest import make_predictions, make_references


def test_a_model_is_found_by_name_by_name_and_version_and_by_id(alice: Trust, mail: str) -> None:
    made = alice.get(f"{mail}models/filter/")
    assert made == {
        "id": made["id"],
        "name": "filter",
        "version": "1",
        "question": "spam",
        "classes": ["no", "yes"],
        "positive_class": "yes",
        "out_of_fold": None,
        "scores": "probability",
        "parameters": {},
    }
    assert alice.get(f"{mail}models/filter:1/") == made
    assert alice.get(f"{mail}models/{made['id']}/") == made
    assert alice.get(f"{mail}models/")["results"] == [made]
    assert alice.get(f"{mail}models/filter:2/", expect=404)["code"] == "not_found"


def test_the_name_alone_means_the_newest_version(alice: Trust, mail: str) -> None:
    body = {"name": "filter", "version": "2.0:rc1", "question": "spam", "classes": ["no", "yes"]}
    alice.post(f"{mail}models/", body)
    assert alice.get(f"{mail}models/filter/")["version"] == "2.0:rc1"
    assert alice.get(f"{mail}models/filter:2.0:rc1/")["version"] == "2.0:rc1"
    assert alice.get(f"{mail}models/filter:1/")["version"] == "1"
    assert alice.post(f"{mail}models/", body, expect=409)["code"] == "name_taken"


def test_classes_become_the_values_of_a_question_that_has_none(alice: Trust, mail: str) -> None:
    alice.post(f"{mail}questions/", {"name": "tone", "scale": "ordinal"})
    classes = ["rude", "plain", "kind"]
    made = alice.post(f"{mail}models/", {"name": "m", "question": "tone", "classes": classes})
    assert made["positive_class"] is None
    question = alice.get(f"{mail}questions/tone/")
    assert (question["values"], question["learned"]) == (classes, False)


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({}, None, None),
        ({"question": "ham"}, "unknown_question", "/question"),
        ({"classes": ["no", "Yes"]}, "unknown_class", "/classes"),
        ({"classes": ["no", "no"]}, "duplicate_class", "/classes"),
        ({"classes": ["no"]}, "min_length", "/classes"),
        ({"positive_class": "maybe"}, "unknown_class", "/positive_class"),
        ({"name": "a:b"}, "invalid", "/name"),
        ({"version": ""}, "blank", "/version"),
        ({"version": "v" * 300}, "max_length", "/version"),
        ({"question": "size"}, "scale", "/question"),
        ({"owner": "me"}, "unknown_field", "/owner"),
    ],
)
def test_a_model_that_contradicts_the_data_set_is_refused(
    alice: Trust, mail: str, change: dict[str, Any], code: str | None, pointer: str | None
) -> None:
    alice.post(f"{mail}questions/", {"name": "size", "scale": "ratio"})
    body = {"name": "other", "question": "spam", "classes": ["yes", "no"], **change}
    answer = alice.post(f"{mail}models/", body, expect=400 if code else 201)
    if code is None:
        assert answer["positive_class"] == "no"
        return
    assert (answer["errors"][0]["code"], answer["errors"][0]["pointer"]) == (code, pointer)
    assert ModelVersion.objects.count() == 1


def test_one_class_is_told_what_is_missing(alice: Trust, mail: str) -> None:
    body = {"name": "other", "question": "spam", "classes": ["no"]}
    answer = alice.post(f"{mail}models/", body, expect=400)
    assert answer["errors"][0]["message"] == (
        "Send a list of 2 classes or more; a yes or no is two."
    )


def test_classes_that_differ_by_case_only_cannot_be_columns(alice: Trust, mail: str) -> None:
    alice.post(f"{mail}questions/", {"name": "gene", "scale": "nominal"})
    body = {"name": "m", "question": "gene", "classes": ["A", "a", "b"]}
    answer = alice.post(f"{mail}models/", body, expect=400)
    assert answer["code"] == "duplicate_class"
    assert "'A' and 'a'" in answer["detail"]


def test_a_model_changes_until_it_has_predictions(alice: Trust, mail: str) -> None:
    swapped = {"classes": ["yes", "no"]}
    assert alice.patch(f"{mail}models/filter/", swapped)["positive_class"] == "no"
    alice.patch(f"{mail}models/filter/", {"classes": ["no", "yes"]})
    alice.upload(mail, "predictions", make_predictions())
    answer = alice.patch(f"{mail}models/filter/", swapped, expect=409)
    assert answer["code"] == "values_in_use"
    changed = alice.patch(f"{mail}models/filter/", {"out_of_fold": True, "positive_class": "no"})
    assert (changed["out_of_fold"], changed["positive_class"]) == (True, "no")


def test_another_positive_class_turns_the_curve_round(alice: Trust, mail: str) -> None:
    alice.send(mail, "reference-labels", make_references())
    alice.upload(mail, "predictions", make_predictions())
    before = alice.get(f"{mail}calibration/")["tests"]["cox"]["in_the_large"]["value"]
    alice.patch(f"{mail}models/filter/", {"positive_class": "no"})
    assert alice.get(f"{mail}calibration/")["stale"]
    alice.upload(mail, "items", "item,size\ni0,big\n")
    after = alice.get(f"{mail}calibration/")
    assert after["positive_class"] == "no"
    assert after["tests"]["cox"]["in_the_large"]["value"] == pytest.approx(-before)


def test_a_model_takes_its_predictions_along(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", make_predictions())
    assert Prediction.objects.count() == 40
    version = alice.get(mail)["version"]
    alice.delete(f"{mail}models/filter/")
    assert Prediction.objects.count() == 0
    assert alice.get(mail)["version"] == version + 1
    assert alice.get(f"{mail}calibration/", expect=400)["code"] == "unknown_model"


def test_a_data_set_takes_its_models_along(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", make_predictions())
    alice.delete(mail)
    assert (Dataset.objects.count(), Prediction.objects.count()) == (0, 0)


def test_a_question_that_a_model_answers_stays(alice: Trust, mail: str) -> None:
    answer = alice.http.delete(f"/api/v1/{mail}questions/spam/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    alice.delete(f"{mail}models/filter/")
    alice.delete(f"{mail}questions/spam/")


def test_a_page_of_models_costs_the_same_however_many_there_are(alice: Trust, mail: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            alice.get(f"{mail}models/")
        return len(queries)

    one = cost()
    for version in "23456":
        body = {"name": "filter", "version": version, "question": "spam", "classes": ["no", "yes"]}
        alice.post(f"{mail}models/", body)
    assert len(alice.get(f"{mail}models/")["results"]) == 6
    assert cost() == one


def test_a_models_parameters_are_numbers_by_name(alice: Trust, mail: str) -> None:
    sent = {"question": "spam", "classes": ["no", "yes"], "name": "net"}
    made = alice.post(f"{mail}models/", {**sent, "parameters": {"epochs": 30, "rate": 0.001}})
    assert made["parameters"] == {"epochs": 30, "rate": 0.001}
    found = alice.patch(f"{mail}models/{made['id']}/", {"parameters": {"epochs": 31}})
    assert found["parameters"] == {"epochs": 31}
    for wrong in ({"rate": "high"}, {"rate": True}, [1]):
        alice.post(f"{mail}models/", {**sent, "name": "other", "parameters": wrong}, expect=400)


def test_multilabel_is_said_by_the_question_not_by_the_scores(alice: Trust, mail: str) -> None:
    sent = {"name": "tags", "question": "spam", "classes": ["no", "yes"], "scores": "multilabel"}
    refused = alice.post(f"{mail}models/", sent, expect=400)
    assert "its question is of scale set" in refused["errors"][0]["message"]
    alice.post(f"{mail}questions/", {"name": "topics", "scale": "set"})
    sent = {"name": "tags", "question": "topics", "classes": ["work", "home"]}
    assert alice.post(f"{mail}models/", sent)["positive_class"] is None
    assert alice.get(f"{mail}questions/topics/")["values"] == ["work", "home"]
    alice.post(f"{mail}questions/", {"name": "size", "scale": "ratio"})
    refused = alice.post(f"{mail}models/", {**sent, "question": "size"}, expect=400)
    assert "scale nominal, ordinal or set" in refused["detail"]


def test_the_kind_of_scores_cannot_change_under_predictions(alice: Trust, mail: str) -> None:
    alice.patch(f"{mail}models/filter/", {"scores": "logit"})
    alice.patch(f"{mail}models/filter/", {"scores": "probability"})
    alice.upload(mail, "predictions", make_predictions())
    refused = alice.http.patch(f"/api/v1/{mail}models/filter/", {"scores": "logit"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "values_in_use")
