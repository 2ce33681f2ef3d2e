"""The raw export: what was sent comes back byte for byte, and sending it back changes nothing."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import Dataset, Question, Run
from catalog.tasks import work_run
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
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
WRITTEN = st.sampled_from(["007", "-0", "+1.50", ".5", "1e5", "1E-07", "3."])
STARS = ["1", "2", "10", "NA", "=1+1"]
CELLS: dict[str, Any] = {
    "nominal": TEXT.filter(lambda text: text.strip() != ""),
    "ordinal": st.sampled_from(STARS),
    "circular": st.sampled_from(STARS),
    "interval": NUMBERS | WRITTEN,
    "ratio": st.floats(0, allow_infinity=False).map(repr) | WRITTEN,
    "set": st.lists(NAMES, max_size=3).map(json.dumps)
    | st.lists(st.sampled_from("abc"), max_size=3).map("|".join),
}
DECLARED = {"ordinal": STARS, "circular": STARS}
MISSING = "?"
TIMES = st.one_of(
    st.sampled_from(["", "2026-01-31T09:30:00.123456+05:30", "0001-01-02T00:00:00Z"]),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))
    .filter(lambda when: 1 < when.year < 9999)
    .map(datetime.isoformat),
)
COMMENTS = st.text(st.sampled_from('a,"\n\r =+@é\t'), max_size=6) | st.sampled_from(
    ["=HYPERLINK(1)", '"', '""', "\n", "a\r\nb", "-1", "  "]
)
WORDS = TEXT | st.just("")
HEAD = ["item", "annotator", "question", "round", "label", "status", "labelled_at", "confidence"]
HEAD += ["duration_ms", "batch", "guideline_version", "comment"]


@st.composite
def label_rows(draw: Any) -> list[list[str]]:
    """Rows of a labels file: every scale, several rounds, skipped, empty, missing codes."""
    keys = st.tuples(NAMES, NAMES, st.sampled_from(sorted(CELLS)), st.integers(1, 3).map(str))
    rows = []
    for key in draw(st.lists(keys, min_size=1, max_size=9, unique=True)):
        status = draw(st.sampled_from(["answered", "", "skipped", "empty"]))
        cell = CELLS[key[2]] | st.just(MISSING) if status in ("answered", "") else st.just("")
        label = draw(cell)
        # An answered set may be empty, a text may not.
        status = "answered" if label else status or "empty"
        if status == "answered" and not label:
            label = "[]" if key[2] == "set" else MISSING
        confidence = draw(st.just("") | st.floats(0, 1).map(repr) | st.just("3e-7"))
        duration = draw(st.just("") | st.integers(0, 2**31 - 1).map(str))
        texts = [draw(WORDS), draw(WORDS), draw(COMMENTS)]
        rows.append([*key, label, status, draw(TIMES), confidence, duration, *texts])
    return rows


def with_questions(person: Trust, values: dict[str, list[str]]) -> str:
    """A data set with a question of every scale, without asking for each over HTTP."""
    path = person.dataset(f"d{next(COUNTER)}")
    dataset = Dataset.objects.get(slug=path.split("/")[1])
    Question.objects.bulk_create(
        Question(
            dataset=dataset,
            name=scale,
            scale=scale,
            values=values.get(scale, []),
            missing_codes=[MISSING],
        )
        for scale in CELLS
    )
    return path


def stored_only(person: Trust, path: str, body: bytes) -> Any:
    """Send a file and let the worker store it; what it would compute next is not waited for."""
    sent = person.send(path, "labels", body)
    work_run(str(Run.objects.get(upload=sent["id"]).pk))
    Run.objects.filter(state="waiting").delete()
    return person.get(f"{path}uploads/{sent['id']}/")


@given(rows=label_rows())
@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_exported_and_sent_back_changes_nothing(rows: list[Any], alice: Trust) -> None:
    path = with_questions(alice, DECLARED)
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([HEAD, *rows])
    first = stored_only(alice, path, out.getvalue().encode())
    assert first["state"] == "stored", first["problems"]
    assert first["rows"]["stored"] == len(rows)
    exported = export(alice, path)
    again = stored_only(alice, path, exported)
    assert again["state"] == "stored", again["problems"]
    assert again["rows"]["unchanged"] == len(rows)
    assert again["version"] == first["version"]
    assert export(alice, path) == exported
    learned = Question.objects.filter(dataset__slug=path.split("/")[1])
    copy = with_questions(alice, dict(learned.values_list("name", "values")))
    assert stored_only(alice, copy, exported)["rows"]["stored"] == len(rows)
    assert sorted(export(alice, copy).splitlines()) == sorted(exported.splitlines())
