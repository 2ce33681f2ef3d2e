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
        The consensus; where two values are equally probable, the majority's.
    majority : int64 array (n_items,)
        What most labels say; a tie goes to the value that the model finds more probable.
    quality : float array (n_items,)
        Posterior of the consensus, in [0, 1].
    agreement : float array (n_items,)
        Share of the item's labels that are the consensus.
    annotator_weight : float array (n_annotators,)
    annotator_quality : float array (n_annotators,)
        In [0, 1], 1 is best: the mean posterior of the annotator's labels and how often they are
        the consensus, weighed as the model and the annotators are.
    annotator_agreement : float array (n_annotators,)
        Share of the annotator's labels that are the consensus, on items of several labels; NaN
        without any.
    model_weight : float
    likelihood : float
        Share of labels that are the consensus, on items of several labels.
    """

    posterior: FloatArray
    code: IntArray
    majority: IntArray
    quality: FloatArray
    agreement: FloatArray
    annotator_weight: FloatArray
    annotator_quality: FloatArray
    annotator_agreement: FloatArray
    model_weight: float
    likelihood: float

    def heard(self, counts: LabelCounts) -> FloatArray:
        """Weight of the labels of each item: (n_items,)."""
        row, annotator, _, count = counts.entries()
        return summed(row, count * self.annotator_weight[annotator], counts.n_items)


def crowdlab(counts: LabelCounts, y_prob: ArrayLike) -> Crowdlab:
    """Weigh annotators and a model by how much better they are than the most frequent value.

    The weights come from agreement with the majority first; with the consensus that they give
    they are found once more.

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
    Goh, Tkachenko and Mueller (2022), "CROWDLAB: supervised learning to infer consensus labels and
    quality scores for data with multiple annotators", eq. 1 to 8; the second round as in cleanlab.
    """
    prob = np.asarray(y_prob, dtype=np.float64)
    votes = counts.by_value()
    _check(prob, votes)
    others = agreement_weights(counts)
    major = majority_by_model(votes, prob)
    first = _weighed(counts, votes, prob, major, others)
    top = first.posterior.max(axis=1)
    tied = (first.posterior >= top[:, None]).sum(axis=1) > 1
    code = np.where(tied, major, first.posterior.argmax(axis=1))
    found = _weighed(counts, votes, prob, code, others)
    rows = np.arange(counts.n_items)
    quality, agreement = _annotators(counts, code, found)
    return Crowdlab(
        posterior=found.posterior,
        code=code,
        majority=major,
        quality=found.posterior[rows, code],
        agreement=votes[rows, code] / votes.sum(axis=1),
        annotator_weight=found.weight,
        annotator_quality=quality,
        annotator_agreement=agreement,
        model_weight=found.model_weight,
        likelihood=found.likelihood,
    )


def _check(prob: FloatArray, votes: FloatArray) -> None:
    if prob.shape != votes.shape:
        raise ValueError(
            f"y_prob must have shape {votes.shape}, one row an item with labels; got {prob.shape}."
        )
    if votes.shape[1] < 2:
        raise ValueError("CROWDLAB needs at least two values; the question has one.")
    if not (votes.sum(axis=1) > 1).any():
        raise ValueError(
            "No item has two labels, so nothing tells how good the annotators are; "
            "collect second labels first."
        )


def majority_by_model(votes: FloatArray, prob: FloatArray) -> IntArray:
    """Most frequent value of each item; a tie goes to the value that the model finds more probable.

    Then to the one that is more frequent over all items, then to the first.

    Parameters
    ----------
    votes, prob : float arrays (n_items, n_values)

    Returns
    -------
    int64 array (n_items,)
    """
    leading = votes >= votes.max(axis=1, keepdims=True)
    by_model = np.where(leading, prob, -1.0)
    leading &= by_model >= by_model.max(axis=1, keepdims=True)
    frequency = np.where(leading, votes.sum(axis=0), -1.0)
    return np.asarray(frequency.argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    posterior: FloatArray
    weight: FloatArray
    model_weight: float
    likelihood: float


def _weighed(
    counts: LabelCounts,
    votes: FloatArray,
    prob: FloatArray,
    consensus: IntArray,
    others: FloatArray,
) -> _Weighed:
    """Weights by agreement with a consensus, and the mean of model and labels that they give."""
    n = votes.sum(axis=1)
    several = n > 1
    rows = np.arange(counts.n_items)
    likelihood = float((votes[rows, consensus] / n)[several].mean())
    common = np.bincount(consensus[several]).argmax()
    base = max(float((consensus[several] != common).mean()), _LEAST_WEIGHT)
    weight = np.maximum(1.0 - (1.0 - others) / base, _LEAST_WEIGHT)
    error = float((prob[several].argmax(axis=1) != consensus[several]).mean())
    model_weight = max(1.0 - error / base, _LEAST_WEIGHT) * float(np.sqrt(n.mean()))
    row, annotator, code, count = counts.entries()
    k = counts.n_values
    other = (1.0 - likelihood) / (k - 1)
    given_weight = count * weight[annotator]
    heard = summed(row, given_weight, counts.n_items)
    given = summed(row * k + code, given_weight, counts.n_items * k).reshape(-1, k)
    said = given * (likelihood - other) + heard[:, None] * other
    posterior = (model_weight * prob + said) / (model_weight + heard)[:, None]
    return _Weighed(posterior, weight, model_weight, likelihood)


def posterior_share(counts: LabelCounts, model_weight: float, weight: FloatArray) -> float:
    """How much the posterior counts in the quality of annotators, beside their agreement."""
    labels = float(weight.mean()) * counts.n_labels / counts.n_items
    return model_weight / (model_weight + labels)


def _annotators(
    counts: LabelCounts, consensus: IntArray, found: _Weighed
) -> tuple[FloatArray, FloatArray]:
    """Quality of each annotator, and the share of own labels that are the consensus."""
    row, annotator, code, count = counts.entries()
    size = counts.n_annotators
    n_by_item = summed(row, count, counts.n_items)
    shared = count * (n_by_item[row] > 1)
    own = summed(annotator, count * found.posterior[row, code], size)
    own /= summed(annotator, count, size)
    met = summed(annotator, shared * (code == consensus[row]), size)
    total = summed(annotator, shared, size)
    agreement = np.divide(met, total, out=np.full(size, np.nan), where=total > 0)
    share = posterior_share(counts, found.model_weight, found.weight)
    # Whoever shares no item is judged by the posterior alone.
    mixed = np.where(total > 0, share * own + (1 - share) * np.nan_to_num(agreement), own)
    return mixed, agreement
