"""Novelty against pyod and scikit-learn, and the meaning of its p-values."""

import numpy as np
import pytest

from measures.estimates import Reason
from measures.novelty import knn_distances, mahalanobis_squared, novelty, quadrants

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
