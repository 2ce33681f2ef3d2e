"""A body is streamed to disk under its SHA-256, compared with its length, and recorded."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import IntegrityError, transaction

from catalog import runs
from catalog.models import Question, Upload
from catalog.problems import Refusal
from catalog.reading import Code
from catalog.reading.columns import EXPORTS, Export, Limits, Options

_CHUNK = 1 << 20
RUN_KIND = "upload"
# What makes two requests with one key the same, and what a different one is told.
_OF_ONE_KEY = {
    "sha256": "another file",
    "kind": "another kind of file",
    "subject": "another subject",
    "dry_run": "another dry_run",
    "on_error": "another on_error",
    "mode": "another mode",
    "options": "other parameters",
}
# Problems of the process that read a file, which may have been killed or starved.
_OF_THE_READER = {
    Code.READER_FAILED,
    Code.READER_MEMORY_LIMIT,
    Code.READER_TIME_LIMIT,
    Code.READER_STOPPED,
}


class Body(Protocol):
    """What a request offers for reading."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most ``size``; empty at the end."""


class Peeked:
    """A body whose first bytes have been looked at already, and are given again."""

    def __init__(self, body: Body, size: int) -> None:
        self._body = body
        self.head = b""
        while len(self.head) < size and (part := body.read(size - len(self.head))):
            self.head += part
        self._pending = self.head

    def read(self, size: int, /) -> bytes:
        if self._pending:
            given, self._pending = self._pending[:size], self._pending[size:]
            return given
        return self._body.read(size)


def path_of(sha256: str) -> Path:
    """Where the bytes of that digest lie; names are never taken from the sender."""
    return Path(settings.UPLOAD_DIR) / sha256[:2] / sha256


def keep(body: Body, length: int | None, digests: dict[str, str]) -> str:
    """Stream a body to disk and return its SHA-256; nothing remains of a body that is cut off.

    Parameters
    ----------
    body : the request's stream
    length : int or None, the Content-Length that was promised; ``None`` for a body that knows
        its own end, as a file in a form does
    digests : dict, algorithm to the base64 digest the sender declared (``Content-Digest``)
    """
    root = Path(settings.UPLOAD_DIR)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=root, prefix="incoming-", delete=False) as file:
        temporary = Path(file.name)
        try:
            sha256 = _copy(body, file, length, digests)
            file.flush()
            os.fsync(file.fileno())
            target = path_of(sha256)
            target.parent.mkdir(exist_ok=True)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return sha256


def check_room(length: int) -> None:
    """Refuse a body that is too large, or that the disk has no room for."""
    if length > settings.MAX_UPLOAD_BYTES:
        raise Refusal(
            f"The file has {length:,} bytes; at most {settings.MAX_UPLOAD_BYTES:,} are taken. "
            "Split it into parts, or send it gzipped.",
            code="file_too_large",
            status=413,
        )
    existing = Path(settings.UPLOAD_DIR)
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free - length < settings.MIN_FREE_BYTES:
        raise Refusal(
            f"The disk for uploads has {free:,} bytes free, which leaves less than the floor of "
            f"{settings.MIN_FREE_BYTES:,}; free some space, then send the file again.",
            code="storage_full",
            status=507,
        )


def _copy(body: Body, file: Any, length: int | None, digests: dict[str, str]) -> str:
    sha256, sha512, got = hashlib.sha256(), hashlib.sha512(), 0
    left = _CHUNK if length is None else length
    while left and (chunk := body.read(min(_CHUNK, left))):
        left -= 0 if length is None else len(chunk)
        got += len(chunk)
        sha256.update(chunk)
        if "sha-512" in digests:
            sha512.update(chunk)
        file.write(chunk)
    if length is not None and got != length:
        raise Refusal(
            f"The body ended after {got:,} of {length:,} bytes; nothing was stored. "
            "Send the file again.",
            code="incomplete_upload",
        )
    for name, hasher in (("sha-256", sha256), ("sha-512", sha512)):
        actual = b64encode(hasher.digest()).decode()
        if name in digests and digests[name] != actual:
            raise Refusal(
                f"The body's {name} is {actual}, but {digests[name]} was declared; "
                "it changed on its way. Send the file again.",
                code="digest_mismatch",
            )
    return sha256.hexdigest()


def record(upload: Upload) -> Upload:
    """Store the upload and its run in one transaction; the same key gives the same upload.

    One that ended without a judgement on its file - cancelled, or for want of a database, a
    worker or memory - is taken up again by the request that repeats its key.
    """
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
            _launch(upload)
            return upload
    except IntegrityError:
        first = Upload.objects.get(
            dataset=upload.dataset,
            uploaded_by=upload.uploaded_by,
            idempotency_key=upload.idempotency_key,
        )
    for name, what in _OF_ONE_KEY.items():
        if getattr(first, name) != getattr(upload, name):
            raise Refusal(
                f"Idempotency-Key {upload.idempotency_key!r} was used for a request with "
                f"{what}; use a new key for each file and each way of sending it.",
                code="idempotency_key_reused",
                status=422,
            )
    with transaction.atomic():
        if _reopen(first):
            _launch(first, repeated=first.runs.count())
    return first


def _launch(upload: Upload, **parameters: int) -> None:
    runs.launch(upload.dataset, RUN_KIND, parameters, user=upload.uploaded_by, upload=upload)


def _reopen(upload: Upload) -> bool:
    """Make an upload wait again whose end says nothing about its file; ``False`` for others."""
    codes = {problem["code"] for problem in upload.problems}
    stopped = upload.state == Upload.State.REJECTED and codes and codes <= _OF_THE_READER
    if upload.state != Upload.State.FAILED and not stopped:
        return False
    return bool(
        Upload.objects.filter(pk=upload.pk, finished_at=upload.finished_at).update(
            state=Upload.State.RECEIVED,
            finished_at=None,
            failure="",
            problems=[],
            problem_count=0,
            rows_read=0,
            rows_rejected=0,
        )
    )


def options_of(upload: Upload) -> Options:
    """How the file is written, as its sender declared it."""
    told = upload.options
    return Options(
        format=told["format"],
        compression=told.get("compression"),
        delimiter=told.get("delimiter", ","),
        decimal=told.get("decimal", "."),
        timezone=told.get("timezone"),
        limits=Limits(max_rows=settings.MAX_UPLOAD_ROWS, max_bytes=settings.MAX_UPLOAD_BYTES),
        export=_export_of(upload) if told["format"] in EXPORTS else Export(),
    )


def _export_of(upload: Upload) -> Export:
    """What the sender, and the data set's questions, say of an export."""
    told = upload.options
    scales = dict(upload.dataset.questions.order_by("name").values_list("name", "scale"))
    return Export(
        annotator=told.get("annotator"),
        orientation=told.get("orientation"),
        question=told.get("question"),
        subject=upload.subject,
        questions=told.get("questions", {}),
        known=tuple(scales),
        sets=tuple(name for name, scale in scales.items() if scale == Question.Scale.SET),
        attributes=tuple(told.get("attributes", [])),
        ignore=tuple(told.get("ignore", [])),
        gold={ours or upload.subject: theirs for ours, theirs in told.get("gold", {}).items()},
    )


def inert_name(name: str) -> str:
    """The sender's name for a file as harmless text; it is shown, and never used as a path."""
    cleaned = re.sub(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", name)
    return cleaned.replace("\\", "/").rsplit("/", 1)[-1][:255]
