"""Requests of annotators to be forgotten."""

from __future__ import annotations

import unicodedata
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access
from catalog.access import May
from catalog.ingest import erasing
from catalog.rest.paging import CursorPage
from catalog.rest.queries import one_by_id, query_of
from catalog.serializers import ErasureRequestSerializer, ErasureSerializer


class ErasureList(APIView):
    """Annotators whose identity was destroyed: when and by whom, never whose."""

    serializer_class = ErasureSerializer

    @extend_schema(operation_id="erasures_list", responses=ErasureSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.DEFINE)
        page = CursorPage()
        rows = dataset.erasures.select_related("dataset", "requested_by")
        found: Any = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(ErasureSerializer(found, many=True).data)

    @extend_schema(request=ErasureRequestSerializer, responses={202: ErasureSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Destroy an annotator's identity; the labels stay, under a pseudonym made by chance."""
        dataset = access.dataset_for(request.user, slug, may=May.DEFINE)
        serializer = ErasureRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name = unicodedata.normalize("NFC", serializer.validated_data["annotator"])
        erasure = erasing.erase(dataset, name, request.user)
        location = request.build_absolute_uri(f"{erasure.pk}/")
        return Response(ErasureSerializer(erasure).data, status=202, headers={"Location": location})


class ErasureDetail(APIView):
    """One erasure."""

    serializer_class = ErasureSerializer

    def get(self, request: Request, slug: str, key: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.DEFINE)
        missing = f"The data set {slug!r} has no erasure {key!r}."
        found = one_by_id(dataset.erasures.all(), key, missing)
        return Response(ErasureSerializer(found).data)
