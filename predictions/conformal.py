"""Conformal runs: sets of classes that cannot be ruled out, and when to rather not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Run
from catalog.queries import item_subgroups
from measures.calibration.forecasts import ClassForecasts
from measures.calibration.resampling import Bootstrap, draw
from measures.conformal import (
    METHODS,
    ConformalPredictor,
    SetCoverage,
    as_classes,
    cross_conformal_sets,
    fit_conformal,
    set_coverage,
)
from measures.estimates import Reason, undefined
from measures.multilabel import LabelForecasts
from measures.recalibration import deal_folds
from measures.risk_coverage import RiskCoverage, RiskThreshold, risk_coverage, risk_threshold
from predictions.evidence import gather
from predictions.models import ModelVersion
from predictions.multilabel import gather_sets
from predictions.parameters import model_of_run
from predictions.probabilities import SPLITS, read_splits
from predictions.subgroups import Family, single_families

CONVENTIONS = {
    "threshold": "for items to come: the ceil((n + 1)(1 - alpha))-th smallest score of the "
    "n_calibration items; null where they are too few for the level, and every class then belongs",
    "coverage": "share of sets that hold the true class, n_covered / n, with the "
    "Clopper-Pearson interval, which takes items for independent",
    "lac": "a class belongs to the set where 1 - p is at most the threshold",
    "aps": "a class belongs to the set where the mass of all classes at least as probable is at "
    "most the threshold; not randomised",
    "own": "with a threshold from the subgroup's own items, where it has enough of them",
    "risk": "share of wrong answers among those answered; the most probable class answers, the "
    "first in the declared order where several are",
    "confidence": "probability of the most probable class; ties are answered together",
    "risk_threshold": "up to 20 thresholds tried, the exact one-sided bound shared out over them",
    "seed": "first 64 bits of the run's digest",
}
#: What is said otherwise of several labels an item.
OF_LABELS = {
    "coverage": "share of items whose set holds every label that they have, n_covered / n, with "
    "the Clopper-Pearson interval, which takes items for independent",
    "lac": "a label belongs to the set where 1 - p is at most the threshold; the score of an item "
    "is the largest 1 - p of its labels, 0 where it has none",
    "aps": "not of several labels an item",
    "risk": "not of several labels an item: there is no one answer",
}
#: By the parameter calibrate_on.
SPLIT = {
    "other_folds": "five folds of similar size, never splitting a group of items: the set of an "
    "item comes from the thresholds of the other four; threshold is that of all items together",
    "validation": "thresholds come from the items whose predictions are of split validation; sets, "
    "coverage and subgroups are those of all other items, risk those of all measured ones",
}

Cases = ClassForecasts | LabelForecasts


@dataclass(frozen=True)
class _Plan:
    """Which items set the thresholds, and which are judged by those of items apart from them."""

    folds: NDArray[np.int64]
    setting: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    by: str


@dataclass(frozen=True)
class _Sets:
    """One method's thresholds and the sets of all items, each from the other folds."""

    fitted: ConformalPredictor
    sets: NDArray[np.bool_]


def measure_conformal(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Prediction sets with their coverage, and the risk of answering only what one is sure of."""
    model = model_of_run(run)
    counts, item, cases = _gathered(run, model)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    bootstrap = Bootstrap(rng, run.parameters["n_replicates"], run.parameters["ci_level"])
    plan = _plan(run, model, item, cases, bootstrap)
    alpha = run.parameters["alpha"]
    found = {
        method: _Sets(
            fit_conformal(cases.rows(plan.setting), alpha=alpha, method=method),
            cross_conformal_sets(cases, plan.folds, alpha=alpha, method=method),
        )
        for method in (("lac",) if model.is_multilabel else METHODS)
    }
    families = single_families(item_subgroups(run.dataset), item)
    subgroups = []
    for family in families:
        if should_stop():
            break
        subgroups += _subgroups(run, cases, family, plan, found)
    level, judged = bootstrap.level, plan.judged
    return {
        **model.described(),
        **counts,
        "alpha": alpha,
        "folds_by": plan.by,
        "n_calibration": int(plan.setting.sum()),
        "n_judged": int(judged.sum()),
        "methods": {
            method: {
                "threshold": one.fitted.threshold,
                **_coverage(set_coverage(one.sets[judged], cases.y_true[judged], level=level)),
            }
            for method, one in found.items()
        },
        "subgroups": subgroups,
        **_selective(run, cases, bootstrap),
        "conventions": {
            **CONVENTIONS,
            **(OF_LABELS if model.is_multilabel else {}),
            "split": SPLIT[run.parameters["calibrate_on"]],
        },
    }


def _gathered(run: Run, model: ModelVersion) -> tuple[dict[str, int], NDArray[np.int64], Cases]:
    """Counts of who is measured, their numbers, and what was said and held of each."""
    if model.is_multilabel:
        of_labels, labels = gather_sets(run.dataset, model, weighted=False)
        return of_labels.counts, of_labels.item[:: len(model.classes)], labels
    evidence = gather(run.dataset, model, weighted=False)
    return evidence.counts, evidence.item, as_classes(evidence.forecasts)


def _plan(
    run: Run, model: ModelVersion, item: NDArray[np.int64], cases: Cases, bootstrap: Bootstrap
) -> _Plan:
    everyone = np.ones(cases.n, bool)
    if run.parameters["calibrate_on"] == "other_folds":
        folds, by = deal_folds(cases, bootstrap)
        return _Plan(folds, everyone, everyone, by)
    setting = read_splits(model, item) == SPLITS.index("validation")
    # Two folds, each judged by the thresholds of the other; only one of them is looked at.
    judged = ~setting if setting.any() else ~everyone
    return _Plan((~setting).astype(np.int64), setting, judged, "split")


def _coverage(found: SetCoverage) -> dict[str, Any]:
    told = found.as_dict()
    estimate = found.coverage
    hits = None if estimate.value is None else round(estimate.value * estimate.n)
    return {"n_covered": hits, **told}


def _subgroups(
    run: Run,
    cases: Cases,
    family: Family,
    plan: _Plan,
    found: dict[str, _Sets],
) -> list[dict[str, Any]]:
    """The coverage of each subgroup, by the thresholds of all and by its own."""
    alpha, level = run.parameters["alpha"], run.parameters["ci_level"]
    setting, codes = cases.rows(plan.setting), family.codes
    own_fit = {
        m: fit_conformal(setting, alpha=alpha, method=m, groups=codes[plan.setting]) for m in found
    }
    own_sets = {
        m: cross_conformal_sets(cases, plan.folds, alpha=alpha, method=m, groups=codes)
        for m in found
    }
    rows = []
    for code, attributes in enumerate(family.attributes):
        inside = (codes == code) & plan.judged
        n = int(inside.sum())
        shown: dict[str, Any] = {"of": "item", "attributes": attributes, "n": n}
        for method, one in found.items():
            if n < max(1, run.parameters["min_items"]):
                shown[method] = _too_small(n)
                continue
            truth = cases.y_true[inside]
            shown[method] = {
                **_coverage(set_coverage(one.sets[inside], truth, level=level)),
                "own": {
                    "threshold": own_fit[method].by_group.get(code),
                    **_coverage(set_coverage(own_sets[method][inside], truth, level=level)),
                },
            }
        rows.append(shown)
    return rows


def _too_small(n: int) -> dict[str, Any]:
    missing = undefined(Reason.TOO_FEW_ITEMS if n else Reason.NO_DATA, n)
    nothing = _coverage(SetCoverage(missing, None, None, None))
    return {**nothing, "own": {"threshold": None, **nothing}}


def _selective(run: Run, cases: Cases, bootstrap: Bootstrap) -> dict[str, Any]:
    if isinstance(cases, LabelForecasts):
        none = undefined(Reason.NOT_APPLICABLE, cases.n)
        target, level = run.parameters["target_risk"], bootstrap.level
        return {
            "risk_coverage": RiskCoverage(none, None, None, None, None, ()).as_dict(),
            "risk_threshold": RiskThreshold(None, None, none, target, level).as_dict(),
        }
    answers = cases.confidence()
    loss = 1 - answers.y_true
    draws = draw(cases.n, cases.clusters, bootstrap)
    return {
        "risk_coverage": risk_coverage(answers.y_prob, loss, draws).as_dict(),
        "risk_threshold": risk_threshold(
            answers.y_prob, loss, target=run.parameters["target_risk"], level=bootstrap.level
        ).as_dict(),
    }
