"""What an ensemble says of each item: its mean, and how far the members differ."""

from __future__ import annotations

from typing import Any

from catalog.queries import item_names
from measures.ensembles import KEYS, item_uncertainty
from predictions.models import ModelVersion
from predictions.probabilities import read_members_of


def ensemble_rows(
    model: ModelVersion, members: list[int], start: int, stop: int
) -> list[dict[str, Any]]:
    """One row for each item numbered from ``start`` to below ``stop`` that every member predicted.

    A single member has nobody to disagree with: its uncertainties are null, not 0.
    """
    part = read_members_of(model, members, start, stop)
    if not len(part.item):
        return []
    found = item_uncertainty(part.probabilities)
    mean = part.probabilities.mean(axis=0)
    names = item_names(model.dataset_id, part.item.tolist())
    return [
        {
            "item": names.get(number, ""),
            "n_members": found.n_members,
            "probabilities": dict(zip(model.classes, mean[k].tolist(), strict=True)),
            "reason": None if found.reason is None else found.reason.value,
            **{key: float(found.columns[key][k]) if found.columns else None for key in KEYS},
        }
        for k, number in enumerate(part.item.tolist())
    ]
