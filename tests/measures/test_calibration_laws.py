"""Laws that calibration measures must keep whatever comes in."""

import json

import numpy as np
import pytest

from measures.calibration.bin_errors import expected_calibration_error, resampled_bins
from measures.calibration.binning import bin_sums, uniform_edges
from measures.calibration.corp import (
    corp_curve,
    corp_decomposition,
    in_cells,
    isotonic,
    isotonic_rows,
    pooled,
)
from measures.calibration.curve import calibration_curve
from measures.calibration.ece import calibration_errors
from measures.calibration.forecasts import binary_forecasts, class_forecasts
from measures.calibration.report import calibration_report
from measures.calibration.resampling import Bootstrap, draw
from measures.calibration.second_opinion import second_opinion
from measures.calibration.significance import cox_calibration, kuiper, spiegelhalter
from measures.calibration.subgroups import subgroup_calibration
from measures.scores import item_scores, score_sums, scores
from tests.measures.forecast_cases import bootstrap, d1, d2, m1


def test_the_second_opinion_takes_two_classes_too():
    forecasts = d2()
    both = np.stack([1 - forecasts.y_prob, forecasts.y_prob], axis=1)
    found = second_opinion(class_forecasts(forecasts.y_true, both))
    assert len(found) == 5
    assert all(abs(one["difference"]) < 1e-12 for one in found)


def test_the_second_opinion_is_silent_where_scikit_learn_has_no_answer():
    assert second_opinion(binary_forecasts([0, 0.5, 1], [0.1, 0.2, 0.3])) == ()
    assert second_opinion(binary_forecasts([1, 1], [0.1, 0.2])) == ()
    assert second_opinion(class_forecasts([0, 1], np.full((2, 3), 1 / 3))) == ()


def random_forecasts(rng):
    """Few items, ties, certainties, one class, fractions, weights and clusters, at random."""
    n = int(rng.integers(0, 30))
    weights = rng.random(n) + 0.01 if rng.random() < 0.4 else None
    clusters = rng.integers(0, max(n // 3, 1), n) if rng.random() < 0.4 else None
    if rng.random() < 0.4:
        stated = np.eye(3)[rng.integers(0, 3, n)] if rng.random() < 0.5 else np.full((n, 3), 1 / 3)
        return class_forecasts(rng.integers(0, 3, n), stated, weights=weights, clusters=clusters)
    p = (rng.random(n), rng.integers(0, 2, n), np.full(n, 0.5))[rng.integers(3)]
    y = (rng.integers(0, 2, n), rng.random(n), np.zeros(n), p > 0.5)[rng.integers(4)]
    return binary_forecasts(y, p, weights=weights, clusters=clusters)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.filterwarnings("error")
def test_whatever_comes_in_the_report_is_json_without_nan(seed):
    rng = np.random.default_rng(seed)
    forecasts = random_forecasts(rng)
    codes = rng.integers(-1, 3, forecasts.n)
    few = bootstrap(n_resamples=20)
    found = [calibration_report(forecasts, few)]
    found += subgroup_calibration(forecasts, codes, few, min_items=5)
    answer = json.loads(json.dumps([one.as_dict() for one in found], allow_nan=False))[0]
    assert answer["n"] == forecasts.n
    assert (answer["scores"]["brier"]["value"] is None) == (forecasts.n == 0)


@pytest.mark.parametrize("forecasts", [d1(), d2()], ids=["d1", "d2"])
def test_calibration_does_not_depend_on_row_order(forecasts):
    turned = forecasts.rows(np.random.default_rng(9).permutation(forecasts.n))
    few = bootstrap(n_resamples=2)
    first, second = (calibration_errors(one, few).errors for one in (forecasts, turned))
    for key, one in first.items():
        assert one.value is None or second[key].value == pytest.approx(one.value, abs=1e-9)
    assert corp_decomposition(turned).mcb == pytest.approx(corp_decomposition(forecasts).mcb)
    for measure in (spiegelhalter, kuiper, lambda one: cox_calibration(one).test):
        assert measure(turned).value == pytest.approx(measure(forecasts).value, abs=1e-9)


def test_renaming_classes_leaves_the_calibration_errors():
    forecasts = m1()
    turned = class_forecasts((forecasts.y_true + 2) % 3, np.roll(forecasts.y_prob, 2, axis=1))
    few = bootstrap(n_resamples=2)
    first, second = (calibration_errors(one, few).errors for one in (forecasts, turned))
    for key, one in first.items():
        assert second[key].value == pytest.approx(one.value, abs=1e-9)


def test_integer_weights_equal_repetition():
    forecasts = d2()
    times = np.arange(200) % 3 + 1
    repeated = forecasts.rows(np.repeat(np.arange(200), times))
    weighted = binary_forecasts(forecasts.y_true, forecasts.y_prob, weights=times)
    few = bootstrap(n_resamples=2)
    first, second = (calibration_errors(one, few).errors for one in (repeated, weighted))
    # The debiased error is about precision: ten repeats of one item are no ten items.
    for key in set(first) - {"debiased_squared_10", "classwise_15", "toplabel_10"}:
        assert second[key].value == pytest.approx(first[key].value, abs=1e-9), key
    one, two = (scores(f).estimates for f in (repeated, weighted))
    assert {k: e.value for k, e in two.items()} == pytest.approx(
        {k: e.value for k, e in one.items()}, abs=1e-9
    )
    one, two = (cox_calibration(f) for f in (repeated, weighted))
    for name in ("slope", "intercept", "in_the_large", "observed_expected"):
        assert getattr(one, name).value == pytest.approx(getattr(two, name).value, abs=1e-7)
    for strategy in ("uniform", "quantile"):
        one, two = (calibration_curve(f, strategy=strategy) for f in (repeated, weighted))
        assert [b.observed.value for b in one] == pytest.approx([b.observed.value for b in two])
    for score in ("brier", "log"):
        one, two = (corp_decomposition(f, score=score) for f in (repeated, weighted))
        assert (one.mcb, one.dsc) == pytest.approx((two.mcb, two.dsc), abs=1e-9)


def test_integer_weights_of_classes_equal_repetition():
    forecasts = m1()
    times = np.arange(150) % 3 + 1
    repeated = forecasts.rows(np.repeat(np.arange(150), times))
    weighted = class_forecasts(forecasts.y_true, forecasts.y_prob, weights=times)
    few = bootstrap(n_resamples=2)
    first, second = (calibration_errors(one, few).errors for one in (repeated, weighted))
    for key in set(first) - {"debiased_squared_10"}:
        assert second[key].value == pytest.approx(first[key].value, abs=1e-9), key
    one, two = (scores(f).estimates for f in (repeated, weighted))
    assert {k: e.value for k, e in two.items()} == pytest.approx(
        {k: e.value for k, e in one.items()}, abs=1e-9
    )


def test_the_identity_and_the_signs_of_corp_hold_on_random_data():
    rng = np.random.default_rng(12)
    for _ in range(50):
        n = int(rng.integers(1, 60))
        p = np.round(rng.random(n), int(rng.integers(1, 4)))
        found = corp_decomposition(binary_forecasts(rng.random(n), p, weights=rng.random(n) + 0.1))
        assert found.mcb >= 0
        assert found.dsc >= 0
        assert found.score == pytest.approx(found.mcb - found.dsc + found.unc, abs=1e-12)


def test_a_strictly_monotone_transform_leaves_the_discrimination():
    forecasts = d1()
    bent = binary_forecasts(forecasts.y_true, forecasts.y_prob**3)
    assert corp_decomposition(bent).dsc == pytest.approx(corp_decomposition(forecasts).dsc)


def test_population_weights_move_the_score_to_the_population():
    """Shares 0.8 and 0.2 in the sample, 0.5 and 0.5 in the population."""
    p = np.sqrt([0.1] * 8 + [0.4] * 2)
    weights = [0.5 / 0.8] * 8 + [0.5 / 0.2] * 2
    plain = scores(binary_forecasts(np.zeros(10), p))
    moved = scores(binary_forecasts(np.zeros(10), p, weights=weights))
    assert plain.estimates["brier"].value == pytest.approx(0.16, abs=1e-12)
    assert moved.estimates["brier"].value == pytest.approx(0.25, abs=1e-12)
    assert moved.conventions["n_eff"] == pytest.approx(6.4, abs=1e-12)


def test_the_band_is_where_honest_curves_lie():
    """Under calibration about 95 of 100 curves pass the middle of the band."""
    rng = np.random.default_rng(13)
    p = rng.random(300)
    curve = corp_curve(binary_forecasts(rng.random(300) < p, p), bootstrap())
    middle = min(curve.band, key=lambda point: abs(point.p - 0.5))
    inside = 0
    for _ in range(200):
        other = corp_curve(binary_forecasts(rng.random(300) < p, p), bootstrap(), n_draws=1)
        step = next(one for one in other.steps if one.p_high >= middle.p)
        inside += middle.low <= step.calibrated <= middle.high
    # 190 of 200 expected; fewer than 177 or all 200 would be a wrong band.
    assert 177 <= inside <= 199


def test_a_narrower_level_gives_a_narrower_interval():
    """One peer reads its level as a percentage and returns 99.9 % intervals for 90 %."""
    draws = [draw(200, None, bootstrap(level=level)) for level in (0.5, 0.95)]
    half, most = (scores(d1(), one).estimates["brier"] for one in draws)
    # A normal interval at 50 % is a third as wide as at 95 %.
    ratio = (half.ci_high - half.ci_low) / (most.ci_high - most.ci_low)
    assert ratio == pytest.approx(0.344, abs=0.06)


@pytest.mark.parametrize("lift", [0.0, 0.1], ids=["calibrated", "nearly"])
def test_the_interval_of_the_ece_holds_the_true_one(lift):
    """Plain percentiles hold it in none of these runs: chance alone looks like miscalibration."""
    rng = np.random.default_rng(14)
    centres = (np.arange(100000) + 0.5) / 100000
    off = lift * centres * (1 - centres)
    true = np.abs(off.reshape(10, -1).mean(axis=1)).mean()
    held = percentile = 0
    for _ in range(40):
        p = rng.random(200)
        forecasts = binary_forecasts(rng.random(200) < p - lift * p * (1 - p), p)
        options = Bootstrap(rng, n_resamples=150)
        draws = draw(200, None, options)
        found = calibration_errors(forecasts, options, draws).errors["uniform_10"]
        held += found.ci_low <= true <= found.ci_high
        again = expected_calibration_error(resampled_bins(forecasts, uniform_edges(10), draws))
        percentile += np.quantile(again, 0.025) <= true
    # 38 of 40 expected at 95 %; fewer than 34 would come once in a hundred times.
    assert held >= 34
    assert percentile <= 2


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_in_ranges_are_those_of_a_search_whatever_lies_on_an_edge(weighted):
    rng = np.random.default_rng(0)
    n = 150_000  # three ranges
    p = np.concatenate(
        [rng.random(n - 400), rng.integers(0, 16, 200) / 15, rng.integers(0, 11, 200) / 10]
    )
    y = (rng.random(n) < p).astype(float)
    codes = rng.integers(0, 3, n)
    weights = rng.uniform(0.5, 2, n) if weighted else None
    f = binary_forecasts(y, p, weights=weights)
    for n_bins in (10, 15):
        edges = uniform_edges(n_bins)
        index = codes * n_bins + np.searchsorted(edges[1:-1], p, side="left")
        w = f.weights
        columns = (None, w, w * w, w * p, w * y, w * w * p * (1 - p))
        expected = np.stack([np.bincount(index, c, minlength=3 * n_bins) for c in columns], axis=-1)
        found = bin_sums(f, edges, codes=codes, n_codes=3).totals.reshape(3 * n_bins, 6)
        np.testing.assert_allclose(found, expected, atol=1e-8)


def test_the_fit_is_the_same_whether_outcomes_travel_with_the_sort_or_not():
    rng = np.random.default_rng(1)
    p = np.concatenate([[-0.0, 0.0, 1.0, 1.0, 5e-324], rng.random(500).round(2)])
    y = (rng.random(len(p)) < p).astype(float)
    fast, slow = (
        pooled(binary_forecasts(y, p)),
        pooled(binary_forecasts(y, p, weights=np.ones(len(p)))),
    )
    for name in ("p", "n", "weight", "weight_sq", "observed"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))
    few = in_cells(fast, binary_forecasts(y, p), 7)
    assert len(few.p) <= 7
    assert few.n.sum() == len(p)
    assert (few.weight * few.p).sum() == pytest.approx(p.sum())


def test_many_isotonic_fits_in_one_call_are_those_of_each_row_alone():
    rng = np.random.default_rng(8)
    weight = rng.integers(0, 4, (150, 30)).astype(float)
    observed = weight * rng.random((150, 30)).round(1)
    found = {}
    for row, n_cells, total, seen in isotonic_rows(observed, weight):
        for r, k, value in zip(row, n_cells, seen / total, strict=True):
            found.setdefault(int(r), []).extend([value] * int(k))
    for r in range(150):
        there = weight[r] > 0
        alone = isotonic(observed[r][there] / weight[r][there], weight[r][there])
        np.testing.assert_allclose(found[r], alone, atol=1e-12)


def test_sums_of_scores_are_the_sums_of_each_items_scores():
    rng = np.random.default_rng(2)
    p = np.concatenate([[0, 1, 0.5], rng.random(97)])
    codes, weights = rng.integers(0, 4, 100), rng.uniform(0.5, 2, 100)
    for y in ((rng.random(100) < p).astype(float), rng.random(100)):
        f = binary_forecasts(y, p, weights=weights)
        columns = item_scores(f)
        columns[:, 1:] *= weights[:, None]
        np.testing.assert_allclose(score_sums(f).totals, columns.sum(axis=0))
        by_code = np.stack([columns[codes == k].sum(axis=0) for k in range(4)])
        np.testing.assert_allclose(score_sums(f, codes=codes, n_codes=4).totals, by_code)
