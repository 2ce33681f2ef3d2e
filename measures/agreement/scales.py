"""The declared values of a question: their order, their numbers, and their kind of scale."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Scale(StrEnum):
    """What may be read into the differences between two values."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"
    CIRCULAR = "circular"
    SET = "set"


_NUMERIC_SCALES = (Scale.INTERVAL, Scale.RATIO)
_SPACED_SCALES = (Scale.INTERVAL, Scale.RATIO, Scale.CIRCULAR)


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a question offers, used or not, in their declared order.

    Parameters
    ----------
    values : tuple
        K distinct values; for the set scale each is a frozenset.
    scale : Scale
    numbers : tuple of float or None
        The values as numbers where all of them are numbers.
    in_order : bool
        Nominal values that somebody wants weighted by the order in which they were declared.
    """

    values: tuple[Hashable, ...]
    scale: Scale
    numbers: tuple[float, ...] | None
    in_order: bool = False

    @property
    def size(self) -> int:
        """Number of values offered (q), whether anybody used them or not."""
        return len(self.values)

    @property
    def ordered(self) -> bool:
        """Whether ordinal distances and graded weights make sense for these values."""
        if self.scale is Scale.SET:
            return False
        return self.scale is not Scale.NOMINAL or self.numbers is not None or self.in_order

    @property
    def positions(self) -> FloatArray:
        """Where each value lies for graded weights: its number where there are units, else rank."""
        if self.scale in _SPACED_SCALES and self.numbers is not None:
            return np.array(self.numbers, dtype=np.float64)
        return np.arange(1.0, self.size + 1.0)


def declare_domain(values: Sequence[object], scale: str) -> Domain:
    """The values that a question offers, checked against its scale.

    Parameters
    ----------
    values : sequence
        K distinct values in their declared order: text, numbers, or (scale ``set``) collections of
        text. Text that reads as a number counts as a number on every scale but the nominal one.
    scale : str
        One of ``nominal``, ``ordinal``, ``interval``, ``ratio``, ``circular``, ``set``.

    Returns
    -------
    Domain

    Raises
    ------
    ValueError
        When the scale is unknown, a value is declared twice, or an interval or ratio question has
        a value that is not a number, or a ratio question a negative one.
    """
    kind = _scale(scale)
    declared = tuple(_value(value, kind) for value in values)
    seen: set[Hashable] = set()
    for position, value in enumerate(declared):
        if value in seen:
            raise ValueError(
                f"values must be distinct; {value!r} is declared again at position {position}. "
                "Declare each value once."
            )
        seen.add(value)
    numbers = _numbers(declared, kind)
    _check_numbers(declared, numbers, kind)
    return Domain(values=declared, scale=kind, numbers=numbers)


def _scale(scale: str) -> Scale:
    try:
        return Scale(scale)
    except ValueError as error:
        known = ", ".join(Scale)
        raise ValueError(f"scale must be one of {known}; got {scale!r}.") from error


def _value(value: object, scale: Scale) -> Hashable:
    if scale is Scale.SET:
        if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
            raise ValueError(
                f"On the set scale each value is a collection of choices; got {value!r}. "
                "Send a list for each value, an empty one for 'none of them'."
            )
        return frozenset(value)
    if not isinstance(value, Hashable):
        raise ValueError(f"Each value must be text or a number; got {value!r}.")
    return value


def _numbers(values: tuple[Hashable, ...], scale: Scale) -> tuple[float, ...] | None:
    if scale is Scale.SET or not values:
        return None
    read = [_number(value, from_text=scale is not Scale.NOMINAL) for value in values]
    numbers = tuple(number for number in read if number is not None)
    return numbers if len(numbers) == len(values) else None


def _number(value: Hashable, *, from_text: bool) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        number = float(value)
    elif isinstance(value, str) and from_text:
        try:
            number = float(value)
        except ValueError:
            return None
    else:
        return None
    return number if math.isfinite(number) else None


def _check_numbers(
    values: tuple[Hashable, ...], numbers: tuple[float, ...] | None, scale: Scale
) -> None:
    if scale not in _NUMERIC_SCALES or not values:
        return
    if numbers is None:
        bad = next(value for value in values if _number(value, from_text=True) is None)
        raise ValueError(
            f"On the {scale} scale every value must be a finite number; {bad!r} is not. "
            "Declare the question as ordinal or nominal, or send numbers."
        )
    if len(set(numbers)) < len(numbers):
        raise ValueError("Two declared values are the same number; declare each number once.")
    if scale is Scale.RATIO and min(numbers) < 0:
        raise ValueError(
            f"On the ratio scale values cannot be negative; got {min(numbers)!r}. "
            "Declare the question as interval."
        )
