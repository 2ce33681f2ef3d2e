"""Times: ISO 8601 with an offset in, microseconds since 1970 UTC out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from catalog.reading.characters import character_faults
from catalog.reading.columns import Column, Kind
from catalog.reading.problems import Code, Fault, escape

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: offsets are subtracted apart
_FIRST = -62_135_596_800 * SECOND  # 0001-01-01T00:00:00Z
_LAST = 253_402_300_800 * SECOND  # 10000-01-01T00:00:00Z, not included
_HEAD = 19  # "2026-01-31T09:30:00"
_TAIL = re.compile(r"(?:\.([0-9]{1,9}))?(?:(Z)|([+-])([0-9]{2})(?::?([0-9]{2}))?)?")
_SHAPE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(.*)", re.DOTALL
)
_DIGITS = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18])
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True, slots=True)
class _Tail:
    """What follows the seconds: microseconds, offset to subtract, or what is wrong."""

    micros: int = 0
    offset: int | None = None
    truncated: bool = False
    code: Code | None = None


class TimeParser:
    """Parses the times of one column; remembers the tails and local hours it has met."""

    def __init__(self, column: Column, timezone: str | None) -> None:
        self.column = column
        self.zone = None if timezone is None else ZoneInfo(timezone)
        self._tails: dict[str, _Tail] = {}
        self._local: dict[str, int | Code] = {}

    def parse(self, texts: Sequence[str]) -> tuple[Integers, Mask, dict[int, list[Fault]], Mask]:
        """Microseconds, which are missing, the faults by position, which lost nanoseconds."""
        gone = self.column.missing_codes | {""}
        missing = np.fromiter((text in gone for text in texts), bool, len(texts))
        truncated = np.zeros(len(texts), bool)
        seconds, plain = _plain_seconds(texts)
        values = seconds * SECOND
        faults: dict[int, list[Fault]] = {}
        for position in np.flatnonzero(~plain & ~missing).tolist():
            text = texts[position]
            parsed = self._parse_one(text)
            if isinstance(parsed, Fault):
                faults[position] = _faults(text, parsed)
                missing[position] = True
            else:
                values[position], truncated[position] = parsed
        self._add_tails(texts, values, plain, truncated, faults, missing)
        values[missing] = 0
        return values, missing, faults, truncated

    def _add_tails(
        self,
        texts: Sequence[str],
        values: Integers,
        plain: Mask,
        truncated: Mask,
        faults: dict[int, list[Fault]],
        missing: Mask,
    ) -> None:
        rows = np.flatnonzero(plain)
        tails = [texts[row][_HEAD:] for row in rows.tolist()]
        known = {tail: self._tail(tail) for tail in set(tails)}
        # Without an offset the time is a local one, or not one at all: looked at one by one.
        local = {tail for tail, parsed in known.items() if parsed.offset is None}
        shifts = {tail: 0 if tail in local else _shift(parsed) for tail, parsed in known.items()}
        values[rows] += np.fromiter(map(shifts.__getitem__, tails), np.int64, len(tails))
        truncated[rows] = [known[tail].truncated for tail in tails]
        outside = (values[rows] < _FIRST) | (values[rows] >= _LAST)
        for place in np.flatnonzero(outside | np.array([tail in local for tail in tails], bool)):
            row, text = int(rows[place]), texts[int(rows[place])]
            parsed = self._resolve(
                text, int(values[row] - shifts[tails[place]]), known[tails[place]]
            )
            if isinstance(parsed, Fault):
                faults[row] = _faults(text, parsed)
                missing[row], truncated[row] = True, False
            else:
                values[row], truncated[row] = parsed

    def _parse_one(self, text: str) -> tuple[int, bool] | Fault:
        """A time that does not begin with 19 plain characters, or that is not one at all."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            return _fault(Code.DATE_FORMAT, text)
        *parts, tail = match.groups(default="0")
        try:
            local = datetime(*map(int, parts))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            return _fault(Code.DATE_INVALID, text)
        return self._resolve(text, (local - _EPOCH) // timedelta(microseconds=1), self._tail(tail))

    def _tail(self, tail: str) -> _Tail:
        known = self._tails.get(tail)
        if known is None:
            known = _parse_tail(tail)
            if len(self._tails) < 1 << 16:
                self._tails[tail] = known
        return known

    def _resolve(self, text: str, local: int, tail: _Tail) -> tuple[int, bool] | Fault:
        if tail.code is not None:
            return _fault(tail.code, text)
        if tail.offset is None:
            offset = self._offset(local)
            if isinstance(offset, Code):
                return _fault(offset, text)
            tail = _Tail(tail.micros, offset, tail.truncated)
        value = local + _shift(tail)
        if not _FIRST <= value < _LAST:
            return _fault(Code.DATE_OUT_OF_RANGE, text)
        return value, tail.truncated

    def _offset(self, local: int) -> int | Code:
        """The declared zone's offset at a local time, or why it has none."""
        if self.zone is None:
            return Code.TIMEZONE_MISSING
        # Offsets change at whole minutes.
        minute = local // (60 * SECOND)
        known = self._local.get(str(minute))
        if known is None:
            known = _zone_offset(self.zone, _EPOCH + timedelta(minutes=minute))
            self._local[str(minute)] = known
        return known


def _zone_offset(zone: ZoneInfo, local: datetime) -> int | Code:
    first = zone.utcoffset(local.replace(tzinfo=zone, fold=0))
    second = zone.utcoffset(local.replace(tzinfo=zone, fold=1))
    if first is None or second is None:
        return Code.TIMEZONE_MISSING
    if first > second:
        return Code.AMBIGUOUS_TIME
    if first < second:
        return Code.NONEXISTENT_TIME
    return first // timedelta(microseconds=1)


def _shift(tail: _Tail) -> int:
    return tail.micros - (tail.offset or 0)


def _parse_tail(tail: str) -> _Tail:
    match = _TAIL.fullmatch(tail)
    if match is None:
        return _Tail(code=Code.DATE_FORMAT)
    fraction, zulu, sign, hours, minutes = match.groups()
    digits = (fraction or "").ljust(9, "0")
    micros, truncated = int(digits[:6]), digits[6:] != "000"
    if zulu:
        return _Tail(micros, 0, truncated)
    if sign is None:
        return _Tail(micros, None, truncated)
    minutes = minutes or "00"
    if int(hours) > 14 or int(minutes) > 59:
        return _Tail(code=Code.DATE_INVALID)
    offset = (int(hours) * 3600 + int(minutes) * 60) * SECOND
    return _Tail(micros, -offset if sign == "-" else offset, truncated)


def _plain_seconds(texts: Sequence[str]) -> tuple[Integers, Mask]:
    """Seconds since 1970 of the texts that begin like 2026-01-31T09:30:00, all at once."""
    heads = np.array([text[:_HEAD] for text in texts], f"U{_HEAD}")
    points = (
        heads.view(np.uint32).reshape(len(texts), _HEAD) if len(texts) else np.empty((0, _HEAD))
    )
    digits = points[:, _DIGITS].astype(np.int64) - ord("0")
    plain = ((digits >= 0) & (digits <= 9)).all(axis=1)
    for place, marks in ((4, "-"), (7, "-"), (10, "T "), (13, ":"), (16, ":")):
        plain &= np.isin(points[:, place], [ord(mark) for mark in marks])
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month, day, hour, minute, second = (
        digits[:, place] * 10 + digits[:, place + 1] for place in range(4, 14, 2)
    )
    plain &= (year >= 1) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60)
    month = np.where(plain, month, 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)) & (month == 2)
    plain &= (day >= 1) & (day <= _MONTH_DAYS[month] + leap) & (second < 60)
    months = (np.where(plain, year, 1970) - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    return np.where(plain, seconds, 0), plain


def _faults(text: str, fault: Fault) -> list[Fault]:
    """What to report of a text that is no time: its forbidden characters first."""
    return character_faults(text, Kind.CATEGORY) or [fault]


_SENTENCES = {
    Code.DATE_FORMAT: (
        "is not a time as they are read here (ISO 8601); write it like 2026-01-31T09:30:00+01:00."
    ),
    Code.DATE_INVALID: "is no time that exists in the calendar; correct it.",
    Code.DATE_OUT_OF_RANGE: "lies outside the years 1 to 9999 in UTC; correct it.",
    Code.TIMEZONE_MISSING: "has no offset; write one, like +01:00 or Z, or send timezone=.",
    Code.AMBIGUOUS_TIME: "happens twice when clocks go back; write its offset, like +01:00.",
    Code.NONEXISTENT_TIME: "is skipped when clocks go forward; write its offset, like +01:00.",
}


def _fault(code: Code, text: str) -> Fault:
    return Fault(code, f"'{escape(text)}' {_SENTENCES[code]}", text, _hint(code, text))


_CLOCK = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?"
_FORMS: tuple[tuple[Code, str, str], ...] = (
    (
        Code.DATE_FORMAT,
        r"\d{4}-\d\d-\d\d",
        "Is there no time of day? Write one, like {}T00:00:00Z.",
    ),
    (Code.DATE_FORMAT, r"\d{8}T?\d{0,6}\S{0,6}", "Write the separators: 2026-01-31, 09:30:00."),
    (
        Code.DATE_FORMAT,
        r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*",
        "Day and month cannot be told apart here; write the year first, then month and day.",
    ),
    (Code.DATE_FORMAT, _CLOCK + r",\d+.*", "Write the fraction of a second after a point."),
    (Code.DATE_FORMAT, r"\d{4}-\d\d-\d\d(?:t|T.*z).*", "Write T and Z as capitals."),
    (
        Code.DATE_FORMAT,
        _CLOCK + r".*[A-Za-z]{2}.*",
        "Write the zone as an offset, like +01:00, or Z for UTC.",
    ),
    (Code.DATE_FORMAT, r"\d{4}[/.]\d.*", "Write the date with hyphens: 2026-01-31."),
    (
        Code.DATE_FORMAT,
        r".*[A-Za-z]{3}.*\d{4}.*",
        "Write the month as a number, and the year first: 2026-01-31.",
    ),
    (Code.DATE_FORMAT, r"\d{4}-\d{1,2}-\d{1,2}.*", "Write month, day and hour with two digits."),
    (
        Code.DATE_FORMAT,
        r"\d{5}(\.\d+)?",
        "Is this a day number of a spreadsheet? Format it as text.",
    ),
    (Code.DATE_INVALID, r".*[T ]24:00.*", "Midnight at the end of a day is 00:00 of the next."),
    (Code.DATE_INVALID, r".*:60\D.*", "Leap seconds are not kept; write second 59."),
)
_UNIX = re.compile(r"\d{10}(?:\.\d+)?|\d{13}|\d{16}", re.ASCII)


def _hint(code: Code, text: str) -> str | None:
    """What a text that is no time was probably meant to be."""
    if code is Code.DATE_FORMAT and _UNIX.fullmatch(text):
        seconds = int(text.partition(".")[0]) // 10 ** (len(text.partition(".")[0]) - 10)
        likely = (_EPOCH + timedelta(seconds=seconds)).isoformat()
        return f"Is this Unix time? Write it like {likely}Z."
    found = (hint for of, form, hint in _FORMS if of is code and re.fullmatch(form, text, re.ASCII))
    hint = next(found, None)
    return None if hint is None else hint.format(escape(text))
