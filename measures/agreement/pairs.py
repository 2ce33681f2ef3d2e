"""Agreement of every two annotators who labelled common items."""

from __future__ import annotations

from collections.abc import Mapping
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

Numbers = list[float | None]
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


@dataclass(frozen=True, slots=True, eq=False)
class PairNumbers:
    """One coefficient of every pair, as columns: a crowd has a thousand pairs and more.

    Parameters
    ----------
    values, ci_low, ci_high, errors : list of float or None, by pair
    reasons : list of Reason or None, why a pair has no value
    ci_level : float
    ci_method : str
    """

    values: Numbers
    ci_low: Numbers
    ci_high: Numbers
    errors: Numbers
    reasons: list[Reason | None]
    ci_level: float
    ci_method: str

    def followed_by(self, other: PairNumbers) -> PairNumbers:
        """The same coefficient of these pairs and of further ones."""
        return PairNumbers(
            self.values + other.values,
            self.ci_low + other.ci_low,
            self.ci_high + other.ci_high,
            self.errors + other.errors,
            self.reasons + other.reasons,
            self.ci_level,
            self.ci_method,
        )

    def estimate(self, row: int, n: int) -> Estimate:
        """That of one pair, which shares ``n`` items."""
        reason, low = self.reasons[row], self.ci_low[row]
        if reason is not None:
            return undefined(reason, n)
        level, method = (None, None) if low is None else (self.ci_level, self.ci_method)
        ends = (low, self.ci_high[row], level, method)
        return Estimate(self.values[row], n, None, *ends, self.errors[row])

    def as_dicts(self, n_items: list[int]) -> list[dict[str, Any]]:
        """Each as :meth:`Estimate.as_dict` has it."""
        columns = (self.values, self.reasons, n_items, self.ci_low, self.ci_high, self.errors)
        return [
            {
                "value": value,
                "reason": None if reason is None else str(reason),
                "n": n,
                "ci_low": low,
                "ci_high": high,
                "ci_level": None if low is None else self.ci_level,
                "ci_method": None if low is None else self.ci_method,
                **({} if error is None else {"se": error}),
            }
            for value, reason, n, low, high, error in zip(*columns, strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """Pairs with the most common items first, and how many pairs there are in all."""

    annotators: list[tuple[int, int]]
    n_items: list[int]
    columns: Mapping[str, PairNumbers]
    n_pairs: int

    @property
    def pairs(self) -> tuple[PairAgreement, ...]:
        """All that are listed, one by one."""
        return self.first(len(self.n_items))

    def first(self, n: int) -> tuple[PairAgreement, ...]:
        """Those with the most common items, one by one."""
        return tuple(
            PairAgreement(
                pair, size, {key: one.estimate(row, size) for key, one in self.columns.items()}
            )
            for row, (pair, size) in enumerate(zip(self.annotators[:n], self.n_items, strict=False))
        )

    def rows(self) -> list[dict[str, Any]]:
        """Each pair as JSON has it."""
        columns = [one.as_dicts(self.n_items) for one in self.columns.values()]
        return [
            {"annotators": list(pair), "n_items": n, **dict(zip(self.columns, row, strict=True))}
            for pair, n, *row in zip(self.annotators, self.n_items, *columns, strict=True)
        ]


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
    # Pairs lie in the order of their annotators, which decides among equals.
    chosen = np.argsort(-common, kind="stable")[:max_pairs]
    n_items = common[chosen].astype(np.int64)
    none = np.zeros((0, cells.n_values, cells.n_values))
    columns = _columns(none, n_items[:0], domain, (ci_level, min_items))
    start = 0
    for tables in cells.tables(pairs[chosen]):
        part = _columns(tables, n_items[start : start + len(tables)], domain, (ci_level, min_items))
        columns = {key: one.followed_by(part[key]) for key, one in columns.items()}
        start += len(tables)
    return PairTable(
        annotators=[divmod(pair, cells.n_annotators) for pair in pairs[chosen].tolist()],
        n_items=n_items.tolist(),
        columns=columns,
        n_pairs=int(pairs.size),
    )


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
    tables: FloatArray, n: IntArray, domain: Domain, options: tuple[float, int]
) -> dict[str, PairNumbers]:
    columns = {"percent_agreement": _percents(tables, n, options[0])}
    for key, name in _KAPPAS.items():
        credit = weight_matrix(domain, name)
        columns[key] = _no_kappas(n) if credit is None else _kappas(tables, credit, n, options)
    return columns


def _percents(tables: FloatArray, n: IntArray, ci_level: float) -> PairNumbers:
    agreed = np.minimum(np.trace(tables, axis1=1, axis2=2), n)
    low, high = wilson_many(agreed, n, level=ci_level)
    found = (agreed / n).tolist(), low.tolist(), high.tolist()
    return PairNumbers(*found, [None] * n.size, [None] * n.size, ci_level, "wilson")


def _no_kappas(n: IntArray) -> PairNumbers:
    none: Numbers = [None] * n.size
    why: list[Reason | None] = [Reason.NOT_APPLICABLE] * n.size
    return PairNumbers(none, none, none, none, why, 0.0, "normal")


def _kappas(
    tables: FloatArray, credit: FloatArray, n: IntArray, options: tuple[float, int]
) -> PairNumbers:
    ci_level, min_items = options
    values = formulas.cohen_kappa(tables, credit).value
    errors = cohen_se(tables, credit, value=np.where(np.isfinite(values), values, 0.0))
    few, defined = n < min_items, np.isfinite(values)
    known = ~few & defined
    # With a standard error of 0 the large-sample interval would claim certainty from few items.
    sure = known & np.isfinite(errors) & (errors > 0)
    half = float(stats.norm.ppf((1 + ci_level) / 2)) * errors
    return PairNumbers(
        values=_where(known, values),
        ci_low=_where(sure, np.maximum(-1.0, values - half)),
        ci_high=_where(sure, np.minimum(1.0, values + half)),
        errors=_where(sure, errors),
        reasons=[
            Reason.TOO_FEW_ITEMS if is_few else None if is_known else Reason.NO_VARIATION
            for is_few, is_known in zip(few.tolist(), known.tolist(), strict=True)
        ],
        ci_level=ci_level,
        ci_method="normal",
    )


def _where(known: NDArray[np.bool_], numbers: FloatArray) -> Numbers:
    """Python's own numbers, and none where they are not known."""
    return [
        one if is_known else None
        for one, is_known in zip(numbers.tolist(), known.tolist(), strict=True)
    ]
