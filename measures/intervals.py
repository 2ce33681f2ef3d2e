"""Intervals for shares: one share, many shares, and all shares of a table at the same time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from measures.estimates import Estimate, Reason, undefined
from measures.rounding import ceiling

Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


def wilson(n_success: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Score interval of one share: the shares that a two-sided test would not refuse.

    Parameters
    ----------
    n_success : float, 0 <= n_success <= n
        Successes; need not be whole (weighted counts, effective sizes).
    n : float, n >= 0
        Trials. With ``n = 0`` nothing is known and the interval is (0, 1); the caller
        reports the share itself as ``no_data``.
    level : float in (0, 1)
        Nominal coverage.

    Returns
    -------
    tuple of float
        Low and high end, within [0, 1]. No success gives exactly 0 as the low end.

    Raises
    ------
    ValueError
        When a count is negative, not finite, or greater than ``n``, or ``level`` is not a share.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference";
    Newcombe (1998), method 3.
    """
    low, high = wilson_many([n_success], [n], level=level)
    return float(low[0]), float(high[0])


def wilson_many(n_success: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Score intervals of many shares at once; each as in :func:`wilson`.

    Parameters
    ----------
    n_success, n : array_like of float, shapes that broadcast
    level : float in (0, 1)
        Nominal coverage of each interval on its own.

    Returns
    -------
    tuple of ndarray
        Low and high ends in [0, 1].

    Raises
    ------
    ValueError
        As in :func:`wilson`.

    References
    ----------
    Wilson (1927).
    """
    x, size = _checked_counts(n_success, n)
    return _wilson_at(x, size, _normal_quantile(level))


def clopper_pearson(n_success: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of one share: never covers less than ``level``, whatever the share is.

    Parameters
    ----------
    n_success : float, 0 <= n_success <= n
    n : float, n >= 0
        With ``n = 0`` the interval is (0, 1).
    level : float in (0, 1)

    Returns
    -------
    tuple of float
        Low and high end, within [0, 1].

    Raises
    ------
    ValueError
        As in :func:`wilson`.

    References
    ----------
    Clopper and Pearson (1934); Newcombe (1998), method 5.
    """
    low, high = clopper_pearson_many([n_success], [n], level=level)
    return float(low[0]), float(high[0])


def clopper_pearson_many(n_success: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Exact intervals of many shares at once; each as in :func:`clopper_pearson`.

    Parameters
    ----------
    n_success, n : array_like of float, shapes that broadcast
    level : float in (0, 1)

    Returns
    -------
    tuple of ndarray
        Low and high ends in [0, 1].

    Raises
    ------
    ValueError
        As in :func:`wilson`.

    References
    ----------
    Clopper and Pearson (1934).
    """
    x, size = _checked_counts(n_success, n)
    tail = (1 - _checked_level(level)) / 2
    # The beta quantile does not exist at the two ends; a stand-in keeps the call vectorised.
    low = special.betaincinv(np.where(x > 0, x, 1), np.where(x > 0, size - x + 1, 1), tail)
    below = x < size
    high = special.betaincinv(np.where(below, x + 1, 1), np.where(below, size - x, 1), 1 - tail)
    return np.where(x > 0, low, 0.0), np.where(below, high, 1.0)


def proportion(n_success: float, n: int, *, level: float = 0.95, exact_below: int = 0) -> Estimate:
    """Share of successes with its interval, or ``no_data`` when there was no trial.

    Parameters
    ----------
    n_success : float, 0 <= n_success <= n
    n : int
        Trials.
    level : float in (0, 1)
    exact_below : int
        With fewer trials than this the interval is Clopper-Pearson, else Wilson.

    Returns
    -------
    Estimate
        A fraction in [0, 1]; ``n`` counts the trials.

    Raises
    ------
    ValueError
        As in :func:`wilson`.

    References
    ----------
    Brown, Cai and DasGupta (2001), on when which interval is the better one.
    """
    interval = clopper_pearson if n < exact_below else wilson
    low, high = interval(n_success, n, level=level)
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    return Estimate(n_success / n, n, None, low, high, level, interval.__name__)


def goodman(counts: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Intervals that hold for all shares of one table at the same time, by Bonferroni.

    Parameters
    ----------
    counts : array_like of float, one-dimensional
        Items in each cell; cells without items count as cells.
    level : float in (0, 1)
        Nominal coverage of all intervals together.

    Returns
    -------
    tuple of ndarray
        Low and high ends of each share in [0, 1].

    Raises
    ------
    ValueError
        As in :func:`wilson`.

    References
    ----------
    Goodman (1965), "On simultaneous confidence intervals for multinomial proportions", eq. 6
    with the chi-squared quantile at ``(1 - level) / k``.
    """
    x = _checked_table(counts)
    each = 1 - (1 - _checked_level(level)) / max(x.size, 1)
    return wilson_many(x, np.full(x.shape, x.sum()), level=each)


def sison_glaz(counts: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Intervals that hold for all shares of one table at the same time, all equally wide.

    Narrower than :func:`goodman` when the cells are of similar size; poor when many are nearly
    empty, because every cell gets the same width.

    Parameters
    ----------
    counts : array_like of int, one-dimensional
        Items in each cell.
    level : float in (0, 1)

    Returns
    -------
    tuple of ndarray
        Low and high ends of each share, cut to [0, 1]; (0, 1) throughout for an empty table.

    Raises
    ------
    ValueError
        As in :func:`wilson`, or when a count is not whole.

    References
    ----------
    Sison and Glaz (1995); May and Johnson (2000), the algorithm.
    """
    x = _checked_table(counts)
    if np.any(x != np.floor(x)):
        raise ValueError(f"Sison-Glaz needs whole counts; got {x[x != np.floor(x)][0]!r}.")
    _checked_level(level)
    n = x.sum()
    if n == 0 or x.size < 2:
        return np.full(x.shape, float(n > 0)), np.ones(x.shape)
    c = _widest_refused_half_width(x, level)
    below, above = _probability_within(x, c), _probability_within(x, c + 1)
    gamma = (level - below) / (above - below)
    low, high = (x - c) / n, (x + c + 2 * gamma) / n
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def n_for_precision(share: float, half_width: float, *, level: float = 0.95) -> int:
    """Smallest number of items with which a share is known to plus or minus ``half_width``.

    Parameters
    ----------
    share : float in [0, 1]
        The share one expects; 0.5 is the most demanding.
    half_width : float in (0, 0.5)
        Half the length of the Wilson interval.
    level : float in (0, 1)

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        When an argument is out of its range.

    References
    ----------
    Piegorsch (2004), "Sample sizes for improved binomial confidence intervals", Wilson's form.
    The Wald formula asks too little near 0 and 1, where it is used most.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1]; got {share!r}.")
    if not 0 < half_width < 0.5:
        raise ValueError(f"half_width must lie between 0 and 0.5; got {half_width!r}.")
    z2 = _normal_quantile(level) ** 2
    # half_width^2 (n + z^2)^2 = z^2 (share (1 - share) n + z^2 / 4), solved for m = n + z^2.
    variance, h2 = share * (1 - share), half_width**2
    linear = z2 * variance
    root = linear**2 + 4 * h2 * z2**2 * (0.25 - variance)
    m = (linear + math.sqrt(root)) / (2 * h2)
    return max(1, int(ceiling(m - z2)))


def _wilson_at(x: NDArray[np.float64], n: NDArray[np.float64], z: float) -> Bounds:
    """Wilson's interval at a normal quantile, in the form that stays defined at ``n = 0``."""
    z2 = z * z
    spread = np.divide(x * (n - x), n, out=np.zeros_like(n), where=n > 0)
    half = z * np.sqrt(spread + z2 / 4)
    low, high = (x + z2 / 2 - half) / (n + z2), (x + z2 / 2 + half) / (n + z2)
    # Exact ends where nothing or everything was a success: rounding must not show there.
    return np.where(x == 0, 0.0, np.maximum(low, 0.0)), np.where(x == n, 1.0, high)


def _probability_within(x: NDArray[np.float64], c: int) -> float:
    """Probability that every count of a new table lies within ``c`` of the observed one.

    Independent Poisson counts, cut to their windows, given that they add up to ``n``; the
    density of their sum by Edgeworth expansion.
    """
    n = float(x.sum())
    # The two ends are settled by convention and by logic; the expansion is poor at both.
    if c == 0 or c >= n:
        return float(c > 0)
    log_inside, moments = 0.0, np.zeros(4)
    for centre in x:
        inside, mean, central = _truncated_poisson(centre, c, n)
        log_inside += math.log(inside)
        moments += mean, central[0], central[1], central[2] - 3 * central[0] ** 2
    mean, variance, third, fourth = moments
    z = (n - mean) / math.sqrt(variance)
    density = _edgeworth(z, third / variance**1.5, fourth / variance**2) / math.sqrt(variance)
    return float(density * math.exp(log_inside - stats.poisson.logpmf(n, n)))


def _truncated_poisson(centre: float, c: int, n: float) -> tuple[float, float, NDArray[np.float64]]:
    """Mass, mean and central moments 2 to 4 of a Poisson count cut to ``centre`` +- ``c``."""
    # Summed over the window rather than by factorial moments, whose terms cancel for big counts.
    k = np.arange(max(0.0, centre - c), min(n, centre + c) + 1)
    mass = stats.poisson.pmf(k, centre)
    inside = float(mass.sum())
    mass /= inside
    mean = float(mass @ k)
    off = k - mean
    return inside, mean, np.array([mass @ off**2, mass @ off**3, mass @ off**4])


def _edgeworth(z: float, skew: float, kurtosis: float) -> float:
    """Density of a standardised sum at ``z``, to the fourth moment."""
    h3 = z**3 - 3 * z
    h4 = z**4 - 6 * z**2 + 3
    h6 = z**6 - 15 * z**4 + 45 * z**2 - 15
    normal = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return normal * (1 + skew * h3 / 6 + kurtosis * h4 / 24 + skew**2 * h6 / 72)


def _widest_refused_half_width(x: NDArray[np.float64], level: float) -> int:
    """Greatest ``c`` whose windows hold less than ``level``; bisection, as it grows with ``c``."""
    low, high = 0, 1
    n = int(x.sum())
    while high < n and _probability_within(x, high) < level:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _probability_within(x, middle) < level:
            low = middle
        else:
            high = middle
    return low


def _checked_level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, for example 0.95; got {level!r}.")
    return level


def _normal_quantile(level: float) -> float:
    return float(special.ndtri(0.5 + _checked_level(level) / 2))


def _checked_counts(n_success: ArrayLike, n: ArrayLike) -> Bounds:
    """Both counts as arrays of one shape, refused where no share could come of them."""
    x, size = np.broadcast_arrays(np.asarray(n_success, float), np.asarray(n, float))
    bad = ~(np.isfinite(x) & np.isfinite(size) & (x >= 0) & (x <= size))
    if bad.any():
        first = int(np.flatnonzero(bad.ravel())[0])
        raise ValueError(
            f"Successes must lie between 0 and n; {bad.sum()} of {bad.size} do not, first "
            f"{x.ravel()[first]!r} of {size.ravel()[first]!r} at position {first}."
        )
    return x, size


def _checked_table(counts: ArrayLike) -> NDArray[np.float64]:
    x = np.asarray(counts, float)
    if x.ndim != 1:
        raise ValueError(f"counts must be one-dimensional; got {x.ndim} dimensions.")
    return _checked_counts(x, np.full(x.shape, x.sum()))[0]
