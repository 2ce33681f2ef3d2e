"""Stated probabilities beside what happened, checked once at the door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: A probability may overshoot [0, 1] by this much and is clipped; more is an error.
PROBABILITY_TOLERANCE = 1e-9
#: A row of class probabilities may miss 1 by this much and is renormalised; more is an error.
ROW_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class BinaryForecasts:
    """Probabilities of one event and its outcomes; build it with :func:`binary_forecasts`.

    ``notion`` says which event the probability is about: ``positive`` (the declared positive
    class), ``confidence`` (the most probable class is the right one) or ``one_vs_rest``.
    """

    y_true: FloatArray
    y_prob: FloatArray
    weights: FloatArray
    clusters: IntArray | None = None
    weighted: bool = False
    notion: str = "positive"

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.y_prob)

    @property
    def n_fractional(self) -> int:
        """Number of items whose outcome lies strictly between 0 and 1."""
        return int(np.count_nonzero((self.y_true > 0) & (self.y_true < 1)))

    @property
    def one_class(self) -> bool:
        """Whether every item has the same 0/1 outcome, so that nothing can be told apart."""
        return self.n > 0 and bool((self.y_true == 0).all() or (self.y_true == 1).all())

    def rows(self, index: npt.NDArray[np.bool_] | IntArray) -> BinaryForecasts:
        """The items at ``index``, clusters renumbered."""
        return BinaryForecasts(
            self.y_true[index],
            self.y_prob[index],
            self.weights[index],
            None if self.clusters is None else codes_of(self.clusters[index]),
            self.weighted,
            self.notion,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ClassForecasts:
    """Probabilities of K classes and the true class; build it with :func:`class_forecasts`."""

    y_true: IntArray
    y_prob: FloatArray
    weights: FloatArray
    clusters: IntArray | None = None
    weighted: bool = False
    n_renormalised: int = 0

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.y_true)

    @property
    def n_classes(self) -> int:
        """Number of classes in the declared order, seen or not."""
        return int(self.y_prob.shape[1])

    def confidence(self) -> BinaryForecasts:
        """Probability of the most probable class, and whether it was the right one.

        Where classes tie for the highest probability the first in the declared order is taken.
        """
        top = self.y_prob.argmax(axis=1)
        return BinaryForecasts(
            (top == self.y_true).astype(float),
            self.y_prob[np.arange(self.n), top],
            self.weights,
            self.clusters,
            self.weighted,
            "confidence",
        )

    def one_vs_rest(self, k: int) -> BinaryForecasts:
        """Probability of class ``k``, and whether the item is of class ``k``."""
        return BinaryForecasts(
            (self.y_true == k).astype(float),
            self.y_prob[:, k],
            self.weights,
            self.clusters,
            self.weighted,
            "one_vs_rest",
        )

    def rows(self, index: npt.NDArray[np.bool_] | IntArray) -> ClassForecasts:
        """The items at ``index``, clusters renumbered."""
        return ClassForecasts(
            self.y_true[index],
            self.y_prob[index],
            self.weights[index],
            None if self.clusters is None else codes_of(self.clusters[index]),
            self.weighted,
            self.n_renormalised,
        )


Forecasts = BinaryForecasts | ClassForecasts


def binary_forecasts(
    y_true: npt.ArrayLike,
    y_prob: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
) -> BinaryForecasts:
    """Checked outcomes and probabilities of one event.

    Parameters
    ----------
    y_true : (n,) array in [0, 1]
        Outcomes; fractions (a tie, a share of votes) are kept as they are.
    y_prob : (n,) array in [0, 1]
        Stated probability that the outcome is 1.
    weights : (n,) array of positive numbers, optional
        Population or inverse-sampling weights.
    clusters : (n,) array, optional
        What must be resampled together (patient, scanner); any values that can be compared.

    Returns
    -------
    BinaryForecasts

    Raises
    ------
    ValueError
        When lengths differ, a number is not finite, or lies outside its range.
    """
    outcome = _vector("y_true", y_true)
    stated = _vector("y_prob", y_prob)
    _same_length("y_prob", len(stated), len(outcome))
    outcome = _within_unit("y_true", outcome)
    stated = _within_unit("y_prob", stated)
    weight, weighted = _weights(weights, len(outcome))
    return BinaryForecasts(outcome, stated, weight, _clusters(clusters, len(outcome)), weighted)


def class_forecasts(
    y_true: npt.ArrayLike,
    y_prob: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
) -> ClassForecasts:
    """Checked class indices and class probabilities.

    Parameters
    ----------
    y_true : (n,) array of int in 0..K-1
        Index of the true class in the declared order.
    y_prob : (n, K) array in [0, 1]
        One row an item; a row sum within 1e-3 of 1 is renormalised (and counted in
        ``n_renormalised`` when it is off by more than 1e-6).
    weights, clusters
        As in :func:`binary_forecasts`.

    Returns
    -------
    ClassForecasts

    Raises
    ------
    ValueError
        When shapes do not fit, a number is not finite, a class index is unknown, or a row
        does not sum to 1.
    """
    stated = np.asarray(y_prob, dtype=float)
    if stated.ndim != 2 or stated.shape[1] < 2:
        raise ValueError(
            f"y_prob must have one row an item and at least two columns, one a class; "
            f"got shape {stated.shape}."
        )
    outcome = _class_index(y_true, stated.shape[1])
    _same_length("y_prob", len(stated), len(outcome))
    stated = _within_unit("y_prob", stated)
    sums = stated.sum(axis=1)
    _check_row_sums(sums)
    n_off = int(np.count_nonzero(np.abs(sums - 1) > 1e-6))
    weight, weighted = _weights(weights, len(outcome))
    return ClassForecasts(
        outcome,
        stated / sums[:, None],
        weight,
        _clusters(clusters, len(outcome)),
        weighted,
        n_off,
    )


def codes_of(values: npt.ArrayLike) -> IntArray:
    """Values as integers 0..m-1 in sorted order."""
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.int64).ravel()


def rows_of(codes: IntArray, count: int) -> Iterator[IntArray]:
    """Positions of each code's items, 0..count-1, from one sort; negative codes are left out."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(count + 1))
    for code in range(count):
        yield order[starts[code] : starts[code + 1]]


def kish_n_eff(weights: FloatArray) -> float:
    """Number of equally weighted items that would be as precise (Kish 1965); 0 for none."""
    total_sq = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / total_sq if total_sq > 0 else 0.0


def _vector(name: str, values: npt.ArrayLike) -> FloatArray:
    vector = np.asarray(values, dtype=float)
    if vector.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional; got shape {vector.shape}.")
    return vector


def _same_length(name: str, got: int, expected: int) -> None:
    if got != expected:
        raise ValueError(f"{name} has {got} rows and y_true {expected}; send one for each item.")


def _within_unit(name: str, values: FloatArray) -> FloatArray:
    inside = (values >= -PROBABILITY_TOLERANCE) & (values <= 1 + PROBABILITY_TOLERANCE)
    if not inside.all():
        bad = np.argwhere(~inside)
        position = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name} must lie in [0, 1]; {len(bad)} of {values.size} do not, first "
            f"{float(values[position])!r} at position {position[0]}."
        )
    return np.clip(values, 0.0, 1.0)


def _class_index(y_true: npt.ArrayLike, n_classes: int) -> IntArray:
    given = _vector("y_true", y_true)
    known = np.isin(given, np.arange(n_classes))
    if not known.all():
        position = int(np.argmin(known))
        raise ValueError(
            f"y_true must hold class indices 0..{n_classes - 1}; {int((~known).sum())} of "
            f"{len(given)} do not, first {float(given[position])!r} at position {position}."
        )
    return given.astype(np.int64)


def _check_row_sums(sums: FloatArray) -> None:
    off = np.flatnonzero(np.abs(sums - 1) > ROW_SUM_TOLERANCE)
    if len(off):
        raise ValueError(
            f"The class probabilities of an item must sum to 1 within {ROW_SUM_TOLERANCE:g}; "
            f"{len(off)} of {len(sums)} rows do not, first {float(sums[off[0]])!r} "
            f"at position {int(off[0])}."
        )


def _weights(weights: npt.ArrayLike | None, n: int) -> tuple[FloatArray, bool]:
    if weights is None:
        return np.ones(n), False
    given = _vector("weights", weights)
    _same_length("weights", len(given), n)
    good = np.isfinite(given) & (given > 0)
    if not good.all():
        position = int(np.argmin(good))
        raise ValueError(
            f"weights must be positive numbers; {int((~good).sum())} of {n} are not, first "
            f"{float(given[position])!r} at position {position}; leave such items out."
        )
    return given, True


def _clusters(clusters: npt.ArrayLike | None, n: int) -> IntArray | None:
    if clusters is None:
        return None
    codes = codes_of(clusters)
    _same_length("clusters", len(codes), n)
    return codes
