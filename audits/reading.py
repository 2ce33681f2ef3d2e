"""What a reader may see of each kind of result: every room says so itself."""

from __future__ import annotations

from typing import Any

from annotations.disclosure import visible as visible_agreement
from catalog.models import Dataset, Run
from coverage.api import visible as visible_coverage
from predictions.disclosure import visible as visible_calibration


def visible_result(request: Any, dataset: Dataset, run: Run) -> dict[str, Any]:
    """A finished run's result as the signed-in member may see it, like the room's REST answer."""
    result: dict[str, Any] = run.result or {}
    if run.kind == "agreement":
        return visible_agreement(request.user, dataset, result)
    if run.kind == "coverage":
        return visible_coverage(request, dataset, result)
    return visible_calibration(request.user, dataset, result)
