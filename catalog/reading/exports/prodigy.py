"""Prodigy: what ``db-out`` writes, one answered task a line."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.decoding import listed_records
from catalog.reading.exports.rows import (
    ANSWERED,
    EMPTY,
    SKIPPED,
    Answer,
    AnswerRows,
    read_answers,
)
from catalog.reading.exports.values import answer_text, item_of, scalar_text, time_text
from catalog.reading.problems import Code, Fault, escape
from catalog.reading.tables import Table

# A session that nobody named is called by the time at which it began; that is no person.
_UNNAMED_SESSION = re.compile(r"(?:.*-)?[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}")
_REGION_VIEWS = {
    "ner",
    "ner_manual",
    "spans",
    "spans_manual",
    "pos",
    "pos_manual",
    "dep",
    "relations",
    "image_manual",
    "audio_manual",
}
_REGION_KEYS = ("spans", "relations", "audio_spans", "paths")
_TEXT_VIEWS = {"text_input"}
_REJECTED = "choice tasks answered 'reject', which is no choice; they are kept as skipped"


def read_prodigy(path: Path, layout: Layout, options: Options) -> Table:
    """Read choices and decisions; the item is the task's ``_input_hash``."""
    return read_answers(layout, options, listed_records(path, options), _take, with_rounds=True)


def _take(rows: AnswerRows, task: dict[str, object], line: int) -> None:
    item = item_of(task, rows.mapping.get("item", "_input_hash"))
    if isinstance(item, Fault):
        rows.refuse(line, [item])
        return
    answer = Answer(item, _annotator(task), labelled_at=time_text(task.get("_timestamp")))
    fault = _task_fault(task)
    if fault is not None:
        rows.refuse(line, [fault])
    elif isinstance(task.get("options"), list):
        _take_choice(rows, answer, task, line)
    else:
        _take_decision(rows, answer, task, line)


def _take_decision(rows: AnswerRows, answer: Answer, task: dict[str, object], line: int) -> None:
    """A task that was accepted or rejected answers the question of its label, if it has one."""
    label = scalar_text(task.get("label"))
    question = rows.questions.name(label) if label else rows.questions.unnamed()
    if question is None:
        return
    answer.question = question
    if task.get("answer") == "ignore":
        answer.status = SKIPPED
    else:
        answer.label = str(task.get("answer"))
    rows.add(line, answer)


def _task_fault(task: dict[str, object]) -> Fault | None:
    if task.get("answer") not in ("accept", "reject", "ignore"):
        sentence = (
            "the task has no answer (accept, reject or ignore); send what prodigy db-out writes."
        )
        return Fault(Code.EXPORT_SHAPE, sentence, scalar_text(task.get("answer")))
    if isinstance(task.get("options"), list):
        return None
    view = scalar_text(task.get("_view_id")) or ""
    if view in _TEXT_VIEWS or "user_input" in task or "field_id" in task:
        kind = view if view in _TEXT_VIEWS else "user_input"
        sentence = (
            f"tasks of the kind '{escape(kind)}' hold free text, on which annotators cannot agree "
            "by equality; it is not read. Send the tasks with choices or decisions only."
        )
        return Fault(Code.ANSWER_TYPE, sentence, kind)
    has_label = bool(scalar_text(task.get("label")))
    marks = next((key for key in _REGION_KEYS if task.get(key) is not None), None)
    if view in _REGION_VIEWS or "relations" in task or (marks and not has_label):
        kind = view or ("relations" if "relations" in task else str(marks))
        sentence = (
            f"tasks of the kind '{escape(kind)}' mark regions, which are not read yet; choices and "
            "binary decisions are."
        )
        return Fault(Code.REGION_TYPE, sentence, kind)
    return None


def _annotator(task: dict[str, object]) -> str:
    names = (scalar_text(task.get(key)) for key in ("_annotator_id", "_session_id"))
    return next((n for n in names if n and not _UNNAMED_SESSION.fullmatch(n)), "")


def _take_choice(rows: AnswerRows, answer: Answer, task: dict[str, object], line: int) -> None:
    answer.question = rows.questions.unnamed()
    decision = task.get("answer")
    if decision != "accept":
        rows.left_out.update({_REJECTED: 1} if decision == "reject" else {})
        answer.status = SKIPPED
        rows.add(line, answer)
        return
    takes_set = rows.questions.takes_set(answer.question)
    label = answer_text(task.get("accept") or [], takes_set=takes_set)
    if isinstance(label, Fault):
        rows.add(line, answer, [label])
    else:
        answer.label, answer.status = label, ANSWERED if label else EMPTY
        rows.add(line, answer)
