"""A file can break only the child process that reads it."""

from __future__ import annotations

import gzip
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ingest.numbering import as_arrow
from catalog.reading import (
    Column,
    Kind,
    Layout,
    Limits,
    Options,
    Table,
    TextColumn,
    read,
    read_in_child,
    tables,
)
from catalog.reading.child import Server, close_servers
from catalog.reading.tables import Texts
from catalog.reading.wire import write_request

MIB = 1 << 20
LAYOUT = Layout(
    (
        Column("item", Kind.IDENTIFIER, required=True),
        Column("label", Kind.CATEGORY, required=True),
        Column("confidence", Kind.NUMBER, low=0, high=1),
        Column("labelled_at", Kind.TIME),
    ),
    extra=Column("extra", Kind.CATEGORY, aliases=("other",), missing_codes=frozenset({"-9"})),
    mapping={"item": "image"},
)
PARQUET = Options(format="parquet")
BROAD = {"memory_limit": 512 * MIB, "time_limit": 60}


def assert_same(left: Table, right: Table) -> None:
    assert (left.n_rows, left.header, left.n_problems) == (
        right.n_rows,
        right.header,
        right.n_problems,
    )
    assert (left.problems, left.notices, left.complete) == (
        right.problems,
        right.notices,
        right.complete,
    )
    np.testing.assert_array_equal(left.line, right.line)
    np.testing.assert_array_equal(left.problem_rows, right.problem_rows)
    assert list(left.columns) == list(right.columns)
    for name, column in left.columns.items():
        other = right.columns[name]
        assert type(column) is type(other)
        np.testing.assert_array_equal(column.missing, other.missing)
        if hasattr(column, "codes"):
            np.testing.assert_array_equal(column.codes, other.codes)
            assert (column.values, column.spellings) == (other.values, other.spellings)
        else:
            np.testing.assert_array_equal(column.values, other.values)


def codes(table: Table) -> list[str]:
    return [problem.code.value for problem in table.problems]


def test_the_child_answers_what_reading_here_answers(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    lines = ["image,Label,confidence,labelled_at,site"]
    lines += [f"i{k},cat,0.{k},2026-01-31T09:30:00.123456789Z,Lyon" for k in range(1, 9)]
    lines += ["é,dog,95,never,", "e\u0301,dog,,,", ' x,"a\nb",nan,,']
    path.write_text("\n".join(lines), encoding="utf-8")
    here = read(path, LAYOUT, Options())
    there = read_in_child(path, LAYOUT, Options(), **BROAD)
    assert here.n_problems == 5
    assert here.columns["item"].spellings
    assert_same(there, here)
    assert_same(there.without_problem_rows(), here.without_problem_rows())


def test_parquet_keeps_values_what_they_are(tmp_path: Path) -> None:
    table = pa.table(
        {
            "image": pa.array([7, 2**63 - 1, None], pa.int64()).cast(pa.int64()),
            "label": pa.array(["007", "NA", "x"]).dictionary_encode(),
            "confidence": pa.array([0.1, None, 1.0]),
            "labelled_at": pa.array([0, 1_500_000_001, None], pa.timestamp("ns", "Europe/Paris")),
            "smoker": pa.array([True, False, None]),
            "sex": pa.array(["F", None, "F"]).dictionary_encode(),
        }
    )
    path = tmp_path / "upload"
    pq.write_table(table, path)
    answer = read_in_child(path, LAYOUT, PARQUET, **BROAD)
    assert [(p.code.value, p.line) for p in answer.problems] == [("value_missing", 4)]
    assert answer.columns["item"].values == ["7", "9223372036854775807"]
    assert answer.columns["label"].values == ["007", "NA", "x"]
    assert answer.columns["confidence"].values.tolist() == [0.1, 0.0, 1.0]
    assert answer.columns["labelled_at"].values.tolist() == [0, 1_500_000, 0]
    assert answer.columns["smoker"].values == ["true", "false"]
    assert answer.columns["sex"].codes.tolist() == [0, -1, 0]
    assert [notice.code.value for notice in answer.notices] == ["precision_truncated"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (pa.array([[1]]), "type"),
        (pa.array([{"a": 1}]), "type"),
        (pa.array([1.0]), "type"),
        (pa.array([b"x"]), "type"),
        (pa.array(["a\x00"]), "nul_character"),
    ],
)
def test_parquet_of_other_types_is_refused(values: pa.Array, code: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    pq.write_table(pa.table({"image": values, "label": ["x"]}), path)
    assert codes(read(path, LAYOUT, PARQUET)) == [code]


def test_parquet_numbers_are_judged_like_others(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    numbers = pa.array([float("nan"), float("inf"), 95.0, -0.0, 0.5])
    pq.write_table(
        pa.table({"image": list("abcde"), "label": ["x"] * 5, "confidence": numbers}), path
    )
    table = read(path, LAYOUT, PARQUET)
    assert codes(table) == ["not_finite", "not_finite", "out_of_range"]
    assert not np.signbit(table.columns["confidence"].values).any()


@pytest.mark.parametrize("damage", ["cut", "footer", "page", "count", "text"])
def test_a_damaged_parquet_file_is_no_parquet_file(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    columns = {"image": [f"i{k}" for k in range(999)], "label": ["x"] * 999}
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "footer":
        data[-40:-8] = b"\xff" * 32
    elif damage == "page":
        data[4:40] = b"\x7f" * 36
    elif damage == "count":
        # The page's header says 8,191 values (zigzag, two bytes) where there are 999.
        place = data.index(b"\xce\x0f")
        data[place : place + 2] = b"\xfe\x7f"
    else:
        data = bytearray(b"image,label\n")
    path.write_bytes(data)
    assert codes(read_in_child(path, LAYOUT, PARQUET, **BROAD)) == ["unsupported_media_type"]


@pytest.mark.parametrize("says_so", [True, False])
def test_a_parquet_file_that_asks_for_gigabytes_ends_only_the_child(
    says_so: bool, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    # One value of four megabytes, thousands of times: a few kilobytes of file, by dictionary.
    large = pa.DictionaryArray.from_arrays(pa.array([0] * 4_000), pa.array(["x" * 4 * MIB]))
    table = pa.table({"image": large, "label": large})
    pq.write_table(table, path, compression="zstd", store_schema=says_so)
    assert path.stat().st_size < MIB // 2
    table = read_in_child(path, LAYOUT, PARQUET, memory_limit=256 * MIB, time_limit=60)
    # A column that is known to repeat its values is not written out.
    assert codes(table) == ["decompressed_too_large" if says_so else "reader_memory_limit"]
    assert not table.complete


def test_a_parquet_file_that_repeats_long_values_is_refused_by_their_length(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    rows = 40_000
    table = pa.table({"image": [f"i{k}" for k in range(rows)], "label": ["x" * 100] * rows})
    pq.write_table(table, path)
    options = Options(format="parquet", limits=Limits(max_bytes=3 << 20))
    answer = read(path, LAYOUT, options)
    assert codes(answer) == ["decompressed_too_large"]
    assert not answer.complete
    assert answer.problems[0].line == 16_386


@pytest.mark.parametrize("name", ["{:0200d}", "{:x<200d}"], ids=["numbers", "texts"])
def test_many_values_beyond_the_memory_limit_end_only_the_child(name: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"

    def read_rows(n_rows: int) -> Table:
        with path.open("w") as file:
            file.write("image,label\n")
            file.writelines(f"{name.format(number)},x\n" for number in range(n_rows))
        return read_in_child(path, LAYOUT, Options(), memory_limit=64 * MIB, time_limit=60)

    assert read_rows(20_000).problems == []
    assert codes(read_rows(200_000)) == ["reader_memory_limit"]


def test_a_file_of_more_columns_than_files_may_be_open_is_read(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    extra = [f"c{number}" for number in range(900)]
    with path.open("w") as file:
        file.write(f"image,label,{','.join(extra)}\n")
        file.writelines(f"i{row}-x,y{',v' * len(extra)}\n" for row in range(200))
    table = read_in_child(path, LAYOUT, Options(), **BROAD)
    assert (table.n_rows, len(table.columns), table.problems) == (200, 902, [])


def test_a_gzip_bomb_is_refused_before_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(gzip.compress(b"image,label\n" + b"i,x\n" * (8 * MIB)))
    options = Options(compression="gzip")
    table = read_in_child(path, LAYOUT, options, memory_limit=64 * MIB, time_limit=60)
    assert codes(table) == ["decompressed_too_large"]


def test_a_child_that_is_too_slow_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text("image,label\n" + "i,x\n" * 10)
    table = read_in_child(path, LAYOUT, Options(), memory_limit=256 * MIB, time_limit=0.001)
    assert codes(table) == ["reader_time_limit"]


def test_a_child_is_ended_when_the_upload_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    with path.open("w") as file:
        file.write("image,label\n")
        file.writelines(f"i{number},x\n" for number in range(1_500_000))
    asked = []

    def should_stop() -> bool:
        asked.append(True)
        return True

    table = read_in_child(path, LAYOUT, Options(), **BROAD, should_stop=should_stop)
    assert codes(table) == ["reader_stopped"]
    assert len(asked) == 1


def test_a_child_that_dies_is_a_problem_in_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = read_in_child(tmp_path / "gone", LAYOUT, Options(), **BROAD)
    assert codes(table) == ["reader_failed"]
    assert "FileNotFoundError" in caplog.text


def never_written(tmp_path: Path) -> Path:
    """A file that a reader waits for, as long as it lives."""
    os.mkfifo(tmp_path / "upload")
    return tmp_path / "upload"


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_request(folder, never_written(tmp_path), LAYOUT, Options())
    server = Server()
    child = server.fork(folder, 256 * MIB, 60)
    assert child is not None
    server.close()  # hangs up, as the parent's death would
    assert not psutil.pid_exists(child)
    assert not folder.exists()


def descendants() -> list[psutil.Process]:
    """The server, then what it forked, as soon as it did."""
    while len(found := psutil.Process().children(recursive=True)) < 2:
        time.sleep(0.001)
    return found


@pytest.mark.parametrize("place", [0, 1], ids=["the server", "what it forked"])
def test_a_reader_that_is_killed_is_taken_for_one_without_memory(
    place: int, tmp_path: Path
) -> None:
    close_servers()
    path = never_written(tmp_path)
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(read_in_child, path, LAYOUT, Options(), **BROAD)
        processes = descendants()
        processes[place].kill()
        assert codes(reading.result()) == ["reader_memory_limit"]
    with suppress(psutil.NoSuchProcess):
        # What was killed dies when it is its turn to run.
        for _ in range(5_000):
            if processes[1].status() == psutil.STATUS_ZOMBIE:
                break
            time.sleep(0.001)
        assert processes[1].status() == psutil.STATUS_ZOMBIE


def test_a_server_that_was_killed_while_it_waited_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text("image,label\ni,x\n")
    assert read_in_child(path, LAYOUT, Options(), **BROAD).ok
    (server,) = psutil.Process().children()
    server.kill()
    assert read_in_child(path, LAYOUT, Options(), **BROAD).ok
    assert psutil.Process().children() != [server]


def test_what_forks_has_no_other_thread_whose_locks_a_fork_would_inherit(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text("image,label\ni,x\n")
    assert read_in_child(path, LAYOUT, Options(), **BROAD).ok
    assert {server.num_threads() for server in psutil.Process().children()} == {1}


def test_files_that_are_read_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    blocked, path = never_written(tmp_path), tmp_path / "other"
    path.write_text("image,label\ni,x\n")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(read_in_child, blocked, LAYOUT, Options(), **BROAD)
        descendants()
        assert read_in_child(path, LAYOUT, Options(), **BROAD).ok
        assert not first.done()
        blocked.write_text("image,label\ni,x\n")
        assert first.result().ok


def test_the_child_leaves_nothing_behind_and_knows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = tmp_path / "upload"
    path.write_text("image,label\ni,x\n")
    table = read_in_child(path, LAYOUT, Options(), **BROAD, scratch=scratch)
    assert table.ok
    assert list(scratch.iterdir()) == []
    assert table.columns["item"].values == ["i"]
    assert table.columns["item"].codes.tolist() == [0]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=30))
def test_many_texts_read_like_a_list(values: list[str]) -> None:
    texts = Texts("".join(f"{value}\0" for value in values).encode())
    assert len(texts) == len(values)
    assert list(texts) == values
    assert [texts[i] for i in range(len(values))] == values
    assert texts[-2:] == values[-2:]
    assert as_arrow(texts).to_pylist() == values


def test_a_file_of_many_ids_is_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.csv"
    path.write_text("item,label\n" + "".join(f"i\u00e9{i % 77},l{i % 3}\n" for i in range(500)))
    layout = Layout((Column("item", Kind.IDENTIFIER), Column("label", Kind.CATEGORY)))

    def columns() -> list[tuple[list[int], list[str]]]:
        table = read_in_child(path, layout, Options(), memory_limit=1 << 30, time_limit=60)
        found = [c for c in table.columns.values() if isinstance(c, TextColumn)]
        return [(c.codes.tolist(), list(c.values)) for c in found]

    few = columns()
    monkeypatch.setattr(tables, "MANY", 0)
    assert columns() == few
