"""The raw export: what was sent comes back byte for byte, and sending it back changes nothing."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Trust

HEADER = (
    "item,annotator,question,label,status,round,labelled_at,confidence,duration_ms,"
    "batch,guideline_version,comment"
)
COUNTER = itertools.count()


def export(person: Trust, path: str, expect: int = 200, **query: str) -> bytes:
    answer = person.http.get(f"/api/v1/{path}labels.csv", query)
    assert answer.status_code == expect
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "missing_codes": ["?"]})
    return path


def test_labels_come_back_as_they_were_sent(alice: Trust, pets: str) -> None:
    body = (
        "item,annotator,label,status,round,labelled_at,confidence,duration_ms,comment\n"
        '=1+1,007,"a ""cat"", or dog",answered,1,2026-01-31T09:30:00.5+01:00,0.1,1200,'
        '"two\r\nlines"\n'
        "=1+1,007,-3,,2,,,,\n"
        "i2,NA,?,,,,,,\n"
        "i2,None,,skipped,,,,,\n"
        "i3,None,,empty,,,,,\n"
    )
    assert alice.upload(pets, "labels", body)["state"] == "stored"
    assert export(alice, pets).decode() == (
        HEADER + "\n"
        '=1+1,007,pet,"a ""cat"", or dog",answered,1,2026-01-31T08:30:00.500000Z,0.1,1200,,,'
        '"two\r\nlines"\n'
        "=1+1,007,pet,-3,answered,2,,,,,,\n"
        "i2,NA,pet,,skipped,1,,,,,,\n"
        "i2,None,pet,,skipped,1,,,,,,\n"
        "i3,None,pet,,empty,1,,,,,,\n"
    )


def test_one_question_or_all_are_exported(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}questions/", {"name": "size", "scale": "ratio"})
    alice.post(f"{pets}questions/", {"name": "tags", "scale": "set", "values": ["b", "a|b"]})
    for question, label in (("pet", "cat"), ("size", "1e3"), ("tags", '"[""a|b"",""b""]"')):
        body = f"item,annotator,label\ni1,ann,{label}\n"
        assert alice.upload(pets, "labels", body, question=question)["state"] == "stored"
    rows = list(csv.DictReader(io.StringIO(export(alice, pets).decode())))
    assert {row["question"]: row["label"] for row in rows} == {
        "pet": "cat",
        "size": "1000.0",
        "tags": '["b", "a|b"]',
    }
    one = export(alice, pets, question="size").decode()
    assert one == f"{HEADER}\ni1,ann,size,1000.0,answered,1,,,,,,\n"
    assert b"unknown_question" in export(alice, pets, expect=400, question="song")


def test_only_who_may_read_rows_gets_them(
    alice: Trust, pets: str, person: Callable[[str], Trust]
) -> None:
    alice.upload(pets, "labels", "item,annotator,label\ni1,ann,cat\n")
    for name, role, expect in (
        ("bob", "contributor", 403),
        ("eve", "auditor", 403),
        ("max", "manager", 200),
    ):
        someone = person(name)
        alice.post(f"{pets}members/", {"user": name, "role": role})
        assert (b"ann" in export(someone, pets, expect=expect)) == (expect == 200)
    assert b"not_found" in export(person("zoe"), pets, expect=404)


def test_an_empty_data_set_has_a_header(
    alice: Trust, pets: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):
        assert export(alice, pets).decode() == HEADER + "\n"


TEXT = st.text(st.sampled_from("ab,;\"'|[]{}\t=+-@#7é 漢"), min_size=1, max_size=6)
NAMES = TEXT.map(lambda text: f"<{text}>")
CELLS: dict[str, Any] = {
    "nominal": TEXT.filter(lambda text: text.strip() != ""),
    "set": st.lists(NAMES, max_size=3).map(lambda members: json.dumps(members)),
    "interval": st.floats(allow_nan=False, allow_infinity=False).map(repr),
}
TIMES = st.sampled_from(["", "2026-01-31T09:30:00.123456+05:30", "0001-01-02T00:00:00Z"])
DETAILS = st.tuples(
    TIMES,
    st.sampled_from(["", "0", "1", "0.1", "3e-7"]),
    st.sampled_from(["", "0", "2147483647"]),
    st.text(st.sampled_from('a,"\n\r =é\t'), max_size=6),
)


@given(data=st.data(), scale=st.sampled_from(["nominal", "set", "interval"]))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_exported_and_sent_back_changes_nothing(
    data: Any, scale: str, alice: Trust
) -> None:
    path = alice.dataset(f"d{next(COUNTER)}")
    alice.post(f"{path}questions/", {"name": "q", "scale": scale})
    keys = data.draw(
        st.lists(st.tuples(NAMES, NAMES, st.integers(1, 3)), min_size=1, max_size=5, unique=True)
    )
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    names = ["item", "annotator", "round", "label", "status"]
    writer.writerow([*names, "labelled_at", "confidence", "duration_ms", "comment"])
    for key in keys:
        status = data.draw(st.sampled_from(["answered", "skipped", "empty"]))
        label = data.draw(CELLS[scale]) if status == "answered" else ""
        writer.writerow([*key, label, status, *data.draw(DETAILS)])
    first = alice.upload(path, "labels", out.getvalue().encode())
    assert first["state"] == "stored", first["problems"]
    assert first["rows"]["stored"] == len(keys)
    exported = export(alice, path)
    again = alice.upload(path, "labels", exported)
    assert again["state"] == "stored", again["problems"]
    assert again["rows"]["unchanged"] == len(keys)
    assert again["version"] == first["version"]
    assert export(alice, path) == exported
