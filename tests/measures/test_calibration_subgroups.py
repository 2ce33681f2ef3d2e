"""Subgroups: honest small ones must not be called bad, and the numbers must agree by subgroup."""

from dataclasses import asdict

import numpy as np
import pytest

from measures.calibration.bin_errors import expected_calibration_error
from measures.calibration.binning import bin_sums, uniform_edges
from measures.calibration.forecasts import binary_forecasts
from measures.calibration.report import calibration_report
from measures.calibration.significance import cox_calibration, kuiper, spiegelhalter
from measures.calibration.subgroups import subgroup_calibration
from measures.estimates import Reason
from measures.multiplicity import benjamini_hochberg
from measures.scores import score_sums
from tests.measures.forecast_cases import bootstrap, d1, d2, m1


def quick(forecasts, codes, **options):
    return subgroup_calibration(forecasts, codes, bootstrap(n_resamples=50), **options)


def test_two_calibrated_subgroups_are_rejected_at_the_nominal_rate():
    """Plain ECE tells n=60 from n=3000 in every run; Cox's test in about one of twenty."""
    rng = np.random.default_rng(11)
    tests = {
        "cox": lambda one: cox_calibration(one).test,
        "spiegelhalter": spiegelhalter,
        "kuiper": kuiper,
    }
    rejected = {(name, n): 0 for name in tests for n in (60, 3000)}
    ece = {60: [], 3000: []}
    n_runs = 200
    for _ in range(n_runs):
        for n in ece:
            p = rng.beta(2, 2, n)
            forecasts = binary_forecasts(rng.random(n) < p, p)
            for name, test in tests.items():
                rejected[name, n] += test(forecasts).p_value < 0.05
            edges = uniform_edges(15)
            ece[n].append(float(expected_calibration_error(bin_sums(forecasts, edges))))
    assert np.mean(ece[60]) > 5 * np.mean(ece[3000])
    # 10 of 200 are expected, of Kuiper's at n=60 fewer; 22 or more happen once in 2,000 times.
    assert all(1 <= count <= 21 for count in rejected.values())


def test_the_null_expectation_tells_the_small_subgroup_from_the_bad_one():
    rng = np.random.default_rng(4)
    p = rng.beta(2, 2, 3060)
    forecasts = binary_forecasts(rng.random(3060) < p, p)
    small, large = quick(forecasts, (np.arange(3060) >= 60).astype(int))
    found = [one.ece.errors["uniform_10"].value for one in (small, large)]
    null = [one.ece.expected_if_calibrated["uniform_10"].value for one in (small, large)]
    assert found[0] > 3 * found[1]
    assert null[0] > 3 * null[1]


def test_each_subgroup_gets_what_it_would_get_alone():
    forecasts = d2()
    codes = np.arange(200) % 2
    together = quick(forecasts, codes)
    for code, one in enumerate(together):
        (alone,) = quick(forecasts.rows(codes == code), np.zeros(100, dtype=int))
        for key, estimate in one.scores.estimates.items():
            assert estimate.value == alone.scores.estimates[key].value
        assert one.tests.cox.slope.value == alone.tests.cox.slope.value


def test_whole_weights_are_repetition_in_each_subgroup():
    forecasts, codes = d2(), np.arange(200) % 3
    times = np.random.default_rng(5).integers(1, 4, 200)
    weighted = binary_forecasts(forecasts.y_true, forecasts.y_prob, weights=times)
    again = np.repeat(np.arange(200), times)
    for one, many in zip(
        quick(weighted, codes), quick(forecasts.rows(again), codes[again]), strict=True
    ):
        assert one.n < many.n == round(sum(s.n for s in many.corp.steps))
        for key, estimate in one.scores.estimates.items():
            assert estimate.value == pytest.approx(many.scores.estimates[key].value), key
        for key, estimate in one.ece.errors.items():
            # These go by the number of items, not by what they weigh.
            if key != "debiased_squared_10" and not key.endswith("cube_root"):
                assert estimate.value == pytest.approx(many.ece.errors[key].value), key
        drawn = [[(s.p_low, s.p_high, s.calibrated) for s in r.corp.steps] for r in (one, many)]
        assert drawn[0] == [pytest.approx(step) for step in drawn[1]]
        rates = [[b.observed.value for b in r.curve] for r in (one, many)]
        assert rates[0] == pytest.approx(rates[1])
        assert asdict(one.murphy) == pytest.approx(asdict(many.murphy))
        assert one.tests.cox.slope.value == pytest.approx(many.tests.cox.slope.value)
        assert one.tests.kuiper.value == pytest.approx(many.tests.kuiper.value)


def test_a_subgroup_that_holds_everything_equals_the_whole():
    for forecasts in (d2(), d2(clusters=np.arange(200) // 4), m1()):
        (part,) = quick(forecasts, np.zeros(forecasts.n, int))
        whole = calibration_report(forecasts, bootstrap(n_resamples=50))
        for key, estimate in whole.scores.estimates.items():
            assert part.scores.estimates[key].value == estimate.value
        for key, estimate in whole.ece.errors.items():
            assert part.ece.errors[key].value == estimate.value
        for name in ("spiegelhalter", "kuiper"):
            one, other = getattr(part.tests, name), getattr(whole.tests, name)
            assert (one.value, one.p_value) == (other.value, other.p_value)
        assert part.tests.cox.test.p_value == whole.tests.cox.test.p_value
        assert (part.curve, part.corp.steps) == (whole.curve, whole.corp.steps)
        assert (part.murphy, part.other_libraries) == (whole.murphy, whole.other_libraries)


def test_subgroup_p_values_are_corrected_together():
    forecasts = d1()
    found = quick(forecasts, np.arange(200) % 4)
    raw = [one.tests.cox.test.p_value for one in found]
    assert [one.tests.cox.test.p_adjusted for one in found] == pytest.approx(
        benjamini_hochberg(raw)
    )
    assert raw != [one.tests.cox.test.p_adjusted for one in found]


def test_small_empty_and_one_sided_subgroups_say_why_they_have_no_number():
    y = np.concatenate([np.zeros(30), np.arange(40) % 2, [1]])
    forecasts = binary_forecasts(y, np.linspace(0.05, 0.95, 71))
    codes = np.concatenate([np.zeros(30), np.full(40, 1), [2]]).astype(int)
    one_sided, whole, single, empty = quick(forecasts, codes, n_subgroups=4)
    assert one_sided.scores.estimates["auc"].reason == Reason.ONE_CLASS
    assert one_sided.scores.estimates["brier"].value is not None
    assert one_sided.tests.cox.test.reason == Reason.ONE_CLASS
    assert whole.tests.cox.test.p_adjusted == whole.tests.cox.test.p_value
    assert {one.reason for one in single.scores.estimates.values()} == {Reason.TOO_FEW_ITEMS}
    assert single.ece.errors["uniform_10"].reason == Reason.TOO_FEW_ITEMS
    assert {one.reason for one in empty.scores.estimates.values()} == {Reason.NO_DATA}


def test_items_in_no_subgroup_are_left_out():
    codes = np.where(np.arange(200) < 100, -1, 0)
    (only,) = quick(d1(), codes)
    assert only.n == 100
    assert only.scores.estimates["brier"].value == pytest.approx(
        float(score_sums(d1().rows(np.arange(100, 200))).mean("brier_sum")) / 2
    )


def test_sums_by_subgroup_come_in_one_pass_and_add():
    forecasts, codes = d2(), np.arange(200) % 3
    edges = uniform_edges(10)
    both = [
        bin_sums(forecasts.rows(rows), edges, codes=codes[rows], n_codes=3)
        for rows in (np.arange(90), np.arange(90, 200))
    ]
    joint = both[0] + both[1]
    for code in range(3):
        alone = bin_sums(forecasts.rows(codes == code), edges)
        np.testing.assert_allclose(joint.totals[code], alone.totals, atol=1e-9)


def test_three_classes_have_subgroups_too():
    found = quick(m1(), np.arange(150) % 2)
    assert [one.n for one in found] == [75, 75]
    assert all(one.ece.errors["classwise_15"].value > 0 for one in found)
    assert all(one.ece.notion == "confidence" for one in found)


def test_clusters_are_counted_and_drawn_within_each_subgroup():
    forecasts = d2(clusters=np.arange(200) // 4)
    found = quick(forecasts, np.arange(200) // 100)
    assert [one.n_clusters for one in found] == [25, 25]
    assert found[0].scores.estimates["brier"].ci_method == "bootstrap_groups"
    assert found[0].tests.cox.method == "wald_robust"


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros(3), "one entry an item, 200"),
        (np.full(200, 0.5), r"whole numbers.*position 0"),
        (np.full(200, 2), "codes reach 2; n_subgroups is only 2"),
    ],
)
def test_wrong_codes_are_refused_in_words(codes, message):
    with pytest.raises(ValueError, match=message):
        quick(d1(), codes, n_subgroups=2)
