"""The one shape in which a measure answers: a number with its uncertainty, or a reason."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class Reason(StrEnum):
    """Why a number does not exist. The codes are part of the REST contract."""

    NO_DATA = "no_data"
    NO_OVERLAP = "no_overlap"
    NO_VARIATION = "no_variation"
    TOO_FEW_ITEMS = "too_few_items"
    TOO_FEW_ANNOTATORS = "too_few_annotators"
    ONE_CLASS = "one_class"
    SUPPRESSED = "suppressed"
    NOT_APPLICABLE = "not_applicable"


_NUMBERS = ("value", "ci_low", "ci_high", "se", "p_value", "p_adjusted")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with the ``n`` it rests on and its interval, or ``None`` with a reason.

    Parameters
    ----------
    value : float or None
        The number; ``None`` exactly when ``reason`` is given.
    n : int
        What the number rests on; the measure's docstring says what is counted.
    reason : Reason or None
        Why there is no number.
    ci_low, ci_high : float or None
        Interval ends; ``None`` where no interval could be given although the number exists.
    ci_level : float or None
        Nominal coverage of the interval, in (0, 1).
    ci_method : str or None
        How the interval was made, for example ``"wilson"`` or ``"bootstrap_items"``.
    se, p_value, p_adjusted : float or None
        Where they apply; left out of :meth:`as_dict` where they do not.

    Raises
    ------
    ValueError
        When a value comes with a reason, or neither is given, or a number is not finite.
    """

    value: float | None
    n: int
    reason: Reason | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ci_level: float | None = None
    ci_method: str | None = None
    se: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError(
                f"An estimate has a value or a reason, not both or neither; "
                f"got value={self.value!r}, reason={self.reason!r}."
            )
        found = (self.value, self.ci_low, self.ci_high, self.se, self.p_value, self.p_adjusted)
        # Estimates are made by the thousand: one sum says that all is well.
        if math.isfinite(sum(filter(None, found))):
            return
        for place, number in enumerate(found):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{_NUMBERS[place]} must be finite or None; got {number!r}.")

    def as_dict(self) -> dict[str, float | int | str | None]:
        """The estimate as the REST contract's NUMBER: JSON-ready, no NaN."""
        number: dict[str, float | int | str | None] = {
            "value": _plain(self.value),
            "reason": None if self.reason is None else str(self.reason),
            "n": int(self.n),
            "ci_low": _plain(self.ci_low),
            "ci_high": _plain(self.ci_high),
            "ci_level": self.ci_level,
            "ci_method": self.ci_method,
        }
        if self.se is not None:
            number["se"] = float(self.se)
        if self.p_value is not None:
            number["p_value"] = float(self.p_value)
        if self.p_adjusted is not None:
            number["p_adjusted"] = float(self.p_adjusted)
        return number


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Estimates of one kind that rest on the same ``n``, as columns: thousands cost little so.

    Parameters
    ----------
    values, ci_low, ci_high : ndarray of float, shape (k,)
    known : ndarray of bool, shape (k,)
        Which of them exist.
    n : int
    reason : Reason
        Why the others do not.
    ci_level : float
    ci_method : str

    Raises
    ------
    ValueError
        When one that exists is not finite.
    """

    values: NDArray[np.float64]
    ci_low: NDArray[np.float64]
    ci_high: NDArray[np.float64]
    known: NDArray[np.bool_]
    n: int
    reason: Reason
    ci_level: float
    ci_method: str

    def __post_init__(self) -> None:
        for name in ("values", "ci_low", "ci_high"):
            numbers = getattr(self, name)[self.known]
            if not np.isfinite(numbers).all():
                bad = float(numbers[~np.isfinite(numbers)][0])
                raise ValueError(f"{name} must be finite; got {bad!r}.")

    def __iter__(self) -> Iterator[Estimate]:
        for is_known, value, low, high in self._rows():
            if is_known:
                yield Estimate(value, self.n, None, low, high, self.ci_level, self.ci_method)
            else:
                yield undefined(self.reason, self.n)

    def as_dicts(self) -> list[dict[str, float | int | str | None]]:
        """Each as by :meth:`Estimate.as_dict`, without an object for each."""
        known = Estimate(0.0, self.n, None, 0.0, 0.0, self.ci_level, self.ci_method).as_dict()
        nothing = undefined(self.reason, self.n).as_dict()
        return [
            known | {"value": value, "ci_low": low, "ci_high": high} if is_known else dict(nothing)
            for is_known, value, low, high in self._rows()
        ]

    def _rows(self) -> Iterator[tuple[bool, float, float, float]]:
        columns = (self.known, self.values, self.ci_low, self.ci_high)
        return zip(*(column.tolist() for column in columns), strict=True)


def _plain(number: float | None) -> float | None:
    """A Python float where numpy gave its own, so that every JSON encoder takes it."""
    return None if number is None else float(number)


@lru_cache(maxsize=4096)
def undefined(reason: Reason, n: int) -> Estimate:
    """An estimate that does not exist, with the reason and the ``n`` that was there."""
    return Estimate(value=None, n=n, reason=reason)
