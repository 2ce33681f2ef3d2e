"""Names that are spelled in several ways and look the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.incoming import Incoming
from catalog.ingest.lookalikes import code_points


def spelled_variously(incoming: Incoming, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Rows whose item or annotator is spelled in several ways that look the same."""
    found = np.zeros(len(rows), bool)
    for name in ("item", "annotator"):
        if (column := incoming.text(name)) is not None and column.spellings:
            found |= np.isin(column.codes[rows], list(column.spellings))
    return found


def spellings_of(incoming: Incoming, row: int) -> str:
    """The sentence that tells the spellings apart; empty where there is one."""
    for name in ("item", "annotator"):
        column = incoming.text(name)
        if column is not None and (ways := column.spellings.get(int(column.codes[row]))):
            said = " and as ".join(f"{way!r} ({code_points(way)})" for way in ways)
            return f" The {name} is written as {said}, which is one name."
    return ""
