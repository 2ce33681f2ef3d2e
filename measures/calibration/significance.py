"""Tests of calibration: is the departure from the stated probabilities more than chance?

No single test sees every departure. The headline is Cox's, with two degrees of freedom: it sees
probabilities that are all too high or low and ones that are too extreme or too timid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from measures.calibration.binning import bin_sums, quantile_edges
from measures.calibration.corp import Pooled, pooled
from measures.calibration.forecasts import BinaryForecasts, FloatArray
from measures.calibration.logistic import LogisticFit, fit_logistic, log_likelihood, logit_of
from measures.estimates import Estimate, Reason, undefined

#: Fewer outcomes than this of either class carry no slope worth showing.
MIN_EVENTS = 5


@dataclass(frozen=True, slots=True)
class CoxCalibration:
    """Logistic recalibration of the outcomes on the logit of the stated probability.

    ``test`` is the headline: its value the statistic of the joint hypothesis intercept 0 and
    slope 1, its ``p_value`` two-sided; ``method`` names it and ``df`` its degrees of freedom.
    ``slope`` below 1 means over-confident. ``intercept`` belongs to the joint fit;
    ``in_the_large`` is another number, the intercept with the slope held at 1, negative when
    the probabilities are too high on the whole. ``observed_expected`` is their ratio, 1 is best.
    """

    test: Estimate
    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate
    observed_expected: Estimate
    method: str
    df: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        keys = ("test", "slope", "intercept", "in_the_large", "observed_expected")
        found: dict[str, Any] = {key: getattr(self, key).as_dict() for key in keys}
        return found | {"method": self.method, "df": self.df}


@dataclass(frozen=True, slots=True)
class DetectableError:
    """What size of calibration-in-the-large error these items could show at all.

    ``sigma`` is the standard error of the mean residual under calibration; ``at_power`` the
    error found with the asked power; ``five_sigma`` a stricter convention; ``n_for_target`` the
    number of items needed to find ``target``. All None without items.
    """

    n: int
    sigma: float | None
    at_power: float | None
    five_sigma: float | None
    target: float
    n_for_target: int | None
    power: float
    level: float


def cox_calibration(
    forecasts: BinaryForecasts, *, level: float = 0.95, min_events: int = MIN_EVENTS
) -> CoxCalibration:
    """Test and size of the departure from calibration, by Cox's logistic recalibration.

    Parameters
    ----------
    forecasts : BinaryForecasts
        Probabilities are clipped at 1e-12 before the logit.
    level : float
    min_events : int
        With fewer outcomes of either class everything but the ratio is ``too_few_items``
        (``one_class`` where there is none).

    Returns
    -------
    CoxCalibration
        Likelihood ratio with 2 degrees of freedom; 1 (intercept only) where all probabilities
        are equal. With clusters or weights the likelihood is not one: a Wald test with the
        sandwich variance of Liang and Zeger takes its place, referred to F. Fractional
        outcomes vary less than 0/1 ones, so that the test is then conservative.

    References
    ----------
    Cox (1958), "Two further applications of a model for binary regression"; Miller, Hui and
    Tierney (1991); Liang and Zeger (1986).
    """
    n = forecasts.n
    ratio = _observed_expected(forecasts, level)
    reason = _too_little(forecasts, min_events)
    if reason is not None:
        nothing = undefined(reason, n)
        return CoxCalibration(nothing, nothing, nothing, nothing, ratio, "none", 0)
    x = logit_of(forecasts.y_prob)
    shift = fit_logistic(np.ones((n, 1)), forecasts.y_true, forecasts.weights, offset=x)
    robust = forecasts.weighted or forecasts.clusters is not None
    in_the_large = _coefficient(shift, 0, forecasts, level, robust)
    if np.ptp(x) < 1e-12:
        flat = undefined(Reason.NO_VARIATION, n)
        test, method = _joint_test(shift, np.zeros(1), forecasts, robust)
        return CoxCalibration(test, flat, flat, in_the_large, ratio, method, 1)
    joint = fit_logistic(
        np.stack([np.ones(n), x], axis=1), forecasts.y_true, forecasts.weights, start=(0.0, 1.0)
    )
    test, method = _joint_test(joint, np.array([0.0, 1.0]), forecasts, robust)
    return CoxCalibration(
        test,
        _coefficient(joint, 1, forecasts, level, robust),
        _coefficient(joint, 0, forecasts, level, robust),
        in_the_large,
        ratio,
        method,
        2,
    )


def spiegelhalter(forecasts: BinaryForecasts) -> Estimate:
    """Whether the Brier score is further from its expectation than chance allows; two-sided.

    Parameters
    ----------
    forecasts : BinaryForecasts

    Returns
    -------
    Estimate
        The value is z, positive when the score is worse than the probabilities promise (over-
        confident). ``no_variation`` where every probability is 0, 0.5 or 1, which leaves 0/0.
        Blind to a shift of all probabilities. With clusters the variance is that of their sums.

    References
    ----------
    Spiegelhalter (1986), "Probabilistic prediction in patient management and clinical trials".
    """
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0)
    w, p, y = forecasts.weights, forecasts.y_prob, forecasts.y_true
    term = w * (y - p) * (1 - 2 * p)
    if forecasts.clusters is None:
        variance = float((w**2 * (1 - 2 * p) ** 2 * p * (1 - p)).sum())
    else:
        variance = float((np.bincount(forecasts.clusters, term) ** 2).sum())
    if variance <= 0:
        return undefined(Reason.NO_VARIATION, forecasts.n)
    z = float(term.sum()) / math.sqrt(variance)
    return Estimate(z, forecasts.n, p_value=float(2 * special.ndtr(-abs(z))))


def kuiper(forecasts: BinaryForecasts, groups: Pooled | None = None) -> Estimate:
    """Largest run of excess or lack of outcomes over a stretch of probabilities.

    Parameters
    ----------
    forecasts : BinaryForecasts

    Returns
    -------
    Estimate
        The range of the cumulative mean residual in order of probability, in [0, 1], 0 is best;
        ``se`` its scale under calibration. Sums are read only at distinct probabilities, so
        that the order of tied rows does not matter. ``no_variation`` where every probability is
        0 or 1; ``not_applicable`` with clusters, which break the limiting distribution.

    References
    ----------
    Arrieta-Ibarra et al. (2022), "Metrics of calibration for probabilistic predictions"; Feller
    (1951) for the range of Brownian motion.
    """
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0)
    if forecasts.clusters is not None:
        return undefined(Reason.NOT_APPLICABLE, forecasts.n)
    w, p = forecasts.weights, forecasts.y_prob
    scale = float(np.sqrt((w**2 * p * (1 - p)).sum()) / w.sum())
    if scale <= 0:
        return undefined(Reason.NO_VARIATION, forecasts.n)
    at = pooled(forecasts) if groups is None else groups
    path = np.concatenate([[0.0], np.cumsum(at.observed - at.weight * at.p)]) / w.sum()
    found = float(path.max() - path.min())
    p_value = 1 - float(brownian_range_cdf(np.array([found / scale]))[0])
    return Estimate(found, forecasts.n, se=scale, p_value=min(max(p_value, 0.0), 1.0))


def brownian_range_cdf(x: FloatArray) -> FloatArray:
    """Chance that Brownian motion on [0, 1] has a range of at most ``x``.

    References
    ----------
    Feller (1951), eq. 4.3, after the theta transformation.
    """
    x = np.asarray(x, dtype=float)
    half = (np.arange(1, 101) - 0.5)[:, None] * np.pi
    safe = np.where(x > 0, x, 1.0)
    terms = (8 / safe**2 + 2 / half**2) * np.exp(-2 * half**2 / safe**2)
    return np.where(x > 0, np.clip(terms.sum(axis=0), 0.0, 1.0), 0.0)


def hosmer_lemeshow(forecasts: BinaryForecasts, *, n_groups: int = 10) -> tuple[Estimate, Estimate]:
    """Chi-squared distance of observed and expected counts over groups of equal size.

    Kept for comparison with older reports: it depends on the groups and has little power.

    Parameters
    ----------
    forecasts : BinaryForecasts
    n_groups : int

    Returns
    -------
    tuple of Estimate
        The statistic, 0 is best, of a model that was not fitted on these items (as many degrees
        of freedom as groups), and of one that was (two fewer). ``no_variation`` where a group
        expects no or only outcomes. ``not_applicable`` with weights or clusters.

    References
    ----------
    Hosmer and Lemeshow (1980).
    """
    if forecasts.n == 0:
        return (undefined(Reason.NO_DATA, 0),) * 2
    if forecasts.weighted or forecasts.clusters is not None:
        return (undefined(Reason.NOT_APPLICABLE, forecasts.n),) * 2
    sums = bin_sums(forecasts, quantile_edges(forecasts.y_prob, n_groups))
    there = sums.column("n") > 0
    n, expected = sums.column("n")[there], sums.column("predicted")[there]
    variance = expected * (1 - expected / n)
    if (variance <= 0).any():
        return (undefined(Reason.NO_VARIATION, forecasts.n),) * 2
    statistic = float(((sums.column("observed")[there] - expected) ** 2 / variance).sum())

    def judged(df: int) -> Estimate:
        if df < 1:
            return undefined(Reason.NO_VARIATION, forecasts.n)
        return Estimate(statistic, forecasts.n, p_value=float(stats.chi2.sf(statistic, df)))

    return judged(len(n)), judged(len(n) - 2)


def detectable_error(
    forecasts: BinaryForecasts,
    *,
    target: float = 0.05,
    power: float = 0.8,
    level: float = 0.95,
) -> DetectableError:
    """Smallest mean error of the probabilities that these items could show, and n for a target.

    Parameters
    ----------
    forecasts : BinaryForecasts
    target : float
        Mean difference between stated and observed frequency that must not go unseen.
    power, level : float
        Chance to find it, and coverage of the two-sided test.

    Returns
    -------
    DetectableError
        Clusters are not taken into account: repeated items of one patient need more.

    References
    ----------
    Arrieta-Ibarra et al. (2022) for the scale; the normal-approximation sample size formula.
    """
    if not 0 < target < 1:
        raise ValueError(f"target must lie between 0 and 1; got {target}.")
    if forecasts.n == 0:
        return DetectableError(0, None, None, None, target, None, power, level)
    w, p = forecasts.weights, forecasts.y_prob
    sigma = float(np.sqrt((w**2 * p * (1 - p)).sum()) / w.sum())
    reach = float(special.ndtri((1 + level) / 2) + special.ndtri(power))
    needed = math.ceil(forecasts.n * (reach * sigma / target) ** 2)
    return DetectableError(
        forecasts.n, sigma, reach * sigma, 5 * sigma, target, needed, power, level
    )


def _too_little(forecasts: BinaryForecasts, min_events: int) -> Reason | None:
    if forecasts.n == 0:
        return Reason.NO_DATA
    rarer = min(float(forecasts.y_true.sum()), float((1 - forecasts.y_true).sum()))
    if rarer <= 0:
        return Reason.ONE_CLASS
    return Reason.TOO_FEW_ITEMS if rarer < min_events else None


def _observed_expected(forecasts: BinaryForecasts, level: float) -> Estimate:
    """Ratio with an interval on the log scale; none where nothing was observed."""
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0)
    w = forecasts.weights
    observed, expected = float(w @ forecasts.y_true), float(w @ forecasts.y_prob)
    if expected <= 0:
        return undefined(Reason.NO_VARIATION, forecasts.n)
    if observed <= 0 or forecasts.n < 2:
        return Estimate(observed / expected, forecasts.n)
    influence = w * (forecasts.y_true / observed - 1 / w.sum())
    if forecasts.clusters is not None:
        influence = np.bincount(forecasts.clusters, influence)
    # Expected counts are given, not estimated: only the outcomes vary.
    se = float(np.sqrt(np.square(influence).sum()))
    reach = float(special.ndtri((1 + level) / 2)) * se
    ratio = observed / expected
    ends = ratio * math.exp(-reach), ratio * math.exp(reach)
    return Estimate(ratio, forecasts.n, None, *ends, level, "log_normal")


def _joint_test(
    fit: LogisticFit, null: FloatArray, forecasts: BinaryForecasts, robust: bool
) -> tuple[Estimate, str]:
    n = forecasts.n
    if not robust:
        own = log_likelihood(logit_of(forecasts.y_prob), forecasts.y_true, forecasts.weights)
        ratio = max(2 * (fit.log_likelihood - own), 0.0)
        p_value = float(stats.chi2.sf(ratio, len(null)))
        return Estimate(ratio, n, p_value=p_value), "likelihood_ratio"
    if not fit.determined:
        return undefined(Reason.NOT_APPLICABLE, n), "wald_robust"
    covariance, units = fit.sandwich(forecasts.clusters)
    if units <= len(null):
        return undefined(Reason.TOO_FEW_ITEMS, n), "wald_robust"
    off = fit.coefficients - null
    statistic = float(off @ np.linalg.solve(covariance, off))
    p_value = float(stats.f.sf(statistic / len(null), len(null), units - len(null)))
    return Estimate(statistic, n, p_value=p_value), "wald_robust"


def _coefficient(
    fit: LogisticFit, which: int, forecasts: BinaryForecasts, level: float, robust: bool
) -> Estimate:
    """A coefficient with its Wald interval; none where the classes can be separated."""
    n = forecasts.n
    if not fit.determined:
        return undefined(Reason.NOT_APPLICABLE, n)
    value = float(fit.coefficients[which])
    if robust:
        covariance, units = fit.sandwich(forecasts.clusters)
        if units < 2:
            return Estimate(value, n)
        quantile, method = float(stats.t.ppf((1 + level) / 2, units - 1)), "wald_robust"
    else:
        covariance, method = fit.covariance, "wald"
        quantile = float(special.ndtri((1 + level) / 2))
    se = math.sqrt(max(float(covariance[which, which]), 0.0))
    return Estimate(value, n, None, value - quantile * se, value + quantile * se, level, method, se)
