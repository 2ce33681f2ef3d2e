"""Ensembles over REST."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request

from catalog.access import May, dataset_for
from catalog.rest import tables
from catalog.rest.queries import query_of
from predictions.confidence_api import MAX_PAGE_SIZE, PAGE, PAGE_SIZE, next_page, whole_number
from predictions.ensembles_serializers import EnsemblesSerializer
from predictions.queries import CHUNK_NUMBERS, items_from, members_of, model_of
from predictions.results_api import MODEL, ModelResultTable, ModelResultView, keyed


@extend_schema_view(get=extend_schema(operation_id="ensembles_retrieve", parameters=[MODEL]))
class EnsemblesView(ModelResultView):
    """What the members of an ensemble agree on, and what each is worth: the newest result."""

    kind = "ensembles"
    serializer_class = EnsemblesSerializer


class EnsemblesTable(ModelResultTable):
    """One table of the newest ensembles result: uncertainty, members, sizes or subgroups."""

    kind = "ensembles"
    tables = {
        "uncertainty": lambda result: keyed("kind", result["uncertainty"]),
        "ambiguity": lambda result: keyed("term", result["ambiguity"]),
        "members": lambda result: result["members"],
        "sizes": lambda result: result["sizes"],
        "subgroups": lambda result: result["subgroups"],
    }


class EnsemblesItems(tables.TableView):
    """Each item's mean probabilities and its epistemic and aleatoric parts, in pages."""

    @extend_schema(parameters=PAGE, responses=tables.FILE)
    def get(self, request: Request, slug: str, suffix: str | None = None) -> HttpResponse:
        query = query_of(request, "model")
        dataset = dataset_for(request.user, slug, may=May.READ_ROWS)
        model = model_of(dataset, query.get("model"))
        members = members_of(model)
        start, size = whole_number(query, "cursor", 0), whole_number(query, "page_size", PAGE_SIZE)
        # A page of many members is shorter, so that what it takes to make it stays small.
        most = CHUNK_NUMBERS // (max(1, len(members)) * len(model.classes))
        size = max(1, min(size, MAX_PAGE_SIZE, most))
        numbers = items_from(model, start, size + 1)
        more = len(numbers) > size
        stop = numbers[-1] if more else (numbers[-1] + 1 if numbers else start)
        make_rows = import_string("predictions.ensemble_items.ensemble_rows")
        rows = make_rows(model, members, start, stop) if members else []
        answer = tables.table(rows, tables.wanted_format(request, suffix), "ensembles-items")
        if more:
            answer["Link"] = next_page(request, stop)
        return answer
