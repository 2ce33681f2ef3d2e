"""Argilla: only what was submitted counts, and the form that hides the status is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.export_rows import codes, read_export, rows, told


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("argilla") / "upload"


def flattened(item: str, *responses: tuple[Any, str, str], question: str = "mood") -> dict:
    values, users, states = (list(part) for part in zip(*responses, strict=True))
    return {
        "id": item,
        "text": "a sentence",
        f"{question}.responses": values,
        f"{question}.responses.users": users,
        f"{question}.responses.status": states,
        f"{question}.suggestion": "glad",
        f"{question}.suggestion.agent": "model",
    }


BODY = [
    flattened(
        "a",
        ("glad", "u1", "submitted"),
        ("sad", "u2", "draft"),
        (None, "u3", "discarded"),
        ([], "u4", "submitted"),
    ),
    {**flattened("b", (4, "u1", "submitted"), question="stars"), "mood.responses": None},
]


@pytest.mark.parametrize("form", ["array", "lines"])
def test_submitted_answers_are_labels_and_discarded_ones_are_skipped(form: str, file: Path) -> None:
    body = json.dumps(BODY) if form == "array" else "\n".join(map(json.dumps, BODY))
    table = read_export(file, "argilla", body)
    assert rows(table, "item", "annotator", "question", "label", "status") == [
        (1, "a", "u1", "mood", "glad", "answered"),
        (1, "a", "u3", "mood", "", "skipped"),
        (1, "a", "u4", "mood", "", "empty"),
        (2, "b", "u1", "stars", "4", "answered"),
    ]
    assert told(table)["left_out"] == ("Left out: 1 drafts.", 1)


def test_the_columns_of_version_1_are_read(file: Path) -> None:
    body = [
        {
            "external_id": "x",
            "text": "a sentence",
            "mood": [
                {"user_id": "u1", "value": "glad", "status": "submitted"},
                {"user_id": "u2", "value": "sad", "status": "discarded"},
            ],
            "mood-suggestion": "glad",
            "mood-suggestion-metadata": {"type": None, "score": None, "agent": None},
            "tags": [{"user_id": "u1", "value": ["b", "a"], "status": "submitted"}],
        }
    ]
    table = read_export(file, "argilla", body, {"item": "external_id"}, sets=("tags",))
    assert rows(table, "annotator", "question", "label", "status") == [
        (1, "u1", "mood", "glad", "answered"),
        (1, "u2", "mood", "", "skipped"),
        (1, "u1", "tags", '["a", "b"]', "answered"),
    ]


def test_the_nested_form_is_refused_because_it_hides_drafts(file: Path) -> None:
    body = [{"id": "a", "fields": {}, "responses": {"mood": [{"value": "x", "user_id": "u"}]}}]
    table = read_export(file, "argilla", body)
    assert codes(table) == ["export_shape"]
    assert "flatten=True" in table.problems[0].message


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"mood.responses.status": None}, "export_shape"),
        ({"mood.responses.status": ["submitted", "submitted"]}, "row_length"),
        ({"mood.responses.users": ["u1", "u2"]}, "row_length"),
        ({"mood.responses.status": ["done"]}, "export_shape"),
        ({"mood.responses.users": None}, "annotator_unstated"),
        ({"mood.responses": ["glad", "sad"]}, "row_length"),
        ({"mood.responses": "glad"}, "export_shape"),
        ({"mood.responses": [[{"start": 0, "end": 1, "label": "x"}]]}, "region_type"),
        ({"mood.responses": [[{"value": "a", "rank": 1}]]}, "answer_type"),
        ({"mood.responses": [["a", "b"]]}, "several_answers"),
        ({"id": None}, "value_missing"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], code: str, file: Path) -> None:
    good = flattened("a", ("glad", "u1", "submitted"))
    table = read_export(file, "argilla", [good, {**good, "id": "b", **change}])
    assert [(p.line, p.code.value) for p in table.problems] == [(2, code)]
    assert table.without_problem_rows().n_rows == 1


def test_nested_responses_with_their_status_are_read(file: Path) -> None:
    said = [
        {"value": "glad", "user_id": "u1", "status": "submitted"},
        {"value": "sad", "user_id": "u2", "status": "draft"},
    ]
    table = read_export(file, "argilla", [{"id": "a", "responses": {"mood": said}}])
    assert rows(table, "annotator", "question", "label") == [(1, "u1", "mood", "glad")]
    told_apart = {key: [part[key] for part in said] for key in said[0]}
    table = read_export(file, "argilla", [{"id": "a", "mood": told_apart}])
    assert rows(table, "annotator", "question", "label") == [(1, "u1", "mood", "glad")]


HEADER = "id,text,mood.responses,mood.responses.users,mood.responses.status"


@pytest.mark.parametrize(
    ("values", "users", "states"),
    [
        ('["glad", null]', '["u1", "u2"]', '["submitted", "discarded"]'),
        ("['glad', None]", "['u1', 'u2']", "['submitted', 'discarded']"),
        ("[['glad'], None]", "['u1', \"u2\"]", "['submitted', 'discarded']"),
    ],
)
def test_lists_in_the_fields_of_a_csv_are_read(
    values: str, users: str, states: str, file: Path
) -> None:
    fields = (text.replace('"', '""') for text in (values, users, states))
    body = f"{HEADER}\na,x," + ",".join(f'"{text}"' for text in fields) + "\nb,x,,,\n"
    table = read_export(file, "argilla", body)
    assert rows(table, "item", "annotator", "label", "status") == [
        (2, "a", "u1", "glad", "answered"),
        (2, "a", "u2", "", "skipped"),
    ]


@pytest.mark.parametrize(
    "cell",
    ["['glad' 'sad']", "[UUID('1')]", "glad", "['glad'", "[nan]", "[" * 40 + "]" * 40, "['a\\x']"],
)
def test_a_field_that_holds_no_list_is_refused(cell: str, file: Path) -> None:
    body = f"{HEADER}\na,x,\"{cell}\",['u1'],['submitted']\n"
    table = read_export(file, "argilla", body)
    assert [(p.line, p.column, p.code.value) for p in table.problems] == [
        (2, "mood.responses", "export_shape")
    ]


def test_parquet_brings_what_json_brings(file: Path) -> None:
    records = [flattened("a", ("glad", "u1", "submitted"), ("sad", "u2", "draft"))]
    records += [flattened("b", (None, "u1", "discarded"))]
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), body)
    found = [
        rows(read_export(file, "argilla", sent), "item", "annotator", "label", "status")
        for sent in (body.getvalue(), records)
    ]
    assert [row[1:] for row in found[0]] == [row[1:] for row in found[1]]
    assert found[0] == [(2, "a", "u1", "glad", "answered"), (3, "b", "u1", "", "skipped")]
    numbers = io.BytesIO()
    pq.write_table(
        pa.table(
            {
                "id": [1],
                "r.responses": [[4]],
                "r.responses.users": [["u"]],
                "r.responses.status": [["submitted"]],
            }
        ),
        numbers,
    )
    assert rows(read_export(file, "argilla", numbers.getvalue()), "item", "label") == [
        (2, "1", "4")
    ]
    broken = body.getvalue()[:-40]
    assert codes(read_export(file, "argilla", broken)) == ["unsupported_media_type"]


def test_records_without_responses_are_no_export(file: Path) -> None:
    assert codes(read_export(file, "argilla", [{"id": "a", "text": "x"}])) == ["export_shape"]
    assert codes(read_export(file, "argilla", "")) == ["empty_file"]


LABELS = st.dictionaries(
    st.tuples(
        st.text(st.sampled_from('ab"é7'), min_size=1, max_size=3),
        st.text(st.sampled_from('ab"é7'), min_size=1, max_size=3),
    ),
    st.text(st.sampled_from('ab|[",é 7'), min_size=1, max_size=6).map(lambda t: f"x{t}x"),
    min_size=1,
)


@given(labels=LABELS)
@settings(max_examples=60)
def test_long_rows_written_flattened_are_read_back(
    labels: dict[tuple[str, str], str], file: Path
) -> None:
    items: dict[str, list[tuple[Any, str, str]]] = {}
    for (item, who), label in labels.items():
        items.setdefault(item, []).append((label, who, "submitted"))
    body = [flattened(item, *found) for item, found in items.items()]
    found = rows(read_export(file, "argilla", body), "item", "annotator", "label")
    assert {(item, who): label for _, item, who, label in found} == labels
    assert len(found) == len(labels)
