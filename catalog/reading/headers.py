"""Which column of ours each name in the file's header means."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from catalog.reading.characters import character_faults, text_faults
from catalog.reading.columns import DELIMITERS, Column, Kind, Layout, Options
from catalog.reading.problems import Code, Fault, Notice, ReadingStoppedError, escape
from catalog.reading.signatures import (
    NO_HEADER,
    ROW_NUMBERS,
    likely_columns,
    likely_export,
    unknown_hint,
    what_file,
)

_NAME = Column("name", Kind.CATEGORY)


def folded(name: str) -> str:
    """The form in which header names are compared."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def name_fault(name: str, position: int) -> Fault | None:
    """What is wrong with the spelling of a header name; positions count from 1."""
    if not name.strip():
        sentence = f"column {position} has no name; name it, or remove the spare delimiter."
        return Fault(
            Code.HEADER_EMPTY_COLUMN, sentence, name, ROW_NUMBERS if position == 1 else None
        )
    faults = character_faults(name, Kind.IDENTIFIER) or text_faults(name, _NAME, 1024)
    return replace(faults[0], column=name) if faults else None


class Header:
    """Matches the names of a header, one after the other, with the columns of a layout."""

    def __init__(self, layout: Layout, options: Options) -> None:
        self.layout = layout
        self.options = options
        self.names: list[str] = []
        self.columns: list[Column | None] = []
        self.faults: list[Fault] = []
        self._known = _known_names(layout)
        self._taken: set[str] = set()

    def add(self, name: str) -> Column | None:
        """Take in the next name; ``None`` where it means no column, which is then a fault."""
        limit = self.options.limits.max_columns
        if len(self.names) >= limit:
            sentence = f"the file has more than {limit:,} columns; send fewer."
            raise ReadingStoppedError(Fault(Code.TOO_MANY_COLUMNS, sentence, line=1))
        column = self._find(name)
        self.names.append(name)
        self.columns.append(column)
        return column

    def _find(self, name: str) -> Column | None:
        fault = self._name_fault(name)
        column = self._known.get(folded(name))
        # One of ours that was said to be called otherwise: it is in the file under another name.
        is_ours = any(folded(ours) == folded(name) for ours in self.layout.mapping)
        if column is None and fault is None and self.layout.extra is not None and not is_ours:
            column = replace(self.layout.extra, name=unicodedata.normalize("NFC", name).strip())
        if fault is None and column is None:
            fault = self._unknown(name)
        elif fault is None and column is not None and folded(column.name) in self._taken:
            fault = Fault(
                Code.HEADER_DUPLICATE_COLUMN, self._twice(name, column), name, column=name
            )
        if fault is not None:
            self.faults.append(fault)
            return None
        if column is not None:
            self._taken.add(folded(column.name))
        return column

    def _twice(self, name: str, column: Column) -> str:
        earlier = next(
            sent
            for sent, found in zip(self.names, self.columns, strict=True)
            if found is not None and folded(found.name) == folded(column.name)
        )
        if folded(earlier) == folded(name):
            return f"the column '{escape(name)}' stands in the header twice; keep one of them."
        return (
            f"the columns '{escape(earlier)}' and '{escape(name)}' both mean {column.name}; keep "
            "one of them, or leave one out with ignore=."
        )

    def _name_fault(self, name: str) -> Fault | None:
        if name.startswith("\ufeff"):
            return self._unknown(name, "It begins with a second byte order mark; remove that. ")
        return name_fault(name, len(self.names) + 1)

    def _unknown(self, name: str, why: str = "") -> Fault:
        sentence = (
            f"the column '{escape(name)}' is unknown. {why}Known columns: {self._expected()}."
        )
        return Fault(
            Code.HEADER_UNKNOWN_COLUMN, sentence, name, unknown_hint(name, self._known), column=name
        )

    def _expected(self) -> str:
        return ", ".join(self._sent_name(column) for column in self.layout.columns)

    def _sent_name(self, column: Column) -> str:
        return self.layout.mapping.get(column.name, column.name)

    def finish(self) -> list[Fault]:
        """Every fault of a header that is complete."""
        missing = [
            column
            for column in self.layout.columns
            if (column.required or column.name in self.layout.mapping)
            and folded(column.name) not in self._taken
        ]
        if not missing:
            return self.faults
        fault = self._missing(missing)
        unknown_only = all(f.code is Code.HEADER_UNKNOWN_COLUMN for f in self.faults)
        # Where no name is known, the first line is no header: saying so once is enough.
        return [fault] if not self._knows_any() and unknown_only else [*self.faults, fault]

    def _knows_any(self) -> bool:
        return bool(self._known.keys() & {folded(name) for name in self.names})

    def _missing(self, missing: Sequence[Column]) -> Fault:
        names = ", ".join(self._sent_name(column) for column in missing)
        found = ", ".join(escape(name, 40) for name in self.names[:10])
        sentence = (
            f"the header lacks {names}; it has: {found or 'nothing'}. The first line must name "
            f"the columns. Expected: {self._expected()}."
        )
        form = likely_export(self.names, delimited=self.options.is_delimited)
        hint = (
            f"This looks like an export; send format={form}."
            if form
            else what_file(self.names, delimited=self.options.is_delimited)
        )
        meant = likely_columns(self.names, [column.name for column in missing])
        if hint is None and meant and not self.layout.mapping:
            said = json.dumps(meant, ensure_ascii=False)
            hint = f"If they are called otherwise here, send columns={escape(said)}."
        named = self._knows_any() or self.layout.extra is not None
        if hint is None and self.options.is_delimited and not named:
            hint = NO_HEADER
        place = self._sent_name(missing[0])
        return Fault(Code.HEADER_MISSING_COLUMN, sentence, hint=hint, column=place)

    def notices(self, line: int | None) -> list[Notice]:
        """That names were matched although they are not spelled as ours."""
        changed = [
            f"'{escape(sent, 40)}' is read as {escape(column.name)}"
            for sent, column in zip(self.names, self.columns, strict=True)
            if column is not None and sent not in (column.name, self._sent_name(column))
        ]
        if not changed:
            return []
        message = "Header names were matched without regard to case and space: "
        message += "; ".join(changed) + "."
        return [Notice(line, None, Code.HEADER_NORMALISED, None, message, len(changed))]


def _known_names(layout: Layout) -> dict[str, Column]:
    known = {}
    for column in layout.columns:
        if column.kind is Kind.IDENTIFIER:
            known[folded(f"{column.name}_id")] = column
        known.update({folded(alias): column for alias in column.aliases})
    known.update({folded(column.name): column for column in layout.columns})
    by_name = {column.name: column for column in layout.columns}
    for ours in layout.mapping:
        known.pop(folded(ours), None)
    for ours, sent in layout.mapping.items():
        meant = by_name.get(ours) or layout.extra
        if meant is not None:
            known[folded(sent)] = replace(meant, name=ours)
    return known


def wrong_delimiter(fields: Sequence[str], layout: Layout, options: Options) -> Fault | None:
    """That the header is one field under the declared delimiter, and several under another."""
    if len(fields) != 1:
        return None
    known = _known_names(layout)
    for delimiter, name in DELIMITERS.items():
        names = {folded(part.strip(' "')) for part in fields[0].split(delimiter)}
        if delimiter != options.separator and len(names) > 1 and names & known.keys():
            shown = "tab" if delimiter == "\t" else delimiter
            sentence = (
                f"the columns are separated by a {name}, not by a {DELIMITERS[options.separator]}; "
                f"send delimiter={shown} (and decimal=, if numbers have a decimal comma)."
            )
            return Fault(Code.WRONG_DELIMITER, sentence, fields[0])
    return None
