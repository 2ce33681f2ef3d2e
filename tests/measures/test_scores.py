"""Scores against scikit-learn's printed values, closed forms, and the laws they must keep."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from measures.calibration.binning import uniform_edges
from measures.calibration.forecasts import binary_forecasts, class_forecasts
from measures.calibration.resampling import draw
from measures.estimates import Reason
from measures.scores import (
    auc,
    brier_score,
    log_loss,
    murphy_decomposition,
    score_sums,
    scores,
)
from tests.measures.forecast_cases import bootstrap, d1, d2, m1


def values(forecasts):
    return {key: one.value for key, one in scores(forecasts).estimates.items()}


def test_scores_of_d2_equal_scikit_learn():
    found = values(d2())
    assert found["brier"] == pytest.approx(0.215080655006125, abs=1e-12)
    assert found["brier_sum"] == pytest.approx(2 * 0.215080655006125, abs=1e-12)
    assert found["log_loss"] == pytest.approx(0.6217439157848248, abs=1e-12)
    assert found["brier_skill"] == pytest.approx(0.1395913391094108, abs=1e-12)
    assert found["log_loss_skill"] == pytest.approx(0.10294842632298995, abs=1e-12)


def test_three_class_scores_equal_scikit_learn():
    forecasts = m1()
    found, y, p = values(forecasts), forecasts.y_true, forecasts.y_prob
    assert found["accuracy"] == pytest.approx(0.5333333333333333, abs=1e-12)
    assert found["brier_sum"] == pytest.approx(brier_score_loss(y, p, scale_by_half=False))
    assert found["brier"] == pytest.approx(found["brier_sum"] / 2)
    assert found["log_loss"] == pytest.approx(sklearn_log_loss(y, p))
    assert found["auc"] == pytest.approx(roc_auc_score(y, p, multi_class="ovr"))


def test_a_certain_miss_costs_the_clip_of_double_precision_and_is_counted():
    forecasts = binary_forecasts([1], [0.0])
    assert log_loss(forecasts) == pytest.approx(36.04365338911715, abs=1e-6)
    assert scores(forecasts).conventions["n_clipped"] == 1
    # A float32 upload is judged in double precision too; scikit-learn gives 15.94 there.
    single = binary_forecasts([1], np.array([0.0], dtype=np.float32))
    assert log_loss(single) == pytest.approx(36.04365338911715, abs=1e-6)


def test_murphy_terms_of_d2_with_the_within_bin_terms():
    found = murphy_decomposition(d2(), uniform_edges(10))
    assert found.reliability == pytest.approx(0.010765762475486596, abs=1e-12)
    assert found.resolution == pytest.approx(0.045163596491228065, abs=1e-12)
    assert found.uncertainty == pytest.approx(0.249975, abs=1e-12)
    assert found.within_variance == pytest.approx(0.0008311498902875284, abs=1e-12)
    assert found.within_covariance == pytest.approx(0.0013276608684210539, abs=1e-12)
    whole = found.reliability - found.resolution + found.uncertainty
    assert whole + found.within_variance - found.within_covariance == pytest.approx(
        0.215080655006125, abs=1e-12
    )


def test_one_class_has_a_brier_score_but_no_skill_and_no_auc():
    found = scores(binary_forecasts([0, 0, 0], [0.1, 0.2, 0.3])).estimates
    assert found["brier"].value == pytest.approx((0.01 + 0.04 + 0.09) / 3)
    for key in ("auc", "brier_skill", "log_loss_skill"):
        assert (found[key].value, found[key].reason) == (None, Reason.ONE_CLASS)


def test_a_rounded_base_rate_does_not_turn_one_class_into_a_skill():
    weights = np.full(7, 0.1)
    found = scores(binary_forecasts(np.ones(7), np.full(7, 0.9), weights=weights)).estimates
    assert found["brier_skill"].reason == Reason.ONE_CLASS


def test_no_items_give_no_data():
    for forecasts in (binary_forecasts([], []), class_forecasts([], np.empty((0, 3)))):
        found = scores(forecasts).estimates
        assert {one.reason for one in found.values()} == {Reason.NO_DATA}
        assert brier_score(forecasts) is None
        assert log_loss(forecasts) is None


def test_one_item_has_scores_without_intervals():
    forecasts = binary_forecasts([1], [0.8])
    found = scores(forecasts, draw(1, None, bootstrap())).estimates
    assert found["brier"].value == pytest.approx(0.04)
    assert found["brier"].ci_low is None


def test_ties_count_half_in_the_auc():
    assert auc(binary_forecasts([0, 1, 0, 1], [0.5] * 4)).value == 0.5
    assert auc(binary_forecasts([0, 1, 1], [0.2, 0.2, 0.9])).value == 0.75


def test_a_perfect_auc_has_no_interval_made_of_nothing():
    found = auc(binary_forecasts([0, 0, 1], [0.1, 0.2, 0.9]))
    assert (found.value, found.ci_low) == (1.0, None)


def test_the_standard_error_of_the_auc_is_delongs():
    forecasts = d2()
    up = forecasts.y_prob[forecasts.y_true == 1]
    down = forecasts.y_prob[forecasts.y_true == 0]
    kernel = (up[:, None] > down) + 0.5 * (up[:, None] == down)
    variance = kernel.mean(1).var(ddof=1) / len(up) + kernel.mean(0).var(ddof=1) / len(down)
    # DeLong divides by each class's n - 1, ours by all units' n - 1: half a percent here.
    assert auc(forecasts).se == pytest.approx(np.sqrt(variance), rel=0.01)


def test_a_strictly_monotone_transform_leaves_the_auc():
    forecasts = d1()
    bent = binary_forecasts(forecasts.y_true, forecasts.y_prob**3)
    assert auc(bent).value == pytest.approx(auc(forecasts).value, abs=1e-12)


def test_row_order_does_not_matter():
    forecasts = m1()
    order = np.random.default_rng(1).permutation(forecasts.n)
    assert values(forecasts.rows(order)) == pytest.approx(values(forecasts), abs=1e-12)


def test_renaming_classes_does_not_matter():
    forecasts = m1()
    renamed = class_forecasts((forecasts.y_true + 1) % 3, np.roll(forecasts.y_prob, 1, axis=1))
    assert values(renamed) == pytest.approx(values(forecasts), abs=1e-12)


def test_integer_weights_equal_repetition():
    forecasts = d2()
    times = np.arange(forecasts.n) % 3 + 1
    repeated = forecasts.rows(np.repeat(np.arange(forecasts.n), times))
    weighted = binary_forecasts(forecasts.y_true, forecasts.y_prob, weights=times)
    assert values(weighted) == pytest.approx(values(repeated), abs=1e-12)


def test_a_fractional_outcome_equals_that_share_of_each_outcome():
    half = values(binary_forecasts([0.5, 1, 0], [0.7, 0.6, 0.2], weights=[2, 2, 2]))
    both = values(binary_forecasts([0, 1, 1, 1, 0, 0], [0.7, 0.7, 0.6, 0.6, 0.2, 0.2]))
    for key in ("log_loss", "accuracy", "auc"):
        assert half[key] == pytest.approx(both[key], abs=1e-12)


def test_sums_of_disjoint_items_add():
    forecasts = d1()
    parts = score_sums(forecasts.rows(np.arange(70))) + score_sums(
        forecasts.rows(np.arange(70, 200))
    )
    np.testing.assert_allclose(parts.totals, score_sums(forecasts).totals, atol=1e-9)


def test_the_interval_of_the_brier_score_agrees_with_the_normal_one():
    forecasts = d2()
    found = scores(forecasts, draw(forecasts.n, None, bootstrap())).estimates["brier"]
    each = (forecasts.y_prob - forecasts.y_true) ** 2
    reach = 1.96 * each.std() / np.sqrt(forecasts.n)
    assert found.ci_low == pytest.approx(each.mean() - reach, abs=0.004)
    assert found.ci_high == pytest.approx(each.mean() + reach, abs=0.004)
    assert (found.ci_level, found.ci_method) == (0.95, "bootstrap_items")


def test_repeated_items_of_one_group_widen_the_interval():
    forecasts = d2()
    same = np.repeat(np.arange(forecasts.n), 4)
    copies = forecasts.rows(same)
    alone = scores(copies, draw(copies.n, None, bootstrap())).estimates["brier"]
    grouped = scores(copies, draw(copies.n, same, bootstrap())).estimates["brier"]
    ratio = (grouped.ci_high - grouped.ci_low) / (alone.ci_high - alone.ci_low)
    assert grouped.ci_method == "bootstrap_groups"
    # Four copies carry the information of one: the interval is twice as wide.
    assert ratio == pytest.approx(2, abs=0.25)


def test_clusters_widen_the_interval_of_the_auc():
    forecasts = d2()
    same = np.repeat(np.arange(forecasts.n), 4)
    y, p = forecasts.y_true[same], forecasts.y_prob[same]
    grouped = auc(binary_forecasts(y, p, clusters=same))
    assert grouped.se == pytest.approx(auc(forecasts).se, rel=1e-9)


def test_many_items_are_resampled_in_random_groups_with_the_same_width():
    rng = np.random.default_rng(5)
    p = rng.random(8000)
    forecasts = binary_forecasts(rng.random(8000) < p, p)
    found = scores(forecasts, draw(8000, None, bootstrap())).estimates["brier"]
    reach = 1.96 * ((p - forecasts.y_true) ** 2).std() / np.sqrt(8000)
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(reach, rel=0.1)


def test_the_same_seed_gives_the_same_interval():
    forecasts = d1()
    first, second = (
        scores(forecasts, draw(forecasts.n, None, bootstrap(7))).as_dict() for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("y_true", "y_prob", "options", "message"),
    [
        ([0, 1], [0.5, 1.2], {}, r"1 of 2 do not, first 1\.2 at position 1"),
        ([0, 1], [0.5, float("nan")], {}, "first nan at position 1"),
        ([0, 2], [0.5, 0.5], {}, r"y_true must lie in \[0, 1\]"),
        ([0, 1], [0.5], {}, "y_prob has 1 rows and y_true 2"),
        ([0, 1], [[0.5, 0.5]], {}, "one-dimensional"),
        ([0, 1], [0.5, 0.5], {"weights": [1, 0]}, r"first 0\.0 at position 1"),
        ([0, 1], [0.5, 0.5], {"clusters": [1]}, "clusters has 1 rows"),
    ],
)
def test_wrong_binary_input_is_refused_in_words(y_true, y_prob, options, message):
    with pytest.raises(ValueError, match=message):
        binary_forecasts(y_true, y_prob, **options)


@pytest.mark.parametrize(
    ("y_true", "y_prob", "message"),
    [
        ([0, 3], [[0.5, 0.5], [0.5, 0.5]], r"class indices 0\.\.1; 1 of 2"),
        ([0, 0.5], [[0.5, 0.5], [0.5, 0.5]], r"first 0\.5 at position 1"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.6]], r"first 1\.1 at position 1"),
        ([0, 1], [0.5, 0.5], "at least two columns"),
    ],
)
def test_wrong_class_input_is_refused_in_words(y_true, y_prob, message):
    with pytest.raises(ValueError, match=message):
        class_forecasts(y_true, y_prob)


def test_rows_that_sum_to_nearly_one_are_renormalised_and_counted():
    forecasts = class_forecasts([0, 1], [[0.5, 0.5005], [0.5, 0.5]])
    assert forecasts.n_renormalised == 1
    np.testing.assert_allclose(forecasts.y_prob.sum(axis=1), 1)
