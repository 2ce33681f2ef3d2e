"""Intervals of shares against printed values, a second implementation, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import multinomial_proportions_confint, proportion_confint

from measures.estimates import Reason
from measures.intervals import (
    clopper_pearson,
    clopper_pearson_many,
    goodman,
    n_for_precision,
    proportion,
    sison_glaz,
    wilson,
    wilson_many,
)

# Newcombe (1998), Statistics in Medicine 17, Table I, to more digits by statsmodels 0.15.
NEWCOMBE = [
    (81, 263, (0.2552885198782742, 0.36620957698280004), (0.25273674558527, 0.36762192260135)),
    (15, 148, (0.06238639953073628, 0.16048724172330803), (0.05784401008345, 0.16165049034948)),
    (0, 20, (0.0, 0.1611251580528194), (0.0, 0.16843347098308534)),
]
# Sison and Glaz (1995), counts of n = 467; ends by statsmodels 0.15.
COUNTS = [56, 72, 73, 59, 62, 87, 58]
SISON_GLAZ_FIRST, GOODMAN_FIRST = (
    (0.0792291220557, 0.1643557340403),
    (0.0851672391387, 0.16626140813),
)

tables = st.lists(st.integers(0, 60), min_size=2, max_size=7).filter(lambda x: sum(x) > 0)


@pytest.mark.parametrize(("x", "n", "score", "exact"), NEWCOMBE)
def test_single_share_intervals_equal_the_printed_table(x, n, score, exact):
    assert wilson(x, n) == pytest.approx(score, abs=1e-9)
    assert clopper_pearson(x, n) == pytest.approx(exact, abs=1e-9)


@given(n=st.integers(1, 5000), part=st.floats(0, 1), level=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_single_share_intervals_equal_statsmodels(n, part, level):
    x = round(part * n)
    for own, method in ((wilson, "wilson"), (clopper_pearson, "beta")):
        theirs = proportion_confint(x, n, alpha=1 - level, method=method)
        assert own(x, n, level=level) == pytest.approx(theirs, abs=1e-10)


def test_no_success_gives_zero_with_an_upper_bound_and_all_gives_one():
    for interval in (wilson, clopper_pearson):
        low, high = interval(0, 30)
        assert low == 0.0
        assert 0.05 < high < 0.2
        assert interval(30, 30) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_no_trial_leaves_every_share_possible_and_the_share_itself_undefined():
    assert wilson(0, 0) == (0.0, 1.0)
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    share = proportion(0, 0)
    assert (share.value, share.reason, share.n) == (None, Reason.NO_DATA, 0)


def test_a_small_sample_is_given_the_exact_interval_when_asked():
    assert proportion(3, 9, exact_below=10).ci_method == "clopper_pearson"
    share = proportion(3, 10, exact_below=10)
    assert (share.value, share.ci_method, share.ci_level) == (0.3, "wilson", 0.95)


def test_many_shares_at_once_equal_one_at_a_time():
    x, n = np.array([0, 1, 5, 0]), np.array([4, 1, 9, 0])
    for many, one in ((wilson_many, wilson), (clopper_pearson_many, clopper_pearson)):
        low, high = many(x, n, level=0.9)
        assert list(zip(low, high, strict=True)) == [
            one(a, b, level=0.9) for a, b in zip(x, n, strict=True)
        ]


def test_simultaneous_intervals_equal_the_published_example():
    assert np.array(sison_glaz(COUNTS))[:, 0] == pytest.approx(SISON_GLAZ_FIRST, abs=1e-8)
    assert np.array(goodman(COUNTS))[:, 0] == pytest.approx(GOODMAN_FIRST, abs=1e-8)


@settings(max_examples=40)
@given(counts=tables, level=st.sampled_from([0.9, 0.95]))
def test_goodman_intervals_equal_statsmodels(counts, level):
    theirs = multinomial_proportions_confint(counts, alpha=1 - level, method="goodman")
    assert np.column_stack(goodman(counts, level=level)) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    "counts", [COUNTS, [91, 49, 37, 43], [20, 20], [300, 7, 90], [1, 2, 3, 4, 5], [5, 0, 30]]
)
def test_sison_glaz_intervals_equal_statsmodels(counts):
    theirs = multinomial_proportions_confint(counts, method="sison-glaz")
    assert np.column_stack(sison_glaz(counts)) == pytest.approx(theirs, abs=1e-8)


@settings(max_examples=30)
@given(counts=tables)
def test_simultaneous_intervals_hold_the_observed_shares_and_follow_the_order(counts):
    shares = np.array(counts) / sum(counts)
    for interval in (goodman, sison_glaz):
        low, high = interval(counts)
        assert np.all((low <= shares) & (shares <= high))
        assert np.all((low >= 0) & (high <= 1))
        turned = interval(counts[::-1])
        assert np.array(turned)[:, ::-1] == pytest.approx(np.array([low, high]), abs=1e-9)


def test_an_empty_table_leaves_every_share_possible():
    for interval in (goodman, sison_glaz):
        low, high = interval([0, 0, 0])
        assert (low.tolist(), high.tolist()) == ([0, 0, 0], [1, 1, 1])


@pytest.mark.parametrize(
    ("share", "half_width", "n"),
    [(0.5, 0.05, 381), (0.9, 0.05, 141), (0.9, 0.03, 388), (0.8, 0.1, 60), (0.95, 0.05, 83)],
)
def test_wanted_precision_gives_the_smallest_sufficient_n(share, half_width, n):
    assert n_for_precision(share, half_width) == n
    widths = [np.subtract(*wilson(share * size, size)[::-1]) / 2 for size in (n - 1, n)]
    assert widths[0] > half_width >= widths[1] - 1e-12


def test_impossible_counts_are_refused_with_their_position():
    with pytest.raises(ValueError, match=r"first .*5.* of .*4.* at position 1"):
        wilson_many([1, 5], [4, 4])
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        wilson(1, 4, level=95)
    with pytest.raises(ValueError, match="whole counts"):
        sison_glaz([1.5, 2])
    with pytest.raises(ValueError, match="half_width"):
        n_for_precision(0.5, 0)
