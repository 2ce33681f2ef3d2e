"""Reliability, gold, drift, pace and assignment of single annotators."""

import numpy as np
import pytest
from scipy import stats

from measures.consensus import (
    assignment_check,
    consensus_without,
    dawid_skene,
    drift,
    gold_accuracy,
    label_counts,
    majority_shares,
    pace,
    reliability,
    shared_items,
    spammer_scores,
)
from tests.measures.consensus_labels import (
    anaesthetists,
    bluebirds,
    from_text,
    needs_data,
    reference,
    simulated,
)


@needs_data
def test_gold_accuracy_of_bluebird_annotators():
    counts, gold = bluebirds()
    expected = reference("crowd_bluebird")
    model = dawid_skene(counts)
    found = gold_accuracy(counts, gold)
    for name, one in zip(counts.annotators.tolist(), found, strict=True):
        assert one.value == pytest.approx(expected["worker_accuracy_vs_gold"][str(name)], abs=1e-6)
        assert one.ci_low < one.value < one.ci_high
    diagonal = [np.mean(np.diag(np.array(one.confusion))) for one in reliability(counts, model)]
    ranks = stats.spearmanr([one.value for one in found], diagonal).statistic
    assert ranks == pytest.approx(0.9468, abs=5e-5)


@needs_data
def test_no_anaesthetist_is_alone_and_the_intervals_hold_the_values():
    counts = anaesthetists()
    found = reliability(counts, dawid_skene(counts))
    assert [one.n_labels for one in found] == [135, 45, 45, 45, 45]
    assert all(one.n_items == one.n_items_shared == 45 for one in found)
    for one in found:
        assert one.accuracy.ci_low < one.accuracy.value < one.accuracy.ci_high
        assert not one.shrunk
    # Three times the labels, and so a narrower interval.
    widths = [one.accuracy.ci_high - one.accuracy.ci_low for one in found]
    assert widths[0] < min(widths[1:])


def test_the_spammer_score_is_the_sum_over_pairs_of_rows():
    rng = np.random.default_rng(4)
    confusion = rng.dirichlet(np.ones(4), (6, 4))
    expected = [
        sum(((m[j] - m[k]) ** 2).sum() for j in range(4) for k in range(j)) / (4 * 3)
        for m in confusion
    ]
    assert spammer_scores(confusion) == pytest.approx(expected)
    perfect, liar = np.eye(2), np.eye(2)[::-1]
    spammer = np.array([[0.7, 0.3], [0.7, 0.3]])
    assert spammer_scores(np.array([perfect, liar, spammer])).tolist() == [1.0, 1.0, 0.0]


def test_intervals_of_accuracy_cover_what_was_drawn():
    covered = []
    for seed in range(25):
        item, annotator, code, _ = simulated(n_items=150, seed=seed, kept=1.0)
        counts = label_counts(item, annotator, code, n_values=3)
        for one, drawn in zip(
            reliability(counts, dawid_skene(counts)), (0.95, 0.8, 0.8, 0.6, 0.6), strict=True
        ):
            covered.append(one.accuracy.ci_low <= drawn <= one.accuracy.ci_high)
    # 125 intervals at 95 %, which take the true values' posterior as known.
    assert np.mean(covered) > 0.88


def test_few_labels_lean_on_everybody_and_say_so():
    item, annotator, code, _ = simulated(n_items=200, kept=1.0)
    item, annotator, code = (
        np.append(item, [0, 1]),
        np.append(annotator, [5, 5]),
        np.append(code, [0, 0]),
    )
    counts = label_counts(item, annotator, code, n_values=3)
    leaning = reliability(counts, dawid_skene(counts))[5]
    alone = reliability(counts, dawid_skene(counts, min_labels=0))[5]
    assert leaning.shrunk
    assert not alone.shrunk
    assert 0.4 < leaning.accuracy.value < 0.95
    assert min(leaning.confusion[0]) > 0.01
    assert leaning.accuracy.ci_high - leaning.accuracy.ci_low > 0.3


def test_shared_items_and_the_others():
    counts = from_text("00./0../1.1/.../..1", 2)
    n_items, n_shared = shared_items(counts)
    assert n_items.tolist() == [3, 1, 2]
    assert n_shared.tolist() == [2, 1, 1]


def test_who_decides_is_seen_when_they_are_left_out():
    item, annotator, code, _ = simulated(
        n_items=300, accuracy=(0.98, 0.6, 0.6, 0.6), n_values=2, kept=1.0
    )
    counts = label_counts(item, annotator, code, n_values=2)
    found = consensus_without(counts, dawid_skene(counts))
    assert all(one.ci_low <= one.value <= one.ci_high for one in found)
    changes = [one.value for one in found]
    assert changes[0] > 0.05
    assert changes[0] > max(changes[1:])
    lone = consensus_without(from_text("0./.1", 2), dawid_skene(from_text("0./.1", 2)))
    assert [str(one.reason) for one in lone] == ["no_overlap"] * 2


def test_an_annotator_who_tires_is_found_and_the_others_are_not():
    rng = np.random.default_rng(8)
    annotator = np.repeat(np.arange(5), 200)
    time = np.tile(np.arange(200.0), 5)
    good = np.where(annotator == 3, 0.95 - 0.4 * (time > 120), 0.85)
    score = (rng.random(1000) < good).astype(float)
    found = drift(annotator, time, score, n_annotators=6)
    assert found[3].p_adjusted < 0.001
    assert found[3].value < -0.2
    assert found[3].ci_high < 0
    assert all(one.p_adjusted > 0.05 for i, one in enumerate(found[:5]) if i != 3)
    assert str(found[5].reason) == "no_data"
    order = rng.permutation(1000)
    again = drift(annotator[order], time[order], score[order], n_annotators=6)
    assert again[3].value == pytest.approx(found[3].value)


def test_drift_needs_labels_and_something_that_varies():
    few = drift([0] * 9, range(9), [0, 1, 0, 1, 0, 1, 0, 1, 0], n_annotators=1)
    same = drift([0] * 20, range(20), [1] * 20, n_annotators=1)
    frozen = drift([0] * 20, [5] * 20, list(range(20)), n_annotators=1)
    assert str(few[0].reason) == "too_few_items"
    assert str(same[0].reason) == str(frozen[0].reason) == "no_variation"
    with pytest.raises(ValueError, match="equally long"):
        drift([0], [1.0, 2.0], [1.0], n_annotators=1)


def test_pace_is_compared_on_the_same_items():
    """Annotator 1 takes half of what 0 and 2 take, on long and short items alike."""
    item = np.repeat(np.arange(40), 3)
    annotator = np.tile([0, 1, 2], 40)
    long = 1000.0 * (1 + item % 4)
    found = pace(item, annotator, long * np.array([1, 0.5, 1])[annotator], n_annotators=4)
    assert found[1].ratio.value == pytest.approx(0.5)
    assert found[0].ratio.value == pytest.approx(1 / np.sqrt(0.5))
    assert found[0].median.value == pytest.approx(np.sqrt(2000 * 3000))
    assert (found[0].median.ci_low, found[0].median.ci_high) == pytest.approx((2000.0, 3000.0))
    assert str(found[3].median.reason) == "no_data"
    assert str(found[3].ratio.reason) == "no_overlap"


def test_the_median_of_the_others_leaves_the_own_label_out():
    item, annotator = [0] * 5 + [1], [0, 1, 2, 3, 4, 0]
    found = pace(item, annotator, [1.0, 2.0, 3.0, 4.0, 5.0, 9.0], n_annotators=5)
    others = np.array([np.sqrt(3 * 4), np.sqrt(3 * 4), np.sqrt(2 * 4), np.sqrt(2 * 3)])
    ratios = [one.ratio.value for one in found[:4]]
    assert ratios == pytest.approx((np.array([1.0, 2.0, 3.0, 4.0]) / others).tolist())
    lone = pace([0, 1], [0, 1], [1.0, 2.0], n_annotators=2)
    assert [str(one.ratio.reason) for one in lone] == ["no_overlap"] * 2


def test_an_annotator_with_other_items_is_not_compared_blindly():
    rng = np.random.default_rng(2)
    truth = np.repeat([0, 1], 100)
    pairs = [(i, a) for i in range(200) for a in range(3)]
    pairs += [(i, 3) for i in range(100)]
    item, annotator = np.array(pairs).T
    code = np.where(rng.random(item.size) < 0.9, truth[item], 1 - truth[item])
    counts = label_counts(item, annotator, code, n_values=2)
    found = assignment_check(counts, majority_shares(counts))
    assert [one.comparable for one in found] == [True, True, True, False]
    assert found[3].difference.value > 0.5
    assert found[3].difference.p_adjusted < 0.001
    assert found[0].difference.value == 0.0


def test_annotators_who_share_no_item_are_in_different_components():
    counts = from_text("01../10../00../..11", 2)
    found = assignment_check(counts, majority_shares(counts))
    assert [one.component for one in found] == [0, 0, 1, 1]
    assert [one.comparable for one in found] == [True, True, False, False]
