"""Calibration errors over bins, each with its convention and what chance alone would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from measures.calibration.binning import (
    BinSums,
    bin_sums,
    joined_edges,
    quantile_edges,
    uniform_edges,
)
from measures.calibration.forecasts import (
    BinaryForecasts,
    ClassForecasts,
    FloatArray,
    Forecasts,
)
from measures.calibration.resampling import Bootstrap, Draws, divide, with_interval
from measures.calibration.smooth import smooth_calibration_error
from measures.estimates import Estimate, Reason, undefined

#: Up to this many items the null distribution is drawn from the probabilities themselves; above,
#: the sum in each bin is as good as normal.
EXACT_NULL_ITEMS = 1000
CONVENTIONS: dict[str, Any] = {
    "bins": "(low, high], 0 in the first bin, equal probabilities never split",
    "uniform_edges": "i / B by division",
    "quantile_edges": "linear interpolation of order statistics, equal edges merged",
    "empty_bins": "left out",
    "weights": "bins weigh as much as the items in them",
    "log": "natural",
    "resampled_bins": "edges are those of the data, not drawn again",
    "interval": "bootstrap, chance taken off; from 0 where expected_if_calibrated explains it",
}


@dataclass(frozen=True, slots=True)
class CalibrationErrors:
    """Calibration errors by key, beside what a perfectly calibrated model would show.

    ``errors`` maps a key such as ``uniform_10`` to its estimate; ``expected_if_calibrated``
    holds, for keys where it is defined, the expectation under perfect calibration with the
    same probabilities (its interval is the range that chance gives, its p-value the share of
    chance results at least as large as the observed error). Never rank subgroups by the error
    alone: it grows as n shrinks. ``notion`` names the event, ``effective_bins`` the number of
    bins that hold items.
    """

    errors: dict[str, Estimate]
    expected_if_calibrated: dict[str, Estimate]
    notion: str
    effective_bins: dict[str, int]
    conventions: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the keys of the REST contract beside the context."""
        out: dict[str, Any] = {key: value.as_dict() for key, value in self.errors.items()}
        out["expected_if_calibrated"] = {
            key: value.as_dict() for key, value in self.expected_if_calibrated.items()
        }
        out["notion"] = self.notion
        out["effective_bins"] = dict(self.effective_bins)
        out["conventions"] = dict(self.conventions)
        return out


def expected_calibration_error(sums: BinSums) -> FloatArray:
    """Mean absolute gap between stated and observed frequency, items as weights; 0 is best.

    Parameters
    ----------
    sums : BinSums
        Leading axes of any shape, kept.

    Returns
    -------
    ndarray
        In [0, 1]; NaN where nothing fell in any bin, for the caller to turn into a reason.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015); Guo et al. (2017), eq. 3.
    """
    gap = np.abs(sums.column("observed") - sums.column("predicted"))
    return divide(gap.sum(axis=-1), sums.column("weight").sum(axis=-1))


def maximum_calibration_error(sums: BinSums) -> FloatArray:
    """Largest absolute gap of any bin that holds items; 0 is best.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015).
    """
    gap = np.abs(_gaps(sums))
    return np.where(np.isnan(gap).all(axis=-1), np.nan, np.nan_to_num(gap, nan=-1).max(axis=-1))


def root_mean_square_calibration_error(sums: BinSums) -> FloatArray:
    """Root of the mean squared gap, items as weights; 0 is best."""
    weight = sums.column("weight")
    square = np.nan_to_num(_gaps(sums)) ** 2 * weight
    root: FloatArray = np.sqrt(divide(square.sum(axis=-1), weight.sum(axis=-1)))
    return root


def mean_bin_calibration_error(sums: BinSums) -> FloatArray:
    """Unweighted mean of the absolute gaps of the bins that hold items.

    One of two numbers called "ACE" (netcal's); the other is the equal-mass ECE.
    """
    gap = np.abs(_gaps(sums))
    return divide(np.nansum(gap, axis=-1), (~np.isnan(gap)).sum(axis=-1))


def debiased_squared_error(sums: BinSums) -> FloatArray:
    """Squared calibration error without the bias of small bins; the sign is kept.

    Unbiased for the binned error, so it may be negative: a value at or below 0 says that no
    miscalibration shows. Bins of one item count 0.

    References
    ----------
    Kumar, Liang and Ma (2019), definition 5.3.
    """
    weight = sums.column("weight")
    n_eff = divide(weight**2, sums.column("weight_sq"))
    rate = divide(sums.column("observed"), weight)
    square = _gaps(sums) ** 2 - divide(rate * (1 - rate), n_eff - 1)
    square = np.where(n_eff > 1 + 1e-12, square, 0.0)
    return divide((np.nan_to_num(square) * weight).sum(axis=-1), weight.sum(axis=-1))


def expected_ece_if_calibrated(sums: BinSums) -> FloatArray:
    """ECE that chance alone gives a perfectly calibrated model with these probabilities.

    Normal approximation of the sum in each bin: ``sum sqrt(2 v / pi) / sum of weights``.

    References
    ----------
    Bröcker and Smith (2007) on the sampling of reliability; half-normal mean, eq. 1.
    """
    spread = np.sqrt(2 * sums.column("null_variance") / np.pi)
    return divide(spread.sum(axis=-1), sums.column("weight").sum(axis=-1))


def calibration_errors(
    forecasts: Forecasts,
    bootstrap: Bootstrap,
    draws: Draws | None = None,
) -> CalibrationErrors:
    """All calibration errors of one set of forecasts.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes, every key but ``classwise_15`` and ``toplabel_*`` is about *confidence*:
        the probability of the most probable class against whether it was right.
    bootstrap : Bootstrap
    draws : Draws or None
        Units to resample for intervals; None gives none.

    Returns
    -------
    CalibrationErrors
        Keys ``uniform_10, uniform_15, quantile_10, classwise_15, toplabel_10, mce_10,
        mce_15, rms_10, rms_15, mean_bin_10, debiased_squared_10, smooth``. 0 is best; ``n`` counts
        items. ``classwise_15`` and ``toplabel_10`` are ``not_applicable`` to binary forecasts.

    References
    ----------
    As in the functions of this module; Gupta and Ramdas (2022) for the top label; Kull et al.
    (2019) for the classwise error; Błasiok and Nakkiran (2023) for the smooth one.
    """
    binary = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    if binary.n == 0:
        return CalibrationErrors(_nothing(), {}, binary.notion, {}, dict(CONVENTIONS))
    edges = _all_edges(binary)
    sums = bin_sums(binary, joined_edges(*edges.values()))
    again = None if draws is None else resampled_bins(binary, sums.edges, draws)
    errors = _binned(sums, again, edges, binary.n, draws)
    errors["smooth"] = smooth_calibration_error(binary, draws)
    if isinstance(forecasts, ClassForecasts):
        errors["classwise_15"] = classwise_ece(forecasts, draws=draws)
        errors["toplabel_10"] = toplabel_ece(forecasts, draws=draws)
    else:
        for key in ("classwise_15", "toplabel_10"):
            errors[key] = undefined(Reason.NOT_APPLICABLE, binary.n)
    null = null_ece(binary, edges, bootstrap)
    errors |= {key: _from_zero(errors[key], one, bootstrap) for key, one in null.items()}
    filled = {
        key: int(np.count_nonzero(sums.merged(cut).column("n"))) for key, cut in edges.items()
    }
    return CalibrationErrors(errors, null, binary.notion, filled, dict(CONVENTIONS))


def resampled_bins(binary: BinaryForecasts, edges: FloatArray, draws: Draws) -> BinSums:
    """Bin sums of each replicate, shape ``(R, B, 6)``."""
    unit_sums = bin_sums(binary, edges, codes=draws.unit, n_codes=draws.n_units)
    return BinSums(edges, draws.replicates(unit_sums.totals))


def null_ece(
    binary: BinaryForecasts, edges: Mapping[str, FloatArray], bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """What chance alone would show as ECE if the stated probabilities were all true.

    Parameters
    ----------
    binary : BinaryForecasts
    edges : dict of str to (B + 1,) array
        Ways to bin, by name; all are judged by the same draws.
    bootstrap : Bootstrap
        Generator, number of draws, and level of the range.

    Returns
    -------
    dict of str to Estimate
        Mean ECE over draws of the outcomes; ``ci_low, ci_high`` are the range that chance
        gives at the level, ``p_value`` the share (1 + #)/(R + 1) of draws with an ECE at least as
        large as the observed one. Fractional outcomes vary less than drawn ones: the
        comparison is then lenient.

    References
    ----------
    Bröcker and Smith (2007), consistency resampling.
    """
    if binary.n == 0:
        return dict.fromkeys(edges, undefined(Reason.NO_DATA, 0))
    sums = bin_sums(binary, joined_edges(*edges.values()))
    if binary.n <= EXACT_NULL_ITEMS:
        gaps, method = _drawn_gaps(binary, sums.edges, bootstrap), "null_bernoulli"
    else:
        normal = bootstrap.rng.standard_normal((bootstrap.n_resamples, len(sums.edges) - 1))
        gaps, method = normal * np.sqrt(sums.column("null_variance")), "null_normal"
    return {key: _against_chance(sums, gaps, cut, bootstrap, method) for key, cut in edges.items()}


def _against_chance(
    sums: BinSums, gaps: FloatArray, edges: FloatArray, bootstrap: Bootstrap, method: str
) -> Estimate:
    """The ECE that drawn gaps of finer bins give, beside the observed one."""
    merged = sums.merged(edges)
    drawn = np.add.reduceat(gaps, sums.starts(edges), axis=1)
    chance = np.abs(drawn).sum(axis=1) / merged.column("weight").sum()
    seen = float(expected_calibration_error(merged))
    tail = (1 - bootstrap.level) / 2
    low, high = np.quantile(chance, [tail, 1 - tail])
    p_value = (1 + np.count_nonzero(chance >= seen - 1e-12)) / (len(chance) + 1)
    return Estimate(
        float(chance.mean()),
        int(merged.column("n").sum()),
        None,
        float(low),
        float(high),
        bootstrap.level,
        method,
        p_value=float(p_value),
    )


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


def mean_ece(events: Sequence[BinaryForecasts], *, n_bins: int, draws: Draws | None) -> Estimate:
    """Unweighted mean ECE, in bins of equal width, of several events of the same items."""
    n = events[0].n
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    edges = uniform_edges(n_bins)
    values, replicates = [], []
    for one in events:
        values.append(float(expected_calibration_error(bin_sums(one, edges))))
        if draws is not None:
            replicates.append(expected_calibration_error(resampled_bins(one, edges, draws)))
    value = float(np.mean(values))
    if draws is None:
        return Estimate(value, n)
    again = np.mean(replicates, axis=0)
    return with_interval(value, n, again, draws, centred=True, bounds=(0, 1))


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
    top, one = forecasts.y_prob.argmax(axis=1), forecasts.confidence()
    edges = uniform_edges(n_bins)
    values, replicates = _Averaged(average), _Averaged(average)
    # Class by class, because units x classes x bins need not fit in memory.
    for k in np.unique(top):
        rows = top == k
        values.add(bin_sums(one.rows(rows), edges))
        if draws is not None:
            replicates.add(resampled_bins(one.rows(rows), edges, draws.of(rows)))
    value = float(values.mean())
    if draws is None:
        return Estimate(value, forecasts.n)
    return with_interval(value, forecasts.n, replicates.mean(), draws, centred=True, bounds=(0, 1))


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


def _nothing() -> dict[str, Estimate]:
    keys = ("uniform_10", "uniform_15", "quantile_10", "classwise_15")
    return {key: undefined(Reason.NO_DATA, 0) for key in keys}


def _all_edges(binary: BinaryForecasts) -> dict[str, FloatArray]:
    weights = binary.weights if binary.weighted else None
    return {
        "uniform_10": uniform_edges(10),
        "uniform_15": uniform_edges(15),
        "quantile_10": quantile_edges(binary.y_prob, 10, weights=weights),
    }


def _binned(
    sums: BinSums,
    again: BinSums | None,
    edges: dict[str, FloatArray],
    n: int,
    draws: Draws | None,
) -> dict[str, Estimate]:
    """Every binned error, its replicates merged from one set of resampled sums."""
    table = {
        "uniform_10": (expected_calibration_error, "uniform_10"),
        "uniform_15": (expected_calibration_error, "uniform_15"),
        "quantile_10": (expected_calibration_error, "quantile_10"),
        "mce_10": (maximum_calibration_error, "uniform_10"),
        "mce_15": (maximum_calibration_error, "uniform_15"),
        "rms_10": (root_mean_square_calibration_error, "uniform_10"),
        "rms_15": (root_mean_square_calibration_error, "uniform_15"),
        "mean_bin_10": (mean_bin_calibration_error, "uniform_10"),
        "debiased_squared_10": (debiased_squared_error, "uniform_10"),
    }
    merged = {bins: sums.merged(cut) for bins, cut in edges.items()}
    drawn = {} if again is None else {bins: again.merged(cut) for bins, cut in edges.items()}
    found = {}
    for key, (measure, bins) in table.items():
        value = float(measure(merged[bins]))
        if draws is None:
            found[key] = Estimate(value, n)
            continue
        bounds = (-1.0, 1.0) if key.startswith("debiased") else (0.0, 1.0)
        replicates = measure(drawn[bins])
        found[key] = with_interval(value, n, replicates, draws, centred=True, bounds=bounds)
    return found


def _from_zero(error: Estimate, null: Estimate, bootstrap: Bootstrap) -> Estimate:
    """The error with its interval drawn down to 0 where chance alone could have given it."""
    chance = null.p_value is not None and null.p_value > (1 - bootstrap.level) / 2
    return replace(error, ci_low=0.0) if chance and error.ci_low is not None else error


def _drawn_gaps(binary: BinaryForecasts, edges: FloatArray, bootstrap: Bootstrap) -> FloatArray:
    """Gap of each bin in each draw of the outcomes from the stated probabilities."""
    bins = np.searchsorted(edges[1:-1], binary.y_prob, side="left")
    spread = np.zeros((binary.n, len(edges) - 1))
    spread[np.arange(binary.n), bins] = binary.weights
    uniform = bootstrap.rng.random((bootstrap.n_resamples, binary.n))
    gaps: FloatArray = ((uniform < binary.y_prob) - binary.y_prob) @ spread
    return gaps


def _gaps(sums: BinSums) -> FloatArray:
    return divide(sums.column("observed") - sums.column("predicted"), sums.column("weight"))
