"""Labels by upload: rows of (item, annotator, label), checked and stored in key order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import exports
from annotations.keys import Answers, Ordered, Part, Places, key_order, stored_alike
from annotations.models import Label
from annotations.partitions import (
    differing,
    load_partition,
    merge,
    stage,
    withdraw_differing,
)
from annotations.spellings import spelled_variously, spellings_of
from catalog.ingest.answers import MISSING
from catalog.ingest.checks import NoticeCode, RowCode
from catalog.ingest.copying import Column, PerRow, constant
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.keys import resolve_keys
from catalog.ingest.kinds import mapping_of, question_of, without
from catalog.ingest.numbering import texts_of
from catalog.ingest.references import check_answers
from catalog.ingest.repeats import skip_identical
from catalog.models import Annotator, Dataset, Item, Question, Upload
from catalog.reading import Column as FileColumn
from catalog.reading import Kind, Layout, NumberColumn, TextColumn, TimeColumn
from catalog.reading.columns import EXPORTS
from catalog.reading.problems import counted
from catalog.reading.tables import put_aside

STATUSES = {
    "answered": Label.Status.ANSWERED,
    "submitted": Label.Status.ANSWERED,
    "skipped": Label.Status.SKIPPED,
    "empty": Label.Status.EMPTY,
}


def layout(upload: Upload) -> Layout:
    """The columns of a labels file."""
    columns = (
        FileColumn("item", Kind.IDENTIFIER, required=True),
        FileColumn("annotator", Kind.IDENTIFIER, required=True),
        FileColumn(
            "label", Kind.CATEGORY, required=True, empty_allowed=True, nested=_takes_sets(upload)
        ),
        FileColumn("question", Kind.IDENTIFIER),
        FileColumn("round", Kind.INTEGER, low=1, high=32767),
        FileColumn("status", Kind.CATEGORY),
        FileColumn("labelled_at", Kind.TIME),
        FileColumn("confidence", Kind.NUMBER, low=0, high=1),
        FileColumn("duration_ms", Kind.INTEGER, low=0, high=2**31 - 1),
        FileColumn("batch", Kind.CATEGORY),
        FileColumn("guideline_version", Kind.CATEGORY),
        FileColumn("comment", Kind.TEXT),
    )
    if upload.options.get("format") in EXPORTS:
        attribute = FileColumn("attribute", Kind.CATEGORY)
        return Layout(columns, extra=attribute, mapping=mapping_of(upload))
    return without(upload, Layout(columns, mapping=mapping_of(upload)))


def _takes_sets(upload: Upload) -> bool:
    """Whether every question that the file can be about is answered with several values."""
    questions = Question.objects.filter(dataset=upload.dataset_id)
    if upload.subject:
        questions = questions.filter(name=upload.subject)
    return not questions.exclude(scale=Question.Scale.SET).exists()


def check_subject(dataset: Dataset, name: str | None) -> str:
    """The question named, the only one there is, or none where the file names it in each row."""
    if name is None and dataset.questions.count() > 1:
        return ""
    return question_of(dataset, name)


@dataclass(frozen=True)
class _Rows:
    """The rows that are stored for one question, by key, and what every row of the file says.

    The arrays have the file's length; places pick from them, so that nothing is copied.
    """

    keys: Ordered
    code: PerRow
    number: PerRow
    status: NDArray[np.int8]

    @property
    def row(self) -> Places | Part:
        return self.keys.row

    def only(self, which: NDArray[np.bool_]) -> _Rows:
        return replace(self, keys=self.keys.only(which))


def store_labels(incoming: Incoming) -> Counts:
    """Check every row, store the labels of each question; what a changed one replaces is kept."""
    labels, annotators = incoming.text("label"), incoming.text("annotator")
    if labels is None or annotators is None or incoming.text("item") is None:
        return Counts()
    _check_own(incoming, annotators)
    question_rows = _rows_by_question(incoming)
    status = _statuses(incoming, labels)
    coded = {
        question: _code(incoming, question, rows, labels, status)
        for question, rows in question_rows.items()
    }
    put_aside(labels.codes)
    items = resolve_keys(incoming, Item, "item")
    names = resolve_keys(incoming, Annotator, "annotator")
    if items is None or names is None:
        return Counts()
    rounds = _rounds(incoming)
    counts = exports.store_attributes(incoming, annotators)
    gold = exports.gold_rows(incoming)
    for question, (code, number, mode) in coded.items():
        which = question_rows.pop(question)
        facts = exports.Facts(items, code, number, mode)
        golden = which[gold[which]].astype(np.intp) if gold.any() else np.empty(0, np.intp)
        exports.refuse_conflicting_gold(incoming, golden, facts)
        references = golden[~incoming.rejected[golden]]
        if gold.any() or incoming.rejected.any():
            which = which[~gold[which] & ~incoming.rejected[which]]
        rows = _Rows(key_order(which, items, names, rounds), code, number, mode)
        del which
        rows = _without_repeats(incoming, rows)
        if incoming.problem_count and incoming.upload.on_error == Upload.OnError.REJECT:
            continue
        question.save(update_fields=["values", "learned", "combinations"])
        known, rows = _without_known(incoming, question, rows)
        counts += known + _store(incoming, question, rows)
        counts += exports.store_references(incoming, question, references, facts)
    return counts


def _check_own(incoming: Incoming, annotators: TextColumn) -> None:
    """A contributor who labels under a declared name may not write in another's."""
    own = incoming.upload.options.get("own_annotator")
    if own is None:
        return
    foreign = np.array([name != own for name in annotators.values] + [False])[annotators.codes]
    rows = incoming.judged
    incoming.refuse(
        rows[foreign[rows]],
        RowCode.NOT_OWN_LABELS,
        "annotator",
        lambda row: (
            annotators.values[annotators.codes[row]],
            f"you label as {own!r} and may not send labels of others.",
            None,
        ),
    )


def _rows_by_question(incoming: Incoming) -> dict[Question, Places]:
    """Which rows belong to which question: by the column if there is one, else the upload's."""
    known = {q.name: q for q in Question.objects.filter(dataset=incoming.dataset)}
    column = incoming.text("question")
    if column is None:
        if not incoming.upload.subject:
            if not incoming.problem_count:
                incoming.refuse_file(
                    RowCode.UNKNOWN_QUESTION,
                    "question",
                    "the data set has several questions and the file has no column 'question'; "
                    f"send question= with one of: {', '.join(sorted(known))}.",
                )
            return {}
        every = np.arange(incoming.table.n_rows, dtype=np.int32)
        return {known[incoming.upload.subject]: every[~incoming.skipped]}
    rows = incoming.judged
    names = [*column.values, incoming.upload.subject]
    wrong = np.array([name not in known for name in names])[column.codes]
    incoming.refuse(
        rows[wrong[rows] & ((column.codes[rows] >= 0) | ~incoming.rejected[rows])],
        RowCode.UNKNOWN_QUESTION,
        "question",
        lambda row: (
            names[column.codes[row]],
            f"the data set has no question {names[column.codes[row]]!r}; "
            f"it has: {', '.join(sorted(known))}.",
            exports.question_hint(incoming, names[column.codes[row]], known),
        ),
    )
    rows = rows.astype(np.int32)
    found = np.array([known[n].pk if n in known else -1 for n in names])[column.codes[rows]]
    return {q: rows[found == q.pk] for q in known.values() if (found == q.pk).any()}


def _statuses(incoming: Incoming, labels: TextColumn) -> NDArray[np.int8]:
    """Answered, skipped, or answered empty; said by the column, else by the label being there."""
    answered, unanswered = np.int8(Label.Status.ANSWERED), np.int8(Label.Status.EMPTY)
    status: NDArray[np.int8] = np.where(labels.codes < 0, unanswered, answered)
    column = incoming.text("status")
    if column is None:
        empty = int((labels.missing & incoming.kept).sum())
        if empty:
            incoming.warn(
                NoticeCode.EMPTY_LABELS,
                f"{counted(empty, 'row')} without a label: kept as answered empty, not counted. "
                "Send a column status (answered, skipped, empty) to tell which they are.",
                empty,
            )
        return status
    meant = [STATUSES.get(v.casefold(), -1) for v in column.values]
    said = np.array([*meant, -2], np.int8)[column.codes]
    judged = incoming.judged
    incoming.refuse(
        judged[said[judged] == -1],
        RowCode.UNKNOWN_STATUS,
        "status",
        lambda row: (
            column.values[column.codes[row]],
            f"{column.values[column.codes[row]]!r} is no status; send answered, skipped or empty.",
            None,
        ),
    )
    rows = incoming.rows
    incoming.refuse(
        rows[(said[rows] == Label.Status.ANSWERED) & (labels.codes[rows] < 0)],
        RowCode.LABEL_MISSING,
        "label",
        lambda row: ("", "the row is answered but has no label; give it, or say skipped.", None),
    )
    return np.where(said == -2, status, said)


def _code(
    incoming: Incoming,
    question: Question,
    rows: Places,
    labels: TextColumn,
    status: NDArray[np.int8],
) -> tuple[PerRow, PerRow, NDArray[np.int8]]:
    """Code, number and status of every row of the file, right for those of this question."""
    mine = np.zeros(incoming.table.n_rows, bool)
    mine[rows] = True
    mine &= status == Label.Status.ANSWERED
    answers = check_answers(incoming, question, labels, mine)
    codes = np.append(answers.codes, MISSING).astype(np.int32)
    skipped = mine & (codes == MISSING)[labels.codes]
    return (
        PerRow(codes, labels.codes),
        PerRow(np.append(answers.numbers, np.nan), labels.codes),
        np.where(skipped, np.int8(Label.Status.SKIPPED), status),
    )


def _rounds(incoming: Incoming) -> NDArray[np.int16]:
    column = incoming.table.columns.get("round")
    if not isinstance(column, NumberColumn):
        return constant(1, incoming.table.n_rows, np.int16)
    return np.where(column.missing, 1, column.values).astype(np.int16)


def _without_repeats(incoming: Incoming, rows: _Rows) -> _Rows:
    """The rows, without those whose key stood in an earlier one, which are refused."""
    if not rows.keys.same.any():
        return rows
    _refuse_repeats(incoming, rows, rows.keys.same)
    return rows.only(~(incoming.rejected | incoming.skipped)[rows.row[:]])


def _refuse_repeats(incoming: Incoming, rows: _Rows, same: NDArray[np.bool_]) -> None:
    """Refuse rows (in key order) whose key is that of the row before, saying which was first."""
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(same))))
    again, earlier = (rows.row[x].astype(np.intp) for x in (same, first[same]))
    kept = ~skip_identical(incoming, again, earlier)
    again, earlier = again[kept], earlier[kept]
    conflicts = (
        (rows.code[again] != rows.code[earlier])
        | (np.nan_to_num(rows.number[again]) != np.nan_to_num(rows.number[earlier]))
        | (rows.status[again] != rows.status[earlier])
    )
    original = dict(zip(again.tolist(), earlier.tolist(), strict=True))
    describe = _describe_repeat(incoming, original)
    spelled = spelled_variously(incoming, again)
    for code, which in (
        (RowCode.DUPLICATE_KEY, spelled),
        (RowCode.CONFLICTING_ROWS, conflicts & ~spelled),
        (RowCode.DUPLICATE_ROW, ~conflicts & ~spelled),
    ):
        incoming.refuse(np.sort(again[which]), code, "annotator", describe)


def _describe_repeat(incoming: Incoming, original: dict[int, int]) -> Any:
    annotators, items, labels = (incoming.text(n) for n in ("annotator", "item", "label"))
    if annotators is None or items is None or labels is None:
        raise ValueError("A labels file has the columns item, annotator and label.")

    def describe(row: int) -> tuple[str, str, str | None]:
        earlier = original[row]
        name = annotators.values[annotators.codes[row]]
        sentence = (
            f"annotator {name!r} already labelled item {items.values[items.codes[row]]!r} in line "
            f"{int(incoming.table.line[earlier])} as {_shown(incoming, earlier)}; this row "
            f"says {_shown(incoming, row)}. Send one label per item and annotator."
            f"{spellings_of(incoming, row)}"
        )
        return name, sentence, "Repeated labels by one annotator need a column round (1, 2, ...)."

    return describe


def _shown(incoming: Incoming, row: int) -> str:
    """What a row says: its label, else its status."""
    for column, form in ((incoming.text("label"), repr), (incoming.text("status"), str)):
        if column is not None and column.codes[row] >= 0:
            return form(column.values[column.codes[row]])
    return "empty"


def _without_known(incoming: Incoming, question: Question, rows: _Rows) -> tuple[Counts, _Rows]:
    """The rows without those that are stored: as a partition of their own if the question has
    none, or before, with the same answer."""
    if not len(rows.row):
        return Counts(), rows
    if load_partition(question, _columns(incoming, question, rows)):
        return Counts(stored=len(rows.row)), rows.only(np.zeros(len(rows.row), bool))
    alike = stored_alike(question, rows.keys, _answers(question, rows))
    return Counts(unchanged=int(alike.sum())), rows.only(~alike)


def _store(incoming: Incoming, question: Question, rows: _Rows) -> Counts:
    """Merge rows with what is stored of their question."""
    if not len(rows.row):
        return Counts()
    stage(_columns(incoming, question, rows))
    if incoming.upload.mode == Upload.Mode.ADD:
        _refuse_changes(incoming, question, rows)
    return merge(question, incoming.upload)


def _answers(question: Question, rows: _Rows) -> Answers:
    """What the rows say, by their places in the order, as it is stored."""

    def said(places: Any) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any]]:
        row = rows.row[places]
        status = rows.status[row]
        answered = status == Label.Status.ANSWERED
        if question.is_numeric:
            return None, np.where(answered, rows.number[row], np.nan), status
        return np.where(answered, rows.code[row], MISSING), None, status

    return said


def _columns(incoming: Incoming, question: Question, rows: _Rows) -> list[Column]:
    row, keys, n = rows.row, rows.keys, len(rows.row)
    unanswered = rows.status != Label.Status.ANSWERED
    gaps = unanswered if unanswered.any() else None
    answered = constant(Label.Status.ANSWERED.value, len(unanswered))
    value = (
        Column("number", "float8", rows.number, gaps, row)
        if question.is_numeric
        else Column("code", "int4", rows.code, gaps, row)
    )
    columns = [
        Column("question_id", "int8", constant(question.pk, n)),
        Column("item_id", "int8", keys.item),
        Column("annotator_id", "int8", keys.annotator),
        Column("round", "int2", keys.round),
        Column("status", "int2", answered if gaps is None else rows.status, rows=row),
        value,
        Column("upload_id", "uuid", constant(incoming.upload.pk.bytes, n, "S16")),
    ]
    kinds = {"labelled_at": "timestamptz", "confidence": "float8", "duration_ms": "int4"}
    for name, kind in kinds.items():
        column = incoming.table.columns.get(name)
        if isinstance(column, NumberColumn | TimeColumn):
            gaps = column.missing if column.missing.any() else None
            columns.append(Column(name, kind, column.values, gaps, row))
    for name in ("batch", "guideline_version", "comment"):
        if (text := incoming.text(name)) is not None:
            columns.append(Column(name, "text", texts_of(text, row[:])))
    return columns


def _refuse_changes(incoming: Incoming, question: Question, rows: _Rows) -> None:
    """Under ``mode=add`` a row that says something else than before is a problem of its row."""
    changed = {tuple(row[:3]): row[3:] for row in differing(question)}
    labels = incoming.text("label")
    if not changed or labels is None:
        return
    keys = (x[:].tolist() for x in (rows.keys.item, rows.keys.annotator, rows.keys.round))
    found = zip(rows.row[:].tolist(), zip(*keys, strict=True), strict=True)
    old = {row: changed[key] for row, key in found if key in changed}
    incoming.refuse(
        np.array(sorted(old), np.intp),
        RowCode.CONFLICTS_WITH_EXISTING,
        "label",
        lambda row: (
            labels.values[labels.codes[row]] if labels.codes[row] >= 0 else "",
            f"{_stored(question, *old[row])} is stored for this item and annotator, the row says "
            f"{_shown(incoming, row)}; send mode=upsert to replace it.",
            None,
        ),
    )
    withdraw_differing(question)


def _stored(question: Question, code: int | None, number: float | None, status: int) -> str:
    """A stored label in words."""
    if number is not None:
        return repr(number)
    if code is None:
        return Label.Status(status).label
    if question.scale == Question.Scale.SET:
        return repr([question.values[i] for i in question.combinations[code]])
    return repr(question.values[code])
