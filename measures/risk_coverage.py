"""What a model gets right when it may decline to answer: risk against coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from measures.calibration.binning import bin_of, quantile_edges
from measures.calibration.forecasts import FloatArray
from measures.calibration.resampling import Draws, with_interval
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import clopper_pearson

#: Resampled risk-coverage curves see at most this many levels of confidence.
MAX_LEVELS = 500
#: Coverages at which a threshold is tried; each costs its part of the error allowed.
N_THRESHOLDS = 20


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The share of wrong answers when only the most confident items are answered.

    ``aurc`` is the mean risk over coverages i/n; ``aurc_trapezoid`` another convention in use;
    ``oracle`` the lowest AURC any order could reach, ``excess`` the distance to it; ``augrc``
    counts an error against all items, answered or not. 0 is best. ``points`` are (coverage,
    risk, lowest confidence answered).
    """

    aurc: Estimate
    aurc_trapezoid: float | None
    oracle: float | None
    excess: float | None
    augrc: float | None
    points: tuple[tuple[float, float, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "aurc": self.aurc.as_dict(),
            "aurc_trapezoid": self.aurc_trapezoid,
            "oracle": self.oracle,
            "excess": self.excess,
            "augrc": self.augrc,
            "points": [
                {"coverage": coverage, "risk": risk, "confidence": confidence}
                for coverage, risk, confidence in self.points
            ],
        }


@dataclass(frozen=True, slots=True)
class RiskThreshold:
    """The lowest confidence to answer at, so that the risk stays below a target.

    ``threshold`` None: no threshold could be shown to keep the risk. ``risk`` is what was
    observed above the threshold; its ``ci_high`` is the one-sided bound that was compared.
    """

    threshold: float | None
    coverage: float | None
    risk: Estimate
    target: float
    level: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "threshold": self.threshold,
            "coverage": self.coverage,
            "risk": self.risk.as_dict(),
            "target": self.target,
            "level": self.level,
        }


def risk_coverage(
    confidence: npt.ArrayLike, loss: npt.ArrayLike, draws: Draws | None = None
) -> RiskCoverage:
    """Risk of answering only the most confident items, at every coverage.

    Parameters
    ----------
    confidence : (n,) array
        Higher is answered first; equal ones are taken in every order alike.
    loss : (n,) array in [0, 1]
        1 for a wrong answer, 0 for a right one; fractions allowed.
    draws : Draws or None
        Units to resample for the interval of the AURC.

    Returns
    -------
    RiskCoverage
        0 is best throughout.

    Raises
    ------
    ValueError
        When lengths differ or a loss lies outside [0, 1].

    References
    ----------
    Geifman and El-Yaniv (2017); Geifman, Uziel and El-Yaniv (2019) for the excess; Traub et al.
    (2024) for AUGRC.
    """
    sure, lost = _checked_losses(confidence, loss)
    n = len(lost)
    if n == 0:
        return RiskCoverage(undefined(Reason.NO_DATA, 0), None, None, None, None, ())
    levels, index = np.unique(-sure, return_inverse=True)
    size = np.bincount(index).astype(float)
    errors = np.bincount(index, lost).astype(float)
    aurc = float(_area(size, errors))
    worst_last, counts = np.unique(lost, return_counts=True)
    oracle = float(_area(counts.astype(float), counts * worst_last))
    risks = _risks(size, errors)
    trapezoid = None
    if n > 1:
        trapezoid = float((risks.sum() - (risks[0] + risks[-1]) / 2) / (n - 1))
    answered = np.arange(1, n + 1)
    return RiskCoverage(
        _with_draws(aurc, sure, lost, draws),
        trapezoid,
        oracle,
        aurc - oracle,
        float((risks * answered).sum() / n**2),
        _points(size, errors, -levels),
    )


def risk_threshold(
    confidence: npt.ArrayLike,
    loss: npt.ArrayLike,
    *,
    target: float,
    level: float = 0.95,
) -> RiskThreshold:
    """The lowest confidence from which answers are wrong in at most ``target`` of cases.

    Parameters
    ----------
    confidence : (n,) array
    loss : (n,) array of 0 and 1
    target : float in (0, 1)
        Risk that must not be exceeded.
    level : float
        Confidence in that promise.

    Returns
    -------
    RiskThreshold
        Among thresholds at up to 20 coverages, the one that answers most items with an
        exact one-sided bound, shared out over the thresholds tried, at or below the target.

    Raises
    ------
    ValueError
        When target or level is out of range, or a loss is not 0 or 1.

    References
    ----------
    Angelopoulos et al. (2021), "Learn then Test", Bonferroni version.
    """
    sure, lost = _checked_losses(confidence, loss)
    if not 0 < target < 1 or not 0 < level < 1:
        raise ValueError(f"target and level must lie between 0 and 1; got {target}, {level}.")
    if not np.isin(lost, (0, 1)).all():
        raise ValueError("The bound is for losses of 0 and 1; round fractional losses first.")
    n = len(lost)
    if n == 0:
        return RiskThreshold(None, None, undefined(Reason.NO_DATA, 0), target, level)
    tried = np.unique(np.quantile(sure, np.arange(N_THRESHOLDS) / N_THRESHOLDS, method="lower"))
    tail = (1 - level) / len(tried)
    for threshold in tried:
        answered = sure >= threshold
        size, wrong = int(answered.sum()), int(lost[answered].sum())
        # Two tails of a two-sided interval: its upper end is the one-sided bound wanted.
        bound = clopper_pearson(wrong, size, level=1 - 2 * tail)[1]
        if bound <= target:
            risk = Estimate(wrong / size, size, None, 0.0, bound, level, "clopper_pearson_upper")
            return RiskThreshold(float(threshold), size / n, risk, target, level)
    return RiskThreshold(None, None, undefined(Reason.TOO_FEW_ITEMS, n), target, level)


def _checked_losses(
    confidence: npt.ArrayLike, loss: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    sure, lost = np.asarray(confidence, dtype=float), np.asarray(loss, dtype=float)
    if sure.ndim != 1 or sure.shape != lost.shape:
        raise ValueError(
            f"confidence and loss must be vectors of one length; got shapes "
            f"{sure.shape} and {lost.shape}."
        )
    if not np.isfinite(sure).all():
        raise ValueError(f"confidence must be finite; {int((~np.isfinite(sure)).sum())} are not.")
    if not ((lost >= 0) & (lost <= 1)).all():
        raise ValueError("loss must lie in [0, 1]: 1 for a wrong answer, 0 for a right one.")
    return sure, lost


def _area(size: FloatArray, errors: FloatArray) -> FloatArray:
    """Mean selective risk over all coverages, tie blocks averaged; last axis are the blocks.

    Within a block of m items, mean error e, after N items with E errors, the risks
    (E + j e) / (N + j) sum to m e + (E - e N)(H(N + m) - H(N)), H the harmonic numbers.
    """
    before_n = np.cumsum(size, axis=-1) - size
    before_e = np.cumsum(errors, axis=-1) - errors
    rate = np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
    harmonic = special.digamma(before_n + size + 1) - special.digamma(before_n + 1)
    summed = errors + (before_e - rate * before_n) * harmonic
    area: FloatArray = summed.sum(axis=-1) / size.sum(axis=-1)
    return area


def _risks(size: FloatArray, errors: FloatArray) -> FloatArray:
    """Selective risk after 1, 2, ..., n items, tie blocks averaged."""
    each = np.repeat(errors / size, size.astype(np.int64))
    risks: FloatArray = np.cumsum(each) / np.arange(1, len(each) + 1)
    return risks


def _points(
    size: FloatArray, errors: FloatArray, levels: FloatArray, most: int = 100
) -> tuple[tuple[float, float, float], ...]:
    answered, wrong = np.cumsum(size), np.cumsum(errors)
    shown = np.unique(np.linspace(0, len(size) - 1, most).round().astype(int))
    total = answered[-1]
    return tuple(
        (float(answered[i] / total), float(wrong[i] / answered[i]), float(levels[i])) for i in shown
    )


def _with_draws(aurc: float, sure: FloatArray, lost: FloatArray, draws: Draws | None) -> Estimate:
    if draws is None:
        return Estimate(aurc, len(lost))
    level = bin_of(-sure, quantile_edges(-sure, MAX_LEVELS))
    n_levels = int(level.max()) + 1
    at = draws.unit * n_levels + level
    shape = (draws.n_units, n_levels)
    size = np.bincount(at, minlength=shape[0] * shape[1]).astype(float).reshape(shape)
    errors = np.bincount(at, lost, minlength=shape[0] * shape[1]).astype(float).reshape(shape)
    again = _area(draws.replicates(size), draws.replicates(errors))
    return with_interval(aurc, len(lost), again, draws, centred=True, bounds=(0, 1))
