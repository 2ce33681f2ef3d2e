"""Many distinct texts, coded in parts of which each has a hash table that the cache holds.

A single table of millions of texts costs three times as much a row, since each look at it waits
for memory; and it would be most of what the process holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.reading.bytewise import ByteColumn, numbers_of, string_array
from catalog.reading.grown import Grown
from catalog.reading.words import OWN, WORD, Words

Codes = npt.NDArray[np.int32]
_BITS = 6
_N_PARTS = 1 << _BITS
#: Odd numbers without a pattern: the golden ratio, and the root of three.
_SPREAD = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], np.uint64)


class Parted:
    """A column of texts, batch by batch, after ``codes`` into texts that are ``known``."""

    def __init__(self, known: pa.Array, codes: Grown) -> None:
        self._earlier = codes
        self._bodies, self._starts = Grown(np.uint8), Grown(np.int32)
        self._parts, self._coded = Grown(np.uint8), Grown(np.int32)
        #: Where the parts of a batch begin, and how many bytes it has.
        self._batches: list[tuple[list[int], int]] = []
        self.add(known)

    def add(self, texts: pa.Array) -> None:
        """Put each text to its part; they wait there, in files."""
        parts = _parts(ByteColumn.of(texts))
        order = np.argsort(parts, kind="stable")
        places = pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)])
        moved = ByteColumn.of(texts.take(places))
        self._bodies.add(moved.data)
        self._starts.add(moved.starts)
        self._parts.add(parts)
        cuts = np.append(0, np.cumsum(np.bincount(parts, minlength=_N_PARTS)))
        self._batches.append((cuts.tolist(), len(moved.data)))

    def values(self) -> Iterator[pa.Array]:
        """The distinct texts, part by part."""
        n_values = 0
        for part in range(_N_PARTS):
            coded = self._texts(part).dictionary_encode()
            self._coded.add(numbers_of(coded.indices, np.int32) + np.int32(n_values))
            n_values += len(coded.dictionary)
            yield coded.dictionary

    def _texts(self, part: int) -> pa.Array:
        """What waits in a part; mapped, most of the file would be held for each."""
        bodies, widths, body, row = [], [], 0, 0
        for cuts, n_bytes in self._batches:
            starts = self._starts.piece(row + cuts[part], row + cuts[part + 1] + 1)
            bodies.append(self._bodies.piece(body + int(starts[0]), body + int(starts[-1])))
            widths.append(np.diff(starts))
            body += n_bytes
            row += cuts[-1] + 1
        return string_array(np.concatenate(bodies), np.concatenate(widths))

    def codes(self) -> Grown:
        """The code of each row, once all values are told."""
        batches = self._in_order()
        renumber = next(batches)
        codes = Grown(np.int32)
        for earlier in self._earlier.pieces():
            codes.add(renumber[earlier])
        for batch in batches:
            codes.add(batch)
        return codes

    def _in_order(self) -> Iterator[Codes]:
        """The codes of each batch in the order of its rows."""
        sizes = np.diff([cuts for cuts, _ in self._batches])
        # They were told part by part, and batch by batch in each.
        ends = np.cumsum(sizes.T).reshape(_N_PARTS, -1).T
        row = 0
        for (cuts, _), own in zip(self._batches, ends.tolist(), strict=True):
            n_rows = cuts[-1]
            told = [
                self._coded.piece(end - (stop - start), end)
                for end, (start, stop) in zip(own, pairwise(cuts), strict=True)
            ]
            codes = np.empty(n_rows, np.int32)
            codes[np.argsort(self._parts.piece(row, row + n_rows), kind="stable")] = np.concatenate(
                told
            )
            row += n_rows
            yield codes


def _parts(held: ByteColumn) -> npt.NDArray[np.uint8]:
    """Which part each text belongs to, by its last sixteen bytes."""
    words = Words(held)
    last, before = OWN[np.clip([words.widths, words.widths - WORD], 0, WORD)]
    spread: npt.NDArray[np.uint64] = (words.before_end(WORD) & last) * _SPREAD[0]
    spread += (words.before_end(2 * WORD) & before) * _SPREAD[1]
    parts: npt.NDArray[np.uint8] = (spread >> np.uint64(64 - _BITS)).astype(np.uint8)
    return parts
