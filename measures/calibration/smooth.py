"""Smooth calibration error: a kernel instead of bins, its width found from the data."""

from __future__ import annotations

import numpy as np

from measures.calibration.forecasts import BinaryForecasts, FloatArray, IntArray
from measures.calibration.resampling import Draws, with_interval
from measures.estimates import Estimate, Reason, undefined

#: Residuals are gathered on a grid of this many steps; kernels narrower than a few steps
#: cannot be told apart, which bounds the error by about a step.
GRID = 2000
SMALLEST_WIDTH = 1.0 / GRID
#: Replicates are only compared with each other, so that a coarser grid does.
_REPLICATE_GRID = 200


def smooth_calibration_error(forecasts: BinaryForecasts, draws: Draws | None = None) -> Estimate:
    """:func:`smooth_ece` with an interval, the kernel width held at the one of the data."""
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0)
    value = smooth_ece(forecasts)
    if draws is None:
        return Estimate(value, forecasts.n)
    size = _REPLICATE_GRID + 1
    mass = forecasts.weights * (forecasts.y_true - forecasts.y_prob)
    left, share = _place(forecasts.y_prob, _REPLICATE_GRID)
    at = draws.unit * size + left
    cells = draws.n_units * size
    gathered = np.bincount(at, mass * (1 - share), minlength=cells)
    gathered = gathered + np.bincount(at + 1, mass * share, minlength=cells)
    unit_sums = gathered.astype(float).reshape(draws.n_units, size)
    residual = draws.replicates(unit_sums)
    weight = draws.totals(forecasts.weights[:, None])
    # Smoothing is linear: a table of what it makes of each grid point serves all replicates.
    kernel = _smoothed(np.eye(size), max(value, 2.0 / _REPLICATE_GRID))
    again = _area(residual / weight @ kernel)
    return with_interval(value, forecasts.n, again, draws, centred=True, bounds=(0, 1))


def smooth_ece(forecasts: BinaryForecasts) -> float:
    """Mean absolute smoothed residual at the width that equals it; 0 is best, at most 1.

    Parameters
    ----------
    forecasts : BinaryForecasts
        At least one item.

    Returns
    -------
    float
        The fixed point sigma = smECE_sigma; needs no bins and moves little when the data does.

    References
    ----------
    Błasiok and Nakkiran (2023), "Smooth ECE", definition 3 and theorem 8.
    """
    residual = _gathered(forecasts)
    low, high = SMALLEST_WIDTH, 1.0
    if _at_width(residual, low) <= low:
        return float(_at_width(residual, low))
    # The error falls with the width, so that the difference changes sign once.
    while high - low > 1e-6:
        middle = (low + high) / 2
        if _at_width(residual, middle) > middle:
            low = middle
        else:
            high = middle
    return float(_at_width(residual, high))


def smooth_ece_at(forecasts: BinaryForecasts, sigma: float) -> float:
    """The smooth calibration error at a given kernel width in (0, 1]."""
    if not 0 < sigma <= 1:
        raise ValueError(f"sigma must lie in (0, 1]; got {sigma}.")
    return float(_at_width(_gathered(forecasts), sigma))


def _place(y_prob: FloatArray, grid: int) -> tuple[IntArray, FloatArray]:
    """The grid point at or below each probability, and how far it is to the next."""
    position = y_prob * grid
    left = np.minimum(position.astype(np.int64), grid - 1)
    return left, position - left


def _gathered(forecasts: BinaryForecasts) -> FloatArray:
    """Mean residual mass at each grid point, shared linearly between neighbours."""
    left, share = _place(forecasts.y_prob, GRID)
    mass = forecasts.weights * (forecasts.y_true - forecasts.y_prob) / forecasts.weights.sum()
    grid = np.bincount(left, mass * (1 - share), minlength=GRID + 1)
    grid += np.bincount(left + 1, mass * share, minlength=GRID + 1)
    return grid.astype(float)


def _at_width(residual: FloatArray, sigma: float) -> FloatArray:
    """Integral of the absolute smoothed residual; the grid is the last axis."""
    return _area(_smoothed(residual, sigma))


def _area(smoothed: FloatArray) -> FloatArray:
    size = np.abs(smoothed)
    area: FloatArray = size.sum(axis=-1) - 0.5 * (size[..., 0] + size[..., -1])
    return area


def _smoothed(residual: FloatArray, sigma: float) -> FloatArray:
    """The residual smoothed by a Gaussian that is reflected at 0 and 1.

    Reflection makes the circle of length 2, on which a Gaussian is a product in frequency.
    """
    grid = residual.shape[-1] - 1
    mirrored = np.concatenate([residual, residual[..., -2:0:-1]], axis=-1)
    # The ends are their own mirror images: both reflections of their mass coincide there.
    mirrored[..., [0, grid]] *= 2
    frequency = np.pi * np.arange(grid + 1)
    spectrum = np.fft.rfft(mirrored) * np.exp(-0.5 * (sigma * frequency) ** 2)
    smoothed: FloatArray = np.fft.irfft(spectrum, 2 * grid)[..., : grid + 1]
    return smoothed
