"""Bootstrap on sums instead of rows.

What is drawn again is a *unit*: a cluster where clusters are known, else an item. More than
:data:`MAX_UNITS` of them are first put together at random; resampling those random groups
estimates the same variance, its own relative error being about ``sqrt(2 / MAX_UNITS)``, and the
cost no longer depends on the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from measures.calibration.forecasts import FloatArray, IntArray
from measures.estimates import Estimate

MAX_UNITS = 2000
#: Below this share of defined replicates an interval would describe only the lucky ones.
MIN_DEFINED = 0.9


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are made: generator, number of replicates, nominal coverage."""

    rng: np.random.Generator
    n_resamples: int = 1000
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.n_resamples < 1:
            raise ValueError(f"n_resamples must be at least 1; got {self.n_resamples}.")
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie between 0 and 1; got {self.level}.")


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Which unit each item belongs to, and how often each replicate drew each unit."""

    unit: IntArray
    counts: FloatArray
    level: float
    method: str

    @property
    def n_units(self) -> int:
        """Number of units that are drawn."""
        return int(self.counts.shape[1])

    def of(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Draws:
        """The same draws, for some of the items: a mask, or their positions."""
        return Draws(self.unit[rows], self.counts, self.level, self.method)

    def replicates(self, unit_sums: FloatArray) -> FloatArray:
        """Totals of each replicate, ``(R, ...)``, from sums of shape ``(n_units, ...)``."""
        flat = unit_sums.reshape(self.n_units, -1)
        return (self.counts @ flat).reshape(len(self.counts), *unit_sums.shape[1:])

    def totals(self, columns: FloatArray) -> FloatArray:
        """Totals of each replicate, ``(R, k)``, from one row of ``k`` numbers an item."""
        sums = [np.bincount(self.unit, c, minlength=self.n_units) for c in columns.T]
        return self.replicates(np.stack(sums, axis=-1).astype(float))


def draw(
    n: int, clusters: IntArray | None, bootstrap: Bootstrap, *, max_units: int = MAX_UNITS
) -> Draws:
    """Units and their multiplicities in each replicate.

    Parameters
    ----------
    n : int
        Number of items.
    clusters : (n,) array of int in 0..m-1 or None
    bootstrap : Bootstrap
    max_units : int
        More units than this are put together at random first.

    Returns
    -------
    Draws
        Every replicate draws as many units as there are, with replacement.
    """
    rng = bootstrap.rng
    unit = np.arange(n) if clusters is None else clusters
    n_units = n if clusters is None else int(clusters.max(initial=-1)) + 1
    if n_units > max_units:
        unit = (rng.permutation(n_units) % max_units)[unit]
        n_units = max_units
    counts = np.zeros((bootstrap.n_resamples, n_units))
    if n_units:
        picked = rng.integers(n_units, size=counts.shape)
        picked += n_units * np.arange(len(counts))[:, None]
        flat = np.bincount(picked.ravel(), minlength=counts.size)
        counts = flat.reshape(counts.shape).astype(float)
    method = "bootstrap_items" if clusters is None else "bootstrap_groups"
    return Draws(unit.astype(np.int64), counts, bootstrap.level, method)


def with_interval(
    value: float,
    n: int,
    replicates: FloatArray,
    draws: Draws,
    *,
    centred: bool = False,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """A value with the percentile interval of its replicates.

    Parameters
    ----------
    centred : bool
        For sums of absolute gaps and for MCB and DSC, whose replicates lie above the value by
        construction: each resampling adds noise that these measures count. The upper end is the
        value plus the distance of the upper percentile from the replicates' mean; the lower one
        twice the value minus the upper percentile, which takes off the noise that the value
        itself has counted. In simulations plain percentiles held a true ECE of 0.017 in none
        of 150 runs, and could miss their own estimate.
    bounds : (low, high)
        Range of the measure; interval ends are clipped to it.
    """
    defined = replicates[np.isfinite(replicates)]
    if draws.n_units < 2 or len(defined) < MIN_DEFINED * len(replicates):
        return Estimate(value, n)
    tail = (1 - draws.level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    if centred:
        low, high = min(2 * value - high, value), max(value + high - defined.mean(), value)
    low, high = np.clip([low, high], *bounds)
    method = f"{draws.method}_centred" if centred else draws.method
    return Estimate(value, n, None, float(low), float(high), draws.level, method)


def divide(top: npt.ArrayLike, bottom: npt.ArrayLike) -> FloatArray:
    """Element by element, NaN where the divisor is 0; the caller turns NaN into a reason."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    ratio: FloatArray = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)
    return ratio
