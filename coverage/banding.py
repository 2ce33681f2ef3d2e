"""Target values in the data set's bands: single years and narrow bands go where they belong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from catalog.ingest.answers import strict_number
from catalog.ingest.bands import Bands, band_ends, parse_bands
from catalog.models import Attribute


@dataclass(frozen=True)
class Reach:
    """The numbers that a target value names: one number, or a band with its first and last."""

    text: str
    low: float
    high: float


def reach_of(text: str) -> Reach | None:
    """Read ``37``, ``5-9``, ``100+`` or ``<18``; ``None`` where the text is none of these."""
    number = strict_number(text)
    if number is not None:
        return Reach(text, number, number)
    try:
        return Reach(text, *band_ends(text))
    except ValueError:
        return None


def overlapping(reaches: list[Reach]) -> tuple[Reach, Reach] | None:
    """Two values that share a number, so that somebody would be counted twice."""
    return next((two for two in _neighbours(reaches) if two[1].low <= two[0].high), None)


def apart(reaches: list[Reach]) -> tuple[Reach, Reach] | None:
    """Two values with a hole between them, where there are bands: somebody would be missing."""
    if all(reach.low == reach.high for reach in reaches):
        return None  # Single numbers may be all that there are.
    return next((two for two in _neighbours(reaches) if two[1].low - two[0].high > 1), None)


def _neighbours(reaches: list[Reach]) -> Iterable[tuple[Reach, Reach]]:
    ordered = sorted(reaches, key=lambda reach: (reach.low, reach.high))
    return zip(ordered, ordered[1:], strict=False)


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
        edge = self.bands.edges[at + 1]
        # The edge of a band belongs to the next one; the last band has its own.
        is_last = at == len(self.bands.names) - 1
        if at < 0 or reach.high > edge or (reach.high == edge and not is_last):
            return None
        return self.bands.names[at]
