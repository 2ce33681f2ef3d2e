"""The binned calibration curve: stated against observed frequency, with n and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from measures.calibration.binning import BinSums, bin_sums, quantile_edges, uniform_edges
from measures.calibration.forecasts import BinaryForecasts, FloatArray
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson_many


@dataclass(frozen=True, slots=True)
class CurveBin:
    """One bin ``(low, high]``: what was stated on average, and how often it came true.

    ``n_effective`` is the number of equally weighted items that would be as precise.
    """

    low: float
    high: float
    n: int
    mean_predicted: float | None
    observed: Estimate
    n_effective: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, as in the REST contract."""
        return {
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "mean_predicted": self.mean_predicted,
            "observed": self.observed.as_dict(),
            "n_effective": self.n_effective,
        }


def calibration_curve(
    forecasts: BinaryForecasts,
    *,
    n_bins: int = 10,
    strategy: str = "uniform",
    level: float = 0.95,
) -> tuple[CurveBin, ...]:
    """Observed frequency in each probability bin.

    Parameters
    ----------
    forecasts : BinaryForecasts
    n_bins : int
    strategy : {"uniform", "quantile"}
        Bins of equal width, or of about equal numbers of items.
    level : float

    Returns
    -------
    tuple of CurveBin
        Every bin, in order; an empty one has ``no_data``. Wilson intervals, with weights on the
        effective number of items.

    Raises
    ------
    ValueError
        When the strategy is unknown.

    References
    ----------
    DeGroot and Fienberg (1983); Wilson (1927).
    """
    edges = _edges(forecasts, n_bins, strategy)
    return curve_bins(bin_sums(forecasts, edges, null_variance=False), level=level)


def curve_bins(sums: BinSums, *, level: float = 0.95) -> tuple[CurveBin, ...]:
    """The curve from bin sums of shape ``(B, 6)``."""
    return tuple(_bin(sums, b, level) for b in range(len(sums.edges) - 1))


def _bin(sums: BinSums, b: int, level: float) -> CurveBin:
    low, high = float(sums.edges[b]), float(sums.edges[b + 1])
    n, weight = int(sums.column("n")[b]), float(sums.column("weight")[b])
    if n == 0:
        return CurveBin(low, high, 0, None, undefined(Reason.NO_DATA, 0))
    # Sums of weighted outcomes may overshoot the sum of weights by rounding.
    rate = min(max(float(sums.column("observed")[b]) / weight, 0.0), 1.0)
    n_eff = weight**2 / float(sums.column("weight_sq")[b])
    ends = wilson_many([rate * n_eff], [n_eff], level=level)
    observed = Estimate(rate, n, None, float(ends[0][0]), float(ends[1][0]), level, "wilson")
    stated = float(sums.column("predicted")[b]) / weight
    return CurveBin(low, high, n, stated, observed, n_eff)


def _edges(forecasts: BinaryForecasts, n_bins: int, strategy: str) -> FloatArray:
    if strategy == "uniform" or (strategy == "quantile" and forecasts.n == 0):
        return uniform_edges(n_bins)
    if strategy == "quantile":
        weights = forecasts.weights if forecasts.weighted else None
        return quantile_edges(forecasts.y_prob, n_bins, weights=weights)
    raise ValueError(f"strategy must be uniform or quantile; got {strategy!r}.")
