"""The fast reader answers exactly as the strict one, or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.reading import (
    Column,
    Kind,
    Layout,
    NumberColumn,
    Options,
    TextColumn,
    blocks,
    formats,
    read,
)
from catalog.reading import clean as reading_clean
from catalog.reading.clean import read_clean
from catalog.reading.headers import Header
from catalog.reading.tables import Table

LAYOUT = Layout(
    (
        Column("item", Kind.IDENTIFIER, required=True),
        Column("label", Kind.CATEGORY, required=True, empty_allowed=True),
        Column("comment", Kind.TEXT),
        Column("confidence", Kind.NUMBER, low=0, high=1),
        Column("round", Kind.INTEGER, low=1, high=32767),
        Column("labelled_at", Kind.TIME),
    )
)
HEADER = "item,label,comment,confidence,round,labelled_at\n"
ROW = "i1,cat,well done,0.5,2,2026-01-31T09:30:00+01:00\n"


def clean(path: Path, options: Options | None = None) -> Table | None:
    options = options or Options()
    return read_clean(path, Header(LAYOUT, options), options)


def same(one: Table, other: Table) -> None:
    assert one.n_rows == other.n_rows
    assert one.header == other.header
    assert np.array_equal(one.line, other.line)
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        twin = other.columns[name]
        assert type(column) is type(twin)
        if isinstance(column, TextColumn):
            assert isinstance(twin, TextColumn)
            assert sorted(column.values) == sorted(twin.values)
            assert said(column) == said(twin)
        else:
            assert not isinstance(twin, TextColumn)
            assert np.array_equal(column.missing, twin.missing)
            assert np.array_equal(column.values, twin.values)


def said(column: TextColumn) -> list[str | None]:
    return [column.values[code] if code >= 0 else None for code in column.codes.tolist()]


def strictly(path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(formats, "WORTH_ARROW", 1 << 60)
    return read(path, LAYOUT, Options())


def test_a_clean_file_is_read_the_same_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.csv"
    rows = [ROW, "i2,dog,,,,\n", "i1,cat,x,-0.0,3,\n"]
    rows.insert(2, "\u00e9t\u00e9,,a b,1e-3,1,2026-01-01T00:00:00Z\n")
    path.write_text(HEADER + "".join(rows))
    fast = clean(path)
    assert fast is not None
    same(fast, strictly(path, monkeypatch))
    confidence = fast.columns["confidence"]
    assert isinstance(confidence, NumberColumn)
    assert str(confidence.values[3]) == "0.0"


@pytest.mark.parametrize(
    "body",
    [
        HEADER + ROW.replace("i1", '"i1"').replace("well done", '"well done"'),
        (HEADER + ROW).replace("\n", "\r\n"),
        '"item","label","comment","confidence","round","labelled_at"\r\n'
        '"i1","cat","x","0.5","2","2026-01-31T09:30:00+01:00"',
        HEADER + ROW + ROW.replace("i1", "i2").replace("09:30:00", "09:30:00.25"),
    ],
)
def test_quotes_around_whole_fields_and_line_ends_of_windows_are_read_the_fast_way_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(body.encode())
    fast = clean(path)
    assert fast is not None
    same(fast, strictly(path, monkeypatch))


@pytest.mark.parametrize("few", [0, 40, 100_000])
def test_a_column_is_coded_the_same_in_one_batch_as_in_many(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.csv"
    drawn = np.random.default_rng(5).integers(0, 900, 4000).tolist()
    rows = [f"{'x' * (i % 40)}{i}-{i:x},c{i % 3},{i % 7 or ''},,{i % 5 + 1},\n" for i in drawn]
    path.write_text(HEADER + "".join(rows))
    monkeypatch.setattr(reading_clean, "_HASHED_AGAIN", few)
    monkeypatch.setattr(reading_clean, "_AT_ONCE", few)
    whole = clean(path)
    monkeypatch.setattr(blocks, "BLOCK", 2048)
    parts = clean(path)
    assert whole is not None
    assert parts is not None
    same(whole, parts)
    same(whole, strictly(path, monkeypatch))


NAMES = (
    (("{:08d}",), True),
    (("image-{:08d}",), True),
    (("a-long-name-before-{:05d}-and-one-after.jpeg",), True),
    (("q{}",), True),
    (("{}",), True),
    (("2026{:09d}",), True),
    (("17{:018d}",), True),
    (("q{:02d}",), False),
    (("q{}", "q0{}"), False),
    (("q{:04d}", "q{:05d}"), False),
    (("image-{:05d}", "imago-{:05d}"), False),
    (("image-{:05d}.png", "image-{:05d}.jpg"), False),
    (("{:05d}", "+{:04d}"), False),
    (("{:05d}", "-{:04d}"), False),
    (("{:05d}", "{:04d} 1"), False),
    (("q{:05d}", "q\u0661\u0662{}"), False),
    (("q{:05d}", "q{:05x}"), False),
    (("{}", "{}000000000000000000"), False),
    (("q{}", "q"), False),
    (("q{}", "17"), False),
)


@pytest.mark.parametrize(("forms", "numbers"), NAMES, ids=lambda said: str(said))
@pytest.mark.parametrize("step", [1, 40_009], ids=["dense", "sparse"])
@pytest.mark.parametrize("block", [2048, 1 << 21])
def test_names_that_are_numbers_are_read_as_such_and_others_as_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forms: tuple[str, ...],
    numbers: bool,
    step: int,
    block: int,
) -> None:
    """What fits no number comes in the last batch only, after others were taken for numbers."""
    path = tmp_path / "f.csv"
    drawn = np.random.default_rng(7).integers(0, 150, 900) * step
    names = [forms[0].format(i) for i in drawn.tolist()]
    names += [form.format(i) for i in (3, 7, 31) for form in forms]
    path.write_text(HEADER + "".join(f"{name},cat,,,,\n" for name in names))
    left = []
    leave = reading_clean._Coded._leave_numbers

    def note(*args: Any) -> None:
        left.append(args)
        leave(*args)

    monkeypatch.setattr(reading_clean._Coded, "_leave_numbers", note)
    monkeypatch.setattr(blocks, "BLOCK", block)
    fast = clean(path)
    assert fast is not None
    same(fast, strictly(path, monkeypatch))
    if step == 1:
        assert bool(left) != numbers


@given(
    st.lists(
        st.from_regex(r"\A(a|a1|\u00e9)?(0{0,2}[0-9]{1,9})(b|0b|,)?\Z"), min_size=1, max_size=40
    ),
    st.sampled_from([32, 128, 1 << 21]),
    st.sampled_from([0, 5, 16_384]),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_names_numbers_never_disagree_with_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], block: int, few: int
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEADER + "".join(f'"{name}","cat","","","",""\n' for name in names))
    monkeypatch.setattr(reading_clean, "_HASHED_AGAIN", few)
    monkeypatch.setattr(reading_clean, "_AT_ONCE", few)
    monkeypatch.setattr(blocks, "BLOCK", block)
    fast = clean(path)
    strict = strictly(path, monkeypatch)
    assert strict.ok
    if fast is not None:
        same(fast, strict)


@pytest.mark.parametrize(
    "body",
    [
        HEADER + ROW + "i2,dog\n",
        HEADER + ROW + '"i2,2",dog,,,,\n',
        HEADER + ROW + '"i""2",dog,,,,\n',
        HEADER + ROW + '"i2",dog,"two\nlines",,,\n',
        HEADER + ROW + '"i2"x,dog,,,,\n',
        HEADER + ROW + 'i2,d"og,,,,\n',
        HEADER + ROW + '"i2,dog,,,,\n',
        HEADER + ROW.replace("cat", "c\rt"),
        HEADER + ROW + "\n" + ROW,
        HEADER + ROW + HEADER,
        HEADER + ROW.replace("i1", " i1"),
        HEADER + ROW.replace("i1", ""),
        HEADER + ROW.replace("i1", "i" * 300),
        HEADER + ROW.replace("cat", "c\x07t"),
        HEADER + ROW.replace("cat", "c\u202et"),
        HEADER + ROW.replace("cat", "e\u0301"),
        HEADER + ROW.replace("0.5", "1.5"),
        HEADER + ROW.replace("0.5", "1_0"),
        HEADER + ROW.replace("0.5", "nan"),
        HEADER + ROW.replace(",2,", ",2.5,"),
        HEADER + ROW.replace(",2,", ",0,"),
        HEADER + ROW.replace("+01:00", ""),
        HEADER + ROW.replace("01-31", "02-30"),
        HEADER + ROW.replace("T09:30:00", "T09:30:00.123456789"),
        HEADER.replace("item", "Item") + ROW,
        HEADER.replace("label,", "label,colour,") + ROW,
        HEADER.replace("item,label", '"item,label"') + ROW,
        "\ufeff" + HEADER + ROW,
        HEADER,
        ROW,
    ],
)
def test_anything_that_the_strict_reader_might_remark_on_is_left_to_it(
    tmp_path: Path, body: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(body.encode())
    assert clean(path) is None
    path.write_text(HEADER + ROW)
    assert clean(path) is not None


def test_a_byte_order_mark_inside_a_file_is_never_taken_for_the_one_at_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEADER + "i1,cat,,,,\n" * 9 + "\ufeffi2,cat,,,,\n" + "i1,cat,,,,\n" * 9)
    for block in range(32, 160):
        monkeypatch.setattr(blocks, "BLOCK", block)
        assert clean(path) is None


def test_quotes_may_begin_in_any_block_and_lines_end_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEADER + "i1,cat,,,,\n" * 9 + '"i2","\u00e9",,,,\n' + 'i3,"dog",,,,\r\n' * 9)
    strict = strictly(path, monkeypatch)
    for block in range(32, 160):
        monkeypatch.setattr(blocks, "BLOCK", block)
        fast = clean(path)
        assert fast is not None
        same(fast, strict)
    monkeypatch.setattr(blocks, "BLOCK", 12)  # no line fits
    assert clean(path) is None


def test_bytes_that_are_no_utf8_are_left_to_the_strict_reader(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(HEADER.encode() + b"caf\xe9,cat,,,,\n")
    assert clean(path) is None


FIELD = st.sampled_from(
    ["a", "b", "", " ", "a b", "0.5", "1", "2", "1e3", "-0.0", "nan", "2026-01-01T00:00:00Z"]
    + ['"a"', '"a b"', '"0.5"', '"a,b"', '""', 'a"', '"a"b', '"2026-01-01T00:00:00Z"']
    + ["2026-01-01", "\u00e9", "e\u0301", "\t", "\x00", '"', "item", "x" * 300, "1.0", "+1", ".5"]
)


@pytest.mark.parametrize("few", [0, 16_384])
@given(
    st.lists(st.lists(FIELD, min_size=5, max_size=7), max_size=6), st.sampled_from(["\n", "\r\n"])
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_file_the_fast_reader_never_disagrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int, rows: list[list[str]], end: str
) -> None:
    path = tmp_path / "f.csv"
    monkeypatch.setattr(reading_clean, "_HASHED_AGAIN", few)
    monkeypatch.setattr(reading_clean, "_AT_ONCE", few)
    path.write_bytes((HEADER.strip() + end + "".join(",".join(r) + end for r in rows)).encode())
    fast = clean(path)
    strict = strictly(path, monkeypatch)
    if fast is not None:
        assert strict.ok
        assert not strict.notices
        same(fast, strict)


def test_a_large_file_takes_the_fast_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEADER + ROW * 50_000)
    assert path.stat().st_size > formats.WORTH_ARROW
    fast = read(path, LAYOUT, Options())
    same(fast, strictly(path, monkeypatch))


def test_the_fast_way_does_not_load_pandas(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(HEADER + ROW + '"\u00e9",,,,,\n')
    program = (
        "import sys; from pathlib import Path;"
        "from catalog.reading import Column, Kind, Layout, Options;"
        "from catalog.reading.clean import read_clean; from catalog.reading.headers import Header;"
        "extra = Column('extra', Kind.CATEGORY);"
        "columns = (Column('labelled_at', Kind.TIME), Column('round', Kind.INTEGER),"
        " Column('confidence', Kind.NUMBER));"
        "header = Header(Layout(columns, extra), Options());"
        "assert read_clean(Path(sys.argv[1]), header, Options()).n_rows == 2;"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
