"""Keys of labels as numbers: put in order, and compared with those that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotations.partitions import partition_of
from catalog.ingest.copying import PerRow, copy_out
from catalog.models import Question
from catalog.queries import NUMBER_MASK

NO_CODE = -1
# Bytes of a stored label, about: a file of fewer rows than a quarter of what is stored is compared
# by the database, through its index.
_LABEL_BYTES = 100
_FEW = 4
_WORD = 64
_PLACE = 32

Array = NDArray[Any]
Places = NDArray[np.integer[Any]]
#: Code (``NO_CODE`` where none), number (NaN where none) and status of the rows compared.
Answers = tuple[Array, Array, Array]


def key_order(
    rows: Places, item: Array | PerRow, annotator: Array | PerRow, rounds: Array
) -> tuple[Places, NDArray[np.bool_]]:
    """Rows by item, annotator, round and place in the file; and which repeat the key before them.

    Parameters
    ----------
    rows : (m,) places in the following
    item, annotator, rounds : (n,) integers, keys or numbers within the data set

    Returns
    -------
    order : (m,) the rows, sorted
    same : (m,) bool, whether item, annotator and round are those of the row before
    """
    fields: list[Callable[[], Array]] = [
        lambda: _number(item, rows),
        lambda: _number(annotator, rows),
        lambda: rounds[rows],
        lambda: rows,
    ]
    # One after the other: of millions of rows, all at once would be most of what a worker holds.
    bits = [_bits(field()) for field in fields]
    if sum(bits) > _WORD or bits[-1] > _PLACE:
        order = rows[np.lexsort([field() for field in reversed(fields)])]
        return order, _repeats(item[order], annotator[order], rounds[order])
    # Sorting numbers costs a tenth of sorting places by them; the place is part of the number.
    words = _joined((field() for field in fields), bits, len(rows))
    words.sort()
    order = words.astype(np.uint32)
    order &= np.uint32((1 << bits[-1]) - 1)
    words >>= np.uint64(bits[-1])
    return order, _repeats(words)


def _number(keys: Array | PerRow, rows: Places) -> Array:
    if isinstance(keys, PerRow):
        return np.asarray((keys.values & NUMBER_MASK).astype(np.uint32)[keys.codes[rows]])
    return (keys & NUMBER_MASK).astype(np.uint32)[rows]


def _bits(field: Array) -> int:
    return int(field.max()).bit_length() if len(field) else 0


def _joined(fields: Iterable[Array], widths: Iterable[int], n: int) -> NDArray[np.uint64]:
    """Non-negative integers of each row in one number."""
    words = np.zeros(n, np.uint64)
    for field, width in zip(fields, widths, strict=True):
        words <<= np.uint64(width)
        np.bitwise_or(words, field, out=words, casting="unsafe", dtype=np.uint64)
    return words


def _repeats(*fields: Array) -> NDArray[np.bool_]:
    same = np.zeros(len(fields[0]), bool)
    if len(same):
        same[1:] = np.logical_and.reduce([field[1:] == field[:-1] for field in fields])
    return same


def stored_alike(
    question: Question,
    rows: Places,
    keys: tuple[Array | PerRow, Array | PerRow, Array],
    answers: Answers,
) -> NDArray[np.bool_]:
    """Which rows, in key order, are stored already with the same answer.

    A file that brings much of what is stored again is compared here, for a fifth of what it costs
    to hand all of it to the database; of a file that brings little, nothing is said.
    """
    alike = np.zeros(len(rows), bool)
    if len(rows) * _FEW < _size_of(question):
        return alike
    stored = _stored(question)
    mine = [_number(keys[0], rows), _number(keys[1], rows), keys[2][rows]]
    theirs = [stored["item"], stored["annotator"], stored["round"]]
    widths = [max(_bits(a), _bits(b)) for a, b in zip(mine, theirs, strict=True)]
    if sum(widths) > _WORD or not len(theirs[0]):
        return alike
    here, there = (_joined(x, widths, len(x[0])) for x in (mine, theirs))
    if (there[1:] < there[:-1]).any():
        order = np.argsort(there)
        there, stored = there[order], {name: x[order] for name, x in stored.items()}
    place = np.minimum(np.searchsorted(there, here), len(there) - 1)
    alike = there[place] == here
    code, number, status = answers
    was = stored["number"][place]
    alike &= (stored["code"][place] == code) & (stored["status"][place] == status)
    return np.asarray(alike & ((was == number) | (np.isnan(was) & np.isnan(number))))


def _size_of(question: Question) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s::regclass)", [partition_of(question)])
        return int(cursor.fetchone()[0]) // _LABEL_BYTES


def _stored(question: Question) -> dict[str, Array]:
    """Key and answer of every stored label; where a question has no numbers, none are read."""
    kinds = {"item": "int8", "annotator": "int8", "round": "int2", "code": "int4", "status": "int2"}
    number = ""
    if question.is_numeric:
        kinds["number"], number = "float8", ", coalesce(number, 'NaN')"
    found = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, round, "  # noqa: S608
        f"coalesce(code, {NO_CODE}), status{number} FROM {partition_of(question)}",
        (),
        kinds,
    )
    found.setdefault("number", np.broadcast_to(np.nan, len(found["item"])))
    return found
