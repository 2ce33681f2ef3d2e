"""Keys of labels as numbers: put in order, and compared with those that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotations.partitions import partition_of
from catalog.ingest.copying import PerRow, is_constant
from catalog.models import Question
from catalog.queries import NUMBER_MASK
from catalog.reading.tables import put_aside

# A file of fewer rows than a quarter of what is stored, about, is compared by the database, through
# its index.
_LABELS_A_PAGE = 80
_FEW = 4
# Rows and pages of the database that are looked at together.
_BLOCK_ROWS = 1 << 16
_PAGES = 1 << 12
_WORD = 64
_PLACE = 32
_STATUS_BITS = 2
# A stored label's item, annotator, round and answer, as they are joined.
_FIELDS = (
    f"(item_id & {NUMBER_MASK})",
    f"(annotator_id & {NUMBER_MASK})",
    "round::int8",
    f"((coalesce(code, -1) + 1)::int8 << {_STATUS_BITS} | status)",
)

Array = NDArray[Any]
Places = NDArray[np.integer[Any]]
#: Code (-1 where none), number (NaN where none) and status of rows by their places in the order; a
#: question has codes or numbers.
Answers = Callable[[Any], tuple[Array | None, Array | None, Array]]


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
    words : (m,) the three and the place in one number, or None where they do not fit; numbers
        within the data set, without what all keys of it have in common
    widths : bits of each of the four
    """

    row: Places | Part
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

    # Sorting numbers costs a tenth of sorting places by them; the place is part of the number. All
    # that is asked for later is taken from these numbers, some rows at a time.
    words = _joined(at, bits, len(rows))
    for keyed in (item, annotator):
        if isinstance(keyed, PerRow):
            put_aside(keyed.codes)
    words.sort()
    shifts = [sum(bits[place + 1 :]) for place in range(len(bits))]
    return Ordered(
        Part(words, 0, bits[3], 0),
        Part(words, shifts[0], bits[0], _first(item)),
        Part(words, shifts[1], bits[1], _first(annotator)),
        rounds[: len(rows)] if is_constant(rounds) else Part(words, shifts[2], bits[2], 0),
        _repeats(Part(words, bits[3], _WORD - bits[3], 0)),
        words,
        tuple(bits),
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


def _repeats(*fields: Array | Part) -> NDArray[np.bool_]:
    """Whether each row has what the row before it has in all fields."""
    same = np.zeros(len(fields[0]), bool)
    for start in range(1, len(same), _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, len(same))
        alike = [field[start:stop] == field[start - 1 : stop - 1] for field in fields]
        same[start:stop] = np.logical_and.reduce(alike)
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
    n_codes = max(len(question.values), len(question.combinations))
    *of_key, of_place = ordered.widths
    widths = (*of_key, n_codes.bit_length() + _STATUS_BITS)
    if sum(widths) >= _WORD:
        return alike
    for words, numbers in _stored(question, widths, n_pages):
        said = words & np.uint64((1 << widths[-1]) - 1)
        keys = words >> np.uint64(widths[-1])
        places, known = _places(ordered.words, keys, np.uint64(of_place))
        code, number, status = answers(places)
        same = said[known] == _said(code, status)
        if number is not None and numbers is not None:
            held = numbers[known]
            same &= (held == number) | (np.isnan(held) & np.isnan(number))
        alike[places] = same
    return alike


def _places(
    ordered: NDArray[np.uint64], keys: NDArray[np.uint64], beside: np.uint64
) -> tuple[Any, Any]:
    """Where ascending keys stand among all of a file's, which have so many bits after their own;
    and which of them do."""
    first, last = np.searchsorted(ordered, keys[[0, -1]] << beside)
    # What was sent before mostly comes again as a whole: then each row has its place.
    if last - first < len(keys) and np.array_equal(ordered[first : last + 1] >> beside, keys):
        return slice(first, last + 1), slice(None)
    within = ordered[first : last + 1]
    place = np.minimum(np.searchsorted(within, keys << beside), max(len(within) - 1, 0))
    known = (within[place] >> beside) == keys if len(within) else np.zeros(len(keys), bool)
    return first + place[known], known


def _said(code: Array | None, status: Array) -> NDArray[np.uint64]:
    """Code and status in one number, as the last of ``_FIELDS`` has it."""
    said = status.astype(np.uint64)
    if code is not None:
        said |= (code + 1).astype(np.uint64) << np.uint64(_STATUS_BITS)
    return said


def _pages_of(question: Question) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int",
            [partition_of(question)],
        )
        return int(cursor.fetchone()[0])


def _stored(
    question: Question, widths: tuple[int, ...], n_pages: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.float64] | None]]:
    """Joined key and answer of every stored label that can be one of these widths, some thousand
    pages at a time, ascending among themselves; and its number, where the question has numbers.

    The database joins them, and hands over many at once: as rows they would cost twice as much.
    """
    word, *more = _FIELDS
    for field, width in zip(more, widths[1:], strict=True):
        word = f"({word} << {width} | {field})"
    fits = " AND ".join(f"{f} < {1 << width}" for f, width in zip(_FIELDS, widths, strict=True))
    number = ", string_agg(float8send(coalesce(number, 'NaN')), '')" if question.is_numeric else ""
    for page in range(0, max(n_pages, 1), _PAGES):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT string_agg(int8send({word}), ''){number} FROM {partition_of(question)} "  # noqa: S608
                f"WHERE ctid >= %s::tid AND ctid < %s::tid AND {fits}",
                (f"({page},0)", f"({page + _PAGES},0)"),
            )
            found = cursor.fetchone()
        if found[0] is None:
            continue
        words = np.frombuffer(found[0], ">u8").astype(np.uint64)
        numbers = np.frombuffer(found[1], ">f8").astype(float) if question.is_numeric else None
        if (words[1:] < words[:-1]).any():
            order = np.argsort(words)
            words, numbers = words[order], None if numbers is None else numbers[order]
        yield words, numbers
