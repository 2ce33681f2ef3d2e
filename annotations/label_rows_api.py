"""The stored labels as a file: for managers, streamed, as they were sent."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from annotations.label_rows import label_lines
from catalog import access
from catalog.access import May
from catalog.ingest.kinds import question_of
from catalog.rest.queries import query_of
from catalog.rest.tables import TableView


class LabelRows(TableView):
    """All labels of one question, or of every question, in the columns that uploads have."""

    @extend_schema(
        operation_id="labels_csv",
        parameters=[OpenApiParameter("question", str, description="By default: every question.")],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        query = query_of(request, "question")
        dataset = access.dataset_for(request.user, slug, may=May.READ_ROWS)
        questions = dataset.questions.order_by("name")
        if "question" in query:
            questions = questions.filter(name=question_of(dataset, query["question"]))
        response = StreamingHttpResponse(
            label_lines(list(questions)), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="{dataset.slug}-labels.csv"'
        response["X-Content-Type-Options"] = "nosniff"
        response["X-Spreadsheet-Safe"] = "no: values are exactly as sent; import them as text"
        return response
