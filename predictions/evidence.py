"""A model's predictions beside what is taken as correct: what every measure here starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Dataset
from catalog.queries import group_codes, reference_codes
from measures.calibration.forecasts import Forecasts, binary_forecasts, class_forecasts
from predictions.models import ModelVersion
from predictions.probabilities import read_predictions
from predictions.weighting import Weighting, stated_weights


@dataclass(frozen=True)
class Evidence:
    """A model's predictions beside what is taken as correct, and who is left out of it."""

    forecasts: Forecasts
    item: NDArray[np.int64]
    counts: dict[str, int]
    weighting: dict[str, Any]


def gather(dataset: Dataset, model: ModelVersion, *, weighted: bool = True) -> Evidence:
    """The predicted items that have a reference label among the model's classes.

    They count as a file said, or, not ``weighted``, all the same.
    """
    predicted = read_predictions(model)
    truth, known, labelled = outcomes(model, predicted.item)
    used = truth >= 0
    item = predicted.item[used]
    counts = {
        "n_items": len(item),
        "n_predicted": len(predicted.item),
        "n_without_reference": int((~known).sum()),
        "n_reference_not_a_class": int((known & ~used).sum()),
        "n_reference": len(labelled),
        "n_not_predicted": len(np.setdiff1d(labelled, predicted.item)),
        "n_rows": predicted.n_rows,
        "n_rows_renormalised": predicted.n_rows_renormalised,
        "n_train_rows_left_out": predicted.n_train_rows,
        "n_train_left_out": predicted.n_train_left_out,
    }
    stated = predicted.probabilities[used]
    forecasts = _forecasts(model, truth[used], stated, clusters_of(dataset, item))
    everybody = Evidence(forecasts, item, counts, Weighting().as_dict(len(item)))
    if not weighted:
        return everybody
    return weighted_by(everybody, stated_weights(model, item))


def weighted_by(evidence: Evidence, weighting: Weighting) -> Evidence:
    """The same items, each counting for its weight; those without one are left out."""
    n, weights = len(evidence.item), weighting.weights
    if weights is None:
        return evidence
    kept = weighting.kept(n)
    forecasts = replace(evidence.forecasts.rows(kept), weights=weights[kept], weighted=True)
    counts = {**evidence.counts, "n_items": int(kept.sum())}
    return Evidence(forecasts, evidence.item[kept], counts, weighting.as_dict(n))


def outcomes(
    model: ModelVersion, item: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """The class index of each item (-1: none), whether it has any reference, and who has one."""
    labelled, codes = reference_codes(model.question)
    class_of = {name: i for i, name in enumerate(model.classes)}
    # One place more for a code without a value, so that an empty question indexes too.
    classes = np.array([class_of.get(str(v), -1) for v in model.question.values] + [-1])
    place = np.searchsorted(labelled, item)
    known = np.zeros(len(item), bool)
    inside = place < len(labelled)
    known[inside] = labelled[place[inside]] == item[inside]
    truth = np.full(len(item), -1)
    truth[known] = classes[codes[place[known]]]
    return truth, known, labelled


def _forecasts(
    model: ModelVersion,
    truth: NDArray[np.int64],
    stated: NDArray[np.float64],
    clusters: NDArray[np.int64] | None,
) -> Forecasts:
    if not model.is_binary:
        return class_forecasts(truth, stated, clusters=clusters)
    positive = model.classes.index(model.positive_class)
    happened = (truth == positive).astype(float)
    return binary_forecasts(happened, stated[:, positive], clusters=clusters)


def clusters_of(dataset: Dataset, item: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """What must be resampled together among these items; ``None`` where no item has a group."""
    groups = group_codes(dataset)[item]
    # Items without a group have negative codes: each is one of its own.
    return groups if (groups >= 0).any() else None
