"""Rates and means of weighted items: what the target population would show."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson


def weighted_mean(values: ArrayLike, weights: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Mean that the target population would show, from weighted items.

    Parameters
    ----------
    values, weights : array_like of float, shape (n_items,)
        Weights are not negative; items that weigh nothing are left out.
    level : float in (0, 1)

    Returns
    -------
    Estimate
        ``n`` counts the items that carry weight. The interval is normal, with the linearised
        standard error of a ratio; there is none below two items.

    Raises
    ------
    ValueError
        When shapes differ, a number is not finite or a weight is negative.

    References
    ----------
    Saerndal, Swensson and Wretman (1992), *Model Assisted Survey Sampling*, 5.7.
    """
    x, w = np.asarray(values, float), np.asarray(weights, float)
    if x.shape != w.shape or not np.isfinite(x).all() or not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("Each value needs a weight of at least 0, and both must be finite.")
    n, total = int((w > 0).sum()), float(w.sum())
    if total == 0:
        return undefined(Reason.NO_DATA, 0)
    mean = float((w * x).sum()) / total
    if n < 2:
        return Estimate(mean, n)
    se = float(np.sqrt(n / (n - 1) * (w**2 * (x - mean) ** 2).sum())) / total
    half = float(ndtri((1 + level) / 2)) * se
    return Estimate(mean, n, None, mean - half, mean + half, level, "normal_linearised", se=se)


def weighted_rate(
    n_success: ArrayLike, n: ArrayLike, weights: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Rate that the target population would show, from the rates of weighted cells.

    Parameters
    ----------
    n_success, n : array_like of int, shape (n_cells,)
        Successes and items in each cell.
    weights : array_like of float, shape (n_cells,)
        Weight of each item of the cell.
    level : float in (0, 1)

    Returns
    -------
    Estimate
        In [0, 1]; ``n`` counts the items that carry weight. The interval is Wilson's at Kish's
        effective number of items.

    Raises
    ------
    ValueError
        When successes exceed items, or a weight is negative or not finite.

    References
    ----------
    Kish (1965), 11.7; Korn and Graubard (1998) on intervals at the effective size.
    """
    x, size, w = (np.asarray(a, float) for a in np.broadcast_arrays(n_success, n, weights))
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("Weights must be finite numbers of at least 0.")
    if ((x < 0) | (x > size)).any():
        first = int(np.flatnonzero((x < 0) | (x > size))[0])
        raise ValueError(f"Cell {first} has {x[first]:g} successes among {size[first]:g} items.")
    total, items = float((w * size).sum()), int(size[w > 0].sum())
    if total == 0:
        return undefined(Reason.NO_DATA, 0)
    rate = min(1.0, float((w * x).sum()) / total)
    effective = total**2 / float((w**2 * size).sum())
    low, high = wilson(rate * effective, effective, level=level)
    return Estimate(rate, items, None, low, high, level, "wilson_at_effective_n")
