"""Forecasts for the calibration tests: golden-ratio sequences, and the shared real sets.

The sequences need no random generator, so that any language reproduces them digit by digit.
"""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit, softmax

from measures.calibration.forecasts import binary_forecasts, class_forecasts
from measures.calibration.resampling import Bootstrap

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
GOLDEN, PLASTIC = 0.6180339887498949, 0.7548776662466927


def fraction(x):
    return np.mod(x, 1)


def d1(**options):
    """200 items whose probabilities are all too high: the event has probability p**1.5."""
    i = np.arange(1, 201)
    p = np.round(fraction(i * GOLDEN), 6)
    return binary_forecasts((fraction(i * PLASTIC) < p**1.5).astype(float), p, **options)


def d2(**options):
    """200 items stated too boldly: true log-odds are half the stated ones."""
    i = np.arange(1, 201)
    p = np.round(fraction(i * GOLDEN), 6)
    y = fraction(i * PLASTIC) < expit(0.5 * logit(p))
    return binary_forecasts(y.astype(float), p, **options)


def m1():
    """150 items of three classes, stated too boldly."""
    i = np.arange(1, 151)
    logits = np.stack([2 * fraction(i * a) - 1 for a in (GOLDEN, PLASTIC, 0.5698402909980532)], 1)
    stated = np.round(softmax(2.5 * logits, axis=1), 6)
    stated[:, 0] = np.round(1 - stated[:, 1] - stated[:, 2], 6)
    u = fraction(i * 0.8191725133961645)
    y = (u[:, None] > np.cumsum(softmax(logits, axis=1), axis=1)).sum(axis=1)
    return class_forecasts(np.minimum(y, 2), stated)


def bootstrap(seed=0, n_resamples=1000, level=0.95):
    return Bootstrap(np.random.default_rng(seed), n_resamples, level)


def shared_rows(*parts):
    """Rows of a shared CSV file as dictionaries; skips where the folder is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the shared data file {'/'.join(parts)}, which is not here")
    reader = gzip.open if path.suffix == ".gz" else open
    with reader(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])
