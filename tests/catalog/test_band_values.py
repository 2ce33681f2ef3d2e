"""Bands that a spreadsheet has made dates of, and bands that overlap, are named with a reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ingest.band_values import doubtful_bands, likely_band, unmangled
from catalog.models import Attribute, Item
from tests.conftest import Trust

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@pytest.mark.parametrize(
    ("shown", "band"),
    [
        ("03-Sep", "3-9"),
        ("9-Mar", "3-9"),
        ("Oct-19", "10-19"),
        ("17-Dec", "12-17"),
        ("05-sept", "5-9"),
        ("09-févr.", "2-9"),
        ("2024-09-03 00:00:00", "3-9"),
        ("2024-03-09", "3-9"),
        ("9/3/2024", "3-9"),
    ],
)
def test_dates_are_read_as_the_band_that_they_were(shown: str, band: str) -> None:
    assert unmangled(shown) == [band]


@pytest.mark.parametrize("text", ["10-19", "65+", "sep", "3-9", "03-Foo", "", "March"])
def test_what_is_no_date_has_no_such_reading(text: str) -> None:
    assert unmangled(text) == []


@given(low=st.integers(1, 12), high=st.integers(1, 12), padded=st.booleans(), turned=st.booleans())
def test_every_band_that_makes_a_date_is_found_again(
    low: int, high: int, padded: bool, turned: bool
) -> None:
    low, high = sorted((low, high))
    day, month = (high, low) if turned else (low, high)
    shown = f"{day:02d}-{MONTHS[month - 1]}" if padded else f"{day}-{MONTHS[month - 1]}"
    assert unmangled(shown) == [f"{low}-{high}"]
    assert repr(f"{low}-{high}") in (likely_band(shown, [f"{low}-{high}", "60-70"]) or "")


def test_a_column_of_dates_or_of_words_is_left_alone() -> None:
    assert doubtful_bands(["03-Sep", "04-Sep", "05-Oct"]) == {}
    assert doubtful_bands(["a", "b", "1-2", "c", "2-3", "d", "e"]) == {}
    assert doubtful_bands(["0-9", "10-19", "65+", "unknown"]) == {}


def test_the_band_of_unusual_width_is_the_one_in_doubt() -> None:
    doubts = doubtful_bands(["45-49", "50-54", "54-59", "60-64"])
    assert {v: (d.code.value, d.hint) for v, d in doubts.items()} == {
        "54-59": ("overlapping_values", "Did you mean '55-59'?")
    }
    doubts = doubtful_bands(["45-49", "50-55", "55-59", "60-64"])
    assert {v: d.hint for v, d in doubts.items()} == {"50-55": "Did you mean '50-54'?"}


def test_bands_that_all_end_where_the_next_begins_are_a_way_of_writing() -> None:
    assert doubtful_bands(["18-30", "30-50", "50+"]) == {}
    assert doubtful_bands(["0-10", "10-20", "20-40"]) == {}
    assert set(doubtful_bands(["0-10", "10-20", "21-40"])) == {"10-20"}


def test_a_mangled_band_of_an_undeclared_attribute_is_a_problem_of_its_rows(alice: Trust) -> None:
    path = alice.dataset("people")
    body = "item,age\na,0-2\nb,03-Sep\nc,10-19\nd,20-29\n"
    upload = alice.upload(path, "items", body)
    assert [(p["line"], p["code"], p["value"], p["hint"]) for p in upload["problems"]] == [
        (3, "mangled_band", "03-Sep", "Did you mean '3-9'?")
    ]
    assert not Item.objects.exists()
    assert alice.upload(path, "items", body.replace("03-Sep", "3-9"))["state"] == "stored"
    assert Attribute.objects.get().values == ["0-2", "10-19", "20-29", "3-9"]


def test_overlapping_bands_of_an_undeclared_attribute_are_a_problem(alice: Trust) -> None:
    path = alice.dataset("people")
    body = "item,age\na,50-54\nb,54-59\nc,60-64\nd,54-59\n"
    upload = alice.upload(path, "items", body)
    assert [(p["line"], p["code"], p["hint"]) for p in upload["problems"]] == [
        (3, "overlapping_values", "Did you mean '55-59'?"),
        (5, "overlapping_values", "Did you mean '55-59'?"),
    ]
    declared = {"name": "age", "values": ["50-54", "54-59", "60-64"]}
    alice.post(f"{path}attributes/", declared)
    assert alice.upload(path, "items", body)["state"] == "stored"


def test_a_declared_attribute_hints_at_the_value_that_was_meant(alice: Trust) -> None:
    path = alice.dataset("people")
    alice.post(f"{path}attributes/", {"name": "age", "values": ["3-9", "50-54", "55-59"]})
    upload = alice.upload(path, "items", "item,age\na,03-Sep\nb,54-59\nc,60-70\n")
    assert [(p["code"], p["hint"]) for p in upload["problems"]] == [
        ("unknown_value", "A spreadsheet made a date of it; did you mean '3-9'?"),
        ("unknown_value", "Did you mean '55-59'?"),
        ("unknown_value", None),
    ]
