"""Calibration: do stated probabilities come true, overall and in each subgroup?

The way through the package: :mod:`forecasts` checks the input, :mod:`binning` turns it into
additive sums, :mod:`resampling` draws those sums again, and :mod:`ece`, :mod:`curve`,
:mod:`corp`, :mod:`significance` and :mod:`subgroups` read answers from them;
:mod:`report` puts them together in the shape of the REST contract.
"""
