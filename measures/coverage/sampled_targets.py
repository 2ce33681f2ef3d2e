"""Shares against a target that is itself a sample, such as a survey: both are uncertain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from measures.intervals import wilson_many

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats]


def target_bounds(q: Floats, target_n: float, *, level: float) -> Bounds:
    """Wilson ends of target shares that were found among ``target_n`` people.

    Parameters
    ----------
    q : ndarray of float in [0, 1]
    target_n : float
        People whom the source asked; fewer where its design was less precise.
    level : float in (0, 1)

    Returns
    -------
    tuple of ndarray

    References
    ----------
    Wilson (1927).
    """
    low, high = wilson_many(q * target_n, np.full(q.shape, float(target_n)), level=level)
    return low, high


def gap_bounds(p: Floats, own: Bounds, q: Floats, target: Bounds) -> Bounds:
    """Ends of the difference of a share and a target share, each with its own interval.

    Parameters
    ----------
    p, q : ndarray of float
        Shares in the data set and in the target.
    own, target : tuple of ndarray
        Their low and high ends.

    Returns
    -------
    tuple of ndarray

    References
    ----------
    Newcombe (1998), method 10.
    """
    gap = p - q
    low = gap - np.sqrt((p - own[0]) ** 2 + (target[1] - q) ** 2)
    high = gap + np.sqrt((own[1] - p) ** 2 + (q - target[0]) ** 2)
    return low, high


def ratio_bounds(p: Floats, own: Bounds, q: Floats, target: Bounds) -> Bounds:
    """Ends of the ratio of a share and a target share, each with its own interval.

    Parameters
    ----------
    p, q : ndarray of float
        Shares in the data set and in the target; cells with ``q`` 0 get 0 and 0.
    own, target : tuple of ndarray
        Their low and high ends.

    Returns
    -------
    tuple of ndarray

    References
    ----------
    Donner and Zou (2012), "Closed-form confidence intervals for functions of the normal mean and
    standard deviation", the ratio by the method of variance estimates recovery.
    """

    def end(mine: Floats, other: Floats, sign: int) -> Floats:
        inner = (p * q) ** 2 - mine * other * (2 * p - mine) * (2 * q - other)
        above = p * q + sign * np.sqrt(np.maximum(inner, 0.0))
        below = other * (2 * q - other)
        return np.asarray(
            np.divide(above, below, out=np.zeros_like(p), where=(q > 0) & (below > 0))
        )

    return end(own[0], target[1], -1), end(own[1], target[0], 1)


def two_sample_p_values(p: Floats, n: int, q: Floats, target_n: float) -> Floats:
    """Two-sided p-values for the same share in the data set and in the sampled population.

    Parameters
    ----------
    p, q : ndarray of float
    n, target_n : int, float
        Items, and people whom the source asked.

    Returns
    -------
    ndarray of float
        In [0, 1]; 1 where both shares are 0 or both 1.

    References
    ----------
    The pooled score test of two proportions; Newcombe (1998).
    """
    pooled = (p * n + q * target_n) / (n + target_n)
    variance = pooled * (1 - pooled) * (1 / n + 1 / target_n)
    z = np.divide(p - q, np.sqrt(variance), out=np.zeros_like(p), where=variance > 0)
    return np.asarray(2 * stats.norm.sf(np.abs(z)))
