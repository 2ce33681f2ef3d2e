"""What every consensus model starts from: how often who gave which value to which item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Seeds the weights that rows are compared by; the comparison itself is then made in full.
_ROW_SEED = 20_091_979
# With more distinct rows than this share of the items, putting equal ones together costs more.
_TOO_MANY = 0.7
# So many rows tell about how many of all are distinct.
_ENOUGH = 30_000


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """How often each annotator gave each value to each item.

    Parameters
    ----------
    items : int64 array (n_items,), ascending
        Numbers of the items that have a label.
    annotators : int64 array (n_annotators,), ascending
        Numbers of the annotators who gave one.
    n_values : int
        Values that could be given; codes run from 0 to ``n_values - 1``.
    matrix : sparse CSR array (n_items, n_annotators * n_values) of float
        Column ``a * n_values + k`` counts how often annotator ``a`` gave value ``k``. A count
        above 1 is the same value in several rounds: so many independent draws.
    """

    items: IntArray
    annotators: IntArray
    n_values: int
    matrix: sparse.csr_array

    @property
    def n_items(self) -> int:
        """Items that have a label."""
        return int(self.items.size)

    @property
    def n_annotators(self) -> int:
        """Annotators who gave a label."""
        return int(self.annotators.size)

    @property
    def n_labels(self) -> int:
        """All labels, those of repeated rounds too."""
        return int(self.matrix.data.sum())

    def by_item(self) -> IntArray:
        """Labels of each item, whoever gave them and whatever they say: (n_items,)."""
        return np.rint(self.matrix.sum(axis=1)).astype(np.int64).ravel()

    def by_value(self) -> FloatArray:
        """Labels of each item by value, whoever gave them: (n_items, n_values)."""
        # Without the annotator in the column, entries that meet are added as they are laid out.
        code = self.matrix.indices % self.n_values
        shape = (self.n_items, self.n_values)
        folded = sparse.csr_array((self.matrix.data, code, self.matrix.indptr), shape=shape)
        return np.asarray(folded.toarray(), dtype=np.float64)

    def by_annotator(self) -> FloatArray:
        """Labels of each annotator by value: (n_annotators, n_values)."""
        totals = np.asarray(self.matrix.sum(axis=0), dtype=np.float64)
        return totals.reshape(self.n_annotators, self.n_values)

    def entries(self) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
        """Position of item, position of annotator, code and count of every counted label."""
        found = self.matrix.tocoo()
        annotator, code = np.divmod(found.col.astype(np.int64), self.n_values)
        return found.row.astype(np.int64), annotator, code, found.data.astype(np.float64)

    def pairs(self) -> tuple[IntArray, IntArray, IntArray]:
        """Who labelled what, once each: position of item and of annotator of each pair, and to
        which pair each of the :meth:`entries` belongs."""
        row, annotator, _, _ = self.entries()
        # Entries lie in the order of items and, within one, of annotators.
        first = np.ones(row.size, bool)
        first[1:] = (row[1:] != row[:-1]) | (annotator[1:] != annotator[:-1])
        return row[first], annotator[first], np.cumsum(first) - 1

    def __add__(self, other: LabelCounts) -> LabelCounts:
        """Counts of two disjoint ranges of items together.

        Raises
        ------
        ValueError
            When an item is in both, or the numbers of values differ.
        """
        if self.n_values != other.n_values:
            raise ValueError(
                f"Counts of {self.n_values} and of {other.n_values} values do not add up; "
                "count both over the same declared values."
            )
        both = np.intersect1d(self.items, other.items)
        if both.size:
            raise ValueError(
                f"{both.size} items are in both counts, first {both[0]}; an item's labels must "
                "be counted together."
            )
        parts = [self._triplets(), other._triplets()]
        item, annotator, code, count = (
            np.concatenate(columns) for columns in zip(*parts, strict=True)
        )
        return _counted(item, annotator, code, count, self.n_values)

    def _triplets(self) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
        row, annotator, code, count = self.entries()
        return self.items[row], self.annotators[annotator], code, count


def label_counts(
    item: ArrayLike, annotator: ArrayLike, code: ArrayLike, *, n_values: int
) -> LabelCounts:
    """Count the labels of one question.

    Parameters
    ----------
    item, annotator : array_like of int, shape (n,)
        Any numbers, one label a row, in any order.
    code : array_like of int, shape (n,), from 0 to ``n_values - 1``
    n_values : int >= 1
        Declared values, used or not.

    Returns
    -------
    LabelCounts
        Counts of disjoint items add up with ``+``.

    Raises
    ------
    ValueError
        When lengths differ or a code lies outside the declared values.
    """
    columns = [np.asarray(column, dtype=np.int64).ravel() for column in (item, annotator, code)]
    if len({column.size for column in columns}) > 1:
        raise ValueError(
            "item, annotator and code must be equally long; they have "
            f"{', '.join(str(column.size) for column in columns)} entries."
        )
    # In one pass: without a sign negative codes are the largest.
    if columns[2].size and columns[2].view(np.uint64).max() >= n_values:
        wrong = np.flatnonzero((columns[2] < 0) | (columns[2] >= n_values))
        raise ValueError(
            f"Codes must lie from 0 to {n_values - 1}; {wrong.size} of {columns[2].size} do not, "
            f"first {columns[2][wrong[0]]} at position {wrong[0]}."
        )
    what, who, which = columns
    return _counted(what, who, which, np.ones(which.size), n_values)


def _counted(
    item: IntArray, annotator: IntArray, code: IntArray, count: FloatArray, n_values: int
) -> LabelCounts:
    items, row = _ranked(item)
    annotators, who = _ranked(annotator)
    shape = (items.size, annotators.size * n_values)
    kind: Any = np.int32 if max(*shape, code.size) < 2**31 else np.int64
    column = who.astype(kind)
    column *= n_values
    column += code.astype(kind)
    if np.any(row[1:] < row[:-1]):
        order = np.argsort(row, kind="stable")
        row, column, count = row[order], column[order], count[order]
    ends = np.cumsum(np.bincount(row, minlength=items.size), dtype=kind)
    starts = np.concatenate([np.zeros(1, kind), ends])
    matrix = sparse.csr_array((count, column, starts), shape=shape)
    matrix.sum_duplicates()
    return LabelCounts(items, annotators, n_values, matrix)


def _ranked(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct numbers, ascending, and the place of each number among them."""
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, -1)
    if high - low >= 2 * numbers.size + 1024:
        distinct, place = np.unique(numbers, return_inverse=True)
        return distinct, place.astype(np.int64, copy=False)
    # In a narrow range they are marked, not sorted.
    met = np.zeros(high - low + 1, bool)
    shifted = numbers - low if low else numbers
    met[shifted] = True
    if met.all():
        return np.arange(low, high + 1), shifted
    return np.flatnonzero(met) + low, (np.cumsum(met) - 1)[shifted]


def summed(position: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Sum of the weights that fall on each position: (size,)."""
    return np.bincount(position, weight, size).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class DistinctRows:
    """The different rows of label counts, each once: a model treats equal rows alike.

    Parameters
    ----------
    matrix : sparse CSR array (n_rows, n_columns)
    times : float array (n_rows,)
        Items that have this row.
    row_of : int64 array (n_items,)
        Which row each item has.
    """

    matrix: sparse.csr_array
    times: FloatArray
    row_of: IntArray

    @property
    def repeats(self) -> bool:
        """Whether any two items have the same row; otherwise rows are items, in their order."""
        return len(self.times) < len(self.row_of)

    def by_row(self, of_items: FloatArray) -> FloatArray:
        """What items with the same row have in common, once for each row."""
        if not self.repeats:
            return of_items
        first = np.empty(len(self.times), np.int64)
        first[self.row_of[::-1]] = np.arange(len(self.row_of) - 1, -1, -1)
        return of_items[first]

    def by_item(self, of_rows: FloatArray) -> FloatArray:
        """What was found for each row, for each of its items."""
        return of_rows[self.row_of] if self.repeats else of_rows


def distinct_rows(counts: LabelCounts) -> DistinctRows:
    """Items with the same labels by the same annotators, put together.

    A million items that five experts labelled on five values have at most 3,125 different rows.
    Where rows hardly repeat, the items are left as they are.
    """
    matrix = counts.matrix
    weights = np.random.default_rng(_ROW_SEED).random((matrix.shape[1], 2))
    sums = matrix @ weights
    if _distinct_share(sums[:, 0]) > _TOO_MANY:
        return _all_rows(matrix)
    order = np.lexsort(sums.T)
    ordered = sums[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    if starts.sum() > _TOO_MANY * len(order):
        return _all_rows(matrix)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(starts) - 1
    first = order[starts]
    if not _equal_rows(matrix, matrix[first][group]):
        # Two different rows fell on the same sums: correct beats quick.
        return _all_rows(matrix)
    return DistinctRows(matrix[first], np.bincount(group).astype(np.float64), group)


def _distinct_share(sums: FloatArray) -> float:
    """About how many of the numbers are distinct, as a share of them all.

    Of many numbers those are looked at whose last digits are small: of equal ones all or none.
    """
    looked_at = min(_ENOUGH / max(len(sums), 1), 1.0)
    digits = sums * 2.0**20
    part = np.sort(sums[digits - np.floor(digits) < looked_at])
    distinct = np.count_nonzero(part[1:] != part[:-1]) + min(len(part), 1)
    return distinct / max(looked_at * len(sums), 1.0)


def _all_rows(matrix: sparse.csr_array) -> DistinctRows:
    n = matrix.shape[0]
    return DistinctRows(matrix, np.ones(n), np.arange(n, dtype=np.int64))


def _equal_rows(one: sparse.csr_array, other: sparse.csr_array) -> bool:
    return (
        np.array_equal(one.indptr, other.indptr)
        and np.array_equal(one.indices, other.indices)
        and np.array_equal(one.data, other.data)
    )
