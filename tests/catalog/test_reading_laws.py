"""What holds for every file: round trips, one truth for all paths, no exception ever."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.reading import (
    Column,
    Kind,
    Layout,
    NumberColumn,
    Options,
    Table,
    TextColumn,
    TimeColumn,
    delimited,
    read,
    source,
)

LAYOUT = Layout(
    (
        Column("item", Kind.IDENTIFIER, required=True),
        Column("label", Kind.CATEGORY, empty_allowed=True, required=True),
        Column("confidence", Kind.NUMBER, low=0, high=1),
        Column("labelled_at", Kind.TIME),
        Column("comment", Kind.TEXT),
    )
)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive, as the moments it is taken from
HEADER = ["item", "label", "confidence", "labelled_at", "comment"]
FREE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff")
    | st.sampled_from('",;\t\n\r|'),
    max_size=12,
).filter(lambda text: not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in text))
NAMES = st.text(st.sampled_from("ab\",;é '#=7"), min_size=1, max_size=6).map(lambda t: f"<{t}>")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws") / "upload"


def texts(table: Table, name: str) -> list[str]:
    column = table.columns[name]
    assert isinstance(column, TextColumn)
    assert len(set(column.values)) == len(column.values)
    return [column.values[code] if code >= 0 else "" for code in column.codes]


def write(rows: list[list[str]], delimiter: str, quoting: int, end: str) -> bytes:
    file = io.StringIO(newline="")
    if any("\r" in field for row in rows for field in row):
        quoting = csv.QUOTE_ALL  # the csv module forgets to quote a lone CR
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows(rows)
    return file.getvalue().encode()


@given(
    rows=st.lists(
        st.tuples(NAMES, st.sampled_from(["", "cat", "dog"]), FREE), min_size=1, max_size=8
    ),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=100)
def test_what_is_written_is_read_back(rows, delimiter, quoting, end, file: Path) -> None:
    sent = [[item, label, "", "", comment] for item, label, comment in rows]
    data = write([HEADER, *sent], delimiter, quoting, end)
    file.write_bytes(data)
    table = read(file, LAYOUT, Options(delimiter=delimiter))
    assert table.problems == []
    assert [texts(table, n) for n in ("item", "label", "comment")] == [
        list(c) for c in zip(*rows, strict=True)
    ]
    # Each row begins where as many physical lines end before it.
    for row, line in enumerate(table.line.tolist()):
        before = write([HEADER, *sent[:row]], delimiter, quoting, end).decode()
        assert line == 1 + source.count_line_ends(before)


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=100)
def test_numbers_are_read_back_bit_for_bit(values: list[float], file: Path) -> None:
    file.write_text("item,label,confidence\n" + "".join(f"i,x,{v!r}\n" for v in values))
    column = read(file, LAYOUT, Options()).columns["confidence"]
    assert isinstance(column, NumberColumn)
    assert column.values.tolist() == [value + 0.0 for value in values]
    assert not np.signbit(column.values).any()


@given(text=st.text(st.sampled_from("0123456789+-.eE_x１٣nafi ,"), max_size=8))
@settings(max_examples=300)
def test_numbers_follow_the_strict_grammar(text: str, file: Path) -> None:
    quoted = text.replace('"', '""')
    file.write_text(f'item,label,confidence\ni,x,"{quoted}"\n', encoding="utf-8")
    layout = Layout((*LAYOUT.columns[:2], Column("confidence", Kind.NUMBER)))
    table = read(file, layout, Options())
    grammar = r"(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)?"
    is_number = bool(re.fullmatch(grammar, text)) and not np.isinf(float(text or 0))
    assert table.ok == is_number


@given(
    moment=st.datetimes(),
    shape=st.sampled_from(["{}T{}{}", "{} {}{}"]),
    offset=st.integers(-14 * 60, 14 * 60),
)
@settings(max_examples=100)
def test_times_are_read_back_to_the_microsecond(moment, shape, offset, file: Path) -> None:
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    zone = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    day, clock = moment.isoformat().split("T")
    file.write_text(f"item,label,labelled_at\ni,x,{shape.format(day, clock, zone)}\n")
    table = read(file, LAYOUT, Options())
    expected = (moment - EPOCH) // timedelta(microseconds=1) - offset * 60_000_000
    first, last = -62_135_596_800_000_000, 253_402_300_800_000_000
    if first <= expected < last:
        column = table.columns["labelled_at"]
        assert isinstance(column, TimeColumn)
        assert table.problems == []
        assert column.values.tolist() == [expected]
    else:
        assert [p.code.value for p in table.problems] == ["date_out_of_range"]


def told(table: Table) -> tuple[object, ...]:
    values = {name: texts(table, name) for name in ("item", "label", "comment")}
    return values, table.line.tolist(), table.problems, table.problem_rows.tolist(), table.complete


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            "é",
            ",",
            ",",
            ",,,,",
            '"',
            '""',
            "\n",
            "\r\n",
            "\r",
            "x,y,,,\n",
            "\x00",
            "\ufeff",
        ]
        + [
            '"item",label,confidence,labelled_at,"comment"\n',
            '"q",y,,,\n',
            '"m\nn"',
            "item,label,confidence,labelled_at,comment\n",
            " ",
            "0.5",
            "\t",
        ]
    ),
    max_size=30,
).map("".join)


@given(body=FRAGMENTS)
@settings(max_examples=150)
def test_the_fast_paths_and_the_tokeniser_agree(body: str, file: Path) -> None:
    file.write_bytes((",".join(HEADER) + "\n" + body).encode())
    fast = read(file, LAYOUT, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited.DelimitedReader, "_plain_batch", lambda *_: None)
        patch.setattr(delimited.DelimitedReader, "_quoted_batch", lambda *_: None)
        slow = read(file, LAYOUT, Options())
    assert told(fast) == told(slow)


@given(body=FRAGMENTS, block=st.integers(1, 40))
@settings(max_examples=150)
def test_where_blocks_are_cut_makes_no_difference(body: str, block: int, file: Path) -> None:
    file.write_bytes((",".join(HEADER) + "\n" + body).encode())
    whole = read(file, LAYOUT, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK", block)
        pieces = read(file, LAYOUT, Options())
    assert told(pieces) == told(whole)


def valid_file(form: str) -> bytes:
    comments = ["", "fine", 'two\r\nlines, "quoted"', "é ü 漢"]
    rows = [
        [f"i{k}", "cat" if k % 3 else "", f"0.{k}", "2026-01-31T09:30:00+01:00", comments[k % 4]]
        for k in range(40)
    ]
    if form == "csv":
        return write([HEADER, *rows], ",", csv.QUOTE_MINIMAL, "\n")
    records = [dict(zip(HEADER, row, strict=True)) for row in rows]
    if form == "json":
        return json.dumps(records, ensure_ascii=False).encode()
    return "\n".join(json.dumps(record) for record in records).encode()


def mutate(data: bytes, rng: random.Random) -> bytes:
    content = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        place, end = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
        pieces = [b'"', b"\x00", b"\xff", b"\r", b"\n", b",", b"\xef\xbb\xbf", b"{", b"]", b"\\"]
        action = rng.randrange(5)
        if action == 0:
            content[place:place] = rng.choice(pieces)
        elif action == 1:
            del content[place : min(end, place + rng.randint(1, 40))]
        elif action == 2:
            content[place : place + 1] = bytes([rng.randrange(256)])
        elif action == 3:
            content[place:place] = content[place : min(end, place + 60)]
        else:
            del content[max(place, 1) :]
    return bytes(content)


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
@pytest.mark.parametrize("seed", range(67))
def test_a_mutated_file_is_read_or_refused_with_lines_it_has(
    form: str, seed: int, file: Path
) -> None:
    rng = random.Random(f"{form}{seed}")
    data = mutate(valid_file(form), rng)
    file.write_bytes(data)
    table = read(file, LAYOUT, Options(format=form))
    n_lines = data.count(b"\n") + data.count(b"\r") + 1
    if form == "json":
        n_lines = max(n_lines, data.count(b"{") + data.count(b",") + 2)
    assert (table.n_problems == 0) == (not table.problems)
    assert all(p.line is None or 1 <= p.line <= n_lines for p in table.problems)
    assert all(p.message and p.message.isprintable() for p in table.problems)
    assert len(table.line) == table.n_rows
    assert table.ok or not table.complete or len(table.problem_rows)
    kept = table.without_problem_rows()
    assert kept.n_rows == table.n_rows - len(table.problem_rows)
    for value in kept.columns["item"].values if "item" in kept.columns else []:
        value.encode("utf-8")
