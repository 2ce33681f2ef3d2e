"""Novelty against pyod and scikit-learn, and the meaning of its p-values."""

import numpy as np
import pytest

from measures.calibration.resampling import Bootstrap, draw
from measures.conformal import conformal_p_values
from measures.estimates import Reason
from measures.novelty import (
    METHODS,
    FittedNovelty,
    fit_novelty,
    knn_distances,
    mahalanobis_squared,
    novelty,
)
from measures.novelty_shares import novelty_rate, quadrants, smallest_p

NUMBER = np.arange(1, 61)
REFERENCE = 2 * np.stack([NUMBER * 0.6180339887498949, NUMBER * 0.7548776662466927], axis=1) % 2 - 1
QUERY = np.array([[0.0, 0.0], [0.9, 0.9], [3.0, 0.0], [-5.0, 5.0]])


def test_neighbour_distances_equal_pyod():
    found = knn_distances(REFERENCE, QUERY, 5)
    np.testing.assert_allclose(
        found[:, -1],
        [0.303941296464094, 0.39366391302426346, 2.2918942198026793, 6.2210373518576505],
        atol=1e-8,
    )
    np.testing.assert_allclose(
        found.mean(axis=1),
        [0.1815755877338343, 0.2351476624099552, 2.168876273729709, 6.110272292927997],
        atol=1e-8,
    )


def test_mahalanobis_with_and_without_shrinkage():
    np.testing.assert_allclose(
        mahalanobis_squared(REFERENCE, QUERY, shrink=False),
        [0.001123111748792688, 4.991452991437606, 27.204152928199758, 154.3961264700535],
        atol=1e-8,
    )
    np.testing.assert_allclose(
        mahalanobis_squared(REFERENCE, QUERY),
        [0.001114454741595462, 5.039422339360918, 27.410016701086615, 152.86505944478552],
        atol=1e-8,
    )


def test_the_p_value_is_the_share_of_reference_items_as_far_from_the_others():
    found = novelty(REFERENCE, QUERY, standardise=False)
    expected = [0.2786885245901639, 0.16393442622950818, 1 / 61, 1 / 61]
    np.testing.assert_allclose(found.p_values, expected, atol=1e-8)
    assert found.n_reference == 60


@pytest.mark.parametrize("method", ["knn", "mahalanobis", "isolation_forest"])
def test_items_of_the_reference_distribution_are_called_novel_at_the_nominal_rate(method):
    rng = np.random.default_rng(6)
    reference, query = rng.normal(size=(400, 3)), rng.normal(size=(1000, 3))
    both = np.concatenate([query, query[:50] + 8])
    found = novelty(reference, both, method=method, rng=np.random.default_rng(0)).p_values
    assert ((found >= 1 / 401) & (found <= 1)).all()
    # 0.1 +- 0.03: the reference itself moves the rate by about 0.015.
    assert (found[:1000] <= 0.1).mean() == pytest.approx(0.1, abs=0.045)
    assert (found[1000:] <= 0.05).all()


def test_a_new_subject_does_not_look_novel_for_being_new():
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(60, 4))
    subject = np.repeat(np.arange(60), 10)
    items = centres[subject] + 0.05 * rng.normal(size=(600, 4))
    known, new = subject < 40, subject >= 40
    alone = novelty(items[known], items[new])
    grouped = novelty(items[known], items[new], groups=subject[known])
    assert (alone.p_values <= 0.05).mean() > 0.9
    assert (grouped.p_values <= 0.05).mean() < 0.3


def test_scale_does_not_matter_once_standardised():
    first = novelty(REFERENCE, QUERY)
    second = novelty(REFERENCE * [1, 1000], QUERY * [1, 1000])
    np.testing.assert_allclose(first.p_values, second.p_values)


def test_row_order_does_not_matter():
    order = np.random.default_rng(2).permutation(60)
    for method in ("knn", "mahalanobis"):
        first = novelty(REFERENCE, QUERY, method=method)
        second = novelty(REFERENCE[order], QUERY[::-1], method=method)
        np.testing.assert_allclose(first.scores, second.scores[::-1], atol=1e-9)


def test_the_same_generator_gives_the_same_forest():
    first, second = (
        novelty(REFERENCE, QUERY, method="isolation_forest", rng=np.random.default_rng(1))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.scores, second.scores)


def test_a_feature_that_never_varies_does_no_harm():
    constant = np.column_stack([REFERENCE, np.ones(60)])
    found = novelty(constant, np.column_stack([QUERY, np.ones(4)]))
    np.testing.assert_allclose(found.p_values, novelty(REFERENCE, QUERY).p_values)


def test_a_small_reference_says_so():
    for method, n in (("knn", 6), ("mahalanobis", 3), ("isolation_forest", 9)):
        rng = np.random.default_rng(0)
        found = novelty(REFERENCE[:n], QUERY, method=method, rng=rng)
        assert (found.scores, found.reason) == (None, Reason.TOO_FEW_ITEMS)
    assert novelty(REFERENCE, QUERY, groups=np.zeros(60)).reason == Reason.TOO_FEW_ITEMS


def test_sure_but_novel_items_are_counted():
    found = quadrants([0.99, 0.95, 0.5, 0.4], [0.5, 0.01, 0.01, 0.5])
    shares = [found.sure_familiar, found.sure_novel, found.unsure_familiar, found.unsure_novel]
    assert [one.value for one in shares] == [0.25] * 4
    assert found.sure_novel.ci_method == "wilson"
    assert quadrants([], []).sure_novel.reason == Reason.NO_DATA


@pytest.mark.parametrize(
    ("reference", "query", "options", "message"),
    [
        (REFERENCE, [[1.0]], {}, "reference has 2 features and query 1"),
        (REFERENCE, [[1.0, np.nan]], {}, "first row 0, column 1"),
        (REFERENCE, [1.0, 2.0], {}, "one row an item"),
        (REFERENCE, QUERY, {"method": "lof"}, "method must be one of knn"),
        (REFERENCE, QUERY, {"method": "isolation_forest"}, "pass rng"),
        (REFERENCE, QUERY, {"k": 0}, "k must be at least 1"),
    ],
)
def test_wrong_features_and_options_are_refused(reference, query, options, message):
    with pytest.raises(ValueError, match=message):
        novelty(reference, query, **options)


@pytest.mark.parametrize("method", METHODS)
def test_p_values_lie_between_one_over_n_plus_one_and_one(method):
    rng = np.random.default_rng(3)
    far = np.concatenate([QUERY, 100 * QUERY, REFERENCE])
    found = novelty(REFERENCE, far, method=method, rng=rng)
    assert found.p_values.min() == pytest.approx(smallest_p(len(REFERENCE)))
    assert found.p_values.max() <= 1


@pytest.mark.parametrize("method", METHODS[:2])
def test_judging_in_parts_is_judging_at_once(method):
    whole = novelty(REFERENCE, QUERY, method=method, rng=np.random.default_rng(1))
    fitted = fit_novelty(REFERENCE, method=method, rng=np.random.default_rng(1))
    assert isinstance(fitted, FittedNovelty)
    parts = [fitted.judge(QUERY[:1]), fitted.judge(QUERY[1:1]), fitted.judge(QUERY[1:])]
    np.testing.assert_array_equal(np.concatenate([p for _, p in parts]), whole.p_values)
    with pytest.raises(ValueError, match="reference has 2 features and query 3"):
        fitted.judge(np.ones((1, 3)))


def test_a_covariance_of_gigabytes_is_not_made():
    wide = np.random.default_rng(0).normal(size=(5, 2049))
    assert fit_novelty(wide, method="mahalanobis") == Reason.NOT_APPLICABLE


def test_exchangeable_items_have_uniform_p_values_and_no_excess():
    """400 draws of 99 reference and 200 new items of one distribution."""
    rng = np.random.default_rng(7)
    alarms, below = 0, []
    for _ in range(400):
        scores = rng.normal(size=299)
        p = conformal_p_values(scores[:99], scores[99:])
        below.append([(p <= level).mean() for level in (0.05, 0.2, 0.5, 0.8)])
        alarms += novelty_rate(p, 99).p_value <= 0.05
    # Standard error of a mean rate near 0.05: sd of Beta(5, 95) is 0.022, over 400 draws 0.0011.
    np.testing.assert_allclose(np.mean(below, axis=0), [0.05, 0.2, 0.5, 0.8], atol=0.008)
    # 20 expected; the 99.9 % point of Binomial(400, 0.05) is 35.
    assert alarms <= 35


def test_the_chance_of_an_excess_is_that_of_the_simulated_false_alarms():
    rng = np.random.default_rng(11)
    p = np.r_[np.full(8, 0.02), np.full(22, 0.5)]
    found = novelty_rate(p, 59, novel_below=0.1)
    scores = rng.normal(size=(20_000, 89))
    # 0.1 * 60 = 6: novel is what at most five of the reference reach.
    sixth = np.sort(scores[:, :59], axis=1)[:, -6]
    simulated = ((scores[:, 59:] > sixth[:, None]).sum(axis=1) >= 8).mean()
    assert found.value == pytest.approx(8 / 30)
    # Four standard errors of 20,000 draws.
    assert found.p_value == pytest.approx(simulated, abs=4 * np.sqrt(0.03 / 20_000))


def test_groups_that_count_once_make_no_alarm_of_one_subject():
    p = np.r_[np.full(10, 0.01), np.full(10, 0.6)]
    clusters = np.repeat([0, 1], 10)
    draws = draw(20, clusters, Bootstrap(np.random.default_rng(0), 100))
    alone = novelty_rate(p, 199)
    grouped = novelty_rate(p, 199, draws=draws, n_groups=(40, 2))
    assert (alone.ci_method, grouped.ci_method) == ("wilson", "bootstrap_groups")
    assert alone.p_value < 1e-4
    assert grouped.p_value > 0.05
    assert grouped.ci_high - grouped.ci_low > alone.ci_high - alone.ci_low


def test_a_reference_too_small_to_call_anything_novel_says_so():
    assert novelty_rate([1 / 19], 18).reason == Reason.TOO_FEW_ITEMS
    assert novelty_rate([1 / 20], 19).value == 1
    assert novelty_rate([], 100).reason == Reason.NO_DATA
