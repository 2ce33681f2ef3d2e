"""How many items a subgroup should have: a count, a share, or as a precision needs them."""

from __future__ import annotations

from dataclasses import dataclass

from measures.intervals import n_for_precision
from measures.rounding import ceiling


@dataclass(frozen=True, slots=True)
class Threshold:
    """Items below which a subgroup is uncovered, and why that many."""

    n: int
    why: str


def count_threshold(n: int) -> Threshold:
    """A fixed number of items.

    Parameters
    ----------
    n : int
        Not negative; 0 covers everything.

    Returns
    -------
    Threshold

    Raises
    ------
    ValueError
        When it is negative.
    """
    if n < 0:
        raise ValueError(f"A threshold cannot be negative; got {n}.")
    return Threshold(n, "count")


def share_threshold(share: float, n_items: int, *, at_least: int = 1) -> Threshold:
    """A share of the data set, in whole items.

    Parameters
    ----------
    share : float in [0, 1]
    n_items : int
        Items in the data set.
    at_least : int
        Smallest threshold.

    Returns
    -------
    Threshold

    Raises
    ------
    ValueError
        When the share lies outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1]; got {share!r}.")
    return Threshold(max(at_least, int(ceiling(share * n_items))), f"share {share:g}")


def precision_threshold(half_width: float, *, share: float = 0.5, level: float = 0.95) -> Threshold:
    """As many items as it takes to know a share within the subgroup this precisely.

    Parameters
    ----------
    half_width : float in (0, 0.5)
    share : float in [0, 1]
        The share expected, for example the error rate.
    level : float in (0, 1)

    Returns
    -------
    Threshold

    Raises
    ------
    ValueError
        When an argument is out of its range.

    References
    ----------
    Piegorsch (2004).
    """
    n = n_for_precision(share, half_width, level=level)
    return Threshold(n, f"share {share:g} within {half_width:g} at level {level:g}")
