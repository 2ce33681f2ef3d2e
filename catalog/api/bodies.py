"""The bytes of an upload: the request's body as it is, or the file in a form."""

from __future__ import annotations

import re
from base64 import b64encode

from rest_framework.request import Request

from catalog.ingest import receiving
from catalog.ingest.forms import MEDIA_TYPE, FormFile
from catalog.problems import Refusal

HEAD = 4096


class SentFile:
    """A file on its way in: its first bytes, how it is said to be written, and its name.

    Nothing but the head has been read yet; :meth:`keep` takes the rest, whole or not at all.
    """

    def __init__(self, request: Request, query: dict[str, str]) -> None:
        length = length_of(request)
        self._digests = digests_of(request, query)
        receiving.check_room(length)
        self._form = form_of(request, length)
        self._length = length
        if self._form is None:
            self.name, self.content_type = "", request.content_type
            self._body = receiving.Peeked(request._request, min(HEAD, length))
        else:
            self.name, self.content_type = self._form.name, self._form.content_type
            self._body = receiving.Peeked(self._form, HEAD)
        self.head = self._body.head
        _check_whole(request, self.head)

    def keep(self) -> tuple[str, int]:
        """Store the bytes under their SHA-256; answers that and how many there are."""
        if self._form is None:
            return receiving.keep(self._body, self._length, self._digests), self._length
        sha256 = receiving.keep(self._body, None, self._digests)
        return sha256, receiving.path_of(sha256).stat().st_size


def _check_whole(request: Request, head: bytes) -> None:
    """Refuse a piece of a file, and bytes that are not packed as the headers say."""
    if "Content-Range" in request.headers:
        raise Refusal(
            "Content-Range says that this is a piece of a file; send the file whole.",
            code="incomplete_upload",
        )
    packed = request.headers.get("Content-Encoding", "").lower() == "gzip"
    if packed and head and not head.startswith(b"\x1f\x8b"):
        raise Refusal(
            "The request says Content-Encoding: gzip and its content is not gzip; compress it, or "
            "send it without that header.",
            code="unsupported_media_type",
            status=415,
        )


def form_of(request: Request, length: int) -> FormFile | None:
    """The file of a form; ``None`` where the body itself is the file."""
    if not request.content_type.startswith(MEDIA_TYPE):
        return None
    if hasattr(request._request, "_files"):
        # The check of a session's CSRF token has read the form, by a parser that hides cuts.
        raise Refusal(
            "A form is taken from programs that send a token; from a session, send the file as "
            "the request's body.",
            code="unsupported_media_type",
            status=415,
        )
    return FormFile(request._request, length, request.META.get("CONTENT_TYPE", ""))


def length_of(request: Request) -> int:
    """The body's promised length; without one nothing could be compared at the end."""
    if request.headers.get("Transfer-Encoding"):
        raise Refusal(
            "A chunked body cannot be checked for completeness; send it with Content-Length "
            "(curl --data-binary @file).",
            code="length_required",
            status=411,
        )
    text = request.META.get("CONTENT_LENGTH") or ""
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise Refusal(
            "The request has no Content-Length; send the file as the body "
            "(curl --data-binary @file).",
            code="length_required",
            status=411,
        )
    return int(text)


def digests_of(request: Request, query: dict[str, str]) -> dict[str, str]:
    """The digests of ``Content-Digest: sha-256=:...:`` (RFC 9530), as base64 by algorithm."""
    header = request.headers.get("Content-Digest", "")
    found = re.findall(r"(sha-256|sha-512)=:([A-Za-z0-9+/=]+):", header)
    if header and not found:
        raise Refusal(
            "Content-Digest must look like sha-256=:BASE64:; it could not be read.",
            code="digest_mismatch",
        )
    if header and request.content_type.startswith(MEDIA_TYPE):
        raise Refusal(
            "Content-Digest is of the whole form, which is not kept; send sha256= of the file.",
            code="digest_mismatch",
        )
    return {**dict(found), **_sha256_of(query)}


def _sha256_of(query: dict[str, str]) -> dict[str, str]:
    """The digest of ``sha256=``, in the notation of the header."""
    text = query.get("sha256")
    if text is None:
        return {}
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise Refusal("sha256= must be 64 hexadecimal digits.", pointer="sha256")
    return {"sha-256": b64encode(bytes.fromhex(text)).decode()}
