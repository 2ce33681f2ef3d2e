"""Venn-ABERS: for each probability a pair, one of which is calibrated whatever the model does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from measures.calibration.binning import bin_of, quantile_edges
from measures.calibration.corp import isotonic
from measures.calibration.forecasts import BinaryForecasts, FloatArray

#: Scores with more distinct values are pooled into this many cells of equal mass first.
MAX_CELLS = 500


@dataclass(frozen=True, slots=True, eq=False)
class VennAbers:
    """Both probabilities on each stretch of the score; JSON by :meth:`as_dict`.

    A score falls on a stored value (odd place) or strictly between two (even place); with
    ``pooled`` it falls in a cell ``(edge, next edge]``.
    """

    at: FloatArray
    low: FloatArray
    high: FloatArray
    pooled: bool
    n: int

    def interval(self, y_prob: FloatArray) -> FloatArray:
        """``(p0, p1)`` of each score, shape ``(n, 2)``; their distance is the doubt."""
        if self.pooled:
            place = np.searchsorted(self.at, y_prob, side="left")
        else:
            left = np.searchsorted(self.at, y_prob, side="left")
            place = left + np.searchsorted(self.at, y_prob, side="right")
        return np.stack([self.low[place], self.high[place]], axis=1)

    def probability(self, y_prob: FloatArray) -> FloatArray:
        """One probability from the pair, ``p1 / (1 - p0 + p1)``, which minimises regret."""
        pair = self.interval(y_prob)
        merged: FloatArray = pair[:, 1] / (1 - pair[:, 0] + pair[:, 1])
        return merged

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; :func:`venn_abers_from_dict` reads it back."""
        return {
            "at": self.at.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "pooled": self.pooled,
            "n": self.n,
        }


def fit_venn_abers(forecasts: BinaryForecasts) -> VennAbers:
    """Inductive Venn-ABERS predictor from a calibration set the model has not seen.

    Parameters
    ----------
    forecasts : BinaryForecasts
        At least one item. Weights are scaled to a mean of 1, the weight of the new item.

    Returns
    -------
    VennAbers
        Up to 500 distinct scores exactly, by two isotonic fits a place; above, on 500 cells of
        equal mass.

    Raises
    ------
    ValueError
        Without items.

    References
    ----------
    Vovk, Petej and Fedorova (2015), "Large-scale probabilistic predictors with and without
    guarantees of validity", algorithm 1.
    """
    if forecasts.n == 0:
        raise ValueError("Venn-ABERS needs calibration items; got none.")
    scores, index = np.unique(forecasts.y_prob, return_inverse=True)
    pooled = len(scores) > MAX_CELLS
    if pooled:
        edges = quantile_edges(forecasts.y_prob, MAX_CELLS)
        cell = np.unique(bin_of(scores, edges), return_inverse=True)[1]
        index = cell[index]
        # The upper end of each cell but the last: any score falls in one of them.
        scores = scores[np.flatnonzero(np.diff(cell))]
    w = forecasts.weights / forecasts.weights.mean()
    weight = np.bincount(index, w).astype(float)
    observed = np.bincount(index, w * forecasts.y_true).astype(float)
    pairs = [_pair(weight, observed, place) for place in _places(len(weight), pooled)]
    low, high = np.array(pairs).T
    return VennAbers(scores, low, high, pooled, forecasts.n)


def venn_abers_from_dict(stored: dict[str, Any]) -> VennAbers:
    """The predictor that :meth:`VennAbers.as_dict` wrote."""
    at, low, high = (np.array(stored[key], dtype=float) for key in ("at", "low", "high"))
    return VennAbers(at, low, high, bool(stored["pooled"]), int(stored["n"]))


def _places(n_scores: int, pooled: bool) -> range:
    """On each cell, or on and between the scores: 0 is below the first, 1 on it, and so on."""
    return range(1, 2 * n_scores, 2) if pooled else range(2 * n_scores + 1)


def _pair(weight: FloatArray, observed: FloatArray, place: int) -> tuple[float, float]:
    """Isotonic value of a new item at a place, were its outcome 0 and were it 1."""
    on, at = place % 2 == 1, place // 2
    pair = []
    for outcome in (0.0, 1.0):
        if on:
            more, seen = weight.copy(), observed.copy()
            more[at] += 1
            seen[at] += outcome
        else:
            more, seen = np.insert(weight, at, 1.0), np.insert(observed, at, outcome)
        pair.append(float(isotonic(seen / more, more)[at]))
    return pair[0], pair[1]
