"""Means by subgroup against scipy and by hand, and SliceLine's score."""

import numpy as np
import pytest
from scipy import stats

from measures.coverage.cube import Attribute
from measures.coverage.mean_divergence import Sums, diverging_means, sliceline_score

SEX, AGE = (Attribute(name, ("a", "b")) for name in ("sex", "age"))


def sums_of(codes, x):
    """One row an item: sums over rows are then those of any merged table."""
    return Sums((SEX, AGE), codes, np.ones(len(x)), x, x**2)


def test_subgroups_are_compared_as_scipy_compares_them():
    rng = np.random.default_rng(3)
    codes = rng.integers(-1, 2, (300, 2))
    x = rng.integers(0, 4, 300) / 3 + 0.5 * (codes[:, 0] == 1)
    found = diverging_means(sums_of(codes, x), max_level=2, min_items=20)
    assert len(found) == 4 + 4
    for row in found:
        mine = np.ones(300, bool)
        for name, value in row.attributes.items():
            mine &= codes[:, ("sex", "age").index(name)] == "ab".index(value)
        test = stats.ttest_ind(x[mine], x[~mine], equal_var=False)
        assert (row.n, row.mean) == (mine.sum(), pytest.approx(x[mine].mean()))
        assert row.divergence == pytest.approx(x[mine].mean() - x.mean())
        assert (row.t, row.p_value) == (pytest.approx(test.statistic), pytest.approx(test.pvalue))
        assert row.se == pytest.approx(stats.sem(x[mine]))
        assert row.p_adjusted >= row.p_value
    assert found[0].attributes["sex"] in "ab"
    merged = diverging_means(Sums((SEX, AGE), *added(codes, x)), max_level=2, min_items=20)
    assert [(m.attributes, m.n, m.t) for m in merged] == [
        (f.attributes, f.n, pytest.approx(f.t)) for f in found
    ]


def added(codes, x):
    places, at = np.unique(codes, axis=0, return_inverse=True)
    n, total, squares = (np.bincount(at.ravel(), w) for w in (np.ones(len(x)), x, x**2))
    return places, n.astype(float), total, squares


def test_what_never_varies_is_certain_or_equal():
    codes = np.array([[0, 0]] * 40 + [[1, 0]] * 40)
    apart = diverging_means(sums_of(codes, np.repeat([0.0, 1.0], 40)), max_level=1)
    assert [(row.attributes, row.p_value) for row in apart] == [
        ({"sex": "a"}, 0),
        ({"sex": "b"}, 0),
    ]
    same = diverging_means(sums_of(codes, np.ones(80)), max_level=1)
    assert {(row.t, row.p_value) for row in same} == {(0.0, 1.0)}
    assert diverging_means(sums_of(codes, np.ones(80)), min_items=41) == []


def test_slicelines_score_is_its_definition():
    # Definition 1: alpha (e_S / e - 1) - (1 - alpha)(n / n_S - 1).
    assert sliceline_score([50], [0.4], 200, 0.2)[0] == pytest.approx(0.95 * 1 - 0.05 * 3)
    assert sliceline_score([200], [0.2], 200, 0.2)[0] == 0
    with pytest.raises(ValueError, match="above 0"):
        sliceline_score([1], [0.0], 10, 0.0)
