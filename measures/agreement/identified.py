"""Coefficients that ask who labelled: Cohen, Scott, Conger, and the mean of Cohen over pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from measures.agreement import formulas
from measures.agreement.formulas import Computed
from measures.agreement.pair_cells import pair_cells, row_cells
from measures.agreement.panels import Panel
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.plan import PAIRWISE, Coefficient, Plan
from measures.agreement.resampling import bootstrap_weights
from measures.agreement.scales import FloatArray, IntArray
from measures.agreement.sums import pair_credit

# Bounds on the work of one bootstrap; beyond them the analytic standard error must do.
_MAX_PRODUCTS = 400_000_000
_MAX_PAIR_CELLS = 20_000_000


def active_annotators(panel: Panel) -> IntArray:
    """Annotators with at least one label."""
    labels = np.asarray(panel.rows.sum(axis=0)).reshape(-1, panel.n_values).sum(axis=1)
    return np.flatnonzero(labels).astype(np.int64)


def two_annotator_cells(panel: Panel, pair: tuple[int, int]) -> sparse.csr_array:
    """What each row adds to the table of two annotators, shape (S, K * K).

    An annotator who labelled an item in several rounds spreads the item over the cells, so that
    each item that both labelled counts once.
    """
    size = panel.n_values
    shares = panel.shares()
    one = shares[:, pair[0] * size : (pair[0] + 1) * size].tocsr()
    other = shares[:, pair[1] * size : (pair[1] + 1) * size].tocsr()
    # Row-wise outer product: value k of the one stretched over the columns of the other.
    stretched = sparse.kron(one, np.ones((1, size)), format="csr")
    tiled = sparse.kron(np.ones((1, size)), other, format="csr")
    return sparse.csr_array(stretched.multiply(tiled))


def two_annotator_table(panel: Panel, pair: tuple[int, int]) -> FloatArray:
    """Items by the value of the one and of the other annotator, shape (K, K)."""
    cells = two_annotator_cells(panel, pair)
    totals = cells.T @ panel.multiplicity.astype(np.float64)
    table: FloatArray = np.asarray(totals).reshape(panel.n_values, panel.n_values)
    return table


def identified_points(panel: Panel, plan: Plan) -> dict[str, Computed]:
    """Conger's kappa, and Cohen's and Scott's of two annotators, on the items as they are."""
    times = panel.multiplicity.astype(np.float64)[None, :]
    return _by_key(panel, plan, times, _cells(panel))


def conger_points(statistics: AgreementStatistics, plan: Plan) -> dict[str, Computed]:
    """Conger's kappa from the totals of the annotators alone, for crowds too large for a panel."""
    totals = statistics.annotator_values.astype(np.float64)
    shares = totals / np.maximum(totals.sum(axis=1, keepdims=True), 1.0)
    counts = statistics.patterns.astype(np.float64)
    n_pairable = max(statistics.n_items_pairable, 1)
    found = {}
    for one in plan.coefficients:
        if one.formula == "conger" and plan.applies(one):
            credit = plan.weights[one.weights]
            agreed = float(pair_credit(counts, credit) @ statistics.multiplicity) / n_pairable
            found[one.key] = formulas.conger_kappa(np.array([agreed]), shares[None], credit)
    return found


def identified_replicates(
    panel: Panel, plan: Plan, *, clustered: bool, n_replicates: int, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """The same on resampled items (or clusters), by replicate; empty where too much work."""
    cells = _cells(panel)
    if panel.rows.nnz * n_replicates > _MAX_PRODUCTS or not n_replicates:
        return {}
    chunks: dict[str, list[FloatArray]] = {}
    for times in _panel_weights(panel, clustered, n_replicates, rng):
        for key, one in _by_key(panel, plan, times, cells).items():
            chunks.setdefault(key, []).append(one.value)
    return {key: np.concatenate(parts) for key, parts in chunks.items()}


def mean_pairwise_cohen(panel: Panel) -> tuple[float | None, int]:
    """Mean of Cohen's kappa over the pairs of annotators that have one, and their number."""
    cells = pair_cells(panel)
    credit = np.eye(panel.n_values)
    kappas = [
        formulas.cohen_kappa(tables, credit).value for tables in cells.tables(np.unique(cells.pair))
    ]
    defined = np.concatenate([one[np.isfinite(one)] for one in kappas]) if kappas else np.zeros(0)
    return (float(defined.mean()) if defined.size else None), int(defined.size)


def mean_pairwise_replicates(
    panel: Panel, *, clustered: bool, n_replicates: int, rng: np.random.Generator
) -> FloatArray:
    """Mean pairwise kappa, items resampled once for all pairs; empty where too much work."""
    filled = np.diff(panel.rows.indptr).astype(np.float64)
    if filled @ filled * n_replicates > _MAX_PRODUCTS:
        return np.zeros(0)
    row, pair, cell, share = row_cells(panel)
    pairs, place = np.unique(pair, return_inverse=True)
    size = panel.n_values**2
    if pairs.size * size * n_replicates > _MAX_PAIR_CELLS:
        return np.zeros(0)
    cells = sparse.csr_array(
        (share, (place * size + cell, row)), shape=(pairs.size * size, panel.rows.shape[0])
    )
    means = [
        _mean_kappas(np.asarray(cells @ times.T).T, panel.n_values)
        for times in _panel_weights(panel, clustered, n_replicates, rng)
    ]
    return np.concatenate(means) if means else np.zeros(0)


def _mean_kappas(flat: FloatArray, size: int) -> FloatArray:
    """Mean over the pairs that have a kappa, for each replicate's flattened tables."""
    kappas = formulas.cohen_kappa(flat.reshape(-1, size, size), np.eye(size)).value
    kappas = kappas.reshape(len(flat), -1)
    defined = np.isfinite(kappas)
    n_defined = defined.sum(axis=1)
    total = np.where(defined, kappas, 0.0).sum(axis=1)
    mean: FloatArray = np.where(n_defined > 0, total / np.maximum(n_defined, 1), np.nan)
    return mean


def _panel_weights(
    panel: Panel, clustered: bool, n_replicates: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    width = max(1, (panel.rows.shape[1] + panel.n_values**2) // max(1, panel.rows.shape[0]))
    return bootstrap_weights(
        panel.cluster,
        panel.multiplicity,
        clustered=clustered,
        n_replicates=n_replicates,
        rng=rng,
        width=width,
    )


def _cells(panel: Panel) -> sparse.csr_array | None:
    active = active_annotators(panel)
    if active.size != 2:
        return None
    return two_annotator_cells(panel, (int(active[0]), int(active[1])))


def _by_key(
    panel: Panel, plan: Plan, times: FloatArray, cells: sparse.csr_array | None
) -> dict[str, Computed]:
    found: dict[str, Computed] = {}
    conger = [one for one in plan.coefficients if one.formula == "conger" and plan.applies(one)]
    if conger:
        found.update(_conger(panel, plan, times, conger))
    if cells is None:
        return found
    size = panel.n_values
    tables = (cells.T @ times.T).T.reshape(-1, size, size)
    for one in plan.coefficients:
        if one.formula in PAIRWISE and plan.applies(one):
            rule = formulas.cohen_kappa if one.formula == "cohen" else formulas.scott_pi
            found[one.key] = rule(tables, plan.weights[one.weights])
    return found


def _conger(
    panel: Panel, plan: Plan, times: FloatArray, chosen: list[Coefficient]
) -> dict[str, Computed]:
    counts = panel.counts()
    pairable = (counts.sum(axis=1) >= 2).astype(np.float64)
    n_pairable = times @ pairable
    totals = (panel.rows.T @ times.T).T.reshape(len(times), -1, panel.n_values)
    labels = totals.sum(axis=2, keepdims=True)
    shares = totals / np.where(labels > 0, labels, 1.0)
    found = {}
    for one in chosen:
        credit = plan.weights[one.weights]
        agreed = times @ pair_credit(counts, credit)
        observed = np.where(n_pairable > 0, agreed / np.maximum(n_pairable, 1.0), np.nan)
        found[one.key] = formulas.conger_kappa(observed, shares, credit)
    return found
