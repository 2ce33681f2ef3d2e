"""Consensus about numbers: bias and noise of annotators."""

import numpy as np
import pytest
from scipy import stats

from measures.consensus import (
    bias_estimates,
    bias_variance,
    distance_from_gold,
    mean_consensus,
    median_consensus,
    number_issues,
    number_labels,
)


def drawn(n_items=300, seed=3):
    """Numbers by four annotators of known bias and noise, and the truth."""
    rng = np.random.default_rng(seed)
    bias, noise = np.array([0.0, 2.0, -2.0, 0.0]), np.array([0.3, 0.5, 1.0, 3.0])
    truth = rng.normal(50, 5, n_items)
    item, annotator = np.divmod(np.arange(n_items * 4), 4)
    value = truth[item] + bias[annotator] + noise[annotator] * rng.normal(size=item.size)
    take = rng.random(item.size) < 0.8
    return item[take], annotator[take], value[take], truth


def test_mean_and_median_are_those_of_each_item():
    labels = number_labels([3, 1, 3, 1, 3, 3], [0, 0, 1, 1, 2, 3], [1.0, 5.0, 2.0, 6.0, 9.0, 4.0])
    assert labels.items.tolist() == [1, 3]
    assert mean_consensus(labels).tolist() == [5.5, 4.0]
    assert median_consensus(labels).tolist() == [5.5, 3.0]


def test_bias_and_noise_are_recovered():
    item, annotator, value, truth = drawn()
    labels = number_labels(item, annotator, value)
    model = bias_variance(labels)
    assert model.climb.converged
    # Nobody knows a bias that all share: the biases are around their mean, weighted by labels.
    shared = labels.labels_by_annotator() @ np.array([0.0, 2.0, -2.0, 0.0]) / labels.n_labels
    assert model.bias + shared == pytest.approx([0.0, 2.0, -2.0, 0.0], abs=0.35)
    assert model.noise == pytest.approx([0.3, 0.5, 1.0, 3.0], abs=0.25)
    error = model.value + shared - truth[labels.items]
    assert np.sqrt(np.mean(error**2)) < 0.6 * np.sqrt(
        np.mean((mean_consensus(labels) - truth[labels.items]) ** 2)
    )
    low, high = model.interval(0.95)
    assert np.mean((low + shared <= truth[labels.items]) & (truth[labels.items] <= high)) > 0.8
    assert np.diff(model.climb.trace).min() > -1e-8


def test_the_likelihood_is_that_of_the_normal_distribution():
    """Against scipy's multivariate density, item by item."""
    item, annotator, value, _ = drawn(n_items=12)
    labels = number_labels(item, annotator, value)
    one = bias_variance(labels, max_steps=1)
    # One step reports the likelihood of the start: common variance, no bias.
    mean = mean_consensus(labels)
    residual = labels.value - mean[labels.item]
    pooled = residual @ residual / (labels.n_labels - 12)
    total = 0.0
    for i in range(12):
        x = labels.value[labels.item == i]
        covariance = mean.var() * np.ones((x.size, x.size)) + pooled * np.eye(x.size)
        total += stats.multivariate_normal.logpdf(x, np.full(x.size, mean.mean()), covariance)
    assert one.log_likelihood == pytest.approx(total)


def test_shift_and_scale_shift_and_scale_the_answer():
    item, annotator, value, _ = drawn(n_items=60)
    one = bias_variance(number_labels(item, annotator, value))
    other = bias_variance(number_labels(item, annotator, 10 - 4 * value))
    assert other.value == pytest.approx(10 - 4 * one.value, abs=1e-4)
    assert other.noise == pytest.approx(4 * one.noise, rel=1e-4)
    assert other.bias == pytest.approx(-4 * one.bias, abs=1e-4)


def test_labels_that_never_differ_keep_the_noise_finite():
    labels = number_labels([0, 0, 1, 1, 2, 2], [0, 1] * 3, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0])
    model = bias_variance(labels)
    assert model.value == pytest.approx([1.0, 2.0, 3.0], abs=1e-2)
    assert np.isfinite(model.noise).all()
    constant = bias_variance(number_labels([0, 1], [0, 1], [7.0, 7.0]))
    assert constant.value == pytest.approx([7.0, 7.0])


def test_few_labels_are_marked():
    model = bias_variance(number_labels([0] * 12 + [1], [0] * 12 + [1], list(range(13))))
    assert model.shrunk.tolist() == [False, True]


def test_wrong_numbers_are_refused_in_words():
    with pytest.raises(ValueError, match="first at position 1"):
        number_labels([0, 1], [0, 0], [1.0, float("nan")])
    with pytest.raises(ValueError, match="equally long"):
        number_labels([0], [0, 1], [1.0])
    with pytest.raises(ValueError, match="first 1e\\+300 at position 1"):
        number_labels([0, 1], [0, 0], [1.0, 1e300])
    with pytest.raises(ValueError, match="no labels"):
        bias_variance(number_labels([], [], []))


def test_the_distance_from_gold_is_a_mean_with_its_interval():
    nan = float("nan")
    found = distance_from_gold([1.0, 2.0, 3.0, 9.0], [2.0, 2.0, 1.0, nan])
    assert (found.value, found.n) == (1.0, 3)
    assert found.se == pytest.approx(1 / np.sqrt(3))
    assert found.ci_low == 0.0
    assert distance_from_gold([1.0], [3.0]).ci_low is None
    assert str(distance_from_gold([1.0], [nan]).reason) == "no_data"


def test_bias_and_noise_come_with_intervals_that_hold_what_was_drawn():
    item, annotator, value, _ = drawn()
    labels = number_labels(item, annotator, value)
    found = bias_estimates(labels, bias_variance(labels))
    assert found[1][0].ci_low < 2.0 < found[1][0].ci_high
    assert found[3][1].ci_low < 3.0 < found[3][1].ci_high
    alone = number_labels([0, 1, 2], [0, 0, 0], [1.0, 2.0, 3.0])
    ((bias, noise),) = bias_estimates(alone, bias_variance(alone))
    assert str(bias.reason) == str(noise.reason) == "no_overlap"


def test_a_slip_of_the_pen_comes_first():
    item, annotator, value, _ = drawn(n_items=100)
    value[17] += 40
    labels = number_labels(item, annotator, value)
    found = number_issues(labels, bias_variance(labels))
    assert found.position[0] == 17
    assert found.z[0] > 5
    assert abs(found.expected[0] - (value[17] - 40)) < 12
    assert np.all(np.diff(np.abs(found.z)) <= 0)
