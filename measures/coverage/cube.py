"""Joint counts over declared attributes: the one table from which all of coverage is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

MISSING = -1
"""The code of an attribute value that is not known."""

_DENSE_CELLS = 1 << 24


@dataclass(frozen=True, slots=True)
class Attribute:
    """A categorical attribute with its declared values, in their declared order.

    Values are declared rather than learned, so that a value without any item is a cell with
    zero items and not an absent row.
    """

    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(
                f"Attribute {self.name!r} needs at least one value and each only once; "
                f"got {list(self.values)[:5]!r}."
            )


@dataclass(frozen=True, eq=False)
class Cube:
    """How many items have each combination of attribute values that occurs.

    Parameters
    ----------
    attributes : tuple of Attribute
    codes : ndarray of int, shape (n_combinations, n_attributes)
        Positions in each attribute's values; ``MISSING`` (-1) where not known.
    n : ndarray of int, shape (n_combinations,)
        Items with that combination. Cubes over parts of a data set add up with ``+``.
    """

    attributes: tuple[Attribute, ...]
    codes: NDArray[np.int64]
    n: NDArray[np.int64]

    @property
    def n_items(self) -> int:
        """Items counted, with or without missing values."""
        return int(self.n.sum())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The attributes' names, in order."""
        return tuple(attribute.name for attribute in self.attributes)

    def attribute(self, name: str) -> Attribute:
        """The declared attribute of that name."""
        return self.attributes[self.position(name)]

    def position(self, name: str) -> int:
        """Which column of ``codes`` holds the attribute; refused by name where there is none."""
        if name not in self.names:
            raise ValueError(
                f"There is no attribute {name!r}; the cube has {', '.join(self.names)}."
            )
        return self.names.index(name)

    def table(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Counts over the named attributes, one axis each; the last slot counts missing values.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        ndarray of int, shape (n_values + 1, ...)
            Sums to ``n_items``.
        """
        columns = [self.position(name) for name in names]
        shape = tuple(len(self.attributes[j].values) + 1 for j in columns)
        # Index -1 wraps round to the last slot, which is where the missing values belong.
        key = np.ravel_multi_index([self.codes[:, j] for j in columns], shape, mode="wrap")
        counts = np.bincount(key, weights=self.n, minlength=math.prod(shape))
        return counts.astype(np.int64).reshape(shape)

    def __add__(self, other: Cube) -> Cube:
        if self.attributes != other.attributes:
            raise ValueError(
                "Only cubes over the same declared attributes add up; got "
                f"{self.names} and {other.names}, or other values."
            )
        return count_profiles(
            self.attributes,
            np.concatenate([self.codes, other.codes]),
            np.concatenate([self.n, other.n]),
        )


def count_items(attributes: Iterable[Attribute], columns: Sequence[ArrayLike]) -> Cube:
    """Count items by their joint attribute values.

    Parameters
    ----------
    attributes : iterable of Attribute
    columns : sequence of array_like of int, one per attribute, each of shape (n_items,)
        Positions in the attribute's values; ``MISSING`` (-1) where not known.

    Returns
    -------
    Cube

    Raises
    ------
    ValueError
        When columns are missing or of unequal length, or a code stands for no declared value.

    References
    ----------
    Gray et al. (1997), "Data cube".
    """
    declared = tuple(attributes)
    arrays = _checked_columns(declared, columns)
    return _counted(declared, arrays, None)


def count_profiles(attributes: Iterable[Attribute], codes: ArrayLike, n: ArrayLike) -> Cube:
    """Count items from combinations that were already counted; equal combinations are merged.

    Parameters
    ----------
    attributes : iterable of Attribute
    codes : array_like of int, shape (n_combinations, n_attributes)
    n : array_like of int, shape (n_combinations,)
        Items with each combination, not negative.

    Returns
    -------
    Cube

    Raises
    ------
    ValueError
        When shapes do not fit, a code stands for no declared value, or a count is negative.

    References
    ----------
    Gray et al. (1997), "Data cube".
    """
    declared = tuple(attributes)
    table = np.asarray(codes, dtype=np.int64).reshape(-1, len(declared))
    weights = np.asarray(n, dtype=np.int64)
    if weights.shape != (len(table),):
        raise ValueError(f"n must hold {len(table)} counts; its shape is {weights.shape}.")
    if np.any(weights < 0):
        first = int(np.flatnonzero(weights < 0)[0])
        raise ValueError(f"Counts cannot be negative; n[{first}] is {weights[first]}.")
    arrays = _checked_columns(declared, list(table.T))
    return _counted(declared, arrays, weights)


def _checked_columns(
    attributes: tuple[Attribute, ...], columns: Sequence[ArrayLike]
) -> list[NDArray[np.int64]]:
    if len(columns) != len(attributes):
        raise ValueError(f"{len(attributes)} attributes need as many columns; got {len(columns)}.")
    arrays = [np.asarray(column) for column in columns]
    # An empty list has no type of its own; numpy would call it float.
    arrays = [array if array.size else array.astype(np.int64) for array in arrays]
    for attribute, array in zip(attributes, arrays, strict=True):
        if array.shape != (len(arrays[0]),):
            raise ValueError(
                f"Attribute {attribute.name!r} has shape {array.shape}; "
                f"expected ({len(arrays[0])},) as for {attributes[0].name!r}."
            )
        _check_codes(attribute, array)
    return arrays


def _check_codes(attribute: Attribute, codes: NDArray[np.int64]) -> None:
    if codes.dtype.kind not in "iu":
        raise ValueError(
            f"Attribute {attribute.name!r} needs whole-number codes; got {codes.dtype}."
        )
    if codes.size and (codes.min() < MISSING or codes.max() >= len(attribute.values)):
        bad = (codes < MISSING) | (codes >= len(attribute.values))
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"Attribute {attribute.name!r} has {len(attribute.values)} declared values; code "
            f"{codes[first]} at position {first} stands for none of them "
            f"({int(bad.sum())} such codes in all). Use {MISSING} for missing."
        )


def _counted(
    attributes: tuple[Attribute, ...],
    columns: list[NDArray[np.int64]],
    weights: NDArray[np.int64] | None,
) -> Cube:
    """One bincount where the domain is small enough to hold, else a sort of the joint codes."""
    if not attributes:
        raise ValueError("A cube needs at least one attribute.")
    shape = [len(attribute.values) + 1 for attribute in attributes]
    if math.prod(shape) <= max(_DENSE_CELLS, columns[0].size):
        key = _joint_key(columns, shape)
        counts = np.bincount(key, weights, minlength=1).astype(np.int64)
        present = np.flatnonzero(counts)
        codes = np.column_stack(np.unravel_index(present, shape)).astype(np.int64) - 1
        return Cube(attributes, codes, counts[present])
    key = _joint_key(columns, shape)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    counts = np.bincount(group, weights, minlength=first.size).astype(np.int64)
    codes = np.column_stack([column[first] for column in columns]).astype(np.int64)
    return Cube(attributes, codes[counts > 0], counts[counts > 0])


def _joint_key(columns: list[NDArray[np.int64]], shape: list[int]) -> NDArray[np.int64]:
    """One number per row that tells its combination; renumbered before it could overflow."""
    key = columns[0].astype(np.int64) + 1
    span = shape[0]
    for column, size in zip(columns[1:], shape[1:], strict=True):
        if span * size >= 1 << 62:
            seen, key = np.unique(key, return_inverse=True)
            span = len(seen)
        key *= size
        key += column
        key += 1
        span *= size
    return key
