"""Arrays that grow beyond what memory should hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_AT_A_TIME = 1 << 18  # bytes


class Grown:
    """Numbers that come batch by batch, kept in a file until all are there, and mapped then."""

    def __init__(self, kind: type[np.generic]) -> None:
        self.dtype = np.dtype(kind)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed with its last array

    def add(self, values: npt.NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(values, self.dtype).data)

    def array(self) -> npt.NDArray[Any]:
        if not self._file.tell():
            return np.empty(0, self.dtype)
        self._file.flush()
        return np.asarray(np.memmap(self._file, self.dtype, "r"))

    def pieces(self) -> Iterator[npt.NDArray[Any]]:
        """The same numbers, some at a time: what is not mapped needs no memory afterwards."""
        self._file.flush()
        for start in range(0, self._file.tell(), _AT_A_TIME):
            held = os.pread(self._file.fileno(), _AT_A_TIME, start)
            yield np.frombuffer(held, self.dtype)
