"""Performance to expect where no outcomes are known yet, from calibrated probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from measures.calibration.forecasts import FloatArray, binary_forecasts
from measures.calibration.resampling import Bootstrap, divide, draw, with_interval
from measures.estimates import Estimate, Reason, undefined
from measures.scores import auc

KEYS = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "specificity",
    "auc",
    "brier",
    "log_loss",
)
#: To be printed beside the numbers.
ASSUMPTION = (
    "Valid only if the probabilities are calibrated for these items and the relation between "
    "features and outcome has not changed since."
)


def expected_performance(
    y_prob: npt.ArrayLike,
    bootstrap: Bootstrap,
    *,
    y_pred: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
) -> dict[str, Estimate]:
    """Scores that the stated probabilities themselves promise, without any outcome (CBPE).

    Parameters
    ----------
    y_prob : (n,) array in [0, 1]
        Recalibrated probabilities.
    bootstrap : Bootstrap
    y_pred : (n,) array of 0 and 1, optional
        Decisions; default: positive from 0.5 on.
    weights : (n,) array, optional
        To a reference population.
    clusters : (n,) array, optional

    Returns
    -------
    dict of str to Estimate
        Expected counts of the confusion table stand for counts. ``one_class`` where a ratio
        has nothing below the line. See :data:`ASSUMPTION`; the interval is of the choice of
        items only, not of the assumption.

    Raises
    ------
    ValueError
        When input is out of range, or a decision is neither 0 nor 1.

    References
    ----------
    NannyML's confidence-based performance estimation; Guillory et al. (2021) for the idea.
    """
    stated = np.asarray(y_prob, dtype=float)
    checked = binary_forecasts(stated, stated, weights=weights, clusters=clusters)
    n, p, w = checked.n, checked.y_prob, checked.weights
    if n == 0:
        return {key: undefined(Reason.NO_DATA, 0) for key in KEYS}
    chosen = _decisions(y_pred, p)
    columns = np.stack(
        [
            w * p * chosen,
            w * (1 - p) * chosen,
            w * p * (1 - chosen),
            w * (1 - p) * (1 - chosen),
            w * p * (1 - p),
            w * (special.entr(p) + special.entr(1 - p)),
        ],
        axis=1,
    )
    draws = draw(n, checked.clusters, bootstrap)
    totals, again = columns.sum(axis=0), draws.totals(columns)
    found = {}
    for key, ratio in _RATIOS.items():
        value = float(ratio(totals))
        found[key] = (
            with_interval(value, n, ratio(again), draws)
            if np.isfinite(value)
            else undefined(Reason.ONE_CLASS, n)
        )
    found["auc"] = auc(checked, level=bootstrap.level)
    return {key: found[key] for key in KEYS}


def _decisions(y_pred: npt.ArrayLike | None, p: FloatArray) -> FloatArray:
    if y_pred is None:
        return (p >= 0.5).astype(float)
    chosen = np.asarray(y_pred, dtype=float)
    if chosen.shape != p.shape or not np.isin(chosen, (0, 1)).all():
        raise ValueError(f"y_pred must hold 0 or 1 for each of the {len(p)} items.")
    return chosen


def _share(top: tuple[int, ...], bottom: tuple[int, ...]) -> Callable[[FloatArray], FloatArray]:
    return lambda t: divide(t[..., list(top)].sum(axis=-1), t[..., list(bottom)].sum(axis=-1))


# Columns: true positive, false positive, false negative, true negative, Brier, entropy.
_RATIOS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "accuracy": _share((0, 3), (0, 1, 2, 3)),
    "precision": _share((0,), (0, 1)),
    "recall": _share((0,), (0, 2)),
    "f1": _share((0, 0), (0, 0, 1, 2)),
    "specificity": _share((3,), (1, 3)),
    "brier": _share((4,), (0, 1, 2, 3)),
    "log_loss": _share((5,), (0, 1, 2, 3)),
}
