"""Weights against published tables and peers' printed values, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.coverage.cube import MISSING, Attribute, count_items, count_profiles
from measures.coverage.fitting import AxisMargin, fit_margins
from measures.coverage.target import target_from_cells
from measures.coverage.weighted_means import weighted_mean, weighted_rate
from measures.coverage.weighting import (
    Design,
    Method,
    Sample,
    design_effect,
    effective_n,
    post_stratify,
    rake,
    weights_to_target,
)
from measures.estimates import Reason
from measures.intervals import wilson

SEX = Attribute("sex", ("Female", "Male", "NA"))
AGE = Attribute("age", ("18-24", "25-34", "35-44", "45+"))
# balance 0.23.0, load_data() of its quickstart.
SAMPLE = np.array([[123.0, 86, 50, 9], [321, 187, 95, 41], [47, 27, 11, 3]])
TARGET = np.array([[876.0, 1360, 1370, 945], [905, 1355, 1347, 944], [190, 259, 275, 174]])


def sample_of(counts, attributes=(SEX, AGE)):
    table = np.asarray(counts, float)
    return Sample(tuple(attributes), table, table, table)


def both_margins(totals):
    return [AxisMargin((0,), totals.sum(axis=1)), AxisMargin((1,), totals.sum(axis=0))]


def test_fitting_reproduces_the_textbook_table():
    # Wikipedia, "Iterative proportional fitting": seed, margins and the converged table.
    seed = [[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]]
    margins = [
        AxisMargin((0,), np.array([150.0, 300, 400, 150])),
        AxisMargin((1,), np.array([200.0, 300, 400, 100])),
    ]
    printed = [
        [64.55851, 46.23246, 35.384298, 3.824732],
        [49.967919, 68.159354, 156.498546, 25.37418],
        [56.721944, 144.428226, 145.082481, 53.767349],
        [28.751627, 41.179961, 63.034674, 17.033738],
    ]
    fitted = fit_margins(seed, margins)
    assert fitted.converged
    assert fitted.table == pytest.approx(np.array(printed), abs=1e-4)


def test_margins_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="add up to the same"):
        fit_margins(
            [[1, 1]], [AxisMargin((0,), np.array([1.0])), AxisMargin((1,), np.array([1.0, 1]))]
        )
    with pytest.raises(ValueError, match="has shape"):
        fit_margins([[1, 1]], [AxisMargin((0,), np.array([1.0, 2]))])


def test_kish_equals_the_documented_example():
    assert design_effect([0, 1, 2, 3]).value == pytest.approx(1.5555555555555556, abs=1e-12)
    assert effective_n([0, 1, 2, 3]).value == pytest.approx(2.571428571428571, abs=1e-12)
    assert design_effect([2, 2, 2]).value == 1
    assert effective_n([]).reason is Reason.NO_DATA
    with pytest.raises(ValueError, match="at least 0"):
        design_effect([-1])


def test_post_stratification_equals_the_peer():
    weights = post_stratify(sample_of(SAMPLE), TARGET)
    assert weights.factors == pytest.approx(TARGET / SAMPLE)
    assert weights.factors[0, 3] == 105.0
    assert weights.design_effect.value == pytest.approx(2.3793223435465056, abs=1e-9)
    assert weights.effective_n.value == pytest.approx(420.2877355866995, abs=1e-6)
    # The effective size is what Kish's formula says of one weight per item.
    per_item = np.repeat(weights.factors.ravel(), SAMPLE.astype(int).ravel())
    assert effective_n(per_item).value == pytest.approx(weights.effective_n.value)


def test_raking_equals_the_peer_at_full_convergence():
    weights = rake(sample_of(SAMPLE), both_margins(TARGET))
    assert weights.design_effect.value == pytest.approx(2.10276, abs=5e-6)
    assert weights.largest_error < 1e-9
    assert (weights.factors * SAMPLE).sum(axis=1) == pytest.approx(TARGET.sum(axis=1))


def test_design_weights_are_kept_by_raking():
    # Two items of weight 1 and 3 share a cell: raking scales both alike.
    one = (Attribute("a", ("x", "y")),)
    sample = Sample(one, np.array([2.0, 1]), np.array([4.0, 1]), np.array([10.0, 1]))
    weights = rake(sample, [AxisMargin((0,), np.array([2.0, 2]))])
    assert weights.factors == pytest.approx([0.5, 2])
    assert weights.design_effect.value == pytest.approx(design_effect([0.5, 1.5, 2]).value)


def test_a_target_group_without_items_is_refused_by_name():
    one = Attribute("a", ("A", "B", "C"))
    for weights in (
        post_stratify(sample_of([50, 50, 0], [one]), [40, 40, 20]),
        rake(sample_of([50, 50, 0], [one]), [AxisMargin((0,), np.array([40.0, 40, 20]))]),
    ):
        assert (weights.factors, weights.reason) == (None, Reason.TOO_FEW_ITEMS)
        assert weights.unreachable[0].attributes == {"a": "C"}
        assert weights.unreachable_share == pytest.approx(0.2)
        assert weights.effective_n.reason is Reason.TOO_FEW_ITEMS


def test_margins_that_empty_cells_make_impossible_give_no_weights():
    a, b = Attribute("a", ("x", "y")), Attribute("b", ("u", "v"))
    margins = [AxisMargin((0,), np.array([5.0, 5])), AxisMargin((1,), np.array([8.0, 2]))]
    possible = rake(sample_of([[5, 1], [1, 3]], (a, b)), margins)
    assert possible.reason is None
    impossible = rake(sample_of([[5, 0], [0, 3]], (a, b)), margins, max_rounds=200)
    assert (impossible.factors, impossible.reason) == (None, Reason.TOO_FEW_ITEMS)
    assert impossible.n_rounds == 200


def test_bounds_hold_weights_back_and_say_what_that_costs():
    free = rake(sample_of(SAMPLE), both_margins(TARGET))
    held = rake(sample_of(SAMPLE), both_margins(TARGET), bounds=(0.3, 3.0))
    mean = TARGET.sum() / SAMPLE.sum()
    assert free.factors.max() > 3.0 * mean
    assert held.factors.max() <= 3.0 * mean * (1 + 1e-9)
    assert held.factors.min() >= 0.3 * mean * (1 - 1e-9)
    assert held.n_bounded > 0
    assert held.largest_error > free.largest_error
    assert held.design_effect.value < free.design_effect.value
    loose = rake(sample_of(SAMPLE), both_margins(TARGET), bounds=(0.0, 100.0))
    assert loose.factors == pytest.approx(free.factors, rel=1e-6)
    with pytest.raises(ValueError, match="enclose the mean weight"):
        rake(sample_of(SAMPLE), both_margins(TARGET), bounds=(2, 3))


@settings(max_examples=40)
@given(
    counts=st.lists(st.integers(1, 50), min_size=6, max_size=6),
    target=st.lists(st.integers(1, 50), min_size=6, max_size=6),
)
def test_weighted_margins_equal_the_target(counts, target):
    a, b = Attribute("a", ("x", "y")), Attribute("b", ("u", "v", "w"))
    x, q = np.array(counts, float).reshape(2, 3), np.array(target, float).reshape(2, 3)
    weights = rake(sample_of(x, (a, b)), both_margins(q))
    assert (weights.factors * x).sum(axis=0) == pytest.approx(q.sum(axis=0), rel=1e-6)
    assert weights.design_effect.value >= 1 - 1e-9
    assert post_stratify(sample_of(x, (a, b)), q).factors * x == pytest.approx(q)


def test_items_get_the_weights_of_a_joint_or_marginal_target():
    sex, age = Attribute("sex", ("F", "M")), Attribute("age", ("old", "young"))
    codes = [[0, 0], [0, 1], [1, 0], [1, 1], [MISSING, 0]]
    cube = count_profiles([sex, age], codes, [10, 30, 20, 40, 7])
    joint = target_from_cells([({"sex": s, "age": g}, 1) for s in "FM" for g in ("old", "young")])
    weights = weights_to_target(cube, joint)
    assert weights.factors.ravel() == pytest.approx([2.5, 25 / 30, 1.25, 0.625])
    margins = [({"sex": "F"}, 1), ({"sex": "M"}, 1), ({"age": "old"}, 3), ({"age": "young"}, 7)]
    raked = weights_to_target(cube, target_from_cells(margins))
    weighted = raked.factors * [[10, 30], [20, 40]]
    assert weighted.sum(axis=1) == pytest.approx([50, 50], rel=1e-5)
    assert weighted.sum(axis=0) == pytest.approx([30, 70], rel=1e-5)
    empty = weights_to_target(count_items([sex, age], [[], []]), joint)
    assert empty.reason is Reason.NO_DATA


def test_rounded_margins_are_reconciled_before_they_are_raked():
    sex, age = Attribute("sex", ("F", "M")), Attribute("age", ("old", "young"))
    cube = count_profiles([sex, age], [[0, 0], [0, 1], [1, 0], [1, 1]], [10, 30, 20, 40])
    cells = [({"sex": s, "age": g}, 0.25) for s in "FM" for g in ("old", "young")]
    target = target_from_cells([*cells, ({"sex": "F"}, 0.502), ({"sex": "M"}, 0.498)])
    weights = weights_to_target(cube, target)
    assert weights.reason is None
    assert (weights.factors * [[10, 30], [20, 40]]).ravel() == pytest.approx([25] * 4, rel=1e-4)


def test_a_weighted_rate_is_the_rate_of_the_target():
    rate = weighted_rate([10, 40], [100, 50], [1.0, 2.0])
    assert rate.value == pytest.approx((10 + 80) / 200)
    assert rate.n == 150
    effective = 200**2 / (100 + 50 * 4)
    assert (rate.ci_low, rate.ci_high) == pytest.approx(wilson(0.45 * effective, effective))
    even = weighted_rate([10, 40], [100, 50], [3.0, 3.0])
    assert (even.ci_low, even.ci_high) == pytest.approx(wilson(50, 150))


def test_a_rate_without_weighted_items_is_undefined_and_false_counts_are_refused():
    assert weighted_rate([0, 1], [0, 4], [1.0, 0.0]).reason is Reason.NO_DATA
    with pytest.raises(ValueError, match="Cell 1 has 5 successes among 4 items"):
        weighted_rate([0, 5], [1, 4], [1.0, 1.0])
    with pytest.raises(ValueError, match="at least 0"):
        weighted_rate([0], [1], [-1.0])


def test_tables_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match="Totals have shape"):
        post_stratify(sample_of(SAMPLE), TARGET.T)
    with pytest.raises(ValueError, match="n has shape"):
        sample_of(SAMPLE.T)
    with pytest.raises(ValueError, match="not all 0"):
        post_stratify(sample_of(SAMPLE), 0 * TARGET)


def test_design_weights_are_raked_as_they_are_post_stratified_by_hand():
    sex = Attribute("sex", ("F", "M"))
    # Three women of design weights 1, 1 and 4, one man of 2, and one of unknown sex.
    cube = count_profiles([sex], [[0], [1], [-1]], [3, 1, 1])
    design = Design(np.array([[0], [1], [-1]]), np.array([6.0, 2, 9]), np.array([18.0, 4, 81]))
    target = target_from_cells([({"sex": "F"}, 1), ({"sex": "M"}, 1)])
    for method in (Method.POST_STRATIFICATION, Method.RAKING):
        found = weights_to_target(cube, target, method=method, design=design)
        # Each sex weighs 2 of 4 in all: women 2 / 6 of their design weight, the man 2 / 2.
        assert found.factors == pytest.approx([1 / 3, 1])
        weights = np.array([1, 1, 4, 6]) / 3
        assert found.design_effect.value == pytest.approx(design_effect(weights).value)


def test_a_weighted_mean_is_the_mean_with_equal_weights_and_the_ratio_estimate_else():
    x = np.array([1.0, 2, 2, 7])
    plain = weighted_mean(x, np.ones(4))
    assert (plain.value, plain.se) == (3.0, pytest.approx(x.std(ddof=1) / 2))
    w = np.array([1.0, 3, 0, 2])
    mean = (1 + 6 + 14) / 6
    found = weighted_mean(x, w)
    residual = w * (x - mean)
    assert (found.value, found.n) == (pytest.approx(mean), 3)
    assert found.se == pytest.approx((3 / 2 * (residual**2).sum()) ** 0.5 / 6)
    assert weighted_mean([5.0], [2.0]).ci_low is None
    assert weighted_mean(x, np.zeros(4)).reason == "no_data"
    with pytest.raises(ValueError, match="weight of at least 0"):
        weighted_mean(x, -w)
