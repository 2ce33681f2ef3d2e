"""Sensitive attributes: values come in once purpose and retention are said, where that is asked."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from catalog.models import Item, Upload
from tests.conftest import Trust

ORIGIN = {"name": "origin", "sensitive": True}
FILE = "item,origin\ni1,north\ni2,south\n"


@pytest.fixture
def pets(alice: Trust, settings: Any) -> str:
    settings.SENSITIVE_NEEDS_PURPOSE = True
    path = alice.dataset("pets")
    alice.post(f"{path}attributes/", ORIGIN)
    return path


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (FILE, {}),
        (FILE.replace(",", ";"), {"delimiter": ";"}),
        ("\ufeff" + FILE, {}),
        (gzip.compress(FILE.encode()), {}),
        (FILE.replace("origin", "herkunft"), {"columns": '{"origin": "herkunft"}'}),
        ('{"item": "i1", "origin": "north"}\n', {"format": "ndjson"}),
    ],
    ids=["csv", "semicolons", "bom", "gzip", "mapped", "ndjson"],
)
def test_a_sensitive_column_without_a_purpose_is_refused_before_it_is_taken(
    alice: Trust, pets: str, body: str | bytes, options: dict[str, str]
) -> None:
    answer = alice.send(pets, "items", body, expect=400, **options)
    assert answer["code"] == "purpose_required"
    assert "attribute 'origin' is declared sensitive without its purpose and" in answer["detail"]
    assert 'with {"purpose": "...", "retention": "..."}' in answer["detail"]
    assert [error["column"] for error in answer["errors"]] == ["origin"]
    assert not Upload.objects.exists()


def test_a_file_whose_first_line_says_nothing_is_rejected_by_the_worker(
    alice: Trust, pets: str
) -> None:
    rows = json.dumps([{"item": "i1", "origin": "north"}])
    upload = alice.upload(pets, "items", rows, content_type="application/json")
    assert upload["state"] == "rejected"
    assert [p["code"] for p in upload["problems"]] == ["purpose_required"]
    assert not Item.objects.exists()


def test_annotators_attributes_inside_an_export_are_held_to_it(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}questions/", {"name": "pet", "scale": "nominal"})
    alice.post(f"{pets}attributes/", {**ORIGIN, "of": "annotator"})
    said = {"format": "wide", "orientation": "annotators_in_rows", "attributes": "origin"}
    answer = alice.send(pets, "labels", "annotator,i1,origin\nann,cat,north\n", expect=400, **said)
    assert answer["code"] == "purpose_required"


def test_with_both_said_or_the_column_ignored_the_file_is_stored(alice: Trust, pets: str) -> None:
    assert alice.upload(pets, "items", FILE, ignore="origin")["state"] == "stored"
    found = alice.patch(f"{pets}attributes/origin/", {"purpose": "To find gaps in care."})
    assert found["retention"] == ""
    answer = alice.send(pets, "items", FILE, expect=400)
    assert "sensitive without its retention; PATCH" in answer["detail"]
    alice.patch(f"{pets}attributes/origin/", {"retention": "Until the audit of 2027 has ended."})
    assert alice.upload(pets, "items", FILE)["state"] == "stored"


def test_where_it_is_not_asked_a_sensitive_attribute_needs_no_purpose(
    alice: Trust, pets: str, settings: Any
) -> None:
    settings.SENSITIVE_NEEDS_PURPOSE = False
    assert alice.upload(pets, "items", FILE)["state"] == "stored"
