"""What an auditor may see of small subgroups: that they exist, not what they hold."""

from __future__ import annotations

from typing import Any

from measures.estimates import Reason

_COUNTS = ("n", "n_labels", "n_items", "n_annotators")
_NUMBER = {"value", "reason", "n", "ci_low", "ci_high", "ci_level", "ci_method"}


def withhold_small(result: Any, min_cell: int) -> Any:
    """The result with every number of a subgroup smaller than ``min_cell`` withheld.

    A subgroup is an object that names ``attributes``. One smaller than ``min_cell`` keeps its
    name, loses its counts, and each of its numbers becomes null with the reason ``suppressed``.
    An empty subgroup is withheld too: that nobody is in it can be a disclosure.
    """
    if isinstance(result, list):
        return [withhold_small(item, min_cell) for item in result]
    if not isinstance(result, dict):
        return result
    if "attributes" in result and isinstance(result["attributes"], dict):
        counts = [result[name] for name in _COUNTS if isinstance(result.get(name), int)]
        if counts and min(counts) < min_cell:
            return withhold(result)
    return {key: withhold_small(value, min_cell) for key, value in result.items()}


def withhold(subgroup: dict[str, Any]) -> dict[str, Any]:
    """The subgroup with its name alone: no count, and numbers with the reason ``suppressed``."""
    return {key: _withheld(key, value) for key, value in subgroup.items()}


def _withheld(key: str, value: Any) -> Any:
    if key in ("attributes", "of", "attribute", "target_share"):
        return value
    if key == "status":
        return "withheld"
    if isinstance(value, dict) and value.keys() >= _NUMBER:
        return dict.fromkeys(value) | {"reason": Reason.SUPPRESSED.value}
    if isinstance(value, dict):
        return {name: _withheld(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return []
    return None
