"""Vectors of numbers, one an item, in numpy's own files: an NPZ with names, or a bare NPY.

``item`` (one dimension) names the rows of ``features`` (two dimensions), and ``names``, where it is
there, the columns. A bare NPY has the matrix alone. The line of a problem is the row, from 1.
"""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from catalog.reading.building import Batch, TableBuilder
from catalog.reading.columns import Column, Kind, Layout, Limits, Options
from catalog.reading.headers import folded, name_fault
from catalog.reading.npy import Array, open_array, read_matrix, read_names, stop
from catalog.reading.problems import Code, Fault, ProblemLog, ReadingStoppedError, escape
from catalog.reading.tables import MatrixColumn, Table
from catalog.reading.zips import BROKEN, is_readable

ITEM, MATRIX, NAMES = "item", "features", "names"
SUFFIX = ".npy"
MAX_MEMBERS = 100
SAVE = "Save it with numpy.savez(path, item=names, features=matrix)."
Matrix = npt.NDArray[np.float32]


def read_arrays(path: Path, layout: Layout, options: Options) -> Table:
    """Read a file of arrays in this process; whatever it holds, the answer is a table."""
    builder = TableBuilder(options)
    columns = {}
    try:
        if options.format == "npy":
            matrix = _read_npy(path, options.limits)
            texts, names = None, _numbered(matrix)
        else:
            texts, matrix, names = _read_npz(path, layout, options.limits)
        builder.header = tuple(names)
        _add_rows(builder, layout, matrix, texts)
        _report_not_finite(builder.log, matrix, names)
        columns = {MATRIX: MatrixColumn(matrix)}
    except ReadingStoppedError as stopped:
        builder.log.stop(stopped.fault.at(None))
    table = builder.finish()
    table.columns = {**table.columns, **columns}
    return table


def _add_rows(
    builder: TableBuilder, layout: Layout, matrix: Matrix, texts: list[str] | None
) -> None:
    """The names of the rows, each checked as an identifier of any other file."""
    n = len(matrix)
    if texts is not None:
        builder.add_column(next(column for column in layout.columns if column.name == ITEM))
    builder.add(Batch(range(1, n + 1), [] if texts is None else [texts]))


def _numbered(matrix: Matrix) -> list[str]:
    return [f"f{k}" for k in range(matrix.shape[1])]


def _report_not_finite(log: ProblemLog, matrix: Matrix, names: list[str]) -> None:
    """Each number that is none, by row and column; block by block, since all of them may be."""
    step = max(1, (1 << 20) // matrix.shape[1])
    for start in range(0, len(matrix), step):
        bad = ~np.isfinite(matrix[start : start + step])
        if not bad.any():
            continue
        told = np.argwhere(bad)[: log.room] if log.room else np.empty((0, 2), np.int64)
        for row, column in told.tolist():
            value = f"{matrix[start + row, column]:g}"
            sentence = (
                f"{value} is not a finite number of 32 bits; leave the item out, or fill in what "
                "the feature was."
            )
            fault = Fault(Code.NOT_FINITE, sentence, value)
            log.add(fault.at(start + row + 1, names[column]), start + row)
        rows = (start + np.flatnonzero(bad.any(axis=1))).tolist()
        log.count(rows, int(bad.sum()) - len(told))


def _read_npy(path: Path, limits: Limits) -> Matrix:
    with path.open("rb") as file:
        array = open_array(MATRIX, file, path.stat().st_size)
        _refuse_large(array, limits)
        return read_matrix(array, limits.max_width)


def _read_npz(path: Path, layout: Layout, limits: Limits) -> tuple[list[str], Matrix, list[str]]:
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            found = {
                name: open_array(
                    name, cast("BinaryIO", stack.enter_context(archive.open(info))), info.file_size
                )
                for name, info in _members(archive, layout, limits).items()
            }
            return _read_together(found, limits)
        except BROKEN as error:
            sentence = f"The NPZ file is damaged ({escape(str(error))}); save it again."
            raise stop(Code.CORRUPT_ZIP, sentence) from error


def _read_together(found: dict[str, Array], limits: Limits) -> tuple[list[str], Matrix, list[str]]:
    for array in found.values():
        _refuse_large(array, limits)
    texts = read_names(found[ITEM])
    matrix = read_matrix(found[MATRIX], limits.max_width)
    if len(texts) != len(matrix):
        raise stop(
            Code.ARRAY_SHAPE,
            f"The array '{ITEM}' names {len(texts):,} rows and '{MATRIX}' has {len(matrix):,}; "
            "they must be as many, in the same order.",
        )
    if NAMES not in found:
        return texts, matrix, _numbered(matrix)
    names = read_names(found[NAMES])
    if len(names) != matrix.shape[1]:
        raise stop(
            Code.ARRAY_SHAPE,
            f"The array '{NAMES}' names {len(names):,} columns and '{MATRIX}' has "
            f"{matrix.shape[1]:,}; they must be as many, in the same order.",
        )
    _refuse_names(names)
    return texts, matrix, names


def _refuse_names(names: list[str]) -> None:
    """Names of columns are held to what a header is held to."""
    taken: set[str] = set()
    for place, name in enumerate(names, start=1):
        fault = name_fault(name, place)
        if fault is None and folded(name) in taken:
            sentence = f"The array '{NAMES}' has '{escape(name)}' twice; keep one of them."
            fault = Fault(Code.HEADER_DUPLICATE_COLUMN, sentence, name)
        if fault is not None:
            raise ReadingStoppedError(fault)
        taken.add(folded(name))


def _refuse_large(array: Array, limits: Limits) -> None:
    if array.shape and array.shape[0] > limits.max_rows:
        sentence = (
            f"The array '{escape(array.name)}' has {array.shape[0]:,} rows; {limits.max_rows:,} "
            "are allowed. Send it in parts."
        )
        raise stop(Code.TOO_MANY_ROWS, sentence)


def _members(
    archive: zipfile.ZipFile, layout: Layout, limits: Limits
) -> dict[str, zipfile.ZipInfo]:
    """The member of each array of ours; the archive is found sound and small enough first.

    The sizes that are checked here bind: reading ends at the size that a member states.
    """
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        sentence = f"The NPZ file has {len(infos):,} arrays; {MAX_MEMBERS} are allowed. {SAVE}"
        raise stop(Code.ZIP_MEMBER, sentence)
    if sum(info.file_size for info in infos) > limits.max_bytes:
        sentence = (
            f"The NPZ file expands to more than {limits.max_bytes:,} bytes; send it in parts."
        )
        raise stop(Code.DECOMPRESSED_TOO_LARGE, sentence)
    meant = {layout.mapping.get(c.name, c.name): c for c in layout.columns}
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        column = _meant(info, meant, limits)
        if column.kind is Kind.TEXT:
            continue
        if column.name in found:
            sentence = f"The NPZ file has the array '{escape(info.filename)}' twice; keep one."
            raise stop(Code.HEADER_DUPLICATE_COLUMN, sentence, info.filename)
        found[column.name] = info
    _refuse_lacking(found, meant, [info.filename.removesuffix(SUFFIX) for info in infos])
    return found


def _meant(info: zipfile.ZipInfo, meant: dict[str, Column], limits: Limits) -> Column:
    name = info.filename.removesuffix(SUFFIX)
    shown = f"The NPZ file's member '{escape(info.filename)}'"
    if not info.filename.endswith(SUFFIX) or set(name) & set("/\\\0:"):
        raise stop(Code.ZIP_MEMBER, f"{shown} is no array of numpy. {SAVE}", info.filename)
    if not is_readable(info):
        sentence = f"{shown} is encrypted or packed by an unusual method. {SAVE}"
        raise stop(Code.ZIP_MEMBER, sentence, info.filename)
    if info.file_size > max(limits.ratio_after, limits.max_ratio * info.compress_size):
        sentence = (
            f"{shown} expands to more than {limits.max_ratio} times its size; save it with "
            "numpy.savez, uncompressed."
        )
        raise stop(Code.DECOMPRESSED_TOO_LARGE, sentence, info.filename)
    if name not in meant:
        sentence = (
            f"The array '{escape(name)}' is unknown; known are {', '.join(meant)}. {SAVE} Leave it "
            'out with ignore=, or say which it is with columns={"features": "..."}.'
        )
        raise stop(Code.HEADER_UNKNOWN_COLUMN, sentence, name)
    return meant[name]


def _refuse_lacking(
    found: dict[str, zipfile.ZipInfo], meant: dict[str, Column], names: list[str]
) -> None:
    lacking = [sent for sent, c in meant.items() if c.required and c.name not in found]
    if lacking:
        sentence = (
            f"The NPZ file lacks the array '{escape(lacking[0])}'; it has: "
            f"{escape(', '.join(names)) or 'nothing'}. {SAVE}"
        )
        raise stop(Code.HEADER_MISSING_COLUMN, sentence, lacking[0])
