"""Runs: what was, is and will be computed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access, quotas, runs
from catalog.access import May
from catalog.models import Dataset, Run
from catalog.problems import Refusal
from catalog.rest.paging import CursorPage
from catalog.rest.queries import one_by_id, query_of
from catalog.rest.waiting import answer_when_done
from catalog.serializers import RunRequestSerializer, RunSerializer


def run_of(dataset: Dataset, run_id: str) -> Run:
    """One run of a data set."""
    missing = f"The data set {dataset.slug!r} has no run {run_id!r}."
    found: Run = one_by_id(dataset.runs.select_related("dataset"), run_id, missing)
    return found


def answer_run(request: Request, run: Run) -> Response:
    """A run's state; waits for its end as long as the client asked for."""

    def body() -> Any:
        run.refresh_from_db()
        return RunSerializer(run, context={"request": request}).data

    ended = Run.objects.filter(pk=run.pk).exclude(state__in=runs.UNFINISHED)
    location = request.build_absolute_uri(f"/api/v1/datasets/{run.dataset.slug}/runs/{run.pk}/")
    return answer_when_done(request, location=location, is_done=ended.exists, body=body)


class RunList(APIView):
    """All runs of the data set, newest first; POST asks for one."""

    serializer_class = RunSerializer

    @extend_schema(
        operation_id="runs_list",
        responses=RunSerializer(many=True),
        parameters=[OpenApiParameter(name, str) for name in ("kind", "state", "subject", "upload")],
    )
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "kind", "state", "subject", "upload")
        dataset = access.dataset_for(request.user, slug, may=May.SEE)
        rows = dataset.runs.select_related("dataset").defer("result")
        for name in ("kind", "state", "subject"):
            if name in query:
                rows = rows.filter(**{name: query[name]})
        if "upload" in query:
            rows = rows.filter(**_of_upload(dataset, query["upload"]))
        page = CursorPage()
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(
            RunSerializer(found, many=True, context={"request": request}).data
        )

    @extend_schema(request=RunRequestSerializer, responses={202: RunSerializer})
    def post(self, request: Request, slug: str) -> Response:
        dataset = access.dataset_for(request.user, slug, may=May.RUN)
        serializer = RunRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        quotas.spend("runs", request.user.pk)
        with transaction.atomic():
            run, _ = runs.launch(
                dataset, asked["kind"], asked.get("parameters", {}), user=request.user
            )
        return answer_run(request, run)


def _of_upload(dataset: Dataset, upload_id: str) -> dict[str, Any]:
    """The runs that an upload set off: its own, and those of the version that it made."""
    missing = f"The data set {dataset.slug!r} has no upload {upload_id!r}."
    upload = one_by_id(dataset.uploads.all(), upload_id, missing)
    return {"version": upload.version} if upload.version is not None else {"upload": upload}


class RunDetail(APIView):
    """One run."""

    serializer_class = RunSerializer

    def get(self, request: Request, slug: str, run_id: str) -> Response:
        run = run_of(access.dataset_for(request.user, slug, may=May.SEE), run_id)
        response = answer_run(request, run)
        response.status_code = 200
        return response


class RunCancel(APIView):
    """End a run that has not ended."""

    serializer_class = RunSerializer

    @extend_schema(request=None, responses={200: RunSerializer})
    def post(self, request: Request, slug: str, run_id: str) -> Response:
        run = run_of(access.dataset_for(request.user, slug, may=May.RUN), run_id)
        if not runs.cancel(run):
            run.refresh_from_db()
            raise Refusal(
                f"Run {run.pk} is {run.state} already; only an unfinished one can be cancelled.",
                code="already_ended",
                status=409,
            )
        run.refresh_from_db()
        return Response(RunSerializer(run, context={"request": request}).data)
