"""Files of arrays: read whatever numpy wrote, and never a pickle, a bomb or a promise."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from catalog.reading import (
    Column,
    Kind,
    Layout,
    Limits,
    MatrixColumn,
    Options,
    Table,
    TextColumn,
    read,
    read_in_child,
)
from tests.catalog.array_files import headed, npy, npz, zipped

LAYOUT = Layout(
    (
        Column("item", Kind.IDENTIFIER, required=True),
        Column("features", Kind.NUMBER, required=True),
        Column("names", Kind.CATEGORY),
    )
)
ITEMS = np.array(["a", "b", "c"])
MATRIX = np.array([[1, 2], [3, 4], [5, 6.5]], np.float32)
ARRAYS = {
    "float32": MATRIX,
    "float64": MATRIX.astype(np.float64),
    "float16": MATRIX.astype(np.float16),
    "fortran order": np.asfortranarray(MATRIX),
    "big endian": MATRIX.astype(">f8"),
    "big endian, fortran order": np.asfortranarray(MATRIX.astype(">f4")),
}


def reading(tmp_path: Path, body: bytes, form: str = "npz", layout: Layout = LAYOUT) -> Table:
    path = tmp_path / "file"
    path.write_bytes(body)
    return read(path, layout, Options(format=form))


@pytest.mark.parametrize("name", ARRAYS)
def test_numbers_are_read_whatever_numpy_wrote(tmp_path: Path, name: str) -> None:
    for body, form in (
        (npz(item=ITEMS, features=ARRAYS[name]), "npz"),
        (npy(ARRAYS[name]), "npy"),
    ):
        table = reading(tmp_path, body, form)
        assert table.ok
        found = table.columns["features"]
        assert isinstance(found, MatrixColumn)
        np.testing.assert_array_equal(found.values, MATRIX)
        assert found.values.dtype == np.float32
        assert table.header == ("f0", "f1")


@pytest.mark.parametrize(
    "names", [ITEMS, ITEMS.astype("S"), np.array([1, 2, 3], ">i2"), ITEMS.astype(">U4")]
)
def test_items_are_named_by_text_or_whole_numbers(tmp_path: Path, names: np.ndarray) -> None:
    table = reading(tmp_path, npz(item=names, features=MATRIX))
    found = table.columns["item"]
    assert isinstance(found, TextColumn)
    assert found.values == [one.decode() if isinstance(one, bytes) else str(one) for one in names]


def test_arrays_are_named_and_left_out_as_the_sender_says(tmp_path: Path) -> None:
    columns = (*LAYOUT.columns, Column("labels", Kind.TEXT))
    layout = Layout(columns, mapping={"item": "ids", "features": "emb"})
    body = npz(ids=ITEMS, emb=MATRIX, labels=[1, 2, 3], names=["x", "y"])
    table = reading(tmp_path, body, layout=layout)
    assert (table.ok, table.header) == (True, ("x", "y"))


def test_a_child_hands_over_a_matrix(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(npz(item=ITEMS, features=MATRIX))
    limits = {"memory_limit": 256 << 20, "time_limit": 30.0}
    table = read_in_child(path, LAYOUT, Options(format="npz"), **limits)
    found = table.without_problem_rows().columns["features"]
    assert isinstance(found, MatrixColumn)
    np.testing.assert_array_equal(found.values, MATRIX)
    assert not found.missing.any()


def test_of_many_numbers_that_are_none_each_is_counted(tmp_path: Path) -> None:
    matrix = np.ones((50, 3))
    matrix[10:40] = np.nan
    path = tmp_path / "file"
    path.write_bytes(npz(item=np.arange(50), features=matrix))
    table = read(path, LAYOUT, Options(format="npz", limits=Limits(max_problems=7)))
    assert (len(table.problems), table.n_problems) == (7, 90)
    np.testing.assert_array_equal(table.problem_rows, np.arange(10, 40))
    places = [(p.line, p.column) for p in table.problems]
    assert places[:4] == [(11, "f0"), (11, "f1"), (11, "f2"), (12, "f0")]


PAIR = {"item": np.array(["a", "b"]), "features": np.ones((2, 2))}
OBJECTS = np.array([1.0, None], object).reshape(2, 1)
DEFLATED = zipfile.ZIP_DEFLATED
#: What is sent, the code that answers, and words that say what to do.
MISTAKES: dict[str, tuple[bytes, str, str]] = {
    "an object array": (
        npz(item=PAIR["item"], features=OBJECTS),
        "array_type",
        "'features' holds Python objects, which numpy saves as a pickle; a pickle is never loaded",
    ),
    "names as objects": (
        npz(item=PAIR["item"].astype(object), features=PAIR["features"]),
        "array_type",
        "Save names as array.astype(str)",
    ),
    "names as floats": (npz(**{**PAIR, "item": [1.5, 2.5]}), "array_type", "cannot name things"),
    "complex numbers": (
        npz(**{**PAIR, "features": np.ones((2, 2), complex)}),
        "array_type",
        "array.astype('float32')",
    ),
    "text for numbers": (npz(**{**PAIR, "features": [["1"], ["2"]]}), "array_type", "<U1"),
    "a structured array": (
        npz(**{**PAIR, "features": np.zeros((2, 1), [("x", "f4")])}),
        "array_type",
        "real numbers",
    ),
    "one dimension": (npz(**{**PAIR, "features": [1.0, 2]}), "array_shape", "reshape(-1, 1)"),
    "three dimensions": (
        npz(**{**PAIR, "features": np.ones((2, 2, 2))}),
        "array_shape",
        "reshape(len(array), -1)",
    ),
    "no rows": (npz(item=[], features=np.ones((0, 2))), "array_type", "float64"),
    "no rows, named": (
        npz(item=np.array([], "U1"), features=np.ones((0, 2))),
        "array_shape",
        "(0, 2)",
    ),
    "names in two dimensions": (npz(**{**PAIR, "item": [["a"], ["b"]]}), "array_shape", "ravel"),
    "more rows than names": (
        npz(**{**PAIR, "item": ["a"]}),
        "array_shape",
        "names 1 rows and 'features' has 2",
    ),
    "more columns than names": (
        npz(**PAIR, names=["x"]),
        "array_shape",
        "names 1 columns and 'features' has 2",
    ),
    "a column named twice": (npz(**PAIR, names=["x", "X"]), "header_duplicate_column", "'X' twice"),
    "an array too many": (npz(**PAIR, labels=[1]), "header_unknown_column", "ignore="),
    "an array too few": (
        npz(np.ones((2, 2))),
        "header_unknown_column",
        "numpy.savez(path, item=names, features=matrix)",
    ),
    "no items": (npz(features=np.ones((2, 2))), "header_missing_column", "lacks the array 'item'"),
    "an empty name": (npz(**{**PAIR, "item": ["a", ""]}), "value_missing", "Line 2"),
    "a space around a name": (npz(**{**PAIR, "item": ["a", "b "]}), "surrounding_space", "Line 2"),
    "no number": (
        npz(**{**PAIR, "features": [[1.0, 2], [np.nan, 3]]}),
        "not_finite",
        "Line 2, column 'f0': nan",
    ),
    "infinity": (
        npz(**{**PAIR, "features": [[1, -np.inf], [2, 3]]}, names=["x", "y"]),
        "not_finite",
        "Line 1, column 'y': -inf",
    ),
    "beyond 32 bits": (
        npz(**{**PAIR, "features": [[1e39, 1], [2, 3]]}),
        "not_finite",
        "finite number of 32 bits",
    ),
    "cut off": (npz(**PAIR)[:-40], "corrupt_zip", "damaged"),
    "a member that was cut off": (
        zipped(item=npy(PAIR["item"]), features=npy(PAIR["features"])[:-8]),
        "array_length",
        "takes 32 bytes; 24 follow",
    ),
    "bytes after the end": (
        zipped(item=npy(PAIR["item"]), features=npy(PAIR["features"]) + b"1234"),
        "array_length",
        "takes 32 bytes; 36 follow",
    ),
    "a huge shape": (
        zipped(item=npy(PAIR["item"]), features=headed("'<f8'", "(1000000000, 1000000000)")),
        "array_length",
        "takes 8,000,000,000,000,000,000 bytes; 0 follow",
    ),
    "a huge name": (
        zipped(item=headed("'<U100000000'", "(1,)"), features=npy(PAIR["features"])),
        "array_length",
        "takes 400,000,000 bytes; 0 follow",
    ),
    "a negative shape": (
        zipped(item=npy(PAIR["item"]), features=headed("'<f8'", "(-1, 2)")),
        "array_header",
        "no side can be negative",
    ),
    "a head that is no head": (
        zipped(item=npy(PAIR["item"]), features=headed("__import__('os')", "(1, 1)")),
        "array_header",
        "is damaged",
    ),
    "a head of gigabytes": (
        zipped(item=npy(PAIR["item"]), features=b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"),
        "array_header",
        "4,294,967,295 bytes",
    ),
    "a head nested too deep": (
        zipped(item=npy(PAIR["item"]), features=headed("(" * 900 + ")" * 900, "(1, 1)")),
        "array_header",
        "is damaged",
    ),
    "another version": (
        zipped(item=npy(PAIR["item"]), features=b"\x93NUMPY\x09\x00"),
        "array_header",
        "versions 1.0 and 2.0",
    ),
    "a zip of something else": (zipped(**{"a/b": b"x"}), "zip_member", "no array of numpy"),
    "a bomb": (
        zipped(DEFLATED, item=npy(PAIR["item"]), features=npy(np.zeros((300_000, 8)))),
        "decompressed_too_large",
        "more than 200 times its size",
    ),
    "too wide": (
        npz(item=["a"], features=np.zeros((1, 20_000))),
        "too_many_columns",
        "16,384 are allowed",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_answered_by_name(tmp_path: Path, name: str) -> None:
    body, code, words = MISTAKES[name]
    table = reading(tmp_path, body)
    assert not table.ok
    assert table.problems[0].code.value == code, table.problems
    assert words in table.problems[0].message
