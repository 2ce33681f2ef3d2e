"""Association, leakage and diverging subgroups: printed figures, scipy, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from measures.coverage.association import cramers_v, leakage, missing_patterns
from measures.coverage.cube import Attribute, count_items
from measures.coverage.divergence import (
    against_the_rest,
    divergence_t,
    diverging_subgroups,
    global_contributions,
)

SEX, AGE, SITE = (Attribute(name, ("a", "b")) for name in ("sex", "age", "site"))


def test_the_t_of_a_subgroup_is_the_published_one() -> None:
    # DivExplorer 0.2.6 on COMPAS: 69 of 224 beside 297 of 3,363.
    assert divergence_t(69, 224, 297, 3363) == pytest.approx(7.116857024303984, abs=1e-6)


def test_small_subgroups_are_tested_exactly_and_large_ones_nearly_so() -> None:
    for k, n, k_all, n_all in ((3, 10, 6, 40), (300, 1000, 2700, 10_000)):
        low = stats.hypergeom.cdf(k, n_all, k_all, n)
        high = stats.hypergeom.sf(k - 1, n_all, k_all, n)
        found = against_the_rest([k], [n], k_all, n_all)[0]
        assert found == pytest.approx(min(1, 2 * min(low, high)), rel=0.05)


def test_subgroups_are_counted_as_by_hand() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(-1, 2, (3, 400))
    label = rng.random(400) < np.where((codes[0] == 1) & (codes[1] == 1), 0.9, 0.3)
    whole = count_items([SEX, AGE, SITE], list(codes))
    part = count_items([SEX, AGE, SITE], list(codes[:, label]))
    rows = diverging_subgroups(whole, part, max_level=2, min_items=20)
    assert len(rows) == 6 + 12
    assert rows[0].attributes == {"sex": "b", "age": "b"}
    for row in rows:
        mine = np.ones(400, bool)
        for name, value in row.attributes.items():
            mine &= codes[("sex", "age", "site").index(name)] == "ab".index(value)
        assert (row.n, row.k) == (mine.sum(), label[mine].sum())
        assert row.divergence == pytest.approx(label[mine].mean() - label.mean())
        assert row.p_adjusted >= row.p_value


def test_a_value_that_changes_nothing_contributes_nothing() -> None:
    sex, age = np.repeat([0, 1], 200), np.tile([0, 1], 200)
    label = sex == 1
    whole = count_items([SEX, AGE], [sex, age])
    part = count_items([SEX, AGE], [sex[label], age[label]])
    rows = diverging_subgroups(whole, part, max_level=2, min_items=1)
    found = global_contributions(rows, {"sex": 2, "age": 2})
    assert found["age", "a"] == pytest.approx(0)
    # Alone 1/2 x 1/2 x 0.5; beside each of two ages 1/2 x 1/4 x 0.5.
    assert found["sex", "b"] == pytest.approx(0.125 + 2 * 0.0625)
    assert found["sex", "a"] == pytest.approx(-found["sex", "b"])


def test_nothing_at_all_has_no_subgroups_and_no_patterns() -> None:
    nothing = count_items([SEX], [[]])
    assert diverging_subgroups(nothing, nothing) == []
    assert missing_patterns(nothing) == []
    found = leakage([], [])
    assert (found.n_groups, found.n_split, found.n_items_split) == (0, 0, 0)


def test_association_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    table = np.array([[30, 20, 50], [10, 60, 40], [0, 0, 0]])
    found = cramers_v(table, rng=rng)
    other = stats.contingency.association(table[:2], method="cramer")
    assert found.value == pytest.approx(other)
    assert found.p_value == pytest.approx(stats.chi2_contingency(table[:2]).pvalue)
    rare = np.array([[1, 9], [8, 2]])
    assert cramers_v(rare, rng=rng).p_value == pytest.approx(
        stats.fisher_exact(rare).pvalue, abs=0.006
    )
    assert cramers_v([[4, 0], [5, 0]], rng=rng).reason == "one_class"
    with pytest.raises(ValueError, match="negative"):
        cramers_v([[-1, 2], [3, 4]], rng=rng)


def test_missing_values_are_counted_by_what_is_missing_together() -> None:
    cube = count_items([SEX, AGE], [[0, -1, -1, 1], [0, -1, -1, -1]])
    assert missing_patterns(cube) == [(("sex", "age"), 2), ((), 1), (("age",), 1)]


def test_a_group_in_two_parts_leaks_with_all_its_items() -> None:
    found = leakage([7, 7, 7, 8, 9, 9], [0, 0, 1, 1, 0, -1])
    assert (found.n_groups, found.n_split, found.n_items_split) == (3, 1, 3)
    assert found.split.tolist() == [7]
    with pytest.raises(ValueError, match="as many parts"):
        leakage([1], [0, 1])
