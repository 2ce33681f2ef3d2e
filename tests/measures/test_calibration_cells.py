"""The fast ways through millions of probabilities give what the plain ones give, bit by bit."""

import numpy as np
import pytest

from measures.calibration.binning import (
    bin_finder,
    bin_of,
    bin_sums,
    joined_edges,
    quantile_edges,
    uniform_edges,
)
from measures.calibration.cells import RANGE, CellSums
from measures.calibration.forecasts import binary_forecasts
from measures.calibration.quantiles import quantiles

N = 60_001
VALUES = {
    "spread": lambda rng: rng.random(N),
    "tenths": lambda rng: rng.integers(0, 11, N) / 10,
    "percents": lambda rng: rng.integers(0, 101, N) / 100,
    "near the ends": lambda rng: rng.beta(0.05, 0.05, N),
    "one value": lambda rng: np.full(N, 0.3),
}


@pytest.fixture(params=VALUES)
def values(request):
    return VALUES[request.param](np.random.default_rng(5))


def test_bins_are_those_of_a_search(values):
    quantile = quantile_edges(values, 10)
    ways = [uniform_edges(n) for n in (1, 10, 15, 1000)] + [quantile]
    for edges in [*ways, joined_edges(*ways)]:
        assert np.array_equal(bin_finder(edges)(values), bin_of(values, edges))


def test_probabilities_beside_an_edge_fall_on_the_right_side_of_it():
    for n_bins in range(1, 300):
        edges = uniform_edges(n_bins)
        beside = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, 1)])
        assert np.array_equal(bin_finder(edges)(beside), bin_of(beside, edges))


def test_quantiles_are_those_of_numpy(values):
    at = np.linspace(0, 1, 41)
    assert np.array_equal(quantiles(values, at), np.quantile(values, at))
    assert np.array_equal(quantiles(values[:7], at), np.quantile(values[:7], at))


def test_quantiles_by_whole_weights_are_those_of_repeated_values(values):
    few = values[:500]
    times = np.arange(500) % 4 + 1
    at = np.linspace(0, 1, 41)
    found = quantiles(few, at, times.astype(float))
    assert found == pytest.approx(np.quantile(np.repeat(few, times), at), abs=1e-15)


def test_cells_are_summed_as_by_bincount():
    rng = np.random.default_rng(6)
    index, weights = rng.integers(7, size=1000), rng.random(1000)
    cells = CellSums(9, 1000).of(index)
    assert np.array_equal(cells.sums(), np.bincount(index, minlength=9))
    assert cells.sums(weights) == pytest.approx(np.bincount(index, weights, minlength=9))
    assert np.array_equal(cells.sums(), np.bincount(index, minlength=9))


def test_sums_do_not_depend_on_where_a_range_ends():
    rng = np.random.default_rng(7)
    n = RANGE + 3
    p = rng.random(n)
    forecasts = binary_forecasts(rng.random(n) < p, p)
    edges = uniform_edges(10)
    whole = bin_sums(forecasts, edges)
    parts = bin_sums(forecasts.rows(np.arange(n) < 1000), edges)
    parts += bin_sums(forecasts.rows(np.arange(n) >= 1000), edges)
    assert whole.totals == pytest.approx(parts.totals, rel=1e-12)
    assert bin_sums(forecasts.rows(np.zeros(n, bool)), edges).totals.sum() == 0
