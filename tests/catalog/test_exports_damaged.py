"""Exports that were changed, cut or joined after their tool wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog.export_rows import codes, read_export, rows

HEAD = "annotation_id,annotator,id,mood,text\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export"


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


# what stands in the field, words of the message and the hint
DAMAGED = [
    ('{"choices": ["glad", "sa', "cannot be read as that (Unterminated string"),
    ('{"choices": ["glad"]', "cut off"),
    ('{"choices": ["glad"]}}', "more follows its end at character 22"),
    ("{'choices': ['glad']}", "JSON has double quotes"),
    ('[{"choices": ["glad"]}', "Export it again"),
    ('{"choices": ["glad"], "choices": ["sad"]}', "'choices' stands in one object twice"),
    ('{"choices": [NaN]}', "NaN is not JSON"),
]


@pytest.mark.parametrize(("text", "words"), DAMAGED)
def test_a_damaged_answer_is_a_problem_of_its_row(file: Path, text: str, words: str) -> None:
    body = f"{HEAD}1,7,i1,glad,a\n2,7,i2,{cell(text)},b\n"
    [problem] = read_export(file, "labelstudio-csv", body, known=("mood",)).problems
    assert (problem.line, problem.column, problem.value) == (3, "mood", text)
    assert words in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize("text", ["[sic]", "{none}", "[glad", "}", "[1]x", "[]"])
def test_a_text_that_only_begins_with_a_bracket_is_a_text(file: Path, text: str) -> None:
    body = f"{HEAD}1,7,i1,{cell(text)},{cell('{broken: ' + text)}\n"
    table = read_export(file, "labelstudio-csv", body, known=("mood",))
    assert codes(table) == []
    assert rows(table, "label")[0][1] == ("" if text == "[]" else text)


def test_a_damaged_text_of_the_item_is_not_looked_at(file: Path) -> None:
    body = HEAD + "1,7,i1,glad," + cell('{"a": [1,') + "\n"
    assert codes(read_export(file, "labelstudio-csv", body, known=("mood",))) == []


def test_an_annotation_twice_in_one_task_or_in_two_records_is_a_problem(file: Path) -> None:
    choice = {"from_name": "mood", "type": "choices", "value": {"choices": ["glad"]}}
    answer = {"id": 31, "completed_by": 7, "result": [choice]}
    task = {"id": 1, "data": {}, "annotations": [answer, answer]}
    [problem] = read_export(file, "labelstudio", [task]).problems
    assert (problem.code, problem.value) == ("duplicate_row", "31")
    assert "in the same task" in problem.message
    record = {"id": 1, "annotator": 7, "annotation_id": 31, "mood": "glad"}
    for second, expected in ((31, ["duplicate_row"]), (32, [])):
        body = json.dumps([record, {**record, "annotation_id": second, "mood": "sad"}])
        assert codes(read_export(file, "labelstudio-min", body, known=("mood",))) == expected
