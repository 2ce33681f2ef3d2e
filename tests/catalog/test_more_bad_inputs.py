"""Bad inputs beyond the published ones: each once was an error, a silence or a misleading word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Trust

LABELS = "item,annotator,label\ni1,ann,cat\n"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def test_reference_labels_without_any_label_are_stored_as_nothing(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "reference-labels", "item,label\ni1,\n")
    assert (upload["state"], upload["rows"]["stored"]) == ("stored", 0)


def test_the_smallest_cell_is_refused_by_name_when_it_is_none(alice: Trust, pets: str) -> None:
    assert "min_cell" in alice.http.patch(f"/api/v1/{pets}", {"min_cell": 0}).json()["detail"]
    alice.post("datasets/", {"slug": "none", "min_cell": 0}, expect=400)


@pytest.mark.parametrize("address", ["/api/v1/datasets/%00/", "/datasets/a%00/"])
def test_an_address_with_nul_is_nowhere(alice: Trust, address: str) -> None:
    answer = alice.http.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("size", ["-1", "0", "1e9", "10001", "many"])
def test_a_page_has_a_size(alice: Trust, pets: str, size: str) -> None:
    refused = alice.get(f"{pets}uploads/", expect=400, page_size=size)
    assert "from 1 to 10,000" in refused["detail"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a\nb"}, "holds the control character"),
        ({"values": ["ok", "a\u0007"]}, "control character"),
        ({"values": ["e\u0301"]}, "composed form"),
        ({"name": "\u202epet"}, "reverses the direction"),
        ({"values": ["a\u200b"]}, "invisible character"),
        ({"values": ["a", "b"], "missing_codes": ["a"]}, "a value and a missing code"),
        ({"scale": "ratio", "values": ["a", "b"]}, "answered with numbers"),
    ],
)
def test_a_question_that_no_file_could_answer_is_refused(
    alice: Trust, pets: str, fields: dict[str, Any], said: str
) -> None:
    refused = alice.post(f"{pets}questions/", {"name": "q", "scale": "nominal", **fields}, 400)
    assert said in refused["detail"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"columns": "{bad"}, "columns= is not JSON"),
        ({"columns": '{"item": "x", "annotator": "x"}'}, "two meanings"),
        ({"ignore": "item"}, "ignore= names 'item'"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    alice: Trust, pets: str, query: dict[str, str], said: str
) -> None:
    assert said in alice.send(pets, "labels", LABELS, expect=400, **query)["detail"]


def test_a_file_that_is_said_to_be_in_another_encoding_is_not_read(alice: Trust, pets: str) -> None:
    refused = alice.send(
        pets, "labels", LABELS, expect=415, content_type="text/csv; charset=iso-8859-1"
    )
    assert refused["code"] == "encoding_not_utf8"
    alice.send(pets, "labels", LABELS, content_type='text/csv; charset="UTF-8"')


@pytest.mark.parametrize(
    ("column", "value", "hint"),
    [
        ("duration_ms", '"1,000"', "Write 1000"),
        ("duration_ms", '"1,234,567"', "Write 1234567"),
        ("confidence", "85%", "without the sign"),
        ("confidence", '"0,5"', "Send decimal=,"),
    ],
)
def test_a_number_written_otherwise_is_hinted_at(
    alice: Trust, pets: str, column: str, value: str, hint: str
) -> None:
    body = f"item,annotator,label,{column}\ni1,ann,cat,{value}\n"
    [problem] = alice.upload(pets, "labels", body)["problems"]
    assert problem["code"] == "not_a_number"
    assert hint in problem["hint"]


def test_a_range_is_told_in_whole_numbers(alice: Trust, pets: str) -> None:
    body = "item,annotator,label,duration_ms\ni1,ann,cat,-5\n"
    [problem] = alice.upload(pets, "labels", body)["problems"]
    assert "[0, 2,147,483,647]" in problem["message"]
