"""Recalibration against statsmodels, scikit-learn, netcal, betacal and venn-abers; its laws."""

import json

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from measures.calibration.ece import calibration_errors
from measures.calibration.forecasts import binary_forecasts, class_forecasts
from measures.estimates import Reason
from measures.recalibration import (
    BINARY_METHODS,
    CLASS_METHODS,
    apply_map,
    choose_recalibration,
    fit_map,
    fit_venn_abers,
    map_from_dict,
    out_of_fold,
)
from measures.scores import auc, brier_score, log_loss
from tests.measures.forecast_cases import bootstrap, column, d1, d2, m1, shared_rows


def grouped(forecasts):
    groups = np.arange(forecasts.n) % 20
    return binary_forecasts(forecasts.y_true, forecasts.y_prob, clusters=groups)


def test_platt_works_on_log_odds():
    """statsmodels' maximum likelihood; scikit-learn 1.9.1 fits on p itself."""
    found = fit_map(d2(), "platt").parameters
    assert found["slope"] == pytest.approx(0.596079986744405, abs=1e-6)
    assert found["intercept"] == pytest.approx(0.014373374275173935, abs=1e-6)


def test_temperature_of_three_classes_and_its_inverse():
    """netcal's .temperature and scikit-learn's .beta_ are the inverse."""
    forecasts = m1()
    fitted = fit_map(forecasts, "temperature")
    assert fitted.parameters["temperature"] == pytest.approx(2.039078160638554, abs=1e-4)
    assert fitted.parameters["inverse"] == pytest.approx(0.49041768937726343, abs=1e-4)
    after = class_forecasts(forecasts.y_true, apply_map(fitted, forecasts.y_prob))
    assert log_loss(after) == pytest.approx(0.9621818636798473, abs=1e-8)


def test_two_class_temperature_equals_the_binary_one():
    forecasts = d2()
    both = np.stack([1 - forecasts.y_prob, forecasts.y_prob], axis=1)
    pair = class_forecasts(forecasts.y_true.astype(int), both)
    one, two = fit_map(forecasts, "temperature"), fit_map(pair, "temperature")
    assert one.parameters["temperature"] == pytest.approx(two.parameters["temperature"], rel=1e-5)
    np.testing.assert_allclose(
        apply_map(one, forecasts.y_prob), apply_map(two, both)[:, 1], atol=1e-6
    )


def test_beta_calibration_of_d2():
    """betacal 1.1.0 predicts the same within 1.2e-4."""
    fitted = fit_map(d2(), "beta")
    expected = {"a": 0.7322191334813306, "b": 0.46692686468970396, "c": 0.25220682541089445}
    assert fitted.parameters == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(
        apply_map(fitted, [0.1, 0.5, 0.9]),
        [0.20027213555555676, 0.5170734187662016, 0.7773342514076141],
        atol=1e-6,
    )


def test_beta_never_turns_the_order_round():
    forecasts = d2()
    turned = binary_forecasts(1 - forecasts.y_true, forecasts.y_prob)
    found = fit_map(turned, "beta").parameters
    assert (found["a"], found["b"]) == (0.0, 0.0)
    assert np.ptp(apply_map(fit_map(turned, "beta"), [0.1, 0.9])) == 0


def test_isotonic_equals_scikit_learn_between_and_beyond_the_thresholds():
    forecasts = d1()
    theirs = IsotonicRegression(out_of_bounds="clip").fit(forecasts.y_prob, forecasts.y_true)
    at = np.linspace(0, 1, 501)
    np.testing.assert_allclose(
        apply_map(fit_map(forecasts, "isotonic"), at), theirs.predict(at), atol=1e-12
    )


def test_isotonic_pools_tied_probabilities():
    fitted = fit_map(binary_forecasts([1, 0, 0, 1], [0.3, 0.3, 0.6, 0.6]), "isotonic")
    np.testing.assert_allclose(apply_map(fitted, [0.3, 0.6]), [0.5, 0.5])


def test_histogram_gives_each_bin_its_observed_frequency():
    forecasts = d2()
    found = apply_map(fit_map(forecasts, "histogram"), forecasts.y_prob)
    lowest = forecasts.y_prob <= np.quantile(forecasts.y_prob, 0.1)
    assert set(found[lowest]) == {forecasts.y_true[lowest].mean()}
    assert len(set(found)) <= 10


def test_venn_abers_equals_the_published_package():
    """venn-abers 1.5.4 on the last hundred items, calibrated on the first."""
    forecasts = d2()
    fitted = fit_venn_abers(forecasts.rows(np.arange(100)))
    pair = fitted.interval(forecasts.y_prob[100:])
    expected = [[0.36363636363636365, 0.5], [0.0, 0.25], [0.6470588235294118, 0.6923076923076923]]
    np.testing.assert_allclose(pair[:3], expected, atol=1e-9)
    np.testing.assert_allclose(
        fitted.probability(forecasts.y_prob[100:103]),
        [0.44000000000000006, 0.2, 0.6623376623376624],
        atol=1e-9,
    )
    assert np.diff(pair, axis=1).mean() == pytest.approx(0.10324537440582994, abs=1e-9)


def test_venn_abers_equals_two_isotonic_fits_also_on_a_tie():
    forecasts = d2().rows(np.arange(50))
    at = float(forecasts.y_prob[7])
    for outcome, ours in zip(
        (0, 1), fit_venn_abers(forecasts).interval(np.array([at]))[0], strict=True
    ):
        fit = IsotonicRegression().fit(
            np.append(forecasts.y_prob, at), np.append(forecasts.y_true, outcome)
        )
        assert ours == pytest.approx(fit.predict([at])[0], abs=1e-12)


def test_pooled_venn_abers_stays_near_the_exact_one():
    rng = np.random.default_rng(1)
    p = rng.random(600)
    forecasts = binary_forecasts(rng.random(600) < p**2, p)
    pooled = fit_venn_abers(forecasts)
    exact = fit_venn_abers(forecasts.rows(np.arange(500)))
    assert (pooled.pooled, exact.pooled) == (True, False)
    at = np.linspace(0, 1, 101)
    pair = pooled.interval(at)
    assert (pair[:, 0] <= pair[:, 1]).all()
    assert np.abs(pooled.probability(at) - exact.probability(at)).mean() < 0.03


@pytest.mark.parametrize("method", ["none", *BINARY_METHODS])
def test_a_stored_binary_map_answers_as_the_fitted_one(method):
    fitted = fit_map(d2(), method)
    back = map_from_dict(json.loads(json.dumps(fitted.as_dict(), allow_nan=False)))
    at = np.concatenate([[0.0, 1.0], d2().y_prob])
    found = apply_map(back, at)
    np.testing.assert_allclose(found, apply_map(fitted, at), atol=1e-12)
    assert ((found >= 0) & (found <= 1)).all()
    assert method == "histogram" or (np.diff(apply_map(back, np.sort(at))) >= -1e-12).all()


@pytest.mark.parametrize("method", ["none", *CLASS_METHODS])
def test_a_stored_class_map_gives_rows_that_sum_to_one(method):
    fitted = fit_map(m1(), method)
    back = map_from_dict(json.loads(json.dumps(fitted.as_dict(), allow_nan=False)))
    found = apply_map(back, m1().y_prob)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()


def test_temperature_keeps_the_auc():
    forecasts = d2()
    after = apply_map(fit_map(forecasts, "temperature"), forecasts.y_prob)
    assert auc(binary_forecasts(forecasts.y_true, after)).value == auc(forecasts).value


def test_in_sample_isotonic_looks_perfect_and_loses_out_of_sample():
    forecasts = grouped(d2())
    inside = apply_map(fit_map(forecasts, "isotonic"), forecasts.y_prob)
    few = bootstrap(n_resamples=2)
    after = binary_forecasts(forecasts.y_true, inside)
    assert calibration_errors(after, few).errors["uniform_10"].value < 1e-9
    assert brier_score(after) == pytest.approx(0.1990, abs=5e-5)
    found = {one.method: one for one in choose_recalibration(forecasts, bootstrap()).methods}
    raw = brier_score(forecasts)
    assert raw - found["isotonic"].brier_gain.value == pytest.approx(0.2214, abs=5e-5)
    assert raw - found["platt"].brier_gain.value == pytest.approx(0.2071, abs=5e-5)
    assert found["isotonic"].ece_after == pytest.approx(0.100, abs=5e-4)
    assert found["platt"].ece_after == pytest.approx(0.042, abs=5e-4)


def test_the_over_confident_model_gets_the_simplest_map_that_helps():
    found = choose_recalibration(grouped(d2()), bootstrap())
    assert (found.recommended, found.folds_by, found.n_folds) == ("temperature", "groups", 5)
    best = found.methods[0]
    assert best.brier_gain.ci_low > 0
    assert best.brier_gain.ci_method == "bootstrap_groups"
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_calibrated_model_is_left_alone():
    rng = np.random.default_rng(8)
    p = rng.random(1000)
    forecasts = binary_forecasts(rng.random(1000) < p, p)
    found = choose_recalibration(forecasts, bootstrap())
    assert found.recommended == "none"
    assert "beyond doubt" in found.why


def test_a_bend_that_no_slope_can_mend_gets_a_flexible_map():
    rng = np.random.default_rng(9)
    p = rng.random(4000)
    truth = np.where(p < 0.5, 0.1, np.where(p < 0.8, 0.8, 0.3))
    forecasts = binary_forecasts(rng.random(4000) < truth, p)
    assert choose_recalibration(forecasts, bootstrap()).recommended in ("histogram", "isotonic")


def test_three_classes_are_recalibrated_out_of_fold():
    found = choose_recalibration(m1(), bootstrap())
    assert [one.method for one in found.methods] == list(CLASS_METHODS)
    assert found.methods[0].log_loss_gain.value > 0


def test_no_item_helps_to_fit_its_own_map():
    forecasts = d2()
    folds = np.arange(200) // 40
    before = out_of_fold(forecasts, "isotonic", folds)
    flipped = forecasts.y_true.copy()
    flipped[:40] = 1 - flipped[:40]
    after = out_of_fold(binary_forecasts(flipped, forecasts.y_prob), "isotonic", folds)
    np.testing.assert_array_equal(before[:40], after[:40])
    assert not np.array_equal(before[40:], after[40:])


def test_groups_are_not_split_across_folds():
    forecasts = grouped(d2())
    with pytest.raises(ValueError, match="20 groups lie in more than one fold"):
        choose_recalibration(forecasts, bootstrap(), folds=np.arange(200) // 40)
    kept = choose_recalibration(forecasts, bootstrap(), folds=np.arange(200) % 5)
    assert kept.folds_by == "given"


def test_too_little_to_fit_says_why():
    assert fit_map(binary_forecasts([], []), "platt") == Reason.NO_DATA
    assert fit_map(binary_forecasts([1, 1], [0.2, 0.6]), "platt") == Reason.ONE_CLASS
    separated = binary_forecasts([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert fit_map(separated, "platt") == Reason.NOT_APPLICABLE
    lonely = binary_forecasts([0, 1, 1], [0.1, 0.2, 0.8], clusters=["a", "a", "a"])
    found = choose_recalibration(lonely, bootstrap())
    assert found.recommended == "none"
    assert found.methods[0].brier_gain.reason == Reason.TOO_FEW_ITEMS


def test_a_class_that_never_occurs_is_left_as_it_is():
    forecasts = class_forecasts([0, 1] * 20, np.tile([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2]], (20, 1)))
    found = apply_map(fit_map(forecasts, "histogram"), forecasts.y_prob)
    np.testing.assert_allclose(found[0], np.array([1, 0, 0.2]) / 1.2)


def test_unknown_methods_and_shapes_are_refused():
    with pytest.raises(ValueError, match="method must be none or one of temperature"):
        fit_map(d2(), "magic")
    with pytest.raises(ValueError, match="The map is for 3 classes"):
        apply_map(fit_map(m1(), "temperature"), np.full((2, 4), 0.25))


def test_temperature_of_cifar_fitted_on_one_half_mends_the_other():
    rows = shared_rows("pred_cifar10_vgg", "predictions.csv")
    p = np.stack([column(rows, f"p{k}") for k in range(10)], axis=1)
    whole = class_forecasts(column(rows, "label"), p)
    half, other = whole.rows(np.arange(5000)), whole.rows(np.arange(5000, 10000))
    fitted = fit_map(half, "temperature")
    assert fitted.parameters["temperature"] == pytest.approx(1.735876, abs=1e-5)
    after = class_forecasts(other.y_true, apply_map(fitted, other.y_prob))
    few = bootstrap(n_resamples=2)
    figures = [calibration_errors(one, few).errors["uniform_15"].value for one in (other, after)]
    assert figures == pytest.approx([0.037422, 0.016717], abs=1e-6)
    assert [log_loss(other), log_loss(after)] == pytest.approx([0.226969, 0.18306], abs=1e-6)


@pytest.mark.parametrize(
    ("parts", "names", "brier", "ece"),
    [
        (
            ("fcst_538_nba_games", "forecasts.csv"),
            ("prob1_outcome", "prob1"),
            0.212371,
            0.006982,
        ),
        (
            ("pred_nannyml_ma_employment", "predictions_2015.csv.gz"),
            ("employed", "predicted_probability"),
            0.122824,
            0.001682,
        ),
    ],
    ids=["NBA", "Massachusetts"],
)
def test_five_fold_isotonic_in_file_order(parts, names, brier, ece):
    rows = shared_rows(*parts)
    forecasts = binary_forecasts(*(column(rows, name) for name in names))
    folds = np.concatenate(
        [np.full(len(one), k) for k, one in enumerate(np.array_split(np.arange(forecasts.n), 5))]
    )
    after = binary_forecasts(forecasts.y_true, out_of_fold(forecasts, "isotonic", folds))
    assert brier_score(after) == pytest.approx(brier, abs=1e-6)
    found = calibration_errors(after, bootstrap(n_resamples=2)).errors["uniform_10"].value
    assert found == pytest.approx(ece, abs=1e-6)
