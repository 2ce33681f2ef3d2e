"""Performance without labels, over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view

from predictions.expected_serializers import ExpectedPerformanceSerializer
from predictions.results_api import MODEL, ModelResultTable, ModelResultView, keyed


@extend_schema_view(
    get=extend_schema(operation_id="expected_performance_retrieve", parameters=[MODEL])
)
class ExpectedPerformanceView(ModelResultView):
    """How often the model will be right where nobody knows the answer: the newest result."""

    kind = "expected-performance"
    serializer_class = ExpectedPerformanceSerializer


class ExpectedPerformanceTable(ModelResultTable):
    """One table of the newest such result: groups or expected."""

    kind = "expected-performance"
    tables = {
        "groups": lambda result: result["groups"],
        "expected": lambda result: keyed("score", result["expected"]),
    }
