"""What the bytes of a whole column say at once, in numpy: a regular expression costs ten times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_Number = TypeVar("_Number", np.int32, np.int64, np.float64)
Mask = npt.NDArray[np.bool_]
_ZERO, _NINE, _SPACE, _TILDE = b"09 ~"
_ROWS = 2048  # compared at a time


@dataclass(frozen=True)
class ByteColumn:
    """A column of text as Arrow keeps it: the bytes of value ``i`` begin at ``starts[i]``.

    Parameters
    ----------
    starts : (n + 1,) int32
    data : uint8, the bytes of all values, one after the other
    """

    starts: npt.NDArray[np.int32]
    data: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, texts: pa.Array) -> ByteColumn:
        """The bytes of a string array without nulls, not copied."""
        _, starts, data = texts.buffers()
        at = np.frombuffer(starts, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        held = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        return cls(at - at[0], held[at[0] : at[-1]])

    @property
    def widths(self) -> npt.NDArray[np.int32]:
        """Bytes of each value."""
        return np.diff(self.starts)

    @property
    def ended(self) -> npt.NDArray[np.uint8]:
        """The bytes of all values, with a NUL after each."""
        out = np.zeros(len(self.data) + len(self.starts) - 1, np.uint8)
        kept = np.ones(len(out), bool)
        kept[self.starts[1:] + np.arange(len(self.starts) - 1)] = False
        out[kept] = self.data
        return out

    def some(self, n: int) -> list[bytes]:
        """About so many values, from everywhere in the column."""
        places = range(0, len(self.starts) - 1, max(1, (len(self.starts) - 1) // n))
        return [self.data[self.starts[i] : self.starts[i + 1]].tobytes() for i in places]

    def only(self, allowed: bytes) -> bool:
        """Whether no byte is another than these."""
        table = np.ones(256, bool)
        table[np.frombuffer(allowed, np.uint8)] = False
        return not table[self.data].any()

    def plain(self) -> Mask:
        """Which values are printable ASCII, without a space at either end, and not empty."""
        full = self.widths > 0
        plain = full.copy()
        strange = np.flatnonzero((self.data < _SPACE) | (self.data > _TILDE))
        plain[np.searchsorted(self.starts, strange, "right") - 1] = False
        plain[full] &= self.data[self.starts[:-1][full]] != _SPACE
        plain[full] &= self.data[self.starts[1:][full] - 1] != _SPACE
        return plain

    def all_like(self, form: re.Pattern[bytes]) -> bool:
        """Whether every value has the form, proven by the first one of each width.

        Values of one width that have digits where the first has digits, and the same byte
        elsewhere, have its form; so ``form`` must not tell digits apart, but for the first two.
        """
        widths = self.widths
        return all(
            width >= 2 and self._all_like_first(form, np.flatnonzero(widths == width), width)
            for width in np.flatnonzero(np.bincount(widths)).tolist()
        )

    def _all_like_first(
        self, form: re.Pattern[bytes], which: npt.NDArray[np.intp], width: int
    ) -> bool:
        if len(which) == len(self.widths):
            block = self.data.reshape(-1, width)
        else:
            block = self.data[self.starts[which][:, None] + np.arange(width)]
        first = block[0]
        digits = (first >= _ZERO) & (first <= _NINE)
        low = np.tile(np.where(digits, _ZERO, first).astype(np.uint8), _ROWS)
        span = np.tile(np.where(digits, 9, 0).astype(np.uint8), _ROWS)
        # Long rows of many values: numpy pays for each inner loop.
        for start in range(0, len(block), _ROWS):
            part = block[start : start + _ROWS].reshape(-1)
            if ((part - low[: len(part)]) > span[: len(part)]).any():
                return False
        met = np.zeros(1 << 16, bool)
        met[np.ascontiguousarray(block[:, :2]).view(np.uint16)] = True
        heads = np.flatnonzero(met).astype(np.uint16)
        return all(form.fullmatch(head.tobytes() + bytes(first[2:])) for head in heads)


def mask_of(which: Mask) -> pa.Array:
    """The same truths as an Arrow array."""
    bits = pa.py_buffer(np.packbits(which, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(which), [None, bits])


def string_array(data: npt.NDArray[np.uint8], widths: npt.NDArray[np.int32]) -> pa.Array:
    """Texts of which the bytes are known, one after the other, and the width of each."""
    if len(data) > np.iinfo(np.int32).max:
        raise pa.ArrowCapacityError("An array of texts has at most 2 GiB.")
    starts = np.append(0, np.cumsum(widths)).astype(np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(widths), buffers)


def numbers_of(array: pa.Array, kind: type[_Number]) -> npt.NDArray[_Number]:
    """The numbers of a fixed-width Arrow array without nulls, not copied."""
    held = array.buffers()[1]
    if held is None:
        return np.empty(0, kind)
    return np.frombuffer(held, kind)[array.offset : array.offset + len(array)]
