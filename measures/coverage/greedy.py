"""Greedy covering: take what fills most open subgroups per cost, until none can be filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int64]


def greedy_amounts(
    cover: sparse.csr_matrix,
    cost: NDArray[np.float64],
    deficit: Ints,
    supply: tuple[sparse.csr_matrix, Ints],
) -> Ints:
    """Items of each profile that together fill the deficits, as far as supplies go.

    Parameters
    ----------
    cover : csr_matrix of int, shape (n_targets, n_profiles)
        1 where an item of the profile belongs to the subgroup.
    cost : ndarray of float, shape (n_profiles,)
    deficit : ndarray of int, shape (n_targets,)
    supply : tuple of csr_matrix and ndarray of int
        Which profiles draw on each supply, and its size.

    Returns
    -------
    ndarray of int, shape (n_profiles,)

    References
    ----------
    Chvatal (1979), "A greedy heuristic for the set-covering problem"; Dobson (1982) for deficits
    above 1.
    """
    amounts = np.zeros(cost.size, np.int64)
    left, stock = deficit.copy(), supply[1].copy()
    by_profile, draws = cover.tocsc(), supply[0].tocsc()
    score = np.asarray(cover.T @ (left > 0), float)
    while True:
        best = int((score / cost).argmax()) if score.size else 0
        if not score.size or score[best] <= 0:
            return _without_surplus(amounts, by_profile, deficit, cost)
        rows = _rows(by_profile, best)
        pools = _rows(draws, best)
        batch = int(min(left[rows][left[rows] > 0].min(), stock[pools].min(initial=left.max())))
        if batch == 0:
            score[best] = -np.inf  # sold out
            continue
        amounts[best] += batch
        stock[pools] -= batch
        closed = rows[(left[rows] > 0) & (left[rows] <= batch)]
        left[rows] = np.maximum(left[rows] - batch, 0)
        # A closed subgroup is worth nothing any more to any profile that belongs to it.
        score -= np.asarray(cover[closed].sum(axis=0)).ravel()


def _rows(columns: sparse.csc_matrix, column: int) -> Ints:
    start, stop = columns.indptr[column], columns.indptr[column + 1]
    return np.asarray(columns.indices[start:stop])


def _without_surplus(
    amounts: Ints, by_profile: sparse.csc_matrix, deficit: Ints, cost: NDArray[np.float64]
) -> Ints:
    """Hand back what later purchases made unnecessary, the dearest first."""
    surplus = by_profile @ amounts - deficit
    bought = np.flatnonzero(amounts)
    for profile in bought[np.argsort(-cost[bought], kind="stable")].tolist():
        rows = _rows(by_profile, profile)
        back = min(int(amounts[profile]), int(surplus[rows].min(initial=amounts[profile])))
        if back > 0:
            amounts[profile] -= back
            surplus[rows] -= back
    return amounts
