"""One array as numpy writes it: its head, and its numbers as binary32. Nothing is unpickled.

The head is a small text that says type, order and shape. It is believed only where the bytes that
follow are exactly as many as it promises, so that a few bytes cannot ask for gigabytes.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from catalog.reading.problems import Code, Fault, ReadingStoppedError, escape

MAGIC = b"\x93NUMPY"
#: numpy itself writes about a hundred bytes.
MAX_HEAD = 10_000
BLOCK = 4 << 20
NUMBERS = "biuf"
NAMES = "USiu"


@dataclass(frozen=True)
class Array:
    """An array that waits to be read: what its head says, and where its bytes begin."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fortran: bool
    stream: BinaryIO

    @property
    def size(self) -> int:
        """Bytes that follow the head."""
        return math.prod(self.shape) * self.dtype.itemsize


def open_array(name: str, stream: BinaryIO, n_bytes: int) -> Array:
    """Read the head of an array of ``n_bytes`` bytes in all.

    Raises
    ------
    ReadingStoppedError
        Where the head is damaged, speaks of Python objects, or promises other than what follows.
    """
    array = _head(name, stream)
    if array.dtype.hasobject:
        raise stop(
            Code.ARRAY_TYPE,
            f"{_the(name)} holds Python objects, which numpy saves as a pickle; a pickle is never "
            "loaded, because it can run code. Save names as array.astype(str) and numbers as "
            "array.astype('float32').",
            str(array.dtype),
        )
    n_head = stream.tell()
    if array.size != n_bytes - n_head:
        raise stop(
            Code.ARRAY_LENGTH,
            f"{_the(name)} is said to have shape {_shown(array.shape)} of {array.dtype}, which "
            f"takes {array.size:,} bytes; {max(0, n_bytes - n_head):,} follow. The file was cut "
            "off or its head is wrong; save it again.",
        )
    return array


def _head(name: str, stream: BinaryIO) -> Array:
    start = stream.read(len(MAGIC) + 2)
    version = tuple(start[len(MAGIC) :])
    if not start.startswith(MAGIC) or version not in ((1, 0), (2, 0)):
        raise stop(
            Code.ARRAY_HEADER,
            f"{_the(name)} does not begin as numpy's arrays do (versions 1.0 and 2.0 are read); "
            "save it with numpy.save or numpy.savez.",
        )
    width = 2 if version == (1, 0) else 4
    length = stream.read(width)
    n_head = int.from_bytes(length, "little")
    if n_head > MAX_HEAD:
        raise stop(
            Code.ARRAY_HEADER,
            f"The head of {_the(name, inside=True)} is said to have {n_head:,} bytes; numpy writes "
            f"about a hundred, and {MAX_HEAD:,} are allowed. Save the array again.",
        )
    head = length + stream.read(n_head)
    read = np.lib.format.read_array_header_1_0
    if width == 4:
        read = np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read(io.BytesIO(head), max_header_size=MAX_HEAD)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        sentence = (
            f"The head of {_the(name, inside=True)} is damaged ({escape(str(error))}); save the "
            "array again."
        )
        raise stop(Code.ARRAY_HEADER, sentence) from error
    if min(shape, default=0) < 0:
        raise stop(
            Code.ARRAY_HEADER,
            f"{_the(name)} is said to have shape {_shown(shape)}; no side can be negative.",
        )
    return Array(name, dtype, tuple(int(side) for side in shape), fortran, stream)


def read_matrix(array: Array, max_width: int) -> npt.NDArray[np.float32]:
    """The numbers of an array of two dimensions, row by row; infinite where 32 bits do not do.

    Raises
    ------
    ReadingStoppedError
        Where it has other dimensions, or holds anything but real numbers.
    """
    if len(array.shape) != 2 or 0 in array.shape:
        raise stop(
            Code.ARRAY_SHAPE,
            f"{_the(array.name)} has shape {_shown(array.shape)}; it must have one row an item "
            f"and one column a feature, at least one of each{_reshaped(array.shape)}.",
            _shown(array.shape),
        )
    if array.shape[1] > max_width:
        raise stop(
            Code.TOO_MANY_COLUMNS,
            f"{_the(array.name)} has {array.shape[1]:,} columns; {max_width:,} are allowed. "
            "Reduce them, for example by a projection.",
        )
    if array.dtype.kind not in NUMBERS or array.dtype.itemsize > 8:
        raise stop(
            Code.ARRAY_TYPE,
            f"{_the(array.name)} holds {escape(str(array.dtype))} where real numbers of up to 64 "
            "bits are expected; save it as array.astype('float32').",
            str(array.dtype),
        )
    matrix = np.empty(array.shape, np.float32)
    # Written column by column, it is read as the rows of its transpose.
    target = matrix.T if array.fortran else matrix
    n_lines, width = target.shape
    step = max(1, BLOCK // (width * array.dtype.itemsize))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n_lines, step):
            n = min(step, n_lines - start)
            raw = _exactly(array, n * width * array.dtype.itemsize)
            target[start : start + n] = np.frombuffer(raw, array.dtype).reshape(n, width)
    # So that 0 and -0 are one number wherever vectors are compared.
    matrix += np.float32(0)
    return matrix


def read_names(array: Array) -> list[str]:
    """The texts of an array of one dimension; whole numbers become their digits.

    Raises
    ------
    ReadingStoppedError
        Where it has other dimensions, or holds neither text nor whole numbers.
    """
    if len(array.shape) != 1:
        raise stop(
            Code.ARRAY_SHAPE,
            f"{_the(array.name)} has shape {_shown(array.shape)}; it must have one dimension"
            f"{_flattened(array.shape)}.",
            _shown(array.shape),
        )
    if array.dtype.kind not in NAMES:
        raise stop(
            Code.ARRAY_TYPE,
            f"{_the(array.name)} holds {escape(str(array.dtype))}, which cannot name things; save "
            "it as array.astype(str).",
            str(array.dtype),
        )
    if not array.size:
        return [""] * array.shape[0]
    values = np.frombuffer(_exactly(array, array.size), array.dtype)
    try:
        if array.dtype.kind == "S":
            return [value.decode("utf-8") for value in values.tolist()]
        return [str(value) for value in values.tolist()]
    except (UnicodeDecodeError, ValueError) as error:
        sentence = f"{_the(array.name)} holds bytes that are no text (UTF-8); save it again."
        raise stop(Code.INVALID_UTF8, sentence) from error


def stop(code: Code, sentence: str, value: str | None = None) -> ReadingStoppedError:
    """What ends the reading of an array."""
    return ReadingStoppedError(Fault(code, sentence, value))


def _exactly(array: Array, n_bytes: int) -> bytes:
    raw = array.stream.read(n_bytes)
    if len(raw) < n_bytes:
        raise stop(
            Code.ARRAY_LENGTH, f"{_the(array.name)} ends too early: it was cut off. Save it again."
        )
    return raw


def _the(name: str, *, inside: bool = False) -> str:
    return f"{'the' if inside else 'The'} array '{escape(name, 40)}'"


def _shown(shape: tuple[int, ...]) -> str:
    return escape(str(shape))


def _reshaped(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return "; send array.reshape(-1, 1) if it is one feature"
    return "; send array.reshape(len(array), -1) to flatten each item's" if len(shape) > 2 else ""


def _flattened(shape: tuple[int, ...]) -> str:
    return "; send array.ravel()" if len(shape) == 2 and 1 in shape else ""
