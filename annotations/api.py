"""Annotation quality over REST."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.disclosure import visible
from annotations.filters import table_rows
from annotations.serializers import AgreementSerializer
from catalog import access
from catalog.access import May
from catalog.ingest.kinds import question_of
from catalog.rest import tables
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run

QUESTION = OpenApiParameter("question", str, description="May be left out if there is only one.")
# Each table with the filters that it knows beside the question.
TABLES: dict[str, tuple[str, ...]] = {
    "pairs": ("annotator",),
    "annotators": (),
    "values": (),
    "subgroups": ("of", "attribute", "level"),
    "groups": ("attribute",),
    "periods": ("kind",),
    "items": (),
}
_COEFFICIENTS = tuple(
    f"coefficients.{name}.*"
    for name in ("krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1")
)
_COUNTS = ("n_labels", "n_items", "n_items_pairable", "n_annotators")
# The columns that come first, and the header of an empty table.
COLUMNS: dict[str, tables.Names] = {
    "pairs": ("annotators", "n_items", "cohen_kappa.*", "percent_agreement.*"),
    "annotators": (
        *("annotator", "n_labels", "n_items", "n_items_shared", "agreement_with_others.*"),
        *("agreement_with_self.*", "alpha_without.*", "alpha_change.*"),
    ),
    "values": ("value", "n_labels", "krippendorff_alpha.*", "fleiss_kappa.*"),
    "subgroups": ("of", *_COUNTS, *_COEFFICIENTS),
    "groups": (
        *("in_group.*", "cross_group.*", "association_index.*", "in_group_test.*"),
        *("association_test.*", "n_annotators", "n_labels"),
    ),
    "periods": ("kind", "period", *_COUNTS, *_COEFFICIENTS),
    "items": ("item", "n_labels", "contribution", "disagreement", "entropy"),
}
FILTERS = [
    OpenApiParameter("annotator", str, description="pairs: of this annotator; for the lead only."),
    OpenApiParameter("of", str, enum=["item", "annotator"], description="subgroups: of what."),
    OpenApiParameter("attribute", str, description="subgroups, groups: by this attribute."),
    OpenApiParameter(
        "level", str, enum=["1", "2"], description="subgroups: 2 for where two attributes meet."
    ),
    OpenApiParameter(
        "kind", str, enum=["batch", "week", "guideline_version"], description="periods: of what."
    ),
]


class AgreementView(APIView):
    """How far the annotators of a question agree: the newest finished result."""

    serializer_class = AgreementSerializer

    @extend_schema(operation_id="agreement_retrieve", parameters=[QUESTION])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "question")
        dataset = access.dataset_for(request.user, slug, may=May.READ_SUMMARY)
        question = question_of(dataset, query.get("question"))
        run = finished_run(request, dataset, "agreement", question)
        shown = visible(request.user, dataset, run.result or {})
        return answer_result(request, dataset, run, shown)


class AgreementTable(tables.TableView):
    """One table of the newest agreement result, as json, ndjson, csv or parquet."""

    @extend_schema(
        parameters=[QUESTION, *FILTERS],
        responses=tables.FILE,
    )
    def get(
        self, request: Request, slug: str, table: str, suffix: str | None = None
    ) -> HttpResponse:
        query = query_of(request, "question", *TABLES.get(table, ()))
        # Whose pairs they are, and which items, is known to leads only.
        of_leads = "annotator" in query or table == "items"
        may = May.READ_ROWS if of_leads else May.READ_RESULTS
        dataset = access.dataset_for(request.user, slug, may=may)
        tables.check_table(table, TABLES, "agreement")
        question = question_of(dataset, query.get("question"))
        run = finished_run(request, dataset, "agreement", question)
        rows = table_rows(visible(request.user, dataset, run.result or {}), table, query)
        form = tables.wanted_format(request, suffix)
        return tables.table(rows, form, f"agreement-{table}", COLUMNS[table])
