"""Parameters of calibration runs, and which runs start by themselves. Imports no statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.models import Dataset
from catalog.problems import Refusal
from predictions import queries

DEFAULTS = {"n_replicates": 1000, "ci_level": 0.95, "min_items": 20, "n_bins": 10, "depth": 1}
#: Whole-number parameters and the range of each; replicates of many units need memory.
RANGES = {
    "n_replicates": (1, 5000),
    "min_items": (1, 1_000_000),
    "n_bins": (1, 1000),
    "depth": (1, 3),
}


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The model and the full parameters of a calibration run."""
    if unknown := sorted(set(parameters) - {"model", *DEFAULTS}):
        raise Refusal(
            f"A calibration run has no parameter {unknown[0]!r}; it has model, "
            f"{', '.join(DEFAULTS)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )
    said = parameters.get("model")
    if not isinstance(said, str | None):
        raise Refusal(f"model must be a name; it is {said!r}.", pointer="/parameters/model")
    model = queries.model_of(dataset, said)
    full = {**DEFAULTS, **parameters, "model": model.key}
    _check(full)
    return model.key, full


def _check(full: dict[str, Any]) -> None:
    for name, (low, high) in RANGES.items():
        n = full[name]
        if not isinstance(n, int) or isinstance(n, bool) or not low <= n <= high:
            raise Refusal(
                f"{name} must be a whole number from {low} to {high:,}; it is {n!r}.",
                pointer=f"/parameters/{name}",
            )
    level = full["ci_level"]
    if not isinstance(level, float) or not 0.5 <= level < 1:
        raise Refusal(
            f"ci_level must be a fraction from 0.5 to below 1; it is {level!r}.",
            pointer="/parameters/ci_level",
        )


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After predictions, reference labels or attributes came in: calibration of every model."""
    if upload_kind in (None, "predictions", "reference-labels", "items"):
        for model in queries.models_with_predictions(dataset):
            yield {"model": model.key}
