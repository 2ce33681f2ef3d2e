"""Targets that are samples: Newcombe's printed intervals, a large sample is a census, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from measures.coverage.sampled_targets import (
    gap_bounds,
    ratio_bounds,
    target_bounds,
    two_sample_p_values,
)
from measures.intervals import wilson_many


def both(x: int, n: int, y: int, m: int) -> tuple[np.ndarray, tuple, np.ndarray, tuple]:
    p, q = np.array([x / n]), np.array([y / m])
    own = wilson_many(np.array([x]), np.array([n]), level=0.95)
    return p, own, q, target_bounds(q, m, level=0.95)


def test_the_difference_is_newcombes_method_10() -> None:
    # Newcombe (1998), Statistics in Medicine 17:873, Table II: 56/70 - 48/80 and 9/10 - 3/10.
    for counts, low, high in (((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090)):
        ends = gap_bounds(*both(*counts))
        assert (ends[0][0], ends[1][0]) == pytest.approx((low, high), abs=6e-5)


def test_a_very_large_sample_is_a_census() -> None:
    p, own, q, target = both(30, 100, 500_000_000, 1_000_000_000)
    low, high = ratio_bounds(p, own, q, target)
    assert (low[0], high[0]) == pytest.approx((own[0][0] / 0.5, own[1][0] / 0.5), rel=1e-3)
    low, high = gap_bounds(p, own, q, target)
    assert (low[0], high[0]) == pytest.approx((own[0][0] - 0.5, own[1][0] - 0.5), abs=1e-3)


def test_ratio_intervals_hold_the_ratio_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.binomial(200, 0.2, 4000), rng.binomial(300, 0.25, 4000)
    p, q = x / 200, y / 300
    own = wilson_many(x, np.full(4000, 200), level=0.95)
    low, high = ratio_bounds(p, own, q, target_bounds(q, 300, level=0.95))
    assert ((low <= 0.8) & (high >= 0.8)).mean() == pytest.approx(0.95, abs=0.012)


def test_the_test_is_that_of_two_proportions() -> None:
    p, q = np.array([0.3, 0.0]), np.array([0.42, 0.0])
    found = two_sample_p_values(p, 100, q, 150)
    table = [[30, 70], [63, 87]]
    assert found[0] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert found[1] == 1
