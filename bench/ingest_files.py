"""Files that the ingest comparisons send: made up, with text ids, in random order of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

VALUES = ["ant", "bee", "cat", "dog", "eel"]
CLASSES = [f"c{k}" for k in range(10)]
ATTRIBUTES = {"sex": ["female", "male"], "age": [f"{a}-{a + 9}" for a in range(0, 90, 10)]}
ATTRIBUTES |= {"site": [f"site {k}" for k in range(12)], "scanner": ["A", "B", "C"]}
PLACES = ("district", "trade", "housing")
_ANNOTATORS = 500
_AT_A_TIME = 1_000_000


def labels_csv(path: Path, n_rows: int, *, seed: int = 1, changed: float = 0.0) -> Path:
    """Five labels an item by 500 annotators, each with its time.

    ``changed`` is the share of rows that say another value than the file of ``changed=0`` does.
    """
    rng = np.random.default_rng(seed)
    item = (np.arange(n_rows) // 5).astype(np.int32)
    annotator = ((item * 7 + (np.arange(n_rows) % 5) * 101) % _ANNOTATORS).astype(np.int16)
    value = np.random.default_rng(0).integers(0, len(VALUES), n_rows).astype(np.int8)
    flip = rng.random(n_rows) < changed
    value[flip] = (value[flip] + 1) % len(VALUES)
    order = rng.permutation(n_rows)
    return _write(
        path,
        order,
        lambda rows: {
            "item": _named("image-", item[rows], 8),
            "annotator": _named("annotator-", annotator[rows], 4),
            "label": pa.array(VALUES).take(pa.array(value[rows])),
            "labelled_at": _times(rows),
        },
    )


def items_csv(path: Path, n_rows: int) -> Path:
    """Items with four attributes and a group of about ten."""
    rng = np.random.default_rng(3)
    codes = {name: rng.integers(0, len(values), n_rows) for name, values in ATTRIBUTES.items()}
    return _write(
        path,
        rng.permutation(n_rows),
        lambda rows: {
            "item": _named("image-", rows, 8),
            "group": _named("subject-", rows // 10, 7),
            **{
                name: pa.array(values).take(pa.array(codes[name][rows]))
                for name, values in ATTRIBUTES.items()
            },
        },
    )


def predictions_csv(path: Path, n_rows: int) -> Path:
    """Probabilities of ten classes, four digits each, that sum to 1."""
    rng = np.random.default_rng(4)

    def columns(rows: NDArray[Any]) -> dict[str, Any]:
        shares = rng.dirichlet(np.ones(len(CLASSES)), len(rows)).round(4)
        shares[:, -1] = (1 - shares[:, :-1].sum(1)).round(4).clip(0)
        named = {f"p_{name}": pa.array(shares[:, k]) for k, name in enumerate(CLASSES)}
        return {"item": _named("image-", rows, 8), **named}

    return _write(path, rng.permutation(n_rows), columns)


def population_csv(path: Path, n_rows: int) -> Path:
    """Cells of three attributes with many values each, and a weight."""
    rng = np.random.default_rng(5)
    side = int(np.ceil(np.cbrt(n_rows)))

    def columns(rows: NDArray[Any]) -> dict[str, Any]:
        place = zip(PLACES, (rows // side**2, rows // side % side, rows % side), strict=True)
        named = {name: _named(name, codes, 3) for name, codes in place}
        return {**named, "weight": pa.array(rng.integers(1, 1000, len(rows)))}

    return _write(path, rng.permutation(n_rows), columns)


def _write(path: Path, order: NDArray[Any], columns: Any) -> Path:
    """A file of these rows, made a million at a time."""
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as out:
        for start in range(0, len(order), _AT_A_TIME):
            table = pa.table(columns(order[start : start + _AT_A_TIME]))
            if not start:
                out.write(",".join(table.column_names).encode() + b"\n")
            csv.write_csv(table, out, options)
    return path


def _named(prefix: str, numbers: NDArray[Any], digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, padding="0")
    return pc.binary_join_element_wise(prefix, padded, "")


def _times(numbers: NDArray[Any]) -> pa.Array:
    seconds = pa.array(1_767_225_600 + numbers % 86_400).cast(pa.timestamp("s"))
    return pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ")
