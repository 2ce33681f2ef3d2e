"""The coefficients as functions of sums: observed and expected agreement of each replicate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from measures.agreement.scales import FloatArray
from measures.agreement.sums import Sums, expected_ordinal

# Expected disagreement below this is none: nothing varied.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A coefficient for R replicates; NaN (which stays inside this package) where undefined.

    Parameters
    ----------
    value : array of shape (R,)
    observed, expected : arrays of shape (R,)
        Agreement p_a and p_e, or disagreement D_o and D_e for alpha.
    """

    value: FloatArray
    observed: FloatArray
    expected: FloatArray


def percent_agreement(sums: Sums, weights: str) -> Computed:
    """Mean over pairable items of the credit of a random pair of labels."""
    observed = _quotient(sums.agreement[weights], sums.n_pairable)
    return Computed(value=observed, observed=observed, expected=np.zeros_like(observed))


def fleiss_kappa(sums: Sums, weights: str, credit: FloatArray) -> Computed:
    """Chance agreement from the pooled shares of the values (Fleiss 1971; Gwet 2014)."""
    shares = _quotient(sums.shares, sums.n_rated[:, None])
    chance_disagreement = (shares @ (1.0 - credit) * shares).sum(axis=1)
    return _corrected(sums, weights, chance_disagreement)


def brennan_prediger(sums: Sums, weights: str, credit: FloatArray) -> Computed:
    """Chance agreement of labels spread evenly over the q declared values."""
    constant = 1.0 - credit.sum() / credit.size
    return _corrected(sums, weights, np.full(sums.n_rated.shape, constant))


def gwet_ac(sums: Sums, weights: str, credit: FloatArray) -> Computed:
    """Chance agreement T_w sum p(1-p) / (q(q-1)) over the q declared values."""
    q = len(credit)
    if q < 2:
        return _corrected(sums, weights, np.zeros(sums.n_rated.shape))
    shares = _quotient(sums.shares, sums.n_rated[:, None])
    chance = credit.sum() / (q * (q - 1.0)) * (shares * (1.0 - shares)).sum(axis=1)
    return _corrected(sums, weights, 1.0 - chance)


def krippendorff_alpha(sums: Sums, metric: str, distance: FloatArray | None) -> Computed:
    """One minus observed over expected disagreement, with Krippendorff's small-sample D_e.

    ``distance`` is None for the ordinal metric.
    """
    return alpha_of_sums(sums.paired, sums.disagreement[metric], distance)


def alpha_of_sums(
    paired: FloatArray, disagreement: FloatArray, distance: FloatArray | None
) -> Computed:
    """The same from pairable labels by value (R, K) and the sum of their disagreement (R,)."""
    total = paired.sum(axis=1)
    if distance is None:
        products, largest = expected_ordinal(paired), 1.0
    else:
        products, largest = (paired @ distance * paired).sum(axis=1), distance.max(initial=0.0)
    observed = _quotient(disagreement, total)
    expected = _quotient(products, total * (total - 1.0))
    # What is nothing depends on the unit of the numbers.
    unit = largest if largest > 0 else 1.0
    value = 1.0 - _quotient(observed / unit, expected / unit)
    return Computed(value=value, observed=observed, expected=expected)


def cohen_kappa(tables: FloatArray, credit: FloatArray) -> Computed:
    """Chance agreement of two annotators from the shares of each (Cohen 1960, 1968).

    Parameters
    ----------
    tables : array of shape (R, K, K)
        Items by the value of the one and of the other annotator.
    credit : array of shape (K, K)
    """
    rows, columns, agreed = _margins(tables, credit)
    chance_disagreement = (rows @ (1.0 - credit) * columns).sum(axis=1)
    return _chance_corrected(agreed, chance_disagreement)


def scott_pi(tables: FloatArray, credit: FloatArray) -> Computed:
    """Chance agreement of two annotators from their pooled shares (Scott 1955)."""
    rows, columns, agreed = _margins(tables, credit)
    pooled = (rows + columns) / 2.0
    chance_disagreement = (pooled @ (1.0 - credit) * pooled).sum(axis=1)
    return _chance_corrected(agreed, chance_disagreement)


def conger_kappa(
    observed: FloatArray, annotator_shares: FloatArray, credit: FloatArray
) -> Computed:
    """Chance agreement from the shares of each pair of distinct annotators (Conger 1980).

    Parameters
    ----------
    observed : array of shape (R,)
        Observed agreement p_a.
    annotator_shares : array of shape (R, A, K)
        Share of each value among each annotator's labels; zeros for one without labels.
    credit : array of shape (K, K)
    """
    penalty = 1.0 - credit
    active = annotator_shares.sum(axis=(1, 2))
    summed = annotator_shares.sum(axis=1)
    everyone = (summed @ penalty * summed).sum(axis=1)
    with_oneself = (annotator_shares @ penalty * annotator_shares).sum(axis=(1, 2))
    chance_disagreement = _quotient(everyone - with_oneself, active * (active - 1.0))
    return _chance_corrected(observed, chance_disagreement)


def _margins(tables: FloatArray, credit: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    shares = _quotient(tables, tables.sum(axis=(1, 2))[:, None, None])
    return shares.sum(axis=2), shares.sum(axis=1), (shares * credit).sum(axis=(1, 2))


def _corrected(sums: Sums, weights: str, chance_disagreement: FloatArray) -> Computed:
    observed = _quotient(sums.agreement[weights], sums.n_pairable)
    return _chance_corrected(observed, chance_disagreement)


def _chance_corrected(observed: FloatArray, chance_disagreement: FloatArray) -> Computed:
    """(p_a - p_e) / (1 - p_e), from 1 - p_e so that 'nothing varied' is an exact zero."""
    value = 1.0 - _quotient(1.0 - observed, chance_disagreement)
    return Computed(value=value, observed=observed, expected=1.0 - chance_disagreement)


def _quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    defined = np.broadcast_to(np.abs(denominator) > _NOTHING, numerator.shape)
    safe = np.where(np.abs(denominator) > _NOTHING, denominator, 1.0)
    quotient: FloatArray = np.where(defined, numerator / safe, np.nan)
    return quotient
