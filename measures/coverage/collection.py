"""What to collect next: the fewest, or cheapest, items that fill every uncovered subgroup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from measures.coverage.constraints import Constraints, Profiles
from measures.coverage.covering import Programme, Solution, rows_of, solve
from measures.coverage.cube import Attribute
from measures.coverage.patterns import UncoveredPatterns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PROFILES = 1_000_000
"""Combinations of values that a plan may choose from."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A subgroup that the plan leaves with fewer items than wanted."""

    attributes: dict[str, str]
    lacking: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """So many items of one profile. Attributes that no subgroup asks for are left out."""

    attributes: dict[str, str]
    n: int
    cost: float


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """Which items to collect, and how good the plan is known to be.

    Parameters
    ----------
    purchases : tuple of Purchase
        In the order that closes most subgroups per cost first.
    n_items : int
    cost : float
    lower_bound : float or None
        No plan that fills every subgroup costs less; ``None`` when supplies do not suffice.
    is_optimal : bool
        Whether the plan is known to be the cheapest.
    n_targets : int
        Subgroups that lack items.
    naive_n_items : int
        Items if each subgroup were filled on its own.
    infeasible : tuple of Shortfall
        Subgroups that no possible profile can fill.
    unmet : tuple of Shortfall
        Subgroups that the supply does not suffice for.
    curve : tuple of (int, int)
        Items collected so far, subgroups closed by then.
    """

    purchases: tuple[Purchase, ...]
    n_items: int
    cost: float
    lower_bound: float | None
    is_optimal: bool
    n_targets: int
    naive_n_items: int
    infeasible: tuple[Shortfall, ...]
    unmet: tuple[Shortfall, ...]
    curve: tuple[tuple[int, int], ...]

    def as_dict(self) -> dict[str, object]:
        """The plan, JSON-ready."""
        return {
            "purchases": [
                {"attributes": p.attributes, "n": p.n, "cost": p.cost} for p in self.purchases
            ],
            "n_items": self.n_items,
            "cost": self.cost,
            "lower_bound": self.lower_bound,
            "is_optimal": self.is_optimal,
            "n_targets": self.n_targets,
            "naive_n_items": self.naive_n_items,
            "infeasible": [
                {"attributes": s.attributes, "lacking": s.lacking} for s in self.infeasible
            ],
            "unmet": [{"attributes": s.attributes, "lacking": s.lacking} for s in self.unmet],
            "curve": [list(point) for point in self.curve],
        }


def collection_plan(
    targets: UncoveredPatterns,
    constraints: Constraints | None = None,
    *,
    exact: bool = True,
    seconds: float = 20.0,
) -> CollectionPlan:
    """Cheapest items to collect so that every uncovered subgroup reaches its threshold.

    One item fills every subgroup it belongs to, so the plan is an integer covering programme:
    minimise the cost of x >= 0 where, for each subgroup, the items that match it are at least
    its deficit.

    Parameters
    ----------
    targets : UncoveredPatterns
        The subgroups to fill, from :func:`measures.coverage.patterns.uncovered_cells`.
    constraints : Constraints, optional
    exact : bool
        Solve the integer programme where it has at most ``covering.EXACT_SIZE`` entries, unless the
        greedy plan is already seen to be the cheapest. Else the greedy plan stands, with the
        bound of dual ascent.
    seconds : float
        Time for the solver. When it runs out, the best plan so far stands with its bound.

    Returns
    -------
    CollectionPlan

    Raises
    ------
    ValueError
        When a rule names an unknown attribute or value, a cost is not positive, a supply is
        negative, or there are more than ``MAX_PROFILES`` combinations.

    References
    ----------
    Asudeh, Jin and Jagadish (2019), section 5, for the greedy hitting of patterns; Chvatal
    (1979) on the greedy choice; Hochbaum (1982) on dual bounds of covering; HiGHS (Huangfu and
    Hall, 2018) for the integer programme.
    """
    limits = constraints or Constraints()
    problem = _problem(targets, limits)
    return _plan(problem, solve(problem.programme, exact=exact, seconds=seconds))


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The covering programme: one column per distinguishable profile, one row per subgroup."""

    targets: UncoveredPatterns
    wanted: Ints
    profiles: Profiles
    programme: Programme

    def shortfalls(self, lacking: Ints) -> tuple[Shortfall, ...]:
        """The subgroups that lack items, in words."""
        return tuple(
            Shortfall(self._words(i), int(lacking[i])) for i in np.flatnonzero(lacking).tolist()
        )

    def _words(self, pattern: int) -> dict[str, str]:
        row = self.targets.nodes[pattern]
        return {
            axis.attribute.name: axis.nodes[node]
            for axis, node in zip(self.targets.axes, row.tolist(), strict=True)
            if node < axis.any
        }


def _problem(targets: UncoveredPatterns, limits: Constraints) -> _Problem:
    declared = tuple(axis.attribute for axis in targets.axes)
    if any(not axis.is_flat for axis in targets.axes):
        raise ValueError("A plan fills values, not groups of values; leave the groups out.")
    used = _used_attributes(targets, declared, limits)
    possible = _combinations([declared[j] for j in used]).possible(limits.impossible)
    cost, drawn = possible.prices(limits.costs), possible.draws(limits.supplies)
    hits = _hits(targets, used, possible.codes)
    keep = _cheapest_of_each_kind(hits, drawn, cost)
    cover = _cover_matrix(hits[keep], len(targets.n))
    wanted = np.maximum(targets.threshold.n - targets.n, 0)
    programme = Programme(
        cover=cover,
        deficit=np.where(np.diff(cover.indptr) > 0, wanted, 0),
        cost=cost[keep],
        supply=sparse.csr_matrix(drawn[:, keep].astype(np.int64)),
        stock=np.array([supply.at_most for supply in limits.supplies], np.int64),
    )
    return _Problem(targets, wanted, Profiles(possible.attributes, possible.codes[keep]), programme)


def _used_attributes(
    targets: UncoveredPatterns, declared: tuple[Attribute, ...], limits: Constraints
) -> tuple[int, ...]:
    """Attributes that a subgroup or a rule asks for; the others are free in every purchase."""
    named = {name for rule in limits.rules for name in rule.where}
    names = [attribute.name for attribute in declared]
    if unknown := sorted(named - set(names)):
        raise ValueError(f"A rule names {unknown[0]!r}; the attributes are {', '.join(names)}.")
    fixed = np.flatnonzero((targets.nodes < [axis.any for axis in targets.axes]).any(axis=0))
    return tuple(sorted({*fixed.tolist(), *map(names.index, named)}))


def _combinations(attributes: Sequence[Attribute]) -> Profiles:
    shape = [len(attribute.values) for attribute in attributes]
    if prod(shape) > MAX_PROFILES:
        raise ValueError(
            f"The plan would have to choose among {prod(shape)} combinations, more than "
            f"{MAX_PROFILES}; lower max_level or leave attributes out."
        )
    if not shape:
        return Profiles((), np.zeros((1, 0), np.int64))
    codes = np.column_stack(np.unravel_index(np.arange(prod(shape)), shape))
    return Profiles(attributes, codes.astype(np.int64))


def _hits(targets: UncoveredPatterns, used: tuple[int, ...], profiles: Ints) -> Ints:
    """Target that each profile belongs to on each set of attributes, or -1."""
    fixed = targets.nodes < [axis.any for axis in targets.axes]
    subsets, which = np.unique(fixed, axis=0, return_inverse=True)
    hits = np.full((len(profiles), len(subsets)), -1, np.int64)
    for s, subset in enumerate(subsets):
        columns = np.flatnonzero(subset)
        sizes = [targets.axes[j].any for j in columns]
        lookup = np.full(prod(sizes), -1, np.int64)
        members = np.flatnonzero(which == s)
        lookup[_numbered(targets.nodes[members][:, columns], sizes)] = members
        hits[:, s] = lookup[_numbered(profiles[:, [used.index(j) for j in columns]], sizes)]
    return hits


def _numbered(codes: Ints, sizes: Sequence[int]) -> Ints:
    key = np.zeros(len(codes), np.int64)
    for column, size in zip(codes.T, sizes, strict=True):
        key = key * size + column
    return key


def _cheapest_of_each_kind(hits: Ints, drawn: NDArray[np.bool_], cost: Floats) -> Ints:
    """Of profiles that fill the same subgroups from the same supplies, the first cheapest one.

    Profiles that fill nothing are of no use.
    """
    useful = np.flatnonzero((hits >= 0).any(axis=1))
    kind = np.column_stack([hits, drawn.T.astype(np.int64)])[useful]
    by_cost = np.argsort(cost[useful], kind="stable")
    _, first = np.unique(kind[by_cost], axis=0, return_index=True)
    return useful[np.sort(by_cost[first])]


def _cover_matrix(hits: Ints, n_targets: int) -> sparse.csr_matrix:
    column, subset = np.nonzero(hits >= 0)
    ones = np.ones(column.size, np.int64)
    shape = (n_targets, len(hits))
    return sparse.csr_matrix((ones, (hits[column, subset], column)), shape=shape)


def _plan(problem: _Problem, solution: Solution) -> CollectionPlan:
    programme, amounts = problem.programme, solution.amounts
    order, curve = _in_order(programme, amounts)
    return CollectionPlan(
        purchases=tuple(_purchase(problem, column, int(amounts[column])) for column in order),
        n_items=int(amounts.sum()),
        cost=programme.price(amounts),
        lower_bound=solution.bound,
        is_optimal=solution.is_optimal,
        n_targets=int((problem.wanted > 0).sum()),
        naive_n_items=int(problem.wanted.sum()),
        infeasible=problem.shortfalls(problem.wanted - programme.deficit),
        unmet=problem.shortfalls(programme.lacking(amounts)),
        curve=tuple(curve),
    )


def _purchase(problem: _Problem, column: int, n: int) -> Purchase:
    codes = problem.profiles.codes[column].tolist()
    words = {
        attribute.name: attribute.values[code]
        for attribute, code in zip(problem.profiles.attributes, codes, strict=True)
    }
    return Purchase(words, n, float(problem.programme.cost[column]) * n)


def _in_order(programme: Programme, amounts: Ints) -> tuple[list[int], list[tuple[int, int]]]:
    """Purchases by how many open subgroups they fill per cost, and how many are closed by then."""
    left = programme.deficit.copy()
    remaining = np.flatnonzero(amounts).tolist()
    n_targets, collected = int((left > 0).sum()), 0
    order: list[int] = []
    curve = [(0, 0)]
    columns = programme.cover.tocsc()
    while remaining:
        worth = columns[:, remaining].T @ (left > 0) / programme.cost[remaining]
        best = remaining.pop(int(worth.argmax()))
        rows = rows_of(columns, best)
        left[rows] = np.maximum(left[rows] - amounts[best], 0)
        collected += int(amounts[best])
        order.append(best)
        curve.append((collected, n_targets - int((left > 0).sum())))
    return order, curve
