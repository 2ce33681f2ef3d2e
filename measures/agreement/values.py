"""Each declared value against all others: which value do annotators not agree on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from measures.agreement.patterns import AgreementStatistics
from measures.agreement.resampling import Draws, percentile_interval, resampling_method
from measures.agreement.results import missing_evidence
from measures.agreement.scales import FloatArray
from measures.estimates import Estimate, Reason, undefined


@dataclass(frozen=True, slots=True)
class ValueAgreement:
    """One value against the rest.

    Parameters
    ----------
    code : int
        Position of the value in the declared domain.
    n_labels : int
        Labels with this value, in all items.
    alpha, fleiss_kappa : Estimate
        As if the question were 'this value or another?'.
    """

    code: int
    n_labels: int
    alpha: Estimate
    fleiss_kappa: Estimate


def value_agreement(
    statistics: AgreementStatistics,
    *,
    rng: np.random.Generator,
    n_replicates: int = 1000,
    ci_level: float = 0.95,
    min_items: int = 2,
    draws: Draws | None = None,
) -> list[ValueAgreement]:
    """How far annotators agree on each value against all others.

    Parameters
    ----------
    statistics : AgreementStatistics
    rng : numpy Generator
    n_replicates : int
        Bootstrap replicates over items or clusters.
    ci_level : float
        Level of the intervals, in (0, 1).
    min_items : int
        Below so many items with two labels there is no number.
    draws : Draws, optional
        Draws of these statistics that were made for their coefficients, in place of new ones.

    Returns
    -------
    list of ValueAgreement
        One for each declared value; ``no_variation`` where nobody, or everybody, used it.

    References
    ----------
    Krippendorff (2011), binary alpha; Fleiss (1971), eq. 15 (kappa of one category).
    """
    labels = statistics.annotator_values.sum(axis=0)
    reason = missing_evidence(statistics, min_items=min_items)
    n = statistics.n_items_pairable
    if reason is not None:
        none = undefined(reason, n)
        return [ValueAgreement(code, int(count), none, none) for code, count in enumerate(labels)]
    table = _moments(statistics)
    times = statistics.multiplicity.astype(np.float64)[None, :]
    points = _coefficients(times @ table, statistics.n_values)
    if draws is None:
        draws = Draws(statistics, n_replicates=n_replicates, rng=rng)
    drawn = _drawn(draws, table, statistics.n_values)
    method = resampling_method(statistics, n_replicates)
    alphas, kappas = (
        _estimates(
            points[which][0],
            np.concatenate([chunk[which] for chunk in drawn]) if drawn else None,
            n,
            (ci_level, method),
        )
        for which in (0, 1)
    )
    return [
        ValueAgreement(code, int(count), alphas[code], kappas[code])
        for code, count in enumerate(labels)
    ]


def _drawn(draws: Draws, table: FloatArray, n_values: int) -> list[tuple[FloatArray, FloatArray]]:
    if draws.blocks is not None:
        table = np.asarray(draws.blocks @ table)
    return [_coefficients(weights @ table, n_values) for weights in draws]


def _moments(statistics: AgreementStatistics) -> FloatArray:
    """What an item of each pattern adds: rated, pairable, labels, then four sums by value."""
    counts = statistics.patterns.astype(np.float64)
    labels = counts.sum(axis=1)[:, None]
    pairable = (labels >= 2).astype(np.float64)
    mixed = counts * (labels - counts) * pairable
    others = np.maximum(labels - 1.0, 1.0)
    columns = [
        (labels >= 1).astype(np.float64),
        pairable,
        labels * pairable,
        counts * pairable,
        mixed / others,
        counts / labels,
        2.0 * mixed / (labels * others),
    ]
    return np.concatenate(columns, axis=1)


def _coefficients(totals: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    rated, pairable, labels = (totals[:, [column]] for column in range(3))
    used, mixed, shares, differing = (
        totals[:, 3 + part * size : 3 + (part + 1) * size] for part in range(4)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = 1.0 - mixed * (labels - 1.0) / (used * (labels - used))
        chance = 2.0 * shares * (rated - shares) / rated**2
        kappa = 1.0 - differing / pairable / chance
    nothing = (used * (labels - used) <= 1e-9, chance <= 1e-12)
    return np.where(nothing[0], np.nan, alpha), np.where(nothing[1], np.nan, kappa)


def _estimates(
    points: FloatArray, drawn: FloatArray | None, n: int, options: tuple[float, str]
) -> list[Estimate]:
    ci_level, method = options
    found = []
    for code, value in enumerate(points):
        if not np.isfinite(value):
            found.append(undefined(Reason.NO_VARIATION, n))
            continue
        replicates = np.zeros(0) if drawn is None else drawn[:, code]
        low, high, _ = percentile_interval(replicates, level=ci_level)
        has = low is not None
        found.append(
            Estimate(
                float(value), n, None, low, high, ci_level if has else None, method if has else None
            )
        )
    return found
