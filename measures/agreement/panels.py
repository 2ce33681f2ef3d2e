"""Who gave what: items as sparse rows over (annotator, value), alike items once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from measures.agreement.rows import counted_rows, distinct_rows
from measures.agreement.scales import FloatArray, IntArray

# A panel of few annotators has few distinct rows, however many items; a crowd has one row an item.
COMPACT_COLUMNS = 64
MAX_CROWD_LABELS = 5_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Distinct rows of (annotator, value) counts of an item, with their multiplicity.

    Parameters
    ----------
    rows : sparse array, shape (S, A * K)
        Labels of an item by annotator and value; column ``annotator * K + code``.
    cluster, multiplicity : arrays of int, shape (S,)
    n_values : int
        K.
    """

    rows: sparse.csr_array
    cluster: IntArray
    multiplicity: IntArray
    n_values: int

    @property
    def n_annotators(self) -> int:
        """Number of annotators A, with or without labels."""
        return int(self.rows.shape[1]) // self.n_values

    @property
    def is_compact(self) -> bool:
        """Whether alike items are one row, because few columns leave few ways to differ."""
        return int(self.rows.shape[1]) <= COMPACT_COLUMNS

    @property
    def n_repeats(self) -> int:
        """Labels beyond the first that an annotator gave to the same item."""
        per_annotator = self.labels_by_annotator()
        beyond = per_annotator.data - 1
        owner = np.repeat(np.arange(len(self.multiplicity)), np.diff(per_annotator.indptr))
        return int(beyond @ self.multiplicity[owner])

    def labels_by_annotator(self) -> sparse.csr_array:
        """Number of labels of each annotator in each row, shape (S, A)."""
        columns = np.arange(self.rows.shape[1])
        fold = sparse.csr_array(
            (np.ones(columns.size), (columns, columns // self.n_values)),
            shape=(columns.size, self.n_annotators),
        )
        return sparse.csr_array(self.rows @ fold)

    def shares(self) -> sparse.csr_array:
        """Each annotator's labels in a row as shares of 1, so that rounds do not weigh more."""
        table = self.rows.tocoo()
        owner = table.row.astype(np.int64) * self.n_annotators + table.col // self.n_values
        _, index = np.unique(owner, return_inverse=True)
        totals = np.bincount(index, weights=table.data)
        return sparse.csr_array(
            (table.data / totals[index], (table.row, table.col)), shape=self.rows.shape
        )

    def counts(self) -> FloatArray:
        """Label counts by value in each row, shape (S, K)."""
        columns = np.arange(self.rows.shape[1])
        fold = sparse.csr_array(
            (np.ones(columns.size), (columns, columns % self.n_values)),
            shape=(columns.size, self.n_values),
        )
        counts: FloatArray = (self.rows @ fold).toarray()
        return counts

    def joined(self, other: Panel) -> Panel | None:
        """Panel of both sets of items, by the same rule as one made from all their labels."""
        width = max(self.rows.shape[1], other.rows.shape[1])
        rows = sparse.csr_array(
            sparse.vstack([_widened(self.rows, width), _widened(other.rows, width)])
        )
        cluster = np.concatenate([self.cluster, other.cluster])
        multiplicity = np.concatenate([self.multiplicity, other.multiplicity])
        return _kept(rows, cluster, multiplicity, self.n_values)


def panel_of_labels(
    items: IntArray,
    annotators: IntArray,
    codes: IntArray,
    shape: tuple[int, int, int],
    own: IntArray | None,
) -> Panel | None:
    """Who gave what in each item; None where the crowd is too large to keep.

    Parameters
    ----------
    items, annotators, codes : arrays of int, shape (n,)
    shape : (n_items, n_annotators, n_values)
    own : array of int, shape (n_items,), optional
        Cluster of each item.
    """
    n_items, n_annotators, n_values = shape
    width = n_annotators * n_values
    columns = annotators * n_values + codes
    if width <= COMPACT_COLUMNS:
        dense, cluster, multiplicity = counted_rows(items, columns, (n_items, width), own)
        compact = sparse.csr_array(dense.astype(np.float64))
        return Panel(compact, cluster, multiplicity, n_values)
    if items.size > MAX_CROWD_LABELS:
        return None
    rows = sparse.csr_array((np.ones(items.size), (items, columns)), shape=(n_items, width))
    rated = np.diff(rows.indptr) > 0
    cluster = np.zeros(n_items, dtype=np.int64) if own is None else own
    once = np.ones(int(rated.sum()), dtype=np.int64)
    return Panel(rows[rated], cluster[rated], once, n_values)


def _kept(
    rows: sparse.csr_array, cluster: IntArray, multiplicity: IntArray, n_values: int
) -> Panel | None:
    if rows.shape[1] <= COMPACT_COLUMNS:
        dense, cluster, multiplicity = distinct_rows(
            rows.toarray().astype(np.int64), cluster, multiplicity
        )
        rows = sparse.csr_array(dense.astype(np.float64))
    elif rows.sum() > MAX_CROWD_LABELS:
        return None
    return Panel(rows=rows, cluster=cluster, multiplicity=multiplicity, n_values=n_values)


def _widened(rows: sparse.csr_array, width: int) -> sparse.csr_array:
    return sparse.csr_array(
        (rows.data, rows.indices, rows.indptr), shape=(int(rows.shape[0]), width)
    )
