"""What a large crowd's labels add up to: pairs of annotators, and annotators by pattern of item.

A panel of a crowd is as long as its items. These sums are not, and they add up over disjoint sets
of items, so that the numbers about annotators are refreshed from the items that changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from measures.agreement.pair_cells import PairCells
from measures.agreement.scales import FloatArray, IntArray
from measures.agreement.sums import pair_credit

# Up to here keys are counted, beyond it they are sorted.
_COUNTABLE = 30_000_000
# Cells of two labels of an item made at a time.
_MAX_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class Crowd:
    """Who gave what beside whom, where nobody labelled an item twice.

    Parameters
    ----------
    pair, n_pair : arrays of int, shape (C,)
        ``((one * A + other) * K + value of one) * K + value of other`` with ``one < other``,
        ascending, and how many items show it.
    own, n_own : arrays of int, shape (D,)
        ``(annotator * K + value) * P + pattern``, ascending, and how many items show it; the
        patterns are those of the statistics that this belongs to.
    n_annotators, n_values, n_patterns : int
        A, K and P.
    """

    pair: IntArray
    n_pair: IntArray
    own: IntArray
    n_own: IntArray
    n_annotators: int
    n_values: int
    n_patterns: int

    @cached_property
    def cells(self) -> PairCells:
        """The tables of all pairs."""
        pair, cell = np.divmod(self.pair, self.n_values**2)
        return PairCells(
            pair=pair,
            cell=cell,
            n_items=self.n_pair.astype(np.float64),
            n_annotators=self.n_annotators,
            n_values=self.n_values,
        )

    @cached_property
    def parts(self) -> tuple[IntArray, IntArray, IntArray]:
        """Annotator, value and pattern of each entry of ``own``."""
        both, pattern = np.divmod(self.own, self.n_patterns)
        annotator, value = np.divmod(both, self.n_values)
        return annotator, value, pattern

    def placed(self, patterns: IntArray, n_patterns: int, n_annotators: int) -> Crowd:
        """The same with other numbers: where each pattern stands now, and another crowd's size."""
        as_it_was = (self.n_patterns, self.n_annotators) == (n_patterns, n_annotators)
        if as_it_was and np.array_equal(patterns, np.arange(n_patterns)):
            return self
        one_other, cell = np.divmod(self.pair, self.n_values**2)
        one, other = np.divmod(one_other, self.n_annotators)
        annotator, value, pattern = self.parts
        own = (annotator * self.n_values + value) * n_patterns + patterns[pattern]
        order = np.argsort(own, kind="stable")
        return Crowd(
            pair=(one * n_annotators + other) * self.n_values**2 + cell,
            n_pair=self.n_pair,
            own=own[order],
            n_own=self.n_own[order],
            n_annotators=n_annotators,
            n_values=self.n_values,
            n_patterns=n_patterns,
        )


def count_crowd(
    items: IntArray,
    annotators: IntArray,
    codes: IntArray,
    shape: tuple[int, int],
    pattern_of_item: IntArray,
) -> Crowd | None:
    """Count a crowd's labels; None where an annotator labelled an item twice.

    Parameters
    ----------
    items, annotators, codes : arrays of int, shape (n,)
    shape : (n_annotators, n_values)
    pattern_of_item : array of int, by item
        Which of the patterns each item shows.
    """
    n_annotators, n_values = shape
    if np.any(items[1:] < items[:-1]):
        order = np.argsort(items, kind="stable")
        items, annotators, codes = items[order], annotators[order], codes[order]
    n_patterns = int(pattern_of_item.max(initial=-1)) + 1
    own = (annotators * n_values + codes) * n_patterns + pattern_of_item[items]
    keys, n_own = _tallied(own, n_annotators * n_values * n_patterns)
    found = _pairs(items, annotators * n_values + codes, shape)
    if found is None:
        return None
    return Crowd(*found, keys, n_own, n_annotators, n_values, n_patterns)


def _pairs(
    items: IntArray, columns: IntArray, shape: tuple[int, int]
) -> tuple[IntArray, IntArray] | None:
    """Every two labels of an item, by who and what; None where both are of one annotator."""
    n_annotators, n_values = shape
    starts = np.flatnonzero(np.diff(items, prepend=-1))
    filled = np.diff(starts, append=items.size)
    span = (n_annotators * n_values) ** 2
    tallies: list[tuple[IntArray, IntArray]] = []
    for width in np.unique(filled[filled >= 2]).tolist():
        first, second = np.triu_indices(width, 1)
        of_width = starts[filled == width]
        step = max(1, _MAX_PAIRS // len(first))
        for start in range(0, len(of_width), step):
            place = of_width[start : start + step, None]
            one, other = columns[place + first].ravel(), columns[place + second].ravel()
            low, high = np.minimum(one, other), np.maximum(one, other)
            who, what = np.divmod(low, n_values)
            whom, which = np.divmod(high, n_values)
            if np.any(who == whom):
                return None
            keys = ((who * n_annotators + whom) * n_values + what) * n_values + which
            tallies.append(_tallied(keys, span))
    return merged_tallies(tallies)


def _tallied(keys: IntArray, span: int) -> tuple[IntArray, IntArray]:
    """The distinct keys, ascending, and how often each occurs."""
    if span <= min(_COUNTABLE, 16 * keys.size + 1024):
        times = np.bincount(keys)
        distinct = np.flatnonzero(times)
        return distinct, times[distinct]
    distinct, times = np.unique(keys, return_counts=True)
    return distinct, times.astype(np.int64)


def merged_tallies(tallies: list[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    """Keys of several tallies with the sum of their counts; those that add up to 0 are gone."""
    if not tallies:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if len(tallies) == 1:
        return tallies[0]
    keys = np.concatenate([one for one, _ in tallies])
    times = np.concatenate([times for _, times in tallies])
    # Each is in order, so that a stable sort only merges runs.
    order = np.argsort(keys, kind="stable")
    keys, times = keys[order], times[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    sums = np.add.reduceat(times, starts) if starts.size else times
    kept = sums != 0
    return keys[starts][kept], sums[kept]


def changed_tally(
    whole: tuple[IntArray, IntArray], changes: list[tuple[IntArray, IntArray]]
) -> tuple[IntArray, IntArray]:
    """As :func:`merged_tallies` of a long tally and short ones, with the long one not sorted."""
    keys, times = whole
    changed, by = merged_tallies(changes)
    place = np.searchsorted(keys, changed)
    known = np.append(keys, -1)[place] == changed
    times = times.copy()
    times[place[known]] += by[known]
    keys = np.insert(keys, place[~known], changed[~known])
    times = np.insert(times, place[~known], by[~known])
    kept = times != 0
    return (keys, times) if kept.all() else (keys[kept], times[kept])


def conger_se_of_crowd(
    crowd: Crowd,
    patterns: IntArray,
    multiplicity: IntArray,
    credit: FloatArray,
    *,
    value: float,
) -> float | None:
    """Standard error of Conger's kappa, as :func:`standard_errors.conger_se`, from the sums.

    The influence of an item is a number of its pattern plus the slopes of its labels; the sum of
    the squares opens into patterns, labels within patterns, and pairs of labels.
    """
    weight = multiplicity.astype(np.float64)
    annotator, code, pattern = crowd.parts
    size = crowd.n_annotators * crowd.n_values
    totals = np.bincount(
        annotator * crowd.n_values + code, weights=crowd.n_own, minlength=size
    ).reshape(-1, crowd.n_values)
    per_annotator = totals.sum(axis=1)
    n, r = float(weight.sum()), int(np.count_nonzero(per_annotator))
    counts = patterns.astype(np.float64)
    pairable = counts.sum(axis=1) >= 2
    n_pairable = float(weight[pairable].sum())
    labels = np.maximum(per_annotator, 1.0)
    shares = totals / labels[:, None]
    others = shares.sum(axis=0)[None, :] - shares
    toward = others @ ((credit + credit.T) / 2.0)
    chance = float((shares * toward).sum() / max(1.0, r * (r - 1.0)))
    if r < 2 or n < 2 or n_pairable < 1 or 1.0 - chance <= 1e-12:
        return None
    slope = (toward - (shares * toward).sum(axis=1, keepdims=True)) * (n / labels)[:, None]
    slope = -2.0 * (1.0 - value) / (1.0 - chance) * slope / (r * (r - 1.0))
    gain = pair_credit(counts, credit) - chance * pairable
    of_pattern = (n / n_pairable) * gain / (1.0 - chance) - value
    squares = float(weight @ of_pattern**2)
    squares += 2.0 * float(crowd.n_own @ (slope[annotator, code] * of_pattern[pattern]))
    squares += float((totals * slope**2).sum()) + 2.0 * _products(crowd, slope)
    return math.sqrt(max(squares, 0.0) / (n * (n - 1.0)))


def _products(crowd: Crowd, slope: FloatArray) -> float:
    pair, cell = np.divmod(crowd.pair, crowd.n_values**2)
    one, other = np.divmod(pair, crowd.n_annotators)
    value, other_value = np.divmod(cell, crowd.n_values)
    return float(crowd.n_pair @ (slope[one, value] * slope[other, other_value]))
