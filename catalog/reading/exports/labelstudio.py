"""Label Studio: the full JSON export, JSON_MIN, and CSV."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.decoding import RecordDecoder, array_records
from catalog.reading.exports.cells import table_records
from catalog.reading.exports.rows import (
    ANSWERED,
    EMPTY,
    GOLD,
    SKIPPED,
    Answer,
    AnswerRows,
    plain,
    read_answers,
)
from catalog.reading.exports.values import (
    answer_text,
    item_of,
    milliseconds,
    paths_text,
    scalar_text,
    time_text,
)
from catalog.reading.problems import Code, Fault, escape
from catalog.reading.tables import Table

_ANSWERS = {
    "choices": "choices",
    "rating": "rating",
    "number": "number",
    "pairwise": "selected",
    "taxonomy": "taxonomy",
}
_FREE_TEXT = {"textarea", "text", "chat"}
_OTHER = {"datetime", "ranker", *_FREE_TEXT}
# Where an answer is about a part of the item, these say which part.
_PLACES = {"start", "end", "x", "y", "points", "rle", "startOffset", "endOffset", "sequence"}
_MIN_KEYS = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
# How the results of an annotation begin, as JSON or as Python writes them.
_RESULTS = re.compile(r"[\[{]\s*[\[{\"']")
_LONGEST = 2**31 - 1  # milliseconds, which a label's duration can hold
_NOTHING: tuple[object, ...] = (None, "", [])


def read_labelstudio(path: Path, layout: Layout, options: Options) -> Table:
    """Read the full export: one task a record, with its annotations and their results."""
    return read_answers(layout, options, array_records(path, options), _take_task, with_rounds=True)


def _take_task(rows: AnswerRows, task: dict[str, object], line: int) -> None:
    annotations = task.get("annotations", task.get("completions"))
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        sentence = (
            "the task has no list 'annotations', as the full JSON export has; for JSON_MIN send "
            "format=labelstudio-min, for CSV format=labelstudio-csv."
        )
        rows.refuse(line, [Fault(Code.EXPORT_SHAPE, sentence)])
        return
    for name in ("drafts", "predictions"):
        n_left = len(found) if isinstance(found := task.get(name), list) else 0
        rows.left_out.update({name: n_left} if n_left else {})
    item = _item(rows, task)
    for place, annotation in enumerate(annotations):
        by, number = annotation.get("completed_by"), scalar_text(annotation.get("id"))
        if isinstance(item, Fault):
            rows.refuse(line, [item])
        elif again := _again(rows, item, by, number, line):
            rows.refuse(line, [again])
        elif number and annotation in annotations[:place]:
            rows.refuse(line, [_twice(number, "in the same task")])
        else:
            _take_annotation(rows, item, annotation, line)


def _again(
    rows: AnswerRows, item: str, annotator: object, number: str | None, line: int
) -> Fault | None:
    """That an annotation stands in the file twice, as when exports were joined."""
    # The item and the annotator too, because exports made by hand number as they like.
    key = (item, number or "", _annotator(annotator))
    first = rows.annotations.setdefault(key, line) if number else line
    return None if first == line else _twice(str(number), f"first in line or task {first:,}")


def _twice(number: str, where: str) -> Fault:
    sentence = (
        f"annotation {escape(number)} stands in the file twice, {where}; exports were joined. "
        "Send each annotation once."
    )
    return Fault(Code.DUPLICATE_ROW, sentence, number)


def _item(rows: AnswerRows, task: dict[str, object]) -> str | Fault:
    wanted = rows.mapping.get("item")
    if wanted is None:
        return item_of(task, "id")
    data = task.get("data")
    return item_of(data if isinstance(data, dict) else {}, wanted)


def _take_annotation(rows: AnswerRows, item: str, annotation: dict[str, object], line: int) -> None:
    answer = _answer(rows, item, annotation)
    results = annotation.get("result")
    if annotation.get("was_cancelled") is True or annotation.get("skipped") is True:
        answer.status = SKIPPED
        rows.add_to_all(line, answer)
    elif not isinstance(results, list) or not all(isinstance(r, dict) for r in results):
        sentence = "the annotation has no list 'result', so that its answer cannot be known."
        rows.refuse(line, [Fault(Code.EXPORT_SHAPE, sentence)])
    elif not results:
        answer.status = EMPTY
        rows.add_to_all(line, answer)
    else:
        _take_results(rows, answer, results, line)


def _answer(rows: AnswerRows, item: str, annotation: dict[str, object]) -> Answer:
    rows.pre_annotated += annotation.get("parent_prediction") is not None
    is_gold = annotation.get("ground_truth") is True
    return Answer(
        item,
        "" if is_gold else _annotator(annotation.get("completed_by", annotation.get("annotator"))),
        labelled_at=time_text(annotation.get("created_at")),
        duration_ms=_duration(rows, annotation.get("lead_time")),
        role=GOLD if is_gold else "",
    )


def _duration(rows: AnswerRows, seconds: object) -> str:
    """The lead time; one of weeks is a page that was left open, and says nothing."""
    text = milliseconds(seconds)
    if text.isdigit() and int(text) > _LONGEST:
        rows.left_out.update({"lead times of more than 24 days": 1})
        return ""
    return text


def _annotator(said: object) -> str:
    """The name as JSON_MIN writes it too: the e-mail where there is one, else the number."""
    if isinstance(said, dict):
        return scalar_text(said.get("email")) or scalar_text(said.get("id")) or ""
    return scalar_text(said) or ""


def _take_results(
    rows: AnswerRows, answer: Answer, results: list[dict[str, object]], line: int
) -> None:
    by_question: dict[str, list[str | Fault]] = {}
    for result in results:
        theirs = scalar_text(result.get("from_name")) or str(result.get("type", "result"))
        question = rows.questions.name(theirs)
        if question is not None:
            label = _result_text(result, takes_set=rows.questions.takes_set(question))
            by_question.setdefault(question, []).append(label)
    for question, labels in by_question.items():
        _add(rows, answer, question, _one_of(labels, question), line)


def _add(rows: AnswerRows, answer: Answer, question: str, label: str | Fault, line: int) -> None:
    fields = (answer.labelled_at, answer.duration_ms, answer.role)
    if isinstance(label, Fault):
        row = Answer(answer.item, answer.annotator, "", question, ANSWERED, *fields)
        rows.add(line, row, [label])
    else:
        status = ANSWERED if label else EMPTY
        rows.add(line, Answer(answer.item, answer.annotator, label, question, status, *fields))


def _one_of(labels: list[str | Fault], question: str) -> str | Fault:
    """The single answer to a question; several results for it are parts of the item, or pages."""
    fault = next((label for label in labels if isinstance(label, Fault)), None)
    if fault is not None or len(labels) == 1:
        return fault or labels[0]
    sentence = (
        f"question '{escape(question)}' was answered {len(labels)} times in one annotation, for "
        "several parts of the item; such answers are not read yet."
    )
    return Fault(Code.SEVERAL_ANSWERS, sentence, ", ".join(map(str, labels)))


def _result_text(result: dict[str, object], *, takes_set: bool) -> str | Fault:
    kind = scalar_text(result.get("type")) or ""
    value = result.get("value")
    if kind not in _ANSWERS:
        return _refused(kind, scalar_text(result.get("from_name")) or kind)
    said = value if isinstance(value, dict) else {}
    if _PLACES & said.keys():
        return _refused(f"{kind} of a region", scalar_text(result.get("from_name")) or kind)
    return _said(said.get(_ANSWERS[kind]), kind, takes_set=takes_set)


def _said(value: object, kind: str, *, takes_set: bool) -> str | Fault:
    if kind == "taxonomy":
        return paths_text(value, takes_set=takes_set)
    return answer_text(value, takes_set=takes_set)


def _refused(kind: str, name: str) -> Fault:
    if kind in _OTHER:
        what = "free text" if kind in _FREE_TEXT else "no values of a question"
        sentence = (
            f"results of type '{escape(kind)}' ('{escape(name)}') are {what}, on which annotators "
            f"cannot agree by equality; they are not read. Leave them out with "
            f"ignore={escape(name)}."
        )
        return Fault(Code.ANSWER_TYPE, sentence, kind)
    sentence = (
        f"results of type '{escape(kind)}' mark regions, which are not read yet. Leave them out "
        f"with ignore={escape(name)}."
    )
    return Fault(Code.REGION_TYPE, sentence, kind)


def read_labelstudio_min(path: Path, layout: Layout, options: Options) -> Table:
    """Read JSON_MIN: one annotation a record, the item's data and the answers beside each other."""
    records = array_records(path, options)
    return read_answers(layout, options, records, _take_min, with_rounds=True)


def _take_min(rows: AnswerRows, record: dict[str, object], line: int) -> None:
    if isinstance(record.get("annotations"), list) and "annotator" not in record:
        sentence = (
            "the record has 'annotations', as the full JSON export has; send format=labelstudio."
        )
        rows.refuse(line, [Fault(Code.EXPORT_SHAPE, sentence)])
    else:
        _take_flat(rows, record, line)


def _take_flat(rows: AnswerRows, record: dict[str, object], line: int) -> None:
    item = item_of(record, rows.mapping.get("item", "id"))
    if isinstance(item, Fault):
        rows.refuse(line, [item])
        return
    number = scalar_text(record.get("annotation_id"))
    if again := _again(rows, item, record.get("annotator"), number, line):
        rows.refuse(line, [again])
        return
    answer = _answer(rows, item, record)
    columns = rows.questions.columns(key for key in record if key not in _MIN_KEYS)
    given = {theirs: ours for theirs, ours in columns.items() if record[theirs] not in _NOTHING}
    for theirs, ours in given.items():
        takes_set = rows.questions.takes_set(ours)
        _add(rows, answer, ours, flat_answer(record[theirs], takes_set, theirs), line)
    if not given:
        # JSON_MIN drops the keys of an annotation that holds nothing, CSV leaves them empty.
        answer.status = EMPTY
        rows.add_to_all(line, answer)


def flat_answer(value: object, takes_set: bool, name: str) -> str | Fault:
    """An answer as JSON_MIN and CSV write it: the text of one choice, else the results as JSON."""
    if isinstance(value, Fault):
        return replace(value, column=name)
    results = value if isinstance(value, list) else [value]
    if len(results) > 1 and all(isinstance(part, dict) for part in results):
        return _one_of([flat_answer(result, takes_set, name) for result in results], name)
    if len(results) == 1 and isinstance(results[0], dict):
        return _flat_result(results[0], takes_set, name)
    return answer_text(value, takes_set=takes_set)


def _flat_result(result: dict[str, object], takes_set: bool, name: str) -> str | Fault:
    kinds = [kind for kind, key in _ANSWERS.items() if key in result]
    if not kinds or _PLACES & result.keys():
        other = [key for key, part in result.items() if isinstance(part, list)]
        return _refused((other or list(result) or ["nothing"])[0], name)
    return _said(result[_ANSWERS[kinds[0]]], kinds[0], takes_set=takes_set)


def read_labelstudio_csv(path: Path, layout: Layout, options: Options) -> Table:
    """Read the CSV export; ``questions=`` says which columns hold the answers."""
    decoder = RecordDecoder(options.limits)

    def take(rows: AnswerRows, record: dict[str, object], line: int) -> None:
        cells = {name: _cell(str(text), decoder) for name, text in record.items()}
        _take_flat(rows, cells, line)

    records = table_records(path, options, lambda names: None)
    return read_answers(layout, options, records, take, with_rounds=True)


def _cell(text: str, decoder: RecordDecoder) -> object:
    """What stands in a field: results are written as JSON, a single choice as its text.

    A text that only begins with a bracket, like ``[sic]``, is a text. One that begins as results
    do and cannot be read is a fault of the answer, where it is one.
    """
    if text[:1] not in ("{", "["):
        return text
    try:
        value, end = decoder.decode(text)
    except json.JSONDecodeError as error:
        return _damaged(text, f"{error.msg} at character {error.pos + 1:,}")
    if end < len(text):
        return _damaged(text, f"more follows its end at character {end + 1:,}")
    return replace(decoder.faults[0], value=text) if decoder.faults else plain(value)


def _damaged(text: str, why: str) -> str | Fault:
    if _RESULTS.match(text) is None:
        return text
    sentence = (
        f"the answer begins as JSON and cannot be read as that ({why}); it was cut off or changed "
        "after the export. Export it again, or mend the field."
    )
    hint = "JSON has double quotes; pandas wrote Python's." if "'" in text[:3] else None
    return Fault(Code.EXPORT_SHAPE, sentence, text, hint)
