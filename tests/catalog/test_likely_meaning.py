"""What a file, a line or a value was probably meant to be, said beside what is wrong with it."""

from __future__ import annotations

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Trust

HEAD = "item,annotator,label"
ROW = "i1,ann,cat"
TIMED = f"{HEAD},labelled_at\n{ROW}"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    alice.post(f"{path}questions/", {"name": "score", "scale": "interval"})
    alice.post(f"{path}questions/", {"name": "tags", "scale": "set", "values": ["a", "b"]})
    return path


# body, question, code, words of message and hint
FILES: dict[str, tuple[str | bytes, str, str, str]] = {
    "a comment first": (f"# of May\n{HEAD}\n{ROW}\n", "pet", "header_missing_column", "a comment"),
    "row names of R": (
        f'"",{HEAD}\n"1",{ROW}\n',
        "pet",
        "header_empty_column",
        "row.names = FALSE",
    ),
    "doccano's CSV": (
        "id,text,label\n1,good,cat\n",
        "pet",
        "header_missing_column",
        "send format=doccano with annotator=",
    ),
    "a batch of Mechanical Turk": (
        "HITId,WorkerId,Input.id,Answer.pet\nh,w,i1,cat\n",
        "pet",
        "header_missing_column",
        '"annotator": "WorkerId"',
    ),
    "a comment later": (f"{HEAD}\n# note\n{ROW}\n", "pet", "row_length", "comment are not read"),
    "no header": (f"{ROW}\n{ROW}\n", "pet", "header_missing_column", "add the line that names"),
    "a title": (f"My labels\n{HEAD}\n{ROW}\n", "pet", "header_missing_column", "remove it"),
    "pretty JSON": ('{\n  "error": "no"\n}', "pet", "header_missing_column", "format=json"),
    "single quotes": ("'item','label'\n", "pet", "header_missing_column", "double quotes"),
    "a delimiter too many": (f"{HEAD}\n{ROW},\n", "pet", "row_length", "spare delimiter"),
    "pandas' labels": (
        f"__index_level_0__,{HEAD}\n0,{ROW}\n",
        "pet",
        "header_unknown_column",
        "index=False",
    ),
    "Windows-1252": (
        f"{HEAD}\ni1,Jos\xe9,cat\n".encode("cp1252"),
        "pet",
        "invalid_utf8",
        "In Windows-1252 it is 'Jos\xe9'",
    ),
    "a filler": (f"{HEAD}\n\u3164,ann,cat\n", "pet", "control_character", "\\u3164"),
    "a selector": (f"{HEAD}\ni\ufe0f,ann,cat\n", "pet", "control_character", "\\ufe0f"),
    "too large": (f"{HEAD}\ni1,ann,1e400\n", "score", "unknown_label", "too large for a 64-bit"),
    "a typeset minus": (f"{HEAD}\ni1,ann,\u22123\n", "score", "unknown_label", "Write -3"),
    "thousands": (f"{HEAD}\ni1,ann,1 000\n", "score", "unknown_label", "Write 1000"),
    "a percentage": (f"{HEAD}\ni1,ann,5%\n", "score", "unknown_label", "without the sign"),
    "a comma": (f'{HEAD}\ni1,ann,"1,5"\n', "score", "unknown_label", "Send decimal=,"),
    "no number": (f"{HEAD}\ni1,ann,NaN\n", "score", "unknown_label", "missing_codes: NaN"),
    "a zone": (f"{TIMED},2024-01-01T10:00:00 CET\n", "pet", "date_format", "as an offset"),
    "a zone by name": (f"{TIMED},2024-01-01 10:00[Asia/Tokyo]\n", "pet", "date_format", "offset"),
    "small letters": (f"{TIMED},2024-01-01t10:00:00z\n", "pet", "date_format", "as capitals"),
    "a comma of seconds": (
        f'{TIMED},"2024-01-01T10:00:00,5Z"\n',
        "pet",
        "date_format",
        "after a point",
    ),
    "slashes": (f"{TIMED},2024/01/31 10:00\n", "pet", "date_format", "with hyphens"),
    "a month in letters": (f'{TIMED},"Jan 5, 2024"\n', "pet", "date_format", "as a number"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_problem_says_what_was_probably_meant(alice: Trust, pets: str, name: str) -> None:
    body, question, code, words = FILES[name]
    upload = alice.upload(pets, "labels", body, question=question)
    said = [f"{p['message']} {p['hint']}" for p in upload["problems"] if p["code"] == code]
    assert any(words in text for text in said), upload


RECORD = '{"item": "i1", "annotator": "ann", "label": "cat"}'
NDJSON, JSON = "application/x-ndjson", "application/json"

# body, media type, words of message and hint
RECORDS = {
    "a cut line": (f'{RECORD}\n{{"item": "i2", "ann', NDJSON, "cut off"),
    "two on a line": (f"{RECORD}{RECORD}\n", NDJSON, "Two records stand on one line"),
    "a joined file": (f"{RECORD}\n\ufeff{RECORD}\n", NDJSON, "files were joined"),
    "pandas' columns": (
        '[{"item": {"0": "i1"}, "annotator": "a", "label": "cat"}]',
        JSON,
        "records",
    ),
    "COCO": ('{"images": [], "annotations": [], "categories": []}', JSON, "COCO's boxes"),
    "a list under a key": (f'{{"rows": [{RECORD}]}}', JSON, "send that list alone"),
    "Labelbox": ('{"data_row": {"id": "c"}, "projects": {}}', NDJSON, "Labelbox wrote this file"),
    "pandas' split": ('[{"columns": ["item"], "data": [["i1"]]}]', JSON, "orient='records'"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_says_what_was_probably_meant(alice: Trust, pets: str, name: str) -> None:
    body, media_type, words = RECORDS[name]
    upload = alice.upload(pets, "labels", body, content_type=media_type, question="pet")
    assert any(words in f"{p['message']} {p['hint']}" for p in upload["problems"]), upload


def test_a_table_of_toloka_is_read_in_the_way_that_its_refusal_tells(
    alice: Trust, pets: str
) -> None:
    body = "INPUT:image\tOUTPUT:pet\tHINT:text\tASSIGNMENT:worker_id\ni1\tcat\t\tw1\n"
    upload = alice.upload(pets, "labels", body, format="tsv", question="pet")
    assert "Toloka wrote this table" in upload["problems"][0]["hint"]
    said = {
        "format": "dices",
        "delimiter": "tab",
        "columns": '{"item": "INPUT:image", "annotator": "ASSIGNMENT:worker_id"}',
        "questions": '{"pet": "OUTPUT:pet"}',
        "ignore": "HINT:text",
    }
    stored = alice.upload(pets, "labels", body, **said)
    assert (stored["state"], stored["rows"]["stored"]) == ("stored", 1), stored


def test_an_object_is_no_set(alice: Trust, pets: str) -> None:
    body = '[{"item": "i1", "annotator": "ann", "label": {"a": 1}}]'
    upload = alice.upload(pets, "labels", body, content_type=JSON, question="tags")
    [problem] = upload["problems"]
    assert (problem["code"], problem["value"], problem["hint"]) == ("type", '{"a":1}', None)


def test_a_band_of_a_numeric_attribute_is_hinted_at(alice: Trust, pets: str) -> None:
    age = {"name": "age", "of": "item", "kind": "numeric", "bands": ["0-17", "18-64"]}
    alice.post(f"{pets}attributes/", age)
    [problem] = alice.upload(pets, "items", "item,age\ni1,18-65\n")["problems"]
    assert (problem["code"], problem["hint"]) == ("not_a_number", "Did you mean '18-64'?")


def zipped(member: str, text: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(member, text)
    return made.getvalue()


# body, media type, words
REFUSED = {
    "xlsx": (zipped("[Content_Types].xml"), "text/csv", "an Excel workbook"),
    "xlsx in gzip": (gzip.compress(zipped("xl/workbook.xml")), "text/csv", "an Excel workbook"),
    "ods": (zipped("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), "", "OpenOffice"),
    "zip": (zipped("labels.csv"), "text/csv", "unpack it"),
    "an error of a store": (b"<Error><Code>AccessDenied</Code></Error>", "text/csv", "error page"),
    "curl -d": (f"{HEAD}{ROW}".encode(), "application/x-www-form-urlencoded", "--data-binary"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_named(alice: Trust, pets: str, name: str) -> None:
    body, media_type, words = REFUSED[name]
    kind = media_type or "application/octet-stream"
    refused = alice.send(pets, "labels", body, expect=415, content_type=kind, question="pet")
    assert words in refused["detail"]


def parquet(**columns: pa.Array) -> bytes:
    made = io.BytesIO()
    names = {"item": pa.array(["i1", "i2"]), "annotator": pa.array(["ann", "ann"])}
    pq.write_table(pa.table({**names, **columns}), made)
    return made.getvalue()


def test_parquet_lists_are_sets_and_new_text_types_are_texts(alice: Trust, pets: str) -> None:
    lists = parquet(label=pa.array([["b", "a"], None]))
    sets = alice.upload(pets, "labels", lists, content_type=PARQUET, question="tags")
    assert (sets["state"], sets["rows"]["stored"]) == ("stored", 2)
    views = parquet(label=pa.array(["cat", "dog"]).cast(pa.string_view()))
    texts = alice.upload(pets, "labels", views, content_type=PARQUET, question="pet")
    assert (texts["state"], texts["rows"]["stored"]) == ("stored", 2)
    one = alice.upload(pets, "labels", lists, content_type=PARQUET, question="pet")
    assert [problem["code"] for problem in one["problems"]] == ["type"]
    told = alice.send(pets, "labels", views, expect=415, format="csv", question="pet")
    assert "send format=parquet" in told["detail"]


def test_a_dictionary_of_parquet_is_the_texts_that_it_stands_for(alice: Trust, pets: str) -> None:
    names = pa.DictionaryArray.from_arrays(
        pa.array([*range(128), None], pa.int8()), pa.array([f"i{k}" for k in range(128)])
    )
    numbers = pa.array([0.5] * 128 + [None]).dictionary_encode()
    columns = {"annotator": ["ann"] * 129, "label": ["cat"] * 129}
    made = io.BytesIO()
    pq.write_table(pa.table({"item": names, "confidence": numbers, **columns}), made)
    upload = alice.upload(
        pets, "labels", made.getvalue(), content_type=PARQUET, question="pet", on_error="skip"
    )
    assert [(p["line"], p["code"]) for p in upload["problems"]] == [(130, "value_missing")]
    assert upload["rows"]["stored"] == 128
    labels = alice.http.get(f"/api/v1/{pets}labels.csv").getvalue().decode()
    assert labels.count("cat,answered,1,,0.5,") == 128


def test_a_number_that_loses_digits_is_told(alice: Trust, pets: str) -> None:
    body = f"{HEAD}\ni1,ann,9007199254740993\ni2,ann,0.30000000000000004\ni3,ann,1e-400\n"
    upload = alice.upload(pets, "labels", body, question="score")
    [told] = [w for w in upload["warnings"] if w["code"] == "precision_truncated"]
    assert (upload["state"], told["count"]) == ("stored", 1)
    assert "9007199254740993, which is kept as 9007199254740992.0" in told["message"]


def test_selectors_stay_where_they_are_spelling(alice: Trust, pets: str) -> None:
    body = f"{HEAD}\n\u2764\ufe0f,ann,cat\n1\ufe0f\u20e3,ann,cat\n\u845b\ufe00,ann,dog\n"
    assert alice.upload(pets, "labels", body, question="pet")["state"] == "stored"
