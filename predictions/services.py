"""Calibration runs: predictions and reference labels in, one result object out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from catalog.models import Run
from measures.calibration.forecasts import Forecasts
from measures.calibration.report import CONVENTIONS, CalibrationReport, calibration_report
from measures.calibration.resampling import Bootstrap
from measures.calibration.second_opinion import second_opinion
from measures.estimates import Reason
from measures.multilabel import LabelForecasts
from measures.recalibration import choose_recalibration
from measures.scores import score_sums
from predictions.evidence import Evidence, gather, weighted_by
from predictions.folds import measure_folds
from predictions.later import measure_later
from predictions.models import ModelVersion
from predictions.multilabel import gather_sets, measure_labels, sets_weighted_by
from predictions.parameters import model_of_run
from predictions.subgroups import measure_subgroups, shown_report, with_reason
from predictions.weighting import population_weights

LABEL_CONVENTIONS = {
    "event": "an item having a label: micro, every label of every item is a decision; labels has "
    "each label alone",
    "n": "decisions, items x labels, in scores, ece, curve and tests; items in n_items, in "
    "label_scores, in labels and in the n of a subgroup",
    "resampled": "items with all their labels, or groups of items",
    "row_sums": "a label's probability is its own: rows need not sum to 1",
    "label_scores": "micro over all decisions, macro the mean over labels; a label is given from "
    "threshold on; a label neither given nor there counts 0 in macro precision, recall and F1",
    "recalibration": "one map for all labels together, judged with items left out whole",
}
WEIGHTS = {
    None: "all items count alike",
    "file": "column weight of the predictions' files, the mean of an item's rows; n counts items, "
    "n_effective equally weighted items as precise (Kish)",
    "population": "those of the measured items that have the population's composition; n counts "
    "items, n_effective equally weighted items as precise (Kish); weights of files are not used",
}


def measure_calibration(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Do a model's probabilities come true: overall, in each subgroup, and after recalibration."""
    model = model_of_run(run)
    evidence, labels = _gathered(run, model)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    bootstrap = Bootstrap(rng, run.parameters["n_replicates"], run.parameters["ci_level"])
    report = calibration_report(evidence.forecasts, bootstrap, n_bins=run.parameters["n_bins"])
    subgroups, n_left_out = measure_subgroups(
        run,
        evidence.forecasts,
        evidence.item,
        bootstrap,
        should_stop,
        n_labels=_rows_an_item(model),
    )
    folds = measure_folds(run, model, evidence, labels, bootstrap)
    headline = _headline(model, evidence, report)
    if labels is not None:
        headline |= _of_labels(run, model, labels, headline, bootstrap)
    if folds["n_groups_in_several_folds"]:
        headline["warnings"].append("groups_in_several_folds")
    result = {
        **headline,
        **folds,
        "adopted": measure_later(run, model, evidence, bootstrap),
        "subgroups": subgroups,
        "n_intersections_left_out": n_left_out,
        "recalibration": choose_recalibration(evidence.forecasts, bootstrap).as_dict(),
    }
    return _told(result)


def _gathered(
    run: Run, model: ModelVersion, *, weighted: bool = True
) -> tuple[Evidence, LabelForecasts | None]:
    """What is measured, and of several labels an item the same label by label."""
    if model.is_multilabel:
        return gather_sets(run.dataset, model, weighted=weighted)
    return gather(run.dataset, model, weighted=weighted), None


def _rows_an_item(model: ModelVersion) -> int:
    return len(model.classes) if model.is_multilabel else 1


def _of_labels(
    run: Run,
    model: ModelVersion,
    labels: LabelForecasts,
    headline: dict[str, Any],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What is said otherwise where each label of an item is a row of the measured forecasts."""
    rates = np.average(labels.y_true, axis=0, weights=labels.weights) if labels.n else None
    clusters = labels.clusters
    return {
        "notion": "label",
        "n_groups": None if clusters is None else len(np.unique(clusters)),
        "base_rates": dict.fromkeys(model.classes)
        if rates is None
        else dict(zip(model.classes, rates.tolist(), strict=True)),
        "conventions": {**headline["conventions"], **LABEL_CONVENTIONS},
        **measure_labels(run, model, labels, bootstrap),
    }


def measure_for_population(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """The same for a target population: items, and those of each subgroup, weighted to it."""
    model = model_of_run(run)
    everybody, labels = _gathered(run, model, weighted=False)
    item = everybody.item[:: _rows_an_item(model)]
    weighting = population_weights(run.dataset, run.parameters["population"], item)
    if labels is None:
        evidence = weighted_by(everybody, weighting)
    else:
        evidence, labels = sets_weighted_by(everybody, labels, weighting)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    bootstrap = Bootstrap(rng, run.parameters["n_replicates"], run.parameters["ci_level"])
    report = calibration_report(evidence.forecasts, bootstrap, n_bins=run.parameters["n_bins"])
    # Where the whole cannot be stood for, some subgroups may be: none is left out with it.
    subgroups, n_left_out = measure_subgroups(
        run,
        everybody.forecasts,
        everybody.item,
        bootstrap,
        should_stop,
        n_labels=_rows_an_item(model),
    )
    headline = _headline(model, evidence, report)
    if labels is not None:
        headline |= _of_labels(run, model, labels, headline, bootstrap)
    return {
        **_told(headline),
        "subgroups": subgroups,
        "n_intersections_left_out": n_left_out,
    }


def _headline(model: ModelVersion, evidence: Evidence, report: CalibrationReport) -> dict[str, Any]:
    return {
        **model.described(),
        "positive_class": model.positive_class or None,
        "model_scores": model.scores,
        "model_parameters": model.parameters,
        "notion": report.ece.notion,
        **evidence.counts,
        "n_groups": report.n_clusters,
        "weighting": evidence.weighting,
        "base_rates": {} if model.is_multilabel else _base_rates(model, evidence.forecasts),
        **shown_report(report),
        "tests": report.tests.as_dict(),
        "second_opinion": second_opinion(evidence.forecasts),
        "warnings": _warnings(model, evidence),
        "conventions": _conventions(model, evidence, report),
    }


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """With a reason that says more than that there is nothing, where one is known."""
    if not {"no_overlap", "population_not_reached"} & set(result["warnings"]):
        return result
    told: dict[str, Any] = with_reason(result, Reason.NO_DATA.value, Reason.NO_OVERLAP.value)
    return told


def _base_rates(model: ModelVersion, forecasts: Forecasts) -> dict[str, float | None]:
    """Share of each class among the measured items, by weight; null without items."""
    if not forecasts.n:
        return dict.fromkeys(model.classes)
    rates = score_sums(forecasts).base_rates.tolist()
    # Of two classes the positive one comes last.
    if model.is_binary and model.classes[1] != model.positive_class:
        rates = rates[::-1]
    return dict(zip(model.classes, rates, strict=True))


def _warnings(model: ModelVersion, evidence: Evidence) -> list[str]:
    """Short names of what a reader must know before any number; documented in docs."""
    counts, forecasts = evidence.counts, evidence.forecasts
    n_used = counts["n_items"] + evidence.weighting["n_left_out"]
    stated = forecasts.y_prob
    found = {
        "no_overlap": not n_used and counts["n_predicted"] and counts["n_reference"],
        "population_not_reached": n_used and not counts["n_items"],
        "weights_left_out": counts["n_items"] and evidence.weighting["n_left_out"],
        "no_reference": not counts["n_reference"],
        "one_class": counts["n_items"] and len(np.unique(forecasts.y_true)) == 1,
        "constant_predictions": counts["n_items"] > 1 and bool((stated == stated[0]).all()),
        "in_sample": model.out_of_fold is False,
        "out_of_fold_not_stated": model.out_of_fold is None,
        "not_all_predicted": counts["n_not_predicted"],
        "train_left_out": counts["n_train_rows_left_out"],
    }
    return [name for name, holds in found.items() if holds]


def _conventions(
    model: ModelVersion, evidence: Evidence, report: CalibrationReport
) -> dict[str, str]:
    said = {**report.scores.conventions, **report.ece.conventions, **CONVENTIONS}
    # The measures name their own keys; in a result the one beside ``ece`` says of what it is.
    words = {
        key: value.replace("expected_if_calibrated", "ece_if_calibrated")
        for key, value in said.items()
        if isinstance(value, str)
    }
    event = "the most probable class being right (confidence); classwise and toplabel apart"
    clustered = evidence.forecasts.clusters is not None
    return {
        **words,
        "event": f"the class {model.positive_class!r}" if model.is_binary else event,
        "weights": WEIGHTS[evidence.weighting["by"]],
        "n": "predicted items with a reference label among the classes, training split left out",
        "several_rows": "the rows of an item (folds, members) are averaged into one probability "
        "of each class",
        "row_sums": "rows that miss a sum of 1 by more than 1e-6 are divided by their sum",
        "resampled": "groups of items" if clustered else "items",
        "log_loss_clip": f"probabilities are kept {said['log_loss_clip']:.3g} from 0 and 1; "
        f"{said['n_clipped']} items are affected",
        "seed": "first 64 bits of the run's digest",
    }
