"""LeWiDi: one object, the items' ids as its keys, each with its annotators and their answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.decoding import Pairs, Record, member_records
from catalog.reading.exports.rows import ANSWERED, EMPTY, Answer, AnswerRows, read_answers
from catalog.reading.exports.values import answer_text, scalar_text
from catalog.reading.problems import Code, Fault, escape
from catalog.reading.tables import Table


def read_lewidi(path: Path, layout: Layout, options: Options) -> Table:
    """Read ``{id: {"annotators": "Ann1,Ann2", "annotations": "0,1"}}`` or the form with names."""
    return read_answers(layout, options, _records(path, options), _take)


def _records(path: Path, options: Options) -> Iterator[Record]:
    met: set[str] = set()
    for key, (record, line, faults) in member_records(path, options):
        if key in met:
            sentence = f"the key '{escape(key)}' stands in the file twice; keep one of them."
            yield None, line, [Fault(Code.JSON_DUPLICATE_KEY, sentence, key)]
        else:
            yield Pairs([("id", key), ("item", record)]), line, faults
        met.add(key)


def _take(rows: AnswerRows, record: dict[str, object], line: int) -> None:
    item = str(record["id"])
    pairs = _pairs(record["item"])
    if isinstance(pairs, Fault):
        rows.refuse(line, [pairs])
        return
    question = rows.questions.unnamed()
    for annotator, value in pairs:
        answer = Answer(item, annotator, question=question)
        label = _label(value, takes_set=rows.questions.takes_set(question))
        if isinstance(label, Fault):
            rows.add(line, answer, [label])
        else:
            answer.label, answer.status = label, ANSWERED if label else EMPTY
            rows.add(line, answer)


def _pairs(record: object) -> list[tuple[str, object]] | Fault:
    """Who answered what; the two lists are told apart by commas, or the answers by names."""
    said = record if isinstance(record, dict) else {}
    given = said.get("annotations")
    if isinstance(given, dict):
        return list(given.items())
    names, values = _parts(said.get("annotators")), _parts(given)
    if names is None or values is None:
        sentence = (
            "the item lacks annotators or annotations; LeWiDi has "
            '{"annotators": "Ann1,Ann2", "annotations": "0,1"} or {"annotations": {"Ann1": "0"}}.'
        )
        return Fault(Code.EXPORT_SHAPE, sentence)
    if len(names) != len(values):
        sentence = (
            f"{len(names)} annotators gave {len(values)} annotations; which belongs to whom cannot "
            "be told. Give each annotator one."
        )
        return Fault(Code.ROW_LENGTH, sentence, f"{','.join(names)}: {given}")
    return list(zip(names, values, strict=True))


def _parts(value: object) -> list[str] | None:
    if isinstance(value, list):
        texts = [scalar_text(part) for part in value]
        return None if None in texts else [text or "" for text in texts]
    text = scalar_text(value)
    if text is None or value is None:
        return None
    return [part.strip() for part in text.split(",")] if text else []


def _label(value: object, *, takes_set: bool) -> str | Fault:
    if takes_set and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return answer_text(value, takes_set=takes_set)
