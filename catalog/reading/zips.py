"""What archives of every kind have in common: what is read, and what a broken one raises."""

from __future__ import annotations

import struct
import zipfile
import zlib

_READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
# What the zip module raises for bytes that are no sound archive; places that no file has, too.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


def is_readable(info: zipfile.ZipInfo) -> bool:
    """Whether a member is neither encrypted nor packed by an unusual method."""
    return not info.flag_bits & _ENCRYPTED and info.compress_type in _READABLE
