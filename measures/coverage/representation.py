"""Does a data set have the composition of the population it is meant for, and where not?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from measures.coverage.cells import Cell, Family, Rules
from measures.coverage.cube import Attribute, Cube
from measures.coverage.distances import Distance, distances, effective_sample_size
from measures.coverage.exact_tests import GoodnessOfFit, goodness_of_fit
from measures.coverage.target import Basis, Target
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import proportion

LARGE_DISTANCE = 0.1
"""Total variation from which a composition as a whole is called off: one item in ten."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Items that have a value of which the target knows nothing."""

    attributes: dict[str, str]
    n: int

    def as_dict(self) -> dict[str, object]:
        """The row as it is shown."""
        return {"attributes": self.attributes, "n": self.n}


@dataclass(frozen=True, slots=True)
class Missing:
    """Items whose value of an attribute is not known."""

    attribute: str
    n: int
    share: Estimate

    def as_dict(self) -> dict[str, object]:
        """The row as it is shown."""
        return {"attribute": self.attribute, "n": self.n, "share": self.share.as_dict()}


@dataclass(frozen=True, slots=True)
class Overall:
    """One attribute set as a whole against the target.

    Parameters
    ----------
    attributes : tuple of str
    n_items, n_outside_target, n_missing : int
        They add up to the items of the data set.
    n_cells, n_empty_cells : int
        Cells with a positive target share, and those of them without an item.
    basis : Basis
    distances : dict of str to Distance
    chi_squared : Estimate
        Statistic with its p-value; undefined as ``not_applicable`` when items lie where the
        target has none.
    fit : GoodnessOfFit or None
        Degrees of freedom and how the p-value was found.
    effective_sample_size : Estimate
    """

    attributes: tuple[str, ...]
    n_items: int
    n_outside_target: int
    n_missing: int
    n_cells: int
    n_empty_cells: int
    basis: Basis
    distances: dict[str, Distance]
    chi_squared: Estimate
    fit: GoodnessOfFit | None
    effective_sample_size: Estimate

    @property
    def verdict(self) -> str:
        """``matches``, ``small`` or ``large`` difference, or ``not_estimable``.

        Large needs a total variation of ``LARGE_DISTANCE`` or more, and beyond chance; a smaller
        one beyond chance is small, however small its p-value.
        """
        distance = self.distances.get("total_variation")
        if distance is None or distance.estimate.value is None or distance.noise_high is None:
            return "not_estimable"
        if distance.estimate.value <= distance.noise_high:
            return "matches"
        return "large" if distance.estimate.value >= LARGE_DISTANCE else "small"

    def as_dict(self) -> dict[str, object]:
        """Distances and counts by name, JSON-ready."""
        chi = self.chi_squared.as_dict() | {
            "df": None if self.fit is None else self.fit.df,
            "p_method": None if self.fit is None else self.fit.method,
        }
        return {
            "attributes": list(self.attributes),
            "n_items": self.n_items,
            "n_outside_target": self.n_outside_target,
            "n_missing": self.n_missing,
            "n_cells": self.n_cells,
            "n_empty_cells": self.n_empty_cells,
            "basis": str(self.basis),
            "verdict": self.verdict,
            **{name: distance.as_dict() for name, distance in self.distances.items()},
            "chi_squared": chi,
            "effective_sample_size": self.effective_sample_size.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Representation:
    """Everything the data set's composition says about it, against one target.

    Parameters
    ----------
    n_items : int
    overall : Overall
        All attributes of the target that the data set has, jointly.
    per_attribute : dict of str to Overall
    families : tuple of Family
        One attribute at a time, then pairs, then triples, as far as the rules say.
    outside_target : tuple of Outside
    missing : tuple of Missing
    skipped : tuple of tuple of str
        Attribute sets with more cells than the rules allow.
    not_in_data : tuple of str
        Attributes of the target that the data set lacks.
    rules : Rules
    """

    n_items: int
    overall: Overall
    per_attribute: dict[str, Overall]
    families: tuple[Family, ...]
    outside_target: tuple[Outside, ...]
    missing: tuple[Missing, ...]
    skipped: tuple[tuple[str, ...], ...]
    not_in_data: tuple[str, ...]
    rules: Rules

    def cells(self, *names: str) -> list[Cell]:
        """Cells of one attribute set; the order of the names does not matter."""
        for family in self.families:
            if set(family.names) == set(names):
                return family.cells()
        raise ValueError(f"No cells were computed for {', '.join(names)}.")

    def as_dict(self) -> dict[str, object]:
        """The REST contract's coverage object."""
        return {
            "n_items": self.n_items,
            "overall": self.overall.as_dict(),
            "per_attribute": {name: one.as_dict() for name, one in self.per_attribute.items()},
            "attributes": {
                family.names[0]: family.as_dicts()
                for family in self.families
                if len(family.names) == 1
            },
            "cells": [
                cell | {"basis": str(family.basis)}
                for family in self.families
                if len(family.names) > 1
                for cell in family.as_dicts()
            ],
            "outside_target": [row.as_dict() for row in self.outside_target],
            "missing": [row.as_dict() for row in self.missing],
            "skipped": [list(names) for names in self.skipped],
            "not_in_data": list(self.not_in_data),
        }


def representation(
    cube: Cube, target: Target, *, rng: np.random.Generator, rules: Rules | None = None
) -> Representation:
    """Composition of a data set against a target population, overall and in every cell.

    Shares are among the items whose values are known to the data set and to the target; the
    items left out are counted in ``outside_target`` and ``missing``.

    Parameters
    ----------
    cube : Cube
    target : Target
    rng : numpy.random.Generator
        For bootstrap intervals and Monte Carlo tests.
    rules : Rules, optional

    Returns
    -------
    Representation

    Raises
    ------
    ValueError
        When the data set has none of the target's attributes.

    References
    ----------
    Asudeh et al. (2019) for cells over declared domains; Benjamini and Hochberg (1995).
    """
    rules = rules or Rules()
    shared = tuple(name for name in target.names if name in cube.names)
    if not shared:
        raise ValueError(
            f"The target has {', '.join(target.names)} and the data set has "
            f"{', '.join(cube.names)}; they need an attribute in common."
        )
    wanted = _attribute_sets(cube, target, rules)
    fits = [names for names in wanted if _n_cells(cube, target, names) <= rules.max_cells]
    families = tuple(family_of(cube, target, names, rules) for names in fits)
    return Representation(
        n_items=cube.n_items,
        overall=_overall(cube, target, shared, rules, rng),
        per_attribute={name: _overall(cube, target, (name,), rules, rng) for name in shared},
        families=families,
        outside_target=tuple(row for name in shared for row in _outside(cube, target, name)),
        missing=tuple(_missing(cube, name) for name in cube.names),
        skipped=tuple(names for names in wanted if names not in set(fits)),
        not_in_data=tuple(name for name in target.names if name not in cube.names),
        rules=rules,
    )


def family_of(cube: Cube, target: Target, names: Sequence[str], rules: Rules) -> Family:
    """The cells of one attribute set.

    Parameters
    ----------
    cube : Cube
    target : Target
    names : sequence of str
    rules : Rules

    Returns
    -------
    Family

    Raises
    ------
    ValueError
        When the cube lacks an attribute.
    """
    attributes = tuple(_domain(cube, target, name) for name in names)
    shares, basis = target.shares(names)
    if shares is not None:
        places = [
            [target.values(attribute.name).index(value) for value in attribute.values]
            for attribute in attributes
        ]
        shares = shares[np.ix_(*places)]
    return Family(attributes, _known(cube, attributes), shares, basis, rules)


def _domain(cube: Cube, target: Target, name: str) -> Attribute:
    """The target's values in the data set's order, then those that the data set never declared.

    All declared values where the target lacks the attribute.
    """
    declared, wanted = cube.attribute(name).values, target.values(name)
    if not wanted:
        return cube.attribute(name)
    known = set(wanted)
    first = tuple(value for value in declared if value in known)
    seen = set(first)
    return Attribute(name, first + tuple(value for value in wanted if value not in seen))


def _known(cube: Cube, attributes: tuple[Attribute, ...]) -> NDArray[np.int64]:
    """Counts over the given values; zero for those that the cube does not declare."""
    # One empty slab an axis stands in for every value without a place in the cube.
    table = np.pad(cube.table([attribute.name for attribute in attributes]), (0, 1))
    places = []
    for attribute in attributes:
        declared = {value: i for i, value in enumerate(cube.attribute(attribute.name).values)}
        places.append([declared.get(value, -1) for value in attribute.values])
    return table[np.ix_(*places)]


def _attribute_sets(cube: Cube, target: Target, rules: Rules) -> list[tuple[str, ...]]:
    """Every attribute alone; wider sets only where the target has a share for their cells."""
    sets: list[tuple[str, ...]] = [(name,) for name in cube.names]
    for ways in range(2, rules.max_ways + 1):
        sets += [names for names in combinations(cube.names, ways) if _is_targeted(target, names)]
    return sets


def _is_targeted(target: Target, names: tuple[str, ...]) -> bool:
    stated = any(set(names) <= set(margin.names) for margin in target.margins)
    return stated or (target.assume_no_interaction and set(names) <= set(target.names))


def _n_cells(cube: Cube, target: Target, names: Sequence[str]) -> int:
    return prod(len(_domain(cube, target, name).values) for name in names)


def _overall(
    cube: Cube, target: Target, names: tuple[str, ...], rules: Rules, rng: np.random.Generator
) -> Overall:
    if _n_cells(cube, target, names) > rules.max_cells or not _is_targeted(target, names):
        return _nothing_overall(names)
    family = family_of(cube, target, names, rules)
    x, n = family.counts.ravel(), family.n_items
    q = np.zeros(x.shape) if family.target is None else family.target.ravel()
    missing = _n_missing(cube, names)
    fit = _fit(x, q, rules, rng)
    return Overall(
        attributes=names,
        n_items=n,
        n_outside_target=cube.n_items - n - missing,
        n_missing=missing,
        n_cells=int((q > 0).sum()),
        n_empty_cells=int(((q > 0) & (x == 0)).sum()),
        basis=family.basis,
        distances=distances(
            x,
            q,
            rng=rng,
            level=rules.level,
            n_resamples=rules.n_resamples,
            shape=family.counts.shape,
        ),
        chi_squared=_chi_squared(fit, n),
        fit=fit,
        effective_sample_size=effective_sample_size(x, q),
    )


def _fit(
    x: NDArray[np.int64], q: NDArray[np.float64], rules: Rules, rng: np.random.Generator
) -> GoodnessOfFit | None:
    """The test of the whole table; none without items, or with items where the target has none."""
    if not x.any() or x[q == 0].any():
        return None
    return goodness_of_fit(x[q > 0], q[q > 0], rng=rng, n_draws=10 * rules.n_resamples)


def _chi_squared(fit: GoodnessOfFit | None, n: int) -> Estimate:
    if fit is None:
        return undefined(Reason.NOT_APPLICABLE if n else Reason.NO_DATA, n)
    return Estimate(fit.statistic, n, p_value=fit.p_value)


def _nothing_overall(names: tuple[str, ...]) -> Overall:
    """The answer where the target does not state the joint shares, or the cells are too many."""
    nothing = undefined(Reason.NOT_APPLICABLE, 0)
    none = {
        name: Distance(nothing)
        for name in ("total_variation", "jensen_shannon", "hellinger", "asmd", "psi", "cramers_v")
    }
    return Overall(names, 0, 0, 0, 0, 0, Basis.NONE, none, nothing, None, nothing)


def _n_missing(cube: Cube, names: tuple[str, ...]) -> int:
    """Items for which at least one of the attributes is not known."""
    columns = [cube.position(name) for name in names]
    return int(cube.n[(cube.codes[:, columns] < 0).any(axis=1)].sum())


def _missing(cube: Cube, name: str) -> Missing:
    n = _n_missing(cube, (name,))
    return Missing(name, n, proportion(n, cube.n_items))


def _outside(cube: Cube, target: Target, name: str) -> list[Outside]:
    known = set(target.values(name))
    counts = cube.table([name])
    return [
        Outside({name: value}, int(n))
        for value, n in zip(cube.attribute(name).values, counts, strict=False)
        if value not in known and n > 0
    ]
