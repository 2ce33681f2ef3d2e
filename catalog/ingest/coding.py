"""Attribute columns of a file as codes: the place of each row's value among the attribute's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.answers import decimal_of, in_order, strict_number
from catalog.ingest.band_values import Doubt, doubtful_bands, likely_band
from catalog.ingest.bands import Bands, parse_bands
from catalog.ingest.checks import NoticeCode, RowCode, did_you_mean
from catalog.ingest.declaring import declare
from catalog.ingest.history import remember
from catalog.ingest.incoming import Incoming
from catalog.ingest.mapping import mapped
from catalog.ingest.missing import looks_missing, tell_of_missing
from catalog.ingest.purposes import demand, lacks_purpose
from catalog.models import Attribute
from catalog.reading.numerals import number_fault
from catalog.reading.problems import counted
from catalog.reading.tables import TextColumn


@dataclass
class Coded:
    """An attribute column: each row's position in ``values``; -1 unknown, -2 not in the file."""

    name: str
    codes: NDArray[np.int64]
    values: list[str]
    numbers: NDArray[np.float64] | None = None


def code_attribute(
    incoming: Incoming, of: Attribute.Of, name: str, column: TextColumn
) -> Coded | None:
    attribute = Attribute.objects.filter(dataset=incoming.dataset, of=of, name=name).first()
    if attribute is None:
        attribute = declare(incoming, of, name, column)
    if attribute is None:
        return None
    if lacks_purpose(attribute):
        incoming.refuse_file(RowCode.PURPOSE_REQUIRED, name, demand(attribute))
        return None
    column = mapped(attribute, column)
    if attribute.kind == Attribute.Kind.NUMERIC:
        return _code_numbers(incoming, attribute, column)
    return _code_values(incoming, attribute, column)


def _code_values(incoming: Incoming, attribute: Attribute, column: TextColumn) -> Coded:
    known = [str(v) for v in attribute.values]
    met = [v for v in column.values if v not in attribute.missing_codes]
    doubts: dict[str, Doubt] = {}
    if not (attribute.declared and known):
        doubts = _refuse_doubtful(incoming, attribute, column, known)
        fresh = [v for v in in_order(met) if v not in doubts and v not in set(known)]
        tell_of_missing(incoming, f"attribute {attribute.name!r}", fresh)
        if fresh:
            before = {"created": False, "values": list(known)}
            remember(incoming.upload, "attribute", attribute.pk, before)
            known += fresh
            attribute.values = known
            attribute.save(update_fields=["values"])
    position: dict[str, int] = {value: i for i, value in enumerate(known)}
    position.update(dict.fromkeys([*map(str, attribute.missing_codes), *doubts], -1))
    codes = np.array([position.get(v, -3) for v in column.values] + [-1], np.int64)[column.codes]
    rows = incoming.judged
    incoming.refuse(
        rows[codes[rows] == -3],
        RowCode.UNKNOWN_VALUE,
        attribute.name,
        lambda row: _unknown_value(attribute, known, column.values[column.codes[row]]),
    )
    _tell_missing(incoming, attribute, column, codes)
    return Coded(attribute.name, codes, known)


def _tell_missing(
    incoming: Incoming, attribute: Attribute, column: TextColumn, codes: NDArray[np.int64]
) -> None:
    """Say how many rows leave the attribute unknown: empty, or with a declared missing code."""
    rows = incoming.rows
    unknown = rows[codes[rows] == -1]
    if not len(unknown):
        return
    met = set(column.codes[unknown].tolist()) - {-1}
    coded = "".join(f", {column.values[code]!r}" for code in sorted(met))
    incoming.warn(
        NoticeCode.MISSING_VALUES,
        f"Attribute {attribute.name!r} is unknown in {counted(len(unknown), 'row')} "
        f"(empty{coded}): counted as unknown, never filled in.",
        len(unknown),
        row=int(unknown[0]),
    )


def _refuse_doubtful(
    incoming: Incoming, attribute: Attribute, column: TextColumn, known: list[str]
) -> dict[str, Doubt]:
    """Report bands that were made dates of, or that overlap, before they are learned."""
    met = [v for v in column.values if v not in attribute.missing_codes]
    doubts = doubtful_bands(dict.fromkeys([*known, *met]))
    doubts = {value: doubt for value, doubt in doubts.items() if value not in known}
    rows = incoming.judged
    for code in {doubt.code for doubt in doubts.values()}:
        mask = np.array(
            [v in doubts and doubts[v].code is code for v in column.values] + [False], bool
        )[column.codes]

        def describe(row: int) -> tuple[str, str, str | None]:
            value = column.values[column.codes[row]]
            return value, doubts[value].sentence, doubts[value].hint

        incoming.refuse(rows[mask[rows]], code, attribute.name, describe)
    return doubts


def _unknown_value(
    attribute: Attribute, known: list[str], value: str
) -> tuple[str, str, str | None]:
    shown = ", ".join(repr(v) for v in known[:10]) + (", ..." if len(known) > 10 else "")
    sentence = (
        f"{value!r} is not a value of attribute {attribute.name!r}; the values are: {shown}. "
        "Mend the file, add the value to the attribute, or say in its mapping which one it is."
    )
    if looks_missing(value):
        hint = f"If it means unknown, add it to the attribute's missing_codes: {value}."
        return value, sentence, hint
    return value, sentence, likely_band(value, known) or did_you_mean(value, known)


def _code_numbers(incoming: Incoming, attribute: Attribute, column: TextColumn) -> Coded:
    decimal = decimal_of(incoming.upload.options)
    missing = {str(c) for c in attribute.missing_codes}
    parsed = [None if v in missing else strict_number(v, decimal) for v in column.values]
    numbers = np.array([np.nan if n is None else n for n in parsed] + [np.nan])[column.codes]
    bands = _bands_of(attribute)
    names = bands.names if bands else ()
    # A text that is called like a band is that band, without an exact number.
    named = {name: place for place, name in enumerate(names)}
    said = [
        named.get(v, -1) if n is None else -1 for n, v in zip(parsed, column.values, strict=True)
    ]
    known = missing | named.keys()
    wrong = [n is None and v not in known for n, v in zip(parsed, column.values, strict=True)]
    _refuse_wordy(incoming, attribute, column, np.array([*wrong, False])[column.codes])
    if attribute.role == Attribute.Role.DESIGN_WEIGHT:
        _refuse_weightless(incoming, attribute, column, numbers)
        return Coded(attribute.name, np.full(len(numbers), -1), [], numbers)
    if bands is None:
        incoming.warn(
            NoticeCode.ATTRIBUTE_WITHOUT_BANDS,
            f"Attribute {attribute.name!r} is numeric without bands: its numbers are kept, but it "
            "forms no subgroups until bands are declared.",
        )
        return Coded(attribute.name, np.full(len(numbers), -1), [], numbers)
    stated = np.array([*said, -1])[column.codes]
    codes = np.where(stated >= 0, stated, bands.place(numbers))
    _refuse_outside(incoming, bands, column, (codes < 0) & ~np.isnan(numbers), attribute.name)
    return Coded(attribute.name, codes, list(names), numbers)


def _bands_of(attribute: Attribute) -> Bands | None:
    return parse_bands([str(b) for b in attribute.bands]) if attribute.bands else None


def _refuse_wordy(
    incoming: Incoming, attribute: Attribute, column: TextColumn, wrong: NDArray[np.bool_]
) -> None:
    """Report what is no number, and the number that it would be with the other decimal sign."""
    decimal, rows = decimal_of(incoming.upload.options), incoming.judged

    def describe(row: int) -> tuple[str, str, str | None]:
        value = column.values[column.codes[row]]
        fault = number_fault(value, decimal)
        sentence = f"attribute {attribute.name!r} is numeric, and {fault.sentence}"
        return value, sentence, fault.hint or likely_band(value, map(str, attribute.bands))

    incoming.refuse(rows[wrong[rows]], RowCode.NOT_A_NUMBER, attribute.name, describe)


def _refuse_outside(
    incoming: Incoming, bands: Bands, column: TextColumn, outside: NDArray[np.bool_], name: str
) -> None:
    rows = incoming.judged

    def describe(row: int) -> tuple[str, str, None]:
        value, listed = column.values[column.codes[row]], ", ".join(bands.names)
        return value, f"{value} lies outside all bands of attribute {name!r} ({listed}).", None

    incoming.refuse(rows[outside[rows]], RowCode.OUTSIDE_BANDS, name, describe)


def _refuse_weightless(
    incoming: Incoming, attribute: Attribute, column: TextColumn, numbers: NDArray[np.float64]
) -> None:
    """A design weight is how many of its kind an item stands for: itself, at the very least."""
    rows = incoming.judged
    incoming.refuse(
        rows[numbers[rows] <= 0],
        RowCode.OUT_OF_RANGE,
        attribute.name,
        lambda row: (
            column.values[column.codes[row]],
            f"{column.values[column.codes[row]]} is no design weight; {attribute.name!r} says how "
            "many of its kind an item stands for. Send a number above 0, or leave it empty.",
            None,
        ),
    )
