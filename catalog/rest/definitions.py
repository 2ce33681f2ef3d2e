"""Collections under a data set - questions, attributes, populations, models - by one pattern."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Model
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.access import May, dataset_for
from catalog.models import Dataset
from catalog.problems import Refusal
from catalog.rest.paging import CursorPage
from catalog.rest.preconditions import check_match, tagged
from catalog.rest.queries import query_of
from catalog.services import define, lock, redefine, remove


class DefinitionList(APIView):
    """All definitions of one kind; POST adds one, and makes a new version of the data set."""

    model: type[Model]
    serializer_class: type[Any]

    def get(self, request: Request, slug: str) -> Response:
        query_of(request)
        dataset = dataset_for(request.user, slug, may=May.SEE)
        rows = self.model._default_manager.filter(dataset=dataset)
        page = CursorPage()
        found = page.paginate_queryset(rows, request, view=self)
        serializer = self.serializer_class(found, many=True, context={"dataset": dataset})
        return page.get_paginated_response(serializer.data)

    def post(self, request: Request, slug: str) -> Response:
        dataset = dataset_for(request.user, slug, may=May.DEFINE)
        serializer = self.serializer_class(data=request.data, context={"dataset": dataset})
        serializer.is_valid(raise_exception=True)
        made = define(dataset, self.model, serializer.validated_data)
        body = self.serializer_class(made, context={"dataset": dataset}).data
        location = request.build_absolute_uri(f"{made.pk}/")
        return Response(body, status=201, headers={"Location": location})


class DefinitionDetail(APIView):
    """One definition, by its id or its name."""

    model: type[Model]
    serializer_class: type[Any]

    def find(self, dataset: Dataset, key: str) -> Model:
        """The definition whose name or id this is; a name wins over an id that looks like it."""
        rows = self.model._default_manager.filter(dataset=dataset)
        found = rows.filter(name=key).order_by("pk").last()
        if found is None and key.isascii() and key.isdigit() and len(key) < 19:
            found = rows.filter(pk=int(key)).first()
        if found is None:
            raise Refusal(
                f"The data set {dataset.slug!r} has no {self.model._meta.verbose_name} {key!r}.",
                code="not_found",
                status=404,
            )
        return found

    def get(self, request: Request, slug: str, key: str) -> Response:
        dataset = dataset_for(request.user, slug, may=May.SEE)
        return tagged(request, self._body(dataset, self.find(dataset, key)))

    def patch(self, request: Request, slug: str, key: str) -> Response:
        dataset = dataset_for(request.user, slug, may=May.DEFINE)
        with transaction.atomic():
            found = self.locked(request, dataset, key)
            serializer = self.serializer_class(
                found, data=request.data, partial=True, context={"dataset": dataset}
            )
            serializer.is_valid(raise_exception=True)
            self.change(dataset, found, serializer.validated_data)
        return tagged(request, self._body(dataset, found))

    def delete(self, request: Request, slug: str, key: str) -> Response:
        dataset = dataset_for(request.user, slug, may=May.DEFINE)
        with transaction.atomic():
            remove(dataset, self.locked(request, dataset, key))
        return Response(status=204)

    def locked(self, request: Request, dataset: Dataset, key: str) -> Model:
        """The definition under the data set's lock, if it is still what the sender saw."""
        lock(dataset)
        found = self.find(dataset, key)
        check_match(request, self._body(dataset, found))
        return found

    def change(self, dataset: Dataset, found: Any, fields: dict[str, Any]) -> None:
        """Store what was sent; a room whose definitions hang together has its own way."""
        redefine(dataset, found, fields)

    def _body(self, dataset: Dataset, found: Model) -> Any:
        return self.serializer_class(found, context={"dataset": dataset}).data
