"""What each member may see of a calibration result."""

from __future__ import annotations

from typing import Any

from catalog import access
from catalog.access import May, User
from catalog.disclosure import withhold_small
from catalog.models import Dataset


def visible(user: User, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of a calibration result: small subgroups are for managers."""
    if access.may(user, dataset, May.READ_ROWS):
        return {**result, "disclosure": "full"}
    shown = withhold_small(result, dataset.min_cell)
    return {**shown, "disclosure": f"min_cell_{dataset.min_cell}"}
