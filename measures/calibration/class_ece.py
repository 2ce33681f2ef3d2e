"""Calibration errors of several classes or labels: each against the rest, and the one on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from measures.calibration.bin_errors import expected_calibration_error, resampled_bins
from measures.calibration.binning import BinSums, bin_sums, joined_edges, uniform_edges
from measures.calibration.forecasts import BinaryForecasts, ClassForecasts, FloatArray
from measures.calibration.resampling import Draws, divide, with_interval
from measures.estimates import Estimate, Reason, undefined

CLASS_KEYS = ("classwise_10", "classwise_15", "toplabel_10", "toplabel_10_mean")


def classwise_ece(
    forecasts: ClassForecasts, *, n_bins: int = 15, draws: Draws | None = None
) -> Estimate:
    """Mean over classes of the ECE of each class against the rest; 0 is best.

    References
    ----------
    Kull et al. (2019), definition of classwise-ECE.
    """
    ones = [forecasts.one_vs_rest(k) for k in range(forecasts.n_classes)]
    return mean_ece(ones, n_bins=n_bins, draws=draws)


def class_errors(forecasts: ClassForecasts, draws: Draws | None) -> dict[str, Estimate]:
    """The errors that only several classes have."""
    ones = [forecasts.one_vs_rest(k) for k in range(forecasts.n_classes)]
    classwise = mean_eces(ones, {"classwise_10": 10, "classwise_15": 15}, draws)
    by_items, by_classes = _toplabel(forecasts, 10, draws)
    return {**classwise, "toplabel_10": by_items, "toplabel_10_mean": by_classes}


def mean_ece(events: Sequence[BinaryForecasts], *, n_bins: int, draws: Draws | None) -> Estimate:
    """Unweighted mean ECE, in bins of equal width, of several events of the same items."""
    return mean_eces(events, {"": n_bins}, draws)[""]


def mean_eces(
    events: Sequence[BinaryForecasts], n_bins: Mapping[str, int], draws: Draws | None
) -> dict[str, Estimate]:
    """The same in several numbers of bins by name, from one pass over the items."""
    n = events[0].n
    if n == 0:
        return dict.fromkeys(n_bins, undefined(Reason.NO_DATA, 0))
    edges = {key: uniform_edges(count) for key, count in n_bins.items()}
    fine = joined_edges(*edges.values())
    values: dict[str, list[float]] = {key: [] for key in edges}
    replicates: dict[str, list[FloatArray]] = {key: [] for key in edges}
    for one in events:
        sums = bin_sums(one, fine)
        again = None if draws is None else resampled_bins(one, fine, draws)
        for key, cut in edges.items():
            values[key].append(float(expected_calibration_error(sums.merged(cut))))
            if again is not None:
                replicates[key].append(expected_calibration_error(again.merged(cut)))
    means = {key: float(np.mean(value)) for key, value in values.items()}
    if draws is None:
        return {key: Estimate(value, n) for key, value in means.items()}
    return {
        key: with_interval(
            value, n, np.mean(replicates[key], axis=0), draws, centred=True, bounds=(0, 1)
        )
        for key, value in means.items()
    }


def toplabel_ece(
    forecasts: ClassForecasts,
    *,
    n_bins: int = 10,
    average: str = "items",
    draws: Draws | None = None,
) -> Estimate:
    """ECE of the confidence within each predicted class, then averaged; 0 is best.

    Stricter than the confidence ECE: over-confidence about one class cannot make up for
    under-confidence about another.

    Parameters
    ----------
    forecasts : ClassForecasts
    n_bins : int
    average : {"items", "classes"}
        Predicted classes weigh by their items, or equally.
    draws : Draws or None
        Units to resample for the interval.

    Raises
    ------
    ValueError
        When ``average`` is unknown.

    References
    ----------
    Gupta and Ramdas (2022), "Top-label calibration", definition 2.
    """
    if average not in ("items", "classes"):
        raise ValueError(f"average must be items or classes; got {average!r}.")
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0)
    return _toplabel(forecasts, n_bins, draws)[average == "classes"]


def _toplabel(
    forecasts: ClassForecasts, n_bins: int, draws: Draws | None
) -> tuple[Estimate, Estimate]:
    """With predicted classes weighing by their items, and equally."""
    top, one = forecasts.y_prob.argmax(axis=1), forecasts.confidence()
    edges = uniform_edges(n_bins)
    averages = ("items", "classes")
    values = [_Averaged(by) for by in averages]
    replicates = [_Averaged(by) for by in averages]
    # Class by class, because units x classes x bins need not fit in memory.
    for k in np.unique(top):
        rows = top == k
        sums = bin_sums(one.rows(rows), edges)
        again = None if draws is None else resampled_bins(one.rows(rows), edges, draws.of(rows))
        for value, replicate in zip(values, replicates, strict=True):
            value.add(sums)
            if again is not None:
                replicate.add(again)
    found = []
    for value, replicate in zip(values, replicates, strict=True):
        mean = float(value.mean())
        found.append(
            Estimate(mean, forecasts.n)
            if draws is None
            else with_interval(
                mean, forecasts.n, replicate.mean(), draws, centred=True, bounds=(0, 1)
            )
        )
    return found[0], found[1]


class _Averaged:
    """Running mean of the ECE of several parts, by their weight or equally."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.total: FloatArray = np.zeros(())
        self.weight: FloatArray = np.zeros(())

    def add(self, sums: BinSums) -> None:
        ece = expected_calibration_error(sums)
        weight = sums.column("weight").sum(axis=-1)
        # A class that a replicate did not draw has no ECE and no part in the mean.
        weight = weight if self.by == "items" else (weight > 0).astype(float)
        self.total = self.total + np.nan_to_num(ece) * weight
        self.weight = self.weight + weight

    def mean(self) -> FloatArray:
        return divide(self.total, self.weight)
