"""A model's predictions beside what is taken as correct: what every measure here starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.models import Dataset
from catalog.queries import group_codes, reference_codes
from measures.calibration.forecasts import Forecasts, binary_forecasts, class_forecasts
from predictions.models import ModelVersion
from predictions.queries import read_predictions


@dataclass(frozen=True)
class Evidence:
    """A model's predictions beside what is taken as correct, and who is left out of it."""

    forecasts: Forecasts
    item: NDArray[np.int64]
    counts: dict[str, int]


def gather(dataset: Dataset, model: ModelVersion) -> Evidence:
    """The predicted items that have a reference label among the model's classes."""
    predicted = read_predictions(model)
    truth, known, labelled = outcomes(model, predicted.item)
    used = truth >= 0
    item = predicted.item[used]
    counts = {
        "n_items": int(used.sum()),
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
    forecasts = _forecasts(model, truth[used], predicted.probabilities[used], dataset, item)
    return Evidence(forecasts, item, counts)


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
    dataset: Dataset,
    item: NDArray[np.int64],
) -> Forecasts:
    clusters = clusters_of(dataset, item)
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
