"""Proper scores, accuracy and discrimination of stated probabilities, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from measures.calibration.binning import bin_of
from measures.calibration.corp import LOG_CLIP, class_corp_scores, corp_scores
from measures.calibration.forecasts import (
    BinaryForecasts,
    ClassForecasts,
    FloatArray,
    Forecasts,
    IntArray,
    kish_n_eff,
)
from measures.calibration.resampling import Draws, divide, with_interval
from measures.estimates import Estimate, Reason, undefined

#: What is summed, in the order of the last axis of :attr:`ScoreSums.totals`; class counts follow.
COLUMNS = ("n", "weight", "brier_sum", "log_loss", "correct", "observed_sq")
_RANGE = 1 << 16
KEYS = (
    "brier",
    "brier_sum",
    "log_loss",
    "accuracy",
    "auc",
    "brier_skill",
    "log_loss_skill",
    "mcb",
    "dsc",
    "unc",
    "log_mcb",
    "log_dsc",
    "log_unc",
)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreSums:
    """Sums of the scores of items, with the weight of each class; disjoint items add with ``+``.

    ``totals`` has shape ``(..., 6 + K)``; leading axes may be subgroups, units or replicates.
    """

    totals: FloatArray

    def __add__(self, other: ScoreSums) -> ScoreSums:
        return ScoreSums(self.totals + other.totals)

    def column(self, name: str) -> FloatArray:
        """One kind of sum."""
        values: FloatArray = self.totals[..., COLUMNS.index(name)]
        return values

    def mean(self, name: str) -> FloatArray:
        """Weighted mean of one kind of score; NaN without items."""
        return divide(self.column(name), self.column("weight"))

    @property
    def base_rates(self) -> FloatArray:
        """Share of each class, shape ``(..., K)``."""
        return divide(self.totals[..., len(COLUMNS) :], self.column("weight")[..., None])

    @property
    def base_brier_sum(self) -> FloatArray:
        """Brier score, summed over classes, of always stating the base rates."""
        spread = self.mean("observed_sq") - np.square(self.base_rates).sum(axis=-1)
        # One class only leaves rounding dust, which a ratio would blow up to a skill.
        return np.where(spread < 1e-12, 0.0, spread)

    @property
    def base_log_loss(self) -> FloatArray:
        """Log loss of always stating the base rates."""
        rates = self.base_rates
        loss: FloatArray = -special.xlogy(rates, rates).sum(axis=-1)
        return loss


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores by key, with what they rest on."""

    estimates: dict[str, Estimate]
    conventions: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: one NUMBER a key, conventions beside them."""
        out: dict[str, Any] = {key: value.as_dict() for key, value in self.estimates.items()}
        out["conventions"] = dict(self.conventions)
        return out


@dataclass(frozen=True, slots=True)
class MurphyDecomposition:
    """``brier = reliability - resolution + uncertainty + within_variance - within_covariance``."""

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float


def item_scores(forecasts: Forecasts) -> FloatArray:
    """Scores of each item, unweighted; columns as :data:`COLUMNS` with one a class after them.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts

    Returns
    -------
    ndarray of shape (n, 6 + K)
        ``n`` and ``weight`` are 1. A binary item counts as two classes, negative and positive;
        a fractional outcome scores as that share of each.
    """
    stated, outcome = _as_classes(forecasts)
    clipped = np.clip(stated, LOG_CLIP, 1 - LOG_CLIP)
    ones = np.ones(len(stated))
    # Binary: positive from 0.5 on. Classes: the first of the most probable ones.
    binary = isinstance(forecasts, BinaryForecasts)
    chosen = (stated[:, 1] >= 0.5).astype(int) if binary else stated.argmax(axis=1)
    columns = [
        ones,
        ones,
        np.square(stated - outcome).sum(axis=1),
        -special.xlogy(outcome, clipped).sum(axis=1),
        outcome[np.arange(len(stated)), chosen],
        np.square(outcome).sum(axis=1),
    ]
    return np.concatenate([np.stack(columns, axis=1), outcome], axis=1)


def score_sums(
    forecasts: Forecasts, *, codes: IntArray | None = None, n_codes: int = 1
) -> ScoreSums:
    """Sums of the scores, one row a code (subgroup or unit) where codes are given."""
    # By ranges, which add: the columns of millions of items at once would fill the memory.
    parts = [
        _range_sums(forecasts, slice(start, start + _RANGE), codes, n_codes)
        for start in range(0, max(forecasts.n, 1), _RANGE)
    ]
    return ScoreSums(np.sum(parts, axis=0))


def _range_sums(
    forecasts: Forecasts, rows: slice, codes: IntArray | None, n_codes: int
) -> FloatArray:
    if isinstance(forecasts, BinaryForecasts):
        columns = _binary_columns(forecasts, rows)
    else:
        stated, outcome = forecasts.y_prob[rows], forecasts.y_true[rows]
        columns = list(item_scores(ClassForecasts(outcome, stated, np.ones(len(outcome)))).T)
    weights = forecasts.weights[rows]
    if forecasts.weighted:
        columns = [columns[0], *(column * weights for column in columns[1:])]
    if codes is None:
        return np.array([column.sum() for column in columns], dtype=float)
    sums = [np.bincount(codes[rows], column, minlength=n_codes) for column in columns]
    return np.stack(sums, axis=-1).astype(float)


def _binary_columns(forecasts: BinaryForecasts, rows: slice) -> list[FloatArray]:
    """The columns of :func:`item_scores`, without the detour over two classes."""
    p, y = forecasts.y_prob[rows], forecasts.y_true[rows]
    clipped = np.clip(p, LOG_CLIP, 1 - LOG_CLIP)
    ones = np.ones(len(p))
    if ((y == 0) | (y == 1)).all():
        log = -np.log(np.where(y > 0, clipped, 1 - clipped))
        outcome_square = ones
    else:
        log = -special.xlogy(y, clipped) - special.xlogy(1 - y, 1 - clipped)
        outcome_square = y * y + (1 - y) * (1 - y)
    right = np.where(p >= 0.5, y, 1 - y)
    return [ones, ones, 2 * np.square(p - y), log, right, outcome_square, 1 - y, y]


def brier_score(forecasts: Forecasts) -> float | None:
    """Mean squared error of the probabilities, 0 (best) to 1; None without items.

    For classes this is half the sum over classes, so that two classes give the binary number.

    References
    ----------
    Brier (1950), there as the sum over classes.
    """
    if forecasts.n == 0:
        return None
    return float(score_sums(forecasts).mean("brier_sum")) / 2


def log_loss(forecasts: Forecasts) -> float | None:
    """Mean negative natural log of the probability given to what happened; 0 is best.

    Probabilities are clipped at 2**-52, so that no item costs more than 36.05.
    """
    if forecasts.n == 0:
        return None
    return float(score_sums(forecasts).mean("log_loss"))


def auc(forecasts: Forecasts, *, level: float = 0.95) -> Estimate:
    """Chance that a positive item was given a higher probability than a negative one.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes: unweighted mean over the classes that occur, each against the rest.
    level : float

    Returns
    -------
    Estimate
        0.5 is chance, 1 perfect; ties count half. ``one_class`` where nothing is there to be
        told apart. Interval on the logit scale from the influence of each item (of each
        cluster where known); none where the AUC is exactly 0 or 1.

    References
    ----------
    Hanley and McNeil (1982); DeLong, DeLong and Clarke-Pearson (1988); Obuchowski (1997) for
    clusters.
    """
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0)
    if isinstance(forecasts, BinaryForecasts):
        return mean_auc([forecasts], level=level)
    ones = [forecasts.one_vs_rest(k) for k in range(forecasts.n_classes)]
    return mean_auc(ones, level=level)


def mean_auc(events: Sequence[BinaryForecasts], *, level: float = 0.95) -> Estimate:
    """Unweighted mean AUC of several events of the same items, where both outcomes occur."""
    parts = [_auc_influence(one) for one in events]
    defined = [part for part in parts if part is not None]
    if not defined:
        return undefined(Reason.ONE_CLASS, events[0].n)
    value = float(np.mean([part[0] for part in defined]))
    influence = np.mean([part[1] for part in defined], axis=0)
    return _auc_estimate(value, influence, events[0], level)


def murphy_decomposition(
    forecasts: BinaryForecasts, edges: FloatArray
) -> MurphyDecomposition | None:
    """The Brier score as reliability - resolution + uncertainty, and the two within-bin terms.

    Parameters
    ----------
    forecasts : BinaryForecasts
    edges : (B + 1,) array

    Returns
    -------
    MurphyDecomposition or None
        None without items. Without the within-bin terms the identity fails for binned
        probabilities.

    References
    ----------
    Murphy (1973); Stephenson, Coelho and Jolliffe (2008), eq. 10.
    """
    if forecasts.n == 0:
        return None
    index = np.unique(bin_of(forecasts.y_prob, edges), return_inverse=True)[1]
    w = forecasts.weights / forecasts.weights.sum()
    p, y = forecasts.y_prob, forecasts.y_true
    share = np.bincount(index, w)
    stated, rate = np.bincount(index, w * p) / share, np.bincount(index, w * y) / share
    base = float((share * rate).sum())
    off = p - stated[index]
    return MurphyDecomposition(
        brier=float((w * (p - y) ** 2).sum()),
        reliability=float((share * (stated - rate) ** 2).sum()),
        resolution=float((share * (rate - base) ** 2).sum()),
        uncertainty=float((w * y * y).sum()) - base**2,
        within_variance=float((w * off * off).sum()),
        within_covariance=float(2 * (w * off * (y - rate[index])).sum()),
    )


def scores(forecasts: Forecasts, draws: Draws | None = None, *, level: float = 0.95) -> Scores:
    """Every score of a set of forecasts, with intervals.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
    draws : Draws or None
        Units to resample (:func:`measures.calibration.resampling.draw`); None gives no
        intervals but that of the AUC.
    level : float
        Coverage of the interval of the AUC; the others have the level of ``draws``.

    Returns
    -------
    Scores
        ``brier`` 0..1 and ``brier_sum`` = 2 x ``brier`` (lower is better), ``log_loss``,
        ``accuracy``, ``auc``, ``brier_skill`` and ``log_loss_skill`` (1 is perfect, 0 as good as
        the base rates), and the CORP terms ``mcb, dsc, unc`` of the Brier score: for classes
        each against the rest and summed, so that they add up to ``brier_sum``.

    References
    ----------
    Brier (1950); Gneiting and Raftery (2007); Dimitriadis, Gneiting and Jordan (2021).
    """
    conventions = _conventions(forecasts)
    if forecasts.n == 0:
        return Scores({key: undefined(Reason.NO_DATA, 0) for key in KEYS}, conventions)
    sums = score_sums(forecasts)
    again = None if draws is None else resampled_scores(forecasts, draws)
    estimates = mean_scores(sums, again, draws)
    estimates["auc"] = auc(forecasts, level=level)
    if isinstance(forecasts, BinaryForecasts):
        estimates |= corp_scores(forecasts, draws)
    else:
        estimates |= class_corp_scores(forecasts, draws)
    return Scores({key: estimates[key] for key in KEYS}, conventions)


def resampled_scores(forecasts: Forecasts, draws: Draws) -> ScoreSums:
    """Score sums of each replicate."""
    unit_sums = score_sums(forecasts, codes=draws.unit, n_codes=draws.n_units)
    return ScoreSums(draws.replicates(unit_sums.totals))


def mean_scores(
    sums: ScoreSums, again: ScoreSums | None, draws: Draws | None
) -> dict[str, Estimate]:
    """The scores that are means over items, and the skills, from one group's sums."""
    n = int(sums.column("n"))
    values, replicates = _mean_values(sums), None if again is None else _mean_values(again)
    found = {}
    for key, value in values.items():
        if not np.isfinite(value):
            found[key] = undefined(Reason.ONE_CLASS if n else Reason.NO_DATA, n)
        elif replicates is None or draws is None:
            found[key] = Estimate(float(value), n)
        else:
            found[key] = with_interval(float(value), n, replicates[key], draws)
    return found


def _mean_values(sums: ScoreSums) -> dict[str, FloatArray]:
    brier_sum, loss = sums.mean("brier_sum"), sums.mean("log_loss")
    return {
        "brier": brier_sum / 2,
        "brier_sum": brier_sum,
        "log_loss": loss,
        "accuracy": sums.mean("correct"),
        "brier_skill": 1 - divide(brier_sum, sums.base_brier_sum),
        "log_loss_skill": 1
        - divide(loss, np.where(sums.base_brier_sum > 0, sums.base_log_loss, 0)),
    }


def _as_classes(forecasts: Forecasts) -> tuple[FloatArray, FloatArray]:
    """Probabilities and outcomes with one column a class."""
    if isinstance(forecasts, BinaryForecasts):
        p, y = forecasts.y_prob, forecasts.y_true
        return np.stack([1 - p, p], axis=1), np.stack([1 - y, y], axis=1)
    outcome = np.zeros_like(forecasts.y_prob)
    outcome[np.arange(forecasts.n), forecasts.y_true] = 1
    return forecasts.y_prob, outcome


def _auc_influence(forecasts: BinaryForecasts) -> tuple[float, FloatArray] | None:
    """The AUC and what each item moves it by; a fractional outcome is that share of each class."""
    order, index = np.unique(forecasts.y_prob, return_inverse=True)
    up = forecasts.weights * forecasts.y_true
    down = forecasts.weights * (1 - forecasts.y_true)
    n_up, n_down = up.sum(), down.sum()
    if n_up <= 0 or n_down <= 0:
        return None
    up_at = np.bincount(index, up, minlength=len(order))
    down_at = np.bincount(index, down, minlength=len(order))
    below = ((np.cumsum(down_at) - down_at / 2) / n_down)[index]
    above = ((n_up - np.cumsum(up_at) + up_at / 2) / n_up)[index]
    value = float((up * below).sum() / n_up)
    return value, up * (below - value) / n_up + down * (above - value) / n_down


def _auc_estimate(
    value: float, influence: FloatArray, forecasts: Forecasts, level: float
) -> Estimate:
    method = "influence_items"
    if forecasts.clusters is not None:
        influence = np.bincount(forecasts.clusters, influence).astype(float)
        method = "influence_groups"
    units = len(influence)
    if units < 2 or not 0 < value < 1:
        return Estimate(value, forecasts.n)
    se = float(np.sqrt(np.square(influence).sum() * units / (units - 1)))
    reach = special.ndtri((1 + level) / 2) * se / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-reach, reach]))
    return Estimate(value, forecasts.n, None, float(low), float(high), level, method, se=se)


def _conventions(forecasts: Forecasts) -> dict[str, Any]:
    binary = isinstance(forecasts, BinaryForecasts)
    found: dict[str, Any] = {
        "brier": "mean (p - y)^2, 0..1" if binary else "half form: brier_sum / 2, 0..1",
        "brier_sum": "sum over classes, 0..2",
        "log": "natural",
        "log_loss_clip": LOG_CLIP,
        "n_clipped": _n_clipped(forecasts),
        "accuracy": "positive from 0.5 on" if binary else "first of the most probable classes",
        "auc": "ties count half" if binary else "ties count half; one against the rest, mean",
        "skill": "against always stating the base rates of the same items",
        "mcb_dsc_unc": "CORP, Brier" if binary else "CORP, Brier, each class, summed",
        "log_mcb_dsc_unc": "CORP, log loss, with 0 log 0 = 0; of two classes only",
        "weighted": forecasts.weighted,
        "n_eff": kish_n_eff(forecasts.weights),
    }
    if isinstance(forecasts, BinaryForecasts):
        return found | {"n_fractional": forecasts.n_fractional}
    return found | {"n_renormalised": forecasts.n_renormalised}


def _n_clipped(forecasts: Forecasts) -> int:
    """Items that gave what happened a probability below the clip."""
    p, y = forecasts.y_prob, forecasts.y_true
    if isinstance(forecasts, BinaryForecasts):
        return int(np.count_nonzero(((y > 0) & (p < LOG_CLIP)) | ((y < 1) & (1 - p < LOG_CLIP))))
    return int(np.count_nonzero(p[np.arange(forecasts.n), forecasts.y_true] < LOG_CLIP))
