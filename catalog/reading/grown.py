"""Arrays that grow beyond what memory should hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_AT_A_TIME = 1 << 16
#: A file of many columns has small ones, and may not open a file for each.
_HELD = 1 << 20  # bytes


class Grown:
    """Numbers that come batch by batch; where they are many, kept in a file, and mapped then."""

    def __init__(self, kind: type[np.generic]) -> None:
        self.dtype = np.dtype(kind)
        self.n_values = 0
        self._held = bytearray()
        self._file: IO[bytes] | None = None  # closed with its last array

    def add(self, values: npt.NDArray[Any]) -> None:
        self.n_values += values.size
        self._held += np.ascontiguousarray(values, self.dtype).data.cast("B")
        if len(self._held) >= _HELD:
            self._put_away()

    def _put_away(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._file.write(self._held)
        self._file.flush()
        self._held = bytearray()

    def array(self) -> npt.NDArray[Any]:
        """All of them; there is nothing to add afterwards."""
        if self._file is None:
            return np.frombuffer(self._held, self.dtype)
        self._put_away()
        return np.asarray(np.memmap(self._file, self.dtype, "r"))

    def piece(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Some of them: what is not mapped needs no memory afterwards."""
        if self._file is None:
            return np.frombuffer(self._held, self.dtype)[start:stop]
        if self._held:
            self._put_away()
        size = self.dtype.itemsize
        held = os.pread(self._file.fileno(), (stop - start) * size, start * size)
        return np.frombuffer(held, self.dtype)

    def pieces(self) -> Iterator[npt.NDArray[Any]]:
        """All of them, piece by piece."""
        for start in range(0, self.n_values, _AT_A_TIME):
            yield self.piece(start, start + _AT_A_TIME)
