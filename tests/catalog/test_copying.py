"""Bulk transport into PostgreSQL: what comes out is what went in."""

from __future__ import annotations

import uuid

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection

from catalog.ingest import copying
from catalog.ingest.copying import Column, constant, copy_in

N = 50
UPLOAD = uuid.uuid4()


@pytest.mark.django_db
@pytest.mark.parametrize("block", [7, 8192])
@pytest.mark.parametrize("with_text", [False, True])
def test_rows_arrive_whatever_is_missing_and_however_many_go_at_once(
    monkeypatch: pytest.MonkeyPatch, block: int, *, with_text: bool
) -> None:
    monkeypatch.setattr(copying, "_BLOCK_ROWS", block)
    rng = np.random.default_rng(3)
    rows = rng.permutation(N)[:40]
    number, code = rng.normal(size=N), rng.integers(-5, 5, N)
    no_number, no_code = rng.random(N) < 0.4, rng.random(N) < 0.4
    time = rng.integers(0, 10**15, N)
    text = [f'"{i}\u00e9", ' * (i % 4) if i % 3 else None for i in range(N)]
    said = [None if i % 7 == 0 else f'{{"n": {i}}}' for i in range(N)]
    columns = [
        Column("id", "int8", np.arange(N), rows=rows),
        Column("number", "float8", number, no_number, rows),
        Column("code", "int4", code, no_code, rows),
        Column("at", "timestamptz", time, rows=rows),
        Column("upload", "uuid", constant(UPLOAD.bytes, N, "S16"), rows=rows),
        Column("nothing", "int2", constant(1, N), np.ones(N, bool), rows),
    ]
    if with_text:
        columns.insert(1, Column("text", "text", pa.array(text).dictionary_encode(), rows=rows))
        columns.append(Column("said", "jsonb", pa.array(said), rows=rows))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (id bigint, number float8, code int, at timestamptz, "
            "upload uuid, nothing smallint, text text, said jsonb)"
        )
        assert copy_in("arriving", columns) == len(rows)
        cursor.execute(
            "SELECT id, number, code, (extract(epoch FROM at) * 1000000)::bigint, upload, nothing, "
            "text, said::text FROM arriving ORDER BY id"
        )
        found = cursor.fetchall()
    assert found == [
        (
            i,
            None if no_number[i] else number[i],
            None if no_code[i] else code[i],
            time[i],
            UPLOAD,
            None,
            text[i] if with_text else None,
            said[i] if with_text else None,
        )
        for i in sorted(rows.tolist())
    ]


@pytest.mark.django_db
def test_vectors_and_nothing_at_all_arrive_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_BLOCK_ROWS", 2)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE arriving (id bigint, p float8[])")
        vectors = np.arange(15.0).reshape(5, 3)
        columns = [Column("id", "int8", np.arange(5)), Column("p", "float8[]", vectors)]
        assert copy_in("arriving", columns) == 5
        empty = [Column("id", "int8", np.arange(5), rows=np.empty(0, np.intp))]
        assert copy_in("arriving", empty) == 0
        cursor.execute("SELECT p FROM arriving ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == vectors.tolist()
