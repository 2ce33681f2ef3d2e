"""Agreement of every two annotators who labelled common items."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from measures.agreement import formulas
from measures.agreement.distances import weight_matrix
from measures.agreement.pair_cells import PairCells, pair_cells
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.scales import Domain, FloatArray, IntArray
from measures.agreement.standard_errors import cohen_se
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson_many

_KAPPAS = {
    "cohen_kappa": "identity",
    "cohen_kappa_linear": "linear",
    "cohen_kappa_quadratic": "quadratic",
}


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Agreement of two annotators on the items that both labelled."""

    annotators: tuple[int, int]
    n_items: int
    coefficients: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class PairTable:
    """Pairs with the most common items first, and how many pairs there are in all."""

    pairs: tuple[PairAgreement, ...]
    n_pairs: int


def pairwise_agreement(
    statistics: AgreementStatistics,
    domain: Domain,
    *,
    ci_level: float = 0.95,
    max_pairs: int = 1000,
    min_items: int = 2,
) -> PairTable:
    """How far each two annotators agree on the items that both labelled.

    Parameters
    ----------
    statistics : AgreementStatistics
        Made with a panel.
    domain : Domain
    ci_level : float
        Level of the intervals, in (0, 1).
    max_pairs : int
        At most so many pairs are returned, those with the most common items.
    min_items : int
        Below so many common items a pair has no kappa.

    Returns
    -------
    PairTable
        Percent agreement with Wilson's interval; Cohen's kappa with the normal interval of its
        large-sample standard error, cut at -1 and 1. ``n`` is the number of common items.

    Raises
    ------
    ValueError
        When the statistics were made without a panel.

    References
    ----------
    Cohen (1960, 1968); Fleiss, Cohen & Everitt (1969); Wilson (1927).
    """
    cells = cells_of(statistics)
    pairs, index = cells.distinct
    common = np.rint(np.bincount(index, weights=cells.n_items, minlength=pairs.size))
    chosen = np.sort(np.argsort(-common, kind="stable")[:max_pairs])
    n_items = common[chosen].astype(np.int64)
    columns = _columns(cells, pairs[chosen], n_items, domain, (ci_level, min_items))
    found = [
        PairAgreement(
            annotators=divmod(pair, cells.n_annotators),
            n_items=n,
            coefficients={key: column[row] for key, column in columns.items()},
        )
        for row, (pair, n) in enumerate(zip(pairs[chosen].tolist(), n_items.tolist(), strict=True))
    ]
    found.sort(key=lambda pair: (-pair.n_items, pair.annotators))
    return PairTable(pairs=tuple(found), n_pairs=int(pairs.size))


def cells_of(statistics: AgreementStatistics) -> PairCells:
    """The tables of all pairs, or a ValueError where the statistics do not know who labelled."""
    if statistics.crowd is not None:
        return statistics.crowd.cells
    if statistics.panel is None:
        raise ValueError(
            "These statistics do not know who gave which label; make them with with_panel=True "
            "from at most five million labels."
        )
    return pair_cells(statistics.panel)


def _columns(
    cells: PairCells,
    pairs: IntArray,
    n_items: IntArray,
    domain: Domain,
    options: tuple[float, int],
) -> dict[str, list[Estimate]]:
    ci_level, min_items = options
    columns: dict[str, list[Estimate]] = {"percent_agreement": [], **{key: [] for key in _KAPPAS}}
    start = 0
    for tables in cells.tables(pairs):
        n = n_items[start : start + len(tables)]
        start += len(tables)
        columns["percent_agreement"] += _percents(tables, n, ci_level)
        for key, name in _KAPPAS.items():
            credit = weight_matrix(domain, name)
            if credit is None:
                columns[key] += [undefined(Reason.NOT_APPLICABLE, one) for one in n.tolist()]
            else:
                columns[key] += _kappas(tables, credit, n, ci_level, min_items)
    return columns


def _percents(tables: FloatArray, n: IntArray, ci_level: float) -> list[Estimate]:
    agreed = np.minimum(np.trace(tables, axis1=1, axis2=2), n)
    low, high = wilson_many(agreed, n, level=ci_level)
    return [
        Estimate(share, m, None, one, other, ci_level, "wilson")
        for share, m, one, other in _rows(agreed / n, n, low, high)
    ]


def _kappas(
    tables: FloatArray, credit: FloatArray, n: IntArray, ci_level: float, min_items: int
) -> list[Estimate]:
    values = formulas.cohen_kappa(tables, credit).value
    errors = cohen_se(tables, credit, value=np.where(np.isfinite(values), values, 0.0))
    half = float(stats.norm.ppf((1 + ci_level) / 2)) * errors
    return [
        _kappa(value, m, error, width, (ci_level, min_items))
        for value, m, error, width in _rows(values, n, errors, half)
    ]


def _rows(*columns: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """Python's own numbers row by row: numpy's are many times as slow one by one."""
    return zip(*(column.tolist() for column in columns), strict=True)


def _kappa(value: float, n: int, error: float, half: float, options: tuple[float, int]) -> Estimate:
    ci_level, min_items = options
    if n < min_items:
        return undefined(Reason.TOO_FEW_ITEMS, n)
    if not math.isfinite(value):
        return undefined(Reason.NO_VARIATION, n)
    # With a standard error of 0 the large-sample interval would claim certainty from few items.
    if not math.isfinite(error) or error <= 0:
        return Estimate(value, n)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Estimate(value, n, None, low, high, ci_level, "normal", error)
