"""Selective answering against torch-uncertainty's printed example and direct sums."""

import numpy as np
import pytest

from measures.calibration.resampling import draw
from measures.estimates import Reason
from measures.risk_coverage import risk_coverage, risk_threshold
from tests.measures.forecast_cases import bootstrap, d2


def test_the_example_of_torch_uncertainty_in_both_conventions():
    """Its page prints 0.0833, the trapezoid over 1 - 1/n; the mean of the risks is 0.1111."""
    found = risk_coverage([0.7, 0.6, 0.8], [0, 1, 0])
    assert found.aurc.value == pytest.approx(1 / 9, abs=1e-12)
    assert found.aurc_trapezoid == pytest.approx(1 / 12, abs=1e-12)
    assert found.oracle == pytest.approx(1 / 9, abs=1e-12)
    assert found.excess == pytest.approx(0, abs=1e-12)
    assert found.augrc == pytest.approx(1 / 9, abs=1e-12)
    assert found.points[-1] == pytest.approx((1.0, 1 / 3, 0.6))


def test_the_aurc_is_the_mean_of_the_risks():
    forecasts = d2()
    sure = np.maximum(forecasts.y_prob, 1 - forecasts.y_prob)
    wrong = ((forecasts.y_prob >= 0.5) != forecasts.y_true).astype(float)
    order = np.argsort(-sure)
    risks = np.cumsum(wrong[order]) / np.arange(1, 201)
    found = risk_coverage(sure, wrong)
    assert found.aurc.value == pytest.approx(risks.mean(), abs=1e-12)
    ideal = np.cumsum(np.sort(wrong)) / np.arange(1, 201)
    assert found.oracle == pytest.approx(ideal.mean(), abs=1e-12)


def test_ties_are_averaged_over_every_order():
    rng = np.random.default_rng(0)
    sure, wrong = np.repeat([0.9, 0.6], 4), np.array([0, 1, 0, 0, 1, 1, 0, 1])
    orders = [np.concatenate([rng.permutation(4), 4 + rng.permutation(4)]) for _ in range(20000)]
    risks = [np.mean(np.cumsum(wrong[order]) / np.arange(1, 9)) for order in orders]
    assert risk_coverage(sure, wrong).aurc.value == pytest.approx(np.mean(risks), abs=2e-3)


def test_a_strictly_monotone_transform_and_row_order_do_not_matter():
    forecasts = d2()
    wrong = forecasts.y_true
    order = np.random.default_rng(1).permutation(200)
    first = risk_coverage(forecasts.y_prob, wrong)
    second = risk_coverage(np.exp(forecasts.y_prob)[order], wrong[order])
    assert second.aurc.value == pytest.approx(first.aurc.value, abs=1e-12)
    assert second.augrc == pytest.approx(first.augrc, abs=1e-12)


def test_the_interval_holds_the_value_and_widens_with_copies():
    forecasts = d2()
    wrong = ((forecasts.y_prob >= 0.5) != forecasts.y_true).astype(float)
    same = np.repeat(np.arange(200), 4)
    single = risk_coverage(forecasts.y_prob, wrong, draw(200, None, bootstrap())).aurc
    copied = risk_coverage(forecasts.y_prob[same], wrong[same], draw(800, same, bootstrap())).aurc
    assert single.ci_low < single.value < single.ci_high
    width = single.ci_high - single.ci_low
    assert copied.ci_high - copied.ci_low == pytest.approx(width, rel=0.15)


def test_the_threshold_keeps_the_promised_risk():
    rng = np.random.default_rng(4)
    sure = rng.random(3000)
    wrong = (rng.random(3000) > sure).astype(float)
    found = risk_threshold(sure, wrong, target=0.2)
    assert 0.5 < found.threshold < 0.8
    assert found.risk.value < found.risk.ci_high <= 0.2
    assert found.coverage == pytest.approx((sure >= found.threshold).mean())
    # The true risk above t is (1 - t) / 2.
    assert (1 - found.threshold) / 2 < 0.2


def test_the_promise_is_broken_no_more_often_than_allowed():
    rng = np.random.default_rng(5)
    broken = 0
    for _ in range(200):
        sure = rng.random(300)
        wrong = (rng.random(300) > sure).astype(float)
        found = risk_threshold(sure, wrong, target=0.25, level=0.9)
        broken += found.threshold is not None and (1 - found.threshold) / 2 > 0.25
    assert broken <= 20


def test_too_few_items_promise_nothing():
    found = risk_threshold([0.9, 0.8, 0.7], [0, 0, 0], target=0.05)
    assert (found.threshold, found.risk.reason) == (None, Reason.TOO_FEW_ITEMS)
    assert risk_threshold([], [], target=0.05).risk.reason == Reason.NO_DATA
    assert risk_coverage([], []).aurc.reason == Reason.NO_DATA


def test_one_item_has_a_risk_but_no_trapezoid():
    found = risk_coverage([0.5], [1])
    assert (found.aurc.value, found.aurc_trapezoid) == (1.0, None)


def test_wrong_losses_are_refused():
    with pytest.raises(ValueError, match="vectors of one length"):
        risk_coverage([0.5, 0.4], [1])
    with pytest.raises(ValueError, match=r"loss must lie in \[0, 1\]"):
        risk_coverage([0.5], [2])
    with pytest.raises(ValueError, match="losses of 0 and 1"):
        risk_threshold([0.5], [0.5], target=0.1)
    with pytest.raises(ValueError, match="confidence must be finite; 1 are not"):
        risk_coverage([np.nan], [1])
