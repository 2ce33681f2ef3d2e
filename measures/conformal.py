"""Conformal prediction sets: the classes that cannot be ruled out, with a guarantee."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from measures.calibration.forecasts import (
    BinaryForecasts,
    ClassForecasts,
    FloatArray,
    Forecasts,
    IntArray,
    class_forecasts,
    codes_of,
)
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import clopper_pearson
from measures.multilabel import LabelForecasts

METHODS = ("lac", "aps")


@dataclass(frozen=True, slots=True)
class ConformalPredictor:
    """The threshold on the score of a class; a class belongs to the set up to it.

    ``threshold`` None: too few calibration items for the level, every class belongs to every
    set. ``by_group`` holds the thresholds of groups that are large enough; the items of other
    groups (``too_small``) get the overall one.
    """

    method: str
    alpha: float
    threshold: float | None
    n: int
    by_group: Mapping[int, float] = field(default_factory=dict)
    too_small: tuple[int, ...] = ()

    def sets(self, y_prob: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Any:
        """Which classes belong to the set of each item: bool array of shape (n, K)."""
        scores = class_scores(np.asarray(y_prob, dtype=float), self.method)
        overall = np.inf if self.threshold is None else self.threshold
        limit = np.full(len(scores), overall)
        if groups is not None:
            own = np.asarray(groups)
            for group, threshold in self.by_group.items():
                limit[own == group] = threshold
        return scores <= limit[:, None]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "method": self.method,
            "alpha": self.alpha,
            "threshold": self.threshold,
            "n": self.n,
            "by_group": {str(group): value for group, value in self.by_group.items()},
            "too_small": list(self.too_small),
        }


@dataclass(frozen=True, slots=True)
class SetCoverage:
    """How often the sets held the true class, and how large they were."""

    coverage: Estimate
    mean_size: float | None
    share_empty: float | None
    share_single: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "coverage": self.coverage.as_dict(),
            "mean_size": self.mean_size,
            "share_empty": self.share_empty,
            "share_single": self.share_single,
        }


def class_scores(y_prob: FloatArray, method: str) -> FloatArray:
    """How little each class conforms, shape (n, K), in [0, 1]; low belongs.

    ``lac``: 1 - p. ``aps``: the mass of all classes at least as probable, the class itself
    included; not randomised, which makes sets a little too large rather than arbitrary.

    Raises
    ------
    ValueError
        When the method is unknown.

    References
    ----------
    Sadinle, Lei and Wasserman (2019) for LAC; Romano, Sesia and Candès (2020) for APS.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if method == "lac":
        return 1 - y_prob
    order = np.argsort(-y_prob, axis=1, kind="stable")
    sorted_p = np.take_along_axis(y_prob, order, axis=1)
    mass = np.cumsum(sorted_p, axis=1)
    # Equal probabilities get the mass after the last of them, whatever the order of classes.
    for k in range(y_prob.shape[1] - 2, -1, -1):
        tied = sorted_p[:, k] == sorted_p[:, k + 1]
        mass[tied, k] = mass[tied, k + 1]
    scores = np.empty_like(mass)
    np.put_along_axis(scores, order, np.minimum(mass, 1.0), axis=1)
    return scores


def fit_conformal(
    forecasts: Forecasts | LabelForecasts,
    *,
    alpha: float = 0.1,
    method: str = "lac",
    groups: npt.ArrayLike | None = None,
) -> ConformalPredictor:
    """Thresholds for sets that hold the true class with probability at least 1 - alpha.

    Parameters
    ----------
    forecasts : BinaryForecasts, ClassForecasts or LabelForecasts
        Calibration items the model has not been fitted on; a binary one counts as two classes
        (negative, positive). Of several labels an item the sets hold all that it has, by ``lac``
        alone. Weights are not used.
    alpha : float in (0, 1)
        Share of sets that may miss.
    method : {"lac", "aps"}
    groups : (n,) array of int, optional
        Subgroups, negative for none; each gets its own threshold and so its own guarantee,
        where it has at least (1 - alpha) / alpha items.

    Returns
    -------
    ConformalPredictor
        The threshold is the ceil((n + 1)(1 - alpha))-th smallest score. The textbook line with
        ``np.quantile(..., method="higher")`` is one rank too high.

    Raises
    ------
    ValueError
        When alpha or the method is out of range, or an outcome is fractional.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), section 2.2, and 4.5 for groups (Mondrian).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, for example 0.1; got {alpha!r}.")
    classes = as_classes(forecasts)
    scores = true_class_scores(classes, method)
    by_group: dict[int, float] = {}
    too_small = []
    own = np.full(classes.n, -1) if groups is None else _groups(groups, classes.n)
    for group in np.unique(own[own >= 0]):
        threshold = conformal_quantile(scores[own == group], alpha)
        if threshold is None:
            too_small.append(int(group))
        else:
            by_group[int(group)] = threshold
    overall = conformal_quantile(scores, alpha)
    return ConformalPredictor(method, alpha, overall, classes.n, by_group, tuple(too_small))


def conformal_quantile(scores: FloatArray, alpha: float) -> float | None:
    """The ceil((n + 1)(1 - alpha))-th smallest score, None where n is too small for it."""
    # A product such as 10 * 0.9 must not be lifted a rank by its rounding.
    rank = math.ceil((len(scores) + 1) * (1 - alpha) - 1e-9)
    return None if rank > len(scores) else float(np.partition(scores, rank - 1)[rank - 1])


def true_class_scores(forecasts: ClassForecasts | LabelForecasts, method: str) -> FloatArray:
    """The score of the true class of each item; of its labels the highest, 0 where it has none."""
    scores = class_scores(forecasts.y_prob, method)
    if isinstance(forecasts, LabelForecasts):
        if method != "lac":
            raise ValueError(f"Of several labels an item there is lac alone; got {method!r}.")
        worst: FloatArray = np.where(forecasts.y_true > 0, scores, 0.0).max(axis=1, initial=0.0)
        return worst
    return scores[np.arange(forecasts.n), forecasts.y_true]


def conformal_p_values(calibration: FloatArray, scores: FloatArray) -> FloatArray:
    """Chance under exchangeability of a score as high, in [1/(n+1), 1], shape kept.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), eq. 2.19, not smoothed.
    """
    ordered = np.sort(calibration)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + at_least) / (len(ordered) + 1), dtype=float)


def cross_conformal_sets(
    forecasts: Forecasts | LabelForecasts,
    folds: npt.ArrayLike,
    *,
    alpha: float = 0.1,
    method: str = "lac",
    groups: npt.ArrayLike | None = None,
) -> npt.NDArray[np.bool_]:
    """Sets of all items, each from thresholds of the other folds; (n, K).

    Keep the items of a cluster in one fold.
    """
    classes = as_classes(forecasts)
    fold, own = codes_of(folds), None if groups is None else _groups(groups, classes.n)
    found = np.zeros_like(classes.y_prob, dtype=bool)
    for k in range(int(fold.max(initial=-1)) + 1):
        inside = fold == k
        rest = None if own is None else own[~inside]
        fitted = fit_conformal(classes.rows(~inside), alpha=alpha, method=method, groups=rest)
        found[inside] = fitted.sets(classes.y_prob[inside], None if own is None else own[inside])
    return found


def set_coverage(sets: npt.ArrayLike, y_true: npt.ArrayLike, *, level: float = 0.95) -> SetCoverage:
    """How often the sets hold the true class, with an exact interval.

    Parameters
    ----------
    sets : (n, K) array of bool
    y_true : (n,) array of int in 0..K-1, or (n, K) array of bool
        The class of each item, or which labels it has: its set must hold them all.
    level : float

    Returns
    -------
    SetCoverage
        Coverage in [0, 1]; compare with 1 - alpha. Sizes between 0 and K; small is good.

    References
    ----------
    Clopper and Pearson (1934).
    """
    held, own = np.asarray(sets, dtype=bool), np.asarray(y_true)
    n = len(own)
    if n == 0:
        return SetCoverage(undefined(Reason.NO_DATA, 0), None, None, None)
    if own.ndim == 2:
        hits = int((held | (own == 0)).all(axis=1).sum())
    else:
        hits = int(held[np.arange(n), own.astype(np.int64)].sum())
    low, high = clopper_pearson(hits, n, level=level)
    size = held.sum(axis=1)
    return SetCoverage(
        Estimate(hits / n, n, None, low, high, level, "clopper_pearson"),
        float(size.mean()),
        float((size == 0).mean()),
        float((size == 1).mean()),
    )


def set_coverage_by_group(
    sets: npt.ArrayLike, y_true: npt.ArrayLike, groups: npt.ArrayLike, *, level: float = 0.95
) -> dict[int, SetCoverage]:
    """Coverage and size of the sets of each group; negative codes are in none."""
    held, outcome = np.asarray(sets, dtype=bool), np.asarray(y_true, dtype=np.int64)
    own = _groups(groups, len(outcome))
    return {
        int(group): set_coverage(held[own == group], outcome[own == group], level=level)
        for group in np.unique(own[own >= 0])
    }


@overload
def as_classes(forecasts: Forecasts) -> ClassForecasts: ...


@overload
def as_classes(
    forecasts: Forecasts | LabelForecasts,
) -> ClassForecasts | LabelForecasts: ...


def as_classes(forecasts: Forecasts | LabelForecasts) -> ClassForecasts | LabelForecasts:
    """Two classes, negative and positive, where the forecasts are binary."""
    if not isinstance(forecasts, BinaryForecasts):
        return forecasts
    if forecasts.n_fractional:
        raise ValueError(
            f"Prediction sets need outcomes of 0 or 1; {forecasts.n_fractional} of "
            f"{forecasts.n} are fractions."
        )
    return _two_classes(forecasts)


def _two_classes(forecasts: BinaryForecasts) -> ClassForecasts:
    p = forecasts.y_prob
    return class_forecasts(
        forecasts.y_true,
        np.stack([1 - p, p], axis=1),
        weights=forecasts.weights if forecasts.weighted else None,
        clusters=forecasts.clusters,
    )


def _groups(groups: npt.ArrayLike, n: int) -> IntArray:
    own = np.asarray(groups)
    if own.shape != (n,):
        raise ValueError(f"groups must have one entry an item, {n}; got shape {own.shape}.")
    return own.astype(np.int64)
