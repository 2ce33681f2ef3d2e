"""Is a recalibration worth it? Decided on items the map has not seen, "none" included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from measures.calibration.bin_errors import expected_calibration_error
from measures.calibration.binning import bin_sums, uniform_edges
from measures.calibration.forecasts import (
    BinaryForecasts,
    FloatArray,
    Forecasts,
    IntArray,
    codes_of,
)
from measures.calibration.resampling import Bootstrap, Draws, draw, with_interval
from measures.estimates import Estimate, Reason, undefined
from measures.multilabel import LabelForecasts
from measures.recalibration.maps import (
    BINARY_METHODS,
    CLASS_METHODS,
    RecalibrationMap,
    apply_map,
    fit_map,
)
from measures.scores import COLUMNS, item_scores

#: Maps that answer 0 and 1 for lack of data; their answers are drawn in before the log loss.
_STEPPED = ("isotonic", "histogram")


@dataclass(frozen=True, slots=True)
class MethodGain:
    """What one method would gain on items it was not fitted on; positive is better.

    ``brier_gain`` and ``log_loss_gain`` are means of before - after, ``ece_*`` the confidence
    (binary: positive class) ECE in ten uniform bins. ``map`` is fitted on all items.
    """

    method: str
    brier_gain: Estimate
    log_loss_gain: Estimate
    ece_before: float | None
    ece_after: float | None
    map: RecalibrationMap | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "method": self.method,
            "brier_gain": self.brier_gain.as_dict(),
            "log_loss_gain": self.log_loss_gain.as_dict(),
            "ece_before": self.ece_before,
            "ece_after": self.ece_after,
            "map": None if self.map is None else self.map.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class RecalibrationChoice:
    """The recommended method, ``none`` unless a gain is beyond doubt, and why."""

    recommended: str
    why: str
    methods: tuple[MethodGain, ...]
    n: int
    n_folds: int
    folds_by: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "recommended": self.recommended,
            "why": self.why,
            "methods": [one.as_dict() for one in self.methods],
            "n": self.n,
            "n_folds": self.n_folds,
            "folds_by": self.folds_by,
        }


def choose_recalibration(
    forecasts: Forecasts,
    bootstrap: Bootstrap,
    *,
    methods: Sequence[str] | None = None,
    folds: npt.ArrayLike | None = None,
    n_folds: int = 5,
) -> RecalibrationChoice:
    """The gain of each recalibration out of sample, and which one, if any, to use.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        Clusters are never split across folds, and are what the intervals resample.
    bootstrap : Bootstrap
    methods : sequence of str, optional
        Default: all that apply.
    folds : (n,) array, optional
        Fold of each item; default: clusters dealt to folds of similar size, items at random.
    n_folds : int
        Used where no folds are given; fewer where there are fewer clusters.

    Returns
    -------
    RecalibrationChoice
        Recommended is the simplest method whose mean Brier gain has an interval above 0, whose
        log loss does not get worse, and which is within one standard error of the best. In
        sample, isotonic regression always looks perfect; here it may lose.

    Raises
    ------
    ValueError
        When folds split a cluster or do not have one entry an item.

    References
    ----------
    Breiman et al. (1984), section 3.4, for the one-standard-error rule.
    """
    default = BINARY_METHODS if isinstance(forecasts, BinaryForecasts) else CLASS_METHODS
    wanted = tuple(default if methods is None else methods)
    fold, by = _folds(forecasts, folds, n_folds, bootstrap)
    count = int(fold.max(initial=-1)) + 1
    if count < 2:
        reason = Reason.TOO_FEW_ITEMS if forecasts.n else Reason.NO_DATA
        found = tuple(_without(method, reason, forecasts.n) for method in wanted)
        why = "There are too few items or groups to fit on some and judge on others."
        return RecalibrationChoice("none", why, found, forecasts.n, count, by)
    draws = draw(forecasts.n, forecasts.clusters, bootstrap)
    judged = [_judge(forecasts, method, fold, draws) for method in wanted]
    gains = {one.method: each for one, each in judged if each is not None}
    methods_found = tuple(one for one, _ in judged)
    recommended, why = _recommend(methods_found, gains, forecasts)
    return RecalibrationChoice(recommended, why, methods_found, forecasts.n, count, by)


def out_of_fold(forecasts: Forecasts, method: str, folds: npt.ArrayLike) -> FloatArray | Reason:
    """Each item's probability recalibrated by a map fitted on the other folds.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
    method : str
    folds : (n,) array

    Returns
    -------
    ndarray of the shape of ``y_prob``, or Reason
        The reason of the first fold whose other items allow no fit.
    """
    fold = codes_of(folds)
    answer = np.empty_like(forecasts.y_prob)
    for k in range(int(fold.max(initial=-1)) + 1):
        inside = fold == k
        fitted = fit_map(forecasts.rows(~inside), method)
        if isinstance(fitted, Reason):
            return fitted
        answer[inside] = apply_map(fitted, forecasts.y_prob[inside])
    return answer


def _judge(
    forecasts: Forecasts, method: str, fold: IntArray, draws: Draws
) -> tuple[MethodGain, FloatArray | None]:
    """The method's gains, and its weighted Brier gain item by item."""
    answer = out_of_fold(forecasts, method, fold)
    fitted = fit_map(forecasts, method)
    if isinstance(answer, Reason):
        return _without(method, answer, forecasts.n), None
    if isinstance(fitted, Reason):
        return _without(method, fitted, forecasts.n), None
    return _gain(forecasts, answer, fitted, draws)


def map_gain(forecasts: Forecasts, fitted: RecalibrationMap, bootstrap: Bootstrap) -> MethodGain:
    """What a map that is there already gains on items that it was not fitted on.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        As stated, before the map.
    fitted : RecalibrationMap
    bootstrap : Bootstrap
        Clusters are resampled where known, else items.

    Returns
    -------
    MethodGain
        ``no_data`` without items.
    """
    if forecasts.n == 0:
        return _without(fitted.method, Reason.NO_DATA, 0)
    draws = draw(forecasts.n, forecasts.clusters, bootstrap)
    return _gain(forecasts, apply_map(fitted, forecasts.y_prob), fitted, draws)[0]


def _gain(
    forecasts: Forecasts, answer: FloatArray, fitted: RecalibrationMap, draws: Draws
) -> tuple[MethodGain, FloatArray]:
    after = replace(forecasts, y_prob=answer)
    gain = item_scores(forecasts) - item_scores(_drawn_in(after, fitted.method))
    brier = (item_scores(forecasts) - item_scores(after))[:, COLUMNS.index("brier_sum")] / 2
    log = gain[:, COLUMNS.index("log_loss")]
    return (
        MethodGain(
            fitted.method,
            _mean_gain(brier, forecasts, draws),
            _mean_gain(log, forecasts, draws),
            _ece(forecasts),
            _ece(after),
            fitted,
        ),
        forecasts.weights * brier / forecasts.weights.sum(),
    )


def _without(method: str, reason: Reason, n: int) -> MethodGain:
    nothing = undefined(reason, n)
    return MethodGain(method, nothing, nothing, None, None, None)


def _drawn_in(after: Forecasts, method: str) -> Forecasts:
    """Probabilities kept off 0 and 1 by what n items can say, before a logarithm."""
    if method not in _STEPPED:
        return after
    edge = 1 / (after.n + 2)
    inside = np.clip(after.y_prob, edge, 1 - edge)
    if not isinstance(after, BinaryForecasts):
        inside = inside / inside.sum(axis=1, keepdims=True)
    return replace(after, y_prob=inside)


def _mean_gain(each: FloatArray, forecasts: Forecasts, draws: Draws) -> Estimate:
    w = forecasts.weights
    value = float((w * each).sum() / w.sum())
    again = draws.totals(np.stack([w * each, w], axis=1))
    return with_interval(value, forecasts.n, again[:, 0] / again[:, 1], draws)


def _ece(forecasts: Forecasts) -> float:
    one = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    return float(expected_calibration_error(bin_sums(one, uniform_edges(10))))


def _recommend(
    methods: tuple[MethodGain, ...], gains: dict[str, FloatArray], forecasts: Forecasts
) -> tuple[str, str]:
    sure = [
        one
        for one in methods
        if one.brier_gain.ci_low is not None
        and one.brier_gain.ci_low > 0
        and (one.log_loss_gain.value or 0.0) >= 0
    ]
    if not sure:
        return "none", "No recalibration improves the Brier score of unseen items beyond doubt."
    best = max(sure, key=lambda one: one.brier_gain.value or 0.0)
    for one in sure:
        lost = gains[best.method] - gains[one.method]
        if lost.sum() <= _standard_error(lost, forecasts):
            break
    value = one.brier_gain.value or 0.0
    why = f"{one.method} improves the Brier score of unseen items by {value:.4f}"
    if one is best:
        return one.method, f"{why}, the most of all."
    return one.method, f"{why}; {best.method} gains no more beyond doubt and is less simple."


def _standard_error(shares: FloatArray, forecasts: Forecasts) -> float:
    """Standard error of a sum of items' (clusters') shares."""
    if forecasts.clusters is not None:
        shares = np.bincount(forecasts.clusters, shares).astype(float)
    return float(np.sqrt(len(shares)) * shares.std())


def _folds(
    forecasts: Forecasts, folds: npt.ArrayLike | None, n_folds: int, bootstrap: Bootstrap
) -> tuple[IntArray, str]:
    n, clusters = forecasts.n, forecasts.clusters
    if folds is not None:
        fold = codes_of(folds)
        if len(fold) != n:
            raise ValueError(f"folds must have one entry an item, {n}; got {len(fold)}.")
        _refuse_split(fold, clusters)
        return fold, "given"
    return deal_folds(forecasts, bootstrap, n_folds)


def deal_folds(
    forecasts: Forecasts | LabelForecasts, bootstrap: Bootstrap, n_folds: int = 5
) -> tuple[IntArray, str]:
    """A fold for each item, folds of similar size, and by what they were dealt.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        Its clusters are never split.
    bootstrap : Bootstrap
        Its generator deals the items where there are no clusters.
    n_folds : int, at least 2
        Fewer where there are fewer clusters or items.

    Returns
    -------
    ((n,) array of int, "groups" or "items")

    Raises
    ------
    ValueError
        When fewer than two folds are asked for.
    """
    n, clusters = forecasts.n, forecasts.clusters
    if n_folds < 2:
        raise ValueError(f"n_folds must be at least 2; got {n_folds}.")
    if clusters is None:
        return (bootstrap.rng.permutation(n) % min(n_folds, max(n, 1))).astype(np.int64), "items"
    fold = np.zeros(n, dtype=np.int64)
    k = min(n_folds, int(clusters.max(initial=-1)) + 1)
    if k >= 2:
        for number, (_, test) in enumerate(GroupKFold(k).split(fold, groups=clusters)):
            fold[test] = number
    return fold, "groups"


def _refuse_split(fold: IntArray, clusters: IntArray | None) -> None:
    if clusters is None:
        return
    first = np.full(int(clusters.max(initial=-1)) + 1, -1)
    first[clusters] = fold
    split = np.unique(clusters[first[clusters] != fold])
    if len(split):
        raise ValueError(
            f"{len(split)} groups lie in more than one fold, so that no fold is unseen; give "
            f"all items of a group the same fold."
        )
