"""Arrays that grow beyond what memory should hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_AT_A_TIME = 1 << 18  # bytes
#: A file of many columns has small ones, and may not open a file for each.
_HELD = 1 << 20


class Grown:
    """Numbers that come batch by batch; where they are many, kept in a file, and mapped then."""

    def __init__(self, kind: type[np.generic]) -> None:
        self.dtype = np.dtype(kind)
        self._held = bytearray()
        self._file: IO[bytes] | None = None  # closed with its last array

    def add(self, values: npt.NDArray[Any]) -> None:
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

    def pieces(self) -> Iterator[npt.NDArray[Any]]:
        """The same numbers, some at a time: what is not mapped needs no memory afterwards."""
        if self._file is None:
            yield np.frombuffer(self._held, self.dtype)
            return
        self._put_away()
        for start in range(0, self._file.tell(), _AT_A_TIME):
            held = os.pread(self._file.fileno(), _AT_A_TIME, start)
            yield np.frombuffer(held, self.dtype)
