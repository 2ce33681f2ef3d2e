"""Krippendorff's coincidence matrix: how often each two values met within an item."""

from __future__ import annotations

import numpy as np

from measures.agreement.distances import default_metric, distance_matrix, rank_midpoints
from measures.agreement.scales import Domain, FloatArray


def coincidence_matrix(counts: FloatArray, times: FloatArray) -> FloatArray:
    """How often each two values met within an item, each item weighing its number of labels.

    Parameters
    ----------
    counts : array of shape (U, K)
        Labels of each value; rows with fewer than two labels add nothing.
    times : array of shape (U,)
        How many items each row stands for.

    Returns
    -------
    array of shape (K, K)
        Symmetric; sums to the number of pairable labels.

    References
    ----------
    Krippendorff (2011), step 2.
    """
    labels = counts.sum(axis=1)
    weight = np.where(labels >= 2, times / np.maximum(labels - 1.0, 1.0), 0.0)
    weighted = counts * weight[:, None]
    matrix: FloatArray = counts.T @ weighted
    matrix[np.diag_indices_from(matrix)] -= weighted.sum(axis=0)
    return matrix


def scale_distance(domain: Domain, paired: FloatArray) -> FloatArray:
    """Distances that alpha uses on the question's scale, for these counts of pairable labels.

    Parameters
    ----------
    domain : Domain
    paired : array of shape (K,)
        Labels of each value in pairable items; the ordinal ranks come from them.
    """
    metric = default_metric(domain.scale)
    if metric == "ordinal":
        middle = rank_midpoints(paired[None, :])[0]
        ranks: FloatArray = (middle[:, None] - middle[None, :]) ** 2
        return ranks
    distance = distance_matrix(domain, metric)
    if distance is None:
        raise ValueError(f"The {metric} distance is not defined for the values {domain.values!r}.")
    return distance


def alpha_of_coincidences(matrix: FloatArray, domain: Domain) -> float | None:
    """Alpha on the question's scale from a coincidence matrix; None where nothing varied."""
    paired = matrix.sum(axis=1)
    total = float(paired.sum())
    if total < 2:
        return None
    distance = scale_distance(domain, paired)
    expected = float(paired @ distance @ paired) / (total * (total - 1.0))
    if expected <= 1e-12 * max(float(distance.max()), 1e-300):
        return None
    return 1.0 - float((matrix * distance).sum()) / total / expected
