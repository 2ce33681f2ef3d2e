"""Why two annotators' kappa is what it is: prevalence, bias, and the largest kappa possible."""

from __future__ import annotations

import numpy as np

from measures.agreement.formulas import cohen_kappa
from measures.agreement.identified import active_annotators, two_annotator_table
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.scales import FloatArray
from measures.estimates import Estimate, Reason, undefined

INDICES = ("prevalence_index", "bias_index", "pabak", "kappa_max")


def paradox_indices(statistics: AgreementStatistics) -> dict[str, Estimate]:
    """What pulls the kappa of two annotators away from their raw agreement.

    Parameters
    ----------
    statistics : AgreementStatistics
        Labels of exactly two annotators, made with a panel.

    Returns
    -------
    dict of str to Estimate
        ``n`` is the number of items that both labelled. ``prevalence_index`` |a - d| / n in [0, 1]:
        near 1 one value dominates and kappa is low although agreement is high. ``bias_index``
        |b - c| / n in [0, 1]: the two use the values differently often. ``pabak`` 2 p_a - 1, kappa
        without either. All three for two declared values only. ``kappa_max``: the largest kappa
        that the two annotators' totals allow, for any number of values. ``not_applicable`` with
        another number of annotators.

    References
    ----------
    Byrt, Bishop & Carlin (1993), Journal of Clinical Epidemiology 46:423; Cohen (1960), p. 42.
    """
    panel = statistics.panel
    if statistics.n_labels == 0:
        return {key: undefined(Reason.NO_DATA, 0) for key in INDICES}
    if panel is None or statistics.n_annotators != 2:
        n = statistics.n_items_pairable
        return {key: undefined(Reason.NOT_APPLICABLE, n) for key in INDICES}
    one, other = active_annotators(panel)
    table = two_annotator_table(panel, (int(one), int(other)))
    n = int(round(table.sum()))
    if n == 0:
        return {key: undefined(Reason.NO_OVERLAP, 0) for key in INDICES}
    return _binary(table / table.sum(), n) | {"kappa_max": _kappa_max(table, n)}


def _binary(shares: FloatArray, n: int) -> dict[str, Estimate]:
    if len(shares) != 2:
        return {key: undefined(Reason.NOT_APPLICABLE, n) for key in INDICES[:3]}
    (a, b), (c, d) = shares
    return {
        "prevalence_index": Estimate(abs(float(a - d)), n),
        "bias_index": Estimate(abs(float(b - c)), n),
        "pabak": Estimate(2.0 * float(a + d) - 1.0, n),
    }


def _kappa_max(table: FloatArray, n: int) -> Estimate:
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    agreeing = np.minimum(rows, columns)
    rest = 1.0 - agreeing.sum() / table.sum()
    # The best table with these totals: as much as possible on the diagonal.
    spread = np.outer(rows - agreeing, columns - agreeing)
    best = np.diag(agreeing)
    if rest > 1e-12:
        best = best + spread / spread.sum() * rest * table.sum()
    value = float(cohen_kappa(best[None], np.eye(len(table))).value[0])
    return Estimate(value, n) if np.isfinite(value) else undefined(Reason.NO_VARIATION, n)
