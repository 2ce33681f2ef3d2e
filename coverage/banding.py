"""Target values in the data set's bands: single years and narrow bands go where they belong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.ingest.answers import strict_number
from catalog.ingest.bands import Bands, parse_bands
from catalog.models import Attribute


@dataclass(frozen=True)
class Reach:
    """The numbers that a target value stands for: one number, or a band with its ends."""

    text: str
    low: float
    high: float


def reach_of(text: str) -> Reach | None:
    """Read ``37``, ``5-9``, ``100+`` or ``<18``; ``None`` where the text is none of these."""
    number = strict_number(text)
    if number is not None:
        return Reach(text, number, number)
    try:
        low, high = parse_bands([text]).edges
    except ValueError:
        return None
    # A lone closed band ends where the next whole number would begin; "<18" ends at 18 itself.
    return Reach(text, low, high - 1 if low == -np.inf else high)


def overlapping(reaches: list[Reach]) -> tuple[Reach, Reach] | None:
    """Two values that share a number, so that somebody would be counted twice."""
    ordered = sorted(reaches, key=lambda reach: (reach.low, reach.high))
    for before, after in zip(ordered, ordered[1:], strict=False):
        if after.low <= before.high:
            return before, after
    return None


class Banding:
    """Where the values of one attribute's targets belong in the data set.

    ``place`` answers the value under which the data set knows a target value, ``None`` where that
    would be several bands or none; values of attributes without bands stay as they are. What the
    population maps by name goes where it says.
    """

    def __init__(self, attribute: Attribute, mapping: dict[str, str] | None = None) -> None:
        known = {str(source): str(value) for source, value in attribute.mapping.items()}
        self.mapping = known | (mapping or {})
        self.missing = {str(code) for code in attribute.missing_codes}
        self.bands: Bands | None = None
        if attribute.kind == Attribute.Kind.NUMERIC and attribute.bands:
            self.bands = parse_bands([str(band) for band in attribute.bands])

    def place(self, text: str) -> str | None:
        text = self.mapping.get(text, text)
        if self.bands is None or text in self.bands.names:
            return text
        reach = reach_of(text)
        if reach is None:
            return None
        at = int(self.bands.place(np.array([reach.low]))[0])
        if at < 0 and reach.low == -np.inf and self.bands.edges[0] == -np.inf:
            at = 0
        if at < 0 or reach.high > self.bands.edges[at + 1]:
            return None
        return self.bands.names[at]
