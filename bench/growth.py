"""Growth curves: what a step costs by the number of rows, drawn as SVG on two log axes.

A comparison adds ``--picture PATH`` to its options by :func:`picture_option` and hands its points
to :func:`draw`; docs/performance.md shows the drawings with the commands that make them again.
"""

from __future__ import annotations

import argparse
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]
"""Rows and cost, for example seconds, of one step."""

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 226, 60, 58
EDGE = 16
GAP = 17
"""Pixels between two names at the right."""
_STEPS = (1, 2, 5)
_FEW_DECADES = 2.5
# Okabe and Ito's colours, told apart by colour-blind readers; a lighter twin each for dark pages.
_COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8c42"),
    ("#007a5a", "#2fc99c"),
    ("#a3387c", "#e08fc0"),
    ("#8a6d00", "#f0e442"),
    ("#555555", "#bbbbbb"),
)
_SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5l5 9h-10z",
    "M0 -5l5 5l-5 5l-5 -5z",
)


class Scale:
    """A logarithmic axis between two pixels."""

    def __init__(self, values: Iterable[float], first: float, last: float) -> None:
        found = list(values)
        self.low, self.high = _round_ends(min(found), max(found))
        self.first, self.last = first, last

    def at(self, value: float) -> float:
        """The pixel of a value."""
        whole = math.log10(self.high / self.low)
        share = math.log10(value / self.low) / whole
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> list[float]:
        """Powers of ten, and 2 and 5 of them where the axis spans few decades."""
        steps = _STEPS if math.log10(self.high / self.low) <= _FEW_DECADES else (1,)
        low, high = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        places = [step * 10.0**power for power in range(low, high + 1) for step in steps]
        return [one for one in places if self.low * 0.999 <= one <= self.high * 1.001]


def picture_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--picture PATH`` to a comparison's options."""
    parser.add_argument("--picture", type=Path, help="draw the growth curves as SVG into this file")


def draw(
    path: Path | None,
    series: Mapping[str, Points],
    *,
    title: str,
    x: str,
    command: Sequence[str],
    y: str = "CPU seconds",
    linear: bool = True,
) -> None:
    """Write the curves to a file; nothing where no path was asked for.

    Parameters
    ----------
    series : dict of str to sequence of (rows, cost)
        One curve each; rows and costs are above 0.
    title : str, what the picture shows, with its conditions
    x, y : str, what the axes count
    command : sequence of str, arguments of ``./trust bench`` that draw it again
    linear : bool, whether the slope of a cost that grows as its rows do belongs in the picture
    """
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    again = f"./trust bench {shlex.join(command)}"
    drawing = growth_svg(series, title=title, x=x, y=y, note=again, linear=linear)
    path.write_text(drawing, encoding="utf-8")
    print(f"\ndrawn: {path}")


def growth_svg(
    series: Mapping[str, Points], *, title: str, x: str, y: str, note: str, linear: bool = True
) -> str:
    """The drawing as text: axes with units, a curve a step, and the slope of linear cost.

    Raises
    ------
    ValueError
        When there is no point, or one that a log axis cannot show.
    """
    _refuse_unshowable(series)
    curves = {name: sorted(curve) for name, curve in series.items()}
    points = [point for curve in curves.values() for point in curve]
    across = Scale((n for n, _ in points), LEFT, WIDTH - RIGHT)
    up = Scale((cost for _, cost in points), HEIGHT - BOTTOM, TOP)
    said = f"{y} (dashed: ten times as much for ten times the rows)" if linear else y
    body = [*_axes(across, up, x, said), *([_linear(across, up)] if linear else [])]
    places = _apart([up.at(curve[-1][1]) for curve in curves.values()])
    for number, ((name, curve), place) in enumerate(zip(curves.items(), places, strict=True)):
        body += _curve(number, name, curve, (across, up), place)
    return "\n".join([*_head(curves, title, note), *body, "</svg>", ""])


def _refuse_unshowable(series: Mapping[str, Points]) -> None:
    if not any(series.values()) or not all(series.values()):
        raise ValueError("Every curve needs at least one point.")
    for name, curve in series.items():
        for n, cost in curve:
            if not (n > 0 and cost > 0 and math.isfinite(n * cost)):
                raise ValueError(f"{name}: ({n!r}, {cost!r}) cannot stand on log axes.")


def _round_ends(low: float, high: float) -> tuple[float, float]:
    """The next round numbers outside; at least a factor of two apart."""
    bottom = 10.0 ** math.floor(math.log10(low))
    first = max(step * bottom for step in _STEPS if step * bottom <= low * 1.000001)
    top = 10.0 ** math.floor(math.log10(high))
    last = min(step * top for step in (*_STEPS, 10) if step * top >= high * 0.999999)
    return first, last if last > first else first * 10


def _head(series: Mapping[str, Points], title: str, note: str) -> list[str]:
    told = "; ".join(
        f"{name}: " + ", ".join(f"{cost:.3g} at {n:,.0f}" for n, cost in curve)
        for name, curve in series.items()
    )
    light = [f".c{i}{{--c:{one}}}" for i, (one, _) in enumerate(_COLOURS)]
    dark = [f".c{i}{{--c:{one}}}" for i, (_, one) in enumerate(_COLOURS)]
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(told)}. Drawn by {escape(note)}</desc>',
        "<style>",
        ":root{--paper:#fff;--ink:#1c2024;--grid:#d9dde1;--faint:#6b7378}",
        "text{font:12px system-ui,sans-serif;fill:var(--ink)}.faint{fill:var(--faint)}",
        ".title{font-weight:600;font-size:14px}.note{font-size:11px}",
        ".grid{stroke:var(--grid)}.linear{stroke:var(--faint);stroke-dasharray:3 4}",
        ".line{fill:none;stroke:var(--c);stroke-width:2}.dot{fill:var(--c)}",
        "".join(light),
        "@media (prefers-color-scheme:dark){",
        ":root{--paper:#15181b;--ink:#e8eaed;--grid:#363c42;--faint:#9aa3aa}",
        "".join(dark),
        "}",
        "</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="var(--paper)"/>',
        f'<text x="{EDGE}" y="22" class="title">{escape(title)}</text>',
        f'<text x="{EDGE}" y="{HEIGHT - 10}" class="faint note">{escape(note)}</text>',
    ]


def _axes(across: Scale, up: Scale, x: str, y: str) -> list[str]:
    drawn = []
    for value in across.ticks():
        at = across.at(value)
        drawn.append(f'<path class="grid" d="M{at} {up.first}V{up.last}"/>')
        drawn.append(
            f'<text x="{at}" y="{up.first + 16}" text-anchor="middle">{_short(value)}</text>'
        )
    for value in up.ticks():
        at = up.at(value)
        drawn.append(f'<path class="grid" d="M{across.first} {at}H{across.last}"/>')
        drawn.append(
            f'<text x="{across.first - 8}" y="{at + 4}" text-anchor="end">{_short(value)}</text>'
        )
    drawn.append(
        f'<text x="{across.last}" y="{up.first + 32}" text-anchor="end" '
        f'class="faint">{escape(x)}</text>'
    )
    drawn.append(f'<text x="{EDGE}" y="{TOP - 14}" class="faint">{escape(y)}</text>')
    return drawn


def _linear(across: Scale, up: Scale) -> str:
    """The slope of a cost that grows as its rows do, from corner to wherever it leaves."""
    factor = min(across.high / across.low, up.high / up.low)
    ends = (across.at(across.low * factor), up.at(up.low * factor))
    return f'<path class="linear" d="M{across.first} {up.first}L{ends[0]} {ends[1]}"/>'


def _curve(
    number: int, name: str, curve: Points, scales: tuple[Scale, Scale], place: float
) -> list[str]:
    across, up = scales
    places = [(across.at(n), up.at(cost)) for n, cost in curve]
    colour, shape = number % len(_COLOURS), _SHAPES[number % len(_SHAPES)]
    line = "L".join(f"{left} {top}" for left, top in places)
    last = places[-1]
    drawn = [f'<g class="c{colour}">', f'<path class="line" d="M{line}"/>']
    for (left, top), (n, cost) in zip(places, curve, strict=True):
        drawn.append(
            f'<path class="dot" transform="translate({left} {top})" d="{shape}">'
            f"<title>{n:,.0f}: {cost:.3g}</title></path>"
        )
    edge = WIDTH - RIGHT + 12
    drawn.append(
        f'<path class="line" style="stroke-width:1;opacity:.5" d="M{last[0]} {last[1]}L{edge} '
        f'{place}"/><text x="{edge + 5}" y="{place + 4}">{escape(name)}</text></g>'
    )
    return drawn


def _apart(places: Sequence[float]) -> list[float]:
    """The heights of the names, moved so that none lies on another, in their order."""
    order = sorted(range(len(places)), key=lambda one: places[one])
    moved = list(places)
    for before, after in zip(order, order[1:], strict=False):
        moved[after] = max(moved[after], moved[before] + GAP)
    beyond = max(0.0, moved[order[-1]] - (HEIGHT - BOTTOM)) if order else 0.0
    limit = float(HEIGHT - BOTTOM)
    for one in reversed(order):
        moved[one] = min(moved[one], limit) if beyond else moved[one]
        limit = moved[one] - GAP
    return [round(one, 1) for one in moved]


def _short(value: float) -> str:
    """A round number in few letters: 20k, 1M, 0.05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.6g}"
