"""Distinct rows of a table of counts with their multiplicity, exactly and without a row sort."""

from __future__ import annotations

import numpy as np

from measures.agreement.scales import IntArray

_LARGEST_KEY = 2**62
# Up to here distinct keys are found by counting, beyond it by sorting.
_COUNTABLE = 4_000_000


def distinct_rows(
    counts: IntArray, lead: IntArray, multiplicity: IntArray | None
) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct (lead, row) pairs in sorted order, and how often each occurs.

    Parameters
    ----------
    counts : array of int, shape (U, K)
        Non-negative counts.
    lead : array of int, shape (U,)
        A number that must be equal too, such as the cluster.
    multiplicity : array of int, shape (U,), optional
        How often each row occurs already; once by default.
    """
    if not len(counts):
        return counts.astype(np.int64), lead, np.zeros(0, dtype=np.int64)
    keys, span = _row_keys(counts, lead)
    if span <= min(_COUNTABLE, 8 * len(keys) + 1024):
        first, inverse = _by_counting(keys, span)
    else:
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    times = np.bincount(inverse, weights=multiplicity, minlength=first.size)
    return counts[first].astype(np.int64), lead[first], times.astype(np.int64)


def _by_counting(keys: IntArray, span: int) -> tuple[IntArray, IntArray]:
    first = np.full(span, -1, dtype=np.int64)
    first[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
    seen = first >= 0
    rank = np.cumsum(seen) - 1
    return first[seen], rank[keys]


def _row_keys(counts: IntArray, lead: IntArray) -> tuple[IntArray, int]:
    """One integer a row, in the order of the rows; (keys, one more than the largest)."""
    low = int(lead.min())
    keys = (lead - low).astype(np.int64)
    span = int(keys.max()) + 1
    for column in counts.T:
        base = int(column.max()) + 1
        if span > _LARGEST_KEY // base:
            distinct, keys = np.unique(keys, return_inverse=True)
            span = int(distinct.size)
        keys = keys * base + column
        span *= base
    return keys, span
