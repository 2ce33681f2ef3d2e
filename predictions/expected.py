"""Expected-performance runs: how often a model will be right where nobody knows the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Run
from catalog.queries import item_subgroups
from measures.calibration.expected_performance import ASSUMPTION, KEYS, expected_performance
from measures.calibration.forecasts import BinaryForecasts, Forecasts, codes_of
from measures.calibration.resampling import Bootstrap, Draws, draw
from measures.calibration.significance import CoxCalibration, cox_calibration, detectable_error
from measures.ensembles import mean_estimate
from measures.estimates import Estimate, Reason, undefined
from measures.recalibration import choose_recalibration, deal_folds, fit_map, out_of_fold
from measures.recalibration.maps import apply_map
from predictions.evidence import clusters_of, gather, outcomes
from predictions.models import ModelVersion
from predictions.parameters import model_of_run
from predictions.probabilities import (
    SPLITS,
    ItemPredictions,
    read_predictions,
    read_splits,
)
from predictions.subgroups import shown_numbers, single_families

#: A calibration that items with known answers contradict at this level is none.
CONTRADICTED = 0.05
CONVENTIONS = {
    "expected": "mean of the recalibrated probability that the model's decision is right "
    "(confidence-based performance estimation, CBPE)",
    "decision": "by the stated probabilities: two classes, positive from 0.5 on; else the first of "
    "the most probable classes",
    "recalibrated": "by the method that out-of-fold gains recommend (none: as stated); items "
    "with a reference label by a map of the other folds, never split across groups, items without "
    "one by the map of all",
    "calibration": "shown where Cox's test of the out-of-fold probabilities does not contradict "
    f"them at {CONTRADICTED}, on at least min_labelled items with a reference label; beyond that "
    "every number is null with a reason; with assume_calibrated nothing is looked at, and the "
    "probabilities are taken as stated",
    "interval": "of the choice of items: it is silent on the assumption and on the map",
    "difference": "true accuracy less the expected one, of the same items",
    "n": "predicted items, training split left out; an item with test rows is of that split",
    "seed": "first 64 bits of the run's digest",
}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Shown:
    """Whether the confidence was shown calibrated where answers are known, and by what."""

    reason: Reason | None
    why: str
    method: str | None = None
    test: CoxCalibration | None = None
    checked: BinaryForecasts | None = None
    #: Recalibrated: out of fold where answers are known, by the map of all elsewhere.
    calibrated: Floats | None = None


def measure_expected(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """What a model's calibrated confidence promises, beside what came true where that is known."""
    model = model_of_run(run)
    predicted = read_predictions(model)
    truth = outcomes(model, predicted.item)[0]
    rng = np.random.default_rng(int(run.digest[:16], 16))
    bootstrap = Bootstrap(rng, run.parameters["n_replicates"], run.parameters["ci_level"])
    shown = _shown_calibrated(run, model, predicted, truth, bootstrap)
    head = {
        **model.described(),
        "positive_class": model.positive_class or None,
        "assumption": ASSUMPTION,
        "reason": None if shown.reason is None else shown.reason.value,
        "why": shown.why,
        "calibration": _calibration(shown, int((truth >= 0).sum())),
        "n_predicted": len(predicted.item),
        "n_labelled": int((truth >= 0).sum()),
        "n_train_left_out": predicted.n_train_left_out,
        "warnings": [name for name, holds in _doubts(run, model).items() if holds],
    }
    if should_stop():
        return head
    return {**head, **_performance(run, model, predicted, truth, shown, bootstrap)}


def _doubts(run: Run, model: ModelVersion) -> dict[str, bool]:
    """What is known of the model that speaks against what it showed; documented in docs."""
    return {
        "calibration_assumed": run.parameters["assume_calibrated"],
        "in_sample": model.out_of_fold is False,
        "out_of_fold_not_stated": model.out_of_fold is None,
    }


def _shown_calibrated(
    run: Run,
    model: ModelVersion,
    predicted: ItemPredictions,
    truth: NDArray[np.int64],
    bootstrap: Bootstrap,
) -> _Shown:
    if run.parameters["assume_calibrated"]:
        why = "Nobody looked: the run was asked to take the stated probabilities as calibrated."
        return _Shown(None, why, "none", calibrated=_stated(model, predicted))
    known = truth >= 0
    n, least = int(known.sum()), run.parameters["min_labelled"]
    if n < least:
        why = (
            f"{n:,} predicted items have a reference label; at least {least:,} are needed to show "
            "that the confidence comes true. Upload reference labels for some."
        )
        return _Shown(Reason.TOO_FEW_ITEMS if n else Reason.NO_DATA, why)
    forecasts = gather(run.dataset, model).forecasts
    method = choose_recalibration(forecasts, bootstrap).recommended
    folds = deal_folds(forecasts, bootstrap)[0]
    answer, fitted = out_of_fold(forecasts, method, folds), fit_map(forecasts, method)
    if isinstance(answer, Reason) or isinstance(fitted, Reason):
        unfit = answer if isinstance(answer, Reason) else Reason.NOT_APPLICABLE
        return _Shown(unfit, "No map could be fitted and judged on the labelled items.", method)
    stated = _stated(model, predicted)
    calibrated = apply_map(fitted, stated)
    calibrated[known] = answer
    checked = _event(replace(forecasts, y_prob=answer), model, stated[known])
    test = cox_calibration(checked)
    reason, why = _verdict(test.test, method, n)
    return _Shown(reason, why, method, test, checked, calibrated)


def _event(after: Forecasts, model: ModelVersion, stated: Floats) -> BinaryForecasts:
    """What was foretold, and whether it happened: the positive class, or the decision right."""
    if isinstance(after, BinaryForecasts):
        return after
    chosen = stated.argmax(axis=1)
    return BinaryForecasts(
        (after.y_true == chosen).astype(float),
        after.y_prob[np.arange(after.n), chosen],
        after.weights,
        after.clusters,
        notion="confidence",
    )


def _verdict(test: Estimate, method: str, n: int) -> tuple[Reason | None, str]:
    by = "as stated" if method == "none" else f"recalibrated by {method}"
    if test.p_value is None:
        return test.reason or Reason.NOT_APPLICABLE, (
            f"The confidence, {by}, cannot be tested on the {n:,} items with a reference label."
        )
    if test.p_value < CONTRADICTED:
        return Reason.NOT_APPLICABLE, (
            f"The confidence, {by}, does not come true on the {n:,} items with a reference label "
            f"(Cox's test, p = {test.p_value:.2g}): what it promises elsewhere is not to be "
            "believed."
        )
    return None, (
        f"The confidence, {by}, is not contradicted by the {n:,} items with a reference label "
        f"(Cox's test, p = {test.p_value:.2g})."
    )


def _calibration(shown: _Shown, n: int) -> dict[str, Any]:
    checked, test = shown.checked, shown.test
    return {
        "shown": shown.reason is None and test is not None,
        "n": n,
        "method": shown.method,
        "tests": None if test is None else test.as_dict(),
        "detectable": None if checked is None else asdict(detectable_error(checked)),
    }


def _stated(model: ModelVersion, predicted: ItemPredictions) -> Floats:
    """As the measures take them: of two classes the positive one alone."""
    if not model.is_binary:
        return predicted.probabilities
    return predicted.probabilities[:, model.classes.index(model.positive_class)]


def _performance(
    run: Run,
    model: ModelVersion,
    predicted: ItemPredictions,
    truth: NDArray[np.int64],
    shown: _Shown,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    stated = _stated(model, predicted)
    known = truth >= 0
    if model.is_binary:
        positive = model.classes.index(model.positive_class)
        decision = np.where(stated >= 0.5, positive, 1 - positive)
    else:
        decision = stated.argmax(axis=1)
    right = np.where(known, decision == truth, np.nan)
    clusters = clusters_of(run.dataset, predicted.item)
    cells = _Cells(
        run,
        shown.reason,
        _right(shown, decision, model),
        right,
        draw(len(stated), None if clusters is None else codes_of(clusters), bootstrap),
    )
    everyone = np.ones(len(stated), bool)
    return {
        "expected": shown_numbers(_all_scores(model, shown, stated, ~known, clusters, bootstrap)),
        "groups": [
            cells.row("all", {"items": "all"}, everyone),
            cells.row("all", {"items": "labelled"}, known),
            cells.row("all", {"items": "unlabelled"}, ~known),
            *_by_split(model, predicted, cells),
            *_by_attribute(run, predicted, cells),
        ],
        "conventions": CONVENTIONS,
    }


def _right(shown: _Shown, decision: NDArray[np.int64], model: ModelVersion) -> Floats:
    """The recalibrated probability that each decision is right."""
    if shown.calibrated is None:
        return np.zeros(len(decision))
    if not model.is_binary:
        return np.asarray(shown.calibrated[np.arange(len(decision)), decision])
    positive = model.classes.index(model.positive_class)
    return np.where(decision == positive, shown.calibrated, 1 - shown.calibrated)


def _all_scores(
    model: ModelVersion,
    shown: _Shown,
    stated: Floats,
    which: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """Of two classes, every score that the unlabelled items promise; else none but accuracy."""
    if not model.is_binary:
        return {}
    if shown.reason is not None or shown.calibrated is None:
        reason = shown.reason or Reason.NOT_APPLICABLE
        return dict.fromkeys(KEYS, undefined(reason, int(which.sum())))
    return expected_performance(
        shown.calibrated[which],
        bootstrap,
        y_pred=(stated[which] >= 0.5).astype(float),
        clusters=None if clusters is None else codes_of(clusters[which]),
    )


@dataclass(frozen=True)
class _Cells:
    """Expected and true accuracy of any set of items."""

    run: Run
    reason: Reason | None
    expected: Floats
    #: Whether each decision was right; NaN where nobody knows.
    right: Floats
    draws: Draws

    def row(self, of: str, attributes: dict[str, str], which: NDArray[np.bool_]) -> dict[str, Any]:
        """One set, and within it the items with a known answer, which is withheld on its own."""
        labelled = which & np.isfinite(self.right)
        return {
            "of": of,
            "attributes": attributes,
            "n": int(which.sum()),
            "expected_accuracy": self._mean(which, self.expected, self.reason).as_dict(),
            "labelled": {
                "of": of,
                "attributes": attributes,
                "n": int(labelled.sum()),
                "accuracy": self._mean(labelled, self.right, None).as_dict(),
                "expected_accuracy": self._mean(labelled, self.expected, self.reason).as_dict(),
                "difference": self._mean(
                    labelled, self.right - self.expected, self.reason
                ).as_dict(),
            },
        }

    def _mean(self, which: NDArray[np.bool_], each: Floats, reason: Reason | None) -> Estimate:
        n = int(which.sum())
        if n < max(1, self.run.parameters["min_items"]):
            return undefined(Reason.TOO_FEW_ITEMS if n else Reason.NO_DATA, n)
        if reason is not None:
            return undefined(reason, n)
        return mean_estimate(each[which], self.draws.of(which))


def _by_split(
    model: ModelVersion, predicted: ItemPredictions, cells: _Cells
) -> list[dict[str, Any]]:
    split = read_splits(model, predicted.item)
    return [
        cells.row("split", {"split": name}, split == code)
        for code, name in enumerate(SPLITS)
        if (split == code).any()
    ]


def _by_attribute(run: Run, predicted: ItemPredictions, cells: _Cells) -> list[dict[str, Any]]:
    return [
        cells.row("item", attributes, family.codes == code)
        for family in single_families(item_subgroups(run.dataset), predicted.item)
        for code, attributes in enumerate(family.attributes)
    ]
