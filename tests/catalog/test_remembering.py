"""How the newest file was read is offered for the next one, and never applied unasked."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.catalog.test_exports_journeys import DICES
from tests.conftest import Trust

ASKED = {"format": "dices", "ignore": "id,rater_age"}
GOLD = {**ASKED, "gold": "Q2", "questions": json.dumps({"pet": "Q1"})}


@pytest.fixture
def safety(alice: Trust) -> str:
    path = alice.dataset("safety")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal"})
    return path


def test_the_options_of_an_export_are_offered_where_it_is_not_understood(
    alice: Trust, safety: str
) -> None:
    assert alice.get(f"{safety}uploads/labels/") == {"kind": "labels", "remembered": {}}
    first = alice.upload(safety, "labels", DICES, format="dices")
    assert first["state"] == "rejected"
    assert "remembered" not in first
    stored = alice.upload(safety, "labels", DICES.replace("Unsure,No", "Unsure,Yes"), **GOLD)
    assert stored["state"] == "stored", stored["problems"]
    again = alice.upload(safety, "labels", DICES.replace("1200", "1201"), format="dices")
    assert again["state"] == "rejected"
    assert again["remembered"] == {**GOLD, "questions": '{"pet": "Q1"}'}
    assert "remembered_columns" not in again
    assert alice.get(f"{safety}uploads/labels/")["remembered"] == again["remembered"]
    renewed = alice.upload(
        safety,
        "labels",
        DICES.replace("1200", "1201").replace("Unsure,No", "Unsure,Yes"),
        **again["remembered"],
    )
    assert renewed["state"] == "stored", renewed["problems"]


def test_another_format_and_what_was_sent_already_are_not_offered(
    alice: Trust, safety: str
) -> None:
    alice.upload(safety, "labels", DICES.replace("Unsure,No", "Unsure,Yes"), **GOLD)
    plain = alice.upload(safety, "labels", "image,who,answer\ni1,ann,cat\n")
    assert plain["state"] == "rejected"
    assert "remembered" not in plain
    same = alice.upload(safety, "labels", DICES.replace("rater_id", "person"), **GOLD)
    assert same["state"] == "rejected"
    assert "remembered" not in same


def test_who_answered_is_not_offered(alice: Trust, safety: str) -> None:
    body = json.dumps({"id": 1, "text": "x", "label": ["cat"]}) + "\n"
    said = {"format": "doccano", "annotator": "ann", "columns": '{"item": "id"}'}
    assert alice.upload(safety, "labels", body, **said)["state"] == "stored"
    assert alice.get(f"{safety}uploads/labels/")["remembered"] == {
        "format": "doccano",
        "columns": '{"item": "id"}',
    }


def test_the_page_shows_how_to_send_the_next_file(
    alice: Trust, safety: str, person: Callable[[str], Trust]
) -> None:
    page = f"/{safety}"
    alice.http.force_login(alice.user)
    before = alice.http.get(page).content.decode()
    assert "read as the last one was" not in before
    alice.upload(safety, "labels", DICES.replace("Unsure,No", "Unsure,Yes"), **GOLD)
    shown = alice.http.get(page).content.decode()
    assert "read as the last one was" in shown
    assert "uploads/labels/?format=dices&amp;questions=" in shown
    reader = person("eve")
    alice.post(f"{safety}members/", {"user": "eve", "role": "auditor"})
    reader.http.force_login(reader.user)
    assert "read as the last one was" not in reader.http.get(page).content.decode()
    reader.get(f"{safety}uploads/labels/", expect=403)
