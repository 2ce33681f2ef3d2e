"""Whole numbers out of products that are a rounding off."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-9


def ceiling(number: ArrayLike) -> NDArray[np.int64]:
    """The least whole number that is not below, but for a rounding.

    Parameters
    ----------
    number : float, at least 0, or an array of them
        Products such as 0.1 * 30 or (1/48) * 8112 come out above the whole number they are.

    Returns
    -------
    ndarray of int, of the same shape
    """
    given = np.asarray(number, float)
    return np.asarray(np.ceil(given - _ROUNDING * np.maximum(1.0, given)), dtype=np.int64)
