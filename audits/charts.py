"""Where the marks of a figure go; the templates draw them as SVG, which needs no script.

Each figure stands beside its numbers, so a mark carries no number that the page does not also say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from audits.numerals import localized
from catalog.reading.problems import counted

Number = dict[str, Any]

WIDTH = 180.0
MARGIN = 8.0
PLOT = 300.0
BARS = 60.0


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, in pixels."""

    at: float
    label: str

    @property
    def up(self) -> float:
        """The same place on the vertical axis of the reliability curve, for text."""
        return round(PLOT - self.at + 4, 1)


@dataclass(frozen=True)
class Axis:
    """A horizontal scale, linear or logarithmic, that rows of dots and whiskers share.

    Parameters
    ----------
    low, high : float, its ends
    reference : float or None, where a dashed line stands (the whole, or the target)
    is_log : bool
    unit : float, what a label is multiplied by: 100 writes shares as percentage points
    """

    low: float
    high: float
    reference: float | None = None
    is_log: bool = False
    unit: float = 1.0

    def at(self, value: float) -> float:
        """Pixels from the left; what lies outside is put at the end."""
        low, high, given = self.low, self.high, value
        if self.is_log:
            given = max(given, low / 10)
            low, high, given = math.log(low), math.log(high), math.log(given)
        share = (given - low) / (high - low)
        return round(MARGIN + min(max(share, 0.0), 1.0) * (WIDTH - 2 * MARGIN), 1)

    @property
    def reference_at(self) -> float | None:
        return None if self.reference is None else self.at(self.reference)

    @property
    def ticks(self) -> list[Tick]:
        """The two ends, and 1 on a scale of ratios."""
        places = [self.low, 1.0, self.high] if self.is_log else [self.low, self.high]
        return [Tick(self.at(place), self._label(place)) for place in places]

    def _label(self, place: float) -> str:
        sign = "+" if self.unit != 1.0 else ""
        return localized(f"{self.unit * place:{sign}g}".replace("-", "\u2212"))


@dataclass(frozen=True)
class Whisker:
    """A dot with its interval; ``cut_*`` says that the line goes on beyond the axis."""

    at: float
    low: float | None = None
    high: float | None = None
    cut_low: bool = False
    cut_high: bool = False


def whisker(number: Number, axis: Axis) -> Whisker | None:
    """The marks of one NUMBER; none where it has no value."""
    if number.get("value") is None:
        return None
    low, high = number.get("ci_low"), number.get("ci_high")
    if low is None or high is None:
        return Whisker(axis.at(number["value"]))
    return Whisker(
        axis.at(number["value"]),
        axis.at(low),
        axis.at(high),
        cut_low=low < axis.low,
        cut_high=high > axis.high,
    )


def shared_axis(numbers: Iterable[Number], reference: float | None) -> Axis:
    """A linear axis over all values, with ends at whole tenths.

    Intervals do not widen it: one subgroup of three items would flatten all others. They end in
    an arrow where they go on.
    """
    values = [number["value"] for number in numbers if number.get("value") is not None]
    ends = [0.0, 1.0, *values] if reference is None else [reference, *values]
    low, high = math.floor(min(ends) * 10) / 10, math.ceil(max(ends) * 10) / 10
    return Axis(low, high if high > low else low + 0.1, reference)


def ratio_axis(numbers: Iterable[Number]) -> Axis:
    """A logarithmic axis around 1, from a half to double at least and a tenth to ten at most."""
    values = [n["value"] for n in numbers if n.get("value")]
    reach = max([2.0, *(max(v, 1 / v) for v in values)])
    reach = min(10.0, 2.0 if reach <= 2 else 4.0 if reach <= 4 else 10.0)
    return Axis(1 / reach, reach, 1.0, is_log=True)


def gap_axis(numbers: Iterable[Number]) -> Axis:
    """A linear axis of percentage points, as far to the left as to the right of 0."""
    values = [abs(n["value"]) for n in numbers if n.get("value") is not None]
    reach = math.ceil(max([0.01, *values]) * 100) / 100
    return Axis(-reach, reach, 0.0, unit=100.0)


def gain_axis(numbers: Iterable[Number]) -> Axis:
    """A linear axis around 0 that holds every gain, in thousandths of a score."""
    values = [abs(n["value"]) for n in numbers if n.get("value") is not None]
    reach = math.ceil(max([0.001, *values]) * 1000) / 1000
    return Axis(-reach, reach, 0.0)


@dataclass(frozen=True)
class Risk:
    """The share of wrong answers against the share of items that are answered."""

    line: str
    ticks: list[Tick]
    top: float


def risk_curve(points: list[dict[str, Any]]) -> Risk | None:
    """The marks of a risk-coverage curve; its vertical scale ends at a whole tenth."""
    known = [one for one in points if one["risk"] is not None]
    if len(known) < 2:
        return None
    top = max(math.ceil(10 * max(one["risk"] for one in known)) / 10, 0.1)
    line = _line([(one["coverage"], one["risk"] / top) for one in known])
    return Risk(line, [Tick(_x(i / 5), localized(f"{i / 5:g}")) for i in range(6)], top)


@dataclass(frozen=True)
class Point:
    """One bin of a reliability curve: where it is drawn, and what it says."""

    x: float
    y: float
    low: float | None
    high: float | None
    title: str


@dataclass(frozen=True)
class Bar:
    """The number of items of one bin."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Reliability:
    """Observed against stated frequency, over the number of items in each bin."""

    points: list[Point]
    bars: list[Bar]
    steps: str = ""
    behind: str = ""
    band: str = ""
    ticks: list[Tick] = field(default_factory=list)
    largest: int = 0


def reliability(curve: dict[str, Any], behind: dict[str, Any] | None = None) -> Reliability:
    """The marks of a calibration curve: dots by bin, the CORP line, its band, the histogram.

    ``behind`` is a curve to compare with, of which the CORP line is drawn.
    """
    bins = [one for one in curve["bins"] if one["n"]]
    largest = max((one["n"] for one in bins), default=0)
    return Reliability(
        points=[_point(one) for one in bins if one["observed"]["value"] is not None],
        bars=[_bar(one, largest) for one in bins],
        steps=_steps(curve),
        behind="" if behind is None else _steps(behind),
        band=_band(curve.get("band") or []),
        ticks=[Tick(_x(i / 5), localized(f"{i / 5:g}")) for i in range(6)],
        largest=largest,
    )


def _steps(curve: dict[str, Any]) -> str:
    return _line([(s[end], s["calibrated"]) for s in curve["corp"] for end in _ENDS])


_ENDS = ("p_low", "p_high")


def _x(share: float) -> float:
    return round(share * PLOT, 1)


def _y(share: float) -> float:
    return round((1 - share) * PLOT, 1)


def _point(one: dict[str, Any]) -> Point:
    seen = one["observed"]
    low, high = seen["ci_low"], seen["ci_high"]
    return Point(
        _x(one["mean_predicted"]),
        _y(seen["value"]),
        None if low is None else _y(low),
        None if high is None else _y(high),
        f"stated {one['mean_predicted']:.3f}, observed {seen['value']:.3f}, "
        f"{counted(one['n'], 'item')}",
    )


def _bar(one: dict[str, Any], largest: int) -> Bar:
    height = round(BARS * one["n"] / largest, 1)
    left, right = _x(one["low"]), _x(one["high"])
    title = f"{one['low']:.2f} to {one['high']:.2f}: {counted(one['n'], 'item')}"
    return Bar(left, round(BARS - height, 1), max(round(right - left - 1, 1), 1.0), height, title)


def _line(places: list[tuple[float, float]]) -> str:
    return " ".join(f"{_x(p)},{_y(share)}" for p, share in places)


def _band(points: list[dict[str, Any]]) -> str:
    lower = [(one["p"], one["low"]) for one in points]
    upper = [(one["p"], one["high"]) for one in reversed(points)]
    return _line([*lower, *upper])
