"""What a reader may see of each kind of result: every room says so itself."""

from __future__ import annotations

from typing import Any

from annotations.disclosure import visible as visible_agreement
from catalog.access import User
from catalog.models import Dataset, Run
from coverage.disclosure import visible as visible_coverage
from coverage.findings_api import visible_divergence, visible_missingness
from predictions.disclosure import visible as visible_calibration


def visible_result(user: User, dataset: Dataset, run: Run) -> dict[str, Any]:
    """A finished run's result as this member may see it, like the room's REST answer."""
    result: dict[str, Any] = run.result or {}
    if run.kind == "agreement":
        return visible_agreement(user, dataset, result)
    if run.kind == "coverage":
        return visible_coverage(user, dataset, result)
    if run.kind == "missingness":
        return visible_missingness(user, dataset, result)
    if run.kind == "divergence":
        return visible_divergence(user, dataset, result)
    return visible_calibration(user, dataset, result)
