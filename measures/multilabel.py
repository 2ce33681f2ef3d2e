"""Several labels an item, each with a probability of its own: scores over labels, named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from measures.calibration.class_ece import mean_ece
from measures.calibration.forecasts import BinaryForecasts, FloatArray, IntArray, codes_of
from measures.calibration.resampling import Draws, divide, with_interval
from measures.estimates import Estimate, Reason, undefined
from measures.scores import mean_auc


@dataclass(frozen=True, slots=True, eq=False)
class LabelForecasts:
    """Probabilities of K labels, which need not sum to 1, and which of them the items have.

    ``y_true`` (0 or 1) and ``y_prob`` have shape ``(n, K)``, ``weights`` ``(n,)``; ``clusters`` are
    codes of what must be resampled together, ``None``: items.
    """

    y_true: FloatArray
    y_prob: FloatArray
    weights: FloatArray
    clusters: IntArray | None = None
    weighted: bool = False

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.y_true)

    def label(self, k: int) -> BinaryForecasts:
        """One label alone, items as rows."""
        return BinaryForecasts(
            self.y_true[:, k],
            self.y_prob[:, k],
            self.weights,
            self.clusters,
            self.weighted,
            "label",
        )

    def rows(self, index: IntArray | npt.NDArray[np.bool_]) -> LabelForecasts:
        """Some of the items, as often as they are named."""
        return replace(
            self,
            y_true=self.y_true[index],
            y_prob=self.y_prob[index],
            weights=self.weights[index],
            clusters=None if self.clusters is None else codes_of(self.clusters[index]),
        )

    def pooled(self) -> BinaryForecasts:
        """All decisions about one label of one item, item by item; resampled by item or cluster."""
        n, width = self.y_true.shape
        units = np.arange(n) if self.clusters is None else self.clusters
        return BinaryForecasts(
            self.y_true.ravel(),
            self.y_prob.ravel(),
            np.repeat(self.weights, width),
            np.repeat(units, width).astype(np.int64),
            self.weighted,
            "label",
        )


def label_scores(
    forecasts: LabelForecasts, draws: Draws, *, threshold: float = 0.5
) -> dict[str, Estimate]:
    """Scores that are about all labels together, each with its average named.

    Parameters
    ----------
    forecasts : LabelForecasts
    draws : Draws
        Units of items, see :func:`measures.calibration.resampling.draw`.
    threshold : float
        A label is given from this probability on.

    Returns
    -------
    dict of str to Estimate
        ``hamming_loss`` (share of wrong decisions, 0 is best), ``subset_accuracy`` (items with
        every label right), ``micro_*`` over all decisions, ``macro_*`` mean over labels; a label
        that is neither given nor there counts 0 in macro precision, recall and F1 (scikit-learn's
        ``zero_division=0``). ``macro_auc`` over labels that some items have and some have not.
        ``n`` counts items.

    References
    ----------
    Tsoumakas, Katakis and Vlahavas (2010), "Mining multi-label data", section 4.
    """
    if forecasts.n == 0:
        return dict.fromkeys((*_COUNTED, "macro_auc", "macro_ece_10"), undefined(Reason.NO_DATA, 0))
    given = forecasts.y_prob >= threshold
    there = forecasts.y_true > 0
    w = forecasts.weights[:, None]
    exact = (given == there).all(axis=1, keepdims=True)
    columns = np.concatenate([w * (given & there), w * given, w * there, w * exact, w], axis=1)
    values = _counted(columns.sum(axis=0))
    again = _counted(draws.totals(columns))
    found = {
        key: undefined(Reason.NO_VARIATION, forecasts.n)
        if not np.isfinite(value)
        else with_interval(float(value), forecasts.n, again[key], draws, bounds=(0, 1))
        for key, value in values.items()
    }
    labels = [forecasts.label(k) for k in range(forecasts.y_true.shape[1])]
    found["macro_auc"] = mean_auc(labels, level=draws.level)
    found["macro_ece_10"] = mean_ece(labels, n_bins=10, draws=draws)
    return found


_COUNTED = (
    "hamming_loss",
    "subset_accuracy",
    "micro_precision",
    "micro_recall",
    "micro_f1",
    "macro_precision",
    "macro_recall",
    "macro_f1",
)


def _counted(sums: FloatArray) -> dict[str, Any]:
    """From sums of hits, given and present labels (K each), exact items and weight."""
    width = (sums.shape[-1] - 2) // 3
    hit, given, there = (sums[..., k * width : (k + 1) * width] for k in range(3))
    exact, weight = sums[..., -2], sums[..., -1]
    wrong = (given + there - 2 * hit).sum(axis=-1)
    hits, all_given, all_there = (one.sum(axis=-1) for one in (hit, given, there))
    per_label = (divide(hit, given), divide(hit, there), divide(2 * hit, given + there))
    macro = [np.nan_to_num(one).mean(axis=-1) for one in per_label]
    values = (
        divide(wrong, weight * width),
        divide(exact, weight),
        divide(hits, all_given),
        divide(hits, all_there),
        divide(2 * hits, all_given + all_there),
        *macro,
    )
    return dict(zip(_COUNTED, values, strict=True))
