"""Files of arrays as numpy writes them, and as it never would."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import numpy as np


def npy(array: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


def npz(*unnamed: Any, **arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, *unnamed, **arrays)
    return out.getvalue()


def zipped(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, body in members.items():
            archive.writestr(f"{name}.npy", body)
    return out.getvalue()


def headed(descr: str, shape: str, body: bytes = b"", order: str = "False") -> bytes:
    """An NPY whose head is written by hand."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body
