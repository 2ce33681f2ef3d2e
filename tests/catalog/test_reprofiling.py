"""Attributes that map values to their own, and bands that change under what is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.models import Annotator, Attribute, Item
from tests.conftest import Trust

AGES = {"name": "age", "kind": "numeric", "bands": ["0-17", "18-64", "65+"]}


@pytest.fixture
def people(alice: Trust) -> str:
    return alice.dataset("people")


def profiles(model: type[Item] | type[Annotator] = Item) -> dict[str, dict[str, str]]:
    rows = model.objects.select_related("profile")
    return {row.external_id: row.profile.values if row.profile else {} for row in rows}


def send(alice: Trust, path: str, kind: str, *rows: str) -> Any:
    upload = alice.upload(path, kind, "\n".join(rows) + "\n")
    assert upload["state"] == "stored", upload["problems"]
    return upload


@pytest.mark.parametrize("of", ["item", "annotator"])
def test_changed_bands_place_stored_numbers_anew(of: str, alice: Trust, people: str) -> None:
    model = Item if of == "item" else Annotator
    alice.post(f"{people}attributes/", {**AGES, "of": of})
    send(alice, people, f"{of}s", f"{of},age,sex", "a,17,F", "b,18,F", "c,70,M", "d,,M")
    assert profiles(model) == {
        "a": {"age": "0-17", "sex": "F"},
        "b": {"age": "18-64", "sex": "F"},
        "c": {"age": "65+", "sex": "M"},
        "d": {"sex": "M"},
    }
    version = alice.get(people)["version"]
    alice.patch(f"{people}attributes/age/", {"bands": ["0-49", "50-69", "70+"]})
    assert profiles(model) == {
        "a": {"age": "0-49", "sex": "F"},
        "b": {"age": "0-49", "sex": "F"},
        "c": {"age": "70+", "sex": "M"},
        "d": {"sex": "M"},
    }
    assert alice.get(people)["version"] == version + 1
    again = send(alice, people, f"{of}s", f"{of},age,sex", "a,17,F", "b,18,F", "c,70,M", "d,,M")
    assert again["rows"]["unchanged"] == 4


def test_without_bands_a_number_forms_no_subgroup_until_they_come_back(
    alice: Trust, people: str
) -> None:
    alice.post(f"{people}attributes/", AGES)
    send(alice, people, "items", "item,age", "a,17", "b,64.5")
    for bands, expected in (
        ([], {"a": {}, "b": {}}),
        (["<18", "18+"], {"a": {"age": "<18"}, "b": {"age": "18+"}}),
    ):
        alice.patch(f"{people}attributes/age/", {"bands": bands})
        assert profiles() == expected


def test_bands_that_leave_out_what_is_stored_are_refused(alice: Trust, people: str) -> None:
    alice.post(f"{people}attributes/", AGES)
    send(alice, people, "items", "item,age", "a,17", "b,70", "c,71")
    refused = alice.patch(f"{people}attributes/age/", {"bands": ["0-17", "18-64"]}, expect=409)
    assert (
        "2 stored items have values of 'age' outside these bands, such as '70'"
        in (refused["detail"])
    )
    assert profiles()["b"] == {"age": "65+"}
    assert Attribute.objects.get().bands == AGES["bands"]


def test_a_number_that_a_later_file_takes_away_does_not_come_back(
    alice: Trust, people: str
) -> None:
    alice.post(f"{people}attributes/", {**AGES, "missing_codes": ["?"]})
    send(alice, people, "items", "item,age", "a,17", "b,20")
    send(alice, people, "items", "item,age", "a,?", "b,65+")
    assert profiles() == {"a": {}, "b": {"age": "65+"}}
    alice.patch(f"{people}attributes/age/", {"bands": ["0-64", "65+"]})
    assert profiles() == {"a": {}, "b": {"age": "65+"}}


MANGLED = ("item,age", "a,03-Sep", "b,50-54", "c,54-59", "d,12", "e,0-2")
BANDS = ["0-2", "3-9", "10-49", "50-54", "55-59"]
MAPPING = {"03-Sep": "3-9", "54-59": "55-59"}


@pytest.mark.parametrize("kind", ["numeric", "ordinal"])
def test_mangled_and_overlapping_bands_mean_what_the_mapping_says(
    kind: str, alice: Trust, people: str
) -> None:
    domain = {"bands": BANDS} if kind == "numeric" else {"values": [*BANDS, "12"]}
    alice.post(f"{people}attributes/", {"name": "age", "kind": kind, **domain})
    refused = alice.upload(people, "items", "\n".join(MANGLED) + "\n")
    assert [(p["line"], p["value"]) for p in refused["problems"]] == [(2, "03-Sep"), (4, "54-59")]
    alice.patch(f"{people}attributes/age/", {"mapping": MAPPING})
    send(alice, people, "items", *MANGLED)
    found = {name: values["age"] for name, values in profiles().items()}
    twelve = "10-49" if kind == "numeric" else "12"
    assert found == {"a": "3-9", "b": "50-54", "c": "55-59", "d": twelve, "e": "0-2"}


def test_a_problem_with_bands_tells_of_the_mapping(alice: Trust, people: str) -> None:
    refused = alice.upload(people, "items", "\n".join(MANGLED) + "\n")
    assert {p["code"] for p in refused["problems"]} == {"mangled_band", "overlapping_values"}
    assert all("mapping" in p["message"] for p in refused["problems"])
    assert [p["hint"] for p in refused["problems"] if p["value"] == "03-Sep"] == [
        "Did you mean '3-9'?"
    ]


def test_a_mapping_changes_what_files_brought_before(alice: Trust, people: str) -> None:
    send(alice, people, "annotators", "annotator,sex", "a,F", "b,female", "c,DATA_EXPIRED", "d,M")
    change = {"mapping": {"F": "female", "M": "male"}, "missing_codes": ["DATA_EXPIRED"]}
    attribute = alice.patch(f"{people}attributes/sex/", change)
    assert attribute["values"] == ["female", "male"]
    assert profiles(Annotator) == {
        "a": {"sex": "female"},
        "b": {"sex": "female"},
        "c": {},
        "d": {"sex": "male"},
    }
    again = send(alice, people, "annotators", "annotator,sex", "a,F", "b,female", "d,M")
    assert again["rows"]["unchanged"] == 3


def test_categories_become_bands_and_a_new_name_takes_its_numbers_along(
    alice: Trust, people: str
) -> None:
    send(alice, people, "items", "item,age", "a,17", "b,18-64", "c,n/k")
    path = f"{people}attributes/age/"
    change = {"kind": "numeric", "values": [], "bands": AGES["bands"]}
    assert "'n/k'" in alice.patch(path, change, expect=409)["detail"]
    alice.patch(path, {**change, "missing_codes": ["n/k"]})
    assert profiles() == {"a": {"age": "0-17"}, "b": {"age": "18-64"}, "c": {}}
    send(alice, people, "items", "item,age", "d,70")
    alice.patch(path, {"name": "years"})
    alice.patch(f"{people}attributes/years/", {"bands": ["0-17", "18-64", "65-80"]})
    assert profiles()["d"] == {"years": "65-80"}
    assert profiles()["a"] == {"years": "0-17"}


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"03-Sep": "9-12"}, "is no value of 'age'"),
        ({"0-17": "65+"}, "is a value of 'age' and cannot mean another one"),
        ({"x": "y", "y": "65+"}, "is mapped itself"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    mapping: dict[str, str], sentence: str, alice: Trust, people: str
) -> None:
    refused = alice.post(f"{people}attributes/", {**AGES, "mapping": mapping}, expect=400)
    assert sentence in refused["detail"]
    assert json.dumps(refused).count("/mapping")


def test_a_population_is_read_by_the_mapping_too(alice: Trust, people: str) -> None:
    fields = {"name": "sex", "values": ["female", "male"], "mapping": {"F": "female", "M": "male"}}
    alice.post(f"{people}attributes/", fields)
    alice.post(f"{people}attributes/", {**AGES, "mapping": {"seniors": "65+"}})
    send(alice, people, "items", "item,sex,age", "a,F,70", "b,male,3")
    alice.post(f"{people}populations/", {"name": "town"})
    body = "sex,age,weight\nF,seniors,1\nM,0-17,1\nF,18-64,2\n"
    upload = alice.upload(people, "population", body, population="town")
    assert upload["state"] == "stored", upload["problems"]
    assert not upload["rows"]["rejected"]
    coverage = alice.get(f"{people}coverage/", population="town")
    shares = {
        cell["attributes"]["sex"]: cell["target_share"]["value"]
        if isinstance(cell["target_share"], dict)
        else cell["target_share"]
        for cell in coverage["attributes"]["sex"]
    }
    assert shares == {"female": 0.75, "male": 0.25}
    ages = {cell["attributes"]["age"] for cell in coverage["attributes"]["age"]}
    assert ages == {"0-17", "18-64", "65+"}
