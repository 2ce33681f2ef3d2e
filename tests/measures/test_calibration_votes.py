"""Calibration against votes: floors without bias, what is left, and what noise explains."""

from itertools import product
from math import factorial, log

import numpy as np
import pytest
from scipy.stats import binom

from measures.calibration.label_noise import against_one_label, noise_band, null_error
from measures.calibration.resampling import Bootstrap, draw
from measures.calibration.votes import (
    entropy_noise,
    gini_noise,
    total_variation,
    vote_forecasts,
    vote_scores,
)

SHARES = np.array([0.6, 0.3, 0.1])


def drawn(n_votes, shares):
    """Every way in which so many votes can fall, and its probability."""
    for cells in product(range(n_votes + 1), repeat=len(shares)):
        if sum(cells) == n_votes:
            ways = factorial(n_votes) / np.prod([factorial(c) for c in cells])
            yield np.array([cells], float), float(ways * np.prod(shares ** np.array(cells)))


def bootstrap(seed=1, n=200):
    return Bootstrap(np.random.default_rng(seed), n)


def scored(counts, prob, **options):
    forecasts = vote_forecasts(counts, prob, **options)
    return vote_scores(forecasts, draw(forecasts.n, forecasts.clusters, bootstrap()))


@pytest.mark.parametrize("n_votes", [2, 3, 5])
def test_the_floor_of_the_brier_score_has_no_bias(n_votes):
    mean = sum(w * gini_noise(c)[0] for c, w in drawn(n_votes, SHARES))
    assert mean == pytest.approx(1 - (SHARES**2).sum())


@pytest.mark.parametrize("n_votes", [2, 3, 5])
def test_the_floor_of_the_log_loss_is_the_series_it_says_and_never_too_high(n_votes):
    """Zhang (2012), eq. 4: the first n - 1 terms of sum p (1 - p)^v / v, without bias."""
    mean = sum(w * entropy_noise(c)[0] for c, w in drawn(n_votes, SHARES))
    terms = [(SHARES * (1 - SHARES) ** v).sum() / v for v in range(1, n_votes)]
    assert mean == pytest.approx(sum(terms))
    assert mean < -(SHARES * np.log(SHARES)).sum()


def test_the_excess_is_the_squared_distance_to_shares_that_nobody_knows():
    stated = np.array([[0.2, 0.5, 0.3]])
    mean = sum(w * scored(c, stated).excess["brier_votes_sum"].value for c, w in drawn(3, SHARES))
    assert mean == pytest.approx(((stated - SHARES) ** 2).sum())


def test_scores_are_those_of_each_vote():
    counts, prob = [[3, 1], [0, 2], [1, 0]], [[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]]
    found = scored(counts, prob, positive=1).scores
    each = [(0.25, 0.3), (1, 0.6), (0, 0.1)]
    assert found["brier"].value == pytest.approx(np.mean([(y - p) ** 2 for y, p in each]))
    by_vote = [y * (1 - p) ** 2 + (1 - y) * p**2 for y, p in each]
    assert found["brier_votes"].value == pytest.approx(np.mean(by_vote))
    logs = [-(y * log(p) + (1 - y) * log(1 - p)) for y, p in each]
    assert found["log_loss"].value == pytest.approx(np.mean(logs))
    assert found["accuracy"].value == pytest.approx((0.75 + 1 + 1) / 3)
    assert found["brier_sum"].value == pytest.approx(2 * found["brier"].value)


def test_the_floor_rests_on_items_with_two_votes():
    found = scored([[2, 2], [1, 0]], [[0.5, 0.5], [1, 0]])
    assert (found.noise["brier_votes_sum"].n, found.scores["brier"].n) == (1, 2)
    assert found.noise["brier_votes_sum"].value == pytest.approx(2 / 3)
    assert found.annotator_agreement.value == pytest.approx(1 / 3)
    # The model stated the shares: its Brier score against single votes of two by two is 1/2.
    assert found.excess["brier_votes_sum"].value == pytest.approx(0.5 - 2 / 3)
    single = scored([[1, 0]], [[0.8, 0.2]])
    assert single.noise["log_loss"].reason == "too_few_annotators"
    nothing = scored(np.zeros((0, 2)), np.zeros((0, 2)))
    assert nothing.scores["brier"].reason == nothing.annotator_agreement.reason == "no_data"


def crowd(seed, n=2000, n_votes=4):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(3), n)
    return shares, rng.multinomial(n_votes, shares)


def test_who_states_the_true_shares_is_left_with_the_noise_alone():
    shares, votes = crowd(3)
    honest = scored(votes, shares)
    assert honest.excess["brier_votes"].ci_low < 0 < honest.excess["brier_votes"].ci_high
    sure = shares**3 / (shares**3).sum(axis=1, keepdims=True)
    assert scored(votes, sure).excess["brier_votes"].ci_low > 0.01
    assert scored(votes, sure).noise == honest.noise


def test_few_votes_never_meet_the_shares_they_come_from():
    votes, prob = [[1, 2], [0, 5]], [[0.45, 0.55], [0.0, 1.0]]
    forecasts = vote_forecasts(votes, prob)
    found, chance = total_variation(forecasts, draw(2, None, bootstrap()))
    assert found.value == pytest.approx((0.45 - 1 / 3) / 2)
    k = np.arange(4)
    brute = (binom.pmf(k, 3, 0.55) * np.abs(k / 3 - 0.55)).sum()
    assert chance.value == pytest.approx((brute + 0) / 2)
    shares, many = crowd(8)
    found, chance = total_variation(vote_forecasts(many, shares), draw(2000, None, bootstrap()))
    assert found.ci_low < chance.value < found.ci_high


def test_random_signs_reject_an_honest_model_at_the_nominal_rate():
    """200 seeds, 5 %: at most 18 rejections in 99.5 % of such series."""
    rejected = 0
    for seed in range(200):
        shares, votes = crowd(seed, n=300)
        binary = vote_forecasts(votes, shares).binary()
        again = bootstrap(seed)
        null = null_error(binary, draw(binary.n, None, again), again)
        rejected += null.p_value <= 0.05
    assert 2 <= rejected <= 18


def test_the_noise_band_holds_the_majority_and_closes_where_all_agree():
    shares, votes = crowd(5, n=400)
    forecasts = vote_forecasts(votes, shares)
    band = noise_band(forecasts, bootstrap())
    own = against_one_label(forecasts, votes.argmax(axis=1))
    assert band.n_contested == (votes.max(axis=1) < 4).sum()
    for key, (low, high) in band.scores.items():
        assert low < high, key
    assert band.majority.scores["accuracy"] == pytest.approx(own.scores["accuracy"], abs=0.1)
    filled = ~np.isnan(band.low)
    assert (band.low[filled] <= band.high[filled]).all()
    agreed = np.eye(3, dtype=int)[votes.argmax(axis=1)] * 4
    closed = noise_band(vote_forecasts(agreed, shares), bootstrap())
    assert all(low == high for low, high in closed.scores.values())
    assert closed.n_contested == 0
    assert noise_band(vote_forecasts(np.zeros((0, 3)), np.zeros((0, 3))), bootstrap()) is None


def test_one_label_an_item_gives_the_usual_scores():
    prob = np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
    label = np.array([0, 1, 0])
    forecasts = vote_forecasts(np.eye(2)[label], prob, positive=1)
    one = against_one_label(forecasts, label)
    found = scored(np.eye(2)[label], prob, positive=1).scores
    for key in ("brier", "log_loss", "accuracy"):
        assert one.scores[key] == pytest.approx(found[key].value)
    assert one.scores["ece_uniform_10"] == pytest.approx((0.3 + 0.2 + 0.6) / 3)


@pytest.mark.parametrize(
    ("votes", "prob", "options", "said"),
    [
        ([[1, 0]], [[0.5, 0.4]], {}, "sum to 1"),
        ([[1, 0, 0]], [[0.5, 0.5]], {}, "shape of y_prob"),
        ([[1, 0], [0, 0]], [[0.5, 0.5]] * 2, {}, r"1 of 2 .* \[0.0, 0.0\] at position 1"),
        ([[0.5, 1]], [[0.5, 0.5]], {}, "whole numbers"),
        ([[1, 0]], [[0.5, 0.5]], {"positive": 2}, "positive must be 0 or 1"),
    ],
)
def test_wrong_votes_are_refused_in_words(votes, prob, options, said):
    with pytest.raises(ValueError, match=said):
        vote_forecasts(votes, prob, **options)
