"""Tests of observed counts against given shares, exact where approximations would mislead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

EXPECTED_FOR_SCORE = 10.0
"""Fewer expected items than this, in or outside the cell, and the exact test is used."""

EXPECTED_FOR_CHI2 = 5.0
"""Cochran's rule: with a smaller expected count the chi-squared law is not trusted."""

MAX_STATES = 200_000
"""Tables that may be enumerated for the exact multinomial test; beyond, Monte Carlo."""

# Probabilities this close are equal: they come out of different roundings (as in scipy and R).
_SAME = 1 + 1e-7
_NO_SHARE = 1e-100


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """Chi-squared statistic of a table against given shares, and how its p-value was found."""

    statistic: float
    df: int
    p_value: float
    method: str


def binomial_p_values(
    n_success: ArrayLike, n: int, share: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Two-sided p-values of counts against the shares they should have.

    Parameters
    ----------
    n_success : array_like of int, one-dimensional
    n : int
        Trials, common to all.
    share : array_like of float in [0, 1], same shape

    Returns
    -------
    p_values : ndarray of float
        Exact (sum of the probabilities that are no greater than the observed one) where fewer
        than ``EXPECTED_FOR_SCORE`` items are expected in or outside the cell; else by the score
        test, the chi-squared statistic with one degree of freedom.
    exact : ndarray of bool
        Which of the two it was.

    Raises
    ------
    ValueError
        When a share lies outside [0, 1].

    References
    ----------
    Agresti (2013), *Categorical Data Analysis*, 1.4.1 and 16.6.1.
    """
    x, q = np.asarray(n_success, np.int64), np.asarray(share, float)
    if np.any((q < 0) | (q > 1)):
        raise ValueError(f"Shares must lie in [0, 1]; got {q[(q < 0) | (q > 1)][0]!r}.")
    exact = n * np.minimum(q, 1 - q) < EXPECTED_FOR_SCORE
    p = np.ones(q.shape)
    if exact.any():
        p[exact] = _exact_binomial(x[exact], n, q[exact])
    z = (x[~exact] - n * q[~exact]) / np.sqrt(n * q[~exact] * (1 - q[~exact]))
    p[~exact] = 2 * special.ndtr(-np.abs(z))
    return p, exact


def goodness_of_fit(
    counts: ArrayLike, share: ArrayLike, *, rng: np.random.Generator, n_draws: int = 10_000
) -> GoodnessOfFit:
    """Chi-squared test of a whole table against given shares.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
        At least one item.
    share : array_like of float, shape (n_cells,)
        Positive, summing to 1.
    rng : numpy.random.Generator
        Used only when the p-value is simulated.
    n_draws : int
        Simulated tables.

    Returns
    -------
    GoodnessOfFit
        ``method`` is ``chi_squared``, ``exact_multinomial`` or ``monte_carlo``. The chi-squared
        law is used when every cell expects ``EXPECTED_FOR_CHI2`` items or more. The two others
        give the probability of a table no more probable than the observed one, because single
        items in cells that expect almost none would dominate the chi-squared statistic.

    Raises
    ------
    ValueError
        When there is no item or a share is not positive.

    References
    ----------
    Pearson (1900); Cochran (1954) on small expected counts; Davison and Hinkley (1997), 4.2.1,
    p = (1 + number as extreme) / (1 + draws).
    """
    x, q = np.asarray(counts, np.int64), np.asarray(share, float)
    n = int(x.sum())
    if n == 0 or np.any(q <= 0):
        raise ValueError("The test needs an item, and a positive share in every cell.")
    statistic = float(_chi2(x, n * q))
    df = x.size - 1
    if df == 0 or (n * q).min() >= EXPECTED_FOR_CHI2:
        p_value = float(stats.chi2.sf(statistic, df)) if df else 1.0
        return GoodnessOfFit(statistic, df, p_value, "chi_squared")
    if math.comb(n + df, df) <= MAX_STATES:
        return GoodnessOfFit(statistic, df, exact_multinomial(x, q), "exact_multinomial")
    observed = _log_probability(x, q) + math.log(_SAME)
    extreme = sum(
        int((_log_probability(draws, q) <= observed).sum())
        for draws in draw_tables(n, q, n_draws, rng)
    )
    return GoodnessOfFit(statistic, df, (1 + extreme) / (1 + n_draws), "monte_carlo")


def exact_multinomial(counts: ArrayLike, share: ArrayLike) -> float:
    """Probability under the given shares of a table no more probable than the observed one.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
    share : array_like of float, shape (n_cells,)
        Positive, summing to 1.

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    ValueError
        When there are more than ``MAX_STATES`` possible tables.

    References
    ----------
    Cressie and Read (1989), "Pearson's X2 and the loglikelihood ratio statistic G2", section 2.
    """
    x, q = np.asarray(counts, np.int64), np.asarray(share, float)
    n, cells = int(x.sum()), x.size
    if math.comb(n + cells - 1, cells - 1) > MAX_STATES:
        raise ValueError(
            f"{n} items in {cells} cells give more than {MAX_STATES} tables; use Monte Carlo."
        )
    log_p = _log_probability(_all_tables(n, cells), q)
    as_rare = log_p <= _log_probability(x, q) + math.log(_SAME)
    return min(1.0, float(np.exp(log_p[as_rare]).sum()))


def _chi2(counts: NDArray[np.int64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(((counts - expected) ** 2 / expected).sum(axis=-1))


def draw_tables(
    n: int, share: NDArray[np.float64], n_draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Simulated tables of ``n`` items, few enough at a time that they fit in memory.

    Parameters
    ----------
    n : int
    share : ndarray of float, shape (n_cells,)
    n_draws : int
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of int, shape (at most n_draws, n_cells)
    """
    block = max(1, 2_000_000 // share.size)
    for start in range(0, n_draws, block):
        yield rng.multinomial(n, share / share.sum(), size=min(block, n_draws - start))


def _log_probability(tables: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log probability of each table under the shares."""
    n = tables.sum(axis=-1)
    terms = tables @ np.log(share) - special.gammaln(tables + 1).sum(axis=-1)
    return np.asarray(special.gammaln(n + 1) + terms)


def _all_tables(n: int, cells: int) -> NDArray[np.int64]:
    """Every way to put ``n`` items into ``cells`` cells, by stars and bars."""
    width = n + cells - 1
    bars = np.array(list(combinations(range(width), cells - 1)), np.int64).reshape(-1, cells - 1)
    edges = np.pad(bars, ((0, 0), (1, 0)), constant_values=-1)
    edges = np.pad(edges, ((0, 0), (0, 1)), constant_values=width)
    return np.diff(edges, axis=1) - 1


def _exact_binomial(x: NDArray[np.int64], n: int, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact two-sided binomial p-values, all cells at once."""
    # scipy's beta functions overflow for shares that differ from zero in name only.
    q = np.where(q < _NO_SHARE, 0.0, q)
    observed = stats.binom.pmf(x, n, q) * _SAME
    mean = n * q
    above = x > mean
    near = np.where(above, stats.binom.sf(x - 1, n, q), stats.binom.cdf(x, n, q))
    # On the far side of the mode the probabilities fall away monotonically: bisect for the
    # first count there that is no more probable than what was seen.
    inner = np.where(above, np.floor(mean) + 1, np.ceil(mean) - 1).astype(np.int64)
    outer = np.where(above, -1, n + 1)
    while np.any(np.abs(inner - outer) > 1):
        middle = (inner + outer) // 2
        rare = stats.binom.pmf(middle, n, q) <= observed
        moving = np.abs(inner - outer) > 1
        outer = np.where(moving & rare, middle, outer)
        inner = np.where(moving & ~rare, middle, inner)
    far = np.where(above, stats.binom.cdf(outer, n, q), stats.binom.sf(outer - 1, n, q))
    return np.where(x == mean, 1.0, np.minimum(near + far, 1.0))
