"""Files in: received whole or refused, worked off by a worker, looked at here."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access, kinds, quotas, remembering
from catalog.access import May
from catalog.api.bodies import SentFile
from catalog.ingest import erasing, purposes, receiving, source_lines, withdrawing
from catalog.models import Dataset, Membership, Upload
from catalog.problems import Refusal
from catalog.reading import Code, Problem, array_format, sniff
from catalog.reading.columns import ARRAYS, EXPORTS, FORMATS
from catalog.rest import tables
from catalog.rest.paging import CursorPage
from catalog.rest.parsing import parse_json
from catalog.rest.queries import flag, query_of
from catalog.rest.waiting import answer_when_done
from catalog.serializers import UploadSerializer

MEDIA_TYPES = (
    "text/csv",
    "application/x-ndjson",
    "application/json",
    "application/vnd.apache.parquet",
    "application/octet-stream",
)
FORM = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
_NOT_UNDERSTOOD = {
    Code.HEADER_MISSING_COLUMN,
    Code.HEADER_UNKNOWN_COLUMN,
    Code.HEADER_EMPTY_COLUMN,
    Code.WRONG_DELIMITER,
    Code.QUESTION_UNSTATED,
    Code.TIMEZONE_MISSING,
    Code.VALUE_MISSING,
}
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
WORDS = ("delimiter", "decimal", "timezone", "unknown", "precision", "on_identical", "item_order")


def upload_of(dataset: Dataset, user: Any, upload_id: str) -> Upload:
    """One upload of a data set; contributors see only their own."""
    found: Upload | None
    try:
        found = visible_uploads(dataset, user).filter(pk=uuid.UUID(upload_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise Refusal(
            f"The data set {dataset.slug!r} has no upload {upload_id!r}.",
            code="not_found",
            status=404,
        )
    return found


def visible_uploads(dataset: Dataset, user: Any) -> Any:
    """The uploads that a member may see: all for managers, their own for contributors."""
    rows = dataset.uploads.select_related("dataset")
    if access.may(user, dataset, May.READ_ROWS) or access.may(user, dataset, May.READ_RESULTS):
        return rows
    return rows.filter(uploaded_by_id=user.pk)


def seen_by(request: Request, dataset: Dataset) -> dict[str, Any]:
    """What an upload's serializer must know of its reader."""
    return {"request": request, "sees_rows": access.may(request.user, dataset, May.READ_ROWS)}


class UploadList(APIView):
    """Files that came in, newest first."""

    serializer_class = UploadSerializer

    @extend_schema(
        operation_id="uploads_list",
        responses=UploadSerializer(many=True),
        parameters=[OpenApiParameter("kind", str), OpenApiParameter("state", str)],
    )
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "kind", "state")
        dataset = access.dataset_for(request.user, slug, may=May.SEE)
        rows = visible_uploads(dataset, request.user)
        for name in ("kind", "state"):
            if name in query:
                rows = rows.filter(**{name: query[name]})
        page = CursorPage()
        found: Any = page.paginate_queryset(rows, request, view=self)
        context = seen_by(request, dataset)
        return page.get_paginated_response(UploadSerializer(found, many=True, context=context).data)


class UploadKindOrOne(APIView):
    """POST to a kind sends a file; GET of an id looks at one, of a kind how the last was read."""

    serializer_class = UploadSerializer
    parser_classes = ()

    @extend_schema(operation_id="uploads_retrieve")
    def get(self, request: Request, slug: str, key: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.SEE)
        if key in kinds.upload_kinds():
            access.dataset_for(request.user, slug, may=May.UPLOAD_LABELS)
            offered = remembering.parameters_of(remembering.remembered(dataset, key))
            return Response({"kind": key, "remembered": offered})
        response = answer_upload(request, upload_of(dataset, request.user, key))
        response.status_code = 200
        return response

    @extend_schema(operation_id="uploads_withdraw", responses={200: UploadSerializer})
    def delete(self, request: Request, slug: str, key: str) -> Response:
        """Withdraw a stored upload: what it replaced comes back, as a new version."""
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.UPLOAD)
        upload = upload_of(dataset, request.user, key)
        withdrawing.withdraw(dataset, upload, request.user)
        return Response(UploadSerializer(upload, context=seen_by(request, upload.dataset)).data)

    @extend_schema(
        operation_id="uploads_create",
        request={
            **dict.fromkeys(MEDIA_TYPES, OpenApiTypes.BINARY),
            "multipart/form-data": FORM,
        },
        responses={202: UploadSerializer, 200: UploadSerializer},
        parameters=[OpenApiParameter(name, str) for name in PARAMETERS],
    )
    def post(self, request: Request, slug: str, key: str) -> Response:
        query = query_of(request, *PARAMETERS)
        known = kinds.upload_kinds()
        if key not in known:
            access.dataset_for(request.user, slug, may=May.SEE)
            raise Refusal(
                f"There are no uploads of kind {key!r}; the kinds are: {', '.join(sorted(known))}.",
                code="unknown_kind",
                status=404,
            )
        kind = known[key]
        right = May.UPLOAD_LABELS if kind.contributor_may else May.UPLOAD
        dataset = access.dataset_for(request.user, slug, may=right)
        quotas.spend("uploads", request.user.pk)
        upload = described(request, dataset, kind, query)
        sent = SentFile(request, query)
        upload.file_name = upload.file_name or receiving.inert_name(sent.name)
        recognise(upload, sent, kind.formats)
        check_layout(kind, upload)
        purposes.refuse_early(upload, sent.head)
        upload.sha256, upload.size = sent.keep()
        erasing.refuse_erased(dataset, upload.sha256)
        upload, _ = receiving.record(dataset, kind, upload)
        return answer_upload(request, upload)


def answer_upload(request: Request, upload: Upload) -> Response:
    """An upload's state; waits for its end as long as the client asked for."""

    def body() -> Any:
        upload.refresh_from_db()
        shown = UploadSerializer(upload, context=seen_by(request, upload.dataset)).data
        return {**shown, **remembered_columns(upload)}

    ended = Upload.objects.filter(pk=upload.pk, finished_at__isnull=False)
    path = f"/api/v1/datasets/{upload.dataset.slug}/uploads/{upload.pk}/"
    return answer_when_done(
        request, location=request.build_absolute_uri(path), is_done=ended.exists, body=body
    )


def remembered_columns(upload: Upload) -> dict[str, Any]:
    """Where a file was not understood: how the newest stored one of its kind was read."""
    codes = {problem["code"] for problem in upload.problems}
    if upload.state != Upload.State.REJECTED or not codes & _NOT_UNDERSTOOD:
        return {}
    options = remembering.remembered(upload.dataset, upload.kind, upload.options.get("format"))
    if all(upload.options.get(name) == value for name, value in options.items()):
        return {}
    said = {"remembered": remembering.parameters_of(options)}
    return {"remembered_columns": options["columns"], **said} if "columns" in options else said


def described(
    request: Request, dataset: Dataset, kind: kinds.UploadKind, query: dict[str, str]
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


def one_of(query: dict[str, str], name: str, allowed: list[str], default: str) -> str:
    """A parameter that takes one of a few words."""
    value = query.get(name, default)
    if value not in allowed:
        raise Refusal(f"{name} must be one of {', '.join(allowed)}; it is {value!r}.", pointer=name)
    return value


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


def options_of(request: Request, query: dict[str, str]) -> dict[str, Any]:
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
    one_of(query, "unknown", ["create", "reject"], "create")
    one_of(query, "on_identical", ["reject", "skip"], "reject")
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


def recognise(upload: Upload, sent: SentFile, arrays: tuple[str, ...]) -> None:
    """Settle format and compression by the first bytes; refuse what is no table."""
    head = sent.head
    if (array := array_format(head)) in arrays:
        upload.options = {**upload.options, "format": array, "compression": None}
        return
    if head.startswith(b"PK\x03\x04") and upload.options.get("format") == "doccano":
        upload.options["compression"] = "zip"
        return
    found = sniff(head, sent.content_type, upload.file_name or None)
    if not isinstance(found, Problem):
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


def idempotency_key_of(request: Request) -> str | None:
    """The sender's key, by which a repeated request is known."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key, re.ASCII):
        raise Refusal(
            "Idempotency-Key must be 1 to 255 visible ASCII characters.",
            code="bad_idempotency_key",
        )
    return key


class UploadProblems(APIView):
    """The problems of an upload as a table, with the offending values."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, slug: str, key: str, suffix: str) -> HttpResponse:
        dataset = access.dataset_for(request.user, slug, may=May.SEE)
        upload = upload_of(dataset, request.user, key)
        if upload.uploaded_by_id != request.user.pk:
            access.dataset_for(request.user, slug, may=May.READ_ROWS)
        names = ("line", "column", "value", "code", "message", "hint", "source_line")
        lines = source_lines.read(upload, {p["line"] for p in upload.problems if p["line"]})
        rows: list[dict[str, Any]] = [
            {name: {**p, "source_line": lines.get(p["line"])}.get(name) for name in names}
            for p in upload.problems
        ]
        return tables.table(rows, suffix, "problems", names)
