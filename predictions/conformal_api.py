"""Prediction sets, and when to rather not answer, over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view

from predictions.conformal_serializers import ConformalSerializer
from predictions.results_api import MODEL, ModelResultTable, ModelResultView, Result, Rows


@extend_schema_view(get=extend_schema(operation_id="conformal_retrieve", parameters=[MODEL]))
class ConformalView(ModelResultView):
    """Sets of classes that cannot be ruled out, and the risk of answering: the newest result."""

    kind = "conformal"
    serializer_class = ConformalSerializer


def _risk_rows(result: Result) -> Rows:
    rows: Rows = result["risk_coverage"]["points"]
    return rows


class ConformalTable(ModelResultTable):
    """One table of the newest conformal result: methods, subgroups or risk_coverage."""

    kind = "conformal"
    tables = {
        "methods": lambda result: [
            {"method": name, **one} for name, one in result["methods"].items()
        ],
        "subgroups": lambda result: result["subgroups"],
        "risk_coverage": _risk_rows,
    }
