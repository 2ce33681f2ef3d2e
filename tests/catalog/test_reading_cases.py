"""The published cases of bad input, as far as a reader of files decides them.

The bytes are built here; codes and lines are those of the published list.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.reading import Code, Column, Kind, Layout, Limits, Options, Table, read, source

LABELS = Layout(
    (
        Column("item", Kind.IDENTIFIER, required=True),
        Column("annotator", Kind.IDENTIFIER, required=True),
        Column("label", Kind.CATEGORY, required=True),
        Column("confidence", Kind.NUMBER, low=0, high=1),
        Column("labelled_at", Kind.TIME),
        Column("comment", Kind.TEXT),
    )
)
HEADER = b"item,annotator,label,confidence,labelled_at\n"
ROW = b"i1,ann,cat,0.5,2026-01-31T09:30:00Z\n"
COMMENTED = b"item,annotator,label,comment\n"


def rows(n: int, start: int = 1) -> bytes:
    return b"".join(b"i%d,ann,cat,,\n" % k for k in range(start, start + n))


def csv_row(item="i1", annotator="ann", label="cat", confidence="0.5", at="2026-01-31T09:30:00Z"):
    return HEADER + ",".join([item, annotator, label, confidence, at]).encode() + b"\n"


@dataclass(frozen=True)
class Case:
    """A file with the code and line it is refused with; without a code it is accepted."""

    id: str
    data: bytes
    code: str | None = None
    line: int | None = None
    options: Options = Options()
    notice: str | None = None


CONCATENATED = HEADER + rows(499) + b"\xef\xbb\xbf" + HEADER + rows(5)
PLAIN = HEADER + ROW * 3
GZIP = Options(compression="gzip")
JSONL = Options(format="ndjson")
PARIS = Options(timezone="Europe/Paris")

CASES = [
    Case("ENCODING-01", b"\xef\xbb\xbf" + PLAIN),
    Case("ENCODING-02", b"\xff\xfe" + PLAIN.decode().encode("utf-16-le"), "encoding_not_utf8", 1),
    Case(
        "ENCODING-04",
        HEADER + rows(6) + "i7,ann,café,,\n".encode("latin-1") + rows(3, 8),
        "invalid_utf8",
        8,
    ),
    Case(
        "ENCODING-05", HEADER + rows(1) + b"i2,ann,\x93cat\x94,,\n" + rows(2, 3), "invalid_utf8", 3
    ),
    Case("ENCODING-07", HEADER + b"i1,ann,a\xed\xa0\x80b,,\n", "invalid_utf8", 2),
    Case("ENCODING-11", bytes(4096), "nul_character", 1),
    Case("ENCODING-13", b"\xef\xbb\xbf" * 2 + PLAIN, "header_unknown_column", 1),
    Case("ENCODING-14", CONCATENATED, "header_repeated", 501),
    Case("ENCODING-16", HEADER + b'i1,ann,"cat\x1b[31m\rx",,\n', "control_character", 2),
    Case("ENCODING-16-bare", HEADER + b"i1,ann,cat\x1b[31m\rx,,\n", "control_character", 2),
    Case("ENCODING-17", csv_row(label="a\u202eb"), "bidi_control", 2),
    Case("UNICODE-04", csv_row(annotator="alice\u00a0"), "surrounding_space", 2),
    Case("UNICODE-08", csv_row(item="a" + "\u0301" * 200), "value_too_long", 2),
    Case("UNICODE-10", csv_row(confidence="１２"), "not_a_number", 2),
    Case("CSV-01", b"", "empty_file"),
    Case("CSV-01-gz", gzip.compress(b""), "empty_file", None, GZIP),
    Case("CSV-02", b"\n", "header_missing", 1),
    Case("CSV-04", ROW * 3, "header_missing_column", 1),
    Case(
        "CSV-05",
        HEADER.replace(b"\n", b",colour\n") + ROW.replace(b"\n", b",red\n"),
        "header_unknown_column",
        1,
    ),
    Case("CSV-07", b"Item_ID, Annotator_ID ,LABEL\ni1,ann,cat\n", notice="header_normalised"),
    Case("CSV-08", b"item,annotator,label,label\ni1,a,x,y\n", "header_duplicate_column", 1),
    Case("CSV-10", b"item,annotator,label,\ni1,a,x,\n", "header_empty_column", 1),
    Case("CSV-11", b"item,annotator,label\r\ni1,a,x\ni2,a,x\ri3,a,x\r\ni4,a,x\n"),
    Case("CSV-13", HEADER + rows(1) + b'i2,ann,"cat,,\n' + rows(100_000), "unclosed_quote", 3),
    Case("CSV-14", HEADER + b'"x"y,ann,cat,,\n', "bad_quote", 2),
    Case("CSV-16", HEADER + b"i1,ann,cat,,,\n" * 3, "row_length", 2),
    Case("CSV-17", HEADER + rows(3) + b"i4,ann,cat,\n" + rows(3), "row_length", 5),
    Case("CSV-19", HEADER.replace(b",", b";") + b"i1;a;x;0,5;\n", "wrong_delimiter", 1),
    Case("CSV-20", HEADER.replace(b",", b"\t") + b"i1\ta\tx\t\t\n", "wrong_delimiter", 1),
    Case("CSV-22", COMMENTED + b"i1,a,x," + b"y" * 131_073 + b"\n", "value_too_long", 2),
    Case("CSV-23", b"x" * 50_000_000, "line_too_long", 1),
    Case(
        "CSV-25",
        HEADER + rows(2_001),
        "too_many_rows",
        2_002,
        Options(limits=Limits(max_rows=2_000)),
    ),
    Case("CSV-26", b"# exported, 2026\n# by me\n" + PLAIN, "header_missing_column", 1),
    Case("CSV-28", PLAIN.rstrip(b"\n")),
    Case("CSV-29", PLAIN + b"\x1a", "control_character", 5),
    Case("CSV-29-inside", PLAIN.rstrip(b"\n") + b"\x1a", "control_character", 4),
    Case("ID-01", HEADER + b"007,ann,cat,,\n7,ann,cat,,\n"),
    Case("ID-02", HEADER + b"9223372036854775808,a,x,,\n9007199254740993,a,x,,\n"),
    Case("ID-04", HEADER + b"i1,NA,x,,\ni1,None,x,,\ni1,null,x,,\ni1,nan,x,,\n"),
    Case("ID-05", HEADER + b"i1,a,TRUE,,\ni2,a,False,,\n"),
    Case("ID-07", csv_row(item="x" * 10_000), "value_too_long", 2),
    Case("ID-08", csv_row(item="../../etc/passwd")),
    Case("ID-10", csv_row(item="<script>alert(1)</script>")),
    Case("ID-11", HEADER + b'"a,""b""\nc",ann,cat,,\n', "newline_in_identifier", 2),
    Case("NUMBER-01", csv_row(confidence="NaN"), "not_finite", 2),
    Case("NUMBER-02", csv_row(confidence="nan"), "not_finite", 2),
    Case("NUMBER-04", csv_row(confidence="-Infinity"), "not_finite", 2),
    Case("NUMBER-05", csv_row(confidence="1e400"), "not_finite", 2),
    Case("NUMBER-07", csv_row(confidence="-0.0")),
    Case("NUMBER-08", csv_row(confidence="95"), "out_of_range", 2),
    Case("NUMBER-10", csv_row(confidence="1_000"), "not_a_number", 2),
    Case("NUMBER-10-hex", csv_row(confidence="0x1p-3"), "not_a_number", 2),
    Case("NUMBER-11", csv_row(confidence="0." + "3" * 40)),
    Case("NUMBER-13", csv_row(confidence="")),
    Case("NUMBER-14", csv_row(confidence="null"), "not_a_number", 2),
    Case("NUMBER-14-na", csv_row(confidence="N/A"), "not_a_number", 2),
    Case("TIME-01", csv_row(at="2026-03-29T02:30:00"), "timezone_missing", 2),
    Case("TIME-01-zone", csv_row(at="2026-03-29T02:30:00"), "nonexistent_time", 2, PARIS),
    Case("TIME-02", csv_row(at="2026-10-25T02:30:00"), "ambiguous_time", 2, PARIS),
    Case("TIME-04", csv_row(at="01/02/2026"), "date_format", 2),
    Case("TIME-05", csv_row(at="2026-02-29T00:00:00Z"), "date_invalid", 2),
    Case("TIME-07", csv_row(at="0000-00-00T00:00:00Z"), "date_invalid", 2),
    Case("TIME-08", csv_row(at="9999-12-31T23:59:59-14:00"), "date_out_of_range", 2),
    Case("TIME-10", csv_row(at="1770000000"), "date_format", 2),
    Case("TIME-10-excel", csv_row(at="46000.5"), "date_format", 2),
    Case("TIME-11", csv_row(at="2026-01-31T09:30:00.123456789Z"), notice="precision_truncated"),
    Case("ARCHIVE-01", gzip.compress(bytes(8 << 20)), "decompressed_too_large", None, GZIP),
    Case("ARCHIVE-02", gzip.compress(HEADER + rows(9999))[:9000], "truncated_gzip", None, GZIP),
    Case("ARCHIVE-04", gzip.compress(PLAIN) + gzip.compress(ROW), "corrupt_gzip", None, GZIP),
    Case("ARCHIVE-04-garbage", gzip.compress(PLAIN) + b"garbage", "corrupt_gzip", None, GZIP),
    Case("ARCHIVE-05", gzip.compress(gzip.compress(PLAIN)), "nested_archive", None, GZIP),
    Case("INJECTION-01", csv_row(label="=HYPERLINK(1)")),
    Case("INJECTION-02", csv_row(item="+1+1", label="+1+1")),
    Case("INJECTION-05", csv_row(item="\t=1+1", label="\t=1+1")),
    Case("INJECTION-07", csv_row(item="＝1+1")),
    Case("INJECTION-10", HEADER + b'i1,"a\nERROR all is lost",cat,,\n', "control_character", 2),
]


def read_bytes(tmp_path: Path, data: bytes, options: Options, layout: Layout = LABELS) -> Table:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return read(path, layout, options)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_published_case(case: Case, tmp_path: Path) -> None:
    table = read_bytes(tmp_path, case.data, case.options)
    found = [(problem.code.value, problem.line) for problem in table.problems]
    if case.code is None:
        assert found == []
        assert [notice.code.value for notice in table.notices] == [case.notice] * bool(case.notice)
    else:
        assert (case.code, case.line) in found
        assert table.n_problems >= len(table.problems)


def test_every_message_is_a_sentence_with_its_line(tmp_path: Path) -> None:
    for case in CASES:
        if case.code is None or case.id == "CSV-23":
            continue
        for problem in read_bytes(tmp_path, case.data, case.options).problems[:5]:
            assert problem.message.endswith("."), problem
            assert problem.message[0].isupper(), problem
            assert problem.line is None or f"Line {problem.line}" in problem.message
            assert problem.value is None or len(problem.value) <= 100
            assert problem.message.isprintable(), problem
            assert isinstance(problem.code, Code)


def test_a_column_that_the_sender_named_must_be_there(tmp_path: Path) -> None:
    layout = Layout(LABELS.columns, mapping={"item": "image", "labelled_at": "when"})
    data = b"image,annotator,label\ni1,ann,cat\n"
    table = read_bytes(tmp_path, data, Options(), layout)
    assert [(p.code.value, p.column) for p in table.problems] == [("header_missing_column", "when")]
    table = read_bytes(tmp_path, data.replace(b"label\n", b"label,when\n"), Options(), layout)
    assert [problem.code.value for problem in table.problems] == ["row_length"]


def test_an_undeclared_column_is_read_as_the_layout_says(tmp_path: Path) -> None:
    layout = Layout(LABELS.columns[:1], extra=Column("any", Kind.CATEGORY, spaces_allowed=False))
    table = read_bytes(tmp_path, b"item, Site \ni1,Lyon\ni2, Lyon\ni3,\n", Options(), layout)
    assert [(p.code.value, p.line) for p in table.problems] == [("surrounding_space", 3)]
    assert table.columns["Site"].values == ["Lyon"]
    assert table.columns["Site"].codes.tolist() == [0, -1, -1]


def test_decimal_commas_are_read_where_they_are_declared(tmp_path: Path) -> None:
    data = b"item;annotator;label;confidence\ni1;a;x;0,25\ni2;a;x;0.25\n"
    options = Options(delimiter=";", decimal=",")
    table = read_bytes(tmp_path, data, options)
    assert [(p.code.value, p.line) for p in table.problems] == [("not_a_number", 3)]
    assert table.columns["confidence"].values.tolist() == [0.25, 0.0]
    point = read_bytes(tmp_path, data, Options(delimiter=";"))
    assert [(p.line, p.hint) for p in point.problems] == [
        (2, "Is this a decimal comma? Send decimal=,")
    ]


def test_every_problem_of_every_row_is_told_and_the_true_total(tmp_path: Path) -> None:
    data = HEADER + b" i1,,cat\x07,95,soon\n" * 3 + b"short\n" + b"i2,a,x,,\n"
    table = read_bytes(tmp_path, data, Options())
    of_one = [
        "surrounding_space",
        "value_missing",
        "control_character",
        "out_of_range",
        "date_format",
    ]
    assert [p.code.value for p in table.problems] == of_one * 3 + ["row_length"]
    assert table.problem_rows.tolist() == [0, 1, 2, 3]
    assert table.without_problem_rows().line.tolist() == [6]
    few = read_bytes(tmp_path, data, Options(limits=Limits(max_problems=2)))
    assert (len(few.problems), few.n_problems) == (2, 16)


def test_why_reading_stopped_is_told_whatever_came_before(tmp_path: Path) -> None:
    data = HEADER + b"short\n" * 9 + b'i,"x'
    table = read_bytes(tmp_path, data, Options(limits=Limits(max_problems=3)))
    assert [p.code.value for p in table.problems] == ["row_length", "row_length", "unclosed_quote"]
    assert table.n_problems == 10
    assert not table.complete


def test_the_total_is_true_beyond_the_problems_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BLOCK", 4096)  # so that the rows come in many batches
    bad = b" i,,\x07cat,95,soon\n" * 2_000 + b"short\n" * 10
    all_told = read_bytes(tmp_path, HEADER + bad, Options(limits=Limits(max_problems=10**6)))
    few_told = read_bytes(tmp_path, HEADER + bad, Options(limits=Limits(max_problems=3)))
    assert few_told.n_problems == all_told.n_problems == len(all_told.problems) == 10_010
    assert few_told.problem_rows.tolist() == all_told.problem_rows.tolist()
    assert few_told.problems == all_told.problems[:3]


def test_both_spellings_of_an_identifier_are_kept_for_the_message(tmp_path: Path) -> None:
    data = HEADER + "i1,é,x,,\ni1,e\u0301,x,,\n".encode()
    table = read_bytes(tmp_path, data, Options())
    annotators = table.columns["annotator"]
    assert annotators.codes.tolist() == [0, 0]
    assert annotators.values == ["é"]
    assert annotators.spellings == {0: ("é", "e\u0301")}
    assert [(n.code.value, n.count, n.line) for n in table.notices] == [
        ("unicode_normalised", 1, 3)
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "xlsx"},
        {"compression": "zip"},
        {"delimiter": "x"},
        {"decimal": "'"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
    ],
)
def test_options_that_mean_nothing_are_refused_by_name(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Options(**wrong)


def test_a_layout_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Layout((Column("item"), Column("item")))
    with pytest.raises(ValueError, match="no column here"):
        Layout((Column("item"),), mapping={"colour": "x"})


def test_a_byte_that_is_not_utf8_is_told_with_its_place_in_the_file(tmp_path: Path) -> None:
    data = HEADER + rows(6) + "i7,ann,café,,\n".encode("latin-1")
    (problem,) = read_bytes(tmp_path, data, Options()).problems
    assert (problem.line, problem.column, problem.value) == (8, "label", "caf\\xe9")
    assert f"byte {data.index(0xE9):,} of the file" in problem.message


@pytest.mark.parametrize("n_bytes", [1, 2, 3])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_gzip_is_read_to_its_end_wherever_blocks_end(
    n_bytes: int, more: int, tmp_path: Path
) -> None:
    body = rows(90_000)
    size = n_bytes * source.BLOCK + more - len(HEADER)
    whole = body[: body.rindex(b"\n", 0, size)].ljust(size, b"x")
    table = read_bytes(tmp_path, gzip.compress(HEADER + whole), GZIP)
    plain = read_bytes(tmp_path, HEADER + whole, Options())
    assert (table.n_rows, table.problems) == (plain.n_rows, plain.problems)
    assert table.n_rows == whole.count(b"\n") + 1 - whole.endswith(b"\n")


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(PLAIN))
    data[-6] ^= 0xFF  # the checksum
    assert read_bytes(tmp_path, bytes(data), GZIP).problems[-1].code == "corrupt_gzip"


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00:00.5Z", 500_000),
        ("1970-01-01T01:00+01:00", 0),
        ("1970-01-01T00:00:00-0130", 5_400_000_000),
        ("2000-02-29T12:00:00.000001+00:00", 951_825_600_000_001),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_times_are_instants(text: str, micros: int, tmp_path: Path) -> None:
    table = read_bytes(tmp_path, csv_row(at=text), Options())
    assert table.problems == []
    assert table.columns["labelled_at"].values.tolist() == [micros]


def test_a_declared_zone_gives_local_times_their_instant(tmp_path: Path) -> None:
    times = ["2026-07-01T12:00:00", "2026-01-01T12:00", "2026-01-01T12:00:00.25Z"]
    data = HEADER + "".join(f"i{k},a,x,,{text}\n" for k, text in enumerate(times)).encode()
    table = read_bytes(tmp_path, data, PARIS)
    assert table.problems == []
    assert table.columns["labelled_at"].values.tolist() == [
        1_782_900_000_000_000,  # 10:00 UTC in summer
        1_767_265_200_000_000,  # 11:00 UTC in winter
        1_767_268_800_250_000,
    ]


@pytest.mark.parametrize(
    "text", ["2026-01-31", "20260131T093000Z", "2026-01-31T09:30:00 Z", "soon", "2026-1-1T1:1:1Z"]
)
def test_other_notations_of_time_are_refused(text: str, tmp_path: Path) -> None:
    (problem,) = read_bytes(tmp_path, csv_row(at=text), Options()).problems
    assert problem.code == "date_format"


@pytest.mark.parametrize(
    "text", ["2026-01-31T24:00:00Z", "2026-06-30T23:59:60Z", "2026-04-31T00:00Z"]
)
def test_times_that_no_clock_shows_are_refused(text: str, tmp_path: Path) -> None:
    (problem,) = read_bytes(tmp_path, csv_row(at=text), Options()).problems
    assert problem.code == "date_invalid"
