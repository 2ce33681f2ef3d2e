"""What a model says of each item, beside what calibration and conformal runs make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.queries import item_names, newest_result
from measures.conformal import ConformalPredictor
from measures.recalibration import apply_map, map_from_dict
from measures.recalibration.venn_abers import venn_abers_from_dict
from predictions.adoptions import adopted_map, has_seen
from predictions.evidence import outcomes
from predictions.models import AdoptedMap, ModelVersion
from predictions.multilabel import label_sets
from predictions.probabilities import read_items

Result = dict[str, Any]


@dataclass(frozen=True)
class Fitted:
    """The stored results that are applied to each item; either may not exist yet."""

    calibration: Result | None
    conformal: Result | None
    adopted: AdoptedMap | None = None

    @property
    def used(self) -> tuple[str | None, dict[str, Any] | None]:
        """Method and map behind the calibrated probabilities: the chosen, else the recommended."""
        if self.adopted is not None:
            return self.adopted.method, self.adopted.map
        method = self.recommended
        return method, None if method is None else self.map(method)

    def map(self, method: str) -> dict[str, Any] | None:
        """A stored recalibration map, if that method has one."""
        methods = (self.calibration or {}).get("recalibration", {}).get("methods", [])
        found: dict[str, Any] | None = next(
            (one["map"] for one in methods if one["method"] == method), None
        )
        return found

    @property
    def recommended(self) -> str | None:
        """The recommended recalibration, ``none`` included; ``None`` where nothing was judged."""
        if self.calibration is None:
            return None
        said: str = self.calibration["recalibration"]["recommended"]
        return said


def fitted_of(model: ModelVersion) -> Fitted:
    """The newest results about a model, and the map that was adopted for it."""
    calibration, conformal = (
        None if run is None else run.result
        for run in (
            newest_result(model.dataset, k, model.key) for k in ("calibration", "conformal")
        )
    )
    return Fitted(calibration, conformal, adopted_map(model))


def confidence_rows(
    model: ModelVersion, fitted: Fitted, numbers: list[int]
) -> list[dict[str, Any]]:
    """One row for each of these items, by number, that was predicted."""
    predicted = read_items(model, numbers)
    stated = predicted.probabilities
    calibrated = _calibrated(model, fitted, stated)
    pairs = _venn_abers(model, fitted, stated)
    sets = _sets(fitted, stated)
    seen = None if fitted.adopted is None else has_seen(fitted.adopted, predicted.item)
    truth = _truths(model, predicted.item)
    names = item_names(model.dataset_id, predicted.item.tolist())
    return [
        {
            "item": names.get(number, ""),
            "probabilities": _by_class(model, stated[k]),
            "calibrated": None if calibrated is None else _by_class(model, calibrated[k]),
            "seen_by_map": None if seen is None else bool(seen[k]),
            "venn_abers": None if pairs is None else pairs[k].tolist(),
            "conformal_set": None
            if sets is None
            else [name for name, held in zip(model.classes, sets[k], strict=True) if held],
            "outcome": truth[k],
        }
        for k, number in enumerate(predicted.item.tolist())
    ]


def _truths(model: ModelVersion, item: NDArray[np.int64]) -> list[Any]:
    """The class of each item, or its set of classes; ``None`` where it has no reference."""
    if not model.is_multilabel:
        codes = outcomes(model, item)[0]
        return [model.classes[code] if code >= 0 else None for code in codes.tolist()]
    truth, known, *_ = label_sets(model, item)
    return [
        [name for name, held in zip(model.classes, row, strict=True) if held] if is_known else None
        for row, is_known in zip(truth.tolist(), known.tolist(), strict=True)
    ]


def _by_class(model: ModelVersion, row: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(model.classes, row.tolist(), strict=True))


def _positive(model: ModelVersion) -> int:
    return int(model.classes.index(model.positive_class))


def _calibrated(
    model: ModelVersion, fitted: Fitted, stated: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """By the map in use, else the recommended one; as stated where that is to leave them."""
    method, stored = fitted.used
    if method is None or method == "none":
        return None if method is None else stated
    if stored is None:
        return None
    if model.is_multilabel:
        return apply_map(map_from_dict(stored), stated.ravel()).reshape(stated.shape)
    if not model.is_binary:
        return apply_map(map_from_dict(stored), stated)
    positive = _positive(model)
    p = apply_map(map_from_dict(stored), stated[:, positive])
    both = np.stack([1 - p, p], axis=1)
    return both if positive else both[:, ::-1]


def _venn_abers(
    model: ModelVersion, fitted: Fitted, stated: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    stored = fitted.map("venn_abers")
    if stored is None or not model.is_binary:
        return None
    interval = venn_abers_from_dict(stored["parameters"]).interval(stated[:, _positive(model)])
    return np.sort(interval, axis=1)


def _sets(fitted: Fitted, stated: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """By LAC, with the threshold of all items."""
    if fitted.conformal is None:
        return None
    threshold = fitted.conformal["methods"]["lac"]["threshold"]
    predictor = ConformalPredictor("lac", fitted.conformal["alpha"], threshold, 0)
    sets: NDArray[np.bool_] = predictor.sets(stated)
    return sets
