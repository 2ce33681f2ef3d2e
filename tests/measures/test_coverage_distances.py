"""Distances and tests of a composition, against closed forms and second implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from measures.coverage.distances import (
    asmd,
    asmd_of_values,
    cramers_v,
    distances,
    effective_sample_size,
    hellinger,
    jensen_shannon,
    mean_asmd,
    population_stability,
    total_variation,
)
from measures.coverage.exact_tests import (
    binomial_p_values,
    exact_multinomial,
    goodness_of_fit,
)
from measures.estimates import Reason

P, Q = [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]
tables = st.lists(st.integers(0, 50), min_size=2, max_size=6).filter(lambda x: sum(x) > 0)


def rng():
    return np.random.default_rng(20190408)


def test_distances_equal_their_closed_forms():
    # By hand: TVD (.1 + .1) / 2; PSI .1 ln 1.25 - .1 ln .75; the others by scipy.
    assert total_variation(P, Q) == pytest.approx(0.1, abs=1e-12)
    assert population_stability([50, 30, 20], Q) == pytest.approx(0.05108256237659909, abs=1e-10)
    assert jensen_shannon(P, Q) == pytest.approx(0.009185925460812056, abs=1e-10)
    assert hellinger(P, Q) == pytest.approx(0.079851380615908, abs=1e-10)


def test_swapped_groups_are_seen():
    # Entropy-based representativeness scores call this pair a perfect match.
    assert total_variation([0.9, 0.1], [0.1, 0.9]) == pytest.approx(0.8)


@given(x=tables, seed=st.integers(0, 99))
def test_distances_do_not_depend_on_the_order_of_cells_and_agree_with_scipy(x, seed):
    generator = np.random.default_rng(seed)
    q = generator.dirichlet(np.ones(len(x)))
    p, order = np.array(x) / sum(x), generator.permutation(len(x))
    assert np.sqrt(jensen_shannon(p, q)) == pytest.approx(jensenshannon(p, q, 2), abs=1e-7)
    for distance in (total_variation, jensen_shannon, hellinger):
        assert 0 <= distance(p, q) <= 1
        assert distance(p[order], q[order]) == pytest.approx(distance(p, q), abs=1e-12)
        assert distance(q, q) == pytest.approx(0, abs=1e-12)


def test_an_empty_cell_keeps_the_stability_index_finite_by_half_an_item():
    shares = np.array([10.5, 0.5]) / 11
    expected = ((shares - 0.5) * np.log(shares / 0.5)).sum()
    assert population_stability([10, 0], [0.5, 0.5]) == pytest.approx(expected)


def test_cramers_v_is_one_when_all_items_lie_in_one_of_equal_cells():
    assert cramers_v([30, 0, 0], [1 / 3] * 3) == pytest.approx(1)
    assert cramers_v([10, 10, 10], [1 / 3] * 3) == pytest.approx(0)


def test_intervals_hold_the_value_and_sit_above_the_noise_of_a_real_difference():
    for name, distance in distances([700, 200, 100], Q, rng=rng()).items():
        estimate = distance.estimate
        assert estimate.ci_low <= estimate.value <= estimate.ci_high, name
        assert estimate.value > distance.noise_high > distance.noise_floor > 0, name
        assert estimate.ci_low > 0, name


def test_a_difference_within_chance_has_an_interval_that_starts_at_zero():
    for distance in distances([42, 38, 20], Q, rng=rng()).values():
        assert distance.estimate.value < distance.noise_high
        assert distance.estimate.ci_low == 0


def test_the_noise_floor_of_two_equal_cells_is_the_mean_deviation_of_a_fair_coin():
    n = 100
    exact = float(np.abs(np.arange(n + 1) / n - 0.5) @ stats.binom.pmf(np.arange(n + 1), n, 0.5))
    noise = distances([60, 40], [0.5, 0.5], rng=rng(), n_resamples=20_000)["total_variation"]
    assert noise.noise_floor == pytest.approx(exact, abs=0.001)


def test_the_same_seed_gives_the_same_intervals():
    first, again = (distances([7, 2, 1], Q, rng=rng()) for _ in range(2))
    assert first == again


def test_no_items_give_reasons_and_items_beyond_the_target_give_no_index():
    empty = distances([0, 0], [0.5, 0.5], rng=rng())
    assert {d.estimate.reason for d in empty.values()} == {Reason.NO_DATA}
    beyond = distances([5, 5, 5], [0.5, 0.5, 0.0], rng=rng())
    assert beyond["psi"].estimate.reason is Reason.NOT_APPLICABLE
    assert beyond["total_variation"].estimate.value == pytest.approx(1 / 3)


def test_effective_size_is_the_whole_sample_only_when_it_matches():
    assert effective_sample_size([40, 40, 20], Q).value == pytest.approx(100)
    # Weights .8, 4/3, 1 over 50, 30, 20 items: n^2 / sum of squared weights.
    by_hand = 100**2 / (50 * 0.8**2 + 30 * (4 / 3) ** 2 + 20)
    assert effective_sample_size([50, 30, 20], Q).value == pytest.approx(by_hand)
    assert effective_sample_size([50, 50, 0], Q).reason is Reason.TOO_FEW_ITEMS
    assert effective_sample_size([0, 0, 0], Q).reason is Reason.NO_DATA


def test_standardised_differences_equal_the_documented_examples():
    # balance 0.23.0, docstring of asmd and its quickstart (age).
    assert asmd([1, 2], [3, 4]).value == pytest.approx(2.82842712474619, abs=1e-12)
    ages = asmd_of_values([491, 300, 156, 53], [1971, 2974, 2992, 2063])
    printed = [0.738761, 0.005688, 0.312711, 0.378828]
    assert [age.value for age in ages] == pytest.approx(printed, abs=2e-6)


def test_an_absent_value_has_a_standardised_difference_rather_than_none():
    absent = asmd_of_values([50, 50, 0], [40, 40, 20])[2]
    assert absent.value == pytest.approx(0.2 / np.sqrt(0.2 * 0.8 * 100 / 99))
    assert asmd([1.0], [2.0, 2.0]).reason is Reason.NO_VARIATION
    assert asmd([], [2.0, 3.0]).reason is Reason.NO_DATA
    with pytest.raises(ValueError, match="finite"):
        asmd([np.nan], [2.0, 3.0])


@settings(max_examples=200)
@given(n=st.integers(1, 400), part=st.floats(0, 1), q=st.floats(1e-12, 1))
def test_binomial_p_values_equal_scipy(n, part, q):
    x = round(part * n)
    p, exact = binomial_p_values([x], n, [q])
    if exact[0]:
        assert p[0] == pytest.approx(stats.binomtest(x, n, q).pvalue, abs=1e-9)
    else:
        expected = stats.chisquare([x, n - x], [n * q, n - n * q]).pvalue
        assert p[0] == pytest.approx(expected, abs=1e-9)


def test_a_share_of_next_to_nothing_is_tested_like_none():
    tiny, zero = (binomial_p_values([0, 1], 4, [q, q])[0] for q in (1e-308, 0.0))
    assert tiny.tolist() == zero.tolist() == [1.0, 0.0]


def test_small_expected_counts_are_tested_exactly():
    _, exact = binomial_p_values([1, 60, 99], 100, [0.05, 0.5, 0.95])
    assert exact.tolist() == [True, False, True]


def test_the_exact_multinomial_test_equals_enumeration_by_hand():
    assert exact_multinomial([5, 2, 1], [0.25, 0.25, 0.5]) == pytest.approx(0.02539062499999998)


@given(x=st.integers(0, 12), n=st.integers(12, 12), q=st.sampled_from([0.1, 0.3, 0.5]))
def test_the_exact_multinomial_test_of_two_cells_is_the_binomial_test(x, n, q):
    expected = stats.binomtest(x, n, q).pvalue
    assert exact_multinomial([x, n - x], [q, 1 - q]) == pytest.approx(expected, abs=1e-9)


def test_a_table_is_tested_by_the_method_its_expected_counts_allow():
    large = goodness_of_fit([30, 30, 40], Q, rng=rng())
    theirs = stats.chisquare([30, 30, 40], [40, 40, 20])
    assert (large.method, large.df) == ("chi_squared", 2)
    assert (large.statistic, large.p_value) == pytest.approx(tuple(theirs))
    assert goodness_of_fit([5, 2, 1], [0.25, 0.25, 0.5], rng=rng()).method == "exact_multinomial"
    wide = goodness_of_fit([2] * 15, [1 / 15] * 15, rng=rng())
    assert (wide.method, wide.p_value) == ("monte_carlo", 1.0)


def test_simulated_p_values_agree_with_enumerated_ones(monkeypatch):
    x, q = [6, 1, 1, 0], [0.3, 0.3, 0.3, 0.1]
    exact = goodness_of_fit(x, q, rng=rng())
    monkeypatch.setattr("measures.coverage.exact_tests.MAX_STATES", 0)
    simulated = goodness_of_fit(x, q, rng=rng(), n_draws=40_000)
    assert (exact.method, simulated.method) == ("exact_multinomial", "monte_carlo")
    assert simulated.p_value == pytest.approx(exact.p_value, abs=0.01)


def test_mean_asmd_is_that_of_each_attribute_and_balances_printed_figures():
    # balance 0.23.0, quickstart: 1,000 respondents and a target of 10,000, by age.
    x = np.array([491, 300, 156, 53])
    target = np.array([1971, 2974, 2992, 2063])
    of_values = [one.value for one in asmd_of_values(x, target)]
    found = mean_asmd(x / x.sum(), target / target.sum())
    # n - 1 in the target's deviation makes the printed ones larger by one in 20,000.
    assert found == pytest.approx(np.mean(of_values), rel=1e-4)
    table = np.outer(x / x.sum(), [0.4, 0.6])
    joint = np.outer(target / target.sum(), [0.5, 0.5])
    assert mean_asmd(table.ravel(), joint.ravel(), shape=(4, 2)) == pytest.approx(
        (found + 0.1 / 0.5) / 2
    )
    again = distances(x, target / target.sum(), rng=np.random.default_rng(1))["asmd"]
    assert again.estimate.ci_low < again.estimate.value < again.estimate.ci_high
    one = distances([3], [1.0], rng=np.random.default_rng(1), n_resamples=100)["asmd"]
    assert one.estimate.reason == "no_variation"
