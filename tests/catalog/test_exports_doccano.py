"""doccano: one annotator's JSONL, or the zip whose members are called like the annotators."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.reading import Export, Layout, Limits, Options, read
from tests.catalog.export_rows import COLUMNS, codes, read_export, rows, told

SAID: dict[str, Any] = {"subject": "mood"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doccano") / "upload"


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def record(number: int, *label: Any) -> dict[str, Any]:
    return {"id": number, "text": "a sentence", "label": list(label)}


def packed(members: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def test_the_annotator_of_a_single_file_is_asked_for(file: Path) -> None:
    body = lines(record(1, "glad"), record(2))
    asked = read_export(file, "doccano", body, **SAID)
    assert codes(asked) == ["annotator_unstated"] * 2
    table = read_export(file, "doccano", body, annotator="ann", **SAID)
    assert rows(table, "item", "annotator", "question", "label", "status") == [
        (1, "1", "ann", "mood", "glad", "answered"),
        (2, "2", "ann", "mood", "", "empty"),
    ]


def test_the_members_of_a_zip_name_the_annotators(file: Path) -> None:
    body = packed(
        {
            "ann.jsonl": lines(record(1, "glad"), record(2, "sad")),
            "bo.b.jsonl": "\ufeff" + lines(record(1, "sad")) + "\n",
            "zoë.jsonl": lines(record(1, "sad")).removesuffix("\n"),
            "idle.jsonl": "",
        }
    )
    table = read_export(file, "doccano", body, compression="zip", **SAID)
    assert rows(table, "item", "annotator", "label") == [
        (1, "1", "ann", "glad"),
        (2, "2", "ann", "sad"),
        (3, "1", "bo.b", "sad"),
        (5, "1", "zoë", "sad"),
    ]
    counted = told(table)["lines_counted_through"][0]
    assert "ann.jsonl at line 1; bo.b.jsonl at line 3; zoë.jsonl at line 5" in counted


def test_a_merged_export_names_nobody_and_is_asked_about(file: Path) -> None:
    body = packed({"all.jsonl": lines(record(1, "glad"))})
    assert codes(read_export(file, "doccano", body, compression="zip", **SAID)) == [
        "annotator_unstated"
    ]
    table = read_export(file, "doccano", body, compression="zip", annotator="team", **SAID)
    assert rows(table, "annotator") == [(1, "team")]


def test_several_labels_are_a_set_where_the_question_takes_one(file: Path) -> None:
    body = lines(record(1, "b", "a"))
    said = {"annotator": "ann", **SAID}
    assert codes(read_export(file, "doccano", body, **said)) == ["several_answers"]
    table = read_export(file, "doccano", body, sets=("mood",), **said)
    assert rows(table, "label") == [(1, '["a", "b"]')]


@pytest.mark.parametrize(
    ("found", "code", "value"),
    [
        ({"id": 1, "text": "x", "label": [[0, 1, "ORG"]]}, "region_type", "spans"),
        ({"id": 1, "text": "x", "entities": [], "relations": []}, "region_type", "entities"),
        ({"id": 1, "filename": "x.png", "bbox": [{"x": 1}]}, "region_type", "bbox"),
        ({"id": 1, "entities": [], "cats": ["greet"]}, "region_type", "entities"),
        ({"id": 1, "text": "x"}, "export_shape", None),
        ({"text": "x", "label": ["a"]}, "value_missing", None),
        ([1], "export_shape", "[1]"),
    ],
)
def test_answers_that_are_no_classes_are_refused_by_name(
    found: Any, code: str, value: str | None, file: Path
) -> None:
    body = lines(record(9, "glad"), found)
    table = read_export(file, "doccano", body, annotator="ann", **SAID)
    assert [(p.line, p.code.value, p.value) for p in table.problems] == [(2, code, value)]


def test_intents_are_read_where_the_slots_are_left_out(file: Path) -> None:
    body = lines({"id": 1, "text": "x", "entities": [], "cats": ["greet"]})
    said = {"annotator": "ann", "ignore": ("entities",), **SAID}
    assert rows(read_export(file, "doccano", body, **said), "label") == [(1, "greet")]


@pytest.mark.parametrize(
    "name",
    ["../ann.jsonl", "/etc/ann.jsonl", "a\\b.jsonl", "c:ann.jsonl", ".jsonl", "ann.csv", "d/"],
)
def test_members_that_are_no_plain_names_are_refused(name: str, file: Path) -> None:
    body = packed({"bo.jsonl": lines(record(1, "glad")), name: lines(record(1, "sad"))})
    table = read_export(file, "doccano", body, compression="zip", **SAID)
    assert codes(table) == ["zip_member"]
    assert not table.complete


def test_damaged_archives_are_refused(file: Path) -> None:
    good = packed({"ann.jsonl": lines(*(record(k, "glad") for k in range(50)))})
    for cut in (good[:-30], good[: len(good) // 2], b"PK\x03\x04" + b"\0" * 60):
        assert codes(read_export(file, "doccano", cut, compression="zip", **SAID)) == [
            "corrupt_zip"
        ]
    spoilt = bytearray(good)
    spoilt[60] ^= 0xFF
    spoilt_codes = codes(read_export(file, "doccano", bytes(spoilt), compression="zip", **SAID))
    assert "corrupt_zip" in spoilt_codes or "jsonl_parse" in spoilt_codes
    encrypted = bytearray(good)
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = encrypted.find(mark) + (6 if mark == b"PK\x03\x04" else 8)
        encrypted[place : place + 2] = struct.pack("<H", 1)
    assert codes(read_export(file, "doccano", bytes(encrypted), compression="zip", **SAID)) == [
        "zip_member"
    ]


def test_archives_that_expand_too_far_are_refused_unread(file: Path) -> None:
    bomb = packed({"ann.jsonl": "\n" * (8 << 20)})
    assert len(bomb) < 20_000
    assert codes(read_export(file, "doccano", bomb, compression="zip", **SAID)) == [
        "decompressed_too_large"
    ]
    file.write_bytes(packed({f"a{k}.jsonl": lines(record(1, "x")) for k in range(3)}))
    options = Options(
        format="doccano", compression="zip", limits=Limits(max_bytes=100), export=Export(**SAID)
    )
    assert codes(read(file, Layout(COLUMNS), options)) == ["decompressed_too_large"]
    many = packed({f"a{k}.jsonl": "" for k in range(1_001)}, zipfile.ZIP_STORED)
    assert codes(read_export(file, "doccano", many, compression="zip", **SAID)) == ["zip_member"]


def test_a_size_that_lies_is_found_out(file: Path) -> None:
    body = bytearray(packed({"ann.jsonl": lines(*(record(k, "glad") for k in range(500)))}))
    central = body.find(b"PK\x01\x02")
    body[central + 24 : central + 28] = struct.pack("<I", 40)
    table = read_export(file, "doccano", bytes(body), compression="zip", **SAID)
    assert not table.complete
    assert codes(table)[-1] == "corrupt_zip"


def test_lines_of_problems_go_on_through_the_members(file: Path) -> None:
    body = packed({"ann.jsonl": lines(record(1, "glad")), "bo.jsonl": '{"id": 2,\n{"id": 3\n'})
    table = read_export(file, "doccano", body, compression="zip", **SAID)
    assert [(p.line, p.code.value) for p in table.problems] == [
        (2, "jsonl_parse"),
        (3, "jsonl_parse"),
    ]


LABELS = st.dictionaries(
    st.tuples(st.integers(0, 50), st.text(st.sampled_from("abé_-.é1"), min_size=1, max_size=6)),
    st.text(st.sampled_from('ab|[",é 7'), min_size=1, max_size=6).map(lambda t: f"x{t}x"),
    min_size=1,
).filter(lambda labels: not any(who.startswith(".") for _, who in labels))


@given(labels=LABELS)
@settings(max_examples=60)
def test_long_rows_written_as_a_zip_are_read_back(
    labels: dict[tuple[int, str], str], file: Path
) -> None:
    by_person: dict[str, list[dict[str, Any]]] = {}
    for (item, who), label in labels.items():
        by_person.setdefault(who, []).append(record(item, label))
    body = packed({f"{who}.jsonl": lines(*found) for who, found in by_person.items()})
    table = read_export(file, "doccano", body, compression="zip", **SAID)
    found = rows(table, "item", "annotator", "label")
    assert {(int(item), who): label for _, item, who, label in found} == labels
    assert [line for line, *_ in found] == list(range(1, len(labels) + 1))


def test_annotations_with_their_users_name_the_annotators(file: Path) -> None:
    body = lines(
        {"id": 1, "text": "x", "annotations": [{"label": 2, "user": 7}, {"label": 3, "user": 8}]},
        {"id": 2, "text": "x", "annotations": [{"label": 2, "user": 7}], "meta": {}},
    )
    table = read_export(file, "doccano", body, subject="mood")
    assert rows(table, "item", "annotator", "label") == [
        (1, "1", "7", "2"),
        (1, "1", "8", "3"),
        (2, "2", "7", "2"),
    ]
    spans = lines({"id": 1, "annotations": [{"label": 2, "user": 7, "start_offset": 0}]})
    assert "region_type" in codes(read_export(file, "doccano", spans, subject="mood"))


def test_records_that_nobody_labelled_are_left_out_of_a_zip(file: Path) -> None:
    members = {"ann.jsonl": lines(record(1, "glad")), "unknown.jsonl": lines(record(2))}
    table = read_export(file, "doccano", packed(members), compression="zip", subject="mood")
    assert rows(table, "item", "annotator") == [(1, "1", "ann")]
    assert "which nobody has labelled" in told(table)["left_out"][0]


def test_an_array_of_records_is_read_like_lines(file: Path) -> None:
    body = [record(1, "glad"), record(2, "sad")]
    table = read_export(file, "doccano", body, subject="mood", annotator="ann")
    assert rows(table, "label") == [(1, "glad"), (2, "sad")]
