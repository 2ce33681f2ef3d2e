"""Bands written as plain values: what a spreadsheet made of them, and which overlap."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.ingest.checks import RowCode

_CLOSED = re.compile(r"\s*(\d{1,4}(?:\.\d+)?)\s*(?:-|–|to)\s*(\d{1,4}(?:\.\d+)?)\s*", re.ASCII)
# English, French, German, Spanish: how spreadsheets write months in front of people.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan janv januar enero ene january janvier",
            "feb févr fév february février februar febrero",
            "mar mars mär märz march marzo",
            "apr avr april avril abr abril",
            "may mai mayo",
            "jun juin june juni junio",
            "jul juil july juillet juli julio",
            "aug août august ago agosto",
            "sep sept september septembre septiembre",
            "oct okt october octobre oktober octubre",
            "nov november novembre noviembre",
            "dec déc dez dic december décembre dezember diciembre",
        ),
        start=1,
    )
    for name in names.split()
}
_NAMED = re.compile(r"([0-9]{1,2})[- ./]+([^\W\d_]+)\.?|([^\W\d_]+)\.?[- ./]+([0-9]{1,2})")
_MIDNIGHT = r"(?:[T ]00:00(?::00)?(?:\.0+)?)?"
_DATED = re.compile(
    r"(?:[0-9]{4}-([0-9]{1,2})-([0-9]{1,2})|([0-9]{1,2})/([0-9]{1,2})/(?:[0-9]{2}){1,2})"
    + _MIDNIGHT,
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Doubt:
    """Why a value is probably not the band that its writer meant, and what that was."""

    code: RowCode
    sentence: str
    hint: str | None


def ends_of(value: str) -> tuple[float, float] | None:
    """Both ends of a band like ``10-19``; ``None`` for anything else."""
    match = _CLOSED.fullmatch(value)
    if match is None or float(match.group(1)) > float(match.group(2)):
        return None
    return float(match.group(1)), float(match.group(2))


def unmangled(value: str) -> list[str]:
    """The bands that a spreadsheet shows as this date: 3-9 becomes 03-Sep, or 9-Mar elsewhere."""
    text = value.strip().casefold()
    named, dated = _NAMED.fullmatch(text), _DATED.fullmatch(text)
    if named is not None:
        day, month = named.group(1) or named.group(4), named.group(2) or named.group(3)
        numbers = {int(day), _MONTHS.get(month, 0)}
    elif dated is not None:
        numbers = {int(part) for part in dated.groups() if part is not None}
    else:
        return []
    return [] if 0 in numbers and named is not None else [_written(min(numbers), max(numbers))]


def likely_band(value: str, known: Iterable[str]) -> str | None:
    """The known band that a value was meant to be, if it looks like any."""
    bands = {ends: name for name in known if (ends := ends_of(name)) is not None}
    meant = [ends_of(reading) for reading in unmangled(value)]
    exact = next((bands[ends] for ends in meant if ends in bands), None)
    if exact is not None:
        return f"A spreadsheet made a date of it; did you mean {exact!r}?"
    ends = ends_of(value)
    if ends is None or not bands:
        return None
    shared = {_shared(ends, other): name for other, name in bands.items()}
    best = max(shared)
    return f"Did you mean {shared[best]!r}?" if best > 0 else None


def doubtful_bands(values: Iterable[str]) -> dict[str, Doubt]:
    """Values that do not go with the bands beside them: made dates, or overlapping another."""
    distinct = list(values)
    bands = {value: ends for value in distinct if (ends := ends_of(value)) is not None}
    dates = {value: found for value in distinct if (found := unmangled(value))}
    # A column of true dates, or of pairs of numbers, is left alone.
    if len(bands) < 2 or len(bands) + len(dates) < len(distinct) / 2:
        return {}
    doubts = {value: _date_doubt(value, found[0]) for value, found in dates.items()}
    return doubts | _overlaps(bands)


def _date_doubt(value: str, reading: str) -> Doubt:
    sentence = (
        f"{value!r} stands among bands of numbers; a spreadsheet probably made a date of a band. "
        "Format the column as text before saving it, or say in the attribute's mapping which band "
        "it is."
    )
    return Doubt(RowCode.MANGLED_BAND, sentence, f"Did you mean {reading!r}?")


def _overlaps(bands: dict[str, tuple[float, float]]) -> dict[str, Doubt]:
    usual = Counter(high - low for low, high in bands.values()).most_common(1)[0][0]
    order = sorted(bands, key=lambda name: bands[name])
    neighbours = list(zip(order, order[1:], strict=False))
    if all(bands[first][1] == bands[second][0] for first, second in neighbours):
        return {}  # 18-30, 30-50: each ends where the next begins, which is a way of writing
    doubts: dict[str, Doubt] = {}
    for first, second in neighbours:
        (low, high), (next_low, next_high) = bands[first], bands[second]
        if next_low > high:
            continue
        if high - low != usual and next_high - next_low == usual:
            wrong, other, meant = first, second, (low, next_low - 1)
        else:
            wrong, other, meant = second, first, (high + 1, next_high)
        sentence = (
            f"{wrong!r} overlaps with {other!r}; bands must be disjoint. Mend one of them, say in "
            "the attribute's mapping which band it is, or declare the attribute with these values "
            "if they are meant so."
        )
        hint = f"Did you mean {_written(*meant)!r}?" if meant[0] <= meant[1] else None
        doubts[wrong] = Doubt(RowCode.OVERLAPPING_VALUES, sentence, hint)
    return doubts


def _shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The part of two bands that they have in common, from 0 to 1."""
    common = min(one[1], other[1]) - max(one[0], other[0]) + 1
    return max(0.0, common) / (max(one[1], other[1]) - min(one[0], other[0]) + 1)


def _written(low: float, high: float) -> str:
    return f"{low:g}-{high:g}"
