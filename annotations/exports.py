"""What exports of annotation tools bring beside labels: what is correct, and who the people are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.models import Label
from catalog.ingest import bearers, references
from catalog.ingest.checks import NoticeCode, RowCode, did_you_mean
from catalog.ingest.copying import PerRow
from catalog.ingest.incoming import Counts, Incoming
from catalog.models import Question
from catalog.reading import Table, TextColumn
from catalog.reading.columns import EXPORTS

GOLD = "gold"
# Columns of the long form; any further one of an export describes the annotator.
_LABEL_COLUMNS = {
    "item",
    "annotator",
    "label",
    "question",
    "round",
    "status",
    "labelled_at",
    "duration_ms",
    "role",
}


@dataclass(frozen=True)
class Facts:
    """Every row's item and value, as far as they are those of one question."""

    item: PerRow
    code: PerRow
    number: PerRow
    status: NDArray[np.int8]

    def differ(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Where two rows say different things."""
        said, other = np.nan_to_num(self.number[rows]), np.nan_to_num(self.number[others])
        return np.asarray((self.code[rows] != self.code[others]) | (said != other))


def question_hint(incoming: Incoming, theirs: str, known: Iterable[str]) -> str | None:
    """How to say which question of the data set an export's question is."""
    names = sorted(known)
    if incoming.upload.options.get("format") not in EXPORTS or not names:
        return did_you_mean(theirs, names)
    wish = json.dumps({names[0]: theirs}, ensure_ascii=False)
    return (
        f"If it is {names[0]!r}, send question={names[0]} or questions={wish}; to leave it out "
        f"send ignore={theirs}; else define a question of this name first."
    )


def gold_rows(incoming: Incoming) -> NDArray[np.bool_]:
    """Which rows are no labels of anybody, but marked as correct."""
    role = incoming.text("role")
    if role is None or GOLD not in role.values:
        return np.zeros(incoming.table.n_rows, bool)
    return np.asarray(role.codes == role.values.index(GOLD))


def _answered(rows: NDArray[np.intp], facts: Facts) -> NDArray[np.intp]:
    answered: NDArray[np.intp] = rows[facts.status[rows] == Label.Status.ANSWERED]
    return answered


def _first_of_item(rows: NDArray[np.intp], facts: Facts) -> NDArray[np.intp]:
    """For each row the first row with its item."""
    _, first, inverse = np.unique(facts.item[rows], return_index=True, return_inverse=True)
    earliest: NDArray[np.intp] = rows[first][inverse.reshape(-1)]
    return earliest


def refuse_conflicting_gold(incoming: Incoming, rows: NDArray[np.intp], facts: Facts) -> None:
    """An item has one correct value: refuse rows that contradict an earlier one."""
    rows = _answered(rows[~incoming.rejected[rows]], facts)
    first = _first_of_item(rows, facts)
    original = dict(zip(rows.tolist(), first.tolist(), strict=True))
    items, labels = incoming.text("item"), incoming.text("label")
    if items is None or labels is None:
        return

    def describe(row: int) -> tuple[str, str, str | None]:
        earlier = original[row]
        said = [labels.values[int(labels.codes[r])] for r in (earlier, row)]
        item = items.values[items.codes[row]]
        sentence = (
            f"item {item!r} is marked as correct with {said[0]!r} in line "
            f"{int(incoming.table.line[earlier])}, and here with {said[1]!r}; mark one of them."
        )
        return said[1], sentence, None

    incoming.refuse(rows[facts.differ(rows, first)], RowCode.CONFLICTING_ROWS, "label", describe)


def store_references(
    incoming: Incoming, question: Question, rows: NDArray[np.intp], facts: Facts
) -> Counts:
    """Store rows that are marked as correct as the question's reference labels."""
    rows = _answered(rows, facts)
    if not len(rows):
        return Counts()
    if incoming.upload.options.get("labels_only"):
        incoming.warn(
            NoticeCode.LABELS_ONLY,
            f"{len(rows):,} answers that are marked as correct were left out; a manager of the "
            "data set may send them.",
            len(rows),
        )
        return Counts()
    kept = np.unique(_first_of_item(rows, facts))
    stored = references.store_gold(
        incoming, question, facts.item[kept], facts.code[kept].astype(np.int64), facts.number[kept]
    )
    return stored + Counts(unchanged=len(rows) - len(kept))


def store_attributes(incoming: Incoming, annotators: TextColumn) -> Counts:
    """Store the annotators' attributes that stand beside their answers."""
    names = [name for name in incoming.table.columns if name not in _LABEL_COLUMNS]
    if incoming.upload.options.get("format") not in EXPORTS or not names:
        return Counts()
    if incoming.upload.options.get("labels_only"):
        message = f"The annotators' attributes were left out: {', '.join(names)}; a manager may "
        incoming.warn(NoticeCode.LABELS_ONLY, f"{message}send them.", len(names))
        return Counts()
    for name in names:
        _refuse_contradictions(incoming, annotators, name)
    people = Incoming(
        incoming.upload, incoming.dataset, _people(incoming, names), incoming.should_stop
    )
    if not len(people.rows):
        return Counts()
    counts = bearers.store_annotators(people)
    # Problems and notices of the table itself were told of the file already.
    incoming.problems += people.problems
    incoming.problem_count += people.problem_count
    incoming.warnings += people.warnings
    _reject_people(incoming, annotators, people)
    return Counts(beside=counts.changes)


def _people(incoming: Incoming, names: list[str]) -> Table:
    """One row for each annotator, with the first value that stands in each column."""
    annotators = incoming.text("annotator")
    if annotators is None:
        raise ValueError("A labels file has the column annotator.")
    rows = incoming.rows[annotators.codes[incoming.rows] >= 0]
    people, first = np.unique(annotators.codes[rows], return_index=True)
    columns = {"annotator": annotators.take(rows[first])}
    for name in names:
        if (column := incoming.text(name)) is not None:
            place = _first_said(annotators, column, rows)
            codes = np.array([place.get(int(person), -1) for person in people], np.int32)
            columns[name] = TextColumn(codes, column.values)
    return Table(len(people), incoming.table.line[rows[first]], columns)


def _first_said(
    annotators: TextColumn, column: TextColumn, rows: NDArray[np.intp]
) -> dict[int, int]:
    """The code that each annotator, by code, has in the first row that says one."""
    said = rows[column.codes[rows] >= 0]
    people, first = np.unique(annotators.codes[said], return_index=True)
    return dict(zip(people.tolist(), column.codes[said[first]].tolist(), strict=True))


def _refuse_contradictions(incoming: Incoming, annotators: TextColumn, name: str) -> None:
    """An annotator has one value of an attribute: refuse rows that contradict the first."""
    column = incoming.text(name)
    if column is None:
        return
    rows = incoming.rows
    rows = rows[(annotators.codes[rows] >= 0) & (column.codes[rows] >= 0)]
    first = _first_said(annotators, column, rows)
    expected = np.array([first[int(code)] for code in annotators.codes[rows]], np.int32)

    def describe(row: int) -> tuple[str, str, str | None]:
        said = column.values[column.codes[row]]
        who = annotators.values[annotators.codes[row]]
        before = column.values[first[int(annotators.codes[row])]]
        sentence = (
            f"annotator {who!r} has {name} {before!r} in an earlier row, and {said!r} here; an "
            "annotator has one value of an attribute."
        )
        return said, sentence, None

    incoming.refuse(
        rows[column.codes[rows] != expected], RowCode.CONFLICTING_ATTRIBUTE, name, describe
    )


def _reject_people(incoming: Incoming, annotators: TextColumn, people: Incoming) -> None:
    """Leave out all answers of people whose attributes have a problem."""
    ids = people.text("annotator")
    if ids is None or not people.rejected.any():
        return
    wrong = {ids.values[code] for code in ids.codes[people.rejected]}
    mask = np.array([value in wrong for value in annotators.values] + [False])
    incoming.rejected |= mask[annotators.codes]
