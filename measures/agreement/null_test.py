"""Could the agreement be chance alone? Fleiss' test of kappa = 0."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from measures.agreement.formulas import fleiss_kappa
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.results import missing_evidence
from measures.agreement.sums import pattern_moments, summed
from measures.estimates import Estimate, Reason, undefined


def fleiss_null_test(statistics: AgreementStatistics, *, min_items: int = 2) -> Estimate:
    """Fleiss' kappa with its standard error and two-sided p-value if there were no agreement.

    Parameters
    ----------
    statistics : AgreementStatistics
        Every item with the same number of labels.
    min_items : int

    Returns
    -------
    Estimate
        ``se`` holds only under kappa = 0, so there is no interval; z is value / se.
        ``not_applicable`` when items differ in their number of labels.

    References
    ----------
    Fleiss, Nee & Landis (1979), Psychological Bulletin 86:974, eq. 12.
    """
    n = statistics.n_items_pairable
    reason = missing_evidence(statistics, min_items=min_items)
    if reason is not None:
        return undefined(reason, n)
    labels = np.unique(statistics.labels_per_pattern)
    if labels.size != 1:
        return undefined(Reason.NOT_APPLICABLE, n)
    credit = np.eye(statistics.n_values)
    moments = pattern_moments(statistics.patterns, {"identity": credit}, {})
    sums = summed(moments, statistics.multiplicity.astype(np.float64)[None, :])
    value = float(fleiss_kappa(sums, "identity", credit).value[0])
    if not math.isfinite(value):
        return undefined(Reason.NO_VARIATION, n)
    shares = sums.shares[0] / n
    spread = shares * (1.0 - shares)
    variance = spread.sum() ** 2 - (spread * (1.0 - 2.0 * shares)).sum()
    r = int(labels[0])
    se = math.sqrt(2.0 / (n * r * (r - 1.0)) * variance) / spread.sum()
    return Estimate(value, n, se=se, p_value=float(2.0 * stats.norm.sf(abs(value / se))))
