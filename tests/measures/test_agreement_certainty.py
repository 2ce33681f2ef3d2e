"""How sure agreement is: intervals, benchmarks, second implementations, numbers without a table."""

import math
from collections import Counter

import numpy as np
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa

from measures.agreement import (
    agreement,
    agreement_statistics,
    benchmark_by_replicates,
    benchmark_by_se,
    declare_domain,
    items_for_half_width,
    numeric_agreement,
    numeric_statistics,
    pairwise_agreement,
    second_opinion,
)
from measures.agreement.identified import mean_pairwise_cohen, mean_pairwise_jackknife
from measures.agreement.pair_cells import pair_cells
from tests.measures.agreement_labels import from_contingency, measured, random_labels, statistics_of
from tests.measures.test_agreement_published import (
    DIAGNOSES,
    FOUR_RATERS,
    NEWS_TONE,
    SKIN,
    WINNIPEG,
)


def rng():
    return np.random.default_rng(17)


# --- intervals and benchmarks


def test_bootstrap_interval_has_the_width_of_the_analytic_error():
    item, annotator, code = random_labels(n_items=800)
    found = agreement(
        agreement_statistics(item, annotator, code, n_values=3),
        declare_domain("abc", "nominal"),
        rng=rng(),
    )
    for key in (
        "percent_agreement",
        "fleiss_kappa",
        "conger_kappa",
        "gwet_ac1",
        "krippendorff_alpha",
    ):
        one = found.coefficients[key]
        width = (one.ci_high - one.ci_low) / (2 * 1.96 * one.se)
        assert width == pytest.approx(1.0, abs=0.12), key
        assert one.ci_method == "bootstrap_items_percentile"


def test_four_times_the_items_halve_the_interval():
    found = measured(NEWS_TONE, "0123", "ordinal", rng=rng(), n_replicates=500)
    alpha = found.coefficients["krippendorff_alpha"]
    half = (alpha.ci_high - alpha.ci_low) / 2
    assert items_for_half_width(alpha, half_width=half / 2) == pytest.approx(4 * alpha.n, abs=1)
    assert items_for_half_width(measured([], "ab").coefficients["gwet_ac1"], half_width=0.1) is None
    with pytest.raises(ValueError, match="half_width must be positive"):
        items_for_half_width(alpha, half_width=0)


def test_a_crowd_without_a_panel_still_has_congers_kappa():
    known = measured(FOUR_RATERS, "12345").coefficients["conger_kappa"]
    found = agreement(
        statistics_of(FOUR_RATERS, "12345", with_panel=False),
        declare_domain("12345", "nominal"),
        rng=rng(),
        n_replicates=50,
    )
    crowd = found.coefficients["conger_kappa"]
    assert crowd.value == pytest.approx(known.value)
    assert (crowd.se, crowd.ci_low) == (None, None)
    assert found.coefficients["cohen_kappa_mean_pairwise"].reason == "not_applicable"
    assert "large_crowd" in found.warnings


def test_the_same_seed_gives_the_same_interval():
    one, other = (measured(FOUR_RATERS, "12345", rng=rng(), n_replicates=200) for _ in range(2))
    assert one.coefficients == other.coefficients


def test_items_that_come_in_clusters_widen_the_interval():
    item, annotator, code = random_labels(n_items=60)
    # Each item is there ten times: ten times the items, no more to know.
    copies = np.concatenate([item + 60 * copy for copy in range(10)])
    columns = (copies, np.tile(annotator, 10), np.tile(code, 10))
    domain = declare_domain("abc", "nominal")
    items, clusters = (
        agreement(
            agreement_statistics(*columns, n_values=3, cluster=cluster), domain, rng=rng()
        ).coefficients["krippendorff_alpha"]
        for cluster in (None, np.tile(item, 10))
    )
    assert clusters.value == pytest.approx(items.value)
    assert clusters.ci_method == "bootstrap_groups_percentile"
    ratio = (clusters.ci_high - clusters.ci_low) / (items.ci_high - items.ci_low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.2)
    # The analytic error takes items for independent, so there is none.
    assert clusters.se is None


def test_very_different_items_are_resampled_in_blocks_with_the_same_width():
    draw = np.random.default_rng(6)
    item, annotator = np.divmod(np.arange(16_000), 4)
    code = np.clip(draw.normal(draw.integers(10, 50, 4000)[item], 8), 0, 59).astype(int)
    domain = declare_domain(list(range(60)), "ordinal")
    statistics = agreement_statistics(item, annotator, code, n_values=60, with_panel=False)
    blocks = agreement(statistics, domain, rng=rng(), n_replicates=2200)
    items = agreement(statistics, domain, rng=rng(), n_replicates=400)
    for key in ("krippendorff_alpha_ordinal", "krippendorff_alpha_interval", "gwet_ac1"):
        one, other = blocks.coefficients[key], items.coefficients[key]
        assert one.ci_method == "bootstrap_blocks_percentile"
        assert other.ci_method == "bootstrap_items_percentile"
        ratio = (one.ci_high - one.ci_low) / (other.ci_high - other.ci_low)
        # Ends of a few hundred replicates.
        assert ratio == pytest.approx(1.0, abs=0.2), key
        assert one.ci_low < one.value < one.ci_high


def test_a_single_cluster_gives_no_interval():
    item, annotator, code = random_labels(n_items=50)
    statistics = agreement_statistics(
        item, annotator, code, n_values=3, cluster=np.zeros(item.size, dtype=int)
    )
    found = agreement(statistics, declare_domain("abc", "nominal"), rng=rng())
    assert found.coefficients["krippendorff_alpha"].ci_low is None
    assert found.coefficients["conger_kappa"].ci_low is None
    assert "few_clusters" in found.warnings


def test_benchmark_probabilities_add_up_and_grow_with_the_coefficient():
    bands = benchmark_by_se(0.7, 0.1, scheme="landis_koch")
    assert sum(band.probability for band in bands) == pytest.approx(1.0)
    # Gwet's cumulative membership: P(normal cut to [-1, 1] >= 0.6).
    assert bands[4].probability_at_least == pytest.approx(0.84116, abs=1e-4)
    drawn = np.random.default_rng(0).normal(0.7, 0.1, 4000)
    by_draws = benchmark_by_replicates(np.append(drawn, np.nan), scheme="landis_koch")
    for one, other in zip(bands, by_draws, strict=True):
        assert one.probability_at_least == pytest.approx(other.probability_at_least, abs=0.03)
    assert benchmark_by_replicates([np.nan], scheme="krippendorff") == []
    with pytest.raises(ValueError, match="scheme must be one of"):
        benchmark_by_se(0.7, 0.1, scheme="altman")


# --- second implementations


def test_fleiss_kappa_of_complete_labels_is_that_of_statsmodels():
    counts = np.array([[row.count(k) for k in "12345"] for row in DIAGNOSES])
    found = measured(DIAGNOSES, "12345").coefficients
    assert found["fleiss_kappa"].value == pytest.approx(fleiss_kappa(counts))
    randolph = fleiss_kappa(counts, method="randolph")
    assert found["brennan_prediger"].value == pytest.approx(randolph)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
def test_second_opinion_on_every_alpha_agrees(scale):
    item, annotator, code = random_labels()
    domain = declare_domain([1, 3, 4], scale)
    statistics = agreement_statistics(item, annotator, code, n_values=3)
    found = agreement(statistics, domain, rng=rng(), n_replicates=0)
    pairs = pairwise_agreement(statistics, domain)
    opinions = second_opinion(statistics, domain, found, pairs=pairs, max_pairs=3)
    names = Counter(opinion.coefficient for opinion in opinions)
    assert {f"krippendorff_alpha_{one}" for one in ("nominal", "ordinal", "interval", "ratio")} <= (
        names.keys()
    )
    assert names["cohen_kappa"] == 3
    assert max(abs(opinion.difference) for opinion in opinions) < 1e-9


def test_second_opinion_on_two_annotators_agrees():
    for counts, domain in ((WINNIPEG, "abcd"), (SKIN, "123")):
        statistics = statistics_of(from_contingency(counts, domain), domain)
        declared = declare_domain(domain, "ordinal")
        found = agreement(statistics, declared, rng=rng(), n_replicates=0)
        opinions = second_opinion(statistics, declared, found)
        assert {opinion.library for opinion in opinions} == {"krippendorff", "scikit-learn"}
        assert max(abs(opinion.difference) for opinion in opinions) < 1e-9


def test_second_opinion_is_not_asked_where_it_would_fill_the_memory():
    statistics = statistics_of(FOUR_RATERS, "12345")
    domain = declare_domain("12345", "nominal")
    found = agreement(statistics, domain, rng=rng(), n_replicates=0)
    (opinion,) = second_opinion(statistics, domain, found, max_cells=100)
    assert (opinion.value, opinion.skipped) == (None, "too_large")


# --- numbers without a table


def test_alpha_of_continuous_numbers_ignores_where_zero_is():
    draw = np.random.default_rng(8)
    item, annotator = np.divmod(np.arange(900), 3)
    value = draw.normal(size=300)[item] + draw.normal(size=900)
    for zero in (0.0, 1e7):
        statistics = numeric_statistics(item, annotator, value + zero)
        found = numeric_agreement(statistics, rng=rng())["krippendorff_alpha_interval"]
        # Half of the variance is the items'.
        assert found.value == pytest.approx(0.5, abs=0.08)
        assert found.ci_low < 0.5 < found.ci_high
        assert found.ci_method == "bootstrap_items_percentile"


def test_many_items_are_resampled_in_blocks_with_the_same_width():
    draw = np.random.default_rng(8)
    item, annotator = np.divmod(np.arange(24_000), 2)
    value = np.exp(draw.normal(size=12_000)[item] + draw.normal(size=24_000)).round(1)
    found = numeric_agreement(
        numeric_statistics(item, annotator, value), rng=rng(), n_replicates=200
    )
    ratio = found["krippendorff_alpha_ratio"]
    assert ratio.ci_method == "bootstrap_blocks_percentile"
    assert ratio.ci_low < ratio.value < ratio.ci_high
    by_item = numeric_agreement(
        numeric_statistics(item, annotator, value, cluster=item), rng=rng(), n_replicates=200
    )["krippendorff_alpha_ratio"]
    assert by_item.ci_high - by_item.ci_low == pytest.approx(ratio.ci_high - ratio.ci_low, rel=0.3)


def test_numeric_statistics_add_up():
    draw = np.random.default_rng(9)
    item, annotator = np.divmod(np.arange(120), 2)
    value = draw.normal(size=120)
    halves = [
        numeric_statistics(item[part], annotator[part], value[part])
        for part in (slice(0, 60), slice(60, None))
    ]
    one, other = (
        numeric_agreement(statistics, rng=rng(), n_replicates=0)
        for statistics in (halves[0] + halves[1], numeric_statistics(item, annotator, value))
    )
    assert one == other


def sparse_crowd(seed, n_items=400, n_annotators=40):
    """Three of forty annotators an item: a pair shares two items or so."""
    rng = np.random.default_rng(seed)
    who = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :3]
    truth = rng.integers(0, 2, n_items)
    said = np.where(rng.random(who.shape) < 0.8, truth[:, None], 1 - truth[:, None])
    return np.repeat(np.arange(n_items), 3), who.ravel(), said.ravel()


def test_the_mean_over_pairs_of_a_sparse_crowd_lies_in_its_interval():
    """Resampling empties pairs: resamples of MultiPICo lie from 0.176 to 0.191 about 0.202."""
    item, annotator, code = sparse_crowd(3)
    counted = agreement_statistics(item, annotator, code, n_values=2)
    found = agreement(
        counted, declare_domain("ab", "nominal"), n_replicates=200, rng=np.random.default_rng(5)
    )
    mean = found.coefficients["cohen_kappa_mean_pairwise"]
    assert mean.ci_method == "jackknife_items"
    assert mean.ci_low < mean.value < mean.ci_high
    assert found.parts["cohen_kappa_mean_pairwise"].se_method == "grouped_jackknife"


def test_the_jackknife_leaves_out_one_item_at_a_time_where_there_are_few():
    """Brute force: the mean over pairs with each of 30 items left out."""
    item, annotator, code = sparse_crowd(8, n_items=30, n_annotators=5)
    counted = agreement_statistics(item, annotator, code, n_values=2)
    se, n_groups = mean_pairwise_jackknife(
        counted.panel, clustered=False, rng=np.random.default_rng(1)
    )
    means = []
    for left_out in range(30):
        kept = item != left_out
        rest = agreement_statistics(item[kept], annotator[kept], code[kept], n_values=2)
        means.append(mean_pairwise_cohen(pair_cells(rest.panel))[0])
    brute = np.sqrt(29 / 30 * ((means - np.mean(means)) ** 2).sum())
    assert (se, n_groups) == (pytest.approx(brute), 30)


def test_the_jackknife_is_as_wide_as_the_mean_varies_from_crowd_to_crowd():
    """Fifty crowds: the mean of the standard errors is near the spread of the means."""
    values, errors = [], []
    for seed in range(50):
        counted = agreement_statistics(*sparse_crowd(seed, n_annotators=15), n_values=2)
        values.append(mean_pairwise_cohen(pair_cells(counted.panel))[0])
        jackknife = mean_pairwise_jackknife(
            counted.panel, clustered=False, rng=np.random.default_rng(seed)
        )
        errors.append(jackknife[0])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.35)
