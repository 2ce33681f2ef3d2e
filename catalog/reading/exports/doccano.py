"""doccano: JSONL of one annotator, or the zip with one ``<username>.jsonl`` for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.decoding import Record, RecordDecoder, chunk_records, listed_records
from catalog.reading.exports.archives import Member, members
from catalog.reading.exports.rows import ANSWERED, EMPTY, Answer, AnswerRows, read_answers
from catalog.reading.exports.values import answer_text, item_of, scalar_text
from catalog.reading.problems import Code, Fault, Notice, ReadingStoppedError, escape
from catalog.reading.source import Chunk, chunked, split_lines
from catalog.reading.tables import Table

_REGIONS = ("entities", "relations", "bbox", "segmentation")
# Members of projects where everybody works on the same answers: they name nobody.
_NOBODY = {"all", "unknown"}
_UNASSIGNED = "records without a label of 'unknown.jsonl', which nobody has labelled"


class _Archive:
    """The members one after the other; the member that is being read says who answered."""

    def __init__(self) -> None:
        self.annotator = ""
        self.unassigned = False
        self.before = 0
        self.begins: list[str] = []

    def records(self, path: Path, options: Options) -> Iterator[Record]:
        """The records of all members, their lines counted through."""
        if options.compression != "zip":
            yield from listed_records(path, options)
            return
        for member in members(path, options.limits):
            self.annotator = "" if member.stem in _NOBODY else member.stem
            self.unassigned = member.stem == "unknown"
            self.begins.append(f"{escape(member.name, 60)} at line {self.before + 1:,}")
            yield from self._member_records(member, options)

    def _member_records(self, member: Member, options: Options) -> Iterator[Record]:
        before = self.before
        try:
            parts = self._counted(chunked(member.blocks(), options.limits), before)
            for record, line, faults in chunk_records(parts, RecordDecoder(options.limits)):
                yield record, before + line, [_moved(fault, before) for fault in faults]
        except ReadingStoppedError as stopped:
            raise ReadingStoppedError(_moved(stopped.fault, before)) from stopped

    def _counted(self, parts: Iterator[Chunk], before: int) -> Iterator[Chunk]:
        for chunk in parts:
            self.before = before + chunk.first_line - 1 + len(split_lines(chunk.text))
            yield chunk

    def take(self, rows: AnswerRows, record: dict[str, object], line: int) -> None:
        """Add the answer of one record."""
        item = item_of(record, rows.mapping.get("item", "id"))
        if isinstance(item, Fault):
            rows.refuse(line, [item])
            return
        question = rows.questions.unnamed()
        takes_set = rows.questions.takes_set(question)
        ignored = rows.options.export.ignore
        for annotator, said in _by_annotator(record, self.annotator):
            label = _label(said, ignored, takes_set=takes_set)
            if label == "" and self.unassigned:
                rows.left_out.update({_UNASSIGNED: 1})
                continue
            answer = Answer(item, annotator, question=question)
            if isinstance(label, Fault):
                rows.add(line, answer, [label])
            else:
                answer.label, answer.status = label, ANSWERED if label else EMPTY
                rows.add(line, answer)

    def notices(self) -> list[Notice]:
        """Where each member begins."""
        if len(self.begins) < 2:
            return []
        shown = "; ".join(self.begins[:50]) + ("; ..." if len(self.begins) > 50 else "")
        message = f"Lines are counted through the members of the archive: {shown}."
        code = Code.LINES_COUNTED_THROUGH
        return [Notice(None, None, code, None, message, len(self.begins))]


def read_doccano(path: Path, layout: Layout, options: Options) -> Table:
    """Read the classes of documents or images; a member's name is its annotator's."""
    archive = _Archive()
    table = read_answers(layout, options, archive.records(path, options), archive.take)
    return replace(table, notices=[*table.notices, *archive.notices()])


def _moved(fault: Fault, before: int) -> Fault:
    return fault if fault.line is None else replace(fault, line=fault.line + before)


def _by_annotator(record: dict[str, object], annotator: str) -> list[tuple[str, dict[str, object]]]:
    """What each annotator said: doccano 1.0 put several, each with a user, under one record."""
    given = record.get("annotations")
    known = {"label", "labels", "cats"} & record.keys()
    if known or not isinstance(given, list) or not all(map(_has_user, given)):
        return [(annotator, record)]
    said: dict[str, list[object]] = {}
    for part in given:
        if isinstance(part, dict):
            if regions := {"start_offset", "end_offset", "text"} & part.keys():
                return [(annotator, {"label": [[sorted(regions)]]})]
            said.setdefault(scalar_text(part["user"]) or annotator, []).append(part.get("label"))
    return [(who, {"label": labels}) for who, labels in said.items()] or [
        (annotator, {"label": []})
    ]


def _has_user(part: object) -> bool:
    return isinstance(part, dict) and "user" in part


def _label(record: dict[str, object], ignored: tuple[str, ...], *, takes_set: bool) -> str | Fault:
    region = next((key for key in _REGIONS if key in record and key not in ignored), None)
    if region is not None:
        return _refused(region)
    key = next((key for key in ("label", "labels", "cats") if key in record), None)
    if key is None:
        sentence = "the record has no 'label', as doccano writes it; what was answered is unknown."
        return Fault(Code.EXPORT_SHAPE, sentence)
    said = record[key]
    if isinstance(said, list) and any(isinstance(part, (list, dict)) for part in said):
        return _refused("spans")
    return answer_text(said, takes_set=takes_set)


def _refused(kind: str) -> Fault:
    sentence = (
        f"answers of the kind '{kind}' mark regions, which are not read yet; the classes of whole "
        "documents or images are. Where a record has both, leave the regions out with "
        f"ignore={kind}."
    )
    return Fault(Code.REGION_TYPE, sentence, kind)
