"""Coefficients that ask who labelled: Cohen, Scott, Conger, and the mean of Cohen over pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from measures.agreement import formulas
from measures.agreement.formulas import Computed
from measures.agreement.pair_cells import PairCells, row_cells
from measures.agreement.panels import Panel
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.plan import PAIRWISE, Coefficient, Plan
from measures.agreement.resampling import bootstrap_weights
from measures.agreement.scales import FloatArray, IntArray
from measures.agreement.sums import pair_credit

# Bounds on the work of one bootstrap; beyond them the analytic standard error must do.
_MAX_PRODUCTS = 400_000_000
_MAX_PAIR_CELLS = 20_000_000
# Pairs that share fewer items on average are not resampled with replacement.
_MIN_SHARED = 20
# Groups of a grouped jackknife.
_GROUPS = 100


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


def mean_pairwise_cohen(cells: PairCells) -> tuple[float | None, int]:
    """Mean of Cohen's kappa over the pairs of annotators that have one, and their number."""
    credit = np.eye(cells.n_values)
    kappas = [
        formulas.cohen_kappa(tables, credit).value for tables in cells.tables(cells.distinct[0])
    ]
    defined = np.concatenate([one[np.isfinite(one)] for one in kappas]) if kappas else np.zeros(0)
    return (float(defined.mean()) if defined.size else None), int(defined.size)


def mean_pairwise_replicates(
    panel: Panel, *, clustered: bool, n_replicates: int, rng: np.random.Generator
) -> FloatArray:
    """Mean pairwise kappa, items resampled once for all pairs; empty where that will not do.

    Too much work, or pairs that share few items: each resample would lose a third of those, and
    the mean of what is left is another number (MultiPICo: 0.176 to 0.191 around 0.202).
    """
    cells = _pairs_by_row(panel)
    if cells is None or cells.items_of_a_pair(panel) < _MIN_SHARED:
        return np.zeros(0)
    if cells.size * n_replicates > _MAX_PAIR_CELLS or cells.work * n_replicates > _MAX_PRODUCTS:
        return np.zeros(0)
    means = [
        _mean_kappas(np.asarray(cells.table @ times.T).T, panel.n_values)
        for times in _panel_weights(panel, clustered, n_replicates, rng)
    ]
    return np.concatenate(means) if means else np.zeros(0)


def mean_pairwise_jackknife(
    panel: Panel, *, clustered: bool, rng: np.random.Generator
) -> tuple[float, int] | None:
    """Standard error of the mean pairwise kappa, leaving out one group of items at a time.

    Parameters
    ----------
    panel : Panel
    clustered : bool
        Clusters stay together.
    rng : numpy Generator
        Items (or clusters) are dealt into at most 100 groups at random.

    Returns
    -------
    (float, int) or None
        The standard error and the number of groups; ``None`` with fewer than two, or where it
        would be too much work.

    References
    ----------
    Shao and Tu (1995), "The jackknife and bootstrap", section 2.3, the grouped jackknife.
    """
    cells = _pairs_by_row(panel)
    left_out = _dealt(panel, clustered, rng)
    if cells is None or len(left_out) < 2 or cells.work * len(left_out) > _MAX_PRODUCTS:
        return None
    step = max(1, _MAX_PAIR_CELLS // cells.size)
    means = np.concatenate(
        [
            _mean_kappas(
                np.asarray(cells.table @ (panel.multiplicity - left_out[start : start + step]).T).T,
                panel.n_values,
            )
            for start in range(0, len(left_out), step)
        ]
    )
    n = len(means)
    if not np.isfinite(means).all():
        return None
    return float(np.sqrt((n - 1) / n * np.square(means - means.mean()).sum())), n


def _dealt(panel: Panel, clustered: bool, rng: np.random.Generator) -> FloatArray:
    """How many items of each row fall into each random group, shape (G, S)."""
    owner = np.repeat(np.arange(len(panel.multiplicity)), panel.multiplicity)
    unit = np.arange(owner.size)
    if clustered:
        _, unit = np.unique(panel.cluster[owner], return_inverse=True)
    n_units = int(unit.max(initial=-1)) + 1
    group = (rng.permutation(n_units) % _GROUPS)[unit]
    size = (min(n_units, _GROUPS), len(panel.multiplicity))
    counted = np.bincount(group * size[1] + owner, minlength=size[0] * size[1])
    return counted.astype(np.float64).reshape(size)


@dataclass(frozen=True, slots=True, eq=False)
class _PairsByRow:
    """What each row of the panel adds to the tables of all pairs: (pairs * K * K, S)."""

    table: sparse.csr_array
    n_pairs: int
    work: float

    @property
    def size(self) -> int:
        return max(1, int(self.table.shape[0]))

    def items_of_a_pair(self, panel: Panel) -> float:
        """How many items two annotators share on average, of those who share any."""
        return float((self.table @ panel.multiplicity).sum()) / max(1, self.n_pairs)


def _pairs_by_row(panel: Panel) -> _PairsByRow | None:
    filled = np.diff(panel.rows.indptr).astype(np.float64)
    work = float(filled @ filled)
    if work > _MAX_PRODUCTS:
        return None
    row, pair, cell, share = row_cells(panel)
    pairs, place = np.unique(pair, return_inverse=True)
    size = panel.n_values**2
    table = sparse.csr_array(
        (share, (place * size + cell, row)), shape=(pairs.size * size, panel.rows.shape[0])
    )
    return _PairsByRow(table, int(pairs.size), work)


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
