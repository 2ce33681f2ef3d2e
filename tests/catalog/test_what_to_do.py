"""What a problem says: not only what is wrong, but what the value probably is and what to do.

One line of the table is one mistake that people or their programs make. The words must stand in
the message or in the hint of a problem with this code in this line.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Trust

HEAD = "item,annotator,label"
JSON, NDJSON = "application/json", "application/x-ndjson"
RECORD = '{"item": "i1", "annotator": "ann", "label": "cat"}'

# body, media type, line, code, words
FILES: dict[str, tuple[str | bytes, str, int, str, tuple[str, ...]]] = {
    "a soft hyphen": (
        f"{HEAD}\ni1,a\u00adnn,cat\n",
        "text/csv",
        2,
        "control_character",
        ("invisible", "\\xad"),
    ),
    "a joiner between Latin letters": (
        f"{HEAD}\ni1,a\u200dnn,cat\n",
        "text/csv",
        2,
        "control_character",
        ("\\u200d",),
    ),
    "a hidden tag": (
        f"{HEAD}\ni1,ann,cat\U000e0041\n",
        "text/csv",
        2,
        "control_character",
        ("\\U000e0041",),
    ),
    "a label of two lines": (
        f'{HEAD}\ni1,ann,"ca\nt"\n',
        "text/csv",
        2,
        "control_character",
        ("line end", "on one line"),
    ),
    "Latin-1": (
        f"{HEAD}\ni1,ann,caf".encode() + b"\xe9\n",
        "text/csv",
        2,
        "invalid_utf8",
        ("\\xe9", "byte 31 of the file"),
    ),
    "10,000 columns": (",".join(map(str, range(10_000))), "text/csv", 1, "too_many_columns", ()),
    "Excel's first line": (
        f"sep=;\n{HEAD.replace(',', ';')}\n",
        "text/csv",
        1,
        "header_missing_column",
        ("remove it", "delimiter="),
    ),
    "a pointer of Git LFS": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "text/csv",
        1,
        "header_missing_column",
        ("git lfs pull",),
    ),
    "pandas' row numbers": (
        f"Unnamed: 0,{HEAD}\n0,i1,ann,cat\n",
        "text/csv",
        1,
        "header_unknown_column",
        ("index=False", "ignore="),
    ),
    "a misspelled column": (
        f"{HEAD},confidance\ni1,ann,cat,1\n",
        "text/csv",
        1,
        "header_unknown_column",
        ("Did you mean 'confidence'?",),
    ),
    "two columns of one meaning": (
        "item,item_id,annotator,label\ni1,i1,ann,cat\n",
        "text/csv",
        1,
        "header_duplicate_column",
        ("'item' and 'item_id' both mean item",),
    ),
    "a row of one field": (f"{HEAD}\n(1 row)\n", "text/csv", 2, "row_length", ("1 field and",)),
    "JSON said to be CSV": (f"[{RECORD}]", "text/csv", 1, "bad_quote", ("format=json",)),
    "CSV said to be JSON": (f"{HEAD}\ni1,ann,cat\n", JSON, 1, "json_parse", ("format=csv",)),
    "CSV said to be NDJSON": (f"{HEAD}\ni1,ann,cat\n", NDJSON, 1, "jsonl_parse", ("format=csv",)),
    "a cut array": (f'[{RECORD},{{"item": "i2"', JSON, 2, "json_parse", ("cut off",)),
    "Python's quotes": ("[{'item': 'i1'}]", JSON, 1, "json_parse", ("json.dump()",)),
    "a comma at the end of a line": (
        f"{RECORD},\n{RECORD}\n",
        NDJSON,
        1,
        "jsonl_parse",
        ("Remove the comma",),
    ),
    "rows under a key": (
        f'{{"data": [{RECORD}]}}',
        JSON,
        1,
        "header_missing_column",
        ("send that list alone",),
    ),
    "a list for one value": (
        '[{"item": "i1", "annotator": "ann", "label": ["cat"]}]',
        JSON,
        1,
        "type",
        ("where a category is expected", "scale as set"),
    ),
    "a value that is no value": (
        f"{HEAD}\ni1,ann,Cat\n",
        "text/csv",
        2,
        "unknown_label",
        ("Did you mean 'cat'?", "add it to the question's values"),
    ),
}


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def test_a_file_is_told_what_it_is(alice: Trust, pets: str) -> None:
    for name, (body, media_type, line, code, words) in FILES.items():
        upload = alice.upload(pets, "labels", body, content_type=media_type)
        said = [
            f"{p['message']} {p['hint']}"
            for p in upload["problems"]
            if (p["line"], p["code"]) == (line, code)
        ]
        assert any(all(word in text for word in words) for text in said), (name, upload)


# column, value, code, words
FIELDS = [
    ("round", "first", "not_a_number", "write it like 3, or leave it empty"),
    ("confidence", "\u22120.5", "not_a_number", "Write -0.5"),
    ("duration_ms", "1\u202f000", "not_a_number", "Write 1000"),
    ("confidence", "1.1", "out_of_range", "outside [0, 1]"),
    ("labelled_at", "2026-01-31", "date_format", "T00:00:00Z"),
    ("labelled_at", "20260131T093000Z", "date_format", "separators"),
    ("labelled_at", "31/01/2026 09:30", "date_format", "the year first"),
    ("labelled_at", "2026-1-31T9:30:00Z", "date_format", "two digits"),
    ("labelled_at", "46000.5", "date_format", "spreadsheet"),
    ("labelled_at", "1770000000", "date_format", "2026-02-02T02:40:00Z"),
    ("labelled_at", "1770000000000", "date_format", "2026-02-02T02:40:00Z"),
    ("labelled_at", "2026-01-31T24:00:00Z", "date_invalid", "00:00 of the next"),
    ("labelled_at", "2016-12-31T23:59:60Z", "date_invalid", "second 59"),
]


def test_a_field_is_told_what_to_write(alice: Trust, pets: str) -> None:
    for column, value, code, words in FIELDS:
        body = f"{HEAD},{column}\ni1,ann,cat,{value}\n"
        [problem] = alice.upload(pets, "labels", body)["problems"]
        assert (problem["line"], problem["column"], problem["code"]) == (2, column, code)
        assert words in f"{problem['message']} {problem['hint']}", problem
    # No percentage: 1.1 is more likely a slip, or a score.
    body = f"{HEAD},confidence\ni1,ann,cat,1.1\n"
    assert alice.upload(pets, "labels", body)["problems"][0]["hint"] is None


def test_joiners_and_tags_are_letters_where_they_belong(alice: Trust, pets: str) -> None:
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    body = f"{HEAD}\nمی\u200cخواهم,ann,cat\n👩\u200d🚀,ann,cat\n{flag},ann,cat\n"
    assert alice.upload(pets, "labels", body)["state"] == "stored"


def test_an_offset_may_be_written_as_databases_write_it(alice: Trust, pets: str) -> None:
    time = "2026-01-31 09:30:00.5"
    body = f"{HEAD},labelled_at\ni1,ann,cat,{time}+01\ni2,ann,cat,{time}+0100\n"
    assert alice.upload(pets, "labels", body)["state"] == "stored"
    stored = alice.http.get(f"/api/v1/{pets}labels.csv").getvalue().decode()
    assert stored.count("2026-01-31T08:30:00.500000Z") == 2


def tags(alice: Trust, path: str, body: str, media_type: str) -> Any:
    return alice.upload(path, "labels", body, content_type=media_type, question="tags")


def test_a_set_may_be_a_list_of_json_and_its_wrong_member_is_named(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}questions/", {"name": "tags", "scale": "set", "values": ["a", "b"]})
    rows = '{"item": "i%d", "annotator": "ann", "label": %s}\n'
    good = rows % (1, '["b", "a"]') + rows % (2, "[]") + rows % (3, "null")
    assert tags(alice, pets, good, NDJSON)["rows"]["stored"] == 3
    found = tags(alice, pets, rows % (1, '["a", "z"]') + rows % (2, '["a", 1]'), NDJSON)
    assert [p["line"] for p in found["problems"]] == [1, 2]
    assert "'z' is not a value" in found["problems"][0]["message"]
    assert "JSON list of texts" in found["problems"][1]["message"]


def test_of_two_rows_that_contradict_the_status_is_told(alice: Trust, pets: str) -> None:
    body = f"{HEAD},status\ni1,ann,cat,answered\ni1,ann,,skipped\n"
    [problem] = alice.upload(pets, "labels", body)["problems"]
    assert "as 'cat'; this row says skipped" in problem["message"]


@pytest.mark.parametrize(
    ("kind", "body", "line", "column", "code", "words"),
    [
        (
            "items",
            "item,site\ni1,A\ni1,B\n",
            3,
            "item",
            "conflicting_rows",
            "site is 'A' and here 'B'",
        ),
        ("items", "item,site\ni1,A\ni1,A\n", 3, "item", "duplicate_row", "stands in line 2"),
        (
            "reference-labels",
            "item,label\ni1,cat\ni1,dog\n",
            3,
            "item",
            "conflicting_rows",
            "'cat'",
        ),
        (
            "annotators",
            f"{HEAD}\ni1,ann,cat\n",
            1,
            "item",
            "header_unknown_column",
            "goes to uploads/labels/",
        ),
        (
            "items",
            "item,contact\ni1,a@b.org\ni2,c@d.org\n",
            1,
            "contact",
            "direct_identifier",
            "e-mail",
        ),
        (
            "items",
            "item,seen_from\ni1,10.0.0.1\n",
            1,
            "seen_from",
            "direct_identifier",
            "computers",
        ),
    ],
)
def test_rows_and_columns_that_cannot_be_meant(
    alice: Trust,
    pets: str,
    kind: str,
    body: str,
    line: int,
    column: str,
    code: str,
    words: str,
) -> None:
    problem = alice.upload(pets, kind, body)["problems"][0]
    assert (problem["line"], problem["column"], problem["code"]) == (line, column, code)
    assert words in problem["message"]


def test_a_piece_of_a_file_and_a_wrong_packing_are_refused(alice: Trust, pets: str) -> None:
    body = f"{HEAD}\ni1,ann,cat\n"
    piece = {"Content-Range": "bytes 0-9/100"}
    assert alice.send(pets, "labels", body, expect=400, headers=piece)["code"] == (
        "incomplete_upload"
    )
    packed = {"Content-Encoding": "gzip"}
    assert "is not gzip" in alice.send(pets, "labels", body, expect=415, headers=packed)["detail"]
    assert "state must be one of" in alice.get(f"{pets}uploads/", expect=400, state="x")["detail"]
    for head in (b"\x04\x22\x4d\x18", b"\x1f\x9d\x90", b"labels.csv" + b"\0" * 247 + b"ustar"):
        alice.send(pets, "labels", head + b"\0" * 30, expect=415)


def test_annotators_with_names_that_look_alike_are_told_and_kept_apart(
    alice: Trust, pets: str
) -> None:
    first = alice.upload(pets, "labels", f"{HEAD}\ni1,Ann,cat\ni1,w10,cat\ni1,w11,cat\n")
    assert "names_alike" not in [notice["code"] for notice in first["warnings"]]
    again = alice.upload(pets, "labels", f"{HEAD}\ni1,ann,cat\ni1,\u0410nn,cat\ni2,w12,cat\n")
    assert again["state"] == "stored"
    [told] = [notice for notice in again["warnings"] if notice["code"] == "names_alike"]
    assert (told["count"], "'Ann' and 'ann' and '\u0410nn'" in told["message"]) == (1, True)
