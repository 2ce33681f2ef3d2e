"""What to collect next: the fewest, or cheapest, items that fill every uncovered subgroup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from measures.coverage.cube import Attribute
from measures.coverage.greedy import greedy_amounts
from measures.coverage.patterns import UncoveredPatterns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PROFILES = 1_000_000
"""Combinations of values that a plan may choose from."""

EXACT_SIZE = 400_000
"""Pairs of profile and subgroup it fills, up to which the integer programme is tried."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Some values on some attributes: ``{"age": ("0-19",), "marital": ("widowed", "divorced")}``.

    A profile meets the rule when, on every attribute named, it has one of the values.
    """

    where: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one item of a profile that meets the rule costs; the dearest rule that is met holds."""

    rule: Rule
    cost: float


@dataclass(frozen=True, slots=True)
class Supply:
    """At most this many items of the profiles that meet the rule can be had."""

    rule: Rule
    at_most: int


@dataclass(frozen=True, slots=True)
class Constraints:
    """What can be collected and at what price.

    Parameters
    ----------
    impossible : sequence of Rule
        No such person or item exists.
    costs : sequence of Cost
        Where no rule is met, an item costs 1.
    supplies : sequence of Supply
    """

    impossible: Sequence[Rule] = ()
    costs: Sequence[Cost] = ()
    supplies: Sequence[Supply] = ()


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
        Solve the integer programme where it has at most ``EXACT_SIZE`` entries, unless the
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
    greedy = greedy_amounts(problem.cover, problem.cost, problem.deficit, problem.supply_rows())
    return _plan(problem, _improved(problem, greedy, exact, seconds))


@dataclass(frozen=True, slots=True, eq=False)
class _Solution:
    """Items of each profile, and what is known of how good they are."""

    amounts: Ints
    bound: float | None
    is_optimal: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The covering programme: one column per distinguishable profile, one row per subgroup.

    ``deficit`` counts only what can be filled; ``infeasible`` are rows without any column.
    """

    targets: UncoveredPatterns
    attributes: tuple[int, ...]
    profiles: Ints
    cover: sparse.csr_matrix
    cost: Floats
    deficit: Ints
    infeasible: Ints
    supply: sparse.csr_matrix
    supply_limit: Ints

    def supply_rows(self) -> tuple[sparse.csr_matrix, Ints]:
        """Which profiles each supply is drawn from, and how much there is."""
        return self.supply, self.supply_limit

    def words(self, pattern: int) -> dict[str, str]:
        """A target in words."""
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
    shape = [len(declared[j].values) for j in used]
    if prod(shape) > MAX_PROFILES:
        raise ValueError(
            f"The plan would have to choose among {prod(shape)} combinations, more than "
            f"{MAX_PROFILES}; lower max_level or leave attributes out."
        )
    profiles = np.column_stack(np.unravel_index(np.arange(prod(shape)), shape)).astype(np.int64)
    asked = {declared[j].name: (place, declared[j]) for place, j in enumerate(used)}
    for rule in limits.impossible:
        profiles = profiles[np.logical_not(_meets(rule, profiles, asked))]
    cost = _costs(limits.costs, profiles, asked)
    drawn = [_meets(supply.rule, profiles, asked) for supply in limits.supplies]
    hits = _hits(targets, used, profiles)
    keep = _cheapest_of_each_kind(hits, drawn, cost)
    cover = _cover_matrix(hits[keep], len(targets.n))
    reachable = np.diff(cover.indptr) > 0
    deficit = np.maximum(targets.threshold.n - targets.n, 0)
    supply = sparse.csr_matrix(
        np.array([row[keep] for row in drawn]).reshape(len(drawn), len(keep))
    )
    return _Problem(
        targets=targets,
        attributes=used,
        profiles=profiles[keep],
        cover=cover,
        cost=cost[keep],
        deficit=np.where(reachable, deficit, 0),
        infeasible=np.flatnonzero(~reachable & (deficit > 0)),
        supply=supply.astype(np.int64),
        supply_limit=np.array([_limit(supply) for supply in limits.supplies], np.int64),
    )


def _used_attributes(
    targets: UncoveredPatterns, declared: tuple[Attribute, ...], limits: Constraints
) -> tuple[int, ...]:
    """Attributes that a subgroup or a rule asks for; the others are free in every purchase."""
    named = {name for rule in _rules(limits) for name in rule.where}
    names = [attribute.name for attribute in declared]
    if unknown := sorted(named - set(names)):
        raise ValueError(f"A rule names {unknown[0]!r}; the attributes are {', '.join(names)}.")
    fixed = np.flatnonzero((targets.nodes < [axis.any for axis in targets.axes]).any(axis=0))
    return tuple(sorted({*fixed.tolist(), *map(names.index, named)}))


def _rules(limits: Constraints) -> list[Rule]:
    priced = [entry.rule for entry in limits.costs]
    drawn = [entry.rule for entry in limits.supplies]
    return [*limits.impossible, *priced, *drawn]


def _meets(
    rule: Rule, profiles: Ints, asked: Mapping[str, tuple[int, Attribute]]
) -> NDArray[np.bool_]:
    met = np.ones(len(profiles), dtype=np.bool_)
    for name, values in rule.where.items():
        column, attribute = asked[name]
        for value in values:
            if value not in attribute.values:
                raise ValueError(f"A rule names {name}={value!r}, which is not a declared value.")
        codes = [attribute.values.index(value) for value in values]
        met &= np.isin(profiles[:, column], codes)
    return met


def _costs(
    costs: Sequence[Cost], profiles: Ints, asked: Mapping[str, tuple[int, Attribute]]
) -> Floats:
    price = np.zeros(len(profiles))
    for entry in costs:
        if not (np.isfinite(entry.cost) and entry.cost > 0):
            raise ValueError(f"A cost must be positive; got {entry.cost!r}.")
        met = _meets(entry.rule, profiles, asked)
        price[met] = np.maximum(price[met], entry.cost)
    return np.where(price > 0, price, 1.0)


def _limit(supply: Supply) -> int:
    if supply.at_most < 0:
        raise ValueError(f"A supply cannot be negative; got {supply.at_most}.")
    return supply.at_most


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


def _cheapest_of_each_kind(hits: Ints, drawn: Sequence[NDArray[np.bool_]], cost: Floats) -> Ints:
    """Of profiles that fill the same subgroups from the same supplies, the first cheapest one.

    Profiles that fill nothing are of no use.
    """
    useful = np.flatnonzero((hits >= 0).any(axis=1))
    kind = np.column_stack([hits, *(row.astype(np.int64) for row in drawn)])[useful]
    by_cost = np.argsort(cost[useful], kind="stable")
    _, first = np.unique(kind[by_cost], axis=0, return_index=True)
    return useful[np.sort(by_cost[first])]


def _cover_matrix(hits: Ints, n_targets: int) -> sparse.csr_matrix:
    column, subset = np.nonzero(hits >= 0)
    ones = np.ones(column.size, np.int64)
    shape = (n_targets, len(hits))
    return sparse.csr_matrix((ones, (hits[column, subset], column)), shape=shape)


def _improved(problem: _Problem, greedy: Ints, exact: bool, seconds: float) -> _Solution:
    """The greedy plan or a cheaper one, with the best bound that is known."""
    if _lacking(problem, greedy).any():
        # Supplies do not suffice: the programme has no solution to compare the plan with.
        return _Solution(greedy, None, False)
    bound = _dual_bound(problem)
    if exact and problem.cover.nnz <= EXACT_SIZE and not _reaches(problem, greedy, bound):
        amounts, solved = _solved(problem, seconds)
        bound = max(bound, solved)
        if amounts is not None and problem.cost @ amounts < problem.cost @ greedy:
            greedy = amounts
    return _Solution(greedy, bound, _reaches(problem, greedy, bound))


def _reaches(problem: _Problem, amounts: Ints, bound: float) -> bool:
    """Whether no plan can be cheaper: whole items at whole prices cost a whole number."""
    whole = bool(np.all(problem.cost == np.floor(problem.cost)))
    return float(problem.cost @ amounts) <= (np.ceil(bound - 1e-6) if whole else bound + 1e-6)


def _dual_bound(problem: _Problem) -> float:
    """A bound without a solver, by dual ascent in the better of two orders."""
    # Large deficits that few profiles fill pay best; where they overlap, large ones alone do.
    width = np.maximum(np.diff(problem.cover.indptr), 1)
    keys = (problem.deficit / width, problem.deficit)
    return max(_ascent(problem, np.argsort(-key, kind="stable")) for key in keys)


def _ascent(problem: _Problem, order: Ints) -> float:
    """Pay for deficits in turn, each as much as the cheapest profile that fills it has left."""
    left = problem.cost.copy()
    bound = 0.0
    cover = problem.cover
    for row in order.tolist():
        columns = cover.indices[cover.indptr[row] : cover.indptr[row + 1]]
        if columns.size and problem.deficit[row]:
            price = float(left[columns].min())
            left[columns] -= price
            bound += price * int(problem.deficit[row])
    return bound


def _solved(problem: _Problem, seconds: float) -> tuple[Ints | None, float]:
    """Best solution and best bound of the integer programme that the time allows."""
    rows = sparse.vstack([problem.cover, problem.supply]).tocsc()
    low = np.concatenate([problem.deficit, np.full(problem.supply_limit.size, -np.inf)])
    high = np.concatenate([np.full(problem.deficit.size, np.inf), problem.supply_limit])
    answer = optimize.milp(
        problem.cost,
        constraints=optimize.LinearConstraint(rows, low, high),
        integrality=np.ones(problem.cost.size, np.int64),
        options={"time_limit": seconds},
    )
    known = answer.mip_dual_bound
    bound = 0.0 if known is None or not np.isfinite(known) else float(known)
    if answer.x is None:
        return None, bound
    return np.asarray(np.rint(answer.x), dtype=np.int64), bound


def _lacking(problem: _Problem, amounts: Ints) -> Ints:
    return np.asarray(np.maximum(problem.deficit - problem.cover @ amounts, 0))


def _plan(problem: _Problem, solution: _Solution) -> CollectionPlan:
    amounts = solution.amounts
    wanted = np.maximum(problem.targets.threshold.n - problem.targets.n, 0)
    lacking = _lacking(problem, amounts)
    order, curve = _in_order(problem, amounts)
    return CollectionPlan(
        purchases=tuple(_purchase(problem, column, int(amounts[column])) for column in order),
        n_items=int(amounts.sum()),
        cost=float(problem.cost @ amounts),
        lower_bound=solution.bound,
        is_optimal=solution.is_optimal,
        n_targets=int((wanted > 0).sum()),
        naive_n_items=int(wanted.sum()),
        infeasible=tuple(Shortfall(problem.words(i), int(wanted[i])) for i in problem.infeasible),
        unmet=tuple(
            Shortfall(problem.words(i), int(lacking[i])) for i in np.flatnonzero(lacking).tolist()
        ),
        curve=tuple(curve),
    )


def _purchase(problem: _Problem, column: int, n: int) -> Purchase:
    attributes = [problem.targets.axes[j].attribute for j in problem.attributes]
    codes = problem.profiles[column].tolist()
    words = {a.name: a.values[code] for a, code in zip(attributes, codes, strict=True)}
    return Purchase(words, n, float(problem.cost[column]) * n)


def _in_order(problem: _Problem, amounts: Ints) -> tuple[list[int], list[tuple[int, int]]]:
    """Purchases by how many open subgroups they fill per cost, and how many are closed by then."""
    left = problem.deficit.copy()
    remaining = np.flatnonzero(amounts).tolist()
    n_targets, collected = int((left > 0).sum()), 0
    order: list[int] = []
    curve = [(0, 0)]
    columns = problem.cover.tocsc()
    while remaining:
        worth = columns[:, remaining].T @ (left > 0) / problem.cost[remaining]
        best = remaining.pop(int(worth.argmax()))
        rows = columns.indices[columns.indptr[best] : columns.indptr[best + 1]]
        left[rows] = np.maximum(left[rows] - amounts[best], 0)
        collected += int(amounts[best])
        order.append(best)
        curve.append((collected, n_targets - int((left > 0).sum())))
    return order, curve
