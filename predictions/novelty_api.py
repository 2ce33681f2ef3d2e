"""Novelty over REST: the newest result, its tables, and every judged item."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.access import May, dataset_for
from catalog.models import Dataset, Run
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run
from catalog.rest.tables import FILE
from predictions.confidence_api import MAX_PAGE_SIZE, PAGE_SIZE, next_page, whole_number
from predictions.disclosure import visible
from predictions.models import ItemNovelty
from predictions.novelty_parameters import features_of, model_beside, subject_of
from predictions.novelty_serializers import NoveltySerializer
from predictions.results_api import MODEL, Result, Rows

FEATURES = OpenApiParameter(
    "features", str, description="A feature set by name. May be left out if there is only one."
)
QUADRANTS = {
    "sure_familiar": (True, False),
    "sure_novel": (True, True),
    "unsure_familiar": (False, False),
    "unsure_novel": (False, True),
}


def _newest(
    request: Request, slug: str, may: May, *known: str
) -> tuple[Dataset, Run, dict[str, str]]:
    """The newest finished novelty run of the features, and beside the model, that were named."""
    query = query_of(request, "features", "model", *known)
    dataset = dataset_for(request.user, slug, may=may)
    features = features_of(dataset, query.get("features"))
    model = model_beside(dataset, query.get("model"))
    return dataset, finished_run(request, dataset, "novelty", subject_of(features, model)), query


class NoveltyView(APIView):
    """Items unlike those of the reference, and how sure the model is: the newest result."""

    @extend_schema(
        operation_id="novelty_retrieve",
        parameters=[FEATURES, MODEL],
        responses=NoveltySerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        dataset, run, _ = _newest(request, slug, May.READ_RESULTS)
        shown = visible(request.user, dataset, run.result or {})
        return answer_result(request, dataset, run, shown)


def _method_rows(result: Result) -> Rows:
    return [{"method": name, **one} for name, one in result["methods"].items()]


def _quadrant_rows(result: Result) -> Rows:
    return [
        {"method": name, "quadrant": corner, **numbers}
        for name, one in result["methods"].items()
        if one["quadrants"] is not None
        for corner, numbers in ((corner, one["quadrants"][corner]) for corner in QUADRANTS)
    ]


class NoveltyTable(tables.TableView):
    """One table of the newest novelty result: methods, quadrants or subgroups."""

    tables: ClassVar[dict[str, Any]] = {
        "methods": _method_rows,
        "quadrants": _quadrant_rows,
        "subgroups": lambda result: result["subgroups"],
    }

    @extend_schema(parameters=[FEATURES, MODEL], responses=FILE)
    def get(
        self, request: Request, slug: str, table: str, suffix: str | None = None
    ) -> HttpResponse:
        dataset_for(request.user, slug, may=May.READ_RESULTS)
        tables.check_table(table, ["items", *self.tables], "novelty")
        dataset, run, _ = _newest(request, slug, May.READ_RESULTS)
        rows = self.tables[table](visible(request.user, dataset, run.result or {}))
        return tables.table(rows, tables.wanted_format(request, suffix), f"novelty-{table}")


class NoveltyItems(tables.TableView):
    """Every judged item: scores, p-values, the model's confidence and the quadrant; in pages."""

    @extend_schema(
        parameters=[
            FEATURES,
            MODEL,
            OpenApiParameter("quadrant", str, enum=list(QUADRANTS)),
            OpenApiParameter("cursor", str, description="From the Link header of the page before."),
            OpenApiParameter("page_size", int, description=f"At most {MAX_PAGE_SIZE:,}."),
        ],
        responses=FILE,
    )
    def get(self, request: Request, slug: str, suffix: str | None = None) -> HttpResponse:
        dataset, run, query = _newest(request, slug, May.READ_ROWS, "quadrant")
        start = (dataset.pk << 32) + whole_number(query, "cursor", 0)
        size = min(max(whole_number(query, "page_size", PAGE_SIZE), 1), MAX_PAGE_SIZE)
        found = ItemNovelty.objects.filter(run=run, item__dataset=dataset, item_id__gte=start)
        found = found.select_related("item")
        if "quadrant" in query:
            found = _in_quadrant(found, run, query["quadrant"])
        page = list(found.order_by("item_id")[: size + 1])
        rows = [_row(one, run) for one in page[:size]]
        answer = tables.table(rows, tables.wanted_format(request, suffix), "novelty-items")
        if len(page) > size:
            answer["Link"] = next_page(request, page[size].item_id & NUMBER_MASK)
        return answer


def _able(run: Run) -> list[str]:
    """The methods that judged anything, in the order of the stored numbers."""
    found = (run.result or {})["methods"]
    return [name for name in run.parameters["methods"] if found[name]["reason"] is None]


def _row(one: ItemNovelty, run: Run) -> dict[str, Any]:
    told = run.parameters
    by_method = zip(_able(run), one.scores, one.p_values, strict=True)
    row: dict[str, Any] = {"item": one.item.external_id, "confidence": one.confidence}
    row["quadrant"] = None
    if one.confidence is not None:
        corner = (one.confidence >= told["confident_from"], one.p_values[0] <= told["novel_below"])
        row["quadrant"] = next(name for name, place in QUADRANTS.items() if place == corner)
    for name, score, p in by_method:
        row |= {f"p_{name}": p, f"score_{name}": score}
    return row


def _in_quadrant(rows: QuerySet[ItemNovelty], run: Run, said: str) -> QuerySet[ItemNovelty]:
    if said not in QUADRANTS:
        raise Refusal(
            f"quadrant must be one of {', '.join(QUADRANTS)}; it is {said!r}.", pointer="quadrant"
        )
    sure, novel = QUADRANTS[said]
    is_sure = Q(confidence__gte=run.parameters["confident_from"])
    is_novel = Q(p_values__0__lte=run.parameters["novel_below"])
    rows = rows.filter(confidence__isnull=False)
    return rows.filter(is_sure if sure else ~is_sure).filter(is_novel if novel else ~is_novel)
