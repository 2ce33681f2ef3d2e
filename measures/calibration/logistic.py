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
#: Beyond this many units on the logit scale the classes can be told apart without error.
_SEPARATED = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Coefficients with what their uncertainty is made of."""

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float
    converged: bool
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
    """
    base = np.zeros(len(y)) if offset is None else offset
    b = np.zeros(X.shape[1]) if start is None else np.array(start, dtype=float)
    best = log_likelihood(base + X @ b, y, w)
    converged = False
    for _ in range(_MAX_STEPS):
        gradient = X.T @ _residual(X, b, base, y, w)
        step = np.linalg.lstsq(_information(X, base + X @ b, w), gradient)[0].astype(float)
        b, gained = _damped(X, y, w, base, b, step, best)
        best += gained
        if np.abs(step).max() < 1e-9 * (1 + np.abs(b).max()):
            converged = True
            break
        if np.abs(b).max() > _SEPARATED:
            break
    information = _information(X, base + X @ b, w)
    scores = X * (w * (y - special.expit(base + X @ b)))[:, None]
    covariance = np.linalg.pinv(information, hermitian=True).astype(float)
    return LogisticFit(b, covariance, best, converged, scores)


def _residual(
    X: FloatArray, b: FloatArray, base: FloatArray, y: FloatArray, w: FloatArray
) -> FloatArray:
    residual: FloatArray = w * (y - special.expit(base + X @ b))
    return residual


def _information(X: FloatArray, eta: FloatArray, w: FloatArray) -> FloatArray:
    p = special.expit(eta)
    information: FloatArray = (X * (w * p * (1 - p))[:, None]).T @ X
    return information


def _damped(
    X: FloatArray,
    y: FloatArray,
    w: FloatArray,
    base: FloatArray,
    b: FloatArray,
    step: FloatArray,
    best: float,
) -> tuple[FloatArray, float]:
    """The Newton step, halved until the likelihood does not fall."""
    for halving in range(30):
        tried = b + step / 2**halving
        gained = log_likelihood(base + X @ tried, y, w) - best
        if gained >= -1e-12 * (1 + abs(best)):
            return tried, gained
    return b, 0.0
