"""Performance without outcomes, against NannyML's functions and against later outcomes."""

import numpy as np
import pytest

from measures.calibration.expected_performance import KEYS, expected_performance
from measures.calibration.forecasts import binary_forecasts
from measures.estimates import Reason
from measures.scores import scores
from tests.measures.forecast_cases import bootstrap


def test_five_items_equal_nannyml():
    found = expected_performance([0.9, 0.8, 0.3, 0.2, 0.6], bootstrap(), y_pred=[1, 1, 0, 0, 1])
    expected = {
        "accuracy": 0.76,
        "precision": 0.7666666666666667,
        "recall": 0.8214285714285714,
        "f1": 0.7931034482758621,
        "specificity": 0.6818181818181818,
        "auc": 0.8084415584415585,
    }
    assert {key: found[key].value for key in expected} == pytest.approx(expected, abs=1e-9)


def test_calibrated_probabilities_foretell_the_scores():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 2, 20000)
    later = scores(binary_forecasts(rng.random(20000) < p, p)).estimates
    promised = expected_performance(p, bootstrap())
    for key in ("accuracy", "auc", "brier", "log_loss"):
        assert promised[key].value == pytest.approx(later[key].value, abs=0.015)


def test_weights_carry_the_promise_to_another_population():
    p = np.array([0.9, 0.6])
    found = expected_performance(p, bootstrap(), weights=[1, 3])
    assert found["accuracy"].value == pytest.approx((0.9 + 3 * 0.6) / 4)


def test_ratios_of_nothing_and_no_items_have_reasons():
    never = expected_performance([0.1, 0.2], bootstrap())
    assert never["precision"].reason == Reason.ONE_CLASS
    assert never["accuracy"].value == pytest.approx(0.85)
    assert {expected_performance([], bootstrap())[key].reason for key in KEYS} == {Reason.NO_DATA}


def test_decisions_that_are_neither_yes_nor_no_are_refused():
    with pytest.raises(ValueError, match="0 or 1 for each of the 2 items"):
        expected_performance([0.1, 0.2], bootstrap(), y_pred=[1, 2])
