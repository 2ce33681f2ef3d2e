"""Wide tables: one column an annotator or an item; and one row an annotation, as DICES has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.exports.cells import find_column, missing_column, table_records
from catalog.reading.exports.rows import GOLD, Answer, AnswerRows, read_answers
from catalog.reading.headers import folded
from catalog.reading.problems import Code, Fault, Notice, escape
from catalog.reading.tables import Table

_BEARERS = {
    "items_in_rows": ("item", "annotator"),
    "annotators_in_rows": ("annotator", "item"),
}
_SECOND = re.compile(r"\.[0-9]+$")
# What columns are called that sum up the annotators beside them.
_TOTALS = {
    *("total", "sum", "count", "mean", "average", "median", "majority", "majority vote"),
    *("majority_vote", "consensus", "agreement", "adjudicated", "gold", "ground truth"),
    *("ground_truth", "gold_label", "final_label", "comment", "comments", "notes"),
}
_ATTRIBUTE_PREFIXES = ("rater_", "annotator_")


class _WideTable:
    """One wide table: its rows are items or annotators, its columns are the others."""

    def __init__(self, layout: Layout, options: Options) -> None:
        export = options.export
        self.in_rows, self.in_columns = _BEARERS[export.orientation or "items_in_rows"]
        self.mapping = layout.mapping
        self.ignored = {*export.ignore, *export.gold.values()}
        self.gold = GoldColumns(export.gold)
        self.id_column = ""
        self.names: list[str] = []
        self.first_line: dict[str, int] = {}

    def check(self, names: list[str]) -> Fault | None:
        """Find the column of ids; every further one, if it is not ignored, holds answers."""
        foreign = [name for name in self.mapping if name != self.in_rows]
        if foreign:
            sentence = (
                f"columns= names '{escape(foreign[0])}'; of a table with "
                f"{self.in_rows}s in rows only the column '{self.in_rows}' can be mapped."
            )
            return Fault(Code.HEADER_UNKNOWN_COLUMN, sentence, foreign[0])
        stated = self.mapping.get(self.in_rows)
        found = find_column(names, (self.in_rows, f"{self.in_rows}_id"), stated)
        if found is None:
            return missing_column(names, self.in_rows, stated or self.in_rows)
        absent = next((name for name in self.gold.columns if name not in names), None)
        if absent is not None:
            return _no_gold(names, absent)
        self.id_column = found
        self.names = [name for name in names if name != found and name not in self.ignored]
        total = next((name for name in self.names if folded(name) in _TOTALS), None)
        if total is not None and self.in_columns == "annotator":
            return _no_annotator(total)
        if not self.names:
            sentence = f"the table has no column for any {self.in_columns}; send at least one."
            return Fault(Code.HEADER_MISSING_COLUMN, sentence)
        return None

    def take(self, rows: AnswerRows, record: dict[str, object], line: int) -> None:
        """Add the answers of one row; an empty cell was not asked."""
        bearer = str(record[self.id_column])
        fault = self._id_fault(bearer, line)
        if fault is not None:
            rows.refuse(line, [fault])
            return
        question = rows.questions.unnamed()
        for name in self.names:
            if text := str(record[name]):
                item, annotator = (bearer, name) if self.in_rows == "item" else (name, bearer)
                # A set is written as in the long form: a JSON list, or a|b.
                rows.add(line, Answer(item, annotator, text, question))
        self.gold.take(rows, record, bearer, line)
        shape = len(self.first_line), len(self.names)
        rows.shape = shape if self.in_rows == "item" else (shape[1], shape[0])

    def _id_fault(self, bearer: str, line: int) -> Fault | None:
        if not bearer:
            return Fault(
                Code.VALUE_MISSING, "the field is empty; fill it in.", "", column=self.id_column
            )
        first = self.first_line.setdefault(bearer, line)
        if first == line:
            return None
        sentence = (
            f"{self.in_rows} '{escape(bearer)}' has a row already, in line {first}; a wide table "
            f"has one row for each {self.in_rows}."
        )
        return Fault(Code.DUPLICATE_ROW, sentence, bearer, column=self.id_column)


class GoldColumns:
    """Columns that say what is correct: the reference labels of their items, once each."""

    def __init__(self, gold: Mapping[str, str]) -> None:
        self.columns = {theirs: ours for ours, theirs in gold.items()}
        self.met: set[tuple[str, str, str]] = set()

    def take(self, rows: AnswerRows, record: dict[str, object], item: str, line: int) -> None:
        """Add what a row takes as correct, where no earlier row of its item said the same."""
        for theirs, ours in self.columns.items():
            key = (item, ours, str(record[theirs]))
            if key[2] and key not in self.met:
                self.met.add(key)
                rows.add(line, Answer(item, label=key[2], question=ours, role=GOLD))


def _no_annotator(name: str) -> Fault:
    shown = escape(name)
    sentence = (
        f"the column '{shown}' seems to sum up the annotators, and to be none. Leave it out with "
        f"ignore={shown}, send gold={shown} if it says what is correct, or name it after a person."
    )
    return Fault(Code.HEADER_UNKNOWN_COLUMN, sentence, name, column=name)


def _no_gold(names: list[str], wanted: str) -> Fault:
    have = ", ".join(escape(name, 40) for name in names[:20])
    sentence = f"gold= names the column '{escape(wanted)}'; the header has: {have}."
    return Fault(Code.HEADER_MISSING_COLUMN, sentence, column=wanted)


def read_wide(path: Path, layout: Layout, options: Options) -> Table:
    """Read a table of items and annotators; ``orientation=`` says which of them are its rows."""
    wide = _WideTable(layout, options)
    records = table_records(path, options, wide.check)
    table = read_answers(layout, options, records, wide.take)
    return replace(table, notices=[*table.notices, *_alike(wide.names)])


def _alike(names: list[str]) -> list[Notice]:
    """That columns are called as if they were one: by case, or as pandas renames a second one."""
    known = {folded(name): name for name in reversed(names)}
    pairs = list(
        dict.fromkeys(
            (known[meant], name)
            for name in names
            for meant in (folded(name), folded(_SECOND.sub("", name)))
            if known.get(meant, name) != name
        )
    )
    if not pairs:
        return []
    shown = "; ".join(f"'{escape(a, 40)}' and '{escape(b, 40)}'" for a, b in pairs[:5])
    more = f" and {len(pairs) - 5:,} more" if len(pairs) > 5 else ""
    message = f"Columns with names that look alike are kept apart: {shown}{more}. Check them."
    return [Notice(1, None, Code.COLUMNS_ALIKE, None, message, len(pairs))]


class _Annotations:
    """A table with one row an annotation: questions in columns, the annotator's attributes too."""

    def __init__(self, layout: Layout, options: Options) -> None:
        self.mapping = dict(layout.mapping)
        self.export = options.export
        self.names: list[str] = []
        self.sources: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.gold = GoldColumns(self.export.gold)

    def check(self, names: list[str]) -> Fault | None:
        """Find out what every column is; none is dropped silently."""
        self.names = names
        for ours, wanted in _FIELDS.items():
            found = find_column(names, wanted, self.mapping.get(ours))
            if found is None and (ours in _REQUIRED or ours in self.mapping):
                return missing_column(names, ours, self.mapping.get(ours, wanted[0]))
            if found is not None:
                self.sources[ours] = found
        renamed = {theirs: ours for ours, theirs in self.mapping.items() if ours not in _FIELDS}
        wanted_too = (*renamed, *self.export.attributes, *self.gold.columns)
        absent = [theirs for theirs in wanted_too if theirs not in names]
        if absent and absent[0] in self.gold.columns:
            return _no_gold(names, absent[0])
        if absent:
            return missing_column(names, renamed.get(absent[0], absent[0]), absent[0])
        self.attributes = {
            name: renamed.get(name, name)
            for name in self._further(names)
            if name in renamed
            or name in self.export.attributes
            or name.casefold().startswith(_ATTRIBUTE_PREFIXES)
        }
        return self._unknown(names)

    def _further(self, names: list[str]) -> list[str]:
        taken = {*self.sources.values(), *self.export.ignore, *self.export.questions.values()}
        taken |= self.gold.columns.keys()
        if not self.export.questions:
            taken.update(self.export.known)
        return [name for name in names if name not in taken]

    def _unknown(self, names: list[str]) -> Fault | None:
        unknown = [name for name in self._further(names) if name not in self.attributes]
        if not unknown:
            return None
        shown = ", ".join(f"'{escape(name, 40)}'" for name in unknown[:20])
        sentence = (
            f"it is not known what these columns are: {shown}. Name the questions with "
            "questions=, what describes annotators with attributes=, what is correct with gold=, "
            "and leave out the rest with ignore=."
        )
        return Fault(Code.HEADER_UNKNOWN_COLUMN, sentence, unknown[0], column=unknown[0])

    def take(self, rows: AnswerRows, record: dict[str, object], line: int) -> None:
        """Add the answers of one row; an empty cell was not asked."""
        if not rows.n_attributes:
            for name in self.attributes.values():
                rows.add_attribute(name)
        said = {ours: str(record[name]) for ours, name in self.sources.items()}
        attributes = tuple(str(record[name]) for name in self.attributes)
        for theirs, ours in rows.questions.columns(self.names).items():
            if text := str(record[theirs]):
                rows.add(line, Answer(**said, label=text, question=ours, attributes=attributes))
        self.gold.take(rows, record, said["item"], line)


_REQUIRED = ("item", "annotator")
_FIELDS = {
    "item": ("item", "item_id"),
    "annotator": ("annotator", "annotator_id", "rater_id", "rater"),
    "labelled_at": ("labelled_at",),
    "duration_ms": ("duration_ms", "answer_time_ms"),
}


def read_dices(path: Path, layout: Layout, options: Options) -> Table:
    """Read one row an annotation, with several questions and the annotator's attributes."""
    table = _Annotations(layout, options)
    records = table_records(path, options, table.check)
    return read_answers(layout, options, records, table.take)
