"""How a reading is asked for and answered between two processes: JSON and plain arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.reading import tables
from catalog.reading.columns import Column, Export, Kind, Layout, Limits, Options
from catalog.reading.problems import Code, Notice, Problem
from catalog.reading.tables import (
    AnyColumn,
    MatrixColumn,
    NumberColumn,
    Table,
    TextColumn,
    Texts,
    TimeColumn,
)

ANSWER = "answer.json"
ERRORS = "errors"
REQUEST = "request.json"
Json = dict[str, Any]


def write_request(folder: Path, path: Path, layout: Layout, options: Options) -> None:
    """Say what is to be read, and how."""
    request = {
        "path": str(path.resolve()),
        "columns": [asdict(column) for column in layout.columns],
        "extra": None if layout.extra is None else asdict(layout.extra),
        "mapping": dict(layout.mapping),
        "options": asdict(options),
    }
    (folder / REQUEST).write_text(json.dumps(request, default=sorted), encoding="utf-8")


def read_request(folder: Path) -> tuple[Path, Layout, Options]:
    """What :func:`write_request` said."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    columns = tuple(_column(column) for column in request["columns"])
    extra = None if request["extra"] is None else _column(request["extra"])
    options = request["options"] | {
        "limits": Limits(**request["options"]["limits"]),
        "export": _export(request["options"]["export"]),
    }
    layout = Layout(columns, extra, request["mapping"])
    return Path(request["path"]), layout, Options(**options)


def _export(said: Json) -> Export:
    told: Json = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    return Export(**told)


def _column(said: Json) -> Column:
    codes = frozenset(said["missing_codes"])
    aliases = tuple(said["aliases"])
    return Column(**said | {"kind": Kind(said["kind"]), "missing_codes": codes, "aliases": aliases})


def write_table(folder: Path, table: Table) -> None:
    """Write the arrays, then the answer: where it stands, everything stands."""
    columns = []
    for place, (name, column) in enumerate(table.columns.items()):
        columns.append({"name": name, **_write_column(folder, f"c{place}", column)})
    _save(folder, "line", table.line)
    _save(folder, "problem_rows", table.problem_rows)
    answer = {
        "n_rows": table.n_rows,
        "columns": columns,
        "header": table.header,
        "problems": [asdict(problem) for problem in table.problems],
        "n_problems": table.n_problems,
        "complete": table.complete,
        "notices": [asdict(notice) for notice in table.notices],
    }
    unfinished = folder / f"{ANSWER}.part"
    unfinished.write_text(json.dumps(answer), encoding="utf-8")
    unfinished.rename(folder / ANSWER)


def _write_column(folder: Path, stem: str, column: AnyColumn) -> Json:
    if isinstance(column, TextColumn):
        _save(folder, f"{stem}.codes", column.codes)
        # No value holds a NUL: such a value is a problem and is not in the table.
        with (folder / f"{stem}.values").open("wb") as file:
            if isinstance(column.values, Texts):
                file.write(column.values.body.data)
            else:
                file.writelines(value.encode() + b"\0" for value in column.values)
        spellings = {str(code): spelled for code, spelled in column.spellings.items()}
        return {"type": "text", "n_values": len(column.values), "spellings": spellings}
    _save(folder, f"{stem}.values", column.values)
    if isinstance(column, MatrixColumn):
        return {"type": "matrix"}
    _save(folder, f"{stem}.missing", column.missing)
    return {"type": "number" if isinstance(column, NumberColumn) else "time"}


def read_table(folder: Path) -> Table:
    """The table that :func:`write_table` wrote; its arrays are mapped, not copied."""
    answer = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
    columns = {
        said["name"]: _read_column(folder, f"c{place}", said)
        for place, said in enumerate(answer["columns"])
    }
    return Table(
        answer["n_rows"],
        _load(folder, "line"),
        columns,
        tuple(answer["header"]),
        [Problem(**said | {"code": Code(said["code"])}) for said in answer["problems"]],
        answer["n_problems"],
        _load(folder, "problem_rows"),
        answer["complete"],
        [Notice(**said | {"code": Code(said["code"])}) for said in answer["notices"]],
    )


def _read_column(folder: Path, stem: str, said: Json) -> AnyColumn:
    if said["type"] == "text":
        path = folder / f"{stem}.values"
        many = said["n_values"] >= tables.MANY
        texts: Sequence[str] = (
            Texts(np.asarray(np.memmap(path, np.uint8, "r")))
            if many
            else list(Texts(path.read_bytes()))
        )
        spellings = {int(code): tuple(spelled) for code, spelled in said["spellings"].items()}
        return TextColumn(_load(folder, f"{stem}.codes"), texts, spellings)
    values = _load(folder, f"{stem}.values")
    if said["type"] == "matrix":
        return MatrixColumn(values)
    missing = _load(folder, f"{stem}.missing")
    return (NumberColumn if said["type"] == "number" else TimeColumn)(values, missing)


def _save(folder: Path, stem: str, values: npt.NDArray[Any]) -> None:
    np.save(folder / f"{stem}.npy", values, allow_pickle=False)
    tables.put_aside(values)


def _load(folder: Path, stem: str) -> npt.NDArray[Any]:
    path = folder / f"{stem}.npy"
    # An unlinked file stays mapped, so the folder may go away while the table is used.
    values: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(values)
