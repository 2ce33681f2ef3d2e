"""Undo: a withdrawn upload gives back what it replaced, and nothing is erased from history."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest

from annotations.models import Label, SupersededLabel
from catalog.models import Run
from tests.conftest import Trust, work_off

FIRST = "item,annotator,label,confidence,comment\ni1,ann,cat,0.5,sure\ni2,ann,dog,0.25,\n"
SECOND = "item,annotator,label,confidence,comment\ni2,ann,cat,0.75,oh\ni3,bob,dog,1,\n"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def contents() -> str:
    """One digest of every label with all that is known of it."""
    fields = [field.attname for field in Label._meta.concrete_fields if field.attname != "pk"]
    return hashlib.sha256(repr(list(Label.objects.values_list(*fields))).encode()).hexdigest()


def withdraw(who: Trust, path: str, upload: dict[str, Any], expect: int = 200) -> Any:
    answer = who.http.delete(f"/api/v1/{path}uploads/{upload['id']}/")
    assert answer.status_code == expect, answer.content
    return answer.json()


def test_a_withdrawn_upload_gives_back_what_it_replaced(alice: Trust, pets: str) -> None:
    first = alice.upload(pets, "labels", FIRST)
    before = contents()
    second = alice.upload(pets, "labels", SECOND)
    assert contents() != before
    undone = withdraw(alice, pets, second)
    assert undone["state"] == "withdrawn"
    assert undone["withdrawn_at"] is not None
    assert contents() == before
    assert alice.get(pets)["version"] == second["version"] + 1
    history = SupersededLabel.objects.order_by("id").values_list(
        "upload_id", "superseded_by_id", "comment", "restored_at"
    )
    assert [(str(u), b and str(b), c, r is not None) for u, b, c, r in history] == [
        (first["id"], second["id"], None, True),
        (second["id"], None, "oh", False),
        (second["id"], None, None, False),
    ]
    assert alice.get(f"{pets}uploads/{second['id']}/")["state"] == "withdrawn"


def test_after_withdrawing_the_results_are_measured_again(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", FIRST)
    second = alice.upload(pets, "labels", SECOND)
    withdraw(alice, pets, second)
    version = second["version"] + 1
    assert Run.objects.filter(kind="agreement", version=version, state="waiting").exists()
    work_off()
    result = alice.get(f"{pets}agreement/")
    assert (result["version"], result["n_labels"], result["stale"]) == (version, 2, False)


def test_the_same_file_can_be_sent_again_after_it_was_withdrawn(alice: Trust, pets: str) -> None:
    first = alice.upload(pets, "labels", FIRST)
    stored = Label.objects.count()
    alice.upload(pets, "labels", FIRST)
    withdraw(alice, pets, first)
    assert not Label.objects.exists()
    assert alice.upload(pets, "labels", FIRST)["rows"]["stored"] == stored


def test_an_upload_that_others_replaced_stays_and_names_the_later_one(
    alice: Trust, pets: str
) -> None:
    first = alice.upload(pets, "labels", FIRST)
    second = alice.upload(pets, "labels", SECOND)
    before = contents()
    refused = withdraw(alice, pets, first, expect=409)
    assert refused["code"] == "replaced_since"
    assert second["id"] in refused["detail"]
    assert contents() == before
    withdraw(alice, pets, second)
    withdraw(alice, pets, first)
    assert not Label.objects.exists()
    assert withdraw(alice, pets, first, expect=409)["code"] == "cannot_withdraw"


def test_only_what_is_stored_can_be_withdrawn(alice: Trust, pets: str) -> None:
    rejected = alice.upload(pets, "labels", FIRST.replace("dog", "cow"))
    assert "is rejected" in withdraw(alice, pets, rejected, expect=409)["detail"]
    dry = alice.upload(pets, "labels", FIRST, dry_run="1")
    assert "a dry run" in withdraw(alice, pets, dry, expect=409)["detail"]


def test_only_managers_withdraw(alice: Trust, pets: str, person: Callable[[str], Trust]) -> None:
    bob, eve = person("bob"), person("eve")
    alice.post(f"{pets}members/", {"user": "bob", "role": "contributor"})
    upload = bob.upload(pets, "labels", FIRST)
    assert withdraw(bob, pets, upload, expect=403)["code"] == "permission_denied"
    assert withdraw(eve, pets, upload, expect=404)["code"] == "not_found"
    assert withdraw(alice, pets, upload)["state"] == "withdrawn"


@pytest.mark.parametrize("packed", [False, True])
def test_problems_stand_beside_the_line_they_are_about(
    alice: Trust, pets: str, packed: bool, person: Callable[[str], Trust]
) -> None:
    body = f"item,annotator,label,comment\ni1,ann,cat,\n=i2,ann,cow,{'x' * 2000}\ni3,a\x07,cat,\n"
    data = gzip.compress(body.encode()) if packed else body.encode()
    upload = alice.upload(pets, "labels", data)
    url = f"/api/v1/{pets}uploads/{upload['id']}/problems.csv"
    rows = list(csv.DictReader(io.StringIO(alice.http.get(url).content.decode())))
    shown = {row["line"]: row["source_line"] for row in rows}
    assert shown["3"].startswith("'=i2,ann,cow,xxx")
    assert len(shown["3"]) == 1001
    assert shown["4"] == "i3,a\\x07,cat,"
    bob = person("bob")
    alice.post(f"{pets}members/", {"user": "bob", "role": "auditor"})
    assert bob.http.get(url).status_code == 403
