"""Logistic regression with one or two coefficients, by Newton's method.

Written here because scikit-learn penalises, knows no offset and gives no covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from measures.calibration.forecasts import FloatArray, IntArray

#: Probabilities are kept this far from 0 and 1 before a logit is taken.
LOGIT_CLIP = 1e-12
_MAX_STEPS = 100
#: Least eigenvalue of the information, scaled to ones, with which coefficients are determined.
_SINGULAR = 1e-12
#: Beyond this many units on the logit scale the classes can be told apart without error.
_SEPARATED = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Coefficients with what their uncertainty is made of."""

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float
    converged: bool
    determined: bool
    scores: FloatArray

    def sandwich(self, clusters: IntArray | None) -> tuple[FloatArray, int]:
        """Covariance that holds for weights and clusters, and the number of units behind it."""
        scores = self.scores
        if clusters is not None:
            scores = np.stack([np.bincount(clusters, column) for column in scores.T], axis=1)
        units = len(scores)
        if units < 2:
            return self.covariance, units
        meat = scores.T @ scores * units / (units - 1)
        return self.covariance @ meat @ self.covariance, units


def logit_of(y_prob: FloatArray) -> FloatArray:
    """Log-odds, probabilities clipped at 1e-12."""
    odds: FloatArray = special.logit(np.clip(y_prob, LOGIT_CLIP, 1 - LOGIT_CLIP))
    return odds


def log_likelihood(eta: FloatArray, y: FloatArray, w: FloatArray) -> float:
    """Weighted Bernoulli log likelihood at log-odds ``eta``."""
    return float((w * (y * eta - np.logaddexp(0, eta))).sum())


def fit_logistic(
    X: FloatArray,
    y: FloatArray,
    w: FloatArray,
    *,
    offset: FloatArray | None = None,
    start: tuple[float, ...] | None = None,
) -> LogisticFit:
    """Maximum likelihood coefficients of ``logit P(y) = offset + X b``.

    Parameters
    ----------
    X : (n, k) array
    y : (n,) array in [0, 1]
    w : (n,) array of positive weights
    offset : (n,) array, optional
    start : k floats, optional

    Returns
    -------
    LogisticFit
        ``converged`` is False where the likelihood has no maximum (separated classes).
        ``determined`` is False too where other coefficients would do as well: where outcomes are
        all alike from some probability on, the steeper the better, up to rounding.
    """
    base = np.zeros(len(y)) if offset is None else offset
    columns = np.ascontiguousarray(X.T)
    b = np.zeros(X.shape[1]) if start is None else np.array(start, dtype=float)
    eta = base + b @ columns
    best = log_likelihood(eta, y, w)
    residual, information = _derivatives(columns, eta, y, w)
    converged = False
    for _ in range(_MAX_STEPS):
        step = np.linalg.lstsq(information, columns @ residual)[0].astype(float)
        b, eta, gained = _damped(columns, y, w, base, b, step, best)
        best += gained
        residual, information = _derivatives(columns, eta, y, w)
        if np.abs(step).max() < 1e-9 * (1 + np.abs(b).max()):
            converged = True
            break
        if np.abs(b).max() > _SEPARATED:
            break
    covariance = np.linalg.pinv(information, hermitian=True).astype(float)
    determined = converged and _is_regular(information)
    return LogisticFit(b, covariance, best, converged, determined, (columns * residual).T)


def _is_regular(information: FloatArray) -> bool:
    scale = np.sqrt(np.diag(information))
    if not scale.all():
        return False
    return bool(np.linalg.eigvalsh(information / np.outer(scale, scale))[0] > _SINGULAR)


def _derivatives(
    columns: FloatArray, eta: FloatArray, y: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weighted residuals, and the information about the coefficients."""
    p = special.expit(eta)
    information: FloatArray = (columns * (w * p * (1 - p))) @ columns.T
    return w * (y - p), information


def _damped(
    columns: FloatArray,
    y: FloatArray,
    w: FloatArray,
    base: FloatArray,
    b: FloatArray,
    step: FloatArray,
    best: float,
) -> tuple[FloatArray, FloatArray, float]:
    """The Newton step, halved until the likelihood does not fall."""
    for halving in range(30):
        tried = b + step / 2**halving
        eta = base + tried @ columns
        gained = log_likelihood(eta, y, w) - best
        if gained >= -1e-12 * (1 + abs(best)):
            return tried, eta, gained
    return b, base + b @ columns, 0.0
