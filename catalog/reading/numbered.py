"""Names that are numbers, as ``image-00000123.png`` or ``q17``: read as such, and counted as such.

Most large files name their things so, and a table that has a place for each number is a tenth of
the price of a hash table of texts that the processor's cache does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from catalog.reading.bytewise import ByteColumn
from catalog.reading.grown import Grown
from catalog.reading.words import OWN, WORD, Words

Numbers = npt.NDArray[np.int32]
_DIGITS = b"0123456789"
_MOST_DIGITS = 8
_SAMPLE = 64
#: So many places for each row may a table of numbers have; sparser ones are searched.
_SPARSE = 8
_TENS = 10 ** np.arange(_MOST_DIGITS + 1)


@dataclass(frozen=True)
class _Form:
    """What stands before and after the digits of every name."""

    before: bytes = b""
    after: bytes = b""

    @classmethod
    def of(cls, sample: Sequence[bytes]) -> _Form | None:
        """What the names of a sample have in common, if they are numbers but for that."""
        before = _common(sample).rstrip(_DIGITS)
        after = _common([name[len(before) :][::-1] for name in sample])[::-1].lstrip(_DIGITS)
        digits = [name[len(before) : len(name) - len(after)] for name in sample]
        if not all(map(bytes.isdigit, digits)):
            return None
        if len({len(number) for number in digits}) == 1:
            # Of long numbers, the first digits may be the same ones throughout.
            before += _common([number[:-_MOST_DIGITS] for number in digits])
        return cls(before, after)

    def holds(self, words: Words) -> bool:
        """Whether every value has it; each is as long as both are at least."""
        first, last = len(self.before), len(self.after)
        return all(
            _begin_with(words.after_start(at), self.before[at : at + WORD])
            for at in range(0, first, WORD)
        ) and all(
            _begin_with(words.before_end(last - at), self.after[at : at + WORD])
            for at in range(0, last, WORD)
        )


def _common(texts: Sequence[bytes]) -> bytes:
    """What all of them begin with."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((i for i, (one, other) in pairs if one != other), len(first))]


def _begin_with(words: npt.NDArray[np.uint64], text: bytes) -> bool:
    wanted = np.uint64(int.from_bytes(text, "little"))
    compared = np.uint64((1 << (8 * len(text))) - 1)
    return not np.bitwise_or.reduce((words ^ wanted) & compared)


def _numbers(words: npt.NDArray[np.uint64], own: np.uint64 | npt.NDArray[np.uint64]) -> Numbers:
    """The numbers whose digits end with each word; empty where some are none."""
    said = (words ^ np.uint64(0x3030303030303030)) & own  # "0" to "9" are 0 to 9 now
    if np.bitwise_or.reduce((said + np.uint64(0x7676767676767676)) | said) & 0x8080808080808080:
        return np.empty(0, np.int32)
    # Two digits, then four, then eight at a time.
    said = (said * np.uint64(10) + (said >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    said = (said * np.uint64(100) + (said >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    said = (said * np.uint64(10_000) + (said >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return said.astype(np.int32)


@dataclass
class Numbered:
    """A column of names that are numbers, batch by batch, as long as they all are.

    A name and its number say the same as long as all numbers have as many digits, or none
    begins with a zero.
    """

    form: _Form = _Form()
    numbers: Grown = field(default_factory=lambda: Grown(np.int32))
    n_rows: int = 0
    low: int = 0
    high: int = 0
    digits: tuple[int, int] = (_MOST_DIGITS, 0)
    padded: bool = False

    def add(self, held: ByteColumn) -> bool:
        """Add a batch; if it is not such names, say so and leave all as it was."""
        form = self.form if self.n_rows else _Form.of(held.some(_SAMPLE))
        if form is None:
            return False
        words = Words(held)
        affixes = len(form.before) + len(form.after)
        digits = words.low - affixes, words.high - affixes
        if digits[0] < 1 or digits[1] > _MOST_DIGITS or not form.holds(words):
            return False
        self.form = form
        each = words.widths - affixes
        own = OWN[digits[0]] if digits[0] == digits[1] else OWN[each]
        numbers = _numbers(words.before_end(len(form.after) + WORD), own)
        return bool(len(numbers)) and self._keep(numbers, each, digits)

    def _keep(self, numbers: Numbers, each: npt.NDArray[np.int32], digits: tuple[int, int]) -> bool:
        low, high = int(numbers.min()), int(numbers.max())
        least = _TENS[digits[0] - 1] if digits[0] == digits[1] else _TENS[each - 1]
        # A single zero is no leading one.
        padded = self.padded or bool(((numbers < least) & (each > 1)).any())
        digits = min(self.digits[0], digits[0]), max(self.digits[1], digits[1])
        if padded and digits[0] < digits[1]:
            return False
        self.padded, self.digits = padded, digits
        self.low = min(self.low, low) if self.n_rows else low
        self.high = max(self.high, high)
        self.n_rows += len(numbers)
        self.numbers.add(numbers)
        return True

    def coded(self) -> tuple[Grown, Numbers]:
        """The code of each row, and the number of each code, ascending."""
        codes = Grown(np.int32)
        code_of, distinct = self._coding()
        for numbers in self.numbers.pieces():
            codes.add(code_of(numbers))
        return codes, distinct

    def _coding(self) -> tuple[Callable[[Numbers], npt.NDArray[np.int_]], Numbers]:
        low, n_places = self.low, self.high - self.low + 1
        if n_places > _SPARSE * self.n_rows:
            distinct = np.unique(self.numbers.array())
            return lambda some: np.searchsorted(distinct, some), distinct
        met = np.zeros(n_places, bool)
        for numbers in self.numbers.pieces():
            met[numbers - low] = True
        renumber = np.cumsum(met, dtype=np.int32) - np.int32(1)
        return lambda some: renumber[some - low], (np.flatnonzero(met) + low).astype(np.int32)

    def texts(self, numbers: Numbers, end: bytes = b"") -> tuple[npt.NDArray[np.uint8], Numbers]:
        """The names of ascending numbers one after the other, and the width of each."""
        low, high = self.digits
        # Numbers of several widths have no leading zeros.
        cuts = np.searchsorted(numbers, [0, *_TENS[low : high + 1]]).tolist()
        parts = [
            self._of_width(numbers[start:stop], low + i, end)
            for i, (start, stop) in enumerate(pairwise(cuts))
        ]
        widths = [np.full(len(part), part.shape[1], np.int32) for part in parts]
        return np.concatenate([part.reshape(-1) for part in parts]), np.concatenate(widths)

    def _of_width(self, numbers: Numbers, n_digits: int, end: bytes) -> npt.NDArray[np.uint8]:
        rest = self.form.after + end
        place = len(self.form.before) + n_digits
        out = np.empty((len(numbers), place + len(rest)), np.uint8)
        out[:, : place - n_digits] = np.frombuffer(self.form.before, np.uint8)
        out[:, place:] = np.frombuffer(rest, np.uint8)
        for _ in range(n_digits):
            place -= 1
            left = numbers // np.int32(10)
            out[:, place] = numbers - left * np.int32(10) + ord("0")
            numbers = left
        return out
