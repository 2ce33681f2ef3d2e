"""LeWiDi: one object, the items' ids as its keys, each with its annotators and their answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.reading.building import TableBuilder
from catalog.reading.columns import Layout, Options
from catalog.reading.decoding import Pairs, Record, compact, member_records
from catalog.reading.exports.rows import ANSWERED, EMPTY, Answer, AnswerRows, read_answers
from catalog.reading.exports.values import answer_text, scalar_text
from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape
from catalog.reading.records import RecordCollector, collect
from catalog.reading.tables import Table


def read_lewidi(path: Path, layout: Layout, options: Options) -> Table:
    """Read ``{id: {"annotators": "Ann1,Ann2", "annotations": "0,1"}}`` or the form with names."""
    return read_answers(layout, options, _records(path, options), _take)


def _records(path: Path, options: Options) -> Iterator[Record]:
    for key, (record, line, faults) in _members(path, options):
        yield Pairs([("id", key), ("item", record)]), line, faults


def _members(path: Path, options: Options) -> Iterator[tuple[str, Record]]:
    """Each key with what stands under it; a key that stands there twice is a fault."""
    met: set[str] = set()
    for key, (record, line, faults) in member_records(path, options):
        if key in met:
            sentence = f"the key '{escape(key)}' stands in the file twice; keep one of them."
            faults = [Fault(Code.JSON_DUPLICATE_KEY, sentence, key)]
        met.add(key)
        yield key, (record, line, faults)


def read_people(path: Path, layout: Layout, options: Options) -> Table:
    """Read the attributes of annotators: ``{"Ann1": {"Gender": "female", "Age": "26"}}``."""
    builder = TableBuilder(options)
    try:
        collect(RecordCollector(layout, options, builder), _people(path, layout, options))
    except ReadingStoppedError as stopped:
        builder.log.stop(stopped.fault.at(None))
    return builder.finish()


def _people(path: Path, layout: Layout, options: Options) -> Iterator[Record]:
    ours = layout.columns[0].name
    sent = layout.mapping.get(ours, ours)
    for key, (record, line, faults) in _members(path, options):
        if isinstance(record, Pairs) and "annotations" in dict(record):
            sentence = "this is an item with its annotations; send the file to uploads/labels/."
            yield None, line, [Fault(Code.EXPORT_SHAPE, sentence, key)]
        elif faults or not isinstance(record, Pairs):
            sentence = "what stands under the name is no object; send the attributes as its keys."
            yield None, line, faults or [Fault(Code.EXPORT_SHAPE, sentence, compact(record))]
        else:
            yield Pairs([(sent, key), *record]), line, []


def _take(rows: AnswerRows, record: dict[str, object], line: int) -> None:
    item = str(record["id"])
    if _is_unlabelled(record["item"]):
        rows.left_out.update({"items without annotations, as test sets have them": 1})
        return
    pairs = _pairs(record["item"])
    if isinstance(pairs, Fault):
        rows.refuse(line, [pairs])
        return
    question = rows.questions.unnamed()
    for annotator, value in pairs:
        if value is None:
            rows.left_out.update({"annotations that are null, of annotators who gave none": 1})
            continue
        answer = Answer(item, annotator, question=question)
        label = _label(value, takes_set=rows.questions.takes_set(question))
        if isinstance(label, Fault):
            rows.add(line, answer, [label])
        else:
            answer.label, answer.status = label, ANSWERED if label else EMPTY
            rows.add(line, answer)


def _is_unlabelled(record: object) -> bool:
    said = record if isinstance(record, dict) else {}
    return "annotations" in said and said["annotations"] in ("", None, {}, [])


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
            '{"annotators": "Ann1,Ann2", "annotations": "0,1"} or {"annotations": {"Ann1": "0"}}. '
            "A file about the annotators themselves goes to uploads/annotators/."
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
