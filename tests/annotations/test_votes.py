"""What this room tells the others about the labels of a question."""

from __future__ import annotations

import pytest

from catalog.exchange import votes
from catalog.models import Dataset, Question
from tests.conftest import Trust

LABELS = """item,annotator,label,round,status
b,ann,x,1,
b,bob,y,1,
b,bob,x,2,
b,cat,,1,skipped
a,ann,z,1,
a,bob,z,1,
c,ann,,1,empty
d,ann,y,1,
d,ann,,2,skipped
"""


def asked(alice: Trust, scale: str, values: list[str]) -> tuple[str, Question]:
    path = alice.dataset("votes")
    alice.post(f"{path}questions/", {"name": "kind", "scale": scale, "values": values})
    return path, Question.objects.get()


def test_each_annotator_has_one_vote_an_item_by_the_last_answered_round(alice: Trust) -> None:
    path, question = asked(alice, "nominal", ["x", "unused", "y", "z"])
    upload = alice.upload(path, "labels", LABELS)
    assert upload["state"] == "stored", upload
    told = votes(question)
    assert told is not None
    names = {item.number: item.external_id for item in Dataset.objects.get().items.all()}
    assert told.item.tolist() == sorted(told.item.tolist())
    assert told.values == ("x", "unused", "y", "z")
    by_name = {names[n]: c for n, c in zip(told.item.tolist(), told.counts.tolist(), strict=True)}
    assert by_name == {"b": [2, 0, 0, 0], "a": [0, 0, 0, 2], "d": [0, 0, 1, 0]}
    assert told.counts.dtype == "int32"


def test_values_are_named_as_reference_labels_name_them(alice: Trust) -> None:
    path, question = asked(alice, "ordinal", ["1", "2", "3"])
    alice.upload(path, "labels", "item,annotator,label\nx,ann,3\nx,bob,1\n")
    told = votes(question)
    assert told is not None
    assert (told.values, told.counts.tolist()) == (("1", "2", "3"), [[1, 0, 1]])


@pytest.mark.parametrize(
    ("scale", "label"), [("interval", "2.5"), ("set", "x;y"), ("nominal", None)]
)
def test_numbers_sets_and_questions_without_labels_have_no_votes(
    alice: Trust, scale: str, label: str | None
) -> None:
    path, question = asked(alice, scale, [])
    if label is not None:
        alice.upload(path, "labels", f"item,annotator,label\ni,ann,{label}\n")
    question.refresh_from_db()
    assert votes(question) is None
