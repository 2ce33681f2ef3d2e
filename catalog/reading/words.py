"""The bytes of a column eight at a time, as numbers that numpy counts with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.reading.bytewise import ByteColumn

WORD = 8
_Places = slice | npt.NDArray[np.int32]
# A word holds eight characters, the first one lowest. Where a value has fewer, the first
# characters are another's.
#: What to keep of a word in which so many last bytes are the value's own.
OWN = np.array([(1 << 64) - (1 << (8 * (8 - n))) for n in range(WORD + 1)], np.uint64)


class Words:
    """Eight bytes each, from anywhere in a column."""

    def __init__(self, held: ByteColumn) -> None:
        edge = np.zeros(2 * WORD, np.uint8)
        body = np.concatenate((edge, held.data, edge))
        self._at = np.ndarray(len(body) - WORD + 1, "<u8", body.data, strides=(1,))
        self._starts, self.widths = held.starts, held.widths
        self.low, self.high = int(self.widths.min()), int(self.widths.max())

    def after_start(self, offset: int) -> npt.NDArray[np.uint64]:
        """The words that begin so many bytes after the first one of each value."""
        return self._from(self._starts[:-1], offset)

    def before_end(self, offset: int) -> npt.NDArray[np.uint64]:
        """The words that begin so many bytes before the end of each value."""
        return self._from(self._starts[1:], -offset)

    def _from(self, places: npt.NDArray[np.int32], offset: int) -> npt.NDArray[np.uint64]:
        offset += 2 * WORD
        which: _Places = places + np.int32(offset)
        if self.low == self.high:
            # Evenly spaced, which costs half of picking them one by one.
            which = slice(int(places[0]) + offset, int(places[-1]) + offset + 1, self.high)
        words: npt.NDArray[np.uint64] = self._at[which]
        return words
