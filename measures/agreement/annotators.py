"""Each annotator: work done, agreement with the others, and alpha without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from measures.agreement.coincidences import alpha_of_coincidences, coincidence_matrix
from measures.agreement.crowds import Crowd
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.scales import Domain, FloatArray
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson


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
    alpha_change : float or None
        Alpha with everybody minus alpha without; below 0 the others agree better among themselves.
    """

    annotator: int
    n_labels: int
    n_items: int
    n_items_shared: int
    value_counts: tuple[int, ...]
    agreement_with_others: Estimate
    agreement_with_self: Estimate
    alpha_without: Estimate
    alpha_change: float | None


def annotator_agreement(
    statistics: AgreementStatistics,
    domain: Domain,
    *,
    ci_level: float = 0.95,
    min_items: int = 2,
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

    Returns
    -------
    list of AnnotatorAgreement
        One for each annotator number, also those without labels.

    Raises
    ------
    ValueError
        When the statistics were made without a panel.
    """
    crowd = _Everybody(statistics, domain, min_items)
    return [crowd.annotator(number, ci_level) for number in range(len(statistics.annotator_values))]


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one annotator: own labels, everybody's, the others', and their multiplicity."""

    own: FloatArray
    everybody: FloatArray
    others: FloatArray
    times: FloatArray


def _parts_of(statistics: AgreementStatistics) -> Callable[[int], _Part]:
    """What tells the rows of an annotator, from who gave what."""
    if statistics.crowd is not None:
        return _parts_of_crowd(statistics.crowd, statistics.patterns.astype(np.float64))
    if statistics.panel is None:
        raise ValueError(
            "These statistics do not know who gave which label; make them with with_panel=True."
        )
    panel = statistics.panel
    columns, size = sparse.csc_array(panel.rows), panel.n_values
    times, counts = panel.multiplicity.astype(np.float64), panel.counts()

    def part(number: int) -> _Part:
        block = columns[:, number * size : (number + 1) * size].tocoo()
        rows, place = np.unique(block.row, return_inverse=True)
        own = np.zeros((rows.size, size))
        own[place, block.col] = block.data
        everybody = counts[rows]
        return _Part(own, everybody, everybody - own, times[rows])

    return part


def _parts_of_crowd(crowd: Crowd, patterns: FloatArray) -> Callable[[int], _Part]:
    annotator, value, pattern = crowd.parts()
    edges = np.searchsorted(annotator, np.arange(crowd.n_annotators + 1))
    identity = np.eye(crowd.n_values)

    def part(number: int) -> _Part:
        rows = slice(int(edges[number]), int(edges[number + 1]))
        own, everybody = identity[value[rows]], patterns[pattern[rows]]
        return _Part(own, everybody, everybody - own, crowd.n_own[rows].astype(np.float64))

    return part


class _Everybody:
    """Everybody's coincidences, from which one annotator's part is taken away at a time."""

    def __init__(self, statistics: AgreementStatistics, domain: Domain, min_items: int) -> None:
        self.domain = domain
        self.min_items = min_items
        self.parts = _parts_of(statistics)
        times = statistics.multiplicity.astype(np.float64)
        counts = statistics.patterns.astype(np.float64)
        self.matrix = coincidence_matrix(counts, times)
        self.n_pairable = float(times[counts.sum(axis=1) >= 2].sum())
        self.alpha = self._alpha(self.matrix, self.n_pairable)

    def annotator(self, number: int, ci_level: float) -> AnnotatorAgreement:
        part = self.parts(number)
        values = part.times @ part.own
        shared = part.others.sum(axis=1) > 0
        without = self._without(part)
        change = None
        if self.alpha is not None and without.value is not None:
            change = self.alpha - without.value
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

    def _without(self, part: _Part) -> Estimate:
        matrix = (
            self.matrix
            - coincidence_matrix(part.everybody, part.times)
            + coincidence_matrix(part.others, part.times)
        )
        # What is left of taking equal numbers away is rounding.
        matrix[np.abs(matrix) < 1e-9] = 0.0
        lost = (part.everybody.sum(axis=1) >= 2) & (part.others.sum(axis=1) < 2)
        n = self.n_pairable - float(part.times[lost].sum())
        if n == 0:
            return undefined(Reason.NO_OVERLAP, 0)
        if n < self.min_items:
            return undefined(Reason.TOO_FEW_ITEMS, int(n))
        alpha = self._alpha(matrix, n)
        return undefined(Reason.NO_VARIATION, int(n)) if alpha is None else Estimate(alpha, int(n))

    def _alpha(self, matrix: FloatArray, n: float) -> float | None:
        return alpha_of_coincidences(matrix, self.domain) if n >= self.min_items else None


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
