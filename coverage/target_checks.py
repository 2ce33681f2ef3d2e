"""Whether a population's file makes a target: shares that sum, a mapping without loose ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import NoticeCode, RowCode
from catalog.ingest.combinations import combinations
from catalog.ingest.incoming import Incoming
from catalog.reading.tables import NumberColumn, TextColumn
from coverage.models import Population

Rows = NDArray[np.intp]
SHOWN = 10
SHARES_OFF = 0.01
"""How far the sum of published shares may be from 1, for rounding."""
PERCENT_FROM, PERCENT_TO = 90, 110
"""Weights with fractions that sum to about 100 are percentages; people come in whole numbers."""


def check_mapping(
    incoming: Incoming, population: Population, columns: dict[str, TextColumn]
) -> None:
    """Every value that the population maps stands in the file: a mapping has no loose ends."""
    for name, mapping in population.mapping.items():
        met = set(columns[name].values) if name in columns else set()
        if loose := sorted(set(mapping) - met):
            incoming.refuse_file(
                RowCode.UNKNOWN_VALUE,
                name,
                f"the population maps {name} {listed(set(loose))}, which the file does not have; "
                "mend the file, or the mapping with PATCH populations/.",
            )


def check_shares(incoming: Incoming, columns: dict[str, TextColumn], weight: NumberColumn) -> None:
    """Weights that are all fractions are shares; those of each margin sum to 1, or to 100."""
    for names, mine in by_margin(incoming, columns):
        used = weight.values[mine]
        total = float(used.sum())
        whole = whole_of(used)
        if whole is None and PERCENT_FROM <= total <= PERCENT_TO and total != 100:
            incoming.warn(
                NoticeCode.READ_AS_COUNTS,
                f"The weights over {', '.join(names)} sum to {total:.0f} and are read as counts; "
                "percentages would sum to 100.",
            )
        if whole is not None and abs(total / whole - 1) > SHARES_OFF:
            incoming.refuse_file(
                RowCode.WEIGHTS_SUM,
                "weight",
                f"the {'shares' if whole == 1 else 'percentages'} over {', '.join(names)} sum to "
                f"{total:.6g}, not to {whole}; complete or mend them, or send counts.",
            )


def whole_of(weights: NDArray[np.float64]) -> int | None:
    """What weights sum to that are shares (1) or percentages (100); ``None`` for counts.

    Counts are whole, or far from 100 in all: only the proportions matter of those.
    """
    if np.all(weights == np.round(weights)):
        return None
    if weights.max() <= 1:
        return 1
    return 100 if PERCENT_FROM <= weights.sum() <= PERCENT_TO else None


def by_margin(
    incoming: Incoming, columns: dict[str, TextColumn]
) -> Iterator[tuple[list[str], Rows]]:
    """The rows of each set of attributes that rows fill, with its names."""
    rows = incoming.rows
    filled = np.column_stack([~column.missing for column in columns.values()])[rows]
    names = np.array(list(columns))
    first, which = combinations(list(filled.T.astype(np.int8)))
    for pattern in np.argsort(first).tolist():
        yield names[filled[first[pattern]]].tolist(), rows[which == pattern]


def listed(values: set[str]) -> str:
    shown = ", ".join(repr(value) for value in sorted(values)[:SHOWN])
    more = len(values) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "nothing"
