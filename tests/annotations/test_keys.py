"""Keys of labels: their order, their repeats, and what is stored already."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations import keys
from annotations.keys import key_order
from tests.conftest import Trust

KEYS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(1, 3), st.booleans()), max_size=40
)


def sorted_plainly(rows: np.ndarray, *fields: np.ndarray) -> tuple[list[int], list[bool]]:
    order = sorted(rows.tolist(), key=lambda row: (*(f[row] for f in fields), row))
    said = [tuple(f[row] for f in fields) for row in order]
    return order, [i > 0 and said[i] == said[i - 1] for i in range(len(said))]


@given(found=KEYS, first=st.sampled_from([0, 1 << 32, (1 << 32) - 7]), wide=st.booleans())
def test_rows_come_by_item_annotator_round_and_place(
    *, found: list[tuple[int, int, int, bool]], first: int, wide: bool
) -> None:
    item, annotator, rounds = (
        np.array([f[i] for f in found], np.int64) + (first if i == 0 else 0) for i in range(3)
    )
    if wide:  # beyond what one word holds, the slower sort answers the same
        item, annotator = item + (1 << 31), annotator + (1 << 31)
    rows = np.flatnonzero([f[3] for f in found]).astype(np.intp)
    keys = key_order(rows, item, annotator, rounds.astype(np.int16))
    number, row = item & 0xFFFFFFFF, keys.row[:]
    assert (row.tolist(), keys.same.tolist()) == sorted_plainly(rows, number, annotator, rounds)
    for sent, put in ((item, keys.item), (annotator, keys.annotator), (rounds, keys.round)):
        assert put[:].tolist() == sent[row].tolist()
    some = keys.only(row % 2 == 0)
    assert some.item[:].tolist() == item[some.row].tolist()


FEW = {"by the database": 0, "in memory": 10**9}


@pytest.mark.parametrize("way", FEW)
@pytest.mark.parametrize(("scale", "values"), [("nominal", "ab"), ("ratio", ("0", "1.5"))])
def test_a_file_changes_the_same_whichever_way_it_is_compared(
    alice: Trust, way: str, scale: str, values: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_FEW", FEW[way])
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": scale})
    rows = [f"i{i},ann{a},{values[(i + a) % 2]}" for i in range(30) for a in range(3)]

    def changed(rows: list[str]) -> tuple[int, int, int]:
        found = alice.upload(path, "labels", "item,annotator,label\n" + "\n".join(rows))["rows"]
        return found["stored"], found["unchanged"], found["replaced"]

    skipped = [*rows[:40], rows[40].rpartition(",")[0] + ","]
    assert changed(skipped) == (41, 0, 0)
    assert changed(skipped[::-1]) == (0, 41, 0)
    other = f"{rows[5].rpartition(',')[0]},{rows[4].rpartition(',')[2]}"
    assert changed([*skipped[:5], other, *rows[6:]]) == (49, 39, 2)
    assert changed(rows[50:]) == (0, 40, 0)
