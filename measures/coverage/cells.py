"""One attribute set against its target: every cell with its gap, its test and its status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measures.coverage.cube import Attribute
from measures.coverage.exact_tests import binomial_p_values
from measures.coverage.sampled_targets import (
    gap_bounds,
    ratio_bounds,
    target_bounds,
    two_sample_p_values,
)
from measures.coverage.statuses import Status
from measures.coverage.target import Basis
from measures.estimates import Estimate, Estimates, Reason
from measures.intervals import Bounds, clopper_pearson_many, goodman, sison_glaz, wilson_many
from measures.multiplicity import benjamini_hochberg, holm
from measures.rounding import ceiling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SIMULTANEOUS = {"goodman": goodman, "sison_glaz": sison_glaz}


class Correction(StrEnum):
    """How p-values are adjusted over the cells of one attribute set."""

    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    HOLM = "holm"


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as a gap, declared before looking.

    Parameters
    ----------
    level : float
        Nominal coverage of every interval.
    alpha : float
        A gap needs an adjusted p-value of at most this (0.01 rather than 0.05, since a report
        shows many attribute sets and each is adjusted only within itself) ...
    gap, ratio_low, ratio_high : float
        ... and a practical margin: the share is off by ``gap`` or more, or its ratio to the
        target share leaves [``ratio_low``, ``ratio_high``]. The test alone would alarm on any
        large data set, the margin alone on any small one.
    gross_low, gross_high : float
        A cell is adequate only when its interval excludes ratios beyond these; else there are
        too few items to say so.
    correction : Correction
    exact_below : int
        With fewer items in the attribute set, intervals are Clopper-Pearson instead of Wilson.
    max_ways : int
        Widest combination of attributes that is looked at.
    max_cells : int
        Attribute sets with more cells are listed as skipped.
    n_resamples : int
        Bootstrap tables for each distance; a simulated p-value takes ten times as many.
    simultaneous : "goodman", "sison_glaz" or None
        Intervals that hold for all cells of an attribute set at once, instead of one by one.
    target_n : float or None
        People whom the target's source asked, where it is a sample; ``None`` for a census.
    """

    level: float = 0.95
    alpha: float = 0.01
    gap: float = 0.02
    ratio_low: float = 0.8
    ratio_high: float = 1.25
    gross_low: float = 0.5
    gross_high: float = 2.0
    correction: Correction = Correction.BENJAMINI_HOCHBERG
    exact_below: int = 30
    max_ways: int = 3
    max_cells: int = 20_000
    n_resamples: int = 1000
    simultaneous: str | None = None
    target_n: float | None = None

    def __post_init__(self) -> None:
        if self.simultaneous not in (None, *_SIMULTANEOUS):
            raise ValueError(
                f"simultaneous must be {', '.join(_SIMULTANEOUS)} or None; "
                f"got {self.simultaneous!r}."
            )
        if self.target_n is not None and self.target_n <= 0:
            raise ValueError(f"target_n must be above 0; got {self.target_n!r}.")
        if not (0 < self.gross_low <= self.ratio_low <= 1 <= self.ratio_high <= self.gross_high):
            raise ValueError(
                "Ratios must satisfy 0 < gross_low <= ratio_low <= 1 <= ratio_high <= gross_high; "
                f"got {self.gross_low}, {self.ratio_low}, {self.ratio_high}, {self.gross_high}."
            )
        for name in ("level", "alpha"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in (0, 1); got {getattr(self, name)!r}.")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value, or one combination of values, against the target.

    Parameters
    ----------
    attributes : dict of str to str
    n : int
        Items in the cell.
    share, ratio, gap : Estimate
        Share of the items whose values the target knows; that share over the target share; that
        share minus the target share. The ``n`` of each is the number of those items.
    target_share : float or None
    p_value, p_adjusted : float or None
    p_method : str or None
        ``exact_binomial`` or ``score``.
    deficit_at_fixed_n : int or None
        Items that other cells should have given to this one, at the present number of items.
    topup_no_removal : int or None
        Items to add to this cell so that, when every cell is topped up and nothing is removed,
        the data set has the target's composition.
    status : Status
    """

    attributes: dict[str, str]
    n: int
    share: Estimate
    target_share: float | None
    ratio: Estimate
    gap: Estimate
    p_value: float | None
    p_adjusted: float | None
    p_method: str | None
    deficit_at_fixed_n: int | None
    topup_no_removal: int | None
    status: Status


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """All cells of one attribute set: the family over which p-values are adjusted.

    Parameters
    ----------
    attributes : tuple of Attribute
        With the values that the target knows, or all declared ones where there is no target.
    counts : ndarray of int, one axis per attribute
    target : ndarray of float or None
        Target shares of the same cells.
    basis : Basis
    rules : Rules
    """

    attributes: tuple[Attribute, ...]
    counts: Ints
    target: Floats | None
    basis: Basis
    rules: Rules

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def n_items(self) -> int:
        """Items whose values are all known, to the data set and to the target: the denominator."""
        return int(self.counts.sum())

    def cells(self) -> list[Cell]:
        """Every cell, in the order of the declared values, those without items included."""
        return [Cell(*row) for row in zip(*self._columns(), strict=True)]

    def as_dicts(self) -> list[dict[str, Any]]:
        """The same cells as the REST contract's CELL, without objects on the way."""
        names = [field.name for field in fields(Cell)]
        columns = [
            column.as_dicts() if isinstance(column, Estimates) else column
            for column in self._columns()
        ]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _columns(self) -> tuple[Sequence[Any] | Estimates, ...]:
        """What the fields of :class:`Cell` hold, for all cells."""
        x, n = self.counts.ravel(), self.n_items
        ends = _bounds(x, n, self.rules)
        share = self._estimates(x / max(n, 1), ends)
        where, none = list(self._places()), [None] * x.size
        if self.target is None:
            nothing = replace(share, known=np.zeros(x.shape, bool), reason=Reason.NOT_APPLICABLE)
            statuses = [Status.NOT_ESTIMABLE] * x.size
            return where, x.tolist(), share, none, nothing, nothing, *([none] * 5), statuses
        q = self.target.ravel()
        ratio, gap = self._compared(q, ends)
        tested = _tested(x, n, q, self.rules)
        lacking = (
            (deficit_at_fixed_n(x, q).tolist(), topup_no_removal(x, q).tolist())
            if n
            else (none, none)
        )
        statuses = _statuses(x, n, q, (*ends, tested[1]), self.rules)
        return where, x.tolist(), share, q.tolist(), ratio, gap, *tested, *lacking, statuses

    def _compared(self, q: Floats, ends: Bounds) -> tuple[Estimates, Estimates]:
        """Ratio to the target share and gap, with the interval ends of the share."""
        n, size = self.n_items, self.rules.target_n
        p, has_share = self.counts.ravel() / max(n, 1), q > 0
        scale = np.where(has_share, q, 1.0)
        ratio_ends, gap_ends = (ends[0] / scale, ends[1] / scale), (ends[0] - q, ends[1] - q)
        if n and size:
            others = target_bounds(q, size, level=self.rules.level)
            ratio_ends, gap_ends = ratio_bounds(p, ends, q, others), gap_bounds(p, ends, q, others)
        ratio = self._estimates(p / scale, ratio_ends)
        if n:
            ratio = replace(ratio, known=has_share, reason=Reason.NOT_APPLICABLE)
        return ratio, self._estimates(p - q, gap_ends)

    def _estimates(self, values: Floats, ends: Bounds) -> Estimates:
        n, rules = self.n_items, self.rules
        one_by_one = "clopper_pearson" if n < rules.exact_below else "wilson"
        method = rules.simultaneous or one_by_one
        known = np.full(values.shape, n > 0)
        return Estimates(values, *ends, known, n, Reason.NO_DATA, rules.level, method)

    def _places(self) -> Iterator[dict[str, str]]:
        names = self.names
        for combination in product(*(attribute.values for attribute in self.attributes)):
            yield dict(zip(names, combination, strict=True))


def deficit_at_fixed_n(counts: ArrayLike, q: ArrayLike) -> Ints:
    """Items each cell lacks, had the data set the target's composition at its present size.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
    q : array_like of float, shape (n_cells,)
        Target shares.

    Returns
    -------
    ndarray of int, shape (n_cells,)
        max(0, ceil(q n) - x).

    References
    ----------
    Own definition, the shortfall against proportional allocation.
    """
    x, target = np.asarray(counts, np.int64), np.asarray(q, float)
    return np.asarray(np.maximum(0, ceiling(target * x.sum()) - x))


def topup_no_removal(counts: ArrayLike, q: ArrayLike) -> Ints:
    """Items to add to each cell, removing none, until the data set has the target's composition.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
    q : array_like of float, shape (n_cells,)
        Target shares.

    Returns
    -------
    ndarray of int, shape (n_cells,)
        ceil(q N) - x with N = max(x / q), the smallest size at which no cell is over its share.
        Items in a cell to which the target gives no share could only be removed; such cells get
        0 and are left out of N.

    References
    ----------
    Own definition; the binding cell is the most over-represented one.
    """
    x, target = np.asarray(counts, np.int64), np.asarray(q, float)
    wanted = target > 0
    size = float((x[wanted] / target[wanted]).max(initial=0.0))
    return np.where(wanted, np.maximum(0, ceiling(target * size) - x), 0)


def _bounds(x: Ints, n: int, rules: Rules) -> Bounds:
    if rules.simultaneous and n:
        return _SIMULTANEOUS[rules.simultaneous](x, level=rules.level)
    interval = clopper_pearson_many if n < rules.exact_below else wilson_many
    return interval(x, np.full(x.shape, n), level=rules.level)


def _tested(
    x: Ints, n: int, q: Floats, rules: Rules
) -> tuple[Sequence[float | None], Sequence[float | None], Sequence[str | None]]:
    """p-values, adjusted, and how they were found."""
    if n == 0:
        return ([None] * q.size,) * 3
    adjust = holm if rules.correction is Correction.HOLM else benjamini_hochberg
    if rules.target_n:
        p = two_sample_p_values(x / n, n, q, rules.target_n)
        return p.tolist(), adjust(p), ["two_sample_score"] * q.size
    p, exact = binomial_p_values(x, n, q)
    methods = ["exact_binomial" if one else "score" for one in exact.tolist()]
    return p.tolist(), adjust(p), methods


def _statuses(
    x: Ints,
    n: int,
    q: Floats,
    evidence: tuple[Floats, Floats, Sequence[float | None]],
    rules: Rules,
) -> list[Status]:
    """Gap: significant and beyond the margin. Adequate: neither seen nor possibly gross."""
    low, high, p_adjusted = evidence
    if n == 0:
        return [Status.NOT_ESTIMABLE] * q.size
    gap = x / n - q
    some = q > 0
    ratio = np.divide(x / n, q, out=np.ones_like(q), where=some)
    beyond = (np.abs(gap) >= rules.gap) | (ratio < rules.ratio_low) | (ratio > rules.ratio_high)
    significant = np.array([p is not None and p <= rules.alpha for p in p_adjusted], dtype=bool)
    gross = some & ((low < rules.gross_low * q) | (high > rules.gross_high * q))
    order = [
        (significant & beyond, Status.GAP),
        (beyond | (gross & ~significant), Status.INSUFFICIENT_EVIDENCE),
    ]
    statuses = [Status.ADEQUATE] * q.size
    for mask, status in reversed(order):
        for i in np.flatnonzero(mask):
            statuses[i] = status
    return statuses
