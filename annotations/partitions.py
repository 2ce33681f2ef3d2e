"""Labels into their question's partition: loaded in key order, or merged with what is there."""

from __future__ import annotations

from typing import Any

from django.db import connection

from annotations.models import Label, SupersededLabel
from catalog.changes import record_items
from catalog.ingest.copying import Column, copy_in, copy_out
from catalog.ingest.filling import attach, exists, fill
from catalog.ingest.incoming import Counts
from catalog.models import Question, Upload
from catalog.queries import NUMBER_MASK

TABLE = Label._meta.db_table
KEY = "(item_id, annotator_id, round)"
_LABEL = ("question_id", "item_id", "annotator_id", "round")
PAYLOAD = (
    "code",
    "number",
    "status",
    "labelled_at",
    "confidence",
    "duration_ms",
    "batch",
    "guideline_version",
    "comment",
    "upload_id",
)
_SAYS_OTHERWISE = "(l.code, l.number, l.status) IS DISTINCT FROM (a.code, a.number, a.status)"


def partition_of(question: Question) -> str:
    """The name of the table that holds a question's labels."""
    return f"{TABLE}_q{int(question.pk)}"


def load_partition(question: Question, columns: list[Column]) -> bool:
    """Make a question's partition and fill it; ``False`` where it exists already."""
    partition = partition_of(question)
    if exists(partition):
        return False
    fill(TABLE, partition, columns, {"one_label_per_item_and_annotator": KEY})
    attach(TABLE, partition, question.pk)
    return True


def stage(columns: list[Column]) -> None:
    """Put arriving labels beside the partition; the file's rows have distinct keys already."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(f"CREATE TEMP TABLE arriving (LIKE {TABLE}) ON COMMIT DROP")
    copy_in("arriving", columns)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE arriving (item_id, annotator_id)")


def differing(question: Question) -> list[tuple[Any, ...]]:
    """Keys and old values of stored labels that an arriving one contradicts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.item_id, a.annotator_id, a.round, l.code, l.number, l.status "  # noqa: S608
            f"FROM {partition_of(question)} l JOIN arriving a USING {KEY} WHERE {_SAYS_OTHERWISE}"
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def withdraw_differing(question: Question) -> None:
    """Take arriving labels that contradict stored ones off the stage; those stay as they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM arriving a USING {partition_of(question)} l "  # noqa: S608
            f"WHERE (l.item_id, l.annotator_id, l.round) = (a.item_id, a.annotator_id, a.round) "
            f"AND {_SAYS_OTHERWISE}"
        )


def merge(question: Question, upload: Upload) -> Counts:
    """Keep what changed labels replace, replace it, and add what is new.

    One join finds what differs; where nothing does, which is what most repeated uploads find,
    it is the only work.
    """
    partition = partition_of(question)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE news ON COMMIT DROP AS SELECT a.*, l.item_id IS NULL AS is_new "  # noqa: S608
            f"FROM arriving a LEFT JOIN {partition} l USING {KEY} "
            f"WHERE l.item_id IS NULL OR {_SAYS_OTHERWISE}"
        )
        n_news = cursor.rowcount
        cursor.execute("SELECT count(*) FROM arriving")
        n_rows = cursor.fetchone()[0]
        if n_news:
            _record(question)
        replaced = _replace(cursor, partition, upload) if n_news else 0
        stored = _add(cursor, partition) if n_news > replaced else 0
        cursor.execute("DROP TABLE news, arriving")
    return Counts(stored, n_rows - n_news, replaced)


def _record(question: Question) -> None:
    """Say of which items the labels change."""
    found = copy_out(
        f"SELECT DISTINCT item_id & {NUMBER_MASK} FROM news",  # noqa: S608
        (),
        {"item": "int8"},
    )
    record_items(question.dataset_id, "labels", question.pk, found["item"])


def _replace(cursor: Any, partition: str, upload: Upload) -> int:
    cursor.execute(
        f"INSERT INTO {SupersededLabel._meta.db_table} "  # noqa: S608
        f"({', '.join((*_LABEL, *PAYLOAD))}, superseded_by_id, superseded_at) "
        f"SELECT {', '.join(f'l.{name}' for name in (*_LABEL, *PAYLOAD))}, %s, now() "
        f"FROM {partition} l JOIN news a USING {KEY} WHERE NOT a.is_new "
        "ORDER BY l.item_id, l.annotator_id, l.round",
        [upload.pk],
    )
    replaced = int(cursor.rowcount)
    if replaced:
        sets = ", ".join(f"{name} = a.{name}" for name in PAYLOAD)
        cursor.execute(
            f"UPDATE {partition} l SET {sets} FROM news a WHERE NOT a.is_new AND "  # noqa: S608
            "(l.item_id, l.annotator_id, l.round) = (a.item_id, a.annotator_id, a.round)"
        )
    return replaced


def _add(cursor: Any, partition: str) -> int:
    names = ", ".join(("question_id", "item_id", "annotator_id", "round", *PAYLOAD))
    cursor.execute(
        f"INSERT INTO {partition} ({names}) SELECT {names} FROM news WHERE is_new "  # noqa: S608
        "ORDER BY item_id, annotator_id, round"
    )
    return int(cursor.rowcount)
