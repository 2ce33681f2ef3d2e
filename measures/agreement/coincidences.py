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


def coincidences_by_row(counts: FloatArray) -> FloatArray:
    """What one item of each row of counts (U, K) adds to the matrix: (U, K, K)."""
    labels = counts.sum(axis=1)
    products: FloatArray = counts[:, :, None] * counts[:, None, :]
    products -= counts[:, :, None] * np.eye(counts.shape[1])
    weight = np.where(labels >= 2, 1.0 / np.maximum(labels - 1.0, 1.0), 0.0)
    return products * weight[:, None, None]


def scale_distance(domain: Domain, paired: FloatArray) -> FloatArray:
    """Distances that alpha uses on the question's scale, for these counts of pairable labels.

    Parameters
    ----------
    domain : Domain
    paired : array of shape (..., K)
        Labels of each value in pairable items; the ordinal ranks come from them.

    Returns
    -------
    array of shape (K, K), or (..., K, K) where they are ranks
    """
    metric = default_metric(domain.scale)
    if metric == "ordinal":
        middle = rank_midpoints(paired)
        ranks: FloatArray = (middle[..., :, None] - middle[..., None, :]) ** 2
        return ranks
    distance = distance_matrix(domain, metric)
    if distance is None:
        raise ValueError(f"The {metric} distance is not defined for the values {domain.values!r}.")
    return distance


def alpha_of_coincidences(matrix: FloatArray, domain: Domain) -> float | None:
    """Alpha on the question's scale from a coincidence matrix; None where nothing varied."""
    alpha = float(alphas_of_coincidences(matrix[None], domain)[0])
    return alpha if np.isfinite(alpha) else None


def alphas_of_coincidences(matrices: FloatArray, domain: Domain) -> FloatArray:
    """The same for several matrices, shape (R, K, K); NaN where nothing varied."""
    paired = matrices.sum(axis=2)
    total = np.maximum(paired.sum(axis=1), 2.0)
    distance = np.broadcast_to(scale_distance(domain, paired), matrices.shape)
    expected = np.einsum("rk,rkl,rl->r", paired, distance, paired) / (total * (total - 1.0))
    observed = np.einsum("rkl,rkl->r", matrices, distance) / total
    varied = expected > 1e-12 * np.maximum(distance.max(axis=(1, 2)), 1e-300)
    varied &= paired.sum(axis=1) >= 2
    alpha: FloatArray = np.full(len(matrices), np.nan)
    alpha[varied] = 1.0 - observed[varied] / expected[varied]
    return alpha
