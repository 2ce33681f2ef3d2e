"""Rows that hold the same integers: found by one number for each row, not by comparing rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGEST = 1 << 62


def combinations(
    columns: Sequence[NDArray[np.integer[Any]]],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each distinct combination first stands, and which of them each row holds.

    Combinations are in the order of the first column, then of the second, and so on.

    Parameters
    ----------
    columns : sequence of integer arrays (n,), at least one
    """
    code, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns if len(code) else ():
        low = int(column.min())
        span = int(column.max()) - low + 1
        if size * span > _LARGEST:
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
            size = int(code.max()) + 1
        code = code * span + (column.astype(np.int64) - low)
        size *= span
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse
