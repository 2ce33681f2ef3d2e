"""Alpha of numbers with many distinct values (lengths, scores, times), without a value table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from measures.agreement.patterns import dense_ids
from measures.agreement.resampling import bootstrap_weights, percentile_interval
from measures.agreement.scales import FloatArray, IntArray
from measures.estimates import Estimate, Reason, undefined

# Above this many items the bootstrap draws random blocks of items instead of items.
_MAX_DRAWN = 10_000
# The ratio distance needs every two distinct values; its replicates even more.
_MAX_DISTINCT = 10_000
_MAX_DISTINCT_RESAMPLED = 2_000
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class NumericStatistics:
    """Numbers given to items, sorted by item; they add up over disjoint sets of items.

    Parameters
    ----------
    value : array of float, shape (n,)
        All labels, those of an item side by side.
    n_labels : array of int, shape (U,)
        Labels of each item.
    cluster : array of int, shape (U,)
    clustered : bool
    n_annotators : int
        Annotators with a label; a lower bound after addition.
    """

    value: FloatArray
    n_labels: IntArray
    cluster: IntArray
    clustered: bool
    n_annotators: int

    def __add__(self, other: NumericStatistics) -> NumericStatistics:
        """Statistics of both sets of items; an item must not be in both."""
        if self.clustered != other.clustered:
            raise ValueError("Statistics with clusters add up only to others with clusters.")
        return NumericStatistics(
            value=np.concatenate([self.value, other.value]),
            n_labels=np.concatenate([self.n_labels, other.n_labels]),
            cluster=np.concatenate([self.cluster, other.cluster]),
            clustered=self.clustered,
            n_annotators=max(self.n_annotators, other.n_annotators),
        )

    def pairable(self) -> NumericStatistics:
        """Only the items with two labels or more."""
        keep = self.n_labels >= 2
        return NumericStatistics(
            value=self.value[np.repeat(keep, self.n_labels)],
            n_labels=self.n_labels[keep],
            cluster=self.cluster[keep],
            clustered=self.clustered,
            n_annotators=self.n_annotators,
        )


def numeric_statistics(
    item: ArrayLike, annotator: ArrayLike, value: ArrayLike, *, cluster: ArrayLike | None = None
) -> NumericStatistics:
    """Group numeric labels by item.

    Parameters
    ----------
    item, annotator : array of int, shape (n,)
    value : array of float, shape (n,)
        Finite numbers; missing labels are absent.
    cluster : array of int, shape (n,), optional
        Cluster of the label's item.

    Raises
    ------
    ValueError
        When the columns differ in length or a number is not finite.
    """
    items = np.asarray(item, dtype=np.int64)
    numbers = np.asarray(value, dtype=np.float64)
    annotators = np.asarray(annotator, dtype=np.int64)
    if not items.shape == numbers.shape == annotators.shape:
        raise ValueError(
            f"item, annotator and value must be equally long; got {items.shape}, "
            f"{annotators.shape} and {numbers.shape}."
        )
    if not np.isfinite(numbers).all():
        position = int(np.argmin(np.isfinite(numbers)))
        raise ValueError(
            f"value must be finite; got {numbers[position]} at position {position}. "
            "Leave missing labels out."
        )
    dense, n_items = dense_ids(items)
    order = np.argsort(dense, kind="stable")
    labels = np.bincount(dense, minlength=n_items)
    own = np.zeros(n_items, dtype=np.int64)
    if cluster is not None:
        own[dense] = np.asarray(cluster, dtype=np.int64)
    return NumericStatistics(
        value=numbers[order],
        n_labels=labels[labels > 0],
        cluster=own[labels > 0],
        clustered=cluster is not None,
        n_annotators=int(np.unique(annotators).size),
    )


def numeric_agreement(
    statistics: NumericStatistics,
    *,
    rng: np.random.Generator,
    n_replicates: int = 1000,
    ci_level: float = 0.95,
    min_items: int = 2,
) -> dict[str, Estimate]:
    """Krippendorff's alpha of numbers, without a table of their values.

    Parameters
    ----------
    statistics : NumericStatistics
    rng : numpy Generator
    n_replicates : int
        Bootstrap replicates over items, or clusters; above 10,000 items over that many random
        blocks of items (``bootstrap_blocks_percentile``), which has the same variance.
    ci_level : float
        Level of the intervals, in (0, 1).
    min_items : int
        Below so many items with two labels there is no number.

    Returns
    -------
    dict of str to Estimate
        ``krippendorff_alpha_interval`` in time proportional to the labels;
        ``krippendorff_alpha_ratio`` from every two distinct values, so ``not_applicable`` with a
        negative value or above 10,000 distinct ones, and without interval above 2,000.
        ``n`` is the number of items with two labels.

    References
    ----------
    Krippendorff (2011), section E.
    """
    keys = ("krippendorff_alpha_interval", "krippendorff_alpha_ratio")
    pairable = statistics.pairable()
    n = len(pairable.n_labels)
    reason = _missing(statistics, n, min_items)
    if reason is not None:
        return {key: undefined(reason, n) for key in keys}
    units = _units(pairable, rng)
    options = (n_replicates, ci_level)
    return {
        keys[0]: _interval_alpha(pairable, units, rng, options),
        keys[1]: _ratio_alpha(pairable, units, rng, options),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """What is drawn with replacement: unit of each item, number of units, and its name."""

    of_item: IntArray
    size: int
    method: str


def _missing(statistics: NumericStatistics, n: int, min_items: int) -> Reason | None:
    if not statistics.value.size:
        return Reason.NO_DATA
    if n == 0:
        return Reason.NO_OVERLAP
    if statistics.n_annotators < 2:
        return Reason.TOO_FEW_ANNOTATORS
    return Reason.TOO_FEW_ITEMS if n < min_items else None


def _units(pairable: NumericStatistics, rng: np.random.Generator) -> _Units:
    n = len(pairable.n_labels)
    if pairable.clustered:
        names, own = np.unique(pairable.cluster, return_inverse=True)
        return _Units(own.astype(np.int64), int(names.size), "bootstrap_groups_percentile")
    if n > _MAX_DRAWN:
        blocks = rng.permutation(n) % _MAX_DRAWN
        return _Units(blocks.astype(np.int64), _MAX_DRAWN, "bootstrap_blocks_percentile")
    return _Units(np.arange(n), n, "bootstrap_items_percentile")


def _draws(units: _Units, n_replicates: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    once = np.ones(units.size, dtype=np.int64)
    return bootstrap_weights(
        np.zeros_like(once), once, clustered=False, n_replicates=n_replicates, rng=rng
    )


def _answer(
    value: float, n: int, drawn: list[FloatArray], ci_level: float, method: str
) -> Estimate:
    replicates = np.concatenate(drawn) if drawn else np.zeros(0)
    low, high, _ = percentile_interval(replicates, level=ci_level)
    if low is None:
        return Estimate(value, n)
    return Estimate(value, n, None, low, high, ci_level, method)


def _interval_alpha(
    pairable: NumericStatistics,
    units: _Units,
    rng: np.random.Generator,
    options: tuple[int, float],
) -> Estimate:
    n_replicates, ci_level = options
    # Around the grand mean the sums of squares keep their digits, whatever the unit's zero.
    centred = pairable.value - pairable.value.mean()
    starts = np.cumsum(pairable.n_labels) - pairable.n_labels
    labels = pairable.n_labels.astype(np.float64)
    total = np.add.reduceat(centred, starts)
    within = np.add.reduceat((centred - np.repeat(total / labels, pairable.n_labels)) ** 2, starts)
    squares = np.add.reduceat(centred**2, starts)
    columns = (labels, total, squares, 2.0 * labels * within / (labels - 1.0))
    table = np.stack([np.bincount(units.of_item, column, units.size) for column in columns], axis=1)
    value = float(_interval_values(table.sum(axis=0)[None, :])[0])
    if not np.isfinite(value):
        return undefined(Reason.NO_VARIATION, len(labels))
    drawn = [_interval_values(weights @ table) for weights in _draws(units, n_replicates, rng)]
    return _answer(value, len(labels), drawn, ci_level, units.method)


def _interval_values(sums: FloatArray) -> FloatArray:
    n, total, squares, disagreement = sums.T
    expected = 2.0 * (n * squares - total**2) / np.maximum(n - 1.0, 1.0)
    varied = expected > 1e-12 * n * squares
    value: FloatArray = 1.0 - disagreement / np.where(varied, expected, 1.0)
    return np.where(varied, value, np.nan)


def _ratio_alpha(
    pairable: NumericStatistics,
    units: _Units,
    rng: np.random.Generator,
    options: tuple[int, float],
) -> Estimate:
    n_replicates, ci_level = options
    n = len(pairable.n_labels)
    distinct, code = np.unique(pairable.value, return_inverse=True)
    if distinct[0] < 0 or distinct.size > _MAX_DISTINCT:
        return undefined(Reason.NOT_APPLICABLE, n)
    within = np.bincount(units.of_item, _ratio_within(pairable), units.size)
    used = np.bincount(code).astype(np.float64)
    expected = float(used @ _ratio_against(distinct, used)) / (used.sum() - 1.0)
    if expected <= 0:
        return undefined(Reason.NO_VARIATION, n)
    value = 1.0 - float(within.sum()) / expected
    if distinct.size > _MAX_DISTINCT_RESAMPLED:
        return Estimate(value, n)
    owner = units.of_item[np.repeat(np.arange(n), pairable.n_labels)]
    used_by_unit = sparse.csr_array(
        (np.ones(code.size), (owner, code)), shape=(units.size, distinct.size)
    )
    distance = _ratio_distances(distinct, distinct)
    drawn = [
        _ratio_values(weights @ within, np.asarray((used_by_unit.T @ weights.T).T), distance)
        for weights in _draws(units, n_replicates, rng)
    ]
    return _answer(value, n, drawn, ci_level, units.method)


def _ratio_values(observed: FloatArray, used: FloatArray, distance: FloatArray) -> FloatArray:
    expected = (used @ distance * used).sum(axis=1) / np.maximum(used.sum(axis=1) - 1.0, 1.0)
    varied = expected > 1e-12
    value: FloatArray = 1.0 - observed / np.where(varied, expected, 1.0)
    return np.where(varied, value, np.nan)


def _ratio_within(pairable: NumericStatistics) -> FloatArray:
    """Sum of the ratio distances of each item's ordered pairs over its labels less one."""
    starts = np.cumsum(pairable.n_labels) - pairable.n_labels
    found = np.zeros(len(starts))
    for size in np.unique(pairable.n_labels):
        rows = np.flatnonzero(pairable.n_labels == size)
        step = max(1, _CHUNK // int(size) ** 2)
        for first in range(0, rows.size, step):
            part = rows[first : first + step]
            block = pairable.value[starts[part][:, None] + np.arange(size)]
            found[part] = _ratio_distances(block, block).sum(axis=(1, 2)) / (size - 1.0)
    return found


def _ratio_against(distinct: FloatArray, used: FloatArray) -> FloatArray:
    """Each distinct value's ratio distances to all labels, a bounded number at a time."""
    step = max(1, _CHUNK // distinct.size)
    found = [
        _ratio_distances(distinct[first : first + step], distinct) @ used
        for first in range(0, distinct.size, step)
    ]
    return np.concatenate(found)


def _ratio_distances(one: FloatArray, other: FloatArray) -> FloatArray:
    """Squared (x - y) / (x + y) over the last axes, with 0/0 = 0."""
    total = one[..., :, None] + other[..., None, :]
    apart = one[..., :, None] - other[..., None, :]
    squared: FloatArray = (apart / np.where(total > 0, total, 1.0)) ** 2
    return squared
