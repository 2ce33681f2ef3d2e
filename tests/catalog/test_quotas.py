"""Nobody asks for work, or guesses passwords, more often than the service allows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from catalog import quotas
from catalog.models import UseCount
from tests.conftest import Trust

RUN = {"kind": "coverage", "parameters": {"population": "census"}}


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands 20 s into a minute, so that no test runs across two."""
    monkeypatch.setattr(quotas.time, "time", lambda: 60_000_020.5)


def sign_in(name: str, password: str) -> Any:
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Client().post(
        "/api/v1/tokens/", {}, "application/json", HTTP_AUTHORIZATION=f"Basic {pair}"
    )


def test_of_two_hundred_coverage_jobs_in_a_minute_the_last_are_refused(
    alice: Trust, person: Callable[[str], Trust], settings: Any
) -> None:
    settings.RATE_RUNS = 120
    path = alice.dataset("pets")
    alice.post(f"{path}populations/", {"name": "census"})
    alice.upload(path, "population", "sex,weight\nF,1\nM,1\n")
    url = f"/api/v1/{path}runs/"
    answers = [alice.http.post(url, RUN, format="json") for _ in range(200)]
    assert answers[0].status_code == 202, answers[0].content
    assert [a.status_code for a in answers] == [202] * 120 + [429] * 80
    refused = answers[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused["Retry-After"] == "40"
    assert refused.json()["code"] == "rate_limited"
    assert "120 computations" in refused.json()["detail"]
    assert "RATE_RUNS" in refused.json()["detail"]
    bob = person("bob")
    alice.post(f"{path}members/", {"user": "bob", "role": "manager"})
    assert bob.http.post(url, RUN, format="json").status_code == 202


def test_the_next_minute_begins_anew(
    alice: Trust, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_UPLOADS = 1
    path = alice.dataset("pets")
    alice.send(path, "items", "item\ni1\n")
    assert alice.send(path, "items", "item\ni2\n", expect=429)["code"] == "rate_limited"
    monkeypatch.setattr(quotas.time, "time", lambda: 60_000_120.0)
    alice.send(path, "items", "item\ni2\n")
    assert UseCount.objects.count() == 1


def test_wrong_passwords_for_a_name_run_out_and_its_own_is_refused_too(
    person: Callable[[str], Trust], settings: Any
) -> None:
    settings.RATE_SIGN_INS = 3
    person("alice")
    person("bob")
    for guess in ("a", "b", "c"):
        wrong = sign_in("alice", guess)
        assert wrong.status_code == 401
        assert "Name or password is wrong" in wrong.json()["detail"]
    late = sign_in("Alice", "correct-horse")
    assert (late.status_code, late["Retry-After"]) == (429, "40")
    assert "3 wrong passwords" in late.json()["detail"]
    assert sign_in("bob", "correct-horse").status_code == 201
    form = Client().post("/login/", {"username": "alice", "password": "correct-horse"})
    assert b"3 wrong passwords" in form.content
    assert not UseCount.objects.filter(who__icontains="alice").exists()


def test_right_passwords_are_not_counted(person: Callable[[str], Trust], settings: Any) -> None:
    settings.RATE_SIGN_INS = 2
    person("alice")
    assert [sign_in("alice", "correct-horse").status_code for _ in range(5)] == [201] * 5
