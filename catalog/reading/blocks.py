"""A file in blocks of whole lines, each read into the same memory, which the cache still holds."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

BLOCK = 1 << 21
_LEAST = 1 << 19
_COLUMNS = 8
_MARK = b"\xef\xbb\xbf"


class UnprovenError(Exception):
    """The strict reader might have something to say."""


def block_size(n_columns: int) -> int:
    """Bytes of a block; Arrow sets as much aside for each column of texts."""
    return min(BLOCK, max(_LEAST, _COLUMNS * BLOCK // n_columns))


def blocks(file: BufferedReader, size: int, separator: bytes) -> Iterator[tuple[memoryview, bool]]:
    """The rest of a file, and whether fields of the block are quoted.

    A block is only there until the next one is asked for.

    Raises
    ------
    UnprovenError
        Where quotes, line ends or the first bytes are not plainly right, and at giant lines.
    """
    held = bytearray(size)
    begun = 0  # bytes of a line whose end is not read yet
    while n_read := file.readinto(memoryview(held)[begun:]):
        end = held.rfind(b"\n", 0, begun + n_read) + 1
        if end:
            yield memoryview(held)[:end], is_quoted(held, end, separator)
        begun += n_read - end
        held[:begun] = held[end : end + begun]
    if begun == len(held):
        raise UnprovenError
    if begun:
        yield memoryview(held)[:begun], is_quoted(held, begun, separator)


def is_quoted(held: bytes | bytearray, end: int, separator: bytes) -> bool:
    """Whether fields are quoted in the whole lines before ``end``.

    Their quotes are right where each stands at one end of a field, as many at the beginning as at
    the end, and no parsed value holds a quote or a separator; the latter is seen later.
    """

    def count(text: bytes) -> int:
        return held.count(text, 0, end)

    # Arrow would take a mark off any block.
    wrong = held.startswith(_MARK) or held.find(b"\0", 0, end) >= 0
    if held.find(b"\r", 0, end) >= 0:
        wrong |= count(b"\r") != count(b"\r\n")
    if wrong:
        raise UnprovenError
    if held.find(b'"', 0, end) < 0:
        return False
    opening = count(separator + b'"') + count(b'\n"') + held.startswith(b'"')
    closing = sum(count(b'"' + after) for after in (separator, b"\n", b"\r\n"))
    closing += held.endswith(b'"', 0, end)
    if opening != closing or opening + closing != count(b'"') or count(b'""'):
        raise UnprovenError
    return True
