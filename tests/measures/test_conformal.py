"""Prediction sets against MAPIE and crepes, and the guarantee itself."""

import numpy as np
import pytest

from measures.calibration.forecasts import binary_forecasts, class_forecasts
from measures.conformal import (
    class_scores,
    conformal_p_values,
    conformal_quantile,
    cross_conformal_sets,
    fit_conformal,
    set_coverage,
    set_coverage_by_group,
    true_class_scores,
)
from measures.estimates import Reason
from tests.measures.forecast_cases import d2, m1


def halves():
    forecasts = m1()
    return forecasts.rows(np.arange(100)), forecasts.rows(np.arange(100, 150))


@pytest.mark.parametrize(
    ("alpha", "threshold", "size", "coverage"),
    [(0.1, 0.9125840000000001, 2.26, 0.92), (0.2, 0.851633, 1.94, 0.84)],
)
def test_lac_equals_mapie_and_crepes(alpha, threshold, size, coverage):
    calibration, test = halves()
    fitted = fit_conformal(calibration, alpha=alpha)
    assert fitted.threshold == pytest.approx(threshold, abs=1e-9)
    found = set_coverage(fitted.sets(test.y_prob), test.y_true)
    assert found.mean_size == pytest.approx(size, abs=1e-9)
    assert found.coverage.value == pytest.approx(coverage, abs=1e-9)
    assert found.coverage.ci_low < coverage < found.coverage.ci_high


def test_p_values_of_the_classes_equal_crepes():
    calibration, test = halves()
    scores = true_class_scores(calibration, "lac")
    found = conformal_p_values(scores, class_scores(test.y_prob, "lac"))
    expected = [0.3564356435643564, 0.15841584158415842, 0.6039603960396039]
    assert found[0].tolist() == pytest.approx(expected, abs=1e-12)
    assert ((found >= 1 / 101) & (found <= 1)).all()


def test_a_class_is_in_the_set_exactly_when_its_p_value_exceeds_alpha():
    calibration, test = halves()
    scores = true_class_scores(calibration, "lac")
    p = conformal_p_values(scores, class_scores(test.y_prob, "lac"))
    sets = fit_conformal(calibration, alpha=0.1).sets(test.y_prob)
    np.testing.assert_array_equal(sets, p > 0.1)


def test_groups_get_thresholds_of_their_own():
    calibration, test = halves()
    fitted = fit_conformal(calibration, alpha=0.1, groups=np.arange(100) % 2)
    assert fitted.by_group == pytest.approx({0: 0.92421, 1: 0.902639}, abs=1e-9)
    own = np.arange(50) % 2
    sets = fitted.sets(test.y_prob, own)
    np.testing.assert_array_equal(sets[own == 0], 1 - test.y_prob[own == 0] <= 0.92421)


def test_a_group_too_small_for_the_level_gets_the_overall_threshold():
    calibration, test = halves()
    fitted = fit_conformal(calibration, alpha=0.1, groups=np.where(np.arange(100) < 8, 1, 0))
    assert fitted.too_small == (1,)
    np.testing.assert_array_equal(
        fitted.sets(test.y_prob, np.ones(50)), fit_conformal(calibration).sets(test.y_prob)
    )


def test_the_rank_is_not_one_too_high():
    scores = np.arange(1, 101) / 100
    # ceil(101 x 0.9) = 91; numpy's quantile with method="higher" gives 0.92.
    assert conformal_quantile(scores, 0.1) == 0.91
    assert conformal_quantile(np.arange(9.0), 0.1) == 8.0
    assert conformal_quantile(np.arange(8.0), 0.1) is None
    assert conformal_quantile(np.arange(19.0), 0.05) == 18.0


def test_too_few_items_rule_nothing_out():
    fitted = fit_conformal(class_forecasts([0, 1], [[0.9, 0.1], [0.2, 0.8]]), alpha=0.1)
    assert fitted.threshold is None
    assert fitted.sets([[0.99, 0.01]]).all()
    nothing = fit_conformal(class_forecasts([], np.empty((0, 2))))
    assert (nothing.threshold, nothing.n) == (None, 0)


def test_aps_scores_are_the_mass_down_to_the_class_and_do_not_depend_on_class_order():
    p = np.array([[0.5, 0.3, 0.2], [0.4, 0.2, 0.4]])
    np.testing.assert_allclose(
        class_scores(p, "aps"), [[0.5, 0.8, 1.0], [0.8, 1.0, 0.8]], atol=1e-12
    )
    forecasts = m1()
    turned = class_scores(np.roll(forecasts.y_prob, 1, axis=1), "aps")
    np.testing.assert_allclose(
        np.roll(turned, -1, axis=1), class_scores(forecasts.y_prob, "aps"), atol=1e-12
    )


@pytest.mark.parametrize("method", ["lac", "aps"])
def test_sets_hold_the_true_class_as_often_as_promised(method):
    rng = np.random.default_rng(3)
    held = []
    for _ in range(100):
        stated = rng.dirichlet([0.5, 1, 1], 140)
        y = np.array([rng.choice(3, p=row) for row in rng.dirichlet([1, 1, 1], 140)])
        forecasts = class_forecasts(y, stated)
        fitted = fit_conformal(forecasts.rows(np.arange(99)), alpha=0.1, method=method)
        sets = fitted.sets(stated[99:])
        held.append(sets[np.arange(41), y[99:]].mean())
    # Even a model that knows nothing keeps the promise; the standard error here is 0.007. Sets
    # of the whole mass, which APS gives here often, hold more than they must.
    assert np.mean(held) > 0.88
    assert method == "aps" or np.mean(held) < 0.92


def test_coverage_by_group_has_exact_intervals():
    sets = np.tile([True, False], (30, 1))
    y = np.array([0] * 20 + [1] * 10)
    found = set_coverage_by_group(sets, y, np.where(np.arange(30) < 20, 0, 5))
    assert sorted(found) == [0, 5]
    assert found[0].coverage.value == 1.0
    assert found[5].coverage.value == 0.0
    # Clopper-Pearson with 0 of 10: 1 - 0.025 ** (1 / 10).
    assert found[5].coverage.ci_high == pytest.approx(0.30850, abs=1e-5)
    assert found[0].share_single == 1.0


def test_cross_conformal_sets_use_no_fold_for_itself():
    forecasts = m1()
    folds = np.arange(150) % 3
    found = cross_conformal_sets(forecasts, folds, alpha=0.2)
    alone = fit_conformal(forecasts.rows(folds != 1), alpha=0.2)
    np.testing.assert_array_equal(found[folds == 1], alone.sets(forecasts.y_prob[folds == 1]))


def test_binary_forecasts_have_sets_of_two_classes():
    fitted = fit_conformal(d2(), alpha=0.2)
    p = d2().y_prob
    held = fitted.sets(np.stack([1 - p, p], axis=1))
    assert set_coverage(held, d2().y_true).coverage.value >= 0.8


def test_no_sets_have_no_coverage():
    found = set_coverage(np.empty((0, 3), dtype=bool), [])
    assert (found.coverage.reason, found.mean_size) == (Reason.NO_DATA, None)


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        fit_conformal(m1(), alpha=1.0)
    with pytest.raises(ValueError, match="method must be one of lac, aps"):
        fit_conformal(m1(), method="raps")
    with pytest.raises(ValueError, match="1 of 2 are fractions"):
        fit_conformal(binary_forecasts([0.5, 1], [0.4, 0.6]))
    with pytest.raises(ValueError, match="one entry an item, 150"):
        fit_conformal(m1(), groups=[1, 2])
