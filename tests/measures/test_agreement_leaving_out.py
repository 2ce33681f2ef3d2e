"""Intervals of alpha without an annotator, against leaving out items one by one."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from scipy import stats

from measures.agreement import agreement_statistics, annotator_agreement, declare_domain
from measures.agreement.coincidences import alpha_of_coincidences, alphas_of_coincidences


def labels(n_items: int, n_annotators: int, seed: int) -> np.ndarray:
    """Answers of 0 to 2 with a third missing, the last annotator guessing: (A, N), NaN for none."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n_items)
    given = np.where(rng.random((n_annotators, n_items)) < 0.7, truth, rng.integers(0, 3, n_items))
    given[-1] = rng.integers(0, 3, n_items)
    return np.where(rng.random(given.shape) < 0.3, np.nan, given)


def measured(table: np.ndarray, scale: str, cluster: np.ndarray | None = None):
    annotator, item = np.nonzero(np.isfinite(table))
    statistics = agreement_statistics(
        *(item, annotator, table[annotator, item].astype(np.int64)),
        n_values=3,
        cluster=None if cluster is None else cluster[item],
    )
    rng = np.random.default_rng(0)
    return annotator_agreement(statistics, declare_domain([0, 1, 2], scale), rng=rng)


def alpha(table: np.ndarray, scale: str) -> float:
    return float(krippendorff.alpha(table, value_domain=[0, 1, 2], level_of_measurement=scale))


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_the_interval_is_that_of_leaving_out_each_item(scale: str) -> None:
    """With at most 100 items every group is one item; krippendorff computes each alpha."""
    table = labels(40, 4, seed=3)
    found = measured(table, scale)

    for who, one in enumerate(found):
        alone = np.delete(table, who, axis=0)
        left = range(table.shape[1])
        without = np.array([alpha(np.delete(alone, i, axis=1), scale) for i in left])
        whole = np.array([alpha(np.delete(table, i, axis=1), scale) for i in left])
        for estimate, point, values in (
            (one.alpha_without, alpha(alone, scale), without),
            (one.alpha_change, alpha(table, scale) - alpha(alone, scale), whole - without),
        ):
            n = len(values)
            se = np.sqrt((n - 1) / n * np.square(values - values.mean()).sum())
            reach = stats.t.ppf(0.975, n - 1) * se
            assert estimate.value == pytest.approx(point, abs=1e-9)
            assert estimate.ci_low == pytest.approx(point - reach, abs=1e-8)
            assert estimate.ci_high == pytest.approx(point + reach, abs=1e-8)
            assert estimate.ci_method == "jackknife_items"


def test_who_guesses_is_told_from_the_others_by_the_interval() -> None:
    found = measured(labels(400, 4, seed=5), "nominal")

    assert found[-1].alpha_change.ci_high < 0
    assert all(one.alpha_change.ci_low > 0 for one in found[:-1])


def test_clusters_stay_together() -> None:
    """Every item five times: clusters know that nothing was learned by that."""
    table = labels(60, 3, seed=7)
    cluster = np.tile(np.arange(60), 5)
    wide = measured(np.tile(table, 5), "nominal", cluster)[0].alpha_without
    narrow = measured(np.tile(table, 5), "nominal")[0].alpha_without
    once = measured(table, "nominal")[0].alpha_without

    assert wide.ci_method == "jackknife_groups"
    assert wide.ci_high - wide.ci_low == pytest.approx(once.ci_high - once.ci_low, rel=0.02)
    assert wide.ci_high - wide.ci_low > 1.8 * (narrow.ci_high - narrow.ci_low)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
def test_many_alphas_at_once_are_each_as_one(scale: str) -> None:
    rng = np.random.default_rng(1)
    half = rng.integers(0, 5, (20, 3, 3)) * 1.0
    matrices = half + half.transpose(0, 2, 1)
    matrices[0] = 0.0
    matrices[1] = np.diag([4.0, 0.0, 0.0])
    domain = declare_domain([0, 1, 2], scale)
    many = alphas_of_coincidences(matrices, domain)

    assert np.isnan(many[:2]).all()
    assert [alpha_of_coincidences(one, domain) for one in matrices[2:]] == pytest.approx(many[2:])
    assert np.isfinite(many[2:]).all()
