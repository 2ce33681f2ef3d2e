"""Small data that every test of this room may start from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.conftest import Trust

ITEMS = [f"i{k}" for k in range(40)]
#: Every fourth item is spam; stated probabilities run from low to high within each class.
LABELS = ["yes" if k % 4 == 3 else "no" for k in range(40)]
STATED = [round(0.05 + 0.02 * k + (0.1 if k % 4 == 3 else 0), 2) for k in range(40)]


def make_file(header: str, *columns: Sequence[object]) -> str:
    """A CSV file of these columns."""
    rows = zip(*columns, strict=True)
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def make_references(labels: Sequence[str] = LABELS) -> str:
    return make_file("item,label", ITEMS, labels)


def make_predictions(stated: Sequence[float] = STATED) -> str:
    return make_file("item,probability", ITEMS, stated)


@pytest.fixture
def mail(alice: Trust) -> str:
    """A data set with a question of two values, and a model that answers it."""
    path = alice.dataset("mail")
    question = {"name": "spam", "scale": "nominal", "values": ["no", "yes"]}
    alice.post(f"{path}questions/", question)
    alice.post(f"{path}models/", {"name": "filter", "question": "spam", "classes": ["no", "yes"]})
    return path


@pytest.fixture
def pets(alice: Trust) -> str:
    """A data set with a question of three values, and a model that answers it."""
    path = alice.dataset("pets")
    values = ["cat", "dog", "fox"]
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": values})
    alice.post(f"{path}models/", {"name": "net", "question": "pet", "classes": values})
    return path
