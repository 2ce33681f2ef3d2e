"""The labels of a question as columns: from the copy of this version, else from the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from annotations.models import Label
from catalog import columns
from catalog.columns import Columns
from catalog.ingest.copying import copy_out
from catalog.models import Question
from catalog.queries import NUMBER_MASK

OF = "labels"
BASIC = ("item", "annotator", "value")
# A text column with more distinct values than this says who or what, not when.
MAX_NAMES = 500
# With a larger share of its items changed, a copy is made anew.
MAX_CHANGED = 0.1
_TABLE = Label._meta.db_table
_ANSWERED = "question_id = %s AND status = 0"
_WIDE = {"item": np.int64, "annotator": np.int64}


@dataclass(frozen=True)
class Parts:
    """The answered labels of a question: what a copy says, and what is to be read instead.

    Parameters
    ----------
    base : Columns
        The copy, or the rows where there is no copy of use.
    fresh : Columns or None
        The rows of the items that changed since the copy was made; ``None`` where none did.
    changed : int64 array, numbers of those items
    kinds : frozenset of str, kinds of the uploads since the copy
    version : int, the version that both together are of
    """

    base: Columns
    fresh: Columns | None
    changed: NDArray[np.int64]
    kinds: frozenset[str]
    version: int

    def stays(self) -> NDArray[np.bool_]:
        """Which labels of the copy are still so."""
        item = self.base.arrays["item"]
        same = np.ones(int(item.max(initial=0)) + 1, bool)
        same[self.changed[self.changed < same.size]] = False
        stays: NDArray[np.bool_] = same[item]
        return stays

    def leaving(self) -> NDArray[np.int64]:
        """Where the labels of the copy stand that are no longer so."""
        item = self.base.arrays["item"]
        last = int(item.max(initial=-1))
        changed = self.changed[self.changed <= last].astype(item.dtype)
        starts, ends = (np.searchsorted(item, changed, side) for side in ("left", "right"))
        sizes = ends - starts
        before = np.cumsum(sizes) - sizes
        places: NDArray[np.int64] = np.arange(sizes.sum()) + np.repeat(starts - before, sizes)
        return places


def label_columns(question: Question, wanted: tuple[str, ...] | None = None) -> Columns:
    """The answered labels of a question, in the order of items, annotators and rounds.

    Parameters
    ----------
    question : Question
    wanted : tuple of str or None
        The columns; all of them by default. ``item`` and ``annotator`` are numbers within the data
        set, ``value`` is a code or a number. Where any label has them: ``week`` (counted from the
        Monday 1970-01-05), ``batch`` and ``guideline_version`` as codes; -1 where not stated.
    """
    return widened(question, joined(label_parts(question, wanted)))


def label_parts(question: Question, wanted: tuple[str, ...] | None = None) -> Parts:
    """The same in two parts, of which the larger was read as a copy where there is one."""
    with _one_moment() as is_exact:
        kept = columns.find(question.dataset_id, OF, question.pk, wanted)
        if kept is not None and _is_of_use(kept, is_exact=is_exact):
            fresh = None
            if kept.changed.size:
                fresh = _rows(question, wanted, kept.version, kept.changed)
            # A column of text that the copy lacks had too many values, or none: the rows know.
            if fresh is None or fresh.names.keys() <= kept.columns.arrays.keys():
                return Parts(kept.columns, fresh, kept.changed, kept.kinds, kept.version)
        read = _rows(question, wanted, _version(question, is_exact=is_exact))
    if wanted is None:
        columns.keep(question.dataset_id, OF, question.pk, read)
    return Parts(read, None, np.zeros(0, np.int64), frozenset(), read.version)


def _is_of_use(kept: columns.Kept, *, is_exact: bool) -> bool:
    """Not where so many items changed that reading all is as quick, or rows may be of later."""
    n_items = int(kept.columns.arrays["item"][-1]) + 1
    few = kept.changed.size <= MAX_CHANGED * n_items
    return few and (is_exact or kept.columns.version == kept.version)


def _version(question: Question, *, is_exact: bool) -> int:
    return columns.current_version(question.dataset_id) if is_exact else -1


def read_rows(question: Question, wanted: tuple[str, ...] | None = None) -> Columns:
    """The same from the rows, all of one moment and with the version they had then."""
    with _one_moment() as is_exact:
        return _rows(question, wanted, _version(question, is_exact=is_exact))


def _rows(
    question: Question,
    wanted: tuple[str, ...] | None,
    version: int,
    items: NDArray[np.int64] | None = None,
) -> Columns:
    """Answered labels as they are stored: all of them, or those of some items."""
    which = _ANSWERED
    of: list[Any] = [question.pk]
    most = MAX_NAMES
    if items is not None:
        # One text: an array of so many numbers would be written number by number.
        which += " AND item_id = ANY(%s::int8[])"
        keys = (items + (question.dataset_id << 32)).tolist()
        of.append(f"{{{','.join(map(str, keys))}}}")
        most = len(items) * 1000
    if wanted is None and items is not None:
        found = _basic_only(question, which, of)
        if found is not None:
            return Columns(version, found)
    stated = _stated(which, of, most) if wanted is None else set(wanted) - set(BASIC)
    names = {name: _names(name, which, of, most) for name in stated}
    extra, kinds = {}, {}
    for name in names:
        extra[name] = _WEEK if name == "week" else f"coalesce(array_position(%s, {name}), 0) - 1"
        kinds[name] = "int4"
    kept = [words for name, words in names.items() if name != "week"]
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, "  # noqa: S608
        f"{', '.join([_value(question), *extra.values()])} FROM {_TABLE} "
        f"WHERE {which} ORDER BY item_id, annotator_id, round",
        (*kept, *of),
        {"item": "int8", "annotator": "int8", "value": _kind(question), **kinds},
    )
    return Columns(version, rows, {name: words for name, words in names.items() if words})


def _basic_only(question: Question, which: str, of: list[Any]) -> dict[str, NDArray[Any]] | None:
    """Rows none of which states a time, batch or guideline, in one reading; else ``None``."""
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, {_value(question)}, "  # noqa: S608
        "labelled_at IS NOT NULL OR batch IS NOT NULL OR guideline_version IS NOT NULL "
        f"FROM {_TABLE} WHERE {which} ORDER BY item_id, annotator_id, round",
        tuple(of),
        {"item": "int8", "annotator": "int8", "value": _kind(question), "stated": "bool"},
    )
    return None if rows.pop("stated").any() else rows


def joined(parts: Parts) -> Columns:
    """Both parts as the rows have them, in their order."""
    if parts.fresh is None:
        return Columns(parts.version, parts.base.arrays, parts.base.names)
    stays = parts.stays()
    base, fresh = parts.base, parts.fresh
    both = np.concatenate([base.arrays["item"][stays], fresh.arrays["item"]])
    # Both are in order: a stable sort finds the two runs and merges them.
    order = np.argsort(both, kind="stable")
    arrays: dict[str, NDArray[Any]] = {}
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys((*base.arrays, *fresh.arrays)):
        words = sorted({*base.names.get(name, ()), *fresh.names.get(name, ())})
        column = np.concatenate(
            [
                _recoded(base, name, words, stays.size)[stays],
                _recoded(fresh, name, words, fresh.n_rows),
            ]
        )[order]
        if name in BASIC or name == "week":
            if name in BASIC or (column >= 0).any():
                arrays[name] = column
            continue
        met = np.unique(column[column >= 0])
        if 0 < met.size <= MAX_NAMES:
            arrays[name] = np.where(column < 0, -1, np.searchsorted(met, column))
            names[name] = [words[code] for code in met.tolist()]
    return Columns(parts.version, arrays, names)


def _recoded(part: Columns, name: str, words: list[str], n_rows: int) -> NDArray[Any]:
    """A column of one part by the words of both; -1 throughout where the part lacks it."""
    if name not in part.arrays:
        return np.full(n_rows, -1, np.int64)
    if name not in part.names:
        return part.arrays[name]
    place = np.searchsorted(words, part.names[name])
    recoded: NDArray[Any] = np.append(place, -1)[part.arrays[name]]
    return recoded


_WEEK = (
    "coalesce(((labelled_at AT TIME ZONE 'UTC')::date - DATE '1970-01-05') / 7, -1)"  # whole weeks
)


def _value(question: Question) -> str:
    return "number" if question.is_numeric else "code"


def _kind(question: Question) -> str:
    return "float8" if question.is_numeric else "int4"


@contextmanager
def _one_moment() -> Iterator[bool]:
    """Statements that see the same rows; not so inside a transaction of the caller's."""
    if connection.in_atomic_block:
        yield False
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield True


def _stated(which: str, of: list[Any], most: int) -> list[str]:
    """Which of week, batch and guideline version any label has, and with few enough values."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_or(labelled_at IS NOT NULL), bool_or(batch IS NOT NULL), "  # noqa: S608
            f"bool_or(guideline_version IS NOT NULL) FROM {_TABLE} WHERE {which}",
            of,
        )
        week, batch, guideline = cursor.fetchone()
    stated = {"week": week, "batch": batch, "guideline_version": guideline}
    return [
        name
        for name, some in stated.items()
        if some and (name == "week" or len(_names(name, which, of, most)) <= most)
    ]


def _names(name: str, which: str, of: list[Any], most: int) -> list[str]:
    """The distinct values of a text column in their order; none for the week."""
    if name == "week":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT DISTINCT {name} COLLATE "C" FROM {_TABLE} '  # noqa: S608
            f"WHERE {which} AND {name} IS NOT NULL ORDER BY 1 LIMIT %s",
            [*of, most + 1],
        )
        return [row[0] for row in cursor.fetchall()]


def widened(question: Question, narrow: Columns) -> Columns:
    """Numbers of items and annotators as measures take them, so that none of them converts."""
    kinds = {**_WIDE, "value": np.float64 if question.is_numeric else np.int64}
    arrays = {
        name: array.astype(kinds.get(name, np.int64), copy=False)
        for name, array in narrow.arrays.items()
    }
    return Columns(narrow.version, arrays, narrow.names)
