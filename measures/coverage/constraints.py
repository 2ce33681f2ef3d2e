"""What can be collected at all, how much of it, and at what price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measures.coverage.cube import Attribute


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

    @property
    def rules(self) -> list[Rule]:
        """Every rule that is made use of."""
        priced = [entry.rule for entry in self.costs]
        drawn = [entry.rule for entry in self.supplies]
        return [*self.impossible, *priced, *drawn]


class Profiles:
    """Combinations of values that an item may have, asked which rules they meet.

    Parameters
    ----------
    attributes : sequence of Attribute
    codes : ndarray of int, shape (n_profiles, n_attributes)
    """

    def __init__(self, attributes: Sequence[Attribute], codes: NDArray[np.int64]) -> None:
        self.attributes = tuple(attributes)
        self.codes = codes

    def meets(self, rule: Rule) -> NDArray[np.bool_]:
        """Whether each profile meets the rule; refused by name where the rule is about nothing."""
        met = np.ones(len(self.codes), dtype=np.bool_)
        for name, values in rule.where.items():
            column = [attribute.name for attribute in self.attributes].index(name)
            attribute = self.attributes[column]
            for value in values:
                if value not in attribute.values:
                    raise ValueError(
                        f"A rule names {name}={value!r}, which is not a declared value."
                    )
            codes = [attribute.values.index(value) for value in values]
            met &= np.isin(self.codes[:, column], codes)
        return met

    def possible(self, impossible: Sequence[Rule]) -> Profiles:
        """The profiles that meet none of the rules."""
        gone = np.zeros(len(self.codes), dtype=np.bool_)
        for rule in impossible:
            gone |= self.meets(rule)
        return Profiles(self.attributes, self.codes[~gone])

    def prices(self, costs: Sequence[Cost]) -> NDArray[np.float64]:
        """What one item of each profile costs."""
        price = np.zeros(len(self.codes))
        for entry in costs:
            if not (np.isfinite(entry.cost) and entry.cost > 0):
                raise ValueError(f"A cost must be positive; got {entry.cost!r}.")
            met = self.meets(entry.rule)
            price[met] = np.maximum(price[met], entry.cost)
        return np.where(price > 0, price, 1.0)

    def draws(self, supplies: Sequence[Supply]) -> NDArray[np.bool_]:
        """Which profiles each supply is drawn from, one row per supply."""
        for supply in supplies:
            if supply.at_most < 0:
                raise ValueError(f"A supply cannot be negative; got {supply.at_most}.")
        rows = [self.meets(supply.rule) for supply in supplies]
        return np.array(rows, dtype=np.bool_).reshape(len(supplies), len(self.codes))
