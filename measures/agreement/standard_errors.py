"""Analytic standard errors: how far a coefficient would move with another sample of items.

They hold for the annotators at hand; only the items are seen as a sample. The multi-annotator
forms divide by n (n - 1), Cohen's and Scott's two-annotator forms by n, as in their papers.
"""

from __future__ import annotations

import math

import numpy as np

from measures.agreement.panels import Panel
from measures.agreement.scales import FloatArray, IntArray
from measures.agreement.sums import pair_credit


def percent_se(patterns: IntArray, times: IntArray, credit: FloatArray) -> float | None:
    """Standard error of the mean pair credit of the pairable items."""
    counts, weight = _pairable(patterns, times)
    agreed = pair_credit(counts, credit)
    n = weight.sum()
    return _standard_error(agreed, agreed @ weight / n if n else 0.0, weight)


def fleiss_se(
    patterns: IntArray, times: IntArray, credit: FloatArray, *, value: float
) -> float | None:
    """Standard error of Fleiss' kappa with gaps (Gwet 2014, section 5.3)."""
    counts, weight, shares = _rated(patterns, times)
    chance = float(shares @ credit @ shares)
    of_item = _item_shares(counts) @ ((credit + credit.T) @ shares / 2.0)
    return _kappa_se(counts, weight, credit, (value, chance), of_item)


def gwet_se(
    patterns: IntArray, times: IntArray, credit: FloatArray, *, value: float
) -> float | None:
    """Standard error of AC1 and AC2 (Gwet 2008; 2014, section 5.3)."""
    counts, weight, shares = _rated(patterns, times)
    q = len(credit)
    scale = credit.sum() / (q * (q - 1.0))
    chance = float(scale * (shares * (1.0 - shares)).sum())
    of_item = scale * (_item_shares(counts) @ (1.0 - shares))
    return _kappa_se(counts, weight, credit, (value, chance), of_item)


def brennan_prediger_se(
    patterns: IntArray, times: IntArray, credit: FloatArray, *, value: float
) -> float | None:
    """Standard error of Brennan-Prediger: chance agreement is a constant (Gwet 2014)."""
    counts, weight, _ = _rated(patterns, times)
    chance = float(credit.sum() / credit.size)
    return _kappa_se(counts, weight, credit, (value, chance), np.full(len(counts), chance))


def alpha_se(patterns: IntArray, times: IntArray, distance: FloatArray) -> float | None:
    """Standard error of alpha for a fixed distance (Gwet 2014, section 5.3)."""
    counts, weight = _pairable(patterns, times)
    largest = distance.max(initial=0.0)
    n = weight.sum()
    if n < 2 or largest <= 0:
        return None
    credit = 1.0 - distance / largest
    labels = counts.sum(axis=1)
    mean = labels @ weight / n
    excess = (labels - mean) / mean
    agreed = pair_credit(counts, credit) * labels / mean
    observed = agreed @ weight / n
    shares = weight @ counts / (n * mean)
    chance = float(shares @ credit @ shares)
    if 1.0 - chance <= 1e-12:
        return None
    value = (observed - chance) / (1.0 - chance)
    of_item = (counts / mean) @ ((credit + credit.T) @ shares / 2.0) - chance * excess
    influence = (agreed - observed * excess - chance) / (1.0 - chance)
    influence = influence - 2.0 * (1.0 - value) * (of_item - chance) / (1.0 - chance)
    return _standard_error(influence, float(value), weight)


def cohen_se(tables: FloatArray, credit: FloatArray, *, value: FloatArray) -> FloatArray:
    """Large-sample standard errors of (weighted) Cohen's kappa; NaN where there is none.

    Parameters
    ----------
    tables : array of shape (R, K, K), items by the value of each of two annotators
    credit : array of shape (K, K)
    value : array of shape (R,), the kappas

    References
    ----------
    Fleiss, Cohen & Everitt (1969), Psychological Bulletin 72:323, eq. 8 and 14.
    """
    n = tables.sum(axis=(1, 2))
    shares = tables / np.maximum(n, 1e-300)[:, None, None]
    rows, columns = shares.sum(axis=2), shares.sum(axis=1)
    chance = (rows @ credit * columns).sum(axis=1)
    margin = (columns @ credit.T)[:, :, None] + (rows @ credit)[:, None, :]
    return _table_se(shares, credit - margin * (1.0 - value)[:, None, None], (value, chance), n)


def scott_se(tables: FloatArray, credit: FloatArray, *, value: FloatArray) -> FloatArray:
    """Large-sample standard errors of Scott's pi for two annotators (Gwet 2014, section 5.2).

    Parameters
    ----------
    tables : array of shape (R, K, K)
    credit : array of shape (K, K)
    value : array of shape (R,), the pis
    """
    n = tables.sum(axis=(1, 2))
    shares = tables / np.maximum(n, 1e-300)[:, None, None]
    pooled = (shares.sum(axis=2) + shares.sum(axis=1)) / 2.0
    chance = (pooled @ credit * pooled).sum(axis=1)
    mean = pooled @ (credit + credit.T) / 2.0
    margin = mean[:, :, None] + mean[:, None, :]
    return _table_se(shares, credit - margin * (1.0 - value)[:, None, None], (value, chance), n)


def conger_se(panel: Panel, credit: FloatArray, *, value: float) -> float | None:
    """Standard error of Conger's kappa from what each item adds to each annotator's shares.

    References
    ----------
    Gwet (2014), Handbook of Inter-Rater Reliability, section 5.3.
    """
    weight = panel.multiplicity.astype(np.float64)
    totals = (panel.rows.T @ weight).reshape(-1, panel.n_values)
    per_annotator = totals.sum(axis=1)
    active = per_annotator > 0
    n, r = weight.sum(), int(active.sum())
    if r < 2 or n < 2:
        return None
    labels = np.where(active, per_annotator, 1.0)
    shares = totals / labels[:, None]
    others = shares.sum(axis=0)[None, :] - shares
    symmetric = (credit + credit.T) / 2.0
    toward = others @ symmetric
    chance = float((shares * toward).sum() / (r * (r - 1.0)))
    # An item moves annotator g's shares by (n / n_g) (its labels - their number x shares).
    slope = (toward - (shares * toward).sum(axis=1, keepdims=True)) * (n / labels)[:, None]
    of_item = chance + panel.rows @ slope.ravel() / (r * (r - 1.0))
    return _kappa_se(panel.counts(), weight, credit, (value, chance), of_item)


def _table_se(
    shares: FloatArray, influence: FloatArray, at: tuple[FloatArray, FloatArray], n: FloatArray
) -> FloatArray:
    value, chance = at
    spread = (shares * influence**2).sum(axis=(1, 2)) - (value - chance * (1.0 - value)) ** 2
    defined = (n >= 2) & (1.0 - chance > 1e-12)
    root = np.sqrt(np.maximum(spread, 0.0) / np.where(defined, n, 1.0))
    error: FloatArray = np.where(defined, root / np.where(defined, 1.0 - chance, 1.0), np.nan)
    return error


def _kappa_se(
    counts: FloatArray,
    weight: FloatArray,
    credit: FloatArray,
    at: tuple[float, float],
    chance_of_item: FloatArray,
) -> float | None:
    """Standard error of (p_a - p_e) / (1 - p_e) by linearisation over the rated items."""
    value, chance = at
    pairable = counts.sum(axis=1) >= 2
    n, n_pairable = weight.sum(), weight[pairable].sum()
    if 1.0 - chance <= 1e-12 or n_pairable < 1:
        return None
    gain = pair_credit(counts, credit) - chance * pairable
    influence = (n / n_pairable) * gain / (1.0 - chance)
    influence = influence - 2.0 * (1.0 - value) * (chance_of_item - chance) / (1.0 - chance)
    return _standard_error(influence, value, weight)


def _standard_error(influence: FloatArray, centre: float, weight: FloatArray) -> float | None:
    n = float(weight.sum())
    if n < 2:
        return None
    return math.sqrt(float(weight @ (influence - centre) ** 2) / (n * (n - 1.0)))


def _pairable(patterns: IntArray, times: IntArray) -> tuple[FloatArray, FloatArray]:
    keep = patterns.sum(axis=1) >= 2
    return patterns[keep].astype(np.float64), times[keep].astype(np.float64)


def _rated(patterns: IntArray, times: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    counts, weight = patterns.astype(np.float64), times.astype(np.float64)
    return counts, weight, weight @ _item_shares(counts) / weight.sum()


def _item_shares(counts: FloatArray) -> FloatArray:
    shares: FloatArray = counts / np.maximum(counts.sum(axis=1), 1.0)[:, None]
    return shares
