"""Weighted sums over label-count patterns: all that the exchangeable coefficients are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from measures.agreement.coincidences import coincidence_matrix
from measures.agreement.distances import rank_midpoints
from measures.agreement.scales import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class PatternMoments:
    """What one item of each pattern adds to the sums; the linear part of every coefficient.

    Parameters
    ----------
    table : array of shape (P, 2 + 2 K + W + D)
        Rated, pairable, shares of the values, pairable counts, agreement by weights, distances.
    counts : array of shape (P, K)
        Label counts, for the ordinal distance whose ranks change with every replicate.
    weights : dict of str to array of shape (K, K)
    distances : dict of str to array of shape (K, K)
    ordinal : bool
        Whether the ordinal disagreement is wanted too.
    coincidences : array of shape (P, K * K), optional
        Coincidence matrix of each row where rows are blocks of items instead of patterns.
    """

    table: FloatArray
    counts: FloatArray
    weights: Mapping[str, FloatArray]
    distances: Mapping[str, FloatArray]
    ordinal: bool
    coincidences: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the items of each replicate; R replicates at a time.

    Parameters
    ----------
    n_rated, n_pairable : arrays of shape (R,)
        Items with at least one and at least two labels.
    shares : array of shape (R, K)
        Sum over rated items of the share of the labels with each value.
    paired : array of shape (R, K)
        Labels of each value in pairable items.
    agreement : dict of str to array of shape (R,)
        Sum over pairable items of the credit of a random pair of their labels, by weights.
    disagreement : dict of str to array of shape (R,)
        Sum of o_ck times distance (Krippendorff's n D_o), by metric.
    """

    n_rated: FloatArray
    n_pairable: FloatArray
    shares: FloatArray
    paired: FloatArray
    agreement: Mapping[str, FloatArray]
    disagreement: Mapping[str, FloatArray]


def pattern_moments(
    patterns: IntArray,
    weights: Mapping[str, FloatArray],
    distances: Mapping[str, FloatArray],
    *,
    ordinal: bool = False,
) -> PatternMoments:
    """What one item of each pattern adds to the sums.

    Parameters
    ----------
    patterns : array of int, shape (P, K)
    weights, distances : dict of str to array of shape (K, K)
    ordinal : bool
        Whether the ordinal disagreement is wanted too.
    """
    counts = patterns.astype(np.float64)
    labels = counts.sum(axis=1)
    pairable = labels >= 2
    others = np.where(pairable, labels - 1.0, 1.0)
    columns = [
        (labels >= 1).astype(np.float64)[:, None],
        pairable.astype(np.float64)[:, None],
        counts / np.maximum(labels, 1.0)[:, None],
        counts * pairable[:, None],
    ]
    columns += [pair_credit(counts, matrix)[:, None] for matrix in weights.values()]
    columns += [
        (((counts @ matrix) * counts).sum(axis=1) * pairable / others)[:, None]
        for matrix in distances.values()
    ]
    table = np.concatenate(columns, axis=1)
    return PatternMoments(table, counts, weights, distances, ordinal)


def blocked_moments(moments: PatternMoments, blocks: sparse.csr_array) -> PatternMoments:
    """The same sums for blocks of items: ``blocks`` says how many of each pattern each holds."""
    coincidences = None
    if moments.ordinal:
        found = []
        for block in range(blocks.shape[0]):
            rows = slice(blocks.indptr[block], blocks.indptr[block + 1])
            counts = moments.counts[blocks.indices[rows]]
            found.append(coincidence_matrix(counts, blocks.data[rows]).ravel())
        coincidences = np.array(found)
    return PatternMoments(
        table=np.asarray(blocks @ moments.table),
        counts=moments.counts[:0],
        weights=moments.weights,
        distances=moments.distances,
        ordinal=moments.ordinal,
        coincidences=coincidences,
    )


def pair_credit(counts: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean credit of a random pair of labels of each row; 0 where a row has no pair."""
    labels = counts.sum(axis=1)
    pairs = labels * (labels - 1.0)
    credit = ((counts @ weights) * counts).sum(axis=1) - counts @ np.diag(weights)
    mean: FloatArray = np.where(pairs > 0, credit / np.where(pairs > 0, pairs, 1.0), 0.0)
    return mean


def summed(moments: PatternMoments, times: FloatArray) -> Sums:
    """Sums over the items of each replicate.

    Parameters
    ----------
    moments : PatternMoments
    times : array of shape (R, P)
        How many items of each pattern each replicate holds.
    """
    size = moments.counts.shape[1]
    totals = times @ moments.table
    start = 2 + 2 * size
    middle = start + len(moments.weights)
    paired = totals[:, 2 + size : start]
    disagreement = dict(zip(moments.distances, totals[:, middle:].T, strict=True))
    if moments.ordinal:
        disagreement["ordinal"] = _ordinal_disagreement(moments, times, paired)
    return Sums(
        n_rated=totals[:, 0],
        n_pairable=totals[:, 1],
        shares=totals[:, 2 : 2 + size],
        paired=paired,
        agreement=dict(zip(moments.weights, totals[:, start:middle].T, strict=True)),
        disagreement=disagreement,
    )


def _ordinal_disagreement(
    moments: PatternMoments, times: FloatArray, paired: FloatArray
) -> FloatArray:
    """Sum of o_ck times ordinal distance, whose ranks are those of the replicate itself.

    With squared differences of mid-ranks g, an item adds 2 (r sum c g^2 - (sum c g)^2) / (r - 1):
    two products of matrices, instead of one for each pair of values.
    """
    middle = rank_midpoints(paired)
    # Ranks near 0 keep the difference of squares from losing digits.
    middle = middle - middle.mean(axis=1, keepdims=True)
    if moments.coincidences is not None:
        return _ordinal_of_coincidences(times @ moments.coincidences, middle, paired)
    counts = moments.counts
    labels = counts.sum(axis=1)
    factor = np.where(labels >= 2, 2.0 / np.maximum(labels - 1.0, 1.0), 0.0)
    squares = ((times * (labels * factor)) @ counts * middle**2).sum(axis=1)
    products = (times * factor * (middle @ counts.T) ** 2).sum(axis=1)
    difference: FloatArray = squares - products
    # Unanimous items leave only rounding behind.
    return np.where(np.abs(difference) <= 1e-12 * np.abs(squares), 0.0, difference)


def _ordinal_of_coincidences(
    flat: FloatArray, middle: FloatArray, paired: FloatArray
) -> FloatArray:
    size = middle.shape[1]
    products = (middle[:, None, :] @ flat.reshape(-1, size, size) @ middle[:, :, None])[:, 0, 0]
    difference: FloatArray = 2.0 * ((paired * middle**2).sum(axis=1) - products)
    return difference


def expected_ordinal(paired: FloatArray) -> FloatArray:
    """Sum over pairs of values of n_c n_k times the ordinal distance, for each replicate."""
    middle = rank_midpoints(paired)
    total = paired.sum(axis=1)
    middle = middle - middle.mean(axis=1, keepdims=True)
    squares = (paired * middle**2).sum(axis=1)
    product = (paired * middle).sum(axis=1)
    used = (paired > 0).sum(axis=1)
    expected: FloatArray = np.where(used >= 2, 2.0 * (total * squares - product**2), 0.0)
    return expected
