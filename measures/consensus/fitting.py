"""Climbing to a maximum by steps that never go down, and how the climb went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from measures.consensus.counts import FloatArray


@dataclass(frozen=True, slots=True)
class Climb:
    """How the fitting of a model went.

    Parameters
    ----------
    steps : int
        Steps taken.
    converged : bool
        Whether the last step gained less than the tolerance; else the steps ran out.
    trace : tuple of float
        The objective at each step; never falls but for rounding.
    """

    steps: int
    converged: bool
    trace: tuple[float, ...]


def climb(step: Callable[[], float], *, max_steps: int, least_gain: float) -> Climb:
    """Take steps until one gains less than ``least_gain`` or ``max_steps`` were taken.

    Parameters
    ----------
    step : callable
        Improves the model once and returns the objective that it started from.
    max_steps : int >= 1
    least_gain : float >= 0

    Raises
    ------
    ValueError
        When ``max_steps`` or ``least_gain`` is out of range.
    """
    if max_steps < 1 or not least_gain >= 0:
        raise ValueError(
            f"max_steps must be at least 1 and the tolerance not negative; "
            f"got {max_steps!r} and {least_gain!r}."
        )
    trace: list[float] = []
    for _ in range(max_steps):
        trace.append(step())
        if len(trace) > 1 and trace[-1] - trace[-2] <= least_gain:
            return Climb(len(trace), True, tuple(trace))
    return Climb(len(trace), False, tuple(trace))


def normalise_logs(logs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows of log weights as probabilities, in place, and the log of each row's sum.

    A row may hold minus infinity, but not only.
    """
    # Column by column: numpy reduces along short rows twenty times more slowly.
    top = logs[:, 0].copy()
    for column in logs.T[1:]:
        np.maximum(top, column, out=top)
    logs -= top[:, None]
    np.exp(logs, out=logs)
    # Nor as a product: the threads of a BLAS cost more than so short sums.
    total = logs[:, 0].copy()
    for column in logs.T[1:]:
        total += column
    logs /= total[:, None]
    return logs, top + np.log(total)


def log_or_minus_infinity(probabilities: FloatArray) -> FloatArray:
    """Logarithms, with minus infinity for 0 and no warning about it."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)
