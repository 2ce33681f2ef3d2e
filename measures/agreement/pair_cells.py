"""Tables of every two annotators, from one sparse product of who gave what with itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from measures.agreement.panels import Panel
from measures.agreement.scales import FloatArray, IntArray

_MAX_CELLS = 10_000_000


@dataclass(frozen=True, eq=False)
class PairCells:
    """Non-empty cells of the tables of all pairs of annotators with common items.

    Parameters
    ----------
    pair : array of int, shape (C,)
        Pair of the cell, ``one * A + other`` with ``one < other``.
    cell : array of int, shape (C,)
        Cell within the table, ``value of one * K + value of other``.
    n_items : array of float, shape (C,)
    n_annotators, n_values : int
        A and K.
    """

    pair: IntArray
    cell: IntArray
    n_items: FloatArray
    n_annotators: int
    n_values: int

    @cached_property
    def distinct(self) -> tuple[IntArray, IntArray]:
        """The pairs, ascending, and which of them each cell is of."""
        pairs, place = np.unique(self.pair, return_inverse=True)
        return pairs, place.astype(np.int64)

    def tables(self, pairs: IntArray) -> Iterator[FloatArray]:
        """Tables of pairs that there are, a bounded number at a time, shape (r, K, K)."""
        size = self.n_values * self.n_values
        step = max(1, _MAX_CELLS // size)
        known, of_cell = self.distinct
        for start in range(0, len(pairs), step):
            wanted = pairs[start : start + step]
            row = np.full(known.size, -1, np.int64)
            row[np.searchsorted(known, wanted)] = np.arange(wanted.size)
            place = row[of_cell]
            keep = place >= 0
            counted = np.bincount(
                place[keep] * size + self.cell[keep],
                weights=self.n_items[keep],
                minlength=len(wanted) * size,
            )
            yield counted.astype(np.float64).reshape(-1, self.n_values, self.n_values)


def row_cells(panel: Panel) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Non-empty cells of the tables of all pairs, row by row of the panel.

    Returns
    -------
    tuple of arrays of shape (C,)
        Row of the panel, pair, cell (both as in :class:`PairCells`) and share of the item there.
    """
    shares = sparse.csr_array(panel.shares())
    shares.sort_indices()
    filled = np.diff(shares.indptr)
    parts = []
    for width in np.unique(filled[filled >= 2]):
        rows = np.flatnonzero(filled == width)
        first, second = np.triu_indices(int(width), 1)
        place = shares.indptr[rows][:, None].astype(np.int64)
        one, value = np.divmod(shares.indices[place + first].astype(np.int64), panel.n_values)
        other, other_value = np.divmod(
            shares.indices[place + second].astype(np.int64), panel.n_values
        )
        keep = one != other
        parts.append(
            (
                np.broadcast_to(rows[:, None], one.shape)[keep],
                (one * panel.n_annotators + other)[keep],
                (value * panel.n_values + other_value)[keep],
                (shares.data[place + first] * shares.data[place + second])[keep],
            )
        )
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none, np.zeros(0)
    row, pair, cell, share = (np.concatenate(part) for part in zip(*parts, strict=True))
    return row, pair, cell, share


def pair_cells(panel: Panel) -> PairCells:
    """Cells of the tables of all pairs of annotators.

    An annotator who labelled an item in several rounds spreads the item over the cells, so each
    item that two annotators share counts once for them.
    """
    shares = panel.shares()
    weighted = sparse.csr_array(shares.multiply(panel.multiplicity[:, None]))
    products = sparse.csr_array(shares.T @ weighted).tocoo()
    one, value = np.divmod(products.row.astype(np.int64), panel.n_values)
    other, other_value = np.divmod(products.col.astype(np.int64), panel.n_values)
    keep = one < other
    return PairCells(
        pair=(one * panel.n_annotators + other)[keep],
        cell=(value * panel.n_values + other_value)[keep],
        n_items=products.data[keep].astype(np.float64),
        n_annotators=panel.n_annotators,
        n_values=panel.n_values,
    )
