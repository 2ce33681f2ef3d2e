"""What every export becomes: one row an answer, with what the sender has to be told about it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from catalog.reading.building import Batch, TableBuilder
from catalog.reading.columns import Column, Kind, Layout, Options
from catalog.reading.decoding import Pairs, Record, compact
from catalog.reading.exports.questions import Questions
from catalog.reading.problems import Code, Fault, Notice, ReadingStoppedError, counted, escape
from catalog.reading.tables import Mask, NumberColumn, Table, TextColumn, TimeColumn

ANSWERED, SKIPPED, EMPTY = "answered", "skipped", "empty"
GOLD = "gold"
_BATCH = 8_192
_LAST = np.iinfo(np.int64).max
_ALWAYS = ("item", "annotator", "label", "status")


@dataclass(slots=True)
class Answer:
    """What one annotator answered to one question about one item, in the export's words.

    ``role`` is ``gold`` for an answer that the export takes as correct; it names no annotator.
    """

    item: str
    annotator: str = ""
    label: str = ""
    question: str = ""
    status: str = ANSWERED
    labelled_at: str = ""
    duration_ms: str = ""
    role: str = ""
    attributes: tuple[str, ...] = ()


NAMES = tuple(field.name for field in fields(Answer) if field.name != "attributes")


class AnswerRows:
    """Collects answers for the builder; asks for what the export does not say."""

    def __init__(self, layout: Layout, options: Options) -> None:
        self.options = options
        self.mapping = layout.mapping
        self.questions = Questions(options.export)
        self.builder = TableBuilder(options)
        for column in answer_columns(layout):
            self.builder.add_column(column)
        self.rows: list[Answer] = []
        self.line: list[int] = []
        self.broken: dict[int, list[Fault]] = {}
        self.to_all: list[tuple[int, Answer]] = []
        self.unnamed: set[tuple[str, str]] = set()
        self.left_out: Counter[str] = Counter()
        self.pre_annotated = 0
        self.annotations: dict[tuple[str, ...], int] = {}
        self.n_attributes = 0
        self.shape: tuple[int, int] | None = None

    def add_attribute(self, name: str) -> None:
        """Begin a column that describes annotators; before the first row."""
        self.builder.add_column(Column(name, Kind.CATEGORY))
        self.n_attributes += 1

    def add(self, line: int, answer: Answer, faults: Sequence[Fault] = ()) -> None:
        """Take in one answer, or what is wrong with it."""
        found = [*faults, *self._name_annotator(answer)]
        if found:
            self.broken[len(self.rows)] = found
        self.rows.append(answer)
        self.line.append(line)
        if len(self.rows) >= _BATCH:
            self.flush()

    def add_to_all(self, line: int, answer: Answer) -> None:
        """Take in that nothing was answered, which concerns every question of the export."""
        self.to_all.append((line, answer))

    def refuse(self, line: int, faults: Sequence[Fault]) -> None:
        """Take in a record that cannot be read."""
        self.broken[len(self.rows)] = list(faults)
        self.rows.append(Answer(""))
        self.line.append(line)

    def _name_annotator(self, answer: Answer) -> list[Fault]:
        if answer.annotator or answer.role == GOLD or not answer.item:
            return []
        stated = self.options.export.annotator
        if stated is None:
            sentence = "the export does not say who answered; send annotator= with the name."
            return [Fault(Code.ANNOTATOR_UNSTATED, sentence)]
        answer.annotator = stated
        key = (answer.item, answer.question)
        if key in self.unnamed:
            sentence = (
                f"item '{escape(answer.item)}' has a second answer that names nobody; annotator= "
                "stands for one person, who answers once. Send the export with its annotators."
            )
            return [Fault(Code.DUPLICATE_ROW, sentence, answer.item)]
        self.unnamed.add(key)
        return []

    def flush(self) -> None:
        """Hand the rows collected so far to the builder."""
        columns = [[getattr(row, name) for row in self.rows] for name in NAMES]
        for place in range(self.n_attributes):
            columns.append([row.attributes[place] if row.attributes else "" for row in self.rows])
        batch = Batch(self.line, columns, self.broken)
        self.rows, self.line, self.broken = [], [], {}
        self.builder.add(batch)

    def finish(self) -> None:
        """Take in what could be told only at the end of the export."""
        self.questions.check()
        names = self.questions.names_met() if self.to_all else []
        for line, answer in self.to_all:
            for name in names:
                self.add(line, replace(answer, question=name))
        if not self.rows and not self.builder.n_rows:
            sentence = "The export holds no answer of anybody; send one with at least one label."
            raise ReadingStoppedError(Fault(Code.NO_ROWS, sentence, line=1))
        self.flush()

    def stop(self, fault: Fault) -> None:
        """Take in why nothing more can be read, and keep what was."""
        with contextlib.suppress(ReadingStoppedError):
            self.flush()
        # Hints of the readers of plain tables name formats that an export does not have.
        self.builder.log.stop(replace(fault, hint=None).at(None))

    def table(self, *, with_rounds: bool) -> Table:
        """All that was collected, with notices of what was found."""
        # What was answered to every question was added last, wherever it stands.
        self.builder.log.problems.sort(key=lambda problem: problem.line or 0)
        table = self.builder.finish()
        columns = {
            name: column
            for name, column in table.columns.items()
            if name in _ALWAYS or not column.missing.all()
        }
        table = replace(table, columns=columns)
        if with_rounds:
            table = number_rounds(table)
        notices = [*table.notices, *found_notices(table, self.shape)]
        notices += _counted(Code.LEFT_OUT, self.left_out + self.questions.left_out)
        if self.pre_annotated:
            message = (
                f"{self.pre_annotated:,} answers began from a model's prediction; people tend to "
                "keep those, so that agreement looks better than it is."
            )
            notices.append(_notice(Code.PRE_ANNOTATED, message, self.pre_annotated))
        return replace(table, notices=notices)


def answer_columns(layout: Layout) -> list[Column]:
    """The columns of the rows: as the layout has them, and the role."""
    known = {column.name: column for column in layout.columns}
    columns = [known.get(name, Column(name, Kind.CATEGORY)) for name in NAMES]
    # A missing annotator is reported in words of its own, and a gold answer has none.
    return [replace(c, empty_allowed=True) if c.name == "annotator" else c for c in columns]


def read_answers(
    layout: Layout,
    options: Options,
    records: Iterable[Record],
    take: Callable[[AnswerRows, dict[str, object], int], None],
    *,
    with_rounds: bool = False,
) -> Table:
    """Read records one by one; ``take`` adds the answers of one record, an object, to the rows."""
    rows = AnswerRows(layout, options)
    try:
        for record, line, faults in records:
            value = plain(record)
            if faults:
                rows.refuse(line, faults)
            elif isinstance(value, dict):
                take(rows, value, line)
            else:
                sentence = "the record is not a JSON object, of which this export consists."
                rows.refuse(line, [Fault(Code.EXPORT_SHAPE, sentence, compact(record))])
        rows.finish()
    except ReadingStoppedError as stopped:
        rows.stop(stopped.fault)
    return rows.table(with_rounds=with_rounds)


def plain(value: object) -> object:
    """A decoded value with its objects as dictionaries; numbers stay the digits they are."""
    if isinstance(value, Pairs):
        return {key: plain(part) for key, part in value}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value


def number_rounds(table: Table) -> Table:
    """Number repeated answers of one annotator to one question about one item by their time."""
    names = ("question", "annotator", "item")
    keys = [_codes(table, name).astype(np.int64) for name in names]
    time = table.columns.get("labelled_at")
    at = np.zeros(table.n_rows, np.int64)
    if isinstance(time, TimeColumn):
        at = np.where(time.missing, _LAST, time.values)
    order = np.lexsort([np.arange(table.n_rows, dtype=np.int64), at, *keys])
    same = np.zeros(table.n_rows, bool)
    for key in keys:
        same[1:] |= key[order][1:] != key[order][:-1]
    same = ~same
    same[:1] = False
    counted = same & (keys[1][order] >= 0) & (keys[2][order] >= 0)
    start = np.maximum.accumulate(np.where(counted, 0, np.arange(table.n_rows)))
    rounds = np.empty(table.n_rows)
    rounds[order] = np.arange(table.n_rows) - start + 1
    n = int((rounds > 1).sum())
    if not n:
        return table
    column = NumberColumn(rounds, np.zeros(table.n_rows, bool))
    message = (
        f"{n:,} answers repeat an earlier one of the same annotator to the same question about "
        "the same item; they are kept as rounds 2, 3, ... in the order of their times."
    )
    notice = _notice(Code.ROUNDS_NUMBERED, message, n)
    return replace(
        table,
        columns={**table.columns, "round": column},
        notices=[*table.notices, notice],
    )


def _codes(table: Table, name: str) -> npt.NDArray[np.int32]:
    column = table.columns.get(name)
    if isinstance(column, TextColumn):
        return np.asarray(column.codes)
    return np.full(table.n_rows, -1, np.int32)


def found_notices(table: Table, shape: tuple[int, int] | None) -> list[Notice]:
    """What stands in the rows, in one sentence, and how many of them are no plain answers."""
    if not table.n_rows:
        return []
    gold = _is(table, "role", GOLD)
    skipped, empty = _is(table, "status", SKIPPED), _is(table, "status", EMPTY)
    good = ~gold
    good[table.problem_rows] = False
    answered = int((good & ~skipped & ~empty).sum())
    items, annotators = shape or (
        _distinct(table, "item", good),
        _distinct(table, "annotator", good),
    )
    message = f"{counted(items, 'item')} x {counted(annotators, 'annotator')}, "
    message += counted(answered, "label")
    questions = _distinct(table, "question", good)
    message += f" to {questions} questions." if questions > 1 else "."
    notices = [_notice(Code.EXPORT_READ, message, answered)]
    told = (
        (Code.GOLD_FOUND, gold, "are marked as correct; they are reference labels, of nobody."),
        (Code.SKIPPED_FOUND, skipped & ~gold, "were skipped; they are kept, and not counted."),
        (Code.EMPTY_FOUND, empty & ~gold, "are answered empty; they are kept, and not counted."),
    )
    for code, mask, what in told:
        if mask.any():
            notices.append(_notice(code, f"{int(mask.sum()):,} answers {what}", int(mask.sum())))
    return notices


def _is(table: Table, name: str, value: str) -> Mask:
    column = table.columns.get(name)
    if not isinstance(column, TextColumn) or value not in column.values:
        return np.zeros(table.n_rows, bool)
    return np.asarray(column.codes == column.values.index(value))


def _distinct(table: Table, name: str, rows: Mask) -> int:
    codes = _codes(table, name)[rows]
    return len(np.unique(codes[codes >= 0]))


def _counted(code: Code, counts: Counter[str]) -> list[Notice]:
    if not counts:
        return []
    parts = "; ".join(f"{n:,} {what}" for what, n in counts.most_common(20))
    return [_notice(code, f"Left out: {parts}.", counts.total())]


def _notice(code: Code, message: str, count: int) -> Notice:
    return Notice(None, None, code, None, message, count)
