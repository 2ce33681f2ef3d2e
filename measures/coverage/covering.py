"""Integer covering: a greedy solution, a bound on any other, and the exact one where it fits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EXACT_SIZE = 400_000
"""Pairs of profile and subgroup it fills, up to which the integer programme is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """Minimise cost @ x over whole x >= 0 with cover @ x >= deficit and supply @ x <= stock.

    Parameters
    ----------
    cover : csr_matrix of int, shape (n_targets, n_profiles)
        1 where an item of the profile belongs to the subgroup.
    deficit : ndarray of int, shape (n_targets,)
        0 for subgroups that no profile belongs to.
    cost : ndarray of float, shape (n_profiles,)
        Positive.
    supply : csr_matrix of int, shape (n_supplies, n_profiles)
    stock : ndarray of int, shape (n_supplies,)
    """

    cover: sparse.csr_matrix
    deficit: Ints
    cost: Floats
    supply: sparse.csr_matrix
    stock: Ints

    def lacking(self, amounts: Ints) -> Ints:
        """What each subgroup still lacks after these purchases."""
        return np.asarray(np.maximum(self.deficit - self.cover @ amounts, 0))

    def price(self, amounts: Ints) -> float:
        """What the purchases cost."""
        return float(self.cost @ amounts)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Items of each profile, and what is known of how good they are.

    ``bound`` is ``None`` when the stock does not suffice, and no plan can be compared with it.
    """

    amounts: Ints
    bound: float | None
    is_optimal: bool


def solve(programme: Programme, *, exact: bool, seconds: float) -> Solution:
    """Greedy purchases, or cheaper ones, with the best bound that is known.

    Parameters
    ----------
    programme : Programme
    exact : bool
        Ask the solver where there are at most ``EXACT_SIZE`` entries and greed is not already
        seen to be the cheapest.
    seconds : float
        Time for the solver.

    Returns
    -------
    Solution

    References
    ----------
    Chvatal (1979); Hochbaum (1982); Huangfu and Hall (2018), HiGHS.
    """
    best = greedy(programme)
    if programme.lacking(best).any():
        return Solution(best, None, False)
    bound = dual_bound(programme)
    if exact and programme.cover.nnz <= EXACT_SIZE and not _reaches(programme, best, bound):
        amounts, solved = _solved(programme, seconds)
        bound = max(bound, solved)
        if amounts is not None and programme.price(amounts) < programme.price(best):
            best = amounts
    return Solution(best, bound, _reaches(programme, best, bound))


def greedy(programme: Programme) -> Ints:
    """Take what fills most open subgroups per cost, until none can be filled any more.

    Parameters
    ----------
    programme : Programme

    Returns
    -------
    ndarray of int, shape (n_profiles,)
        Fills every deficit as far as the stock goes.

    References
    ----------
    Chvatal (1979), "A greedy heuristic for the set-covering problem"; Dobson (1982) for deficits
    above 1.
    """
    amounts = np.zeros(programme.cost.size, np.int64)
    left, stock = programme.deficit.copy(), programme.stock.copy()
    by_profile, draws = programme.cover.tocsc(), programme.supply.tocsc()
    score = np.asarray(programme.cover.T @ (left > 0), float)
    while score.size:
        best = int((score / programme.cost).argmax())
        if score[best] <= 0:
            break
        rows, pools = rows_of(by_profile, best), rows_of(draws, best)
        batch = int(min(left[rows][left[rows] > 0].min(), stock[pools].min(initial=left.max())))
        if batch == 0:
            score[best] = -np.inf  # sold out
            continue
        amounts[best] += batch
        stock[pools] -= batch
        closed = rows[(left[rows] > 0) & (left[rows] <= batch)]
        left[rows] = np.maximum(left[rows] - batch, 0)
        # A closed subgroup is worth nothing any more to any profile that belongs to it.
        score -= np.asarray(programme.cover[closed].sum(axis=0)).ravel()
    return _without_surplus(programme, amounts, by_profile)


def dual_bound(programme: Programme) -> float:
    """A cost that no plan which fills everything can undercut, without a solver.

    Parameters
    ----------
    programme : Programme

    Returns
    -------
    float
        The better of two dual ascents.

    References
    ----------
    Hochbaum (1982), "Approximation algorithms for the set covering and vertex cover problems".
    """
    # Large deficits that few profiles fill pay best; where they overlap, large ones alone do.
    width = np.maximum(np.diff(programme.cover.indptr), 1)
    keys = (programme.deficit / width, programme.deficit)
    return max(_ascent(programme, np.argsort(-key, kind="stable")) for key in keys)


def rows_of(columns: sparse.csc_matrix, column: int) -> Ints:
    """Rows with an entry in a column."""
    return np.asarray(columns.indices[columns.indptr[column] : columns.indptr[column + 1]])


def _ascent(programme: Programme, order: Ints) -> float:
    """Pay for deficits in turn, each as much as the cheapest profile that fills it has left."""
    left = programme.cost.copy()
    bound = 0.0
    cover = programme.cover
    for row in order.tolist():
        columns = cover.indices[cover.indptr[row] : cover.indptr[row + 1]]
        if columns.size and programme.deficit[row]:
            price = float(left[columns].min())
            left[columns] -= price
            bound += price * int(programme.deficit[row])
    return bound


def _without_surplus(programme: Programme, amounts: Ints, by_profile: sparse.csc_matrix) -> Ints:
    """Hand back what later purchases made unnecessary, the dearest first."""
    surplus = programme.cover @ amounts - programme.deficit
    bought = np.flatnonzero(amounts)
    for profile in bought[np.argsort(-programme.cost[bought], kind="stable")].tolist():
        rows = rows_of(by_profile, profile)
        # An unmet deficit makes the surplus negative: nothing goes back then.
        back = min(int(amounts[profile]), max(0, int(surplus[rows].min())))
        amounts[profile] -= back
        surplus[rows] -= back
    return amounts


def _reaches(programme: Programme, amounts: Ints, bound: float) -> bool:
    """Whether no plan can be cheaper: whole items at whole prices cost a whole number."""
    whole = bool(np.all(programme.cost == np.floor(programme.cost)))
    return programme.price(amounts) <= (math.ceil(bound - 1e-6) if whole else bound + 1e-6)


def _solved(programme: Programme, seconds: float) -> tuple[Ints | None, float]:
    """Best solution and best bound of the integer programme that the time allows."""
    rows = sparse.vstack([programme.cover, programme.supply]).tocsc()
    low = np.concatenate([programme.deficit, np.full(programme.stock.size, -np.inf)])
    high = np.concatenate([np.full(programme.deficit.size, np.inf), programme.stock])
    answer = optimize.milp(
        programme.cost,
        constraints=optimize.LinearConstraint(rows, low, high),
        integrality=np.ones(programme.cost.size, np.int64),
        options={"time_limit": seconds},
    )
    known = answer.mip_dual_bound
    bound = 0.0 if known is None or not np.isfinite(known) else float(known)
    if answer.x is None:
        return None, bound
    return np.asarray(np.rint(answer.x), dtype=np.int64), bound
