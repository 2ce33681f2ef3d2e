"""Undoing an upload of labels: what it replaced comes back, what it added goes to history."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q

from annotations.models import SupersededLabel
from annotations.partitions import PAYLOAD, partition_of
from catalog.changes import record_items
from catalog.ingest.copying import copy_out
from catalog.models import Question, ReferenceLabel, Upload
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK

HISTORY = SupersededLabel._meta.db_table
_KEY = ("question_id", "item_id", "annotator_id", "round")


def withdraw_labels(upload: Upload) -> int:
    """Undo a stored upload of labels under the data set's lock; returns how many rows changed.

    Raises
    ------
    Refusal
        409 when a later upload replaced some of its rows (withdraw that one first), or when it
        brought reference labels, of which no history is kept.
    """
    _refuse_replaced(upload)
    if ReferenceLabel.objects.filter(upload=upload).exists():
        raise Refusal(
            "The upload brought reference labels too, of which no earlier values are kept; it "
            "cannot be withdrawn. Send a corrected file.",
            code="cannot_withdraw",
            status=409,
        )
    questions = Question.objects.filter(dataset_id=upload.dataset_id)
    with connection.cursor() as cursor:
        return sum(_withdraw(cursor, question, upload) for question in questions)


def _refuse_replaced(upload: Upload) -> None:
    replaced = SupersededLabel.objects.filter(
        ~Q(superseded_by=None), upload=upload, restored_at=None
    )
    newest = replaced.select_related("superseded_by").order_by("-superseded_at").first()
    if newest is None or newest.superseded_by is None:
        return
    later = newest.superseded_by
    raise Refusal(
        f"{replaced.count():,} of its labels were replaced by a later upload, {later.pk} "
        f"({later.file_name or later.kind}); withdraw that one first, or send a corrected file.",
        code="replaced_since",
        status=409,
    )


def _withdraw(cursor: Any, question: Question, upload: Upload) -> int:
    """Move the upload's rows of one question to history, and bring back what they replaced."""
    partition = partition_of(question)
    cursor.execute("SELECT to_regclass(%s)", [partition])
    if cursor.fetchone()[0] is None:
        return 0
    names = ", ".join((*_KEY, *PAYLOAD))
    cursor.execute(
        f"INSERT INTO {HISTORY} ({names}, superseded_at) SELECT {names}, now() "  # noqa: S608
        f"FROM {partition} WHERE upload_id = %s ORDER BY item_id, annotator_id, round",
        [upload.pk],
    )
    withdrawn = int(cursor.rowcount)
    if withdrawn:
        _record(question, upload)
    sets = ", ".join(f"{name} = s.{name}" for name in PAYLOAD)
    cursor.execute(
        f"UPDATE {partition} l SET {sets} FROM {HISTORY} s "  # noqa: S608
        "WHERE s.superseded_by_id = %s AND s.restored_at IS NULL AND l.upload_id = %s AND "
        "(l.question_id, l.item_id, l.annotator_id, l.round) = "
        "(s.question_id, s.item_id, s.annotator_id, s.round)",
        [upload.pk, upload.pk],
    )
    cursor.execute(f"DELETE FROM {partition} WHERE upload_id = %s", [upload.pk])  # noqa: S608
    SupersededLabel.objects.filter(
        question=question, superseded_by=upload, restored_at=None
    ).update(restored_at=_now(cursor))
    return withdrawn


def _record(question: Question, upload: Upload) -> None:
    """Say of which items the labels change; what comes back has the keys of what goes."""
    found = copy_out(
        f"SELECT DISTINCT item_id & {NUMBER_MASK} FROM {HISTORY} "  # noqa: S608
        "WHERE upload_id = %s AND question_id = %s AND superseded_by_id IS NULL",
        (upload.pk, question.pk),
        {"item": "int8"},
    )
    record_items(question.dataset_id, "labels", question.pk, found["item"])


def _now(cursor: Any) -> Any:
    cursor.execute("SELECT now()")
    return cursor.fetchone()[0]
