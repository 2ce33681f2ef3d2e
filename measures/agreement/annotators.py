"""Each annotator: work done, agreement with the others, and alpha without them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from measures.agreement.coincidences import (
    alphas_of_coincidences,
    coincidence_matrix,
    coincidences_by_row,
)
from measures.agreement.crowds import Crowd
from measures.agreement.leaving_out import left_out_groups
from measures.agreement.panels import Panel
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.scales import Domain, FloatArray, IntArray
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson, wilson_many


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """One annotator among the others.

    Parameters
    ----------
    annotator : int
    n_labels, n_items, n_items_shared : int
        Labels given, items labelled, and items that somebody else labelled too.
    value_counts : tuple of int
        How often each declared value was given.
    agreement_with_others : Estimate
        Mean over shared items of the share of the others' labels with the same value, in [0, 1].
    agreement_with_self : Estimate
        Mean over items that this annotator labelled more than once (rounds) of the share of pairs
        of the own labels that agree, in [0, 1]; ``n`` is the number of such items.
    alpha_without : Estimate
        Alpha on the question's scale had this annotator not labelled; ``n`` is the number of items
        that would still have two labels.
    alpha_change : Estimate
        Alpha with everybody minus alpha without; below 0 the others agree better among themselves.
        Intervals of both by the grouped jackknife over items, where ``rng`` was given.
    """

    annotator: int
    n_labels: int
    n_items: int
    n_items_shared: int
    value_counts: tuple[int, ...]
    agreement_with_others: Estimate
    agreement_with_self: Estimate
    alpha_without: Estimate
    alpha_change: Estimate


def annotator_agreement(
    statistics: AgreementStatistics,
    domain: Domain,
    *,
    ci_level: float = 0.95,
    min_items: int = 2,
    rng: np.random.Generator | None = None,
) -> list[AnnotatorAgreement]:
    """How each annotator agrees with the others, and what alpha would be without them.

    Parameters
    ----------
    statistics : AgreementStatistics
        Made with a panel.
    domain : Domain
    ci_level : float
        Level of Wilson's interval of the agreement with the others. An item counts as one trial
        although several others may have labelled it, so the interval is rather too wide.
    min_items : int
        Below so many items with two labels there is no alpha.
    rng : numpy Generator, optional
        Deals the items into groups for the intervals of alpha without an annotator; of a crowd of
        which only sums are known, there are none.

    Returns
    -------
    list of AnnotatorAgreement
        One for each annotator number, also those without labels.

    Raises
    ------
    ValueError
        When the statistics were made without a panel.
    """
    if statistics.crowd is not None:
        return _of_crowd(statistics, statistics.crowd, domain, (ci_level, min_items))
    crowd = _Everybody(statistics, domain, min_items, rng)
    return [crowd.annotator(number, ci_level) for number in range(len(statistics.annotator_values))]


@dataclass(frozen=True, slots=True)
class _Part:
    """The panel's rows of one annotator, the labels in them, and how many items show each."""

    rows: IntArray
    own: FloatArray
    everybody: FloatArray
    others: FloatArray
    times: FloatArray


class _Everybody:
    """Everybody's coincidences, from which one annotator's part is taken away at a time."""

    def __init__(
        self,
        statistics: AgreementStatistics,
        domain: Domain,
        min_items: int,
        rng: np.random.Generator | None,
    ) -> None:
        self.domain = domain
        self.min_items = min_items
        panel = _panel_of(statistics)
        self.columns = sparse.csc_array(panel.rows)
        self.size = panel.n_values
        self.times = panel.multiplicity.astype(np.float64)
        self.counts = panel.counts()
        self.matrix = coincidence_matrix(self.counts, self.times)
        self.n_pairable = float(self.times[self.counts.sum(axis=1) >= 2].sum())
        (everybody,) = _alphas_without(self.matrix[None], [self.n_pairable], (domain, min_items))
        self.alpha = everybody.value
        self.clustered = statistics.clustered
        self.left_out = None
        if rng is not None:
            counted = (self.counts, self.matrix)
            self.left_out = left_out_groups(
                panel, domain, counted, clustered=self.clustered, rng=rng
            )

    def annotator(self, number: int, ci_level: float) -> AnnotatorAgreement:
        part = self._part(number)
        values = part.times @ part.own
        shared = part.others.sum(axis=1) > 0
        without, change = self._without(part, ci_level)
        return AnnotatorAgreement(
            annotator=number,
            n_labels=int(values.sum()),
            n_items=int(part.times.sum()),
            n_items_shared=int(part.times[shared].sum()),
            value_counts=tuple(int(count) for count in values),
            agreement_with_others=_with_others(part, shared, ci_level),
            agreement_with_self=_with_self(part, ci_level),
            alpha_without=without,
            alpha_change=change,
        )

    def _part(self, number: int) -> _Part:
        block = self.columns[:, number * self.size : (number + 1) * self.size].tocoo()
        rows, place = np.unique(block.row, return_inverse=True)
        own = np.zeros((rows.size, self.size))
        own[place, block.col] = block.data
        everybody = self.counts[rows]
        return _Part(rows.astype(np.int64), own, everybody, everybody - own, self.times[rows])

    def _without(self, part: _Part, ci_level: float) -> tuple[Estimate, Estimate]:
        """Alpha without the annotator, and what they change it by."""
        total = coincidence_matrix(part.everybody, part.times)
        total -= coincidence_matrix(part.others, part.times)
        lost = (part.everybody.sum(axis=1) >= 2) & (part.others.sum(axis=1) < 2)
        n = self.n_pairable - float(part.times[lost].sum())
        left = (self.matrix - total)[None]
        (without,) = _alphas_without(left, [n], (self.domain, self.min_items))
        change = _change(self.alpha, without)
        if change.value is None or self.left_out is None or not part.rows.size:
            return without, change
        of_row = coincidences_by_row(part.everybody) - coincidences_by_row(part.others)
        reaches = self.left_out.reaches(part.rows, of_row, total, ci_level=ci_level)
        if reaches is None:
            return without, change
        how = "jackknife_groups" if self.clustered else "jackknife_items"
        return (
            _within(without, reaches[0], ci_level, how),
            _within(change, reaches[1], ci_level, how),
        )


def _panel_of(statistics: AgreementStatistics) -> Panel:
    if statistics.panel is None:
        raise ValueError(
            "These statistics do not know who gave which label; make them with with_panel=True."
        )
    return statistics.panel


def _change(alpha: float | None, without: Estimate) -> Estimate:
    if alpha is None or without.value is None:
        return undefined(without.reason or Reason.NO_VARIATION, without.n)
    return Estimate(alpha - without.value, without.n)


def _within(one: Estimate, reach: float, level: float, method: str) -> Estimate:
    low, high = (one.value or 0.0) - reach, (one.value or 0.0) + reach
    return replace(one, ci_low=low, ci_high=high, ci_level=level, ci_method=method)


def _alphas_without(
    matrices: FloatArray, n_items: Sequence[float], options: tuple[Domain, int]
) -> list[Estimate]:
    """Alpha from each of the coincidence matrices, which rest on so many items."""
    domain, min_items = options
    # What is left of taking equal numbers away is rounding.
    alphas = alphas_of_coincidences(np.where(np.abs(matrices) < 1e-9, 0.0, matrices), domain)
    return [
        _alpha(alpha, int(n), min_items) for alpha, n in zip(alphas.tolist(), n_items, strict=True)
    ]


def _alpha(alpha: float, n: int, min_items: int) -> Estimate:
    if n == 0:
        return undefined(Reason.NO_OVERLAP, 0)
    if n < min_items:
        return undefined(Reason.TOO_FEW_ITEMS, n)
    return Estimate(alpha, n) if math.isfinite(alpha) else undefined(Reason.NO_VARIATION, n)


def _of_crowd(
    statistics: AgreementStatistics, crowd: Crowd, domain: Domain, options: tuple[float, int]
) -> list[AnnotatorAgreement]:
    """The same from the sums of a crowd, in which nobody labelled an item twice."""
    ci_level, min_items = options
    counts = statistics.patterns.astype(np.float64)
    matrix = coincidence_matrix(counts, statistics.multiplicity.astype(np.float64))
    sums = _sums_of_crowd(counts, crowd)
    n_items, n_shared, n_pairs = sums[:, :3].T
    agreed = np.minimum(sums[:, 3], n_shared)
    low, high = wilson_many(agreed, np.maximum(n_shared, 1), level=ci_level)
    n_pairable = statistics.n_items_pairable - np.append(n_pairs, 0.0)
    taken_away = sums[:, 4:].reshape(-1, *matrix.shape)
    left = np.concatenate([matrix + taken_away, matrix[None]])
    *alphas, everybody = _alphas_without(left, n_pairable.tolist(), (domain, min_items))
    found = []
    for who, given in enumerate(statistics.annotator_values.tolist()):
        n, reason = int(n_shared[who]), Reason.NO_OVERLAP if n_items[who] else Reason.NO_DATA
        with_others = undefined(reason, 0)
        if n:
            share = float(agreed[who]) / n
            ends = (float(low[who]), float(high[who]))
            with_others = Estimate(share, n, None, *ends, ci_level, "wilson")
        found.append(
            AnnotatorAgreement(
                annotator=who,
                n_labels=sum(given),
                n_items=int(n_items[who]),
                n_items_shared=n,
                value_counts=tuple(given),
                agreement_with_others=with_others,
                agreement_with_self=undefined(reason, 0),
                alpha_without=alphas[who],
                alpha_change=_change(everybody.value, alphas[who]),
            )
        )
    return found


def _sums_of_crowd(counts: FloatArray, crowd: Crowd) -> FloatArray:
    """What each annotator's labels add up to, shape (A, 4 + K * K).

    Items, items with other labels, with just one, the share of other labels that agree, and what
    the coincidences change by when the annotator's labels are taken away.
    """
    size = crowd.n_values
    shown = counts > 0
    pattern, value = np.nonzero(shown)
    others = counts[pattern] - np.eye(size)[value]
    n_others = others.sum(axis=1)
    change = coincidences_by_row(others) - coincidences_by_row(counts)[pattern]
    agreed = others[np.arange(value.size), value] / np.maximum(n_others, 1.0)
    each = [np.ones(value.size), n_others >= 1, n_others == 1, agreed]
    added = np.column_stack([*each, change.reshape(value.size, size**2)])
    annotator, of_value, of_pattern = crowd.parts
    place = (np.cumsum(shown) - 1).reshape(shown.shape)[of_pattern, of_value]
    starts = np.searchsorted(annotator, np.arange(crowd.n_annotators + 1))
    times = sparse.csr_array(
        (crowd.n_own.astype(np.float64), place, starts), shape=(crowd.n_annotators, value.size)
    )
    return np.asarray(times @ added)


def _with_others(
    part: _Part, shared: np.ndarray[tuple[int], np.dtype[np.bool_]], ci_level: float
) -> Estimate:
    n = int(part.times[shared].sum())
    if n == 0:
        return undefined(Reason.NO_OVERLAP if len(part.times) else Reason.NO_DATA, 0)
    own, others = part.own[shared], part.others[shared]
    same = (own * others).sum(axis=1) / (own.sum(axis=1) * others.sum(axis=1))
    return _mean_share(same, part.times[shared], ci_level)


def _with_self(part: _Part, ci_level: float) -> Estimate:
    labels = part.own.sum(axis=1)
    repeated = labels >= 2
    if not repeated.any():
        return undefined(Reason.NO_OVERLAP if len(part.times) else Reason.NO_DATA, 0)
    own, r = part.own[repeated], labels[repeated]
    same = (own * (own - 1.0)).sum(axis=1) / (r * (r - 1.0))
    return _mean_share(same, part.times[repeated], ci_level)


def _mean_share(shares: FloatArray, times: FloatArray, ci_level: float) -> Estimate:
    n = int(times.sum())
    agreed = min(float(shares @ times), float(n))
    low, high = wilson(agreed, n, level=ci_level)
    return Estimate(agreed / n, n, None, low, high, ci_level, "wilson")
