"""Weights that give a data set the composition of its target, and what they cost in precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measures.coverage.cells import Rules
from measures.coverage.cube import Attribute, Cube
from measures.coverage.fitting import AxisMargin, fit_margins, margin_error, totals_over
from measures.coverage.representation import family_of
from measures.coverage.target import Target
from measures.estimates import Estimate, Reason, undefined

Floats = NDArray[np.float64]

_TRIM_ROUNDS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Items of a data set by cell, with their design weights; parts add up array by array.

    Parameters
    ----------
    attributes : tuple of Attribute
        One axis each.
    n : ndarray of float
        Items in each cell.
    weight, weight_squared : ndarray of float
        Sums over the items of their design weight and of its square; both equal ``n`` where all
        items weigh 1.
    """

    attributes: tuple[Attribute, ...]
    n: Floats
    weight: Floats
    weight_squared: Floats

    def __post_init__(self) -> None:
        shape = tuple(len(attribute.values) for attribute in self.attributes)
        for name in ("n", "weight", "weight_squared"):
            table = getattr(self, name)
            if table.shape != shape:
                raise ValueError(f"{name} has shape {table.shape}; the values ask for {shape}.")
            if not np.isfinite(table).all() or (table < 0).any():
                raise ValueError(f"{name} must hold finite numbers of at least 0.")


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A part of the target that no weight can reach, because no item is there."""

    attributes: dict[str, str]
    target_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights per cell, or the reason why there are none.

    Parameters
    ----------
    attributes : tuple of Attribute
    factors : ndarray of float or None
        What the design weight of an item in the cell is multiplied by; 0 in cells without items.
    reason : Reason or None
        ``no_data``; ``too_few_items`` when parts of the target are unreachable or, through empty
        cells, the margins cannot be met together.
    unreachable : tuple of Unreachable
    unreachable_share : float
        Share of the target in them; for margins, of the margin where it is greatest.
    design_effect, effective_n : Estimate
        Kish's loss of precision through unequal weights, and the items that are left of n.
    n_rounds : int
        Of raking; 0 for post-stratification.
    largest_error : float
        Of a weighted margin, relative to its target; above 0 where bounds held weights back.
    n_bounded : int
        Cells whose weights were held back by the bounds.
    """

    attributes: tuple[Attribute, ...]
    factors: Floats | None
    reason: Reason | None
    unreachable: tuple[Unreachable, ...]
    unreachable_share: float
    design_effect: Estimate
    effective_n: Estimate
    n_rounds: int = 0
    largest_error: float = 0.0
    n_bounded: int = 0


def design_effect(weights: ArrayLike) -> Estimate:
    """How many times more items an unweighted sample would save: Kish's design effect.

    Parameters
    ----------
    weights : array_like of float, one-dimensional, not negative

    Returns
    -------
    Estimate
        At least 1; 1 when all weights are equal. ``n`` counts the weights.

    Raises
    ------
    ValueError
        When a weight is negative or not finite.

    References
    ----------
    Kish (1965), *Survey Sampling*, 11.7: n sum(w^2) / sum(w)^2.
    """
    w = np.asarray(weights, float)
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("Weights must be finite numbers of at least 0.")
    return _kish(w.size, float(w.sum()), float((w**2).sum()))


def effective_n(weights: ArrayLike) -> Estimate:
    """Items that an unweighted sample of the same precision would have.

    Parameters
    ----------
    weights : array_like of float, one-dimensional, not negative

    Returns
    -------
    Estimate
        At most n, the number of weights.

    Raises
    ------
    ValueError
        When a weight is negative or not finite.

    References
    ----------
    Kish (1965), 11.7: sum(w)^2 / sum(w^2).
    """
    return _effective(design_effect(weights))


def post_stratify(sample: Sample, totals: ArrayLike) -> Weights:
    """Weights that give every cell its target total.

    Parameters
    ----------
    sample : Sample
    totals : array_like of float, same shape
        Target counts or shares, not negative.

    Returns
    -------
    Weights
        Refused, with the cells by name, when a cell of the target has no item.

    Raises
    ------
    ValueError
        When shapes differ, or totals are negative or all zero.

    References
    ----------
    Holt and Smith (1979), "Post stratification".
    """
    target = _checked_totals(totals, sample.n.shape)
    if sample.n.sum() == 0:
        return _refused(sample, Reason.NO_DATA, ())
    empty = _unreachable(sample.attributes, sample.weight, target)
    if empty:
        return _refused(sample, Reason.TOO_FEW_ITEMS, empty)
    filled = sample.weight > 0
    factors = np.divide(target, sample.weight, out=np.zeros_like(target), where=filled)
    return _weights(sample, factors)


def rake(
    sample: Sample,
    margins: Sequence[AxisMargin],
    *,
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-9,
    max_rounds: int = 5000,
) -> Weights:
    """Weights that give every margin its target totals, as close to the design weights as can be.

    Parameters
    ----------
    sample : Sample
    margins : sequence of AxisMargin
        Target totals over some axes; all add up to the same.
    bounds : tuple of float, optional
        Least and greatest weight of a cell's items, as multiples of the mean weight, for example
        (0.2, 5). Weights beyond are cut and the rest raked again; what the margins then miss is
        ``largest_error``.
    tolerance : float
        Largest relative error of a margin at convergence.
    max_rounds : int

    Returns
    -------
    Weights
        Refused when a margin asks for a value that no item has (by name), or when the margins
        cannot be met together because of empty cells.

    Raises
    ------
    ValueError
        When margins do not fit the sample or each other, or bounds do not enclose 1.

    References
    ----------
    Deming and Stephan (1940); Deville, Saerndal and Sautory (1993) on bounded raking; DeBell and
    Krosnick (2009) on the cap of 5.
    """
    if bounds is not None and not 0 <= bounds[0] <= 1 <= bounds[1]:
        raise ValueError(f"bounds must enclose the mean weight 1; got {bounds}.")
    if sample.n.sum() == 0:
        return _refused(sample, Reason.NO_DATA, ())
    empty = tuple(
        part
        for margin in margins
        for part in _unreachable(
            tuple(sample.attributes[axis] for axis in margin.axes),
            totals_over(sample.weight, margin.axes),
            margin.totals,
        )
    )
    if empty:
        return _refused(sample, Reason.TOO_FEW_ITEMS, empty)
    fitted = fit_margins(sample.weight, margins, tolerance=tolerance, max_rounds=max_rounds)
    if not fitted.converged:
        return _refused(sample, Reason.TOO_FEW_ITEMS, (), rounds=fitted.n_rounds)
    factors = _ratio(fitted.table, sample.weight)
    if bounds is None:
        return _weights(sample, factors, rounds=fitted.n_rounds, error=fitted.largest_error)
    return _bounded(sample, factors, margins, bounds)


class Method(StrEnum):
    """How weights are made."""

    AUTO = "auto"
    """Post-stratification to a joint target, raking to margins."""
    POST_STRATIFICATION = "post_stratification"
    """Every cell gets its target total; what margins do not say is fitted to them."""
    RAKING = "raking"
    """Every margin gets its target totals; a joint target is taken attribute by attribute."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Design weights of items, summed over those with the same attribute values.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_attributes)
        In the attributes of the cube that they go with; ``MISSING`` (-1) where not known.
    weight, weight_squared : ndarray of float, shape (n_rows,)
    """

    codes: NDArray[np.int64]
    weight: Floats
    weight_squared: Floats


def weights_to_target(
    cube: Cube,
    target: Target,
    *,
    method: Method = Method.AUTO,
    bounds: tuple[float, float] | None = None,
    design: Design | None = None,
) -> Weights:
    """Weights that give the items of a data set the target's composition; their mean is 1.

    Items with a missing value, or with one that the target does not know, get no weight.

    Parameters
    ----------
    cube : Cube
    target : Target
    method : Method
    bounds : tuple of float, optional
        Least and greatest weight, as multiples of the mean; see :func:`rake`. With bounds, the
        cells of post-stratification are met as nearly as the bounds allow.
    design : Design, optional
        Of the items that the cube counts; without it, each weighs 1 before.

    Returns
    -------
    Weights

    Raises
    ------
    ValueError
        When the data set lacks an attribute of the target.

    References
    ----------
    Holt and Smith (1979); Deming and Stephan (1940).
    """
    family = family_of(cube, target, target.names, Rules())
    n = family.counts.astype(float)
    sample = Sample(family.attributes, n, n, n)
    if design is not None:
        weight, squared = _spread(cube, family.attributes, design)
        sample = Sample(family.attributes, n, weight, squared)
    is_joint = len(target.margins) == 1
    by_cell = is_joint if method is Method.AUTO else method is Method.POST_STRATIFICATION
    if by_cell and family.target is not None:
        totals = family.target * max(n.sum(), 1.0)
        if bounds is None:
            return post_stratify(sample, totals)
        return rake(sample, [AxisMargin(tuple(range(n.ndim)), totals)], bounds=bounds)
    split = [(name,) for name in target.names]
    groups = split if is_joint else [margin.names for margin in target.margins]
    margins = []
    for names in groups:
        shares = family_of(cube, target, names, Rules()).target
        axes = tuple(target.names.index(name) for name in names)
        if shares is not None:
            margins.append(AxisMargin(axes, shares * max(n.sum(), 1.0)))
    return rake(sample, margins, bounds=bounds, tolerance=1e-6)


def _spread(cube: Cube, attributes: tuple[Attribute, ...], design: Design) -> tuple[Floats, Floats]:
    """Sums of design weights, and of their squares, in each cell of some of the attributes."""
    shape = tuple(len(attribute.values) for attribute in attributes)
    key = np.zeros(len(design.codes), np.int64)
    inside = np.ones(len(design.codes), bool)
    for attribute, size in zip(attributes, shape, strict=True):
        place = {value: at for at, value in enumerate(attribute.values)}
        own = cube.attribute(attribute.name).values
        # The last slot is what a missing value's code of -1 reaches.
        places = np.array([*(place.get(value, -1) for value in own), -1], np.int64)
        at = places[design.codes[:, cube.position(attribute.name)]]
        inside &= at >= 0
        key = key * size + np.maximum(at, 0)

    def summed(sums: Floats) -> Floats:
        cells = np.bincount(key[inside], sums[inside], minlength=math.prod(shape))
        return cells.astype(float).reshape(shape)

    return summed(design.weight), summed(design.weight_squared)


def _kish(n: int, total: float, squares: float) -> Estimate:
    if total == 0:
        return undefined(Reason.NO_DATA, n)
    return Estimate(n * squares / total**2, n)


def _effective(deff: Estimate) -> Estimate:
    return deff if deff.value is None else Estimate(deff.n / deff.value, deff.n)


def _ratio(table: Floats, weight: Floats) -> Floats:
    return np.divide(table, weight, out=np.zeros_like(table), where=weight > 0)


def _weights(
    sample: Sample, factors: Floats, *, rounds: int = 0, error: float = 0.0, n_bounded: int = 0
) -> Weights:
    total = float((factors * sample.weight).sum())
    deff = _kish(int(sample.n.sum()), total, float((factors**2 * sample.weight_squared).sum()))
    return Weights(
        sample.attributes, factors, None, (), 0.0, deff, _effective(deff), rounds, error, n_bounded
    )


def _refused(
    sample: Sample, reason: Reason, unreachable: tuple[Unreachable, ...], *, rounds: int = 0
) -> Weights:
    by_margin: dict[tuple[str, ...], float] = {}
    for part in unreachable:
        key = tuple(part.attributes)
        by_margin[key] = by_margin.get(key, 0.0) + part.target_share
    share = max(by_margin.values(), default=0.0)
    nothing = undefined(reason, int(sample.n.sum()))
    return Weights(sample.attributes, None, reason, unreachable, share, nothing, nothing, rounds)


def _unreachable(
    attributes: tuple[Attribute, ...], weight: Floats, totals: Floats
) -> tuple[Unreachable, ...]:
    if weight.shape != totals.shape:
        raise ValueError(f"Totals have shape {totals.shape}; the sample asks for {weight.shape}.")
    where = np.argwhere((totals > 0) & (weight <= 0))
    return tuple(
        Unreachable(
            {a.name: a.values[code] for a, code in zip(attributes, place, strict=True)},
            float(totals[tuple(place)] / totals.sum()),
        )
        for place in where.tolist()
    )


def _checked_totals(totals: ArrayLike, shape: tuple[int, ...]) -> Floats:
    target = np.asarray(totals, float)
    if target.shape != shape:
        raise ValueError(f"Totals have shape {target.shape}; the sample asks for {shape}.")
    if not np.isfinite(target).all() or (target < 0).any() or target.sum() <= 0:
        raise ValueError("Totals must be finite, at least 0, and not all 0.")
    return target


def _bounded(
    sample: Sample, factors: Floats, margins: Sequence[AxisMargin], bounds: tuple[float, float]
) -> Weights:
    """Cut and rake again, in turn; the last step is a cut, so the bounds hold exactly."""
    filled = sample.n > 0
    per_item = np.divide(sample.weight, sample.n, out=np.ones_like(sample.n), where=filled)
    mean = float(margins[0].totals.sum() / sample.n.sum())
    low, high = bounds[0] * mean / per_item, bounds[1] * mean / per_item
    rounds = 0
    for _ in range(_TRIM_ROUNDS):
        rounds += 1
        cut = np.where(filled, np.clip(factors, low, high), 0.0)
        if np.allclose(cut, factors, rtol=1e-9, atol=0):
            break
        factors = _ratio(
            fit_margins(cut * sample.weight, margins, max_rounds=1).table, sample.weight
        )
    held = filled & ((cut <= low * (1 + 1e-9)) | (cut >= high * (1 - 1e-9)))
    error = margin_error(cut * sample.weight, margins)
    return _weights(sample, cut, rounds=rounds, error=error, n_bounded=int(held.sum()))
