"""Groups of annotators by pairs, and change over periods, against the definitions written out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from measures.agreement import Labels, declare_domain, subgroup_agreement
from measures.agreement import annotator_pairs as by_pairs
from measures.agreement.annotator_pairs import annotator_group_tests, annotator_pairs
from measures.agreement.change import agreement_change

SCALES = ["nominal", "ordinal", "interval"]


def crowd(seed: int, n_items: int = 12, n_annotators: int = 7) -> Labels:
    rng = np.random.default_rng(seed)
    cells = [(i, a) for i in range(n_items) for a in range(n_annotators) if rng.random() < 0.7]
    item, annotator = np.array(cells).T
    return Labels(item, annotator, rng.integers(0, 4, item.size))


def written_out(labels: Labels, distance: np.ndarray, one: set[int], other: set[int]) -> float:
    """1 - observed / expected, over every ordered pair of labels of the two sets."""
    item, who, code = (np.asarray(x) for x in (labels.item, labels.annotator, labels.code))
    shared = {i for i in item if len(set(who[item == i])) > 1}
    apart, met, differing, chances = 0.0, 0, 0.0, 0
    for x, y in permutations(range(item.size), 2):
        if who[x] in one and who[y] in other and {item[x], item[y]} <= shared:
            differing += distance[code[x], code[y]]
            chances += 1
            if item[x] == item[y] and who[x] != who[y]:
                apart += distance[code[x], code[y]]
                met += 1
    return 1 - (apart / met) / (differing / chances)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seed", range(3))
def test_agreement_by_pairs_is_the_definition(scale: str, seed: int) -> None:
    labels = crowd(seed)
    pairs = annotator_pairs(
        labels, declare_domain(["1", "2", "3", "4"], scale), rng=np.random.default_rng(0)
    )
    groups = np.array([0, 0, 0, 1, 1, 1, -1])
    blocks = by_pairs._blocks(pairs, np.zeros(7, np.int64))
    found = by_pairs._coefficients(pairs, blocks, groups[None, :], 2)[0]
    sets = ({0, 1, 2}, {3, 4, 5})
    for one in range(2):
        for other in range(2):
            expected = written_out(labels, pairs.distance, sets[one], sets[other])
            # Single precision of the sums.
            assert found[one, other] == pytest.approx(expected, abs=1e-5)


def test_with_equally_many_labels_it_is_alpha() -> None:
    rng = np.random.default_rng(4)
    item, annotator = np.repeat(np.arange(30), 6), np.tile(np.arange(6), 30)
    labels = Labels(item, annotator, rng.integers(0, 3, 180))
    domain = declare_domain(["a", "b", "c"], "nominal")
    pairs = annotator_pairs(labels, domain, rng=rng)
    groups = np.array([0, 0, 0, 1, 1, 1])
    blocks = by_pairs._blocks(pairs, np.zeros(6, np.int64))
    found = by_pairs._coefficients(pairs, blocks, groups[None, :], 2)[0]
    alphas = subgroup_agreement(labels, groups[annotator], domain, rng=rng, n_replicates=0)
    for one in (0, 1):
        alpha = alphas[one].coefficients["krippendorff_alpha"].value
        assert found[one, one] == pytest.approx(alpha, abs=1e-6)


def test_many_annotators_kept_sparse_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, domain = crowd(9), declare_domain(["1", "2", "3", "4"], "ordinal")
    groups = np.array([0, 0, 1, 1, 2, 2, 2])

    def tested() -> list[float | None]:
        rng = np.random.default_rng(3)
        pairs = annotator_pairs(labels, domain, rng=rng)
        found = annotator_group_tests(pairs, groups, n_groups=3, rng=rng, n_permutations=99)
        return [one.p_value for one in (*found.within.values(), *found.association.values())]

    dense = tested()
    monkeypatch.setattr(by_pairs, "_MAX_DENSE", 1)
    assert tested() == dense


def test_annotators_who_share_nothing_are_never_exchanged() -> None:
    rng = np.random.default_rng(2)
    item = np.concatenate([np.repeat(np.arange(20), 3), np.repeat(np.arange(20, 40), 3)])
    annotator = np.concatenate([np.tile([0, 1, 2], 20), np.tile([3, 4, 5], 20)])
    labels = Labels(item, annotator, rng.integers(0, 2, item.size))
    pairs = annotator_pairs(labels, declare_domain(["a", "b"], "nominal"), rng=rng)
    groups = np.array([0, 0, 0, 1, 1, 1])
    found = annotator_group_tests(pairs, groups, n_groups=2, rng=rng, n_permutations=50)
    assert found.n_strata == 2
    # Dealing within a language changes nothing here, so nothing can be unusual.
    assert found.within[0].p_value == found.within[1].p_value == 1
    assert found.association[0, 1].value is None


def test_random_groups_are_called_different_as_often_as_the_level_says() -> None:
    domain = declare_domain(["1", "2", "3", "4"], "nominal")
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pairs = annotator_pairs(crowd(seed, 20, 10), domain, rng=rng)
        groups = rng.permutation(np.repeat([0, 1], 5))
        found = annotator_group_tests(pairs, groups, n_groups=2, rng=rng, n_permutations=99)
        p_values.append(found.within[0].p_value)
    assert np.mean([p <= 0.2 for p in p_values if p is not None]) < 0.4
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_nothing_at_all_and_one_annotator_have_no_test() -> None:
    domain = declare_domain(["a", "b"], "nominal")
    rng = np.random.default_rng(0)
    nobody = annotator_pairs(Labels([], [], []), domain, rng=rng)
    assert annotator_group_tests(nobody, [], n_groups=0, rng=rng).within == {}
    alone = annotator_pairs(Labels([0, 1], [0, 0], [0, 1]), domain, rng=rng)
    found = annotator_group_tests(alone, [0], n_groups=1, rng=rng)
    assert found.within[0].reason == "too_few_annotators"
    with pytest.raises(ValueError, match="one group for each"):
        annotator_group_tests(alone, [0, 1], n_groups=2, rng=rng)


def test_too_many_pairs_are_thinned_by_items() -> None:
    labels, domain = crowd(1, 400, 7), declare_domain(["1", "2", "3", "4"], "nominal")
    rng = np.random.default_rng(0)
    whole = annotator_pairs(labels, domain, rng=rng)
    part = annotator_pairs(labels, domain, rng=rng, max_pairs=1000)
    assert part.n_items < whole.n_items
    assert part.met.sum() / 2 == pytest.approx(1000, rel=0.3)


def test_change_is_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(6)
    period = np.repeat([0, 1, 2], 400)
    values = rng.random(1200) + 0.1 * period
    found = agreement_change(values, period, rng=rng, ordered=True)
    f = stats.f_oneway(*(values[period == p] for p in range(3))).statistic
    assert found.explained.value == pytest.approx(f * 2 / (f * 2 + 1197))
    assert found.trend.value == pytest.approx(stats.pearsonr(values, period).statistic)
    assert found.method == "permutation"
    assert found.explained.p_value == pytest.approx(1 / 1000)


def test_the_limit_of_the_permutations_is_near_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    values, period = rng.random(900), rng.integers(0, 4, 900)
    dealt = agreement_change(values, period, rng=rng, ordered=True)
    monkeypatch.setattr("measures.agreement.change._MAX_DEALT", 10)
    limit = agreement_change(values, period, rng=rng, ordered=True)
    assert limit.method == "chi_squared"
    assert limit.explained.p_value == pytest.approx(dealt.explained.p_value, abs=0.06)
    assert limit.trend.p_value == pytest.approx(dealt.trend.p_value, abs=0.06)


@pytest.mark.parametrize(
    ("values", "period", "reason"),
    [
        ([], [], "too_few_items"),
        ([1.0, 0.0, 1.0], [0, 0, 0], "too_few_items"),
        ([1.0, 0.0, 1.0], [0, 1, 2], "too_few_items"),
        ([0.5, 0.5, 0.5], [0, 0, 1], "no_variation"),
    ],
)
def test_change_that_cannot_be_known_has_a_reason(
    values: list[float], period: list[int], reason: str
) -> None:
    found = agreement_change(values, period, rng=np.random.default_rng(0))
    assert found.explained.reason == reason
    assert found.trend.reason == "not_applicable"
    with pytest.raises(ValueError, match="one length"):
        agreement_change([1.0], [0, 1], rng=np.random.default_rng(0))
