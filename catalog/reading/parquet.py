"""Parquet: flat columns of text, numbers, booleans and times. Meant for the child process.

A few hundred bytes of Parquet can ask for gigabytes, whatever the metadata say: only a memory
limit helps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.reading.building import Batch, TableBuilder
from catalog.reading.columns import TEXT_KINDS, Column, Kind, Layout, Options
from catalog.reading.decoding import Numeral, Record
from catalog.reading.headers import Header
from catalog.reading.numerals import FloatTexts
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape

_BATCH = 16_384
_FEW = 1_024


def read_parquet(path: Path, layout: Layout, options: Options, builder: TableBuilder) -> None:
    """Read a Parquet file; the line of a problem is the row's number + 1, as in a CSV."""
    if options.compression is not None:
        raise ReadingStoppedError(_compressed())
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            _read(file, layout, options, builder)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ReadingStoppedError(_unreadable(error)) from error


def _compressed() -> Fault:
    sentence = "A Parquet file is compressed inside; send it without gzip."
    return Fault(Code.UNSUPPORTED_MEDIA_TYPE, sentence)


def _too_large(max_bytes: int, line: int) -> Fault:
    sentence = (
        f"The Parquet file holds more than {max_bytes:,} bytes of text, whatever its own size; "
        "send it in parts."
    )
    return Fault(Code.DECOMPRESSED_TOO_LARGE, sentence, line=line)


def _unreadable(error: Exception) -> Fault:
    sentence = f"The file cannot be read as Parquet ({escape(str(error))}); write it again."
    return Fault(Code.UNSUPPORTED_MEDIA_TYPE, sentence)


def _read(file: pq.ParquetFile, layout: Layout, options: Options, builder: TableBuilder) -> None:
    if not file.metadata.num_rows:
        sentence = "the file has columns and no rows; send at least one row."
        raise ReadingStoppedError(Fault(Code.NO_ROWS, sentence, line=1))
    schema = file.schema_arrow
    columns = _match(schema, layout, options, builder)
    builder.header = tuple(schema.names)
    line, room = 2, options.limits.max_bytes
    for batch in file.iter_batches(_BATCH, use_threads=False):
        batch.validate(full=True)
        texts = [
            _texts(values, column) for values, column in zip(batch.columns, columns, strict=True)
        ]
        room -= sum(sum(map(len, column)) for column in texts if isinstance(column, list))
        if room < 0:
            raise ReadingStoppedError(_too_large(options.limits.max_bytes, line))
        builder.add(Batch(range(line, line + len(batch)), texts))
        line += len(batch)


def parquet_records(path: Path, options: Options) -> Iterator[Record]:
    """Each row as a dictionary, lists and objects included; lines count as in :func:`read_parquet`.

    Raises
    ------
    ReadingStoppedError
        Where the file cannot be read.
    """
    if options.compression is not None:
        raise ReadingStoppedError(_compressed())
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            line = 2
            for batch in file.iter_batches(_FEW, use_threads=False):
                batch.validate(full=True)
                for record in batch.to_pylist():
                    yield _as_decoded(record), line, []
                    line += 1
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ReadingStoppedError(_unreadable(error)) from error


def _as_decoded(value: object) -> object:
    """A value as JSON would hold it: numbers as their digits, times as text."""
    if isinstance(value, dict):
        return {str(key): _as_decoded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_decoded(part) for part in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, float):
        return Numeral(repr(value)) if math.isfinite(value) else None
    return Numeral(value) if isinstance(value, (int, Decimal)) else str(value)


def _match(
    schema: pa.Schema, layout: Layout, options: Options, builder: TableBuilder
) -> list[Column]:
    header = Header(layout, options)
    found = [header.add(name) for name in schema.names]
    columns = [column for column in found if column is not None]
    faults = header.finish()
    if not faults:
        faults = [
            fault
            for field, column in zip(schema, columns, strict=True)
            if (fault := _type_fault(field, column)) is not None
        ]
    for fault in faults[:-1]:
        builder.log.add(fault.at(1))
    if faults:
        raise ReadingStoppedError(replace(faults[-1], line=1))
    builder.notices.extend(header.notices(1))
    for column in columns:
        builder.add_column(column)
    return columns


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    return any(is_it(kind) for is_it in tests)


def _is_list(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(lists and _is_text(_value_type(kind.value_type)))


def _type_fault(field: pa.Field, column: Column) -> Fault | None:
    kind = _value_type(field.type)
    exact = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    if _is_text(kind) or (exact and column.kind is not Kind.TIME):
        return None
    if column.nested and _is_list(kind):
        return None
    if column.kind in TEXT_KINDS:
        # 7 and 7.0 are one float, and two identifiers.
        floats = pa.types.is_floating(kind) and column.kind is not Kind.IDENTIFIER
        fits = floats or pa.types.is_boolean(kind) or pa.types.is_date(kind)
    elif column.kind is Kind.TIME:
        fits = pa.types.is_timestamp(kind)
    else:
        fits = pa.types.is_floating(kind)
    if fits:
        return None
    sentence = (
        f"the column holds {escape(str(field.type))} where {column.kind.value} is expected; "
        "write it as text, or as the type that is expected."
    )
    return Fault(Code.TYPE, sentence, str(field.type), column=column.name)


def _texts(values: pa.Array, column: Column) -> Sequence[str]:
    if pa.types.is_dictionary(values.type) and _is_text(values.type.value_type):
        return _coded_texts(values)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if _is_list(values.type):
        return _list_texts(values)
    if pa.types.is_floating(values.type):
        return _float_texts(values, column)
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        # An instant keeps its value when its zone is named differently.
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    return _present(values)


def _present(values: pa.Array) -> list[str]:
    texts: list[str] = pc.fill_null(values.cast(pa.large_string()), "").to_pylist()
    return texts


def _coded_texts(values: pa.DictionaryArray) -> list[str]:
    """The texts of a column that holds each once: rows share them."""
    distinct = [*_present(values.dictionary), ""]
    return [distinct[code] for code in pc.fill_null(values.indices, -1).to_pylist()]


def _list_texts(values: pa.Array) -> list[str]:
    """Sets of values as JSON writes them; a list that is absent is an empty field."""
    lists = values.to_pylist()
    return ["" if one is None else json.dumps(one, ensure_ascii=False) for one in lists]


def _float_texts(values: pa.Array, column: Column) -> Sequence[str]:
    missing = values.is_null().to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False)
    if column.kind not in TEXT_KINDS:
        return FloatTexts(numbers.astype(np.float64), missing)
    pairs = zip(numbers, missing, strict=True)
    return ["" if gone else str(number) for number, gone in pairs]
