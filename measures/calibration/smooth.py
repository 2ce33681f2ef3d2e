"""Smooth calibration error: a kernel instead of bins, its width found from the data."""

from __future__ import annotations

import numpy as np

from measures.calibration.forecasts import BinaryForecasts, FloatArray

#: Residuals are gathered on a grid of this many steps; kernels narrower than a few steps
#: cannot be told apart, which bounds the error by about a step.
GRID = 2000
SMALLEST_WIDTH = 1.0 / GRID


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
        return _at_width(residual, low)
    # The error falls with the width, so that the difference changes sign once.
    while high - low > 1e-6:
        middle = (low + high) / 2
        if _at_width(residual, middle) > middle:
            low = middle
        else:
            high = middle
    return _at_width(residual, high)


def smooth_ece_at(forecasts: BinaryForecasts, sigma: float) -> float:
    """The smooth calibration error at a given kernel width in (0, 1]."""
    if not 0 < sigma <= 1:
        raise ValueError(f"sigma must lie in (0, 1]; got {sigma}.")
    return _at_width(_gathered(forecasts), sigma)


def _gathered(forecasts: BinaryForecasts) -> FloatArray:
    """Mean residual mass at each grid point, shared linearly between neighbours."""
    position = forecasts.y_prob * GRID
    left = np.minimum(position.astype(np.int64), GRID - 1)
    share = position - left
    mass = forecasts.weights * (forecasts.y_true - forecasts.y_prob) / forecasts.weights.sum()
    grid = np.bincount(left, mass * (1 - share), minlength=GRID + 1)
    grid += np.bincount(left + 1, mass * share, minlength=GRID + 1)
    return grid.astype(float)


def _at_width(residual: FloatArray, sigma: float) -> float:
    """Integral of the absolute smoothed residual, the Gaussian reflected at 0 and 1.

    Reflection makes the circle of length 2, on which a Gaussian is a product in frequency.
    """
    mirrored = np.concatenate([residual, residual[-2:0:-1]])
    # The ends are their own mirror images: both reflections of their mass coincide there.
    mirrored[[0, GRID]] *= 2
    frequency = np.pi * np.arange(GRID + 1)
    spectrum = np.fft.rfft(mirrored) * np.exp(-0.5 * (sigma * frequency) ** 2)
    smoothed = np.abs(np.fft.irfft(spectrum, len(mirrored)))[: GRID + 1]
    return float(smoothed.sum() - 0.5 * (smoothed[0] + smoothed[-1]))
