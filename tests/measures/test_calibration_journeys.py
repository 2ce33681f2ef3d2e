"""Real forecasts from the shared folder; figures computed there with other libraries."""

import numpy as np
import pytest

from measures.calibration.class_ece import classwise_ece
from measures.calibration.ece import calibration_errors
from measures.calibration.forecasts import binary_forecasts, class_forecasts
from measures.calibration.report import calibration_report
from measures.calibration.resampling import draw
from measures.calibration.second_opinion import second_opinion
from measures.calibration.subgroups import subgroup_calibration
from measures.estimates import Reason
from measures.scores import scores
from tests.measures.forecast_cases import bootstrap, column, shared_rows


def figures(forecasts):
    few = bootstrap(n_resamples=2)
    found = scores(forecasts).estimates | calibration_errors(forecasts, few).errors
    return {key: one.value for key, one in found.items()}


def agree(forecasts, expected, tolerance=6e-7):
    found = figures(forecasts)
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=tolerance)


def games(name):
    rows = shared_rows(name, "forecasts.csv")
    return column(rows, "prob1"), column(rows, "prob1_outcome")


def test_nfl_games_without_ties():
    p, y = games("fcst_538_nfl_games")
    played = y != 0.5
    assert played.sum() == 1882
    agree(
        binary_forecasts(y[played], p[played]),
        {
            "brier": 0.220826,
            "brier_skill": 0.108722,
            "log_loss": 0.631516,
            "auc": 0.691782,
            "uniform_10": 0.032302,
            "mce_10": 0.070229,
            "quantile_10": 0.029562,
            "uniform_15": 0.032595,
            "mce_15": 0.289288,
            "mcb": 0.003846,
            "dsc": 0.030783,
            "unc": 0.247764,
        },
    )


def test_nfl_ties_stay_halves():
    p, y = games("fcst_538_nfl_games")
    forecasts = binary_forecasts(y, p)
    found = scores(forecasts)
    assert (forecasts.n, found.conventions["n_fractional"]) == (1889, 7)
    assert found.estimates["brier"].value == pytest.approx(float(np.mean((p - y) ** 2)))


def test_the_ece_of_the_nfl_depends_on_the_view():
    p, y = games("fcst_538_nfl_games")
    p, y = p[y != 0.5], y[y != 0.5]
    both = binary_forecasts(np.concatenate([y, 1 - y]), np.concatenate([p, 1 - p]))
    agree(both, {"uniform_10": 0.021712, "mcb": 0.00225, "auc": 0.696757})


def test_nba_games_are_stated_too_high_for_the_home_team():
    p, y = games("fcst_538_nba_games")
    forecasts = binary_forecasts(y, p)
    agree(
        forecasts,
        {
            "brier": 0.214654,
            "brier_skill": 0.123364,
            "log_loss": 0.619093,
            "auc": 0.711303,
            "uniform_10": 0.048352,
            "quantile_10": 0.047463,
            "uniform_15": 0.049189,
            "mce_15": 0.450115,
            "mcb": 0.004077,
            "dsc": 0.034284,
        },
    )
    cox = calibration_report(forecasts, bootstrap(n_resamples=200)).tests.cox
    assert cox.in_the_large.ci_high < 0
    assert cox.test.p_value < 1e-12


def test_world_cup_with_three_outcomes():
    rows = shared_rows("fcst_538_world_cup_matches_men", "forecasts.csv")
    p = np.stack([column(rows, name) for name in ("prob1", "probtie", "prob2")], axis=1)
    y = np.stack(
        [column(rows, f"{name}_outcome") for name in ("prob1", "probtie", "prob2")], axis=1
    ).argmax(axis=1)
    forecasts = class_forecasts(y, p)
    agree(
        forecasts,
        {
            "brier_sum": 0.537532,
            "log_loss": 0.899169,
            "accuracy": 0.602273,
            "uniform_10": 0.073926,
        },
    )
    by_class = np.mean([0.075265, 0.050684, 0.082949])
    assert classwise_ece(forecasts, n_bins=10).value == pytest.approx(by_class, abs=1e-6)
    found = scores(forecasts, draw(176, None, bootstrap())).estimates["accuracy"]
    assert found.ci_high - found.ci_low > 0.12


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("EMOS", {"brier": 0.232025, "uniform_10": 0.06996, "mce_10": 0.770624}),
        ("ENS", {"brier": 0.266168, "uniform_10": 0.237876, "mce_15": 0.573077}),
        ("EPC", {"brier": 0.234282, "uniform_15": 0.06101, "auc": 0.628689}),
    ],
)
def test_niamey_rain(method, expected):
    # The folder's quantile figures cut the sorted rows into equal counts, which parts equal
    # probabilities; ours never does, so they are not compared here.
    rows = shared_rows("fcst_niamey2016", "precip_niamey_2016.csv")
    agree(binary_forecasts(column(rows, "obs"), column(rows, method)), expected)


def test_niamey_ensemble_states_certainties_that_fail():
    rows = shared_rows("fcst_niamey2016", "precip_niamey_2016.csv")
    forecasts = binary_forecasts(column(rows, "obs"), column(rows, "ENS"))
    found = scores(forecasts)
    missed = ((forecasts.y_prob == 1) & (forecasts.y_true == 0)).sum()
    missed += ((forecasts.y_prob == 0) & (forecasts.y_true == 1)).sum()
    assert found.conventions["n_clipped"] == missed > 0
    assert found.estimates["log_loss"].value < 36.05


def test_two_classes_of_modeldata():
    rows = shared_rows("pred_two_class_example", "predictions.csv")
    y = np.array([row["truth"] == "Class1" for row in rows], dtype=float)
    agree(
        binary_forecasts(y, column(rows, "Class1")),
        {
            "brier": 0.105619,
            "brier_skill": 0.577093,
            "log_loss": 0.32831,
            "auc": 0.939314,
            "accuracy": 0.838,
            "uniform_10": 0.061663,
            "mce_10": 0.376649,
            "quantile_10": 0.052825,
            "uniform_15": 0.064699,
            "mcb": 0.013302,
            "dsc": 0.157427,
            "unc": 0.249744,
        },
    )
    # relplot's coarse search for the width gives 0.060220.
    found = figures(binary_forecasts(y, column(rows, "Class1")))
    assert found["smooth"] == pytest.approx(0.060220, abs=2e-3)


def cifar():
    rows = shared_rows("pred_cifar10_vgg", "predictions.csv")
    p = np.stack([column(rows, f"p{k}") for k in range(10)], axis=1)
    return class_forecasts(column(rows, "label"), p)


def test_cifar_vgg_with_ten_classes():
    agree(
        cifar(),
        {
            "accuracy": 0.9359,
            "brier_sum": 0.105446,
            "brier": 0.052723,
            "log_loss": 0.257065,
            "uniform_10": 0.039907,
            "uniform_15": 0.03978,
            "quantile_10": 0.03971,
            "classwise_15": 0.008837,
            "mce_15": 0.285686,
            "rms_15": 0.06528,
        },
    )


def test_cifar_vgg_is_over_confident_beyond_chance_and_the_second_opinion_agrees():
    found = calibration_report(cifar(), bootstrap())
    assert found.tests.cox.slope.ci_high < 1
    null = found.ece.expected_if_calibrated["uniform_15"]
    assert found.ece.errors["uniform_15"].ci_low > null.ci_high
    assert null.p_value == pytest.approx(1 / 1001)
    opinions = second_opinion(cifar())
    assert len(opinions) == 5
    assert all(abs(one["difference"]) < 1e-9 for one in opinions)


MASSACHUSETTS = {
    "SEX": {
        1: (33094, 0.846317, 0.92039, 0.110604, 0.011456),
        2: (35691, 0.809392, 0.883378, 0.134288, 0.007408),
    },
    "RAC1P": {
        1: (56119, 0.828703, 0.903495, 0.122506, 0.007393),
        2: (4134, 0.832124, 0.904209, 0.120792, 0.016602),
        3: (71, 0.802817, 0.885522, 0.134163, 0.09593),
        6: (4273, 0.803651, 0.890546, 0.132115, 0.011382),
        7: (22, 0.772727, 0.91453, 0.140496, 0.15716),
        8: (2271, 0.804491, 0.883287, 0.135009, 0.030358),
        9: (1837, 0.853566, 0.929686, 0.102271, 0.025333),
    },
    "DIS": {
        1: (9330, 0.845659, 0.834533, 0.111287, 0.01568),
        2: (59455, 0.824254, 0.894608, 0.124714, 0.007286),
    },
}


@pytest.fixture(scope="module")
def employment():
    rows = shared_rows("pred_nannyml_ma_employment", "predictions_2015.csv.gz")
    forecasts = binary_forecasts(column(rows, "employed"), column(rows, "predicted_probability"))
    return forecasts, {name: column(rows, name) for name in ("SEX", "RAC1P", "DIS", "AGEP")}


def test_massachusetts_employment_overall(employment):
    forecasts, _ = employment
    expected = {"accuracy": 0.827157, "auc": 0.903361, "brier": 0.122893, "uniform_10": 0.006176}
    agree(forecasts, expected)


@pytest.mark.parametrize("attribute", list(MASSACHUSETTS))
def test_massachusetts_employment_by_subgroup(employment, attribute):
    forecasts, columns = employment
    found = subgroup_calibration(forecasts, columns[attribute], bootstrap(n_resamples=20))
    for code, expected in MASSACHUSETTS[attribute].items():
        one = found[code]
        values = [one.scores.estimates[key].value for key in ("accuracy", "auc", "brier")]
        values.append(one.ece.errors["uniform_10"].value)
        assert (one.n, *values) == pytest.approx(expected, abs=1e-6)


def test_massachusetts_subgroups_that_cannot_be_judged_say_so(employment):
    forecasts, columns = employment
    few = bootstrap(n_resamples=20)
    single = subgroup_calibration(forecasts, columns["RAC1P"], few)[4]
    assert (single.n, single.scores.estimates["brier"].reason) == (1, Reason.TOO_FEW_ITEMS)
    child = subgroup_calibration(forecasts, np.where(columns["AGEP"] < 16, 0, -1), few)[0]
    assert child.n == 11047
    assert child.scores.estimates["auc"].reason == Reason.ONE_CLASS
    assert child.scores.estimates["accuracy"].value == 1.0
    assert child.ece.errors["uniform_10"].value == pytest.approx(0.000137, abs=1e-6)
