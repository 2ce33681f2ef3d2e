"""Places with few items near them, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access
from catalog.access import May
from catalog.models import Dataset
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run
from coverage.serializers import NeighboursSerializer


class NeighboursView(APIView):
    """Items and places with fewer than k items within a radius: the newest finished result."""

    serializer_class = NeighboursSerializer

    @extend_schema(operation_id="coverage_neighbours_retrieve")
    def get(self, request: Request, slug: str) -> Response:
        query_of(request, in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        run = finished_run(request, dataset, "neighbours", "")
        result = dict(run.result or {})
        if access.may(request.user, dataset, May.READ_ROWS):
            result["items"] = _named(dataset, result["items"])
        else:
            result = _for_auditors(result)
        return answer_result(request, dataset, run, result)


def _named(dataset: Dataset, items: dict[str, Any]) -> dict[str, Any]:
    keys = [dataset.pk << 32 | number for number in items["named"]]
    rows = dataset.items.filter(pk__in=keys).order_by("pk")
    return {**items, "named": list(rows.values_list("external_id", flat=True))}


def _for_auditors(result: dict[str, Any]) -> dict[str, Any]:
    """How many, but not where: a place with one item, or the ends of a range, are somebody."""
    places = result["places"]
    return {
        **result,
        "ranges": {},
        "items": {**result["items"], "named": []},
        "places": None if places is None else {**places, "listed": []},
    }
