"""What this room tells the others about a model's predictions."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.exchange import class_probabilities
from catalog.models import Item, Question
from catalog.problems import Refusal
from tests.conftest import Trust

MEMBERS = """item,p_cat,p_dog,p_fox,member,split
a,0.2,0.3,0.5,0,test
a,0.4,0.3,0.3,1,test
b,0.6,0.3,0.1,0,train
c,0.6,0.3,0.1,0,test
c,0,0,1,1,train
d,0.1,0.1,0.8004,0,
"""


def told(model: str | None = None):
    found = class_probabilities(Question.objects.get(), model)
    assert found is not None
    names = {item.number: item.external_id for item in Item.objects.all()}
    return found, dict(zip([names[n] for n in found.item], found.probabilities, strict=True))


def test_members_are_averaged_and_the_training_split_is_left_out(alice: Trust, pets: str) -> None:
    alice.upload(pets, "predictions", MEMBERS)
    found, rows = told()
    assert (found.model, found.classes) == ("net:1", ("cat", "dog", "fox"))
    assert found.out_of_fold is None
    assert set(rows) == {"a", "c", "d"}
    assert rows["a"] == pytest.approx([0.3, 0.3, 0.4])
    assert rows["c"] == pytest.approx([0.6, 0.3, 0.1])
    assert rows["d"] == pytest.approx(np.array([0.1, 0.1, 0.8004]) / 1.0004, abs=1e-15)


def test_logits_are_told_as_probabilities(alice: Trust, pets: str) -> None:
    fields = {"name": "raw", "question": "pet", "classes": ["cat", "dog", "fox"]}
    alice.post(f"{pets}models/", {**fields, "scores": "logit", "out_of_fold": True})
    alice.upload(pets, "predictions", "item,p_cat,p_dog,p_fox\na,0,0,1\n", model="raw")
    found, rows = told()
    assert found.out_of_fold is True
    assert rows["a"] == pytest.approx([1 / (2 + np.e), 1 / (2 + np.e), np.e / (2 + np.e)])


def test_no_predictions_tell_nothing_and_many_models_ask_which(alice: Trust, pets: str) -> None:
    question = Question.objects.get()
    assert class_probabilities(question) is None
    assert class_probabilities(question, "net") is None
    fields = {"question": "pet", "classes": ["cat", "dog", "fox"]}
    alice.upload(pets, "predictions", "item,p_cat,p_dog,p_fox\na,1,0,0\n")
    alice.post(f"{pets}models/", {"name": "net", "version": "2", **fields})
    alice.upload(pets, "predictions", "item,p_cat,p_dog,p_fox\na,0,1,0\n", model="net:2")
    assert told()[0].model == "net:2"
    assert told("net:1")[1]["a"].tolist() == [1, 0, 0]
    alice.post(f"{pets}models/", {"name": "other", **fields})
    alice.upload(pets, "predictions", "item,p_cat,p_dog,p_fox\na,0,0,1\n", model="other")
    with pytest.raises(Refusal, match="no model was named; .* net:1, net:2, other:1"):
        class_probabilities(question)
    with pytest.raises(Refusal, match="none is called 'nett'"):
        class_probabilities(question, "nett")
    alice.post(f"{pets}questions/", {"name": "colour", "scale": "nominal", "values": ["cat"]})
    colour = Question.objects.get(name="colour")
    assert class_probabilities(colour) is None
    with pytest.raises(Refusal, match="no model predicts it"):
        class_probabilities(colour, "net")
