"""A row may have several problems, and all of them are told at once."""

from __future__ import annotations

import pytest

from tests.conftest import Trust

HEAD = "item,annotator,label,status,confidence\n"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    alice.upload(path, "items", "item,site\ni1,A\n")
    alice.upload(path, "annotators", "annotator,sex\nann,f\n")
    return path


# kind, row below the header, code and column of each problem
ROWS = [
    (
        "labels",
        f"{HEAD}i2,bob,bird,done,2\n",
        {
            ("out_of_range", "confidence"),
            ("unknown_status", "status"),
            ("unknown_item", "item"),
            ("unknown_annotator", "annotator"),
        },
    ),
    (
        "labels",
        f"{HEAD}i2,bob,bird,answered,2\n",
        {
            ("out_of_range", "confidence"),
            ("unknown_label", "label"),
            ("unknown_item", "item"),
            ("unknown_annotator", "annotator"),
        },
    ),
    (
        "labels",
        f"{HEAD} i1,bob,cat,answered,1\n",
        {("surrounding_space", "item"), ("unknown_annotator", "annotator")},
    ),
    (
        "labels",
        "item,annotator,label,question\ni2,ann,bird,mood\n",
        {("unknown_question", "question"), ("unknown_item", "item")},
    ),
    (
        "items",
        "item,sex,age\n i9,x,old\n",
        {("surrounding_space", "item"), ("unknown_value", "sex"), ("not_a_number", "age")},
    ),
    (
        "reference-labels",
        "item,label,confidence\ni2,bird,2\n",
        {("out_of_range", "confidence"), ("unknown_label", "label"), ("unknown_item", "item")},
    ),
]


@pytest.mark.parametrize(("kind", "body", "expected"), ROWS)
def test_every_problem_of_a_row_is_told(
    alice: Trust, pets: str, kind: str, body: str, expected: set[tuple[str, str]]
) -> None:
    alice.post(
        f"{pets}attributes/",
        {"name": "sex", "of": "item", "kind": "categorical", "values": ["f", "m"]},
    )
    alice.post(
        f"{pets}attributes/", {"name": "age", "of": "item", "kind": "numeric", "bands": ["0-99"]}
    )
    upload = alice.upload(pets, kind, body)
    assert {(p["code"], p["column"]) for p in upload["problems"]} == expected
    assert upload["problem_count"] == len(expected)
    assert (upload["state"], upload["rows"]["rejected"]) == ("rejected", 1)


def test_a_row_with_a_problem_teaches_no_value_and_stores_nothing(alice: Trust) -> None:
    path = alice.dataset("open")
    alice.post(f"{path}questions/", {"name": "tags", "scale": "set", "values": ["a", "b"]})
    alice.post(f"{path}questions/", {"name": "mood", "scale": "nominal"})
    head = "item,annotator,label,question,confidence\n"
    body = f"{head}i1,ann,a|b,tags,2\ni2,ann,glad,mood,2\ni3,ann,sad,mood,1\ni4,ann,z,tags,2\n"
    upload = alice.upload(path, "labels", body, on_error="skip")
    assert (upload["rows"]["stored"], upload["rows"]["rejected"]) == (1, 3)
    assert upload["problem_count"] == 4  # z is no tag either
    assert alice.get(f"{path}questions/mood/")["values"] == ["sad"]
    labels = alice.http.get(f"/api/v1/{path}labels.csv").getvalue().decode()
    assert labels.count(",ann,") == 1
