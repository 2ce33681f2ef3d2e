"""Undoing an upload of labels: what it replaced comes back, what it added goes to history."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q

from annotations.models import Label, SupersededLabel
from annotations.partitions import PAYLOAD, partition_of
from catalog.changes import record_items
from catalog.ingest.copying import copy_out
from catalog.ingest.history import built_on
from catalog.kinds import Mention
from catalog.models import Question, Upload
from catalog.queries import NUMBER_MASK

HISTORY = SupersededLabel._meta.db_table
_KEY = ("question_id", "item_id", "annotator_id", "round")


def mentions() -> list[Mention]:
    """Labels speak of items, annotators and questions."""
    # By the items' keys, and not by the data set's questions, which would read every partition.
    labels = (
        f"FROM {Label._meta.db_table} l, (SELECT %s::bigint << 32 AS key) first "
        f"WHERE l.item_id BETWEEN first.key AND first.key + {NUMBER_MASK}"
    )
    return [Mention(of, f"SELECT l.{of}_id {labels}") for of in ("item", "annotator", "question")]


def withdraw_labels(upload: Upload) -> None:
    """Undo a stored upload of labels under the data set's lock.

    Raises
    ------
    Refusal
        409 when a later upload replaced some of its labels (withdraw that one first).
    """
    _refuse_replaced(upload)
    questions = Question.objects.filter(dataset_id=upload.dataset_id)
    with connection.cursor() as cursor:
        for question in questions:
            _withdraw(cursor, question, upload)


def _refuse_replaced(upload: Upload) -> None:
    replaced = SupersededLabel.objects.filter(
        ~Q(superseded_by=None), upload=upload, restored_at=None
    )
    newest = replaced.select_related("superseded_by").order_by("-superseded_at").first()
    if newest is None or newest.superseded_by is None:
        return
    raise built_on(replaced.count(), newest.superseded_by)


def _withdraw(cursor: Any, question: Question, upload: Upload) -> None:
    """Move the upload's rows of one question to history, and bring back what they replaced."""
    partition = partition_of(question)
    cursor.execute("SELECT to_regclass(%s)", [partition])
    if cursor.fetchone()[0] is None:
        return
    names = ", ".join((*_KEY, *PAYLOAD))
    cursor.execute(
        f"INSERT INTO {HISTORY} ({names}, superseded_at) SELECT {names}, now() "  # noqa: S608
        f"FROM {partition} WHERE upload_id = %s ORDER BY item_id, annotator_id, round",
        [upload.pk],
    )
    if cursor.rowcount:
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
