"""Keys of labels as numbers: put in order, and compared with those that are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotations.partitions import partition_of
from catalog.ingest.copying import PerRow, copy_out, is_constant
from catalog.models import Question
from catalog.queries import NUMBER_MASK

NO_CODE = -1
# A file of fewer rows than a quarter of what is stored, about, is compared by the database, through
# its index.
_LABELS_A_PAGE = 80
_FEW = 4
# Rows and pages of the database that are looked at together.
_BLOCK_ROWS = 1 << 16
_PAGES = 1 << 14
_WORD = 64
_PLACE = 32

Array = NDArray[Any]
Places = NDArray[np.integer[Any]]
#: Code (``NO_CODE`` where none), number (NaN where none) and status of the rows compared.
Answers = tuple[Array, Array, Array]


class Part:
    """One of the integers in joined ones: an array, as far as picking rows from it goes."""

    def __init__(self, words: NDArray[np.uint64], shift: int, width: int, first: int) -> None:
        self._words, self._shift, self._first = words, np.uint64(shift), first
        self._mask = np.uint64((1 << width) - 1)

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, places: Any) -> NDArray[np.int64]:
        part = self._words[places] >> self._shift
        part &= self._mask
        return np.asarray(part.view(np.int64) + self._first)


@dataclass(frozen=True)
class Ordered:
    """Rows by item, annotator, round and place in the file.

    Parameters
    ----------
    row : (m,) places in the file
    item, annotator, round : (m,) keys and round of those rows, in their order
    same : (m,) bool, whether item, annotator and round are those of the row before
    words : (m,) the three in one number, or None where they do not fit; numbers within the data
        set, without what all keys of it have in common
    widths : bits of each of the three
    """

    row: Places
    item: Array | Part
    annotator: Array | Part
    round: Array | Part
    same: NDArray[np.bool_]
    words: NDArray[np.uint64] | None = None
    widths: tuple[int, ...] = ()

    def only(self, which: NDArray[np.bool_]) -> Ordered:
        """Some of the rows."""
        return Ordered(
            self.row[which],
            self.item[which],
            self.annotator[which],
            self.round[which],
            self.same[which],
            None if self.words is None else self.words[which],
            self.widths,
        )


def key_order(
    rows: Places, item: Array | PerRow, annotator: Array | PerRow, rounds: Array
) -> Ordered:
    """Put rows in the order of their keys.

    Parameters
    ----------
    rows : (m,) ascending places in the following
    item, annotator, rounds : (n,) integers; keys of one data set
    """
    items, people = _numbers(item), _numbers(annotator)
    bits = [_bits(items), _bits(people), _bits(rounds), _bits(rows)]
    if sum(bits) > _WORD or bits[-1] > _PLACE:
        order = rows[np.lexsort([rows, rounds[rows], people[rows], items[rows]])]
        item, annotator, rounds = item[order], annotator[order], rounds[order]
        return Ordered(order, item, annotator, rounds, _repeats(item, annotator, rounds))

    def at(part: slice) -> list[Array]:
        places = rows[part]
        return [items[places], people[places], rounds[places], places]

    # Sorting numbers costs a tenth of sorting places by them; the place is part of the number.
    words = _joined(at, bits, len(rows))
    words.sort()
    order = words.astype(np.uint32)
    order &= np.uint32((1 << bits[-1]) - 1)
    words >>= np.uint64(bits[-1])
    return Ordered(
        order,
        Part(words, bits[1] + bits[2], bits[0], _first(item)),
        Part(words, bits[2], bits[1], _first(annotator)),
        rounds[: len(rows)] if is_constant(rounds) else Part(words, 0, bits[2], 0),
        _repeats(words),
        words,
        tuple(bits[:-1]),
    )


def _values(keys: Array | PerRow) -> Array:
    return keys.values if isinstance(keys, PerRow) else keys


def _first(keys: Array | PerRow) -> int:
    """What all keys of a data set have in common."""
    return int(_values(keys).max(initial=0)) & ~NUMBER_MASK


def _numbers(keys: Array | PerRow) -> Array | PerRow:
    """Keys within the data set; what has none gets any, since its rows are not asked for."""
    values = _values(keys)
    numbers = np.where(values < 0, 0, values & NUMBER_MASK).astype(np.uint32)
    return PerRow(numbers, keys.codes) if isinstance(keys, PerRow) else numbers


def _bits(field: Array | PerRow) -> int:
    return int(_values(field).max(initial=0)).bit_length()


def _joined(
    fields_of: Callable[[slice], Sequence[Array]], widths: Sequence[int], n: int
) -> NDArray[np.uint64]:
    """Non-negative integers of each row in one number; block by block, as all at once would be
    most of what a worker holds."""
    words = np.zeros(n, np.uint64)
    for start in range(0, n, _BLOCK_ROWS):
        block = words[start : start + _BLOCK_ROWS]
        for field, width in zip(fields_of(slice(start, start + len(block))), widths, strict=True):
            block <<= np.uint64(width)
            np.bitwise_or(block, field, out=block, casting="unsafe", dtype=np.uint64)
    return words


def _repeats(*fields: Array) -> NDArray[np.bool_]:
    same = np.zeros(len(fields[0]), bool)
    if len(same):
        same[1:] = np.logical_and.reduce([field[1:] == field[:-1] for field in fields])
    return same


def stored_alike(question: Question, ordered: Ordered, answers: Answers) -> NDArray[np.bool_]:
    """Which rows, in key order, are stored already with the same answer.

    A file that brings much of what is stored again is compared here, for a fifth of what it costs
    to hand all of it to the database; of a file that brings little, nothing is said.
    """
    alike = np.zeros(len(ordered.row), bool)
    n_pages = _pages_of(question)
    if ordered.words is None or len(alike) * _FEW < n_pages * _LABELS_A_PAGE:
        return alike
    stored = _stored(question, ordered.widths, n_pages)
    there = stored["words"]
    if not len(there):
        return alike
    if (there[1:] < there[:-1]).any():
        order = np.argsort(there)
        stored = {name: x[order] for name, x in stored.items()}
        there = stored["words"]
    place = np.minimum(np.searchsorted(there, ordered.words), len(there) - 1)
    alike = there[place] == ordered.words
    code, number, status = answers
    alike &= (stored["code"][place] == code) & (stored["status"][place] == status)
    if question.is_numeric:
        was = stored["number"][place]
        alike &= (was == number) | (np.isnan(was) & np.isnan(number))
    return np.asarray(alike)


def _pages_of(question: Question) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int",
            [partition_of(question)],
        )
        return int(cursor.fetchone()[0])


def _stored(question: Question, widths: tuple[int, ...], n_pages: int) -> dict[str, Array]:
    """Joined key and answer of every stored label that can be among keys of these widths.

    Read some pages at a time: of millions of labels, what the database says is several times what
    is kept of it.
    """
    kinds = {"item": "int8", "annotator": "int8", "round": "int2", "code": "int4", "status": "int2"}
    number = ""
    if question.is_numeric:
        kinds["number"], number = "float8", ", coalesce(number, 'NaN')"
    parts: dict[str, list[Array]] = {name: [] for name in ["words", *list(kinds)[3:]]}
    for page in range(0, max(n_pages, 1), _PAGES):
        found = copy_out(
            f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, round, "  # noqa: S608
            f"coalesce(code, {NO_CODE}), status{number} FROM {partition_of(question)} "
            "WHERE ctid >= %s::tid AND ctid < %s::tid",
            (f"({page},0)", f"({page + _PAGES},0)"),
            kinds,
        )
        key = [found[name] for name in ("item", "annotator", "round")]
        fits = np.logical_and.reduce([x < 1 << width for x, width in zip(key, widths, strict=True)])
        key = [field[fits] for field in key]
        parts["words"].append(_joined(partial(_at, key), widths, int(fits.sum())))
        for name in list(kinds)[3:]:
            parts[name].append(found[name][fits])
    return {name: np.concatenate(part) for name, part in parts.items()}


def _at(fields: Sequence[Array], part: slice) -> list[Array]:
    return [field[part] for field in fields]
