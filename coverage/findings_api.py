"""Missingness, balance between parts, and subgroups that differ, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access
from catalog.access import May, User
from catalog.ingest.kinds import question_of
from catalog.models import Dataset
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run
from coverage.serializers import DivergenceSerializer, MissingnessSerializer

Row = dict[str, Any]
QUESTION = OpenApiParameter("question", str, description="May be left out if there is one.")


class MissingnessView(APIView):
    """What is unknown, and whether that says something; parts beside each other."""

    serializer_class = MissingnessSerializer

    @extend_schema(operation_id="coverage_missingness_retrieve")
    def get(self, request: Request, slug: str) -> Response:
        query_of(request, in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        run = finished_run(request, dataset, "missingness", "")
        result = visible_missingness(request.user, dataset, run.result or {})
        return answer_result(request, dataset, run, result)


class DivergenceView(APIView):
    """Subgroups in which a reference label is more, or less, frequent than in the whole."""

    serializer_class = DivergenceSerializer

    @extend_schema(operation_id="coverage_divergence_retrieve", parameters=[QUESTION])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "question", in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        question = question_of(dataset, query.get("question"))
        run = finished_run(request, dataset, "divergence", question)
        result = visible_divergence(request.user, dataset, run.result or {})
        return answer_result(request, dataset, run, result)


def visible_missingness(user: User, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of what is unknown."""
    result = {k: v for k, v in result.items() if k != "values"}
    if access.may(user, dataset, May.READ_ROWS):
        return result
    return _without_cells(result, dataset.min_cell)


def _without_cells(result: dict[str, Any], min_cell: int) -> dict[str, Any]:
    """For auditors: verdicts of all comparisons, numbers of those without a small cell."""
    shown = dict(result)
    shown["attributes"] = [row for row in result["attributes"] if _is_large(row, result, min_cell)]
    shown["patterns"] = []
    shown["subgroups"] = [_verdict(row) for row in result["subgroups"]]
    for name in ("labels", "balance"):
        shown[name] = [
            row if row["smallest_cell"] >= min_cell else _verdict(row) for row in result[name]
        ]
    shown["leakage"] = [{**row, "groups": []} for row in result["leakage"]]
    return shown


def _is_large(row: Row, result: dict[str, Any], min_cell: int) -> bool:
    n = row["n_missing"]
    return bool(n == 0 or min(n, result["n_items"] - n) >= min_cell)


def _verdict(row: Row) -> Row:
    kept = ("attribute", "by", "question", "verdict")
    return {name: row[name] for name in kept if name in row}


def visible_divergence(user: User, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of subgroups that differ."""
    if access.may(user, dataset, May.READ_ROWS):
        return result
    return _for_auditors(result, dataset.min_cell)


def _for_auditors(result: dict[str, Any], min_cell: int) -> dict[str, Any]:
    """Only subgroups that were found safe, for a min_cell at least as large as today's."""
    safe = min_cell <= result["disclosure_min_cell"]
    labels = [
        {
            **one,
            "contributions": [],
            "subgroups": [row for row in one["subgroups"] if safe and not row["managers_only"]],
        }
        for one in result["labels"]
        if min(one["n"], result["n_items"] - one["n"]) >= min_cell
    ]
    agreement = result["agreement"]
    if agreement is not None:
        rows = [row for row in agreement["subgroups"] if safe and not row["managers_only"]]
        agreement = {**agreement, "subgroups": rows, "contributions": []}
    return {**result, "labels": labels, "agreement": agreement}
