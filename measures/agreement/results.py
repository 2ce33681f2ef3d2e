"""The answer to 'do the people who labelled agree?': coefficients, their parts, and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from measures.agreement import identified, standard_errors
from measures.agreement.crowds import conger_se_of_crowd
from measures.agreement.exchangeable import (
    SE_METHODS,
    exchangeable_points,
    exchangeable_replicates,
    exchangeable_se,
    planned_moments,
)
from measures.agreement.formulas import Computed
from measures.agreement.pair_cells import PairCells, pair_cells
from measures.agreement.panels import Panel
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.plan import EXCHANGEABLE, Coefficient, Plan, plan_coefficients
from measures.agreement.resampling import Draws, percentile_interval, resampling_method
from measures.agreement.scales import Domain, FloatArray
from measures.agreement.warnings import find_warnings
from measures.estimates import Estimate, Reason, undefined


@dataclass(frozen=True, slots=True)
class Parts:
    """What a coefficient is made of, beside its value.

    Parameters
    ----------
    observed, expected : float or None
        Agreement p_a and p_e; for alpha disagreement D_o and D_e.
    weights : str
        Name of the weights, or of the metric for alpha.
    se_method : str or None
        Source of the analytic standard error, where there is one.
    n_replicates, n_degenerate : int
        Bootstrap replicates, and how many of them had no value.
    """

    observed: float | None
    expected: float | None
    weights: str
    se_method: str | None
    n_replicates: int
    n_degenerate: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one question.

    Parameters
    ----------
    coefficients : dict of str to Estimate
        By key; ``n`` is the number of items with two labels or more that the number rests on.
    parts : dict of str to Parts
        By the same keys, for the coefficients that could be computed.
    replicates : dict of str to array
        Bootstrap replicates by key, NaN where degenerate; for benchmarks, not for storage.
    draws : Draws
        What the replicates were made of, for other tables of the same statistics.
    n_items, n_items_pairable, n_labels, n_labels_pairable, n_annotators, n_clusters : int
    q_declared, q_used : int
        Values offered and values used.
    warnings : tuple of str
        Codes: see :func:`measures.agreement.warnings.find_warnings`.
    """

    coefficients: Mapping[str, Estimate]
    parts: Mapping[str, Parts]
    replicates: Mapping[str, FloatArray]
    draws: Draws
    n_items: int
    n_items_pairable: int
    n_labels: int
    n_labels_pairable: int
    n_annotators: int
    n_clusters: int
    q_declared: int
    q_used: int
    warnings: tuple[str, ...]


def agreement(
    statistics: AgreementStatistics,
    domain: Domain,
    *,
    rng: np.random.Generator,
    n_replicates: int = 1000,
    ci_level: float = 0.95,
    weights: Sequence[str] = (),
    min_items: int = 2,
) -> Agreement:
    """How far the annotators agree, beyond chance, by every coefficient that applies.

    Parameters
    ----------
    statistics : AgreementStatistics
        Label counts of the items.
    domain : Domain
        The declared values and their scale; K as in the statistics.
    rng : numpy Generator
        Source of the bootstrap draws.
    n_replicates : int
        Bootstrap replicates over items, or clusters where the statistics have them; 0 for none.
    ci_level : float
        Level of the intervals, in (0, 1).
    weights : sequence of str
        Names of weights to compute the weighted variants with: ``identity``, ``linear``,
        ``quadratic``, ``ordinal``, ``radical``, ``ratio``, ``circular``, ``bipolar``.
    min_items : int
        Below so many items with two labels there is no number.

    Returns
    -------
    Agreement
        Coefficients run from -1 (or lower for alpha) to 1, 1 is best, 0 what chance would give;
        percent agreement is a fraction in [0, 1]. Intervals are percentiles of the bootstrap;
        ``se`` is analytic and given where the literature has one.

    Raises
    ------
    ValueError
        When the domain has another number of values than the statistics, or an option is out
        of range.

    References
    ----------
    Krippendorff (2011); Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed.; Fleiss (1971);
    Cohen (1960, 1968); Scott (1955); Conger (1980); Brennan & Prediger (1981).
    """
    plan = plan_coefficients(domain, weights)
    return planned_agreement(
        statistics,
        domain,
        plan,
        rng=rng,
        n_replicates=n_replicates,
        ci_level=ci_level,
        min_items=min_items,
    )


def planned_agreement(
    statistics: AgreementStatistics,
    domain: Domain,
    plan: Plan,
    *,
    rng: np.random.Generator,
    n_replicates: int,
    ci_level: float,
    min_items: int,
) -> Agreement:
    """The coefficients of a plan; parameters as in :func:`agreement`."""
    check_options(statistics, domain, n_replicates=n_replicates, ci_level=ci_level)
    reason = missing_evidence(statistics, min_items=min_items)
    points: dict[str, Computed] = {}
    replicates: dict[str, FloatArray] = {}
    jackknife = None
    draws = Draws(statistics, n_replicates=n_replicates, rng=rng)
    if reason is None:
        points, replicates = _computed(statistics, plan, draws, n_replicates, rng)
        jackknife = _jackknife(statistics, n_replicates, replicates, rng)
    answers = _Answers(statistics, plan, reason, points, replicates, ci_level, min_items, jackknife)
    estimates = {one.key: answers.estimate(one) for one in plan.coefficients}
    return Agreement(
        coefficients=estimates,
        parts={
            one.key: answers.parts(one, estimates[one.key])
            for one in plan.coefficients
            if one.key in points
        },
        replicates=replicates,
        draws=draws,
        n_items=statistics.n_items,
        n_items_pairable=statistics.n_items_pairable,
        n_labels=statistics.n_labels,
        n_labels_pairable=statistics.n_labels_pairable,
        n_annotators=statistics.n_annotators,
        n_clusters=statistics.n_clusters,
        q_declared=domain.size,
        q_used=int(np.count_nonzero(statistics.annotator_values.sum(axis=0))),
        warnings=find_warnings(statistics, replicates),
    )


def check_options(
    statistics: AgreementStatistics, domain: Domain, *, n_replicates: int, ci_level: float
) -> None:
    """Raise a ValueError where the options or the domain do not fit the statistics."""
    if domain.size != statistics.n_values:
        raise ValueError(
            f"The domain declares {domain.size} values, the statistics count {statistics.n_values}."
        )
    if not 0 < ci_level < 1:
        raise ValueError(f"ci_level must lie between 0 and 1; got {ci_level!r}.")
    if n_replicates < 0:
        raise ValueError(f"n_replicates must not be negative; got {n_replicates!r}.")


def missing_evidence(statistics: AgreementStatistics, *, min_items: int) -> Reason | None:
    """Why nothing can be said about agreement at all, or None when something can."""
    if statistics.n_labels == 0:
        return Reason.NO_DATA
    if statistics.n_items_pairable == 0:
        return Reason.NO_OVERLAP
    if statistics.n_annotators < 2:
        return Reason.TOO_FEW_ANNOTATORS
    if statistics.n_items_pairable < min_items:
        return Reason.TOO_FEW_ITEMS
    return None


def _computed(
    statistics: AgreementStatistics,
    plan: Plan,
    draws: Draws,
    n_replicates: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Computed], dict[str, FloatArray]]:
    moments = planned_moments(statistics, plan)
    points = exchangeable_points(statistics, plan, moments)
    replicates = exchangeable_replicates(plan, moments, draws)
    panel = statistics.panel
    if panel is None:
        points |= identified.conger_points(statistics, plan)
        if statistics.crowd is not None:
            points["cohen_kappa_mean_pairwise"] = _mean_pairwise(statistics.crowd.cells)
        return points, replicates
    points |= identified.identified_points(panel, plan)
    clustered = statistics.clustered
    replicates |= identified.identified_replicates(
        panel, plan, clustered=clustered, n_replicates=n_replicates, rng=rng
    )
    if statistics.n_annotators > 2:
        points["cohen_kappa_mean_pairwise"] = _mean_pairwise(pair_cells(panel))
        drawn = identified.mean_pairwise_replicates(
            panel, clustered=clustered, n_replicates=n_replicates, rng=rng
        )
        if drawn.size:
            replicates["cohen_kappa_mean_pairwise"] = drawn
    return points, replicates


def _jackknife(
    statistics: AgreementStatistics,
    n_replicates: int,
    replicates: Mapping[str, FloatArray],
    rng: np.random.Generator,
) -> tuple[float, int] | None:
    """For the mean over pairs, where resampling will not do; nothing where nobody resamples."""
    panel = statistics.panel
    if not n_replicates or panel is None or statistics.n_annotators < 3:
        return None
    if "cohen_kappa_mean_pairwise" in replicates:
        return None
    return identified.mean_pairwise_jackknife(panel, clustered=statistics.clustered, rng=rng)


def _mean_pairwise(cells: PairCells) -> Computed:
    mean, _ = identified.mean_pairwise_cohen(cells)
    missing = np.full(1, np.nan)
    return Computed(np.array([np.nan if mean is None else mean]), missing, missing)


@dataclass(frozen=True, slots=True)
class _Answers:
    """Turns computed coefficients into estimates; one object to spare seven arguments a call."""

    statistics: AgreementStatistics
    plan: Plan
    reason: Reason | None
    points: Mapping[str, Computed]
    replicates: Mapping[str, FloatArray]
    ci_level: float
    min_items: int
    jackknife: tuple[float, int] | None

    def estimate(self, one: Coefficient) -> Estimate:
        n, reason = self._ground(one)
        if reason is not None:
            return undefined(reason, n)
        value = float(self.points[one.key].value[0])
        if not np.isfinite(value):
            return undefined(Reason.NO_VARIATION, n)
        if one.formula == "cohen_mean" and self.jackknife is not None:
            return self._jackknifed(value, n, *self.jackknife)
        drawn = self.replicates.get(one.key, np.zeros(0))
        low, high, _ = percentile_interval(drawn, level=self.ci_level)
        method = resampling_method(
            self.statistics, drawn.size if one.formula in EXCHANGEABLE else 0
        )
        return Estimate(
            value=value,
            n=n,
            ci_low=low,
            ci_high=high,
            ci_level=None if low is None else self.ci_level,
            ci_method=None if low is None else method,
            se=self._se(one, value),
        )

    def _jackknifed(self, value: float, n: int, se: float, n_groups: int) -> Estimate:
        reach = float(stats.t.ppf((1 + self.ci_level) / 2, n_groups - 1)) * se
        return Estimate(
            value=value,
            n=n,
            ci_low=max(value - reach, -1.0),
            ci_high=min(value + reach, 1.0),
            ci_level=self.ci_level,
            ci_method="jackknife_groups" if self.statistics.clustered else "jackknife_items",
            se=se,
        )

    def parts(self, one: Coefficient, estimate: Estimate) -> Parts:
        point = self.points[one.key]
        drawn = self.replicates.get(one.key, np.zeros(0))
        return Parts(
            observed=_number(point.observed[0]),
            expected=None if one.formula == "percent" else _number(point.expected[0]),
            weights=one.weights,
            se_method=None if estimate.se is None else SE_METHODS[one.formula],
            n_replicates=int(drawn.size),
            n_degenerate=int(np.count_nonzero(~np.isfinite(drawn))),
        )

    def _ground(self, one: Coefficient) -> tuple[int, Reason | None]:
        """The items the coefficient rests on, and why it has no value where it has none."""
        n = self.statistics.n_items_pairable
        if not self.plan.applies(one):
            return n, Reason.NOT_APPLICABLE
        if self.reason is not None:
            return n, self.reason
        if one.formula in EXCHANGEABLE:
            return n, None
        if not _fits_panel(one, self.statistics):
            return n, Reason.NOT_APPLICABLE
        if one.formula in ("cohen", "scott"):
            n = int(round(self._table().sum()))
            if n == 0:
                return n, Reason.NO_OVERLAP
            return n, Reason.TOO_FEW_ITEMS if n < self.min_items else None
        return n, None

    def _se(self, one: Coefficient, value: float) -> float | None:
        if one.formula in EXCHANGEABLE:
            return exchangeable_se(one, self.statistics, self.plan, value)
        crowd = self.statistics.crowd
        without = self.statistics.clustered or (self.statistics.panel is None and crowd is None)
        if without or one.formula == "cohen_mean":
            return None
        credit = self.plan.weights[one.weights]
        if crowd is not None:
            patterns, times = self.statistics.patterns, self.statistics.multiplicity
            return conger_se_of_crowd(crowd, patterns, times, credit, value=value)
        if one.formula == "conger":
            return standard_errors.conger_se(self._panel(), credit, value=value)
        rule = standard_errors.cohen_se if one.formula == "cohen" else standard_errors.scott_se
        return _number(rule(self._table()[None], credit, value=np.array([value]))[0])

    def _panel(self) -> Panel:
        if self.statistics.panel is None:
            raise ValueError("These statistics were made without a panel.")
        return self.statistics.panel

    def _table(self) -> FloatArray:
        one, other = identified.active_annotators(self._panel())
        return identified.two_annotator_table(self._panel(), (int(one), int(other)))


def _fits_panel(one: Coefficient, statistics: AgreementStatistics) -> bool:
    if one.formula == "conger":
        return True
    if statistics.panel is None:
        return statistics.crowd is not None and one.formula == "cohen_mean"
    return (
        statistics.n_annotators > 2 if one.formula == "cohen_mean" else statistics.n_annotators == 2
    )


def _number(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
