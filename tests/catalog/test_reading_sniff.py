"""What is refused at the door, by its first bytes, media type or name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from catalog.reading import Problem, Sniffed, sniff

CSV = b"item,label\ni1,x\n"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    return file.getvalue()


def arrow() -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_file(file, pa.schema([("a", pa.int64())])):
        pass
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "media_type", "name"),
    [
        pytest.param(zipped(), "text/csv", "labels.xlsx", id="ARCHIVE-07"),
        pytest.param(CSV, "text/csv", "labels.xlsx", id="ARCHIVE-08 renamed to xlsx"),
        pytest.param(zipped(), "text/csv", "labels.csv", id="ARCHIVE-08 renamed to csv"),
        pytest.param(arrow(), None, "labels.csv", id="ARCHIVE-10 Arrow IPC"),
        pytest.param(bz2.compress(CSV), "text/csv", "labels.csv", id="ARCHIVE-11 bz2"),
        pytest.param(lzma.compress(CSV), "text/csv", None, id="ARCHIVE-11 xz"),
        pytest.param(b"\x28\xb5\x2f\xfd\x00", "text/csv", None, id="ARCHIVE-11 zstd"),
        pytest.param(b"\x1b\x2d\x00", "text/csv", "labels.csv.br", id="ARCHIVE-11 br"),
        pytest.param(pickle.dumps([1]), None, "model.csv", id="PREDICTION-14 pickle"),
        pytest.param(npy(), None, None, id="PREDICTION-14 npy"),
        pytest.param(b"<!DOCTYPE html><html>", "text/csv", None, id="TRANSPORT-13 content"),
        pytest.param(CSV, "text/html", None, id="TRANSPORT-13 media type"),
        pytest.param(CSV, "multipart/form-data; boundary=x", None, id="a form"),
        pytest.param(CSV, "application/vnd.apache.parquet", None, id="no Parquet"),
        pytest.param(CSV, "text/csv", "labels.csv.gz", id="no gzip"),
        pytest.param(gzip.compress(zipped()), "text/csv", None, id="zip in gzip"),
    ],
)
def test_what_is_not_read_is_refused(head: bytes, media_type: str | None, name: str | None) -> None:
    answer = sniff(head, media_type, name)
    assert isinstance(answer, Problem)
    assert answer.code == "unsupported_media_type"
    assert "CSV in UTF-8" in answer.message


@pytest.mark.parametrize(
    ("head", "media_type", "name", "expected"),
    [
        (CSV, "text/csv; charset=UTF-8", "a.csv", Sniffed("csv")),
        (CSV, None, None, Sniffed("csv")),
        (CSV, "text/csv", "my.labels.final", Sniffed("csv")),
        (b"", "text/csv", None, Sniffed("csv")),
        (CSV, "application/octet-stream", "A.TSV", Sniffed("tsv")),
        (CSV, "text/tab-separated-values", None, Sniffed("tsv")),
        (b'\xef\xbb\xbf{"a": 1}', None, None, Sniffed("ndjson")),
        (b' [{"a": 1}]', None, None, Sniffed("json")),
        (b'[{"a": 1}]', "application/json", None, Sniffed("json")),
        (b'{"a": 1}\n{"a": 2}', "application/json", None, Sniffed("ndjson")),
        (b'{"a": 1}', "application/x-ndjson", None, Sniffed("ndjson")),
        (gzip.compress(CSV), "application/gzip", "a.tsv.gz", Sniffed("tsv", "gzip")),
        (gzip.compress(b'{"a": 1}'), None, "a.jsonl.gz", Sniffed("ndjson", "gzip")),
        (gzip.compress(CSV * 9999)[:64], "text/csv", None, Sniffed("csv", "gzip")),
        (b"PAR1\x15\x04", "application/vnd.apache.parquet", None, Sniffed("parquet")),
        (b"PAR1\x15\x04", None, "x", Sniffed("parquet")),
    ],
)
def test_the_format_follows_from_bytes_then_type_then_name(
    head: bytes, media_type: str | None, name: str | None, expected: Sniffed
) -> None:
    assert sniff(head, media_type, name) == expected


@pytest.mark.parametrize(
    ("head", "media_type", "code"),
    [
        (CSV, "application/json; charset=utf-16", "encoding_not_utf8"),
        (CSV.decode().encode("utf-16"), "text/csv", "encoding_not_utf8"),
        (CSV.decode().encode("utf-16-le"), "text/csv", "encoding_not_utf8"),
        (CSV.decode().encode("utf-16-be"), "text/csv", "encoding_not_utf8"),
        (CSV.decode().encode("utf-32"), "text/csv", "encoding_not_utf8"),
        (b"\x1f\x8bnonsense", "text/csv", "corrupt_gzip"),
    ],
)
def test_other_encodings_are_named(head: bytes, media_type: str, code: str) -> None:
    answer = sniff(head, media_type, None)
    assert isinstance(answer, Problem)
    assert answer.code == code


@pytest.mark.parametrize(
    "name", ["../../x.csv", "con.csv", "x" * 300 + ".csv", "a\0b.csv", "\r\n.csv"]
)
def test_a_hostile_name_is_inert(name: str) -> None:
    assert sniff(CSV, None, name) == Sniffed("csv")
