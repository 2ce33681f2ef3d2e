"""Which reader reads which format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from catalog.reading.arrays import read_arrays
from catalog.reading.building import TableBuilder
from catalog.reading.columns import ARRAYS, EXPORTS, Layout, Options
from catalog.reading.delimited import read_delimited
from catalog.reading.exports import read_export
from catalog.reading.headers import Header
from catalog.reading.problems import ReadingStoppedError
from catalog.reading.records import read_json, read_ndjson
from catalog.reading.tables import Table

WORTH_ARROW = 1 << 17  # bytes
Reader = Callable[[Path, Layout, Options, TableBuilder], None]

_READERS: dict[str, Reader] = {
    "csv": read_delimited,
    "tsv": read_delimited,
    "ndjson": read_ndjson,
    "json": read_json,
}


def read(path: Path | str, layout: Layout, options: Options) -> Table:
    """Read a file in this process; whatever the file holds, the answer is a table.

    Parquet belongs into a child process (:func:`catalog.reading.read_in_child`).

    Raises
    ------
    MemoryError
        When the file takes more memory than there is.
    OSError
        When there is no such file.
    """
    if options.format in EXPORTS:
        return read_export(Path(path), layout, options)
    if options.format in ARRAYS:
        return read_arrays(Path(path), layout, options)
    if _is_large_and_plain(Path(path), options):
        # By name: Arrow doubles the start of whoever reads in his own process.
        read_clean = import_module("catalog.reading.clean").read_clean
        table: Table | None = read_clean(Path(path), Header(layout, options), options)
        if table is not None:
            return table
    builder = TableBuilder(options)
    try:
        _reader(options.format)(Path(path), layout, options, builder)
    except ReadingStoppedError as stopped:
        builder.log.stop(stopped.fault.at(None))
    return builder.finish()


def _is_large_and_plain(path: Path, options: Options) -> bool:
    is_plain = options.format in ("csv", "tsv") and options.compression is None
    return is_plain and path.stat().st_size >= WORTH_ARROW


def _reader(name: str) -> Reader:
    if name in _READERS:
        return _READERS[name]
    # By name, so that the readers of text do not load Arrow: half their start, half their memory.
    reader: Reader = import_module("catalog.reading.parquet").read_parquet
    return reader
