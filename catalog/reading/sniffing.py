"""What the first bytes, the media type and the name of a file say about how it is written."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from catalog.reading.problems import Code, Fault, Problem, ReadingStoppedError
from catalog.reading.source import ARCHIVES, BOM, refuse_other_encodings

MEDIA_TYPES = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "application/json": "json",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
}
EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
# Types that say nothing about the content.
_NEUTRAL = {
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "text/plain",
    "application/gzip",
    "application/x-gzip",
    "application/x-www-form-urlencoded",
    # What browsers say of .csv where Excel is installed; a real one is told by its first bytes.
    "application/vnd.ms-excel",
}
_OTHER_MAGIC = {
    **{magic: name for magic, name in ARCHIVES.items() if name not in ("gzip", "Parquet")},
    b"PK\x05\x06": "zip",
    b"ARROW1": "Arrow IPC",
    b"\x93NUMPY": "NumPy",
    b"\x89HDF": "HDF5",
    b"\xd0\xcf\x11\xe0": "old Excel or Word",
    b"%PDF": "PDF",
    b"SQLite format 3": "SQLite",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"{\\rtf": "RTF",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\0\0sNaPpY": "Snappy",
    b"\x1f\x9d": "compress (.Z)",
}
_IS_A = "The content is a file of the kind {}"
# Members that a zip of this kind begins with.
_IN_ZIPS = {
    b"[Content_Types].xml": "an Excel workbook or another document of Office",
    b"xl/": "an Excel workbook",
    b"vnd.oasis.opendocument": "a document of OpenOffice",
}
_MARKUP = re.compile(rb"\s*<[a-zA-Z!?]")
_OTHER_EXTENSIONS = {
    ".xlsx": "Excel",
    ".xlsm": "Excel",
    ".xls": "Excel",
    ".ods": "OpenDocument",
    ".zip": "zip",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".zst": "zstd",
    ".br": "Brotli",
    ".7z": "7z",
    ".rar": "rar",
    ".tar": "tar",
    ".tgz": "tar",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "pickle",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".npy": "NumPy",
    ".npz": "NumPy",
    ".h5": "HDF5",
    ".arrow": "Arrow IPC",
    ".feather": "Arrow IPC",
    ".html": "HTML",
    ".htm": "HTML",
    ".xml": "XML",
    ".pdf": "PDF",
}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """How a file is written; ``format`` and ``compression`` as in ``Options``."""

    format: str
    compression: str | None = None


def array_format(head: bytes) -> str | None:
    """Which of numpy's files this is by its first bytes; an NPZ is any zip until it is opened."""
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    return "npz" if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None


def sniff(head: bytes, content_type: str | None, filename: str | None) -> Sniffed | Problem:
    """The format of a file from its first bytes (4 KiB will do), or why it is refused.

    Bytes decide against a name or media type that claims otherwise; between text formats, which
    bytes cannot tell apart, the media type decides, then the name, then the first character.
    """
    media_type, charset = _media_type(content_type)
    try:
        if charset not in ("", "utf-8", "utf8", "us-ascii", "ascii"):
            sentence = f"The media type says charset={charset}; save the file as UTF-8."
            raise ReadingStoppedError(Fault(Code.ENCODING_NOT_UTF8, sentence, line=1))
        return _sniff(head, media_type, _suffixes(filename))
    except ReadingStoppedError as stopped:
        return stopped.fault.at(None)


def _sniff(head: bytes, media_type: str, suffixes: list[str]) -> Sniffed:
    compression = "gzip" if head.startswith(b"\x1f\x8b") else None
    inner = _inflated(head) if compression else head
    if compression is None and suffixes[-1:] == [".gz"] and head:
        raise _unsupported("The name ends in .gz and the content is not gzip")
    _refuse_binary(inner)
    kept = [suffix for suffix in suffixes if suffix != ".gz"]
    other = _OTHER_EXTENSIONS.get(kept[-1]) if kept else None
    if other is not None:
        raise _unsupported(f"The name says that this is a file of the kind {other}")
    if inner.startswith(b"PAR1") and compression is None:
        return Sniffed("parquet")
    if media_type not in MEDIA_TYPES and media_type not in _NEUTRAL:
        raise _unsupported(f"The media type {media_type[:60]} is not read")
    claimed = MEDIA_TYPES.get(media_type) or (EXTENSIONS.get(kept[-1]) if kept else None)
    if claimed == "parquet":
        raise _unsupported("The file is said to be Parquet, and its first bytes are not")
    refuse_other_encodings(inner)
    return Sniffed(_text_format(inner, claimed), compression)


def _text_format(head: bytes, claimed: str | None) -> str:
    first = head.removeprefix(BOM).lstrip()[:1]
    if claimed == "json" and first == b"{":
        # "One object a line" is often sent as application/json or named .json.
        return "ndjson"
    if claimed is not None:
        return claimed
    return {b"{": "ndjson", b"[": "json"}.get(first, "csv")


def _media_type(content_type: str | None) -> tuple[str, str]:
    name, *parameters = (content_type or "").split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    charsets = [value for key, _, value in pairs if key.strip().lower() == "charset"]
    charset = charsets[0].strip(" \"'").lower() if charsets else ""
    return name.strip().lower(), charset


def _suffixes(filename: str | None) -> list[str]:
    name = (filename or "").replace("\\", "/").replace("\0", "")
    return [suffix.lower() for suffix in PurePosixPath(name).suffixes]


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 4096)
    except zlib.error as error:
        sentence = f"The gzip data is damaged ({error}); compress and send it again."
        raise ReadingStoppedError(Fault(Code.CORRUPT_GZIP, sentence)) from error


def _refuse_binary(head: bytes) -> None:
    for magic, name in _OTHER_MAGIC.items():
        if head.startswith(magic):
            raise _zip_refused(head) if name == "zip" else _unsupported(_IS_A.format(name))
    if head[257:262] == b"ustar":
        raise _unsupported("The content is a file of the kind tar")
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise _unsupported("The content is a Python pickle, which is never loaded")
    if _MARKUP.match(head.removeprefix(BOM)):
        raise _unsupported("The content is HTML or XML, such as the error page of a server")


def _zip_refused(head: bytes) -> ReadingStoppedError:
    """A zip is many things; the names of its first members tell which."""
    name = next((name for member, name in _IN_ZIPS.items() if member in head), None)
    if name is not None:
        return _unsupported(f"The content is {name}")
    return _unsupported(
        "The content is a file of the kind zip; unpack it (only doccano's is taken as it is, with "
        "format=doccano)"
    )


def _unsupported(what: str) -> ReadingStoppedError:
    sentence = (
        f"{what}; save the table as CSV in UTF-8 (or NDJSON, JSON, Parquet; text may be gzipped)."
    )
    return ReadingStoppedError(Fault(Code.UNSUPPORTED_MEDIA_TYPE, sentence))
