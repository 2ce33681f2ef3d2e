"""Distinct rows of a table of counts with their multiplicity, exactly and without a row sort."""

from __future__ import annotations

import numpy as np

from measures.agreement.scales import IntArray

_LARGEST_KEY = 2**62
# Up to here distinct keys are found by counting, beyond it by sorting.
_COUNTABLE = 4_000_000
# Counting needs items x values cells at a time; beyond this the items are taken in ranges.
_MAX_CELLS = 20_000_000


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


def counted_rows(
    items: IntArray, codes: IntArray, shape: tuple[int, int], own: IntArray | None
) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct rows of codes counted by item, as :func:`distinct_rows`; items without any left out.

    Parameters
    ----------
    items, codes : arrays of int, shape (n,)
        Row and column of each count.
    shape : (n_items, n_values)
    own : array of int, shape (n_items,), optional
        A number of each item that must be equal too, such as its cluster.
    """
    n_items, n_values = shape
    step = max(1, _MAX_CELLS // max(1, n_values))
    if n_items > step and np.any(items[1:] < items[:-1]):
        order = np.argsort(items, kind="stable")
        items, codes = items[order], codes[order]
    found = []
    for start in range(0, max(n_items, 1), step):
        stop = min(n_items, start + step)
        part = _range_of(items, start, stop) if n_items > step else slice(None)
        cells = np.bincount(
            (items[part] - start) * n_values + codes[part], minlength=(stop - start) * n_values
        )
        counts = cells.reshape(stop - start, n_values)
        rated = counts.any(axis=1)
        lead = np.zeros(stop - start, dtype=np.int64) if own is None else own[start:stop]
        if not rated.all():
            counts, lead = counts[rated], lead[rated]
        found.append(distinct_rows(counts, lead, None))
    if len(found) == 1:
        return found[0]
    patterns, lead, multiplicity = (np.concatenate(part) for part in zip(*found, strict=True))
    return distinct_rows(patterns, lead, multiplicity)


def _range_of(items: IntArray, start: int, stop: int) -> slice:
    low, high = np.searchsorted(items, [start, stop])
    return slice(int(low), int(high))


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
