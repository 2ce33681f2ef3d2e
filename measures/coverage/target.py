"""The population a data set is meant for: shares of cells, given jointly or as margins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measures.coverage.cube import Attribute
from measures.coverage.fitting import AxisMargin, fit_margins, totals_over

_SAME_SHARE = 0.005


class Basis(StrEnum):
    """Where the target share of a cell comes from."""

    GIVEN = "given"
    """The target states it, or it is a sum of stated cells."""
    NO_INTERACTION = "assumes_no_interaction"
    """Fitted to the target's margins; the target itself says nothing about the combination."""
    NONE = "none"
    """The target does not say, and nothing was assumed."""


@dataclass(frozen=True, eq=False)
class Margin:
    """Target shares over some attributes; one axis each, summing to 1."""

    attributes: tuple[Attribute, ...]
    shares: NDArray[np.float64]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The attributes' names, in the order of the axes."""
        return tuple(attribute.name for attribute in self.attributes)


@dataclass(frozen=True, eq=False)
class Target:
    """A target population: one joint margin, or several.

    Parameters
    ----------
    margins : tuple of Margin
    assume_no_interaction : bool
        Whether a combination that no margin states is fitted to the margins (and flagged), or
        left without a target share.
    """

    margins: tuple[Margin, ...]
    assume_no_interaction: bool = True

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """Every attribute of the target once, with the values it gives a share to."""
        first: dict[str, Attribute] = {}
        for margin in self.margins:
            for attribute in margin.attributes:
                first.setdefault(attribute.name, attribute)
        return tuple(first.values())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the target's attributes."""
        return tuple(attribute.name for attribute in self.attributes)

    def values(self, name: str) -> tuple[str, ...]:
        """Values of an attribute that the target knows; none where it lacks the attribute."""
        return next((a.values for a in self.attributes if a.name == name), ())

    def shares(self, names: Sequence[str]) -> tuple[NDArray[np.float64] | None, Basis]:
        """Target shares of every combination of the named attributes, and where they come from.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        shares : ndarray of float or None
            One axis per name, in the order of :meth:`values`, summing to 1; ``None`` where the
            target does not say.
        basis : Basis

        References
        ----------
        Deming and Stephan (1940), the fit of margins.
        """
        for margin in self.margins:
            if set(names) <= set(margin.names):
                axes = tuple(margin.names.index(name) for name in names)
                return totals_over(margin.shares, axes), Basis.GIVEN
        if self.assume_no_interaction and set(names) <= set(self.names):
            return self._fitted(tuple(names)), Basis.NO_INTERACTION
        return None, Basis.NONE

    def part(self, values: Mapping[str, str]) -> Target | None:
        """The people of a joint target who have these values, their shares summing to 1.

        ``None`` where there are none, or where margins do not say who they are.
        """
        if len(self.margins) > 1:
            return None
        (margin,) = self.margins
        shares = margin.shares
        for axis, attribute in enumerate(margin.attributes):
            if attribute.name in values:
                has = np.array([value == values[attribute.name] for value in attribute.values])
                shares = shares * has.reshape([-1 if k == axis else 1 for k in range(shares.ndim)])
        total = float(shares.sum())
        return Target((Margin(margin.attributes, shares / total),)) if total > 0 else None

    def _fitted(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """Shares with the interactions that margins state among these attributes, and no more."""
        margins = []
        for margin in self.margins:
            shared = tuple(name for name in names if name in margin.names)
            if shared:
                axes = tuple(margin.names.index(name) for name in shared)
                totals = totals_over(margin.shares, axes)
                margins.append(AxisMargin(tuple(names.index(name) for name in shared), totals))
        seed = np.ones([len(self.values(name)) for name in names])
        fitted = fit_margins(seed, margins, max_rounds=200).table
        return np.asarray(fitted / fitted.sum())


def target_from_cells(
    cells: Iterable[tuple[Mapping[str, str], float]], *, assume_no_interaction: bool = True
) -> Target:
    """Target population from its cells; cells over the same attributes form one margin.

    Parameters
    ----------
    cells : iterable of (mapping of attribute name to value, weight)
        Weights are counts or shares, not negative; each margin is scaled to sum to 1.
        Combinations that are not listed have weight 0.
    assume_no_interaction : bool
        See :class:`Target`.

    Returns
    -------
    Target
        Joint when all cells name the same attributes, else made of several margins.

    Raises
    ------
    ValueError
        When there is no cell, a cell is listed twice, a weight is negative or not finite, a
        margin has no weight, or margins contradict each other on an attribute they share.

    References
    ----------
    Deming and Stephan (1940).
    """
    groups: dict[frozenset[str], dict[tuple[str, ...], float]] = {}
    order: dict[frozenset[str], tuple[str, ...]] = {}
    values: dict[str, dict[str, None]] = {}
    for attributes, weight in cells:
        names = order.setdefault(frozenset(attributes), tuple(attributes))
        group = groups.setdefault(frozenset(attributes), {})
        key = tuple(attributes[name] for name in names)
        _check_cell(dict(attributes), weight, is_new=key not in group)
        group[key] = float(weight)
        for name, value in zip(names, key, strict=True):
            values.setdefault(name, {})[value] = None
    if not groups:
        raise ValueError("A target population needs at least one cell.")
    domains = {name: Attribute(name, tuple(seen)) for name, seen in values.items()}
    margins = [_margin(order[key], groups[key], domains) for key in groups]
    # The widest margin is asked first, so that stated interactions win over fitted ones.
    margins.sort(key=lambda margin: -len(margin.names))
    return Target(_reconciled(margins), assume_no_interaction)


def _check_cell(attributes: dict[str, str], weight: float, *, is_new: bool) -> None:
    if not attributes:
        raise ValueError("A cell of a target population must name at least one attribute.")
    if not (np.isfinite(weight) and weight >= 0):
        raise ValueError(f"Weight {weight!r} of cell {attributes} must be a number of at least 0.")
    if not is_new:
        raise ValueError(f"Cell {attributes} is listed twice; list each cell once.")


def _margin(
    names: tuple[str, ...], weights: dict[tuple[str, ...], float], domains: dict[str, Attribute]
) -> Margin:
    attributes = tuple(domains[name] for name in names)
    places = [{value: i for i, value in enumerate(a.values)} for a in attributes]
    shares = np.zeros([len(a.values) for a in attributes])
    for key, weight in weights.items():
        shares[tuple(place[value] for place, value in zip(places, key, strict=True))] = weight
    total = shares.sum()
    if total <= 0:
        raise ValueError(f"The target over {', '.join(names)} gives no weight to any cell.")
    return Margin(attributes, shares / total)


def _reconciled(margins: list[Margin]) -> tuple[Margin, ...]:
    """Margins that give an attribute they share the same shares.

    Published margins differ in the last digits, and fitting to both would never settle: the
    first one stands. Margins that differ visibly are of two populations, and refused.
    """
    seen: dict[str, NDArray[np.float64]] = {}
    agreed = []
    for margin in margins:
        settled = []
        for axis, attribute in enumerate(margin.attributes):
            if attribute.name in seen:
                _check_agreement(
                    attribute, seen[attribute.name], totals_over(margin.shares, (axis,))
                )
                settled.append(AxisMargin((axis,), seen[attribute.name]))
        shares = fit_margins(margin.shares, settled, max_rounds=200).table
        for axis, attribute in enumerate(margin.attributes):
            seen.setdefault(attribute.name, totals_over(shares, (axis,)))
        agreed.append(Margin(margin.attributes, shares))
    return tuple(agreed)


def _check_agreement(
    attribute: Attribute, before: NDArray[np.float64], shares: NDArray[np.float64]
) -> None:
    worst = int(np.abs(before - shares).argmax())
    if abs(before[worst] - shares[worst]) > _SAME_SHARE:
        raise ValueError(
            f"Margins disagree on {attribute.name}={attribute.values[worst]!r}: "
            f"{before[worst]:.4f} and {shares[worst]:.4f}; give margins of one population."
        )
