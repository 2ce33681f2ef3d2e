"""What further items are worth: how much narrower intervals become, and how many more it takes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from measures.intervals import wilson_many
from measures.rounding import ceiling

Floats = NDArray[np.float64]


def half_widths(n: ArrayLike, *, share: float = 0.5, level: float = 0.95) -> Floats:
    """Half the length of the interval of a share, before any item is looked at.

    Parameters
    ----------
    n : array_like of int
        Items in each subgroup, not negative.
    share : float in [0, 1]
        The share expected; 0.5 is the least known.
    level : float in (0, 1)

    Returns
    -------
    ndarray of float in [0, 0.5], same shape
        0.5 without any item: the share can be anything.

    Raises
    ------
    ValueError
        When a count is negative or the share lies outside [0, 1].

    References
    ----------
    Wilson (1927); Piegorsch (2004).
    """
    size = np.asarray(n, float)
    if (size < 0).any() or not 0 <= share <= 1:
        raise ValueError("Counts cannot be negative, and a share lies in [0, 1].")
    filled = np.maximum(size, 1)
    low, high = wilson_many(share * filled, filled, level=level)
    return np.where(size > 0, (high - low) / 2, 0.5)


def mean_half_width(variance: float, n: int, *, level: float = 0.95) -> float | None:
    """Half the length of the interval of a mean; ``None`` below two items.

    Parameters
    ----------
    variance : float
        Of one item, not negative; for calibration, of confidence minus correctness.
    n : int
    level : float in (0, 1)

    Returns
    -------
    float or None

    Raises
    ------
    ValueError
        When the variance is negative.

    References
    ----------
    Cochran (1977), *Sampling Techniques*, 4.4.
    """
    return None if n < 2 else _quantile(level) * math.sqrt(_checked(variance) / n)


def items_for_mean(variance: float, half_width: float, *, level: float = 0.95) -> int:
    """Smallest number of items with which a mean is known to plus or minus ``half_width``.

    Parameters
    ----------
    variance : float
        Of one item, not negative.
    half_width : float above 0
    level : float in (0, 1)

    Returns
    -------
    int
        At least 2.

    Raises
    ------
    ValueError
        When the variance is negative or the half-width is not above 0.

    References
    ----------
    Cochran (1977), 4.4: (z s / h)^2.
    """
    if not half_width > 0:
        raise ValueError(f"half_width must be above 0; got {half_width!r}.")
    needed = _quantile(level) ** 2 * _checked(variance) / half_width**2
    return max(2, int(ceiling(needed)))


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level!r}.")
    return float(ndtri((1 + level) / 2))


def _checked(variance: float) -> float:
    if not variance >= 0:
        raise ValueError(f"variance cannot be negative; got {variance!r}.")
    return variance
