"""JSON has types: what is sent under a name is of the type that the name has, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Trust

PET = {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]}

# address, body, pointer, words
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("datasets/", {"slug": 5}, "/slug", "a text; it is 5."),
    ("datasets/", {"slug": True}, "/slug", "a text; it is true."),
    ("datasets/", {"slug": "new", "name": 1.5}, "/name", "a text; it is 1.5."),
    ("datasets/", {"slug": "new", "name": ["a"]}, "/name", 'a text; it is ["a"].'),
    ("datasets/", {"slug": "new", "min_cell": "10"}, "/min_cell", 'an integer; it is "10".'),
    ("datasets/", {"slug": "new", "min_cell": 3.0}, "/min_cell", "an integer; it is 3.0."),
    ("datasets/", {"slug": "new", "min_cell": True}, "/min_cell", "an integer; it is true."),
    ("members/", {"user": 5, "role": "manager"}, "/user", "a text; it is 5."),
    ("members/", {"user": "bob", "role": "manager", "annotator": 7}, "/annotator", "it is 7."),
    ("questions/", {**PET, "name": 5}, "/name", "a text; it is 5."),
    ("questions/", {**PET, "values": "cat"}, "/values", 'a list; it is "cat".'),
    ("questions/", {**PET, "values": ["a", True]}, "/values/1", "a number; it is true."),
    ("questions/", {**PET, "values": [["a"]]}, "/values/0", 'a number; it is ["a"].'),
    ("questions/", {**PET, "missing_codes": {"?": 1}}, "/missing_codes", "a list; it is {"),
    ("attributes/", {"name": "age", "of": "item", "kind": "numeric", "sensitive": "true"},
     "/sensitive", 'true or false; it is "true".'),
    ("attributes/", {"name": "age", "of": "item", "kind": "numeric", "sensitive": 1},
     "/sensitive", "true or false; it is 1."),
    ("attributes/", {"name": "sex", "of": "item", "kind": "categorical", "mapping": {"m": 1}},
     "/mapping/m", "a text; it is 1."),
    ("attributes/", {"name": "sex", "of": "item", "kind": "categorical", "mapping": ["m"]},
     "/mapping", "an object; it is ["),
    ("populations/", {"name": "p", "year": "2020"}, "/year", 'an integer; it is "2020".'),
    ("populations/", {"name": "p", "mapping": {"sex": {"m": 1}}}, "/mapping/sex/m", "it is 1."),
    ("models/", {"name": "m", "version": 1, "question": "pet", "classes": ["cat", "dog"]},
     "/version", "a text; it is 1."),
    ("models/", {"name": "m", "version": "1", "question": 5, "classes": ["cat", "dog"]},
     "/question", "a text; it is 5."),
    ("runs/", {"kind": 5}, "/kind", "a text; it is 5."),
    ("runs/", {"kind": "agreement", "parameters": []}, "/parameters", "an object; it is []."),
    ("erasures/", {"annotator": 5}, "/annotator", "a text; it is 5."),
    ("consensus/publish/", {"question": 5}, "/question", "a text; it is 5."),
    ("consensus/publish/", {"smoothing": "1"}, "/smoothing", 'a number; it is "1".'),
]  # fmt: skip


def test_a_value_of_another_type_is_refused_by_name(alice: Trust) -> None:
    pets = alice.dataset("pets")
    alice.post(f"{pets}questions/", PET)
    for address, body, pointer, words in WRONG:
        path = address if address == "datasets/" else f"{pets}{address}"
        refused = alice.post(path, body, expect=400)
        said = [(e["pointer"], e["code"]) for e in refused["errors"]]
        assert said == [(pointer, "type")], (address, body, refused)
        assert words in refused["detail"], (address, body, refused)


@pytest.mark.parametrize(("sent", "kept"), [([1, 2, 3], ["1", "2", "3"]), ([0.5, 1], ["0.5", "1"])])
def test_a_value_of_a_question_may_be_a_number(
    alice: Trust, sent: list[float], kept: list[str]
) -> None:
    pets = alice.dataset("pets")
    made = alice.post(f"{pets}questions/", {"name": "stars", "scale": "ordinal", "values": sent})
    assert made["values"] == kept
