"""Prodigy: choices and binary decisions, with sessions that may be no people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.export_rows import codes, read_export, rows, told


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prodigy") / "upload"


def task(item: int, who: str | None = "mood-ann", answer: str = "accept", **more: Any) -> dict:
    record = {
        "text": "a sentence",
        "_input_hash": item,
        "_task_hash": item * 3,
        "answer": answer,
        "_timestamp": 1709283600.25,
        **more,
    }
    return record if who is None else {**record, "_annotator_id": who, "_session_id": who}


def choice(item: int, *accepted: Any, **more: Any) -> dict[str, Any]:
    options = [{"id": name, "text": name.upper()} for name in ("glad", "sad")]
    return task(item, options=options, accept=list(accepted), _view_id="choice", **more)


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_choices_are_the_ids_that_were_accepted(file: Path) -> None:
    body = lines(choice(-5, "glad"), choice(7, "sad", who="mood-bo"), choice(8))
    table = read_export(file, "prodigy", body, subject="mood")
    assert rows(table, "item", "annotator", "question", "label", "status", "labelled_at") == [
        (1, "-5", "mood-ann", "mood", "glad", "answered", "2024-03-01T09:00:00.250000+00:00"),
        (2, "7", "mood-bo", "mood", "sad", "answered", "2024-03-01T09:00:00.250000+00:00"),
        (3, "8", "mood-ann", "mood", "", "empty", "2024-03-01T09:00:00.250000+00:00"),
    ]


def test_several_choices_are_a_set_where_the_question_takes_one(file: Path) -> None:
    body = lines(choice(1, "sad", "glad"))
    table = read_export(file, "prodigy", body, subject="mood", sets=("mood",))
    assert rows(table, "label") == [(1, '["glad", "sad"]')]
    assert codes(read_export(file, "prodigy", body, subject="mood")) == ["several_answers"]


def test_ignored_and_rejected_choice_tasks_are_skipped_and_are_no_labels(file: Path) -> None:
    body = lines(choice(1, answer="ignore"), choice(2, "glad", answer="reject"), choice(3, "sad"))
    table = read_export(file, "prodigy", body, subject="mood")
    assert rows(table, "label", "status") == [
        (1, "", "skipped"),
        (2, "", "skipped"),
        (3, "sad", "answered"),
    ]
    assert "answered 'reject', which is no choice" in told(table)["left_out"][0]


def test_a_binary_decision_answers_the_question_of_its_label(file: Path) -> None:
    body = lines(
        task(1, label="SPORT", _view_id="classification"),
        task(1, label="FOOD", answer="reject", _view_id="classification"),
        task(2, label="FOOD", answer="ignore", _view_id="classification"),
    )
    table = read_export(file, "prodigy", body)
    assert rows(table, "item", "question", "label", "status") == [
        (1, "1", "SPORT", "accept", "answered"),
        (2, "1", "FOOD", "reject", "answered"),
        (3, "2", "FOOD", "", "skipped"),
    ]


@pytest.mark.parametrize(
    ("more", "annotator"),
    [
        ({"_session_id": "mood-bo"}, "mood-bo"),
        ({"_session_id": "2024-02-06_10-17-19"}, None),
        ({"_session_id": "mood-2024-02-06_10-17-19"}, None),
        ({"_annotator_id": "2024-02-06_10-17-19", "_session_id": "mood-bo"}, "mood-bo"),
        ({}, None),
    ],
)
def test_a_session_without_a_name_is_no_person(
    more: dict[str, str], annotator: str | None, file: Path
) -> None:
    body = lines(choice(1, "glad", who=None, **more))
    table = read_export(file, "prodigy", body, subject="mood")
    if annotator is None:
        assert codes(table) == ["annotator_unstated"]
        table = read_export(file, "prodigy", body, subject="mood", annotator="Ann")
        assert rows(table, "annotator") == [(1, "Ann")]
    else:
        assert rows(table, "annotator") == [(1, annotator)]


def test_one_task_answered_twice_is_two_rounds(file: Path) -> None:
    body = lines(choice(1, "sad", _timestamp=1709283700), choice(1, "glad", _timestamp=1709283600))
    table = read_export(file, "prodigy", body, subject="mood")
    assert rows(table, "label", "round") == [(1, "sad", 2), (2, "glad", 1)]


@pytest.mark.parametrize(
    ("record", "code", "value"),
    [
        (task(1, _view_id="ner_manual", spans=[], tokens=[]), "region_type", "ner_manual"),
        (task(1, _view_id="ner", label="ORG"), "region_type", "ner"),
        (task(1, spans=[{"start": 0, "end": 1, "label": "x"}]), "region_type", "spans"),
        (task(1, relations=[], label="x"), "region_type", "relations"),
        (task(1, _view_id="image_manual"), "region_type", "image_manual"),
        (task(1, answer="maybe", label="x"), "export_shape", "maybe"),
        ({"text": "x", "_input_hash": 1, "label": "x"}, "export_shape", ""),
        ({"text": "x", "answer": "accept", "label": "x"}, "value_missing", None),
    ],
)
def test_tasks_that_are_no_choices_are_refused_by_name(
    record: dict[str, Any], code: str, value: str | None, file: Path
) -> None:
    body = lines(choice(9, "glad"), record)
    table = read_export(file, "prodigy", body, subject="mood")
    assert [(p.line, p.code.value, p.value) for p in table.problems] == [(2, code, value)]
    assert table.without_problem_rows().n_rows == 1


def test_the_item_may_stand_in_the_meta_data(file: Path) -> None:
    body = lines(choice(1, "glad", meta={"ref": "s-1"}))
    table = read_export(file, "prodigy", body, {"item": "meta.ref"}, subject="mood")
    assert rows(table, "item") == [(1, "s-1")]


def test_a_time_that_is_no_time_is_a_problem(file: Path) -> None:
    body = lines(choice(1, "glad", _timestamp=1e300), choice(2, "glad", _timestamp="soon"))
    table = read_export(file, "prodigy", body, subject="mood")
    assert codes(table) == ["date_format", "date_format"]


LABELS = st.dictionaries(
    st.tuples(st.integers(-(2**31), 2**31), st.sampled_from(["a-ann", "a-bo", "a-c-d"])),
    st.text(st.sampled_from('ab|[",é 7'), min_size=1, max_size=6).map(lambda t: f"x{t}x"),
    min_size=1,
)


@given(labels=LABELS)
@settings(max_examples=60)
def test_long_rows_written_as_tasks_are_read_back(
    labels: dict[tuple[int, str], str], file: Path
) -> None:
    body = lines(*(choice(item, label, who=who) for (item, who), label in labels.items()))
    found = rows(read_export(file, "prodigy", body, subject="q"), "item", "annotator", "label")
    assert {(int(item), who): label for _, item, who, label in found} == labels
    assert len(found) == len(labels)


def test_an_array_of_tasks_is_read_like_lines(file: Path) -> None:
    body = json.dumps([choice(1, "glad"), choice(2, "sad")])
    table = read_export(file, "prodigy", body, subject="mood")
    assert rows(table, "label") == [(1, "glad"), (2, "sad")]


def test_a_decision_without_a_label_answers_the_stated_question(file: Path) -> None:
    body = lines(task(1, _view_id="image"), task(2, answer="reject", _view_id="html"))
    table = read_export(file, "prodigy", body, subject="sharp")
    assert rows(table, "question", "label") == [(1, "sharp", "accept"), (2, "sharp", "reject")]
    assert codes(read_export(file, "prodigy", body)) == ["question_unstated"]


def test_free_text_is_refused_by_name(file: Path) -> None:
    body = lines(task(1, _view_id="text_input", field_id="user_input", user_input="because"))
    table = read_export(file, "prodigy", body, subject="mood")
    assert [(p.code.value, p.value) for p in table.problems] == [("answer_type", "text_input")]
    assert "free text" in table.problems[0].message
