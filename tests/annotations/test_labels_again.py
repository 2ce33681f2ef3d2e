"""Labels that come again, in any order and partly changed, against a dictionary."""

from __future__ import annotations

import random

import pytest

from annotations import keys
from annotations.models import Label
from tests.conftest import Trust

Key = tuple[str, str]


def csv(said: dict[Key, str], shuffled: random.Random) -> str:
    lines = [f"{item},{annotator},{label}" for (item, annotator), label in said.items()]
    shuffled.shuffle(lines)
    return "item,annotator,label\n" + "\n".join(lines) + "\n"


def stored() -> dict[Key, str]:
    found = {}
    for label in Label.objects.select_related("question", "item", "annotator"):
        value = label.question.values[label.code] if label.number is None else f"{label.number:g}"
        found[label.item.external_id, label.annotator.external_id] = value
    return found


@pytest.mark.parametrize("scale", ["nominal", "interval"])
@pytest.mark.parametrize("pages", [1, 4096])
def test_what_is_stored_and_what_came_again_is_told_row_by_row(
    scale: str, pages: int, alice: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that were changed lie behind the others: the last pages hold keys of the whole file."""
    monkeypatch.setattr(keys, "_PAGES", pages)
    path, chance = alice.dataset("again"), random.Random(7)
    values = ["a", "b", "c"] if scale == "nominal" else ["0.5", "1", "-7"]
    fields = {"values": values} if scale == "nominal" else {}
    alice.post(f"{path}questions/", {"name": "q", "scale": scale, **fields})
    model = {(f"i{k}", f"w{k % 7 + j}"): chance.choice(values) for k in range(300) for j in (0, 1)}
    alice.upload(path, "labels", csv(model, chance))
    for n_items in (300, 310, 320):
        sent = {key: label for key, label in model.items() if chance.random() < 0.9}
        for key in chance.sample(sorted(sent), 25):
            sent[key] = chance.choice(values)
        sent |= {(f"i{k}", "new"): chance.choice(values) for k in range(n_items - 5, n_items)}
        rows = alice.upload(path, "labels", csv(sent, chance), mode="upsert")["rows"]
        changed = sum(model[key] != label for key, label in sent.items() if key in model)
        new = len(sent.keys() - model.keys())
        assert (rows["stored"], rows["replaced"], rows["rejected"]) == (new, changed, 0)
        assert rows["unchanged"] == len(sent) - new - changed
        model |= sent
        assert stored() == model
