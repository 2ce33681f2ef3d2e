"""Bands of numbers, such as ages: written once by a person, read here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NUMBER = r"-?\d+(?:\.\d+)?"
_FORMS = (
    (re.compile(rf"({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER})"), "closed"),
    (re.compile(rf"(?:>=|≥)?\s*({_NUMBER})\s*\+"), "from"),
    (re.compile(rf"(?:>=|≥)\s*({_NUMBER})"), "from"),
    (re.compile(rf"(?:<|under)\s*({_NUMBER})"), "under"),
    (re.compile(rf"({_NUMBER})"), "single"),
)


@dataclass(frozen=True)
class Bands:
    """Ordered, disjoint bands: band i holds ``edges[i] <= x < edges[i + 1]``."""

    names: tuple[str, ...]
    edges: tuple[float, ...]

    def place(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """The band of each number; -1 where it lies outside all of them, or is NaN."""
        at = np.searchsorted(np.asarray(self.edges), numbers, side="right") - 1
        outside = (at < 0) | (at >= len(self.names)) | np.isnan(numbers)
        return np.where(outside, -1, at).astype(np.int64)


def parse_bands(names: list[str]) -> Bands:
    """Read bands such as ``0-9, 10-19, 20+``.

    The end of a band belongs to it: ``0-9`` is followed by ``10-19``, and 9.5 lies in ``0-9``.

    Raises
    ------
    ValueError
        Where a band cannot be read, or two bands overlap or leave a hole between them.
    """
    if not names:
        raise ValueError("A numeric attribute needs at least one band, for example '0-9'.")
    ranges = sorted((*band_ends(name), name) for name in names)
    edges = [ranges[0][0]]
    for (_, high, name), (low, _, following) in zip(ranges, ranges[1:], strict=False):
        if low <= high:
            raise ValueError(f"The bands {name!r} and {following!r} overlap; make them disjoint.")
        if low - high > 1:
            raise ValueError(f"Between the bands {name!r} and {following!r} is a hole; close it.")
        edges.append(low)
    last = ranges[-1][1]
    edges.append(last if np.isinf(last) else np.nextafter(last + 1, -np.inf))
    return Bands(tuple(name for *_, name in ranges), tuple(float(edge) for edge in edges))


def band_ends(name: str) -> tuple[float, float]:
    """The first and the last number that a band names; infinite where it is open.

    Raises
    ------
    ValueError
        Where the text is no band.
    """
    text = name.strip()
    for form, kind in _FORMS:
        if (match := form.fullmatch(text)) is None:
            continue
        low = float(match.group(1))
        if kind == "from":
            return low, np.inf
        if kind == "under":
            return -np.inf, float(np.nextafter(low, -np.inf))
        high = float(match.group(2)) if kind == "closed" else low
        if high < low:
            raise ValueError(
                f"The band {name!r} ends before it begins; perhaps a spreadsheet made a date of it."
            )
        return low, high
    raise ValueError(
        f"The band {name!r} cannot be read; write bands like '0-9', '10-19', '65+' or '<18'."
    )
