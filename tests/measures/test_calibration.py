"""Calibration errors, CORP, curve and tests against published and second-library values."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve as sklearn_curve

from measures.calibration.bin_errors import (
    debiased_squared_error,
    expected_calibration_error,
    expected_ece_if_calibrated,
    maximum_calibration_error,
)
from measures.calibration.binning import (
    bin_sums,
    cube_root_bins,
    joined_edges,
    quantile_edges,
    uniform_edges,
)
from measures.calibration.class_ece import classwise_ece, toplabel_ece
from measures.calibration.corp import corp_curve, corp_decomposition, isotonic_gaps, pooled
from measures.calibration.curve import calibration_curve
from measures.calibration.ece import calibration_errors, null_ece
from measures.calibration.forecasts import binary_forecasts
from measures.calibration.report import calibration_report
from measures.calibration.resampling import draw
from measures.calibration.second_opinion import second_opinion
from measures.calibration.significance import (
    brownian_range_cdf,
    cox_calibration,
    detectable_error,
    hosmer_lemeshow,
    kuiper,
    spiegelhalter,
)
from measures.calibration.smooth import smooth_ece, smooth_ece_at
from measures.estimates import Reason
from tests.measures.forecast_cases import bootstrap, column, d1, d2, m1, shared_rows


def ece(forecasts, n_bins=10):
    return float(expected_calibration_error(bin_sums(forecasts, uniform_edges(n_bins))))


def test_the_sequences_are_those_of_the_printed_cases():
    assert d1().y_prob.sum() == pytest.approx(100.483177, abs=1e-9)
    assert d1().y_prob[:5].tolist() == [0.618034, 0.236068, 0.854102, 0.472136, 0.09017]
    assert d1().y_true[:5].tolist() == [0, 0, 1, 1, 0]
    assert (d1().y_true.sum(), d2().y_true.sum()) == (80, 101)
    assert d2().y_true[:10].tolist() == [0, 0, 1, 1, 0, 1, 1, 1, 0, 0]
    assert np.bincount(m1().y_true).tolist() == [51, 50, 49]
    assert m1().y_true[:5].tolist() == [2, 1, 0, 0, 0]
    assert m1().y_prob[0].tolist() == pytest.approx([0.265387, 0.526055, 0.208558], abs=1e-12)


def test_the_curve_of_scikit_learns_docstring():
    y, p = [0, 0, 0, 0, 1, 1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0]
    bins = calibration_curve(binary_forecasts(y, p), n_bins=3)
    assert [one.observed.value for one in bins] == [0.0, 0.5, 1.0]
    assert [one.mean_predicted for one in bins] == pytest.approx([0.2, 0.525, 0.85], abs=1e-12)
    assert [one.n for one in bins] == [3, 2, 4]


def test_probabilities_on_the_edges_fall_in_the_bin_below():
    # scikit-learn and uncertainty-calibration agree; netcal and relplot, closed on the left,
    # give 0.3545 on the same data.
    p = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    y = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert ece(binary_forecasts(y, p), 5) == pytest.approx(0.22727272727272727, abs=1e-12)


def test_certainty_falls_in_the_last_bin():
    forecasts = binary_forecasts([1, 0], [0.95, 1.0])
    sums = bin_sums(forecasts, uniform_edges(10))
    assert expected_calibration_error(sums) == pytest.approx(0.475, abs=1e-12)
    assert maximum_calibration_error(sums) == pytest.approx(0.475, abs=1e-12)


def test_one_item_has_an_ece():
    assert ece(binary_forecasts([1], [0.3])) == pytest.approx(0.7, abs=1e-12)


@pytest.mark.parametrize(
    ("forecasts", "expected"),
    [
        (
            d1(),
            {
                "uniform_10": 0.10241588500000001,
                "uniform_15": 0.11305619500000003,
                "quantile_10": 0.10241588500000001,
                "rms_10": 0.110536872007629,
                "mce_10": 0.19848390000000002,
                "mean_bin_10": 0.10221086191729326,
                "debiased_squared_10": 0.004217146940398878,
            },
        ),
        (
            d2(),
            {
                "uniform_10": 0.07935493500000002,
                "uniform_15": 0.09660240499999999,
                "quantile_10": 0.07512248500000002,
                "rms_10": 0.10375819232950523,
                "mce_10": 0.1834803333333333,
                "mean_bin_10": 0.07889494211779449,
                "debiased_squared_10": 2.7458381919343543e-05,
            },
        ),
    ],
    ids=["all too high", "over-confident"],
)
def test_binned_errors_equal_netcal_and_uncertainty_calibration(forecasts, expected):
    found = calibration_errors(forecasts, bootstrap(n_resamples=50)).errors
    assert {key: found[key].value for key in expected} == pytest.approx(expected, abs=1e-9)


def test_the_smooth_error_of_d1():
    # Exact kernel sum over image terms; relplot 1.0.3 gives 0.102188 by a coarse search.
    assert smooth_ece(d1()) == pytest.approx(0.10241568326950073, abs=1e-5)
    assert smooth_ece_at(d1(), 0.1) == pytest.approx(0.10241588500000001, abs=1e-5)


def test_the_smooth_error_equals_a_direct_kernel_sum():
    forecasts, sigma = d2(), 0.07
    at = (np.arange(2001) + 0.5) / 2001
    images = [forecasts.y_prob + 2 * k for k in (-1, 0, 1)]
    images += [-forecasts.y_prob + 2 * k for k in (-1, 0, 1)]
    density = sum(np.exp(-0.5 * ((at[:, None] - x) / sigma) ** 2) for x in images)
    density /= sigma * np.sqrt(2 * np.pi)
    residual = density @ (forecasts.y_true - forecasts.y_prob) / forecasts.n
    assert smooth_ece_at(forecasts, sigma) == pytest.approx(np.abs(residual).mean(), abs=1e-5)


def test_the_four_notions_of_three_classes_differ():
    forecasts = m1()
    assert ece(forecasts.confidence()) == pytest.approx(0.15171803333333328, abs=1e-9)
    assert classwise_ece(forecasts, n_bins=10).value == pytest.approx(0.139955884444, abs=1e-9)
    assert toplabel_ece(forecasts).value == pytest.approx(0.18384540666666668, abs=1e-9)
    by_class = toplabel_ece(forecasts, average="classes").value
    assert by_class == pytest.approx(0.18306990515436947, abs=1e-9)


def test_the_notion_is_named_and_what_does_not_apply_says_so():
    found = calibration_errors(d1(), bootstrap(n_resamples=20))
    assert found.notion == "positive"
    assert found.errors["classwise_15"].reason == Reason.NOT_APPLICABLE
    assert calibration_errors(m1(), bootstrap(n_resamples=20)).notion == "confidence"


@pytest.mark.parametrize(
    ("forecasts", "score", "mcb", "dsc", "unc", "whole"),
    [
        (d1(), "brier", 0.01976622167675285, 0.09531768667062784, 0.24, 0.164448535006125),
        (d1(), "log", 0.06354748081328498, 0.24421801790855996, 0.6730116670092563, 0.49234112991),
        (d2(), "brier", 0.016056875637918355, 0.050951220631793304, 0.249975, 0.215080655006125),
        (d2(), "log", 0.05166599952622131, 0.1230192634679752, 0.6930971797265787, 0.62174391578),
    ],
)
def test_corp_terms_equal_model_diagnostics(forecasts, score, mcb, dsc, unc, whole):
    found = corp_decomposition(forecasts, score=score)
    assert (found.mcb, found.dsc, found.unc) == pytest.approx((mcb, dsc, unc), abs=1e-9)
    assert found.score == pytest.approx(whole, abs=1e-9)


def test_a_lower_brier_score_is_not_better_calibration():
    """The point of scikit-learn's discussion 10883, on three items a model."""
    honest = binary_forecasts([0, 1, 1], [0.5, 0.5, 1.0])
    sharp = binary_forecasts([0, 1, 1], [0.5, 1.0, 1.0])
    assert corp_decomposition(honest).mcb == pytest.approx(0, abs=1e-12)
    assert corp_decomposition(sharp).score < corp_decomposition(honest).score
    assert corp_decomposition(sharp).mcb == pytest.approx(0.25 / 3, abs=1e-12)


def test_isotonic_gaps_of_d2():
    assert isotonic_gaps(pooled(d2())) == pytest.approx(
        {
            "ici_isotonic": 0.07534297101275916,
            "e50_isotonic": 0.05883542105263159,
            "e90_isotonic": 0.16488103636363635,
            "emax_isotonic": 0.19556633333333331,
        },
        abs=1e-9,
    )


def test_cox_of_d1_equals_statsmodels_and_pycaleva():
    found = cox_calibration(d1())
    assert found.test.value == pytest.approx(13.256698175933735, abs=1e-6)
    assert found.test.p_value == pytest.approx(0.0013223443591945533, abs=1e-9)
    assert found.slope.value == pytest.approx(1.1298514905498434, abs=1e-6)
    assert found.slope.se == pytest.approx(0.16995002050211339, abs=1e-6)
    assert found.intercept.value == pytest.approx(-0.6620430032269491, abs=1e-6)
    assert found.in_the_large.value == pytest.approx(-0.6206861183217341, abs=1e-6)
    assert found.in_the_large.se == pytest.approx(0.1762940582474061, abs=1e-6)
    assert found.observed_expected.value == pytest.approx(0.7961531709929913, abs=1e-9)
    assert (found.method, found.df) == ("likelihood_ratio", 2)


def test_cox_of_d2_equals_pycaleva():
    found = cox_calibration(d2())
    assert found.test.value == pytest.approx(10.7923449821, abs=1e-6)
    assert found.test.p_value == pytest.approx(0.0045339015, abs=1e-9)


def test_spiegelhalter_of_d1_is_two_sided():
    found = spiegelhalter(d1())
    assert found.value == pytest.approx(-0.2018824355799333, abs=1e-9)
    assert found.p_value == pytest.approx(0.8400086337323746, abs=1e-9)


def test_an_under_confident_model_is_seen_by_spiegelhalter():
    """MAPIE's one-sided p-value is 1 here."""
    p = np.repeat([0.4, 0.6], 100)
    found = spiegelhalter(binary_forecasts(p > 0.5, p))
    assert found.value < -5
    assert found.p_value < 1e-6


def test_coin_flips_stated_as_such_leave_spiegelhalter_without_variation():
    found = spiegelhalter(binary_forecasts([0, 1, 1, 1], [0.5] * 4))
    assert (found.value, found.p_value, found.reason) == (None, None, Reason.NO_VARIATION)


def test_kuiper_of_d1_equals_mcgrad():
    found = kuiper(d1())
    assert found.value == pytest.approx(0.10511957999999996, abs=1e-9)
    assert found.value / found.se == pytest.approx(3.6372507579855022, abs=1e-7)
    assert found.p_value == pytest.approx(0.0011022545152785668, abs=1e-9)


def test_ties_sorted_by_outcome_do_not_fool_kuiper():
    """Cumulated row by row, half and half at p = 0.5 gives a p-value of 2e-16."""
    y = np.repeat([0, 1], 500)
    assert kuiper(binary_forecasts(y, np.full(1000, 0.5))).p_value == pytest.approx(1)


def test_the_range_of_brownian_motion():
    x = np.array([1.0, 1.5, 2.0, 2.5, 3.0])
    expected = [0.06336458792, 0.48705924577, 0.81850566061, 0.95032726382, 0.98920083153]
    np.testing.assert_allclose(brownian_range_cdf(x), expected, atol=1e-9)
    np.testing.assert_allclose(brownian_range_cdf(np.array([0.0, 30.0])), [0, 1], atol=1e-9)


def test_hosmer_lemeshow_of_d1():
    external, internal = hosmer_lemeshow(d1())
    assert external.value == internal.value == pytest.approx(13.833691943051832, abs=1e-9)
    assert external.p_value == pytest.approx(0.18071348570527898, abs=1e-9)
    assert internal.p_value == pytest.approx(0.086204491932006, abs=1e-9)


def test_no_single_test_sees_every_departure():
    """Shifted probabilities escape Spiegelhalter, bold ones escape Kuiper; Cox sees both."""
    assert spiegelhalter(d1()).p_value > 0.5 > 0.01 > kuiper(d1()).p_value
    assert spiegelhalter(d2()).p_value == pytest.approx(0.0002, abs=1e-4)
    assert kuiper(d2()).p_value == pytest.approx(0.41, abs=0.005)
    assert max(cox_calibration(d1()).test.p_value, cox_calibration(d2()).test.p_value) < 0.01


def test_the_miscalibration_test_of_d1():
    found = corp_curve(d1(), bootstrap(), n_draws=4000)
    assert found.mcb_test.value == pytest.approx(0.01976622167675285, abs=1e-9)
    # 4,000 draws leave a standard error of 0.004 on the p-value and 0.0001 on the mean.
    assert found.mcb_test.p_value == pytest.approx(0.07448137965508622, abs=0.012)
    assert found.mcb_expected_if_calibrated.value == pytest.approx(0.0151427556, abs=0.0005)


def null_of(forecasts, drawn):
    ten = uniform_edges(10)
    return null_ece(forecasts, bin_sums(forecasts, ten), {"ten": ten}, drawn)["ten"]


def test_the_expected_ece_of_d2_if_it_were_calibrated():
    sums = bin_sums(d2(), uniform_edges(10))
    assert expected_ece_if_calibrated(sums) == pytest.approx(0.07055322828073343, abs=1e-9)
    found = null_of(d2(), bootstrap(n_resamples=4000, level=0.9))
    assert found.value == pytest.approx(0.0698441236575, abs=0.001)
    assert found.ci_high == pytest.approx(0.10101979449999998, abs=0.003)
    assert found.p_value == pytest.approx(0.28517870532366907, abs=0.025)


def test_the_two_ways_to_the_null_agree_where_they_meet():
    rng = np.random.default_rng(3)
    p = rng.random(1001)
    forecasts = binary_forecasts(rng.random(1001) < p, p)
    drawn = null_of(forecasts.rows(np.arange(1000)), bootstrap())
    normal = null_of(forecasts, bootstrap())
    assert (drawn.ci_method, normal.ci_method) == ("null_bernoulli", "null_normal")
    assert drawn.value == pytest.approx(normal.value, rel=0.05)
    assert drawn.ci_high == pytest.approx(normal.ci_high, rel=0.1)


def test_the_detectable_error_of_d2():
    found = detectable_error(d2())
    assert found.sigma == pytest.approx(0.028900833897473877, abs=1e-12)
    assert found.five_sigma == pytest.approx(0.1445041694873694, abs=1e-12)
    # (1.959964 + 0.841621)^2 sigma^2 / 0.05^2, times the 200 items at hand.
    assert found.n_for_target == 525


def test_the_number_of_bins_grows_with_the_cube_root():
    n = [1, 2, 8, 9, 27, 100, 200, 1000, 5000, 100000]
    assert [cube_root_bins(one) for one in n] == [1, 2, 2, 3, 3, 5, 6, 10, 18, 47]


def test_quantile_bins_equal_scikit_learns_also_with_ties():
    rng = np.random.default_rng(0)
    p = np.round(rng.random(300), 1)
    forecasts = binary_forecasts(rng.random(300) < p, p)
    ours = calibration_curve(forecasts, strategy="quantile")
    observed, stated = sklearn_curve(forecasts.y_true, p, n_bins=10, strategy="quantile")
    there = [one for one in ours if one.n]
    np.testing.assert_allclose([one.observed.value for one in there], observed)
    np.testing.assert_allclose([one.mean_predicted for one in there], stated)


def test_one_probability_for_all_is_one_quantile_bin():
    forecasts = binary_forecasts([0, 1, 1], [0.4] * 3)
    assert float(
        expected_calibration_error(bin_sums(forecasts, quantile_edges(forecasts.y_prob, 10)))
    ) == pytest.approx(2 / 3 - 0.4)


def test_fine_sums_merge_to_coarse_ones():
    forecasts = d2()
    fine = bin_sums(forecasts, joined_edges(uniform_edges(10), uniform_edges(15)))
    for n_bins in (10, 15):
        edges = uniform_edges(n_bins)
        np.testing.assert_allclose(
            fine.merged(edges).totals, bin_sums(forecasts, edges).totals, atol=1e-9
        )


def test_bins_that_do_not_nest_are_refused():
    with pytest.raises(ValueError, match="cut through a bin"):
        bin_sums(d1(), uniform_edges(10)).merged(uniform_edges(7))
    with pytest.raises(ValueError, match="different bins"):
        bin_sums(d1(), uniform_edges(10)) + bin_sums(d1(), uniform_edges(15))


def test_an_empty_bin_of_the_curve_has_no_data():
    empty = calibration_curve(binary_forecasts([1], [0.95]))[0]
    assert (empty.n, empty.mean_predicted) == (0, None)
    assert empty.observed.reason == Reason.NO_DATA


def test_few_outcomes_of_one_class_give_no_slope():
    few = cox_calibration(binary_forecasts([1] * 4 + [0] * 50, np.linspace(0.9, 0.1, 54)))
    none = cox_calibration(binary_forecasts([0] * 50, np.linspace(0.9, 0.1, 50)))
    assert few.slope.reason == few.test.reason == Reason.TOO_FEW_ITEMS
    assert none.slope.reason == none.test.reason == Reason.ONE_CLASS


def test_separated_classes_have_no_slope_but_a_test():
    y = np.repeat([0, 1], 20)
    found = cox_calibration(binary_forecasts(y, np.linspace(0.3, 0.7, 40)))
    assert found.slope.reason == Reason.NOT_APPLICABLE
    assert found.test.p_value < 1e-4


@pytest.mark.parametrize("weights", [None, np.resize([2.0, 0.5, 1.0], 60)])
def test_outcomes_all_alike_from_some_probability_on_have_no_slope_either(weights):
    """Of 40 items at 5 % every third is one, of 20 at 95 % all are: the steeper the better."""
    y, p = (
        np.where(np.arange(60) < 40, np.arange(60) % 3 == 0, 1),
        np.repeat([0.05, 0.95], [40, 20]),
    )
    found = cox_calibration(binary_forecasts(y, p, weights=weights))
    assert found.slope.reason == found.intercept.reason == Reason.NOT_APPLICABLE
    assert found.in_the_large.value is not None
    assert found.test.value is None if weights is not None else found.test.p_value < 1e-6


def test_equal_probabilities_are_tested_with_one_degree_of_freedom():
    found = cox_calibration(binary_forecasts(np.arange(100) % 2, np.full(100, 0.3)))
    assert found.df == 1
    assert found.slope.reason == Reason.NO_VARIATION
    deviance = 2 * 50 * (np.log(0.5 / 0.3) + np.log(0.5 / 0.7))
    assert found.test.value == pytest.approx(deviance, abs=1e-6)


def test_copies_in_one_group_do_not_make_the_test_surer():
    forecasts = d2()
    same = np.repeat(np.arange(forecasts.n), 4)
    copies = binary_forecasts(forecasts.y_true[same], forecasts.y_prob[same], clusters=same)
    alone = binary_forecasts(forecasts.y_true, forecasts.y_prob, clusters=np.arange(forecasts.n))
    found, once = cox_calibration(copies), cox_calibration(alone)
    assert found.method == "wald_robust"
    assert found.test.p_value == pytest.approx(once.test.p_value, rel=1e-6)


def test_the_report_has_the_keys_of_the_rest_contract_and_is_json():
    answer = calibration_report(d1(), bootstrap(n_resamples=100)).as_dict()
    assert {"scores", "ece", "curve", "tests", "murphy", "other_libraries"} <= answer.keys()
    assert {"brier", "brier_sum", "log_loss", "accuracy", "auc", "mcb", "dsc", "unc"} <= answer[
        "scores"
    ].keys()
    assert {"uniform_10", "uniform_15", "quantile_10", "classwise_15"} <= answer["ece"].keys()
    promised = {"low", "high", "n", "mean_predicted", "observed"}
    assert answer["curve"]["bins"][0].keys() == promised | {"n_effective"}
    assert answer["curve"]["corp"][0].keys() == {"p_low", "p_high", "calibrated", "n"}


def test_scikit_learn_agrees_with_the_headline_numbers():
    found = second_opinion(d1())
    assert {one["coefficient"] for one in found} == {
        "brier",
        "log_loss",
        "accuracy",
        "auc",
        "uniform_10",
    }
    assert all(abs(one["difference"]) < 1e-12 for one in found)


def test_a_probability_just_above_an_edge_has_a_second_opinion():
    # 0.7 / (0.7 + 0.2 + 0.1) is 0.7000000000000001: above our edge, below scikit-learn's.
    p = np.array([0.6, 0.7 / (0.7 + 0.2 + 0.1), 0.8])
    found = second_opinion(binary_forecasts([0, 1, 1], p))
    assert {one["coefficient"] for one in found} >= {"brier", "uniform_10"}


def test_nothing_at_all_gives_a_report_of_reasons():
    answer = calibration_report(binary_forecasts([], []), bootstrap(n_resamples=10)).as_dict()
    assert answer["scores"]["brier"]["reason"] == "no_data"
    assert answer["ece"]["uniform_10"]["reason"] == "no_data"
    assert answer["tests"]["cox"]["slope"]["reason"] == "no_data"
    assert answer["curve"]["corp"] == []


def test_an_interval_of_the_ece_holds_the_ece():
    forecasts = d1()
    errors = calibration_errors(forecasts, bootstrap(), draw(200, None, bootstrap())).errors
    for key in ("uniform_10", "uniform_15", "quantile_10", "rms_10", "debiased_squared_10"):
        assert errors[key].ci_low < errors[key].value < errors[key].ci_high
        assert errors[key].ci_method == "bootstrap_items_centred"


def test_the_debiased_error_is_unbiased_where_the_plain_one_is_not():
    rng = np.random.default_rng(2)
    plain, debiased = [], []
    for _ in range(400):
        p = rng.random(60)
        sums = bin_sums(binary_forecasts(rng.random(60) < p, p), uniform_edges(5))
        plain.append(float(expected_calibration_error(sums)))
        debiased.append(float(debiased_squared_error(sums)))
    assert np.mean(plain) > 0.05
    # Four standard errors of the mean.
    assert abs(np.mean(debiased)) < 4 * np.std(debiased) / 20


def niamey():
    return shared_rows("fcst_niamey2016", "precip_niamey_2016.csv")


@pytest.mark.parametrize(
    ("method", "score", "mcb", "dsc"),
    [
        ("Logistic", 0.2057461718863881, 0.017076057358150015, 0.0555406605190209),
        ("EMOS", 0.23202517936819927, 0.018282943343354563, 0.03046853902241428),
        ("ENS", 0.2661676742989452, 0.06607222827958617, 0.04411532902789994),
        ("EPC", 0.23428175541280358, 0.02234974738105125, 0.032278767015506665),
    ],
)
def test_corp_of_the_niamey_rain_forecasts(method, score, mcb, dsc):
    """Vogel et al. (2021); the R package's page prints EMOS 0.232, 0.0183, 0.0305, 0.244."""
    rows = niamey()
    found = corp_decomposition(binary_forecasts(column(rows, "obs"), column(rows, method)))
    assert found.score == pytest.approx(score, abs=1e-6)
    assert (found.mcb, found.dsc) == pytest.approx((mcb, dsc), abs=1e-6)
    assert found.unc == pytest.approx(0.244210775047259, abs=1e-6)
