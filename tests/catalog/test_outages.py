"""A database that is away is told from a statement that it refused."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)

from catalog import beats, runs
from catalog.models import Run, WorkerBeat
from catalog.outages import is_outage
from tests.conftest import Trust

LABELS = "item,annotator,label\ni1,ann,cat\ni2,bob,cat\n"


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
def test_a_connection_that_broke_is_an_outage(kind: type[Exception]) -> None:
    assert is_outage(kind("server closed the connection unexpectedly"))


@pytest.mark.parametrize("kind", [IntegrityError, DataError, ProgrammingError, ValueError])
def test_a_refused_statement_is_no_outage(kind: type[Exception]) -> None:
    assert not is_outage(kind("duplicate key"))


@pytest.mark.parametrize(
    ("error", "state"), [(DatabaseError("gone"), "waiting"), (DataError("bad"), "failed")]
)
def test_a_run_whose_database_went_away_waits_for_another_try(
    alice: Trust, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal"})
    sent = alice.send(path, "labels", LABELS)

    def break_off(*args: Any) -> None:
        raise error

    run = Run.objects.get(upload=sent["id"])
    runs.work(str(run.pk), break_off)
    run.refresh_from_db()
    assert run.state == state


@pytest.mark.parametrize(
    ("statement", "status", "words"),
    [
        ("RAISE EXCEPTION 'out of shared memory' USING ERRCODE = '53200'", 503, "max_locks"),
        ("RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'", 507, "disk is full"),
        ("RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'", 503, "the same rows"),
        ("RAISE EXCEPTION 'terminating connection' USING ERRCODE = '57P01'", 503, "be reached"),
    ],
)
def test_what_the_database_lacks_is_said(
    alice: Trust, monkeypatch: pytest.MonkeyPatch, statement: str, status: int, words: str
) -> None:
    path = alice.dataset("pets")

    def ask(*args: Any, **fields: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN {statement}; END $$")

    monkeypatch.setattr("catalog.api.datasets.access.dataset_for", ask)
    answer = alice.http.get(f"/api/v1/{path}")
    assert (answer.status_code, answer["Retry-After"]) == (status, "5")
    assert words in answer.json()["detail"]


def test_signs_of_life_of_one_process_are_one_row(db: None) -> None:
    beats.beat(WorkerBeat.Kind.WORKER)
    first = WorkerBeat.objects.get().seen_at
    beats.beat(WorkerBeat.Kind.WORKER)

    assert WorkerBeat.objects.get().seen_at > first
    assert beats.is_working()


def test_a_worker_whose_sign_of_life_was_refused_gives_the_next(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, tried = threading.Event(), []

    def refused_once(kind: WorkerBeat.Kind) -> None:
        tried.append(kind)
        if len(tried) == 1:
            raise ProgrammingError('relation "catalog_workerbeat" does not exist')
        stopped.set()

    monkeypatch.setattr(beats, "beat", refused_once)
    monkeypatch.setattr(beats, "_stopped", stopped)
    monkeypatch.setattr(beats, "INTERVAL", 0)
    monkeypatch.setattr(beats.connection, "close", lambda: None)
    beats._keep_beating()

    assert len(tried) == 2
