"""From the bytes of a file to chunks of decoded lines, within the limits."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from catalog.reading.columns import Limits, Options
from catalog.reading.problems import Code, Fault, ReadingStoppedError

BLOCK = 1 << 18
BOM = b"\xef\xbb\xbf"
# UTF-32 first: its little-endian mark begins with the one of UTF-16.
_OTHER_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32 LE",
    b"\x00\x00\xfe\xff": "UTF-32 BE",
    b"\xff\xfe": "UTF-16 LE",
    b"\xfe\xff": "UTF-16 BE",
}
ARCHIVES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"PAR1": "Parquet",
}


@dataclass(slots=True)
class Chunk:
    """Whole lines of the file, decoded; the last one may lack its line end only at the very end.

    ``bad_bytes`` maps the physical lines that are not UTF-8 to the offset in the file of the
    first such byte; in ``text`` those bytes are carried as lone surrogates.
    """

    text: str
    first_line: int
    last: bool
    bad_bytes: dict[int, int] = field(default_factory=dict)


def blocks(path: Path, options: Options) -> Iterator[bytes]:
    """The file's bytes, decompressed and without a byte order mark."""
    with path.open("rb") as file:
        raw = _gunzip(file, options.limits) if options.compression else _plain(file, options.limits)
        first = next(raw, b"")
        while 0 < len(first) < 8 and (more := next(raw, b"")):
            first += more
        if not first:
            raise ReadingStoppedError(Fault(Code.EMPTY_FILE, "The file is empty; send its rows."))
        refuse_other_encodings(first)
        yield first.removeprefix(BOM)
        yield from raw


def _plain(file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    total = 0
    while block := file.read(BLOCK):
        total += len(block)
        if total > limits.max_bytes:
            sentence = f"The file has more than {limits.max_bytes:,} bytes; send it in parts."
            raise ReadingStoppedError(Fault(Code.FILE_TOO_LARGE, sentence))
        yield block


def refuse_other_encodings(head: bytes) -> None:
    """Stop at a file whose first bytes say that it is UTF-16 or UTF-32."""
    name = next((name for bom, name in _OTHER_BOMS.items() if head.startswith(bom)), None)
    if name is not None:
        found = f"begins with the byte order mark of {name}"
    elif head[1:2] == b"\0" != head[:1] and head[3:4] == b"\0" != head[2:3]:
        found = "looks like UTF-16 LE without a byte order mark"
    elif head[:1] == b"\0" != head[1:2] and head[2:3] == b"\0" != head[3:4]:
        found = "looks like UTF-16 BE without a byte order mark"
    else:
        return
    sentence = f"The file {found}; save it as UTF-8 and send it again."
    raise ReadingStoppedError(Fault(Code.ENCODING_NOT_UTF8, sentence, line=1))


def _gunzip(file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=31)
    n_in = n_out = 0
    while data := file.read(BLOCK):
        n_in += len(data)
        more = True
        while more:
            block = _inflate(inflater, data)
            data = inflater.unconsumed_tail
            # A full block may leave output inside the inflater although all input is consumed.
            more = not inflater.eof and (bool(data) or len(block) == BLOCK)
            if n_out == 0:
                _refuse_nested(block)
            n_out += len(block)
            _refuse_bomb(n_in - len(data), n_out, limits)
            if block:
                yield block
        if inflater.eof and (inflater.unused_data or file.read(1)):
            sentence = "Bytes follow the end of the gzip data; send one gzip member, nothing after."
            raise ReadingStoppedError(Fault(Code.CORRUPT_GZIP, sentence))
    if n_in and not inflater.eof:
        sentence = "The gzip data ends too early; the file was cut off. Compress and send it again."
        raise ReadingStoppedError(Fault(Code.TRUNCATED_GZIP, sentence))


def _inflate(inflater: zlib._Decompress, data: bytes) -> bytes:
    try:
        return inflater.decompress(data, BLOCK)
    except zlib.error as error:
        sentence = f"The gzip data is damaged ({error}); compress and send it again."
        raise ReadingStoppedError(Fault(Code.CORRUPT_GZIP, sentence)) from error


def _refuse_nested(block: bytes) -> None:
    name = next((name for magic, name in ARCHIVES.items() if block.startswith(magic)), None)
    if name is not None:
        sentence = f"The gzip file holds another {name} file; compress the table itself, once."
        raise ReadingStoppedError(Fault(Code.NESTED_ARCHIVE, sentence))


def _refuse_bomb(n_in: int, n_out: int, limits: Limits) -> None:
    if n_out > limits.max_bytes:
        found = f"to more than {limits.max_bytes:,} bytes"
    elif n_out > limits.ratio_after and n_out > limits.max_ratio * n_in:
        found = f"to more than {limits.max_ratio} times its size"
    else:
        return
    sentence = f"The gzip file expands {found}; send it uncompressed or in parts."
    raise ReadingStoppedError(Fault(Code.DECOMPRESSED_TOO_LARGE, sentence))


def chunks(path: Path, options: Options) -> Iterator[Chunk]:
    """The file as decoded chunks of whole lines. LF, CRLF and CR each end a line."""
    return chunked(blocks(path, options), options.limits)


def chunked(stream: Iterable[bytes], limits: Limits) -> Iterator[Chunk]:
    """Bytes as decoded chunks of whole lines."""
    limit = limits.max_line
    carry, line, offset = b"", 1, 0
    for block in stream:
        data = carry + block
        # A CR at the very end may be the first half of a CRLF.
        cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        whole, carry = data[:cut], data[cut:]
        if whole:
            _refuse_long_line(whole, line, limit)
            chunk = _decode(whole, line, offset)
            yield chunk
            line += count_line_ends(chunk.text)
            offset += cut
        _refuse_long_line(carry, line, limit)
    yield _decode(carry, line, offset, last=True)


def _refuse_long_line(data: bytes, line: int, limit: int) -> None:
    """Only the first line of a chunk can be too long: a block is shorter than the limit."""
    if len(data) <= limit:
        return
    head = data[: limit + 1]
    if b"\n" not in head and b"\r" not in head:
        sentence = f"the line has more than {limit:,} bytes; end each row with a line end."
        raise ReadingStoppedError(Fault(Code.LINE_TOO_LONG, sentence, line=line))


def count_line_ends(text: str) -> int:
    """Physical line ends in a text that does not cut a CRLF in two."""
    if "\r" not in text:
        return text.count("\n")
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def split_lines(text: str) -> list[str]:
    """The physical lines with their ends. (``str.splitlines`` knows seven more line ends.)"""
    return list(io.StringIO(text, newline=""))


def _decode(data: bytes, line: int, offset: int, *, last: bool = False) -> Chunk:
    try:
        return Chunk(data.decode("utf-8"), line, last)
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
        return Chunk(text, line, last, _bad_bytes(data, line, offset))


def _bad_bytes(data: bytes, line: int, offset: int) -> dict[int, int]:
    found = {}
    # ``bytes.splitlines`` knows just the three line ends that count here.
    for number, content in enumerate(data.splitlines(keepends=True), start=line):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            found[number] = offset + error.start
        offset += len(content)
    return found
