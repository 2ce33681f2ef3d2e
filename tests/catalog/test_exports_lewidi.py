"""LeWiDi: items under their ids, with annotators and annotations in step."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.reading import Column, Kind, Layout, Options, Table, read
from tests.catalog.export_rows import codes, read_export, rows, told


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lewidi") / "upload"


def entry(annotators: Any, annotations: Any) -> dict[str, Any]:
    return {
        "text": "a sentence",
        "annotators": annotators,
        "annotations": annotations,
        "number of annotations": 2,
        "hard_label": "0",
        "soft_label": {"0": 0.5, "1": 0.5},
        "split": "dev",
        "other_info": {},
    }


def test_both_forms_give_one_row_an_annotation(file: Path) -> None:
    body = {
        "1": entry("Ann1,Ann2", "0,1"),
        "2": entry("Ann1, Ann3", {"Ann1": "1", "Ann3": 0}),
        "3": entry(["Ann2"], ["No"]),
    }
    table = read_export(file, "lewidi", body, subject="hate")
    assert rows(table, "item", "annotator", "label", "question") == [
        (1, "1", "Ann1", "0", "hate"),
        (1, "1", "Ann2", "1", "hate"),
        (2, "2", "Ann1", "1", "hate"),
        (2, "2", "Ann3", "0", "hate"),
        (3, "3", "Ann2", "No", "hate"),
    ]
    assert told(table)["export_read"] == ("3 items x 3 annotators, 5 labels.", 5)


def test_sets_are_lists_or_parted_by_commas(file: Path) -> None:
    body = {"1": entry("a,b", {"a": "neutral,entailment", "b": ["neutral"]})}
    table = read_export(file, "lewidi", body, subject="nli", sets=("nli",))
    assert [row[1] for row in rows(table, "label")] == ['["entailment", "neutral"]', '["neutral"]']


def test_an_empty_annotation_is_answered_empty(file: Path) -> None:
    table = read_export(file, "lewidi", {"1": entry("a,b,c", "0,,1")}, subject="q")
    assert [row[1:] for row in rows(table, "annotator", "status")] == [
        ("a", "answered"),
        ("b", "empty"),
        ("c", "answered"),
    ]


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        ({"1": entry("a,b", "0,1"), "2": entry("a,b", "0")}, 2, "row_length"),
        ({"1": entry("a,b", "0,1"), "2": {"text": "x"}}, 2, "export_shape"),
        ({"1": entry("a,b", "0,1"), "2": [1]}, 2, "export_shape"),
        ({"1": entry("a", {"a": {"x": 1}})}, 1, "answer_type"),
        ({"1": entry("a", {"a": ["x", "y"]})}, 1, "several_answers"),
        ('{"1": {"annotators": "a", "annotations": "0"},}', 2, "json_parse"),
        (
            '{"1": {"annotations": {"a": "0"}}, "1": {"annotations": {"a": "0"}}}',
            2,
            "json_duplicate_key",
        ),
        ('{"1": {"annotations": {"a": "0", "a": "1"}}}', 1, "json_duplicate_key"),
        ("[]", 1, "type"),
        ("{}", 1, "no_rows"),
        ({"1": entry("", "")}, 1, "no_rows"),
        ("{" * 40 + "}" * 40, None, "json_too_deep"),
    ],
)
def test_what_is_wrong_is_named_with_the_number_of_its_item(
    body: Any, line: int | None, code: str, file: Path
) -> None:
    table = read_export(file, "lewidi", body, subject="q")
    assert [(p.line, p.code.value) for p in table.problems] == [(line, code)]


def test_without_a_question_it_is_asked_for(file: Path) -> None:
    assert codes(read_export(file, "lewidi", {"1": entry("a", "0")})) == ["question_unstated"]


NAMES = st.text(st.sampled_from("ab\"é' #7"), min_size=1, max_size=5).map(lambda t: f"<{t}>")


@given(
    labels=st.dictionaries(st.tuples(NAMES, NAMES), st.sampled_from(["0", "1", "No"]), min_size=1),
    named=st.booleans(),
)
@settings(max_examples=80)
def test_long_rows_written_as_lewidi_are_read_back(
    labels: dict[tuple[str, str], str], named: bool, file: Path
) -> None:
    items: dict[str, dict[str, str]] = {}
    for (item, who), label in labels.items():
        items.setdefault(item, {})[who] = label
    body = {
        item: entry(",".join(said), said if named else ",".join(said.values()))
        for item, said in items.items()
    }
    found = rows(read_export(file, "lewidi", body, subject="q"), "item", "annotator", "label")
    assert {(item, who): label for _, item, who, label in found} == labels
    assert len(found) == len(labels)


def test_real_labels_survive_the_round_trip(shared: Path, file: Path) -> None:
    with (shared / "data/lewidi3_mp/labels.csv").open(newline="", encoding="utf-8") as source:
        labels = {(r["item"], r["annotator"]): r["label"] for r in csv.DictReader(source)}
    items: dict[str, dict[str, str]] = {}
    for (item, who), label in labels.items():
        items.setdefault(item, {})[who] = label
    body = json.dumps({i: entry(",".join(s), ",".join(s.values())) for i, s in items.items()})
    table = read_export(file, "lewidi", body, subject="irony")
    found = rows(table, "item", "annotator", "label")
    assert {(item, who): label for _, item, who, label in found} == labels
    n_annotators = len({who for _, who in labels})
    shape = f"{len(items):,} items x {n_annotators:,} annotators, {len(labels):,} labels."
    assert told(table)["export_read"] == (shape, len(labels))


def test_a_null_is_no_answer_and_an_item_without_annotations_is_left_out(file: Path) -> None:
    body = {"1": entry("a,b", {"a": None, "b": 4.0}), "2": entry("a,b", ""), "3": entry("a", {})}
    table = read_export(file, "lewidi", body, subject="q")
    assert rows(table, "item", "annotator", "label") == [(1, "1", "b", "4")]
    message, count = told(table)["left_out"]
    assert count == 3
    assert "2 items without annotations, as test sets have them" in message


def test_a_comma_too_many_is_found_in_its_line(file: Path) -> None:
    body = '{"1": {"annotators": "a",\n "annotations": "0"\n},\n}'
    problem = read_export(file, "lewidi", body, subject="q").problems[0]
    assert problem.code.value == "json_parse"
    assert "a comma stands before the closing '}' in line 3 of the file" in problem.message


def people(file: Path, body: Any, mapping: dict[str, str] | None = None) -> Table:
    file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    columns = (Column("annotator", Kind.IDENTIFIER, required=True),)
    layout = Layout(columns, extra=Column("x", Kind.CATEGORY), mapping=mapping or {})
    return read(file, layout, Options(format="lewidi"))


def test_the_file_about_annotators_is_a_table_of_them(file: Path) -> None:
    body = {"Ann1": {"Gender": "female", "Age": "26"}, "Ann2": {"Gender": None, "Seniority": 3}}
    table = people(file, body)
    assert rows(table, "annotator", "Gender", "Age", "Seniority") == [
        (1, "Ann1", "female", "26", ""),
        (2, "Ann2", "", "", "3"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Ann1": {"Gender": "x"}, "Ann2": ["x"]}, "export_shape"),
        ({"Ann1": {"Gender": {"x": 1}}}, "type"),
        ({"1": entry("Ann1", "0")}, "export_shape"),
        ('{"Ann1": {"a": "x"}, "Ann1": {"a": "y"}}', "json_duplicate_key"),
        ('{"Ann1": {"a": "x",}}', "json_parse"),
        ("[]", "type"),
        ("{}", "no_rows"),
    ],
)
def test_what_is_wrong_with_a_file_about_annotators_is_named(
    body: Any, code: str, file: Path
) -> None:
    assert codes(people(file, body)) == [code]
