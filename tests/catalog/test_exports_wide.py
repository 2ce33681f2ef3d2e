"""Wide tables: which way round is said, and the empty cell is a question that nobody asked."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.reading import Options
from tests.catalog.export_rows import codes, read_export, rows, told, values

ITEMS = "item,Ann,Bob\ni1,cat,\ni2,dog,cat\n"
ITEMS_ROUND = {"orientation": "items_in_rows", "subject": "pet"}
ANNOTATORS_ROUND = {"orientation": "annotators_in_rows", "subject": "pet"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wide") / "upload"


def test_items_in_rows_become_one_row_an_answer(file: Path) -> None:
    table = read_export(file, "wide", ITEMS, **ITEMS_ROUND)
    assert rows(table, "item", "annotator", "label", "question", "status") == [
        (2, "i1", "Ann", "cat", "pet", "answered"),
        (3, "i2", "Ann", "dog", "pet", "answered"),
        (3, "i2", "Bob", "cat", "pet", "answered"),
    ]
    assert told(table)["export_read"] == ("2 items x 2 annotators, 3 labels.", 3)


def test_annotators_in_rows_are_the_same_table_the_other_way_round(file: Path) -> None:
    body = "annotator,i1,i2\nAnn,cat,dog\nBob,,cat\n"
    table = read_export(file, "wide", body, **ANNOTATORS_ROUND)
    assert rows(table, "item", "annotator", "label") == [
        (2, "i1", "Ann", "cat"),
        (2, "i2", "Ann", "dog"),
        (3, "i2", "Bob", "cat"),
    ]
    assert told(table)["export_read"] == ("2 items x 2 annotators, 3 labels.", 3)


def test_the_shape_counts_what_the_table_has_not_what_was_answered(file: Path) -> None:
    body = "item," + ",".join(f"a{k}" for k in range(5)) + "\n"
    body += "".join(f"i{n},x,,{'x' if n < 18 else ''},x,x\n" for n in range(40))
    table = read_export(file, "wide", body, **ITEMS_ROUND)
    assert told(table)["export_read"] == ("40 items x 5 annotators, 138 labels.", 138)


def test_a_wide_table_that_does_not_say_its_orientation_is_asked(file: Path) -> None:
    with pytest.raises(ValueError, match="orientation=items_in_rows.*or annotators_in_rows"):
        read_export(file, "wide", ITEMS)
    with pytest.raises(ValueError, match="is for format=wide"):
        read_export(file, "lewidi", "{}", orientation="items_in_rows")
    assert read_export(file, "wide", ITEMS, **ITEMS_ROUND).ok


def test_the_id_column_is_named_or_mapped_and_never_guessed(file: Path) -> None:
    body = ITEMS.replace("item,", "image,")
    refused = read_export(file, "wide", body, **ITEMS_ROUND)
    assert codes(refused) == ["header_missing_column"]
    assert 'columns={"item": "..."}' in refused.problems[0].message
    table = read_export(file, "wide", body, {"item": "image"}, **ITEMS_ROUND)
    assert values(table, "item") == ["i1", "i2", "i2"]
    foreign = read_export(file, "wide", ITEMS, {"label": "Ann"}, **ITEMS_ROUND)
    assert codes(foreign) == ["header_unknown_column"]


def test_columns_that_hold_no_answers_are_left_out_by_name(file: Path) -> None:
    body = 'item,text,Ann\ni1,"two\nlines",cat\n'
    table = read_export(file, "wide", body, **ITEMS_ROUND, ignore=("text",))
    assert rows(table, "item", "annotator", "label") == [(2, "i1", "Ann", "cat")]


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        ("item,Ann,Ann\ni1,a,b\n", 1, "header_duplicate_column"),
        ("item,Ann,\ni1,a,b\n", 1, "header_empty_column"),
        ("item;Ann;Bob\ni1;a;b\n", 1, "wrong_delimiter"),
        ("item\ni1\n", 1, "header_missing_column"),
        ("item,Ann\ni1,cat\ni1,dog\n", 3, "duplicate_row"),
        ("item,Ann\n,cat\n", 2, "value_missing"),
        ("item,Ann\ni1,cat,dog\n", 2, "row_length"),
        ("item,Ann\ni1,c\x07at\n", 2, "control_character"),
        ("item,Ann\ni1,cat\nitem,Ann\n", 3, "header_repeated"),
        ("item,Ann\ni1,\ni2,\n", 1, "no_rows"),
        ("item,Ann\n", 1, "no_rows"),
        ("\nitem,Ann\n", 1, "header_missing"),
        ("item," + ",".join(f"a{k}" for k in range(6_000)) + "\n", 1, "too_many_columns"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(body: str, line: int, code: str, file: Path) -> None:
    table = read_export(file, "wide", body, **ITEMS_ROUND)
    assert [(p.line, p.code.value) for p in table.problems] == [(line, code)]


def test_bytes_that_are_not_utf8_are_placed(file: Path) -> None:
    table = read_export(file, "wide", b"item,Ann\ni1,cat\ni2,d\xff\n", **ITEMS_ROUND)
    assert [(p.line, p.code.value) for p in table.problems] == [(3, "invalid_utf8")]
    assert "byte 20" in table.problems[0].message
    assert values(table.without_problem_rows(), "item") == ["i1"]


def test_without_a_question_it_is_asked_for(file: Path) -> None:
    said = {"orientation": "items_in_rows", "known": ("pet", "size")}
    table = read_export(file, "wide", ITEMS, **said)
    assert codes(table) == ["question_unstated"]
    assert "question= with one of the data set's: pet, size" in table.problems[0].message


NAMES = st.text(st.sampled_from("ab\",;é '#=7"), min_size=1, max_size=6).map(lambda t: f"<{t}>")
CELLS = st.sampled_from(["", "cat", "dog", "007", "NA", '["a", "b"]', 'x,"y"', "é"])


@given(
    items=st.lists(NAMES, min_size=1, max_size=5, unique=True),
    annotators=st.lists(NAMES, min_size=1, max_size=5, unique=True),
    data=st.data(),
    turned=st.booleans(),
    delimiter=st.sampled_from(",;\t|"),
)
@settings(max_examples=120)
def test_long_rows_written_wide_are_read_back(
    items: list[str],
    annotators: list[str],
    data: Any,
    turned: bool,
    delimiter: str,
    file: Path,
) -> None:
    cells = {(i, a): data.draw(CELLS) for i in items for a in annotators}
    in_rows, in_columns = (annotators, items) if turned else (items, annotators)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["annotator" if turned else "item", *in_columns])
    for name in in_rows:
        keys = [(other, name) if turned else (name, other) for other in in_columns]
        writer.writerow([name, *(cells[key] for key in keys)])
    said = ANNOTATORS_ROUND if turned else ITEMS_ROUND
    table = read_export(file, "wide", out.getvalue().encode(), delimiter=delimiter, **said)
    expected = {key: cell for key, cell in cells.items() if cell}
    if expected:
        keys = zip(values(table, "item"), values(table, "annotator"), strict=True)
        assert table.problems == []
        assert dict(zip(keys, values(table, "label"), strict=True)) == expected
    else:
        assert codes(table) == ["no_rows"]


def test_a_wide_table_takes_no_compression_of_archives() -> None:
    with pytest.raises(ValueError, match="compression must be one of"):
        Options(format="wide", compression="zip")


def test_a_column_of_what_is_correct_becomes_reference_labels(file: Path) -> None:
    wide = {"orientation": "items_in_rows", "subject": "pet", "gold": {"pet": "truth"}}
    body = "item,ann,truth\ni1,cat,dog\ni2,,cat\ni3,dog,\n"
    table = read_export(file, "wide", body, **wide)
    assert rows(table, "item", "annotator", "label", "role") == [
        (2, "i1", "ann", "cat", ""),
        (2, "i1", "", "dog", "gold"),
        (3, "i2", "", "cat", "gold"),
        (4, "i3", "ann", "dog", ""),
    ]
    assert told(table)["export_read"][0] == "3 items x 1 annotator, 2 labels."
    dices = {"known": ("q",), "gold": {"q": "safety_gold"}}
    body = "item_id,rater_id,q,safety_gold\ni1,r1,Yes,No\ni1,r2,No,No\ni1,r3,No,Yes\n"
    table = read_export(file, "dices", body, **dices)
    assert [row[1:] for row in rows(table, "label", "role") if row[2]] == [
        ("No", "gold"),
        ("Yes", "gold"),
    ]
    for form in (wide, {**wide, "gold": {"pet": "gone"}}):
        absent = read_export(file, "wide", "item,ann\ni1,cat\n", **form)
        assert codes(absent) == ["header_missing_column"]
        assert "gold= names the column" in absent.problems[0].message


def test_columns_whose_names_look_alike_are_told(file: Path) -> None:
    body = "item,ann,Ann,bo,bo.1,c.1\ni1,x,x,x,x,x\n"
    table = read_export(file, "wide", body, orientation="items_in_rows", subject="pet")
    message, count = told(table)["columns_alike"]
    assert count == 2
    assert "'ann' and 'Ann'; 'bo' and 'bo.1'" in message


def test_a_first_column_without_a_name_is_told_what_it_may_be(file: Path) -> None:
    table = read_export(file, "wide", ",ann\ni1,x\n", orientation="items_in_rows", subject="pet")
    assert codes(table) == ["header_empty_column"]
    assert "name it item" in table.problems[0].message


@pytest.mark.parametrize("name", ["Total", "mean", "Majority Vote", "gold", "Comments"])
def test_a_column_that_sums_up_the_annotators_is_asked_about(file: Path, name: str) -> None:
    body = f"item,ann,{name}\ni1,cat,cat\n"
    said = {"orientation": "items_in_rows", "subject": "pet"}
    [problem] = read_export(file, "wide", body, **said).problems
    assert (problem.code, problem.column, problem.line) == ("header_unknown_column", name, 1)
    assert f"ignore={name}" in problem.message
    assert codes(read_export(file, "wide", body, ignore=(name,), **said)) == []
    assert codes(read_export(file, "wide", body, gold={"pet": name}, **said)) == []
    # An item may be called as it likes.
    turned = f"annotator,i1,{name}\nann,cat,cat\n"
    said = {**said, "orientation": "annotators_in_rows"}
    assert codes(read_export(file, "wide", turned, **said)) == []
