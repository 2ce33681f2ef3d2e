"""Counting heads: the value that most labels give, all alike or weighted by annotator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from measures.consensus.counts import FloatArray, LabelCounts


def majority_shares(counts: LabelCounts) -> FloatArray:
    """Share of each item's labels that give each value.

    Returns
    -------
    float array (n_items, n_values)
        Rows that sum to 1. The most frequent value is :func:`measures.consensus.decide` of it.
    """
    votes = counts.by_value()
    # numpy's own sum along short rows takes several times as long.
    votes /= np.einsum("ij->i", votes)[:, None]
    return votes


def weighted_majority_shares(counts: LabelCounts, weights: ArrayLike) -> FloatArray:
    """Share of each item's labels that give each value, with a weight for each annotator.

    Parameters
    ----------
    counts : LabelCounts
    weights : array_like of float >= 0, shape (n_annotators,)
        In the order of ``counts.annotators``.

    Returns
    -------
    float array (n_items, n_values)
        Rows that sum to 1. An item that only annotators of weight 0 labelled counts them alike.

    Raises
    ------
    ValueError
        When there is not one finite weight >= 0 for each annotator.
    """
    each = np.asarray(weights, dtype=np.float64)
    if each.shape != (counts.n_annotators,) or not (np.isfinite(each) & (each >= 0)).all():
        raise ValueError(
            f"weights must be {counts.n_annotators} finite numbers >= 0, one an annotator; "
            f"got shape {each.shape}."
        )
    row, annotator, code, count = counts.entries()
    size = counts.n_items * counts.n_values
    votes = np.bincount(row * counts.n_values + code, count * each[annotator], size)
    votes = votes.reshape(counts.n_items, counts.n_values)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.where(total > 0, total, 1.0), majority_shares(counts))


def agreement_weights(counts: LabelCounts) -> FloatArray:
    """How often each annotator's labels are those of the others, as a weight.

    Returns
    -------
    float array (n_annotators,)
        In [0, 1]: share of pairs of an own label and another annotator's label for the same item
        that agree; the mean of the others' shares where an annotator shares no item, and 1 where
        nobody does.
    """
    row, annotator, code, count = counts.entries()
    n_by_item = np.asarray(counts.matrix.sum(axis=1), dtype=np.float64).ravel()
    same = counts.by_value()[row, code] - count
    pair_of = counts.pairs()[2]
    own = np.bincount(pair_of, count)[pair_of] if count.size else count
    pairs = np.bincount(annotator, count * (n_by_item[row] - own), counts.n_annotators)
    agreed = np.bincount(annotator, count * same, counts.n_annotators)
    shares = agreed / np.where(pairs > 0, pairs, 1.0)
    known = pairs > 0
    fallback = float(shares[known].mean()) if known.any() else 1.0
    return np.where(known, np.minimum(shares, 1.0), fallback)
