"""Intervals of CROWDLAB's figures and of spammer scores: against resampling, and against truth."""

from __future__ import annotations

import numpy as np
import pytest

from measures.consensus import (
    crowdlab,
    crowdlab_certainty,
    dawid_skene,
    label_counts,
    reliability,
)
from measures.consensus.crowdlab import posterior_share
from measures.consensus.reliability import spammer_scores
from measures.estimates import Reason


def crowd(n_items: int, confusion: np.ndarray, seed: int, share: float = 0.6):
    """Labels by annotators with these confusions, each item shown to a part of them."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, confusion.shape[1], n_items)
    item, annotator = np.nonzero(rng.random((n_items, len(confusion))) < share)
    chance = confusion[annotator, truth[item]].cumsum(axis=1)
    code = (rng.random(len(item))[:, None] > chance).sum(axis=1)
    return item, annotator, code, truth


def coins(accuracies: list[float], k: int = 3) -> np.ndarray:
    """Confusions of annotators who err alike on every value."""
    right = np.array(accuracies)[:, None, None] * np.eye(k)
    wrong = (1 - np.array(accuracies))[:, None, None] * (1 - np.eye(k)) / (k - 1)
    return right + wrong


def test_annotator_quality_varies_as_items_drawn_anew_make_it() -> None:
    item, annotator, code, truth = crowd(300, coins([0.9, 0.8, 0.6, 0.4]), seed=1)
    counts = label_counts(item, annotator, code, n_values=3)
    prob = np.full((counts.n_items, 3), 0.2) + 0.4 * np.eye(3)[truth[counts.items]]
    found = crowdlab(counts, prob)
    sure = crowdlab_certainty(counts, found)
    row, who, given, count = counts.entries()
    several = np.asarray(counts.matrix.sum(axis=1)).ravel() > 1
    share = posterior_share(counts, found.model_weight, found.annotator_weight)
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(800):
        times = np.bincount(
            rng.integers(0, counts.n_items, counts.n_items), minlength=counts.n_items
        )
        n = np.bincount(who, times[row] * count)
        own = np.bincount(who, times[row] * count * found.posterior[row, given]) / n
        shared = times[row] * count * several[row]
        met = np.bincount(who, shared * (given == found.code[row])) / np.bincount(who, shared)
        drawn.append(share * own + (1 - share) * met)
    spread = np.std(drawn, axis=0)

    assert [one.value for one in sure.quality] == pytest.approx(found.annotator_quality)
    assert [one.se for one in sure.quality] == pytest.approx(spread, rel=0.12)
    assert [one.value for one in sure.agreement] == pytest.approx(found.annotator_agreement)
    assert sure.likelihood.value == pytest.approx(found.likelihood)
    assert sure.likelihood.ci_low < found.likelihood < sure.likelihood.ci_high
    assert sure.quality[0].ci_low > sure.quality[2].ci_high


def test_one_item_gives_an_annotator_no_interval() -> None:
    counts = label_counts([0, 0, 1, 1, 2], [0, 1, 0, 1, 2], [0, 0, 1, 1, 0], n_values=2)
    sure = crowdlab_certainty(counts, crowdlab(counts, np.full((3, 2), 0.5)))

    assert sure.quality[2].value is not None
    assert sure.quality[2].ci_low is None
    assert sure.agreement[2].reason == Reason.NO_OVERLAP


def test_spammer_scores_lie_in_their_intervals() -> None:
    truth = coins([0.95, 0.85, 0.7, 0.5, 1 / 3] * 8)
    item, annotator, code, _ = crowd(250, truth, seed=4, share=0.5)
    counts = label_counts(item, annotator, code, n_values=3)
    rng = np.random.default_rng(0)
    found = reliability(counts, dawid_skene(counts), rng=rng)
    scores = [one.spammer_score for one in found]
    held = [
        one.ci_low <= score <= one.ci_high
        for one, score in zip(scores, spammer_scores(truth), strict=True)
    ]

    assert np.mean(held) >= 0.85
    assert np.mean(held[4::5]) >= 0.75  # who guess: by chance alone they seem to say a little
    assert all(one.ci_low <= one.value <= one.ci_high for one in scores)
    assert all(one.ci_method == "dirichlet_draws" for one in scores)
    assert max(one.ci_high for one in scores[4::5]) < min(one.ci_low for one in scores[::5])


def test_scores_have_no_interval_without_a_seed() -> None:
    counts = label_counts([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], n_values=2)

    assert reliability(counts, dawid_skene(counts))[0].spammer_score.ci_low is None
