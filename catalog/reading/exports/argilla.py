"""Argilla: flattened records, as Argilla 2 and Hugging Face write them, and the columns of 1."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.decoding import Record, RecordDecoder, listed_records
from catalog.reading.exports.cells import table_records
from catalog.reading.exports.listings import listing
from catalog.reading.exports.rows import (
    ANSWERED,
    EMPTY,
    SKIPPED,
    Answer,
    AnswerRows,
    read_answers,
)
from catalog.reading.exports.values import answer_text, item_of, scalar_text
from catalog.reading.problems import Code, Fault, escape
from catalog.reading.source import blocks
from catalog.reading.tables import Table

_SUFFIX = ".responses"
_STATUSES = {"submitted": ANSWERED, "discarded": SKIPPED}
# One answer: value, who gave it, and its status; not text where it was not said.
_Response = tuple[object, str, str]


def read_argilla(path: Path, layout: Layout, options: Options) -> Table:
    """Read submitted answers; discarded ones were skipped, drafts are left out."""
    return read_answers(layout, options, _records(path, options), _take)


def _records(path: Path, options: Options) -> Iterator[Record]:
    """JSON, JSONL, CSV or Parquet: all are in use, and the first bytes tell."""
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet:
        # By name, so that the readers of text do not load Arrow.
        yield from import_module("catalog.reading.parquet").parquet_records(path, options)
    elif next(blocks(path, options)).lstrip()[:1] in (b"[", b"{"):
        yield from listed_records(path, options)
    else:
        yield from _cells(path, options)


def _cells(path: Path, options: Options) -> Iterator[Record]:
    """The rows of a CSV, with the lists that stand in the fields of responses."""
    decoder = RecordDecoder(options.limits)
    for record, line, faults in table_records(path, options, lambda names: None):
        values = record if isinstance(record, dict) else {}
        read = {
            name: listing(str(text), decoder, name) if _is_list(name, text) else text
            for name, text in values.items()
        }
        wrong = [value for value in read.values() if isinstance(value, Fault)]
        yield (None if wrong else read), line, [*faults, *wrong]


def _is_list(name: str, text: object) -> bool:
    ours = (_SUFFIX, f"{_SUFFIX}.users", f"{_SUFFIX}.status")
    return name.endswith(ours) or str(text).startswith(("[{", "{'", '{"'))


def _take(rows: AnswerRows, record: dict[str, object], line: int) -> None:
    item = item_of(record, rows.mapping.get("item", "id"))
    nested = record.get("responses")
    if isinstance(nested, dict):
        told = all(
            isinstance(given, list) and all(map(_is_response, given)) for given in nested.values()
        )
        item = item if told else _nested()
        record = nested
    if isinstance(item, Fault):
        rows.refuse(line, [item])
        return
    found = dict(_questions(record))
    if not found:
        sentence = (
            "the record has no '<question>.responses'; send flattened records "
            "(records.to_list(flatten=True)) or the columns of Hugging Face."
        )
        rows.refuse(line, [Fault(Code.EXPORT_SHAPE, sentence)])
        return
    for theirs, responses in found.items():
        question = rows.questions.name(theirs)
        if isinstance(responses, Fault):
            rows.refuse(line, [responses])
        elif question is not None:
            for response in responses:
                _add(rows, Answer(item, question=question), response, line)


def _nested() -> Fault:
    sentence = (
        "the nested form drops whether an answer was submitted, drafted or discarded; send "
        "flattened records (records.to_list(flatten=True)) or the columns of Hugging Face."
    )
    return Fault(Code.EXPORT_SHAPE, sentence)


def _questions(record: dict[str, object]) -> Iterator[tuple[str, list[_Response] | Fault]]:
    for key, value in record.items():
        if key.endswith(_SUFFIX):
            name = key.removesuffix(_SUFFIX)
            users, states = record.get(f"{key}.users"), record.get(f"{key}.status")
            yield name, _in_step(name, value, users, states)
        elif isinstance(value, list) and value and all(map(_is_response, value)):
            yield key, [_response(part) for part in value if isinstance(part, dict)]
        elif isinstance(value, dict) and _is_response(value):
            # Hugging Face turns a list of responses into one object of lists.
            yield key, _in_step(key, value["value"], value["user_id"], value["status"])


def _is_response(value: object) -> bool:
    return isinstance(value, dict) and {"value", "status", "user_id"} <= value.keys()


def _response(said: dict[str, object]) -> _Response:
    names = (said.get("user_id"), said.get("status"))
    user, status = (scalar_text(name) or "" for name in names)
    return said.get("value"), user, status


def _in_step(name: str, values: object, users: object, states: object) -> list[_Response] | Fault:
    """The three lists of a question, of which each position is one answer."""
    if values is None:
        return []
    if not isinstance(values, list) or not isinstance(states, list):
        sentence = (
            f"'{escape(name)}{_SUFFIX}' and '{escape(name)}{_SUFFIX}.status' must be lists; "
            "without the status drafts cannot be told from answers."
        )
        return Fault(Code.EXPORT_SHAPE, sentence)
    people = users if isinstance(users, list) else [None] * len(values)
    if not len(values) == len(people) == len(states):
        sentence = (
            f"question '{escape(name)}' has {len(values)} responses, {len(people)} users and "
            f"{len(states)} statuses; which belong together cannot be told."
        )
        return Fault(Code.ROW_LENGTH, sentence)
    return [
        (value, scalar_text(user) or "", scalar_text(state) or "")
        for value, user, state in zip(values, people, states, strict=True)
    ]


def _add(rows: AnswerRows, answer: Answer, response: _Response, line: int) -> None:
    value, answer.annotator, state = response
    if state in ("draft", "pending"):
        rows.left_out.update({"drafts": 1})
        return
    if state not in _STATUSES:
        sentence = f"'{escape(state)}' is no status of Argilla: submitted, discarded, draft."
        rows.add(line, answer, [Fault(Code.EXPORT_SHAPE, sentence, state)])
        return
    answer.status = _STATUSES[state]
    if answer.status == SKIPPED:
        rows.add(line, answer)
        return
    label = _label(value, takes_set=rows.questions.takes_set(answer.question))
    if isinstance(label, Fault):
        rows.add(line, answer, [label])
    else:
        answer.label, answer.status = label, ANSWERED if label else EMPTY
        rows.add(line, answer)


def _label(value: object, *, takes_set: bool) -> str | Fault:
    parts = value if isinstance(value, list) else []
    if any(isinstance(part, dict) and "start" in part for part in parts):
        sentence = (
            "answers of the kind 'span' mark regions, which are not read yet; leave the question "
            "out with ignore= and its name."
        )
        return Fault(Code.REGION_TYPE, sentence, "span")
    if any(isinstance(part, dict) and "rank" in part for part in parts):
        sentence = (
            "answers of the kind 'ranking' are no values of a question; they are not read. Leave "
            "the question out with ignore= and its name."
        )
        return Fault(Code.ANSWER_TYPE, sentence, "ranking")
    return answer_text(value, takes_set=takes_set)
