"""Did the annotators agree more in some periods (batches, weeks, guidelines) than in others?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from measures.agreement.scales import FloatArray, IntArray
from measures.estimates import Estimate, Reason, undefined

# Up to so many items periods are dealt anew; beyond, the limit law of that is as good.
_MAX_DEALT = 2_000


@dataclass(frozen=True, slots=True)
class AgreementChange:
    """Whether disagreement depends on when the labels were given.

    Parameters
    ----------
    explained : Estimate
        Share of the variance of the items' disagreement that lies between periods, in [0, 1], with
        the p-value of no change.
    trend : Estimate
        Correlation of disagreement with the order of the periods, in [-1, 1]: above 0 it grew.
        ``not_applicable`` where the periods have no order.
    method : str
        ``permutation`` or ``chi_squared``.
    """

    explained: Estimate
    trend: Estimate
    method: str


def agreement_change(
    disagreement: ArrayLike,
    period: ArrayLike,
    *,
    rng: np.random.Generator,
    ordered: bool = False,
    n_permutations: int = 999,
) -> AgreementChange:
    """Test whether items labelled in some periods show more disagreement than in others.

    Parameters
    ----------
    disagreement : array of float, shape (n,)
        Of each item within a period, such as ``ItemDisagreement.disagreement``; items with two
        labels or more.
    period : array of int, shape (n,)
        The period, 0 or more.
    rng : numpy Generator
    ordered : bool
        Whether periods follow each other, so that a trend has a meaning.
    n_permutations : int
        Periods dealt anew among the items, where there are at most 2,000 of them. With more the
        limit of that law is used: (n - 1) times the share is chi-squared.

    Returns
    -------
    AgreementChange
        ``n`` is the number of items; ``too_few_items`` with fewer than three of them or one period,
        ``no_variation`` where all disagree alike.

    Raises
    ------
    ValueError
        When the columns differ in length.

    References
    ----------
    Pitman (1938), permutation test of the analysis of variance; Strasser & Weber (1999).
    """
    values: FloatArray = np.asarray(disagreement, dtype=np.float64)
    raw: IntArray = np.asarray(period, dtype=np.int64)
    if values.shape != raw.shape or values.ndim != 1:
        raise ValueError(
            f"disagreement and period must be columns of one length; got shapes {values.shape} "
            f"and {raw.shape}."
        )
    n = int(values.size)
    seen, place = np.unique(raw, return_inverse=True)
    reason = None
    if n < 3 or seen.size < 2 or seen.size == n:
        reason = Reason.TOO_FEW_ITEMS
    elif float(np.ptp(values)) <= 1e-12:
        reason = Reason.NO_VARIATION
    method = "permutation" if n <= _MAX_DEALT else "chi_squared"
    if reason is not None:
        none = undefined(reason, n)
        return AgreementChange(none, none if ordered else _unordered(n), method)
    centred = values - values.mean()
    test = _Test(centred / np.sqrt(centred @ centred), place.astype(np.int64), ordered)
    return test.dealt(n_permutations, rng) if method == "permutation" else test.in_the_limit()


def _unordered(n: int) -> Estimate:
    return undefined(Reason.NOT_APPLICABLE, n)


class _Test:
    """Standardised disagreement by period."""

    def __init__(self, values: FloatArray, place: IntArray, ordered: bool) -> None:
        self.values, self.place, self.ordered = values, place, ordered
        self.sizes = np.bincount(place).astype(np.float64)
        centred = place - place.mean()
        self.order: FloatArray = centred / np.sqrt(centred @ centred)

    def statistics(self, values: FloatArray) -> tuple[float, float]:
        sums = np.bincount(self.place, weights=values, minlength=self.sizes.size)
        return float((sums**2 / self.sizes).sum()), float(values @ self.order)

    def dealt(self, n_permutations: int, rng: np.random.Generator) -> AgreementChange:
        explained, trend = self.statistics(self.values)
        drawn = np.array(
            [self.statistics(rng.permutation(self.values)) for _ in range(n_permutations)]
        ).reshape(-1, 2)
        further = (
            float((drawn[:, 0] >= explained - 1e-12).sum()),
            float((np.abs(drawn[:, 1]) >= abs(trend) - 1e-12).sum()),
        )
        p_values = [(1.0 + count) / (1.0 + n_permutations) for count in further]
        return self._answer((explained, trend), p_values, "permutation")

    def in_the_limit(self) -> AgreementChange:
        explained, trend = self.statistics(self.values)
        n = self.values.size
        p_values = [
            float(stats.chi2.sf((n - 1) * explained, self.sizes.size - 1)),
            float(stats.chi2.sf((n - 1) * trend**2, 1)),
        ]
        return self._answer((explained, trend), p_values, "chi_squared")

    def _answer(
        self, found: tuple[float, float], p_values: list[float], method: str
    ) -> AgreementChange:
        n = int(self.values.size)
        explained = Estimate(min(found[0], 1.0), n, p_value=p_values[0])
        trend = Estimate(found[1], n, p_value=p_values[1]) if self.ordered else _unordered(n)
        return AgreementChange(explained, trend, method)
