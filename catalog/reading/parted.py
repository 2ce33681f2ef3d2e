"""Many distinct texts, coded in parts of which each has a hash table that the cache holds.

A single table of millions of texts costs three times as much a row, since each look at it waits
for memory; and it would be most of what the process holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.reading.bytewise import ByteColumn, numbers_of
from catalog.reading.grown import Grown
from catalog.reading.tables import put_aside
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
        self._cuts: list[npt.NDArray[np.intp]] = []
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
        self._cuts.append(np.append(0, np.cumsum(np.bincount(parts, minlength=_N_PARTS))))

    def values(self) -> Iterator[pa.Array]:
        """The distinct texts, part by part."""
        bodies = self._bodies.array()
        batches = self._batches(bodies)
        n_values = 0
        for part in range(_N_PARTS):
            rows = [
                batch.slice(cuts[part], cuts[part + 1] - cuts[part])
                for batch, cuts in zip(batches, self._cuts, strict=True)
            ]
            coded = pa.chunked_array(rows).dictionary_encode().chunks
            for each in coded:
                self._coded.add(numbers_of(each.indices, np.int32) + np.int32(n_values))
            put_aside(bodies)
            if coded:
                n_values += len(coded[-1].dictionary)
                yield coded[-1].dictionary

    def _batches(self, bodies: npt.NDArray[np.uint8]) -> list[pa.Array]:
        """What waits, not copied."""
        starts = self._starts.array()
        batches = []
        for cuts in self._cuts:
            n_rows = int(cuts[-1])
            own = starts[: n_rows + 1]
            buffers = [None, pa.py_buffer(own), pa.py_buffer(bodies[: own[-1]])]
            batches.append(pa.Array.from_buffers(pa.string(), n_rows, buffers))
            bodies, starts = bodies[own[-1] :], starts[n_rows + 1 :]
        return batches

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
        parts, coded = self._parts.array(), self._coded.array()
        sizes = np.diff(np.array(self._cuts))
        # They were told part by part, and batch by batch in each.
        ends = np.cumsum(sizes.T).reshape(_N_PARTS, -1).T
        for size, end in zip(sizes, ends, strict=True):
            told = [coded[e - n : e] for n, e in zip(size.tolist(), end.tolist(), strict=True)]
            n_rows = int(size.sum())
            codes = np.empty(n_rows, np.int32)
            codes[np.argsort(parts[:n_rows], kind="stable")] = np.concatenate(told)
            parts = parts[n_rows:]
            yield codes


def _parts(held: ByteColumn) -> npt.NDArray[np.uint8]:
    """Which part each text belongs to, by its last sixteen bytes."""
    words = Words(held)
    last, before = OWN[np.clip([words.widths, words.widths - WORD], 0, WORD)]
    spread: npt.NDArray[np.uint64] = (words.before_end(WORD) & last) * _SPREAD[0]
    spread += (words.before_end(2 * WORD) & before) * _SPREAD[1]
    parts: npt.NDArray[np.uint8] = (spread >> np.uint64(64 - _BITS)).astype(np.uint8)
    return parts
