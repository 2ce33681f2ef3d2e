"""Arrays that grow beyond what memory should hold."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt


class Grown:
    """Numbers that come batch by batch, kept in a file until all are there, and mapped then."""

    def __init__(self, kind: type[np.generic]) -> None:
        self.dtype = np.dtype(kind)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed with its last array

    def add(self, values: npt.NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(values, self.dtype).data)

    def array(self) -> npt.NDArray[Any]:
        self._file.flush()
        return np.asarray(np.memmap(self._file, self.dtype, "r"))
