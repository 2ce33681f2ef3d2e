"""Reference labels by upload: what is taken as correct for each item."""

from __future__ import annotations

from copy import copy

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from catalog.ingest.answers import (
    MISSING,
    WRONG,
    Answers,
    decimal_of,
    loses_digits,
    read_answers,
    why_wrong,
)
from catalog.ingest.checks import NoticeCode, RowCode
from catalog.ingest.copying import Column, copy_in
from catalog.ingest.history import keep, remember
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.keys import resolve_keys
from catalog.ingest.missing import tell_of_missing
from catalog.ingest.repeats import refuse_repeats
from catalog.kinds import kept_table
from catalog.models import Item, Question, ReferenceLabel
from catalog.reading.columns import EXPORTS, Kind, Layout
from catalog.reading.columns import Column as FileColumn
from catalog.reading.problems import counted, escape
from catalog.reading.tables import TextColumn


def layout(mapping: dict[str, str]) -> Layout:
    """The columns of a reference-labels file."""
    return Layout(
        (
            FileColumn("item", Kind.IDENTIFIER, required=True),
            FileColumn("label", Kind.CATEGORY, required=True, empty_allowed=True),
            FileColumn("confidence", Kind.NUMBER, low=0, high=1),
        ),
        mapping=mapping,
    )


def store_references(incoming: Incoming) -> Counts:
    """Store gold labels of the upload's question; a changed one replaces the old one."""
    items, labels = incoming.text("item"), incoming.text("label")
    if items is None or labels is None:
        return Counts()
    question = Question.objects.get(dataset=incoming.dataset, name=incoming.upload.subject)
    refuse_repeats(incoming, "item", items.codes.astype(np.int64))
    answers = check_answers(incoming, question, labels, labels.codes >= 0)
    keys = resolve_keys(incoming, Item, "item")
    if keys is None or (incoming.problem_count and incoming.upload.on_error == "reject"):
        return Counts()
    question.save(update_fields=["values", "learned", "combinations"])
    codes = np.append(answers.codes, MISSING)[labels.codes]
    rows = incoming.rows[codes[incoming.rows] != MISSING]
    numbers = np.append(answers.numbers, np.nan)[labels.codes][rows]
    return store_gold(incoming, question, keys[rows], codes[rows], numbers)


def store_gold(
    incoming: Incoming,
    question: Question,
    keys: NDArray[np.int64],
    codes: NDArray[np.int64],
    numbers: NDArray[np.float64],
) -> Counts:
    """Store what is taken as correct for distinct items; a changed value replaces the old one."""
    _stage(incoming, keys, codes, numbers, is_numeric=question.is_numeric)
    return _merge(question, incoming, len(keys))


def check_answers(
    incoming: Incoming, question: Question, labels: TextColumn, mine: NDArray[np.bool_]
) -> Answers:
    """Code the distinct labels of the rows in ``mine``; report those the question does not allow.

    Codes stand for every distinct text of the column; those that only other rows use are MISSING.
    """
    used = labels.used(mine & ~incoming.rejected)
    decimal = decimal_of(incoming.upload.options)
    found = read_answers(question, [labels.values[code] for code in used.tolist()], decimal)
    answers = Answers(
        np.full(len(labels.values), MISSING, np.int64),
        np.full(len(labels.values), np.nan),
        found.learned,
    )
    answers.codes[used], answers.numbers[used] = found.codes, found.numbers
    if answers.learned:
        remember(incoming.upload, "question", question.pk, {"values": []})
        incoming.warn(
            NoticeCode.VALUES_LEARNED,
            f"Question {question.name!r} declared no values; "
            f"it {'would have' if incoming.upload.dry_run else 'now has'}: "
            f"{', '.join(answers.learned[:20])}{' ...' if len(answers.learned) > 20 else ''}.",
            len(answers.learned),
        )
        tell_of_missing(incoming, f"question {question.name!r}", answers.learned)
    if question.is_numeric:
        _tell_of_lost_digits(incoming, question, labels, answers)
    if incoming.rejected.any() and not answers.learned:
        _judge_others(incoming, question, labels, mine, answers)
    wrong = np.append(answers.codes == WRONG, values=False)[labels.codes]
    wrong &= mine & ~incoming.skipped

    def describe(row: int) -> tuple[str, str, str | None]:
        text = labels.values[labels.codes[row]]
        sentence, hint = why_wrong(question, text, decimal)
        return text, f"{sentence}{_who(incoming, row)}", hint

    incoming.refuse(np.flatnonzero(wrong), RowCode.UNKNOWN_LABEL, "label", describe)
    return answers


def _tell_of_lost_digits(
    incoming: Incoming, question: Question, labels: TextColumn, answers: Answers
) -> None:
    decimal = decimal_of(incoming.upload.options)
    good = np.flatnonzero(answers.codes == 0).tolist()
    pairs = [(labels.values[code], float(answers.numbers[code])) for code in good]
    lost = [(text, number) for text, number in pairs if loses_digits(text, number, decimal)]
    if lost:
        text, number = lost[0]
        incoming.warn(
            NoticeCode.PRECISION_TRUNCATED,
            f"Question {question.name!r}: {counted(len(lost), 'number')} with more digits than 64 "
            f"bits keep, such as {escape(text, 60)}, which is kept as {number!r}.",
            len(lost),
        )


def _judge_others(
    incoming: Incoming,
    question: Question,
    labels: TextColumn,
    mine: NDArray[np.bool_],
    answers: Answers,
) -> None:
    """Find wrong labels of rows that have another problem too; such rows teach nothing."""
    others = labels.used(mine & incoming.rejected)
    others = others[answers.codes[others] == MISSING]
    texts = [labels.values[code] for code in others.tolist()]
    found = read_answers(copy(question), texts, decimal_of(incoming.upload.options))
    answers.codes[others[found.codes == WRONG]] = WRONG


def _who(incoming: Incoming, row: int) -> str:
    """Whose answer a row of an export is: one line has several, and columns of its own."""
    items, people = incoming.text("item"), incoming.text("annotator")
    if incoming.upload.options.get("format") not in EXPORTS or items is None or people is None:
        return ""
    code = people.codes[row]
    who = f"the answer of annotator {people.values[code]!r}" if code >= 0 else "taken as correct"
    return f" It is {who} about item {items.values[items.codes[row]]!r}."


def _stage(
    incoming: Incoming,
    keys: NDArray[np.int64],
    codes: NDArray[np.int64],
    numbers: NDArray[np.float64],
    *,
    is_numeric: bool,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (item_id bigint PRIMARY KEY, code int, "
            "number float8) ON COMMIT DROP"
        )
    none = np.zeros(len(keys), bool)
    copy_in(
        "arriving",
        [
            Column("item_id", "int8", keys),
            Column("code", "int4", codes, ~none if is_numeric else none),
            Column("number", "float8", numbers, none if is_numeric else ~none),
        ],
    )


def _merge(question: Question, incoming: Incoming, n_rows: int) -> Counts:
    table = ReferenceLabel._meta.db_table
    source = ReferenceLabel.Source.GOLD.value
    differing = (
        "t.question_id = %s AND t.source = %s AND t.item_id = a.item_id "
        "AND (t.code, t.number) IS DISTINCT FROM (a.code, a.number)"
    )
    replaced = keep(
        kept_table("reference"),
        incoming.upload,
        f"{table} t, arriving a WHERE {differing}",
        (question.pk, source),
    )
    with connection.cursor() as cursor:
        if replaced:
            cursor.execute(
                f"UPDATE {table} t SET code = a.code, number = a.number, upload_id = %s "  # noqa: S608
                f"FROM arriving a WHERE {differing}",
                [incoming.upload.pk, question.pk, source],
            )
        cursor.execute(
            f"INSERT INTO {table} (question_id, item_id, source, code, number, method, tie, "  # noqa: S608
            "upload_id) SELECT %s, a.item_id, %s, a.code, a.number, 'upload', false, %s "
            "FROM arriving a ORDER BY a.item_id "
            "ON CONFLICT (question_id, item_id, source) DO NOTHING",
            [question.pk, source, incoming.upload.pk],
        )
        stored = cursor.rowcount
        cursor.execute("DROP TABLE arriving")
    return Counts(stored, n_rows - stored - replaced, replaced)
