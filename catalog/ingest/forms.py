"""A file sent as a form: the one part ``file`` of a multipart body, streamed and checked.

The framework's own parser drops a part that was cut off, decodes base64 and keeps several files;
here a form is taken whole or refused by name.
"""

from __future__ import annotations

import re

from django.utils.http import parse_header_parameters

from catalog.ingest.receiving import Body
from catalog.problems import Refusal

MEDIA_TYPE = "multipart/form-data"
_CHUNK = 1 << 20
_MAX_HEAD = 16 << 10


class FormFile:
    """The bytes of a form's part ``file``, to be read like a body.

    Parameters
    ----------
    body : the request's stream
    length : int, the Content-Length of the whole form
    content_type : str, the request's, which names the boundary
    """

    def __init__(self, body: Body, length: int, content_type: str) -> None:
        self._body, self._left = body, length
        boundary = parse_header_parameters(content_type)[1].get("boundary", "")
        if not re.fullmatch(r"[0-9A-Za-z'()+_,./:=? -]{1,70}", boundary):
            raise Refusal("The form's Content-Type names no boundary; send it with one.")
        self._mark = b"\r\n--" + boundary.encode()
        # The first boundary has no line end before it.
        self._buffer = b"\r\n"
        self._ended = False
        self._skip_to_part()
        self.name, self.content_type = self._read_head()

    def read(self, size: int, /) -> bytes:
        """The next bytes of the file; raises :class:`Refusal` where the form is cut off."""
        while not self._ended:
            at = self._buffer.find(self._mark)
            safe = at if at >= 0 else len(self._buffer) - len(self._mark) + 1
            if safe > 0:
                given = self._buffer[: min(size, safe)]
                self._buffer = self._buffer[len(given) :]
                return given
            if at == 0:
                self._finish()
            else:
                self._fill()
        return b""

    def _fill(self) -> None:
        more = self._body.read(min(_CHUNK, self._left)) if self._left else b""
        if not more:
            raise Refusal(
                "The form ended before its last boundary; nothing was stored. Send it again.",
                code="incomplete_upload",
            )
        self._left -= len(more)
        self._buffer += more

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > _MAX_HEAD:
                raise Refusal("The form's first part has no end of its head; send it again.")
            self._fill()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _skip_to_part(self) -> None:
        self._until(self._mark)
        while len(self._buffer) < 2:
            self._fill()
        if self._buffer.startswith(b"--"):
            raise _no_file("is empty")
        self._until(b"\r\n")

    def _read_head(self) -> tuple[str, str]:
        """The file's name and media type, from the head of its part."""
        lines = self._until(b"\r\n\r\n").decode("utf-8", "replace").split("\r\n")
        # The content of an empty file is followed by the line end of the boundary.
        head = {name.strip().lower(): value for name, _, value in (x.partition(":") for x in lines)}
        _, told = parse_header_parameters(head.get("content-disposition", "").strip())
        if told.get("name") != "file":
            raise _no_file(f"begins with the part {told.get('name', '')[:80]!r}")
        encoding = head.get("content-transfer-encoding", "binary").strip().lower()
        if encoding not in ("binary", "8bit", "7bit"):
            raise Refusal(
                f"The part 'file' is encoded as {encoding[:40]!r}; send its bytes as they are.",
                code="base64_part_refused",
            )
        return told.get("filename", ""), head.get("content-type", "").strip()

    def _finish(self) -> None:
        """After the file: the last boundary, and the rest of the body."""
        self._buffer = self._buffer[len(self._mark) :]
        while len(self._buffer) < 2:
            self._fill()
        if not self._buffer.startswith(b"--"):
            raise Refusal(
                "The form has another part after 'file'; send one file, and the options in the "
                "address.",
                code="several_parts",
            )
        while self._left:
            self._buffer = b""
            self._fill()
        self._ended = True


def _no_file(what: str) -> Refusal:
    return Refusal(
        f"The form {what}; send the file as a part named 'file' (curl -F file=@labels.csv), and "
        "the options in the address.",
        code="file_required",
        pointer="file",
    )
