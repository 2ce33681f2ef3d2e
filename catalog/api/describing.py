"""What the sender of a file says of it, and what its first bytes say, before it is read."""

from __future__ import annotations

import re
from typing import Any, Protocol

from django.http import HttpRequest
from rest_framework.request import Request

from catalog import access, kinds
from catalog.access import May
from catalog.ingest import erasing, purposes, receiving
from catalog.models import Dataset, Membership, Upload
from catalog.problems import Refusal
from catalog.reading import Code, Problem, array_format, sniff
from catalog.reading.columns import ARRAYS, DELIMITED, EXPORTS, FORMATS
from catalog.rest.parsing import parse_json
from catalog.rest.queries import check_choice, flag, one_of

Asked = Request | HttpRequest
PARAMETERS = [
    "format",
    "columns",
    "question",
    "model",
    "population",
    "features",
    "item_order",
    "on_error",
    "on_identical",
    "dry_run",
    "filename",
    "mode",
    "delimiter",
    "decimal",
    "timezone",
    "ignore",
    "unknown",
    "precision",
    "sha256",
    "annotator",
    "orientation",
    "questions",
    "attributes",
    "gold",
]
# What curl -d says of a file, which it has made one line of.
_OF_CURL = "application/x-www-form-urlencoded"
_TEXTS = {*DELIMITED, "ndjson", "json"}
WORDS = ("delimiter", "decimal", "timezone", "unknown", "precision", "on_identical", "item_order")


class Sent(Protocol):
    """A file of which the first bytes have been looked at."""

    head: bytes
    content_type: str
    name: str

    def keep(self) -> tuple[str, int]:
        """Store the bytes under their SHA-256; answers that and how many there are."""


def described(
    request: Asked, dataset: Dataset, kind: kinds.UploadKind, query: dict[str, str]
) -> Upload:
    """The upload as its parameters and headers describe it, checked; not stored yet."""
    subject = query.get(kind.subject_parameter or "")
    member = access.membership_of(request.user, dataset)
    options = options_of(request, query)
    if member.role == Membership.Role.CONTRIBUTOR and member.annotator:
        options["own_annotator"] = member.annotator
    if options.get("format") in EXPORTS and not access.may(request.user, dataset, May.UPLOAD):
        # What is correct, and who the annotators are, is not a contributor's to say.
        options["labels_only"] = True
    return Upload(
        dataset=dataset,
        kind=kind.name,
        subject=kind.check_subject(dataset, subject),
        file_name=receiving.inert_name(query.get("filename", "")),
        options=options,
        on_error=one_of(query, "on_error", Upload.OnError.values, Upload.OnError.REJECT),
        mode=one_of(query, "mode", Upload.Mode.values, Upload.Mode.UPSERT),
        dry_run=flag(query, "dry_run"),
        idempotency_key=idempotency_key_of(request),
        uploaded_by_id=request.user.pk,
    )


def receive(upload: Upload, kind: kinds.UploadKind, sent: Sent) -> Upload:
    """Take in the file of an upload that is described; it is worked off after the commit."""
    upload.file_name = upload.file_name or receiving.inert_name(sent.name)
    recognise(upload, sent, kind.formats)
    check_layout(kind, upload)
    purposes.refuse_early(upload, sent.head)
    upload.sha256, upload.size = sent.keep()
    erasing.refuse_erased(upload.dataset, upload.sha256)
    return receiving.record(upload)


def check_layout(kind: kinds.UploadKind, upload: Upload) -> None:
    """Refuse parameters that contradict the kind's columns before a byte is read."""
    try:
        columns = {column.name for column in kind.layout(upload).columns}
        form = receiving.options_of(upload).format
        people = form == "lewidi" and kind.name == "annotators"
        if form in EXPORTS and not people and not {"item", "annotator", "label"} <= columns:
            raise ValueError(f"format={form} holds labels; send it to uploads/labels/.")
        if form in ARRAYS and form not in kind.formats:
            raise ValueError(f"format={form} holds vectors of numbers; uploads/features/ takes it.")
        if form != "npy" and "item_order" in upload.options:
            raise ValueError(
                "item_order= is for a bare NPY; other files name the item of each row."
            )
    except ValueError as error:
        raise Refusal(str(error), code="invalid_options") from None


def check_charset(content_type: str) -> None:
    """Refuse a file that is said to be in another encoding: its bytes are read as UTF-8."""
    said = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", content_type, re.IGNORECASE)
    if said and said[1].lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise Refusal(
            f"The file is said to be in {said[1][:40]}; save it as UTF-8, and send it without "
            "charset= or with charset=utf-8.",
            code="encoding_not_utf8",
            status=415,
        )


def options_of(request: Asked, query: dict[str, str]) -> dict[str, Any]:
    """How the file is written, as far as query parameters say so."""
    check_charset(request.headers.get("Content-Type", ""))
    encoding = request.headers.get("Content-Encoding", "").lower()
    if encoding not in ("", "identity", "gzip"):
        raise unsupported(
            f"Content-Encoding {encoding!r} is not taken; send the file plain or gzip."
        )
    options: dict[str, Any] = {}
    for word in WORDS:
        if word in query:
            options[word] = query[word]
    if options.get("delimiter") in ("tab", "\\t"):
        options["delimiter"] = "\t"
    check_choice(query, "unknown", ["create", "reject"])
    check_choice(query, "on_identical", ["reject", "skip"])
    if "format" in query:
        options["format"] = one_of(query, "format", list(FORMATS), "csv")
    if "columns" in query:
        options["columns"] = columns_of(query["columns"])
    if query.get("ignore"):
        options["ignore"] = names_of(query["ignore"])
    return {**options, **export_options_of(query)}


def export_options_of(query: dict[str, str]) -> dict[str, Any]:
    """What an export of an annotation tool does not say itself."""
    words = [name for name in ("annotator", "orientation") if query.get(name)]
    options: dict[str, Any] = {name: query[name] for name in words}
    if query.get("attributes"):
        options["attributes"] = names_of(query["attributes"])
    if query.get("questions"):
        options["questions"] = questions_of(query["questions"])
    if query.get("gold"):
        said = query["gold"]
        options["gold"] = columns_of(said, "gold") if said.startswith("{") else {"": said}
    if query.get("format") in EXPORTS:
        if query.get("question"):
            options["question"] = query["question"]
        return options
    if options:
        name = next(iter(options))
        raise Refusal(
            f"{name}= is for exports of annotation tools and wide tables; send format= with one "
            f"of: {', '.join(EXPORTS)}.",
            code="invalid_options",
            pointer=name,
        )
    return {}


def names_of(text: str) -> list[str]:
    """Names separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def questions_of(text: str) -> dict[str, str]:
    """``questions={"ours": "theirs"}``, or names separated by commas where they are the same."""
    if not text.startswith("{"):
        return {name: name for name in names_of(text)}
    return columns_of(text, "questions")


def recognise(upload: Upload, sent: Sent, arrays: tuple[str, ...]) -> None:
    """Settle format and compression by the first bytes; refuse what is no table."""
    head = sent.head
    if (array := array_format(head)) in arrays:
        upload.options = {**upload.options, "format": array, "compression": None}
        return
    if (
        head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
        and upload.options.get("format") == "doccano"
    ):
        upload.options["compression"] = "zip"
        return
    if sent.content_type == _OF_CURL and head and b"\n" not in head and head[:1] not in b"[{":
        raise unsupported(
            "curl -d takes the line ends out of a file; send it with --data-binary @file and "
            "-H 'Content-Type: text/csv'."
        )
    found = sniff(head, sent.content_type, upload.file_name or None)
    if not isinstance(found, Problem):
        said = upload.options.get("format")
        if found.format == "parquet" and said in _TEXTS:
            raise unsupported(f"The content is Parquet; send format=parquet instead of {said}.")
        upload.options = {
            "format": found.format,
            "compression": found.compression,
            **({"delimiter": "\t"} if found.format == "tsv" else {}),
            **upload.options,
        }
    elif found.code is Code.UNSUPPORTED_MEDIA_TYPE:
        raise unsupported(found.message)
    else:
        # The worker's reader finds it again, and says the line; the sender sees one kind of answer.
        gzipped = head.startswith(b"\x1f\x8b")
        upload.options = {
            "format": "csv",
            "compression": "gzip" if gzipped else None,
            **upload.options,
        }


def unsupported(detail: str) -> Refusal:
    return Refusal(detail, code="unsupported_media_type", status=415)


def columns_of(text: str, name: str = "columns") -> dict[str, str]:
    """``columns={"item": "image_id"}``: our name to the file's."""
    try:
        value = parse_json(text.encode())
    except Refusal as refusal:
        detail = refusal.detail.replace("The body", f"{name}=")
        raise Refusal(detail, code=refusal.code, pointer=name) from None
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise Refusal(
            f'{name} must be a JSON object like {{"item": "image_id"}}: our name to the file\'s.',
            pointer=name,
        )
    twice = sorted({theirs for theirs in value.values() if list(value.values()).count(theirs) > 1})
    if twice and name == "columns":
        raise Refusal(
            f"columns= gives the file's column {twice[0]!r} two meanings; give each column one.",
            code="invalid_options",
            pointer=name,
        )
    return value


def idempotency_key_of(request: Asked) -> str | None:
    """The sender's key, by which a repeated request is known."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key, re.ASCII):
        raise Refusal(
            "Idempotency-Key must be 1 to 255 visible ASCII characters.",
            code="bad_idempotency_key",
        )
    return key
