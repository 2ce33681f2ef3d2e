"""How annotators work, on the page about quality: pace, drift, repeated labels, subgroups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from audits.conduct import findings_of
from tests.audits.conftest import page
from tests.audits.markup import Markup
from tests.conftest import Trust

PAGE = "/datasets/worked/quality/"
START = datetime(2024, 1, 1, tzinfo=UTC)


def labels_csv() -> str:
    """Dan hurries and gets worse half way; nobody agrees on the south; Ann is asked again."""
    rng = np.random.default_rng(2)
    lines = ["item,annotator,label,round,labelled_at,duration_ms,batch"]
    for i in range(120):
        for who in ("Ann", "Bob", "Cyd", "Dan"):
            guesses = i % 3 == 0 or (who == "Dan" and i >= 60)
            value = "abc"[rng.integers(0, 3) if guesses else i % 3]
            when = (START + timedelta(hours=6 * i)).isoformat()
            took = int(rng.integers(800, 1200) * (1 if who == "Dan" else 9))
            lines.append(f"i{i},{who},{value},1,{when},{took},b{i // 60}")
            if who == "Ann" and i % 5 == 0:
                lines.append(f"i{i},{who},{value},2,{when},{took},b{i // 60}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def worked(alice: Trust) -> str:
    path = alice.dataset("worked")
    items = "".join(f"i{i},{'north' if i % 3 else 'south'}\n" for i in range(120))
    alice.upload(path, "items", f"item,site\n{items}")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal", "values": list("abc")})
    alice.upload(path, "labels", labels_csv())
    return path


def test_the_page_says_who_hurries_who_changed_and_where_nobody_agrees(
    alice: Trust, worked: str
) -> None:
    shown = Markup(page(alice, PAGE))

    assert shown.faults() == []
    assert "1 of 4 annotators take less than half of the others' time" in shown.text
    assert "Dan takes 0.1" in shown.text
    assert "The labels of one annotator got worse with time" in shown.text
    assert "Asked again, annotators give the same answer on 1.00" in shown.text
    assert "On site = south two annotators agree with probability 0.3" in shown.text
    assert "1 annotator labelled 24 items again" in shown.text
    assert "2 of 2 subgroups differ from it" in shown.text
    people = {one["annotator"]: one for one in alice.get(f"{worked}annotators/")["annotators"]}
    drift = people["Dan"]["drift"]
    assert f"{drift['value']:.3f}".replace("-", "\u2212") in shown.text
    change = alice.get(f"{worked}agreement/")["change"]["batch"]["explained"]
    assert f"batch 2 {change['value']:.3f} {change['p_value']:.3f}" in shown.text


def test_a_contributor_sees_their_own_pace_and_nobody_elses(
    alice: Trust, worked: str, member: Callable[..., Trust]
) -> None:
    shown = Markup(page(member("contributor", annotator="Dan"), PAGE)).text

    assert "How they work" in shown
    assert "1.0 0.1" in shown
    assert "Bob" not in shown
    assert "site = south" not in shown
    assert "Change of alpha" not in shown


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert findings_of([{"annotator": "Ann", "among_others": {}}], None, None) == []
