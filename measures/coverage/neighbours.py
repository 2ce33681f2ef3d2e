"""Continuous attributes and embeddings: places that have too few items near them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

_ROUNDING = 1e-12
"""Distances such as 0.15 come out a rounding above the radius that they are equal to."""
_WIDER = 1.001
"""The tree leaves out points at its bound itself."""


def scaled(points: ArrayLike) -> NDArray[np.float64]:
    """Each column brought to [0, 1] by its least and greatest value; a constant one becomes 0.

    Parameters
    ----------
    points : array_like of float, shape (n_points, n_attributes)

    Returns
    -------
    ndarray of float, same shape

    Raises
    ------
    ValueError
        When a value is not finite or the array is not two-dimensional.

    References
    ----------
    Asudeh et al. (2021), "Identifying insufficient data coverage for ordinal continuous-valued
    attributes", section 2.
    """
    x = _checked(points, "points")
    if not len(x):
        return x
    low = x.min(axis=0)
    span = x.max(axis=0) - low
    return np.asarray(np.divide(x - low, span, out=np.zeros_like(x), where=span > 0))


def neighbours_within(points: ArrayLike, queries: ArrayLike, *, radius: float) -> NDArray[np.int64]:
    """How many points lie within a Euclidean distance of each query.

    Parameters
    ----------
    points : array_like of float, shape (n_points, n_attributes)
        Scaled as the radius means them; see :func:`scaled`.
    queries : array_like of float, shape (n_queries, n_attributes)
    radius : float above 0
        A distance equal to it counts.

    Returns
    -------
    ndarray of int, shape (n_queries,)
        A query that is itself a point counts itself.

    Raises
    ------
    ValueError
        When the numbers of attributes differ, a value is not finite, or radius is not above 0.

    References
    ----------
    Asudeh et al. (2021), definition 1.
    """
    x, q = _matched(points, queries, radius)
    if not len(x) or not len(q):
        return np.zeros(len(q), np.int64)
    found = cKDTree(x).query_ball_point(q, radius + _ROUNDING, return_length=True)
    return np.asarray(found, np.int64)


def uncovered_points(
    points: ArrayLike, queries: ArrayLike, *, radius: float, k: int
) -> NDArray[np.int64]:
    """Positions of the queries that have fewer than k points within the radius.

    Parameters
    ----------
    points, queries : array_like of float, shapes (n_points, n_attributes) and (n_queries, ...)
    radius : float above 0
    k : int, at least 1

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
        As in :func:`neighbours_within`, or when k is below 1.

    References
    ----------
    Asudeh et al. (2021), definition 2.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k!r}.")
    x, q = _matched(points, queries, radius)
    if len(x) < k or not len(q):
        return np.arange(len(q))
    # The k-th nearest point alone is looked for: crowded places cost no more than others.
    nearest, _ = cKDTree(x).query(q, k=[k], distance_upper_bound=(radius + _ROUNDING) * _WIDER)
    return np.flatnonzero(np.asarray(nearest)[:, 0] > radius + _ROUNDING)


def _matched(
    points: ArrayLike, queries: ArrayLike, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, q = _checked(points, "points"), _checked(queries, "queries")
    if not radius > 0:
        raise ValueError(f"radius must be above 0; got {radius!r}.")
    if x.shape[1] != q.shape[1]:
        raise ValueError(f"Points have {x.shape[1]} attributes and queries {q.shape[1]}.")
    return x, q


def _checked(points: ArrayLike, name: str) -> NDArray[np.float64]:
    x = np.asarray(points, float)
    if x.ndim != 2:
        raise ValueError(f"{name} must have one row each; the shape is {x.shape}.")
    if not np.isfinite(x).all():
        row = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise ValueError(f"{name} must be finite; row {row} is not. Leave such rows out.")
    return x
