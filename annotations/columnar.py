"""The labels of a question as columns: from the copy of this version, else from the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from django.db import connection, transaction

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
_TABLE = Label._meta.db_table
_ANSWERED = "question_id = %s AND status = 0"
_WIDE = {"item": np.int64, "annotator": np.int64}


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
    found = columns.find(question.dataset_id, OF, question.pk, wanted)
    if found is not None:
        return _widened(question, found)
    read = read_rows(question, wanted)
    if wanted is not None:
        return _widened(question, read)
    columns.keep(question.dataset_id, OF, question.pk, read)
    return _widened(question, read)


def read_rows(question: Question, wanted: tuple[str, ...] | None = None) -> Columns:
    """The same from the rows, all of one moment and with the version they had then."""
    with _one_moment() as is_exact:
        version = columns.current_version(question.dataset_id) if is_exact else -1
        stated = _stated(question) if wanted is None else set(wanted) - set(BASIC)
        names = {name: _names(question, name) for name in stated}
        extra, kinds = {}, {}
        for name in names:
            extra[name] = (
                _WEEK if name == "week" else f"coalesce(array_position(%s, {name}), 0) - 1"
            )
            kinds[name] = "int4"
        kept = [words for name, words in names.items() if name != "week"]
        rows = copy_out(
            f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, "  # noqa: S608
            f"{', '.join([_value(question), *extra.values()])} FROM {_TABLE} "
            f"WHERE {_ANSWERED} ORDER BY item_id, annotator_id, round",
            (*kept, question.pk),
            {"item": "int8", "annotator": "int8", "value": _kind(question), **kinds},
        )
    return Columns(version, rows, {name: words for name, words in names.items() if words})


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


def _stated(question: Question) -> list[str]:
    """Which of week, batch and guideline version any label has, and with few enough values."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_or(labelled_at IS NOT NULL), bool_or(batch IS NOT NULL), "  # noqa: S608
            f"bool_or(guideline_version IS NOT NULL) FROM {_TABLE} WHERE {_ANSWERED}",
            [question.pk],
        )
        week, batch, guideline = cursor.fetchone()
    stated = {"week": week, "batch": batch, "guideline_version": guideline}
    return [
        name
        for name, some in stated.items()
        if some and (name == "week" or len(_names(question, name)) <= MAX_NAMES)
    ]


def _names(question: Question, name: str) -> list[str]:
    """The distinct values of a text column in their order; none for the week."""
    if name == "week":
        return []
    labels = Label.objects.filter(question=question, status=Label.Status.ANSWERED)
    met = labels.exclude(**{name: None}).order_by(name).values_list(name, flat=True).distinct()
    return list(met[: MAX_NAMES + 1])


def _widened(question: Question, narrow: Columns) -> Columns:
    """Numbers of items and annotators as measures take them, so that none of them converts."""
    kinds = {**_WIDE, "value": np.float64 if question.is_numeric else np.int64}
    arrays = {
        name: array.astype(kinds.get(name, np.int64), copy=False)
        for name, array in narrow.arrays.items()
    }
    return Columns(narrow.version, arrays, narrow.names)
