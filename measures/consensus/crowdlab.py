"""CROWDLAB: labels of several annotators and a model's probabilities, weighed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from measures.consensus.counts import FloatArray, IntArray, LabelCounts, summed
from measures.consensus.majority import agreement_weights

_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Crowdlab:
    """The weighed consensus.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
    code : int64 array (n_items,)
        The value with the largest posterior; where two are equal, the majority's.
    quality : float array (n_items,)
        Posterior of that value, in [0, 1].
    annotator_weight : float array (n_annotators,)
    model_weight : float
    relabel_score : float array (n_items,)
        ActiveLab: low means that one more label would help most.
    """

    posterior: FloatArray
    code: IntArray
    quality: FloatArray
    annotator_weight: FloatArray
    model_weight: float
    relabel_score: FloatArray


def crowdlab(counts: LabelCounts, y_prob: ArrayLike) -> Crowdlab:
    """Weigh annotators and a model by how much better they are than the most frequent value.

    Parameters
    ----------
    counts : LabelCounts
    y_prob : array_like of float, shape (n_items, n_values)
        Out-of-fold probabilities of a model, in the order of ``counts.items``.

    Returns
    -------
    Crowdlab

    Raises
    ------
    ValueError
        When the shape is wrong, there are fewer than two values, or no item has two labels (then
        nothing tells how good anybody is).

    References
    ----------
    Goh, Tkachenko and Mueller (2022), "CROWDLAB", eq. 1 to 6; Goh and Mueller (2023),
    "ActiveLab", eq. 1 to 3.
    """
    prob = np.asarray(y_prob, dtype=np.float64)
    votes = counts.by_value()
    n = votes.sum(axis=1)
    _check(prob, votes, n)
    major = _majority_by_model(votes, prob)
    several = n > 1
    rows = np.arange(counts.n_items)
    agreed = float((votes[rows, major] / n)[several].mean())
    common = np.bincount(major[several]).argmax()
    base_error = max(float((major[several] != common).mean()), _LEAST_WEIGHT)
    error = 1.0 - agreement_weights(counts)
    weight = np.maximum(1.0 - error / base_error, _LEAST_WEIGHT)
    model_error = float((prob[several].argmax(axis=1) != major[several]).mean())
    model_weight = max(1.0 - model_error / base_error, _LEAST_WEIGHT) * float(np.sqrt(n.mean()))
    posterior, heard = _weighed(counts, prob, agreed, weight, model_weight)
    top = posterior.max(axis=1)
    tied = (posterior >= top[:, None]).sum(axis=1) > 1
    code = np.where(tied, major, posterior.argmax(axis=1))
    quality = posterior[rows, code]
    fresh = float(weight.mean())
    total = heard + model_weight
    return Crowdlab(
        posterior=posterior,
        code=code,
        quality=quality,
        annotator_weight=weight,
        model_weight=model_weight,
        relabel_score=(total * quality + fresh / counts.n_values) / (total + fresh),
    )


def relabel_score_unlabelled(
    y_prob: ArrayLike, *, model_weight: float, annotator_weight: ArrayLike
) -> FloatArray:
    """ActiveLab's score of items that nobody has labelled yet, on the same scale.

    Parameters
    ----------
    y_prob : array_like of float, shape (n_items, n_values)
    model_weight, annotator_weight
        As :func:`crowdlab` found them.
    """
    prob = np.asarray(y_prob, dtype=np.float64)
    fresh = float(np.asarray(annotator_weight, dtype=np.float64).mean())
    mixed = model_weight * prob.max(axis=1) + fresh / prob.shape[1]
    return np.asarray(mixed / (model_weight + fresh), dtype=np.float64)


def _check(prob: FloatArray, votes: FloatArray, n: FloatArray) -> None:
    if prob.shape != votes.shape:
        raise ValueError(
            f"y_prob must have shape {votes.shape}, one row an item with labels; got {prob.shape}."
        )
    if votes.shape[1] < 2:
        raise ValueError("CROWDLAB needs at least two values; the question has one.")
    if not (n > 1).any():
        raise ValueError(
            "No item has two labels, so nothing tells how good the annotators are; "
            "collect second labels first."
        )


def _majority_by_model(votes: FloatArray, prob: FloatArray) -> IntArray:
    """Most frequent value; a tie goes to the value that the model finds more probable, then to
    the one that is more frequent over all items, then to the first."""
    leading = votes >= votes.max(axis=1, keepdims=True)
    by_model = np.where(leading, prob, -1.0)
    leading &= by_model >= by_model.max(axis=1, keepdims=True)
    frequency = np.where(leading, votes.sum(axis=0), -1.0)
    return np.asarray(frequency.argmax(axis=1), dtype=np.int64)


def _weighed(
    counts: LabelCounts,
    prob: FloatArray,
    agreed: float,
    weight: FloatArray,
    model_weight: float,
) -> tuple[FloatArray, FloatArray]:
    """Weighted mean of what the model and each label say, and the weight of the labels heard."""
    row, annotator, code, count = counts.entries()
    k = counts.n_values
    other = (1.0 - agreed) / (k - 1)
    heard_label = count * weight[annotator]
    heard = summed(row, heard_label, counts.n_items)
    given = summed(row * k + code, heard_label, counts.n_items * k)
    said = given.reshape(-1, k) * (agreed - other) + heard[:, None] * other
    return (model_weight * prob + said) / (model_weight + heard)[:, None], heard
