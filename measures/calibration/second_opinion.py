"""The headline numbers once more, by a library that shares no code with ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from measures.calibration.bin_errors import expected_calibration_error
from measures.calibration.binning import bin_sums, uniform_edges
from measures.calibration.forecasts import BinaryForecasts, Forecasts
from measures.scores import auc, brier_score, score_sums

#: Above this many items the second computation is left out: it would cost more than the first.
MAX_ITEMS = 200_000


def second_opinion(forecasts: Forecasts) -> tuple[dict[str, Any], ...]:
    """Scores recomputed by scikit-learn, with the difference from ours.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts

    Returns
    -------
    tuple of dict
        ``coefficient, library, version, value, difference`` (ours minus theirs). Empty where
        scikit-learn has no answer: without items, with fractional outcomes, where a class is
        missing, or above 200,000 items. The ECE is left out with weights, which
        ``calibration_curve`` does not take.
    """
    if not 0 < forecasts.n <= MAX_ITEMS:
        return ()
    if isinstance(forecasts, BinaryForecasts):
        if forecasts.n_fractional or forecasts.one_class:
            return ()
    elif len(np.unique(forecasts.y_true)) < forecasts.n_classes:
        return ()
    found = []
    for name, (ours, theirs) in _pairs(forecasts).items():
        value = float(theirs())
        found.append(
            {
                "coefficient": name,
                "library": "scikit-learn",
                "version": sklearn.__version__,
                "value": value,
                "difference": ours - value,
            }
        )
    return tuple(found)


def _pairs(forecasts: Forecasts) -> dict[str, tuple[float, Callable[[], float]]]:
    y, p, w = forecasts.y_true, forecasts.y_prob, forecasts.weights
    sums = score_sums(forecasts)
    binary = isinstance(forecasts, BinaryForecasts)
    guess = (p >= 0.5).astype(float) if binary else p.argmax(axis=1)
    # Of two classes scikit-learn takes the column of the second only.
    score = p[:, 1] if p.ndim == 2 and p.shape[1] == 2 else p
    brier, area = brier_score(forecasts) or 0.0, auc(forecasts).value or 0.0
    pairs: dict[str, tuple[float, Callable[[], float]]] = {
        "brier": (brier, lambda: brier_score_loss(y, p, sample_weight=w, scale_by_half=True)),
        "log_loss": (float(sums.mean("log_loss")), lambda: log_loss(y, p, sample_weight=w)),
        "accuracy": (
            float(sums.mean("correct")),
            lambda: accuracy_score(y, guess, sample_weight=w),
        ),
        "auc": (
            area,
            lambda: roc_auc_score(y, score, sample_weight=w, multi_class="ovr", average="macro"),
        ),
    }
    if not forecasts.weighted:
        one = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
        ours = float(expected_calibration_error(bin_sums(one, uniform_edges(10))))
        pairs["uniform_10"] = (ours, lambda: _ece_by_curve(one))
    return pairs


def _ece_by_curve(forecasts: BinaryForecasts) -> float:
    """ECE from ``calibration_curve``, which gives no counts: here they are, by its own rule."""
    y, p = forecasts.y_true, forecasts.y_prob
    observed, stated = calibration_curve(y, p, n_bins=10)
    # Its edges differ from ours in the last bit (0.30000000000000004), and a probability beside
    # one then lies in another bin: the counts must be of the bins that its means are of.
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p))
    counts = counts[counts > 0]
    return float((counts * np.abs(observed - stated)).sum() / len(p))
