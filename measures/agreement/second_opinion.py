"""The headline numbers once more, by libraries that share no code with ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Literal

import krippendorff
import numpy as np
from sklearn import config_context
from sklearn.metrics import cohen_kappa_score

from measures.agreement.identified import active_annotators, two_annotator_table
from measures.agreement.pairs import PairAgreement, PairTable, cells_of
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.results import Agreement
from measures.agreement.scales import Domain, FloatArray

_Level = Literal["nominal", "ordinal", "interval", "ratio"]
_LEVELS: tuple[_Level, ...] = ("nominal", "ordinal", "interval", "ratio")
_KAPPA_WEIGHTS = {
    "cohen_kappa": None,
    "cohen_kappa_linear": "linear",
    "cohen_kappa_quadratic": "quadratic",
}


@cache
def version(library: str) -> str:
    """The version that is installed."""
    return metadata.version(library)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """One number by another library.

    Parameters
    ----------
    coefficient, library, version : str
    value : float or None
        The library's number; None when it was not asked.
    difference : float or None
        Its number minus ours.
    skipped : str or None
        ``too_large``: not asked, its memory grows with items x values x values; ``undefined``: it
        had no number to give.
    annotators : tuple of int or None
        The pair, where the number is about one of several pairs.
    """

    coefficient: str
    library: str
    version: str
    value: float | None
    difference: float | None
    skipped: str | None = None
    annotators: tuple[int, int] | None = None


def second_opinion(
    statistics: AgreementStatistics,
    domain: Domain,
    answer: Agreement,
    *,
    pairs: PairTable | None = None,
    max_cells: int = 4_000_000,
    max_pairs: int = 5,
) -> list[SecondOpinion]:
    """Compute the headline coefficients again with krippendorff and scikit-learn.

    Parameters
    ----------
    statistics : AgreementStatistics
    domain : Domain
    answer : Agreement
        Our coefficients of these statistics.
    pairs : PairTable, optional
        Our kappas of pairs; the first ``max_pairs`` are checked.
    max_cells : int
        krippendorff builds an array of items x values x values; beyond so many cells it is not
        asked.
    max_pairs : int

    Returns
    -------
    list of SecondOpinion
        One for each of our coefficients that has a value and that a library offers.
    """
    opinions = [
        _alpha(f"krippendorff_alpha_{level}", level, statistics, domain, answer, max_cells)
        for level in _LEVELS
        if _has_value(answer, f"krippendorff_alpha_{level}")
    ]
    opinions += _two_annotators(statistics, domain, answer)
    known = statistics.panel is not None or statistics.crowd is not None
    if pairs is not None and known and answer.n_annotators > 2:
        for pair, table in _tables(statistics, pairs.first(max_pairs)):
            for key in _comparable_kappas(domain):
                ours = pair.coefficients[key].value
                if ours is not None:
                    opinions.append(_kappa(key, table, ours, pair.annotators))
    return opinions


def _tables(
    statistics: AgreementStatistics, pairs: Sequence[PairAgreement]
) -> Iterator[tuple[PairAgreement, FloatArray]]:
    """Items by the values of both annotators, for each pair."""
    if not pairs:
        return
    cells = cells_of(statistics)
    keys = np.array([one.annotators[0] * cells.n_annotators + one.annotators[1] for one in pairs])
    tables = np.concatenate(list(cells.tables(keys)))
    yield from zip(pairs, tables, strict=True)


def _has_value(answer: Agreement, key: str) -> bool:
    return key in answer.coefficients and answer.coefficients[key].value is not None


def _alpha(
    key: str,
    level: _Level,
    statistics: AgreementStatistics,
    domain: Domain,
    answer: Agreement,
    max_cells: int,
) -> SecondOpinion:
    library = "krippendorff"
    pairable = statistics.labels_per_pattern >= 2
    times = statistics.multiplicity[pairable]
    if int(times.sum()) * domain.size**2 > max_cells:
        return SecondOpinion(key, library, version(library), None, None, "too_large")
    counts = np.repeat(statistics.patterns[pairable], times, axis=0)
    numbers = np.arange(1.0, domain.size + 1.0)
    if level in ("interval", "ratio") and domain.numbers is not None:
        numbers = np.array(domain.numbers)
    order = np.argsort(numbers)
    value = float(
        krippendorff.alpha(
            value_counts=counts[:, order],
            value_domain=numbers[order],
            level_of_measurement=level,
        )
    )
    return _opinion(key, library, value, answer.coefficients[key].value)


def _two_annotators(
    statistics: AgreementStatistics, domain: Domain, answer: Agreement
) -> list[SecondOpinion]:
    panel = statistics.panel
    if panel is None or answer.n_annotators != 2:
        return []
    one, other = active_annotators(panel)
    table = two_annotator_table(panel, (int(one), int(other)))
    opinions = []
    for key in _comparable_kappas(domain):
        ours = answer.coefficients[key].value
        if ours is not None:
            opinions.append(_kappa(key, table, ours, None))
    return opinions


def _comparable_kappas(domain: Domain) -> list[str]:
    """Kappas that scikit-learn defines alike: its graded weights are by rank."""
    steps = np.diff(domain.positions)
    evenly = bool(steps.size) and bool(np.allclose(steps, steps[0]))
    return [key for key, weights in _KAPPA_WEIGHTS.items() if weights is None or evenly]


def _kappa(
    key: str, table: FloatArray, ours: float, annotators: tuple[int, int] | None
) -> SecondOpinion:
    rows, columns = np.nonzero(table)
    # Two thirds of the time would go into looking at arguments that were just made.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        value = float(
            cohen_kappa_score(
                rows,
                columns,
                labels=np.arange(len(table)),
                weights=_KAPPA_WEIGHTS[key],
                sample_weight=table[rows, columns],
            )
        )
    return _opinion(key, "scikit-learn", value, ours, annotators)


def _opinion(
    key: str,
    library: str,
    value: float,
    ours: float | None,
    annotators: tuple[int, int] | None = None,
) -> SecondOpinion:
    if ours is None or not np.isfinite(value):
        return SecondOpinion(key, library, version(library), None, None, "undefined", annotators)
    return SecondOpinion(key, library, version(library), value, value - ours, None, annotators)
