"""JSON and NDJSON files: the published cases, and what a record becomes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.reading import Column, Kind, Layout, Limits, Options, Table, TextColumn, read

LAYOUT = Layout(
    (
        Column("item", Kind.IDENTIFIER, required=True),
        Column("label", Kind.CATEGORY, required=True),
        Column("confidence", Kind.NUMBER, low=0, high=1),
        Column("round", Kind.INTEGER),
        Column("labelled_at", Kind.TIME),
        Column("meta", Kind.TEXT, nested=True),
    ),
    extra=Column("extra", Kind.CATEGORY),
)


def read_as(tmp_path: Path, data: bytes | str, form: str, **options: object) -> Table:
    path = tmp_path / "upload"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read(path, LAYOUT, Options(format=form, **options))


def texts(table: Table, name: str) -> list[str]:
    column = table.columns[name]
    assert isinstance(column, TextColumn)
    return [column.values[code] if code >= 0 else "" for code in column.codes]


GOOD = '{"item": "i1", "label": "cat"}'
DEEP = "[" * 900 + "]" * 900

CASES = [
    ("ENCODING-08", '{"item": "i1", "label": "a\\ud800"}', "unpaired_surrogate", 1),
    ("ENCODING-08-low", '{"item": "i1", "label": "a\\udc80"}', "unpaired_surrogate", 1),
    ("ENCODING-10", '{"item": "i1", "label": "c", "meta": [{"a": "\\u0000"}]}', "nul_character", 1),
    ("ENCODING-10-key", GOOD[:-1] + ', "meta": [{"\\u0000": 1}]}', "nul_character", 1),
    ("ENCODING-10-value", '{"item": "a\\u0000", "label": "c"}', "nul_character", 1),
    ("NUMBER-16", GOOD[:-1] + ', "round": ' + "9" * 5001 + "}", "json_number_too_long", 1),
    ("NUMBER-17", GOOD[:-1] + ', "round": true}', "type", 1),
    ("JSON-01", "[" * 100_000 + "]" * 100_000, "json_too_deep", 1),
    ("JSON-02", GOOD[:-1] + f', "meta": {DEEP}}}', "json_too_deep", 1),
    ("JSON-04", GOOD[:-1] + ', "confidence": NaN}', "json_not_finite", 1),
    ("JSON-04-inf", GOOD[:-1] + ', "confidence": -Infinity}', "json_not_finite", 1),
    ("JSON-05", GOOD[:-1] + ', "meta": [1e100000]}', "json_number_range", 1),
    ("JSON-07", f'{GOOD}\n{{"item": "i2", "label": "x",}}\n', "jsonl_parse", 2),
    ("JSON-07-pretty", '{"item": "i1",\n "label": "x"}\n', "jsonl_parse", 2),
    ("JSON-10-null", "null", "type", 1),
    ("JSON-10-number", "7", "type", 1),
    ("JSON-14", GOOD.encode("utf-16"), "encoding_not_utf8", 1),
    ("duplicate key", '{"item": "i1", "label": "x", "label": "y"}', "json_duplicate_key", 1),
    ("nested where text is", '{"item": ["i1"], "label": "x"}', "type", 1),
    ("no required key", '{"item": "i1"}', "header_missing_column", 1),
    ("empty required value", f'{GOOD}\n{{"item": "i2"}}', "value_missing", 2),
    ("not UTF-8", GOOD.encode() + b'\n{"item": "\xe9"}', "invalid_utf8", 2),
]


@pytest.mark.parametrize(
    ("data", "code", "line"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_published_case_as_lines(data: str, code: str, line: int, tmp_path: Path) -> None:
    table = read_as(tmp_path, data, "ndjson")
    assert (code, line) in [(problem.code.value, problem.line) for problem in table.problems]


ARRAY_CASES = [
    ("ENCODING-08", '[{"item": "i1", "label": "a\\ud800"}]', "unpaired_surrogate", 1),
    ("NUMBER-17", f"[{GOOD}, {GOOD[:-1]}, " + '"round": true}]', "type", 2),
    ("JSON-01", "[" * 100_000 + "]" * 100_000, "json_too_deep", None),
    ("JSON-02", f'[{GOOD[:-1]}, "meta": {DEEP}}}]', "json_too_deep", None),
    ("JSON-04", f'[{GOOD}, {GOOD[:-1]}, "confidence": Infinity}}]', "json_not_finite", 2),
    ("JSON-10-null", "null", "type", 1),
    ("JSON-10-empty", "[]", "no_rows", 1),
    ("JSON-10-number", "7", "type", 1),
    ("JSON-10-nothing", "", "empty_file", None),
    ("JSON-10-space", "  \n", "json_parse", 1),
    ("trailing comma", f"[{GOOD},]", "json_parse", 2),
    ("not closed", f"[{GOOD}", "json_parse", 1),
    ("more after the array", f"[{GOOD}] x", "json_parse", 2),
    ("lines sent as an array", f"{GOOD}\n{GOOD}", "type", 1),
]


@pytest.mark.parametrize(
    ("data", "code", "line"), [c[1:] for c in ARRAY_CASES], ids=[c[0] for c in ARRAY_CASES]
)
def test_published_case_as_array(data: str, code: str, line: int, tmp_path: Path) -> None:
    table = read_as(tmp_path, data, "json")
    assert (code, line) in [(problem.code.value, problem.line) for problem in table.problems]


def test_blank_lines_and_crlf_are_no_rows(tmp_path: Path) -> None:
    table = read_as(tmp_path, f"{GOOD}\r\n\r\n{GOOD}\r\n", "ndjson")
    assert table.ok
    assert table.line.tolist() == [1, 3]


def test_keys_are_data(tmp_path: Path) -> None:
    record = {"item": "i", "label": "x", "__proto__": "1", "$where": "2", "a__b__c": "3"}
    table = read_as(tmp_path, json.dumps([record]), "json")
    assert table.ok
    assert list(table.columns) == list(record)


def test_values_stay_what_they_are(tmp_path: Path) -> None:
    lines = [
        '{"item": 7, "label": 7.0, "confidence": 0.10}',
        '{"item": 9007199254740993, "label": true, "confidence": "0.2"}',
        '{"item": "007", "label": "NA", "confidence": null, "late": "new", "meta": {"k": [1.50]}}',
    ]
    table = read_as(tmp_path, "\n".join(lines), "ndjson")
    assert table.problems == []
    assert texts(table, "item") == ["7", "9007199254740993", "007"]
    assert texts(table, "label") == ["7.0", "true", "NA"]
    assert texts(table, "late") == ["", "", "new"]
    assert texts(table, "meta") == ["", "", '{"k":[1.50]}']
    confidence = table.columns["confidence"]
    assert confidence.values.tolist() == [0.1, 0.2, 0.0]
    assert confidence.missing.tolist() == [False, False, True]


def test_every_problem_of_every_record_is_told(tmp_path: Path) -> None:
    bad = '{"item": [1], "label": "ok", "confidence": 7, "round": 1.5, "labelled_at": "soon"}'
    table = read_as(tmp_path, f"{GOOD}\n{bad}\n{GOOD}\n{bad}\n{{", "ndjson")
    found = [(problem.line, problem.code.value) for problem in table.problems]
    of_one = ["type", "out_of_range", "not_an_integer", "date_format"]
    assert found == [(line, code) for line in (2, 4) for code in of_one] + [(5, "jsonl_parse")]
    assert table.problem_rows.tolist() == [1, 3, 4]
    assert texts(table.without_problem_rows(), "item") == ["i1", "i1"]


def test_more_columns_than_allowed_are_refused(tmp_path: Path) -> None:
    record = {"item": "i", "label": "x"} | {f"k{number}": "v" for number in range(20)}
    limits = Limits(max_columns=10)
    table = read_as(tmp_path, json.dumps(record), "ndjson", limits=limits)
    assert [problem.code.value for problem in table.problems] == ["too_many_columns"]


def test_a_large_array_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    table = read_as(tmp_path, f"[{GOOD}]", "json", limits=Limits(max_json=10))
    assert [problem.code.value for problem in table.problems] == ["file_too_large"]
    assert not table.complete
