"""Calibration errors from the sums in bins, whatever the bins are and whoever is in them."""

from __future__ import annotations

import numpy as np

from measures.calibration.binning import BinSums, bin_sums
from measures.calibration.forecasts import BinaryForecasts, FloatArray
from measures.calibration.resampling import Draws, divide


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


def resampled_bins(binary: BinaryForecasts, edges: FloatArray, draws: Draws) -> BinSums:
    """Bin sums of each replicate, shape ``(R, B, 6)``."""
    unit_sums = bin_sums(binary, edges, codes=draws.unit, n_codes=draws.n_units)
    return BinSums(edges, draws.replicates(unit_sums.totals))


def _gaps(sums: BinSums) -> FloatArray:
    return divide(sums.column("observed") - sums.column("predicted"), sums.column("weight"))
