"""Labels as rows of text, as they were sent: sending them back changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from annotations.models import Label
from catalog.models import Annotator, Item, Question

COLUMNS = (
    "item",
    "annotator",
    "question",
    "label",
    "status",
    "round",
    "labelled_at",
    "confidence",
    "duration_ms",
    "batch",
    "guideline_version",
    "comment",
)
_STATUS = {
    Label.Status.ANSWERED: "answered",
    Label.Status.SKIPPED: "skipped",
    Label.Status.EMPTY: "empty",
}
_QUOTED = re.compile(r'[,"\r\n]')
_CHUNK = 2_000


def label_lines(questions: list[Question]) -> Iterator[str]:
    """The labels of these questions as CSV in blocks of lines, all from one moment.

    Values are written as they were sent: no apostrophe makes them safe for a spreadsheet.
    """
    yield ",".join(COLUMNS) + "\n"
    words = {question.pk: (question.name, _wording(question)) for question in questions}
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT l.question_id, i.external_id, a.external_id, l.status, l.code, l.number, "  # noqa: S608
            "l.round, to_char(l.labelled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), "
            "l.confidence, l.duration_ms, l.batch, l.guideline_version, l.comment "
            f"FROM {Label._meta.db_table} l "
            f"JOIN {Item._meta.db_table} i ON i.id = l.item_id "
            f"JOIN {Annotator._meta.db_table} a ON a.id = l.annotator_id "
            "WHERE l.question_id = ANY(%s) AND i.dataset_id = ANY(%s) "
            "ORDER BY l.question_id, l.item_id, l.annotator_id, l.round",
            [list(words), list({question.dataset_id for question in questions})],
        )
        while rows := cursor.fetchmany(_CHUNK):
            yield "".join(_line(row, *words[row[0]]) for row in rows)


def _line(row: tuple[Any, ...], question: str, word: Callable[[int | None, Any], str]) -> str:
    _, item, annotator, status, code, number, nth, when, confidence, duration, *texts = row
    fields = (
        item,
        annotator,
        question,
        word(code, number) if status == Label.Status.ANSWERED else "",
        _STATUS[status],
        str(nth),
        "" if when is None else f"{when}Z",
        "" if confidence is None else repr(confidence),
        "" if duration is None else str(duration),
        *(text or "" for text in texts),
    )
    return ",".join(map(_field, fields)) + "\n"


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _wording(question: Question) -> Callable[[int | None, Any], str]:
    """How a stored answer to a question was written."""
    values = [str(value) for value in question.values]
    if question.is_numeric:
        return lambda code, number: repr(number)
    if question.scale == Question.Scale.SET:
        sets = [
            json.dumps([values[place] for place in combination], ensure_ascii=False)
            for combination in question.combinations
        ]
        return lambda code, number: sets[code or 0]
    return lambda code, number: values[code or 0]
