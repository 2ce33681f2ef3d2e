"""Sums by cell, the innermost loop of every measure over millions of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from measures.calibration.forecasts import FloatArray

#: Numbers summed at a time: their columns stay in the processor's cache.
RANGE = 1 << 17
#: Cells of a table of probabilities; a power of two, so that the product with it is exact.
GRID = 1 << 12
_ONE = np.ones(1)


class CellSums:
    """Sums of numbers by the cell they fall in, up to ``length`` of them at a time.

    As ``np.bincount``, whose two passes of checks cost as much as its sums: a sparse matrix of
    one column that holds the numbers, times 1, adds them up in one.
    """

    def __init__(self, size: int, length: int) -> None:
        ends = np.array([0, length], np.int32)
        parts = (np.ones(length), np.zeros(length, np.int32), ends)
        self._matrix = sparse.csc_matrix(parts, shape=(size, 1))
        self._ones = self._matrix.data

    def of(self, index: npt.NDArray[np.integer[Any]]) -> CellSums:
        """The same for numbers that lie in these cells."""
        self._matrix.indices[: len(index)] = index
        self._matrix.indptr[1] = len(index)
        return self

    def sums(self, values: FloatArray | None = None) -> FloatArray:
        """The sum of each cell, or how many numbers it has; shape ``(size,)``."""
        self._matrix.data = self._ones if values is None else values
        return np.asarray(self._matrix @ _ONE)


def grid_cell(y_prob: FloatArray) -> npt.NDArray[np.int32]:
    """The cell ``[i / GRID, (i + 1) / GRID)`` of each probability; 1 has one of its own."""
    return (y_prob * GRID).astype(np.int32)
