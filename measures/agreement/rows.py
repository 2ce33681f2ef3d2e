"""Distinct rows of a table of counts with their multiplicity, exactly and without a row sort."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from measures.agreement.scales import IntArray

_LARGEST_KEY = 2**62
# Up to here distinct keys are found by counting, beyond it by sorting.
_COUNTABLE = 4_000_000
# Counting needs items x values cells at a time; beyond this the items are taken in ranges.
_MAX_CELLS = 20_000_000
# Numbers of units (an item within a group) kept at a time.
_MAX_UNITS = 30_000_000


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
    for base in _bases(items, shape) if own is None else ():
        if (by_weight := _by_weight(items, codes, shape, base)) is not None:
            return by_weight
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


def _bases(items: IntArray, shape: tuple[int, int]) -> Iterator[int]:
    """Bases to write the counts of an item in: one that costs little, then one that is enough."""
    n_items, n_values = shape
    guess = int((items.size / 8) ** (1 / max(1, n_values)))
    if guess * n_items > items.size:
        yield guess
    enough = int(np.bincount(items, minlength=1).max()) + 1
    if enough**n_values <= _COUNTABLE:
        yield enough


def _by_weight(
    items: IntArray, codes: IntArray, shape: tuple[int, int], base: int
) -> tuple[IntArray, IntArray, IntArray] | None:
    """The counts of an item as digits of one number: each label adds a power of the base.

    None where a count is too large for its digit. A digit that runs over takes the base from
    itself and adds one to the next, so that the digits then no longer add up to the labels.
    """
    n_items, n_values = shape
    weight = base ** np.arange(n_values - 1, -1, -1)
    added = weight.astype(np.float64).take(codes)
    keys = np.bincount(items, weights=added, minlength=n_items).astype(np.int64)
    if keys.max(initial=0) >= base**n_values:
        return None
    times = np.bincount(keys, minlength=1)
    times[0] = 0
    distinct = np.flatnonzero(times)
    patterns = distinct[:, None] // weight % base
    if patterns.sum(axis=1) @ times[distinct] != items.size:
        return None
    return patterns, np.zeros(distinct.size, np.int64), times[distinct]


def grouped_rows(
    items: IntArray, codes: IntArray, groups: IntArray, shape: tuple[int, int, int]
) -> list[tuple[IntArray, IntArray]] | None:
    """Distinct rows of codes counted by item within each group, and how often each occurs.

    Parameters
    ----------
    items, codes, groups : arrays of int, shape (n,)
        Item, code and group of each label; the labels of an item may be of several groups.
    shape : (n_items, n_values, n_groups)

    Returns
    -------
    list of (counts, multiplicity), or None
        For each group; None where the counts of an item cannot be the digits of one number.
    """
    n_items, n_values, n_groups = shape
    base = int(np.bincount(items, minlength=1).max()) + 1
    span = base**n_values
    if span * n_groups > _COUNTABLE or n_items * n_groups > _MAX_UNITS:
        return None
    weight = float(base) ** np.arange(n_values - 1, -1, -1)
    units = groups * n_items
    units += items
    keys = np.bincount(units, weights=weight[codes], minlength=n_items * n_groups)
    of_group = keys.astype(np.int32).reshape(n_groups, n_items)
    found = []
    for row in of_group:
        times = np.bincount(row, minlength=1)
        times[0] = 0
        distinct = np.flatnonzero(times)
        found.append((distinct[:, None] // weight.astype(np.int64) % base, times[distinct]))
    return found


def pattern_of_each(
    items: IntArray, codes: IntArray, shape: tuple[int, int], patterns: IntArray
) -> IntArray:
    """Which of the sorted distinct patterns each item shows; -1 for items without labels.

    Parameters
    ----------
    items, codes, shape : as in :func:`counted_rows`
    patterns : array of int, shape (P, K), what that found without clusters
    """
    n_items, n_values = shape
    base = patterns.max(axis=0, initial=0) + 1
    if float(np.prod(base.astype(np.float64))) > _LARGEST_KEY:
        return _pattern_by_rows(items, codes, shape, patterns)
    weight = np.concatenate([np.cumprod(base[::-1])[::-1][1:], [1]]).astype(np.int64)
    keys = np.zeros(n_items, np.int64)
    if items.size and weight.max() < 2**53 // max(1, items.size):
        keys = np.bincount(items, weights=weight[codes], minlength=n_items).astype(np.int64)
    else:
        np.add.at(keys, items, weight[codes])
    of_pattern = patterns @ weight
    found = np.searchsorted(of_pattern, keys)
    found[keys == 0] = -1
    return found.astype(np.int64)


def _pattern_by_rows(
    items: IntArray, codes: IntArray, shape: tuple[int, int], patterns: IntArray
) -> IntArray:
    """The same for patterns that no integer can name."""
    n_items, n_values = shape
    counts = np.zeros((n_items, n_values), np.int64)
    np.add.at(counts, (items, codes), 1)
    place = {row.tobytes(): number for number, row in enumerate(patterns.astype(np.int64))}
    return np.array([place.get(row.tobytes(), -1) for row in counts], np.int64)


def signed_rows(
    tables: list[tuple[IntArray, IntArray, IntArray]], signs: tuple[int, ...]
) -> tuple[IntArray, IntArray, IntArray, list[IntArray]]:
    """Distinct (lead, row) pairs of several tables, added or taken away; rows left with 0 go.

    Parameters
    ----------
    tables : list of (counts, lead, multiplicity), as :func:`distinct_rows` gives them
    signs : tuple of int, 1 or -1 for each table

    Returns
    -------
    tuple of (counts, lead, multiplicity, places)
        As :func:`distinct_rows`, and where each row of each table stands; rows that went stand
        behind the others.
    """
    counts = np.concatenate([one for one, _, _ in tables])
    lead = np.concatenate([one for _, one, _ in tables])
    times = np.concatenate([sign * one for (_, _, one), sign in zip(tables, signs, strict=True)])
    whole = np.column_stack([lead, counts])
    distinct, inverse = np.unique(whole, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    total = np.bincount(inverse, weights=times, minlength=len(distinct)).astype(np.int64)
    kept = total != 0
    rank = np.where(kept, np.cumsum(kept) - 1, kept.sum() + np.cumsum(~kept) - 1)
    cuts = np.cumsum([len(one) for one, _, _ in tables])[:-1]
    places = np.split(rank[inverse], cuts)
    return distinct[kept, 1:], distinct[kept, 0], total[kept], places


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
