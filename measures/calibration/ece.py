"""Calibration errors over bins, each with its convention and what chance alone would give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from measures.calibration.bin_errors import (
    debiased_squared_error,
    expected_calibration_error,
    maximum_calibration_error,
    mean_bin_calibration_error,
    resampled_bins,
    root_mean_square_calibration_error,
)
from measures.calibration.binning import (
    BinSums,
    bin_sums,
    joined_edges,
    quantile_edges,
    uniform_edges,
)
from measures.calibration.class_ece import CLASS_KEYS, class_errors
from measures.calibration.forecasts import (
    BinaryForecasts,
    ClassForecasts,
    FloatArray,
    Forecasts,
)
from measures.calibration.resampling import Bootstrap, Draws, with_interval
from measures.calibration.smooth import smooth_calibration_error
from measures.estimates import Estimate, Reason, undefined

#: Up to this many items the null distribution is drawn from the probabilities themselves; above,
#: the sum in each bin is as good as normal.
EXACT_NULL_ITEMS = 1000
KEYS = (
    "uniform_10",
    "uniform_15",
    "quantile_10",
    "mce_10",
    "mce_15",
    "rms_10",
    "rms_15",
    "mean_bin_10",
    "debiased_squared_10",
    "smooth",
    *CLASS_KEYS,
)
CONVENTIONS: dict[str, Any] = {
    "bins": "(low, high], 0 in the first bin, equal probabilities never split",
    "uniform_edges": "i / B by division",
    "quantile_edges": "linear interpolation of order statistics, equal edges merged",
    "cube_root": "ceil(n ** (1/3)) bins, the number of items being n",
    "empty_bins": "left out",
    "classwise": "mean over classes of the error of each class against the rest",
    "toplabel": "confidence within each predicted class; those weigh by their items (mean: alike)",
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


def calibration_errors(
    forecasts: Forecasts,
    bootstrap: Bootstrap,
    draws: Draws | None = None,
    *,
    n_bins: Mapping[str, int] | None = None,
) -> CalibrationErrors:
    """All calibration errors of one set of forecasts.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        With classes, every key but ``classwise_*`` and ``toplabel_*`` is about *confidence*:
        the probability of the most probable class against whether it was right.
    bootstrap : Bootstrap
    draws : Draws or None
        Units to resample for intervals; None gives none.
    n_bins : mapping of str to int, optional
        More numbers of bins by name, each for bins of equal width and of equal mass:
        ``{"cube_root": 6}`` adds ``uniform_cube_root`` and ``quantile_cube_root``.

    Returns
    -------
    CalibrationErrors
        Those of :data:`KEYS`, and of ``n_bins``. 0 is best; ``n`` counts items.
        ``classwise_*`` and ``toplabel_*`` are ``not_applicable`` to binary forecasts.

    References
    ----------
    As in the functions of this module; Gupta and Ramdas (2022) for the top label; Kull et al.
    (2019) for the classwise error; Błasiok and Nakkiran (2023) for the smooth one.
    """
    binary = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    if binary.n == 0:
        return CalibrationErrors(_nothing(n_bins or {}), {}, binary.notion, {}, dict(CONVENTIONS))
    edges = _all_edges(binary, n_bins or {})
    sums = bin_sums(binary, joined_edges(*edges.values()))
    again = None if draws is None else resampled_bins(binary, sums.edges, draws)
    errors = _binned(sums, again, edges, binary.n, draws)
    errors["smooth"] = smooth_calibration_error(binary, draws)
    if isinstance(forecasts, ClassForecasts):
        errors |= class_errors(forecasts, draws)
    else:
        errors |= dict.fromkeys(CLASS_KEYS, undefined(Reason.NOT_APPLICABLE, binary.n))
    null = null_ece(binary, sums, edges, bootstrap)
    errors |= {key: _from_zero(errors[key], one, bootstrap) for key, one in null.items()}
    filled = {
        key: int(np.count_nonzero(sums.merged(cut).column("n"))) for key, cut in edges.items()
    }
    return CalibrationErrors(errors, null, binary.notion, filled, dict(CONVENTIONS))


def null_ece(
    binary: BinaryForecasts,
    sums: BinSums,
    edges: Mapping[str, FloatArray],
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """What chance alone would show as ECE if the stated probabilities were all true.

    Parameters
    ----------
    binary : BinaryForecasts
        At least one item.
    sums : BinSums
        Theirs, in bins that refine all the ways to bin.
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


def _nothing(more: Mapping[str, int]) -> dict[str, Estimate]:
    named = [f"{way}_{name}" for name in more for way in ("uniform", "quantile")]
    return {key: undefined(Reason.NO_DATA, 0) for key in (*KEYS, *named)}


def _all_edges(binary: BinaryForecasts, more: Mapping[str, int]) -> dict[str, FloatArray]:
    weights = binary.weights if binary.weighted else None
    edges = {
        "uniform_10": uniform_edges(10),
        "uniform_15": uniform_edges(15),
        "quantile_10": quantile_edges(binary.y_prob, 10, weights=weights),
    }
    for name, count in more.items():
        edges.setdefault(f"uniform_{name}", uniform_edges(count))
        if f"quantile_{name}" not in edges:
            edges[f"quantile_{name}"] = quantile_edges(binary.y_prob, count, weights=weights)
    return edges


def _binned(
    sums: BinSums,
    again: BinSums | None,
    edges: dict[str, FloatArray],
    n: int,
    draws: Draws | None,
) -> dict[str, Estimate]:
    """Every binned error, its replicates merged from one set of resampled sums."""
    table = {
        **{key: (expected_calibration_error, key) for key in edges},
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
