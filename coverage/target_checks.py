"""Whether a population's file makes a target: shares that sum, a mapping without loose ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import RowCode
from catalog.ingest.combinations import combinations
from catalog.ingest.incoming import Incoming
from catalog.reading.tables import NumberColumn, TextColumn
from coverage.models import Population

Rows = NDArray[np.intp]
SHOWN = 10
SHARES_OFF = 0.01
"""How far the sum of published shares may be from 1, for rounding."""


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
    """Weights that are all fractions are shares; those of each margin sum to 1."""
    for names, mine in by_margin(incoming, columns):
        used = weight.values[mine]
        if used.max() > 1 or np.all(used == np.round(used)):
            continue  # Counts, of which only the proportions matter.
        total = float(used.sum())
        if abs(total - 1) > SHARES_OFF:
            incoming.refuse_file(
                RowCode.WEIGHTS_SUM,
                "weight",
                f"the shares over {', '.join(names)} sum to {total:.6g}, not to 1; complete or "
                "mend them, or send counts.",
            )


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
