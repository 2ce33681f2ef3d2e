"""A request that is repeated under its Idempotency-Key is one upload, and is finished by it."""

from __future__ import annotations

import pytest

from catalog.ingest import store
from catalog.models import Run, Upload
from catalog.reading import Code
from catalog.reading.problems import Fault
from catalog.reading.tables import refused
from tests.conftest import Trust

LABELS = "item,annotator,label\ni1,ann,cat\ni1,bob,dog\n"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def test_the_same_idempotency_key_gives_the_same_upload(alice: Trust, pets: str) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = alice.send(pets, "labels", LABELS, headers=key)
    assert alice.send(pets, "labels", LABELS, headers=key)["id"] == first["id"]
    assert Upload.objects.count() == 1
    assert Run.objects.filter(kind="upload").count() == 1
    other = alice.send(pets, "labels", LABELS + "i3,ann,cat\n", headers=key, expect=422)
    assert other["code"] == "idempotency_key_reused"
    bad = alice.send(pets, "labels", LABELS, headers={"Idempotency-Key": "k" * 300}, expect=400)
    assert bad["code"] == "bad_idempotency_key"


def test_a_key_belongs_to_one_way_of_sending(alice: Trust, pets: str) -> None:
    key = {"Idempotency-Key": "k-1"}
    alice.send(pets, "labels", LABELS, headers=key, dry_run="1")
    for other in ({}, {"dry_run": "1", "mode": "add"}, {"dry_run": "1", "unknown": "reject"}):
        refused = alice.send(pets, "labels", LABELS, headers=key, expect=422, **other)
        assert refused["code"] == "idempotency_key_reused"


def test_the_key_of_a_cancelled_upload_takes_it_up_again(alice: Trust, pets: str) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = alice.send(pets, "labels", LABELS, headers=key)
    run = Run.objects.get(upload=first["id"])
    alice.post(f"{pets}runs/{run.pk}/cancel/", expect=200)
    assert alice.get(f"{pets}uploads/{first['id']}/")["state"] == "failed"
    again = alice.upload(pets, "labels", LABELS, headers=key)
    assert (again["id"], again["state"], again["failure"]) == (first["id"], "stored", "")
    run.refresh_from_db()
    assert run.state == "cancelled"
    # Stored is stored: one more request answers it, and starts nothing.
    assert alice.send(pets, "labels", LABELS, headers=key, expect=200)["state"] == "stored"
    assert Run.objects.filter(upload=first["id"]).count() == 2


def test_the_key_of_a_killed_reader_reads_again_and_that_of_a_bad_file_does_not(
    alice: Trust, pets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Fault(Code.READER_MEMORY_LIMIT, "The reader was killed.").at(None)
    key = {"Idempotency-Key": "k-1"}
    with monkeypatch.context() as patch:
        patch.setattr(store, "read_in_child", lambda *args, **kwargs: refused(killed))
        first = alice.upload(pets, "labels", LABELS, headers=key)
    assert (first["state"], first["problem_count"]) == ("rejected", 1)
    again = alice.upload(pets, "labels", LABELS, headers=key)
    assert (again["id"], again["state"], again["problems"]) == (first["id"], "stored", [])
    bad = alice.upload(pets, "labels", "item\n", headers={"Idempotency-Key": "k-2"})
    same = alice.send(pets, "labels", "item\n", headers={"Idempotency-Key": "k-2"}, expect=200)
    assert (same["id"], same["state"]) == (bad["id"], "rejected")
