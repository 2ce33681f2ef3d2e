"""Files in: received whole or refused, worked off by a worker, looked at here."""

from __future__ import annotations

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
from catalog.api.describing import PARAMETERS, described, receive
from catalog.ingest import source_lines, withdrawing
from catalog.models import Dataset, Upload
from catalog.problems import Refusal
from catalog.reading import Code
from catalog.rest import tables
from catalog.rest.paging import CursorPage
from catalog.rest.queries import one_by_id, one_of, query_of
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


def upload_of(dataset: Dataset, user: Any, upload_id: str) -> Upload:
    """One upload of a data set; contributors see only their own."""
    missing = f"The data set {dataset.slug!r} has no upload {upload_id!r}."
    found: Upload = one_by_id(visible_uploads(dataset, user), upload_id, missing)
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
        known = {"kind": list(kinds.upload_kinds()), "state": Upload.State.values}
        for name, words in known.items():
            if name in query:
                rows = rows.filter(**{name: one_of(query, name, words, "")})
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
        return answer_upload(request, receive(upload, kind, sent))


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
