"""A database that is away is told from a statement that it refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from catalog import runs
from catalog.models import Run
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
