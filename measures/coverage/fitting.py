"""Iterative proportional fitting: the table closest to a seed that has the given margins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class AxisMargin:
    """Wanted totals over some axes of a table; ``totals`` has one axis for each, in order."""

    axes: tuple[int, ...]
    totals: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FittedTable:
    """The fitted table, how many rounds it took, and how far its margins still are off."""

    table: NDArray[np.float64]
    n_rounds: int
    largest_error: float
    converged: bool


def fit_margins(
    seed: ArrayLike,
    margins: Sequence[AxisMargin],
    *,
    tolerance: float = 1e-9,
    max_rounds: int = 5000,
) -> FittedTable:
    """Scale a table, margin after margin, until it has all the wanted totals.

    Keeps the associations of the seed: a seed of ones gives the table without any interaction
    that the margins do not ask for. A cell that is zero stays zero.

    Parameters
    ----------
    seed : array_like of float, not negative
    margins : sequence of AxisMargin
        Non-negative totals; all margins must add up to the same.
    tolerance : float
        Largest error of a margin relative to its total at which the fit counts as converged.
    max_rounds : int

    Returns
    -------
    FittedTable
        ``converged`` is false when margins contradict each other or ask for items in a slice
        where the seed has none.

    Raises
    ------
    ValueError
        When a margin's shape does not fit the seed, or totals are negative or add up differently.

    References
    ----------
    Deming and Stephan (1940); Fienberg (1970) on convergence.
    """
    table = np.array(seed, dtype=float)
    _check_margins(table, margins)
    error, rounds = math.inf, 0
    while rounds < max_rounds and error > tolerance:
        for margin in margins:
            table *= _factor(table, margin)
        rounds += 1
        error = margin_error(table, margins)
    return FittedTable(table, rounds, error, error <= tolerance)


def margin_error(table: NDArray[np.float64], margins: Sequence[AxisMargin]) -> float:
    """Largest difference of a table's totals from the wanted ones, relative to these."""
    return max((_relative_error(table, margin) for margin in margins), default=0.0)


def totals_over(table: NDArray[np.float64], axes: tuple[int, ...]) -> NDArray[np.float64]:
    """Sums of a table over all axes but the given ones, with the given ones in that order."""
    rest = tuple(j for j in range(table.ndim) if j not in axes)
    kept = sorted(axes)
    return np.transpose(table.sum(axis=rest), [kept.index(axis) for axis in axes])


def spread(totals: NDArray[np.float64], axes: tuple[int, ...], ndim: int) -> NDArray[np.float64]:
    """The totals as an array that broadcasts against a table of ``ndim`` axes."""
    kept = sorted(axes)
    ordered = np.transpose(totals, [axes.index(axis) for axis in kept])
    sizes = dict(zip(kept, ordered.shape, strict=True))
    return ordered.reshape([sizes.get(axis, 1) for axis in range(ndim)])


def _factor(table: NDArray[np.float64], margin: AxisMargin) -> NDArray[np.float64]:
    current = totals_over(table, margin.axes)
    factor = np.divide(margin.totals, current, out=np.zeros_like(current), where=current > 0)
    return spread(factor, margin.axes, table.ndim)


def _relative_error(table: NDArray[np.float64], margin: AxisMargin) -> float:
    off = np.abs(totals_over(table, margin.axes) - margin.totals)
    scale = np.where(margin.totals > 0, margin.totals, 1.0)
    return float((off / scale).max(initial=0.0))


def _check_margins(table: NDArray[np.float64], margins: Sequence[AxisMargin]) -> None:
    for margin in margins:
        shape = tuple(table.shape[axis] for axis in margin.axes)
        if margin.totals.shape != shape:
            raise ValueError(
                f"The margin over axes {margin.axes} has shape {margin.totals.shape}; "
                f"the table asks for {shape}."
            )
        if np.any(~np.isfinite(margin.totals)) or np.any(margin.totals < 0):
            raise ValueError(f"The margin over axes {margin.axes} has a negative or no total.")
    sums = [float(margin.totals.sum()) for margin in margins]
    if sums and not math.isclose(min(sums), max(sums), rel_tol=1e-6):
        raise ValueError(f"Margins must add up to the same; they add up to {sums}.")
