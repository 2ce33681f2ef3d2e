"""A model's calibration in each fold of its cross-validation, and groups that folds share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Run
from measures.calibration.forecasts import BinaryForecasts, Forecasts
from measures.calibration.report import CalibrationReport
from measures.calibration.resampling import Bootstrap
from measures.calibration.subgroups import subgroup_calibration
from measures.multilabel import LabelForecasts
from predictions.evidence import Evidence
from predictions.models import ModelVersion
from predictions.probabilities import read_folds
from predictions.subgroups import shown_numbers


def measure_folds(
    run: Run,
    model: ModelVersion,
    evidence: Evidence,
    labels: LabelForecasts | None,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Each fold's numbers, and how many groups of items lie in several folds.

    An item of a fold has the mean of its members' probabilities in that fold. Groups are looked at
    where each item has one fold: a model that has seen others of a group was not put to the test.
    Of several labels an item each decision is a row, and ``n`` counts items.
    """
    rows = read_folds(model)
    width = 1 if labels is None else len(model.classes)
    item = evidence.item[::width]
    place = np.minimum(np.searchsorted(item, rows.item), max(len(item) - 1, 0))
    used = np.zeros(len(rows.item), bool)
    if len(item):
        used = item[place] == rows.item
    place, fold = place[used], rows.fold[used]
    names, codes = np.unique(fold, return_inverse=True)
    if not len(names):
        return {"folds": [], "n_groups_in_several_folds": None}
    stated = rows.probabilities[used]
    if labels is None:
        forecasts = _at(evidence.forecasts, place, stated, model)
        clusters = forecasts.clusters
    else:
        forecasts = replace(labels.rows(place), y_prob=stated).pooled()
        clusters = None if labels.clusters is None else labels.clusters[place]
    found = subgroup_calibration(
        forecasts,
        np.repeat(codes, width),
        bootstrap,
        min_items=run.parameters["min_items"] * width,
    )
    folds = [
        {"fold": int(name), **_row(one, width, grouped=clusters is not None)}
        for name, one in zip(names, found, strict=True)
    ]
    alone = len(np.unique(place)) == len(place)
    return {
        "folds": folds,
        "n_groups_in_several_folds": _shared(clusters, codes) if alone else None,
    }


def _row(one: CalibrationReport, width: int, *, grouped: bool) -> dict[str, Any]:
    return {
        "n": one.n // width,
        "n_groups": one.n_clusters if grouped else None,
        "scores": shown_numbers(one.scores.estimates),
        "ece": shown_numbers(one.ece.errors),
        "ece_if_calibrated": shown_numbers(one.ece.expected_if_calibrated),
        "tests": one.tests.cox.as_dict(),
    }


def _at(
    forecasts: Forecasts,
    place: NDArray[np.intp],
    stated: NDArray[np.float64],
    model: ModelVersion,
) -> Forecasts:
    rows = forecasts.rows(place)
    if isinstance(rows, BinaryForecasts):
        return replace(rows, y_prob=stated[:, model.classes.index(model.positive_class)])
    return replace(rows, y_prob=stated)


def _shared(clusters: NDArray[np.int64] | None, fold: NDArray[np.int64]) -> int | None:
    """Groups with items in more than one fold; ``None`` where items have no groups."""
    if clusters is None:
        return None
    pairs = np.unique(np.stack([clusters, fold]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum())
