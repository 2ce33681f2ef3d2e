"""Calibration of models that give each label of a set its own probability."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Dataset, Run
from catalog.queries import reference_codes
from measures.calibration.curve import calibration_curve
from measures.calibration.ece import calibration_errors
from measures.calibration.forecasts import codes_of
from measures.calibration.resampling import Bootstrap, Draws, draw
from measures.calibration.significance import CoxCalibration, cox_calibration
from measures.multilabel import LabelForecasts, label_scores
from measures.multiplicity import with_adjusted_p
from measures.scores import scores
from predictions.evidence import Evidence, clusters_of
from predictions.models import ModelVersion
from predictions.probabilities import read_predictions
from predictions.subgroups import shown_numbers
from predictions.weighting import Weighting, stated_weights

Bools = NDArray[np.bool_]


def label_sets(model: ModelVersion, item: NDArray[np.int64]) -> tuple[Bools, Bools, int, int]:
    """Which of the model's labels each item has, whether its set is known, and two counts.

    The counts: items with a reference set, and those of them that were not predicted.
    """
    labelled, codes = reference_codes(model.question)
    place = {name: k for k, name in enumerate(model.classes)}
    columns = np.array([place.get(str(v), -1) for v in model.question.values], np.int64)
    member = np.zeros((len(model.question.combinations) + 1, len(model.classes)), bool)
    for code, combination in enumerate(model.question.combinations):
        own = columns[np.array(combination, np.int64)]
        member[code, own[own >= 0]] = True
    _, here, there = np.intersect1d(item, labelled, assume_unique=True, return_indices=True)
    known = np.zeros(len(item), bool)
    known[here] = True
    truth = np.zeros((len(item), len(model.classes)), bool)
    truth[here] = member[codes[there]]
    return truth, known, len(labelled), len(labelled) - len(here)


def gather_sets(
    dataset: Dataset, model: ModelVersion, *, weighted: bool = True
) -> tuple[Evidence, LabelForecasts]:
    """The predicted items with a reference set; in the evidence each label is a row."""
    predicted = read_predictions(model)
    truth, known, n_reference, n_missed = label_sets(model, predicted.item)
    item = predicted.item[known]
    clusters = clusters_of(dataset, item)
    forecasts = LabelForecasts(
        truth[known].astype(float),
        predicted.probabilities[known],
        np.ones(len(item)),
        None if clusters is None else codes_of(clusters),
        weighted=False,
    )
    counts = {
        "n_items": len(item),
        "n_predicted": len(predicted.item),
        "n_without_reference": len(predicted.item) - len(item),
        "n_reference_not_a_class": 0,
        "n_reference": n_reference,
        "n_not_predicted": n_missed,
        "n_rows": predicted.n_rows,
        "n_rows_renormalised": 0,
        "n_train_rows_left_out": predicted.n_train_rows,
        "n_train_left_out": predicted.n_train_left_out,
    }
    rows = np.repeat(item, len(model.classes))
    everybody = Evidence(forecasts.pooled(), rows, counts, Weighting().as_dict(len(item)))
    if not weighted:
        return everybody, forecasts
    return sets_weighted_by(everybody, forecasts, stated_weights(model, item))


def sets_weighted_by(
    evidence: Evidence, labels: LabelForecasts, weighting: Weighting
) -> tuple[Evidence, LabelForecasts]:
    """As :func:`predictions.evidence.weighted_by`; ``weighting`` is of items, not of their rows."""
    n, weights = labels.n, weighting.weights
    if weights is None:
        return evidence, labels
    kept = weighting.kept(n)
    labels = replace(labels.rows(kept), weights=weights[kept], weighted=True)
    rows = evidence.item[np.repeat(kept, labels.y_true.shape[1])]
    counts = {**evidence.counts, "n_items": labels.n}
    return Evidence(labels.pooled(), rows, counts, weighting.as_dict(n)), labels


def measure_labels(
    run: Run, model: ModelVersion, forecasts: LabelForecasts, bootstrap: Bootstrap
) -> dict[str, Any]:
    """What is about labels: scores with their average named, and each label alone."""
    draws = draw(forecasts.n, forecasts.clusters, bootstrap)
    threshold = run.parameters.get("threshold", 0.5)
    found = [_label(forecasts, k, bootstrap, draws) for k in range(len(model.classes))]
    tests = _adjusted([tests for _, tests in found])
    return {
        "threshold": threshold,
        "label_scores": shown_numbers(label_scores(forecasts, draws, threshold=threshold)),
        "labels": [
            {"class": name, **one, "tests": test.as_dict()}
            for name, (one, _), test in zip(model.classes, found, tests, strict=True)
        ],
    }


def _label(
    forecasts: LabelForecasts, k: int, bootstrap: Bootstrap, draws: Draws
) -> tuple[dict[str, Any], CoxCalibration]:
    one = forecasts.label(k)
    errors = calibration_errors(one, bootstrap, draws)
    told = {
        "n": one.n,
        "n_positive": int(one.y_true.sum()),
        "scores": shown_numbers(scores(one, draws, level=bootstrap.level).estimates),
        "ece": shown_numbers(errors.errors),
        "ece_if_calibrated": shown_numbers(errors.expected_if_calibrated),
        "curve": {"bins": [b.as_dict() for b in calibration_curve(one, level=bootstrap.level)]},
    }
    return told, cox_calibration(one, level=bootstrap.level)


def _adjusted(found: list[CoxCalibration]) -> list[CoxCalibration]:
    """All labels are looked at together, so all their tests are one family."""
    tests = with_adjusted_p(one.test for one in found)
    return [replace(one, test=test) for one, test in zip(found, tests, strict=True)]
