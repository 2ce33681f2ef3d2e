"""One small data set with all three kinds of evidence, and the people who look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog.models import Dataset, Membership
from tests.audits.snapshot import Snapshot
from tests.conftest import Trust

N = 80
SMALL = 4


def items_csv() -> str:
    """80 items: 60 F and 20 M by turns of age; four of them are of unknown origin 'rare'."""
    lines = [
        f"i{k},{'M' if k % 4 == 0 else 'F'},{'old' if k % 2 else 'young'},"
        f"{'rare' if k < SMALL else 'common'}"
        for k in range(N)
    ]
    return "item,sex,age,origin\n" + "\n".join(lines) + "\n"


def labels_csv() -> str:
    """Three annotators; Ann and Bob differ on every fifth item, Cyd on every third."""
    lines = []
    for k in range(N):
        truth = k % 2
        said = {"Ann": truth, "Bob": truth ^ (k % 5 == 0), "Cyd": truth ^ (k % 3 == 0)}
        lines += [f"i{k},{who},{'yes' if value else 'no'}" for who, value in said.items()]
    return "item,annotator,label\n" + "\n".join(lines) + "\n"


def truth_csv() -> str:
    return "item,label\n" + "".join(f"i{k},{'yes' if k % 2 else 'no'}\n" for k in range(N))


def predictions_csv() -> str:
    """Sure of itself, and wrong about every fourth item."""
    stated = [0.95 if (k % 2) ^ (k % 4 == 1) else 0.05 for k in range(N)]
    return "item,probability\n" + "".join(f"i{k},{p}\n" for k, p in enumerate(stated))


def build(alice: Trust) -> None:
    """A data set with agreement, coverage and calibration, each computed, from upload on."""
    path = alice.dataset("judged", name="Judged things")
    alice.upload(path, "items", items_csv(), filename="items.csv")
    alice.upload(path, "annotators", "annotator,team\nAnn,a\nBob,a\nCyd,b\n")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal", "values": ["no", "yes"]})
    alice.upload(path, "labels", labels_csv(), filename="labels.csv")
    alice.post(f"{path}populations/", {"name": "census", "source": "Office", "year": 2020})
    alice.upload(path, "population", "sex,weight\nF,50\nM,50\n")
    alice.post(f"{path}models/", {"name": "net", "question": "q", "classes": ["no", "yes"]})
    alice.upload(path, "reference-labels", truth_csv())
    alice.upload(path, "predictions", predictions_csv())


@pytest.fixture(scope="session")
def snapshots() -> dict[str, Snapshot]:
    """What was built once in this session."""
    return {}


@pytest.fixture
def alice(
    request: pytest.FixtureRequest, transactional_db: None, snapshots: dict[str, Snapshot]
) -> Trust:
    """Who owns the data sets; where a test asks for ``judged``, she has it already."""
    if "judged" not in request.fixturenames:
        return Trust(User.objects.create_user("alice", password="correct-horse"))
    if "judged" in snapshots:
        snapshots["judged"].restore()
        return Trust(User.objects.get(username="alice"))
    made = Trust(User.objects.create_user("alice", password="correct-horse"))
    build(made)
    snapshots["judged"] = Snapshot.take()
    return made


@pytest.fixture
def judged(alice: Trust) -> str:
    """The path of a data set with agreement, coverage and calibration, each computed."""
    return "datasets/judged/"


@pytest.fixture
def member(person: Callable[[str], Trust]) -> Callable[..., Trust]:
    """Makes people with a role: ``member("auditor")`` is a member of every data set there is."""

    def make(role: str, **fields: Any) -> Trust:
        made = person(f"the-{role}")
        for dataset in Dataset.objects.all():
            Membership.objects.create(dataset=dataset, user=made.user, role=role, **fields)
        return made

    return make


def browser(who: Trust) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(who.user)
    return client


def page(who: Trust, path: str, expect: int = 200) -> str:
    """A page as this person sees it."""
    answer = browser(who).get(path)
    assert answer.status_code == expect, answer.content[:2000]
    return answer.content.decode()
