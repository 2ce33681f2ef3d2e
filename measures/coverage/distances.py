"""How far the composition of a data set is from a target, in one number each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from measures.coverage.exact_tests import draw_tables
from measures.estimates import Estimate, Reason, undefined

Shares = NDArray[np.float64]

_ROUNDING = 1e-9
"""Standard deviation below which a value is taken as one that all or nobody have."""


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance, beside what chance alone would give at the same number of items.

    Parameters
    ----------
    estimate : Estimate
    noise_floor : float or None
        Mean of the distance when the items are drawn from the target itself.
    noise_high : float or None
        Its quantile at the level of the interval; a distance below it is within chance.
    """

    estimate: Estimate
    noise_floor: float | None = None
    noise_high: float | None = None

    def as_dict(self) -> dict[str, float | int | str | None]:
        """The REST contract's NUMBER, with the noise floor beside it."""
        return self.estimate.as_dict() | {
            "noise_floor": self.noise_floor,
            "noise_high": self.noise_high,
        }


def total_variation(p: ArrayLike, q: ArrayLike) -> Shares:
    """Share of items that would have to be of another kind to match the target.

    Parameters
    ----------
    p, q : array_like of float, shape (..., n_cells)
        Shares that sum to 1 along the last axis.

    Returns
    -------
    ndarray of float, shape (...)
        In [0, 1]; 0 is a perfect match.

    References
    ----------
    Gibbs and Su (2002), "On choosing and bounding probability metrics".
    """
    return np.asarray(np.abs(np.asarray(p, float) - np.asarray(q, float)).sum(axis=-1) / 2)


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> Shares:
    """Jensen-Shannon divergence in bits (the divergence, not its square root).

    Parameters
    ----------
    p, q : array_like of float, shape (..., n_cells)
        Shares that sum to 1; cells may be empty on either side.

    Returns
    -------
    ndarray of float, shape (...)
        In [0, 1]; 0 is a perfect match.

    References
    ----------
    Lin (1991), "Divergence measures based on the Shannon entropy", eq. 4.1, base 2.
    """
    a, b = np.asarray(p, float), np.asarray(q, float)
    middle = (a + b) / 2
    bits = (special.rel_entr(a, middle) + special.rel_entr(b, middle)).sum(axis=-1) / 2 / np.log(2)
    return np.asarray(np.clip(bits, 0.0, 1.0))


def hellinger(p: ArrayLike, q: ArrayLike) -> Shares:
    """Hellinger distance: Euclidean distance of the square roots of the shares, scaled to 1.

    Parameters
    ----------
    p, q : array_like of float, shape (..., n_cells)

    Returns
    -------
    ndarray of float, shape (...)
        In [0, 1]; 0 is a perfect match.

    References
    ----------
    Gibbs and Su (2002).
    """
    roots = np.sqrt(np.asarray(p, float)) - np.sqrt(np.asarray(q, float))
    return np.asarray(np.sqrt((roots**2).sum(axis=-1) / 2))


def population_stability(counts: ArrayLike, q: ArrayLike) -> Shares:
    """Population stability index, in nats; half an item is added to every cell if one is empty.

    Parameters
    ----------
    counts : array_like of float, shape (..., n_cells)
        Items in each cell; at least one item.
    q : array_like of float, shape (n_cells,)
        Target shares, all positive.

    Returns
    -------
    ndarray of float, shape (...)
        At least 0; 0 is a perfect match. By custom, 0.1 is small and 0.25 large.

    References
    ----------
    Siddiqi (2006), *Credit Risk Scorecards*; the half item is Jeffreys' prior.
    """
    x, target = np.asarray(counts, float), np.asarray(q, float)
    x = x + 0.5 * (x == 0).any(axis=-1, keepdims=True)
    p = x / x.sum(axis=-1, keepdims=True)
    return np.asarray(((p - target) * np.log(p / target)).sum(axis=-1))


def cramers_v(counts: ArrayLike, q: ArrayLike) -> Shares:
    """Chi-squared distance from the target, freed of the number of items and of cells.

    Parameters
    ----------
    counts : array_like of float, shape (..., n_cells)
    q : array_like of float, shape (n_cells,)
        Target shares, all positive.

    Returns
    -------
    ndarray of float, shape (...)
        At least 0; at most 1 for a uniform target, and possibly more for a skewed one.

    References
    ----------
    Cramer (1946), 21.9; the goodness-of-fit form, sqrt(chi2 / (n (k - 1))).
    """
    x, target = np.asarray(counts, float), np.asarray(q, float)
    n = x.sum(axis=-1, keepdims=True)
    p = x / n
    cells = max(target.size - 1, 1)
    return np.asarray(np.sqrt(((p - target) ** 2 / target).sum(axis=-1) / cells))


def distances(
    counts: ArrayLike,
    q: ArrayLike,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = 1000,
    shape: tuple[int, ...] | None = None,
) -> dict[str, Distance]:
    """All distances between a table of counts and target shares.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
    q : array_like of float, shape (n_cells,)
        Target shares; sum to 1, may hold zeros.
    rng : numpy.random.Generator
    level : float in (0, 1)
    n_resamples : int
        Tables drawn from the observed shares for the interval, and as many from the target for
        the noise floor.
    shape : tuple of int, optional
        Number of values of each attribute, where cells are combinations of several in C order.

    Returns
    -------
    dict of str to Distance
        ``total_variation``, ``jensen_shannon``, ``hellinger``, ``asmd`` (see
        :func:`mean_asmd`), ``psi``, ``cramers_v``. The last two are ``not_applicable`` when items
        lie where the target has none. Intervals are basic (reflected) bootstrap intervals, which
        take back the upward bias of a distance; their low end is 0 where the distance is within
        chance.

    References
    ----------
    Davison and Hinkley (1997), 5.2, the basic bootstrap interval.
    """
    x, target = np.asarray(counts, np.int64), np.asarray(q, float)
    n = int(x.sum())
    if n == 0:
        names = (*_OF_SHARES, "asmd", *_OF_COUNTS)
        return {name: Distance(undefined(Reason.NO_DATA, 0)) for name in names}
    known = target > 0
    standardised = _of_shares(lambda p, t: mean_asmd(p, t, shape=shape))
    statistics = _OF_SHARES | {"asmd": standardised}
    varies = bool(np.isfinite(mean_asmd(x / n, target, shape=shape)))
    answer = _with_intervals(
        statistics if varies else _OF_SHARES, x, target, rng, (level, n_resamples)
    )
    if not varies:
        answer["asmd"] = Distance(undefined(Reason.NO_VARIATION, n))
    if x[~known].any():
        return answer | {n_: Distance(undefined(Reason.NOT_APPLICABLE, n)) for n_ in _OF_COUNTS}
    return answer | _with_intervals(_OF_COUNTS, x[known], target[known], rng, (level, n_resamples))


def mean_asmd(p: ArrayLike, q: ArrayLike, *, shape: tuple[int, ...] | None = None) -> Shares:
    """Absolute standardised difference of shares: mean over the values, then over attributes.

    Parameters
    ----------
    p, q : array_like of float, shape (..., n_cells) and (n_cells,)
        Shares that sum to 1 along the last axis.
    shape : tuple of int, optional
        Number of values of each attribute, where cells are combinations of several in C order.

    Returns
    -------
    ndarray of float, shape (...)
        In standard deviations sqrt(q (1 - q)) of the target's indicators; 0 is a perfect match, 0.1
        small by custom. Values that all or nobody in the target have are left out; NaN where no
        other is left.

    References
    ----------
    Austin (2009), "Balance diagnostics"; the mean over attributes as in Sarig et al. (2023),
    "balance".
    """
    sizes = shape or (np.asarray(q).size,)
    a = np.asarray(p, float).reshape(*np.shape(p)[:-1], *sizes)
    b = np.asarray(q, float).reshape(sizes)
    means = []
    for axis in range(len(sizes)):
        others = tuple(other for other in range(len(sizes)) if other != axis)
        share = b.sum(axis=others)
        unit = np.sqrt(np.maximum(share * (1 - share), 0))
        varies = unit > _ROUNDING
        if varies.any():
            own = a.sum(axis=tuple(other - len(sizes) for other in others))
            means.append((np.abs(own - share)[..., varies] / unit[varies]).mean(axis=-1))
    return np.mean(means, axis=0) if means else np.full(np.shape(p)[:-1], np.nan)


def effective_sample_size(counts: ArrayLike, q: ArrayLike) -> Estimate:
    """Items that a sample of the target's composition would need to be as informative.

    Parameters
    ----------
    counts : array_like of int, shape (n_cells,)
    q : array_like of float, shape (n_cells,)

    Returns
    -------
    Estimate
        Kish's effective size under post-stratification to the target, at most n; undefined
        (``too_few_items``) when a cell of the target is empty, as no weights can reach it.

    References
    ----------
    Kish (1965), *Survey Sampling*, 11.7.
    """
    x, target = np.asarray(counts, float), np.asarray(q, float)
    n = int(x.sum())
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    if np.any((target > 0) & (x == 0)):
        return undefined(Reason.TOO_FEW_ITEMS, n)
    filled = x > 0
    return Estimate(float(1 / (target[filled] ** 2 / x[filled]).sum()), n)


def asmd(sample: ArrayLike, target: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Absolute standardised difference of the means of a numeric attribute.

    Parameters
    ----------
    sample, target : array_like of float, one-dimensional, without missing values
    level : float in (0, 1)

    Returns
    -------
    Estimate
        In standard deviations of the target (n - 1 in the denominator); 0 is a perfect match,
        0.1 small by custom. ``n`` counts the sample. ``no_variation`` when the target is constant.

    Raises
    ------
    ValueError
        When a value is not finite.

    References
    ----------
    Austin (2009), "Balance diagnostics", with the target's deviation as the unit.
    """
    x, y = np.asarray(sample, float), np.asarray(target, float)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("asmd needs finite numbers; leave missing values out and count them.")
    if x.size == 0 or y.size < 2:
        return undefined(Reason.NO_DATA if x.size == 0 else Reason.TOO_FEW_ITEMS, x.size)
    unit = float(y.std(ddof=1))
    if unit == 0:
        return undefined(Reason.NO_VARIATION, x.size)
    difference = float(x.mean() - y.mean()) / unit
    if x.size < 2:
        return Estimate(abs(difference), x.size)
    se = float(np.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size)) / unit
    half = float(special.ndtri(0.5 + level / 2)) * se
    low = max(0.0, abs(difference) - half)
    return Estimate(
        abs(difference), x.size, None, low, abs(difference) + half, level, "normal", se=se
    )


def asmd_of_values(sample_counts: ArrayLike, target_counts: ArrayLike) -> list[Estimate]:
    """Absolute standardised difference of the share of each value of an attribute.

    Parameters
    ----------
    sample_counts, target_counts : array_like of float, shape (n_values,)

    Returns
    -------
    list of Estimate
        In standard deviations of the target's indicator. A value absent from the sample has
        share 0 there, and so a difference, rather than none.

    References
    ----------
    Austin (2009).
    """
    x, y = np.asarray(sample_counts, float), np.asarray(target_counts, float)
    n, size = x.sum(), y.sum()
    if n == 0 or size < 2:
        return [undefined(Reason.NO_DATA, int(n)) for _ in x]
    share = y / size
    unit = np.sqrt(share * (1 - share) * size / (size - 1))
    return [
        Estimate(float(abs(p - q) / sd), int(n))
        if sd > 0
        else undefined(Reason.NO_VARIATION, int(n))
        for p, q, sd in zip(x / n, share, unit, strict=True)
    ]


Statistic = Callable[[NDArray[np.int64], Shares], Shares]


def _of_shares(distance: Callable[[ArrayLike, ArrayLike], Shares]) -> Statistic:
    return lambda x, q: distance(x / x.sum(axis=-1, keepdims=True), q)


_OF_SHARES: dict[str, Statistic] = {
    "total_variation": _of_shares(total_variation),
    "jensen_shannon": _of_shares(jensen_shannon),
    "hellinger": _of_shares(hellinger),
}
_OF_COUNTS: dict[str, Statistic] = {"psi": population_stability, "cramers_v": cramers_v}
_AT_MOST_ONE = frozenset(_OF_SHARES)


def _with_intervals(
    statistics: dict[str, Statistic],
    x: NDArray[np.int64],
    q: Shares,
    rng: np.random.Generator,
    resampling: tuple[float, int],
) -> dict[str, Distance]:
    level, n_resamples = resampling
    n = int(x.sum())
    again: dict[str, list[Shares]] = {name: [] for name in statistics}
    noise: dict[str, list[Shares]] = {name: [] for name in statistics}
    for store, shares in ((again, x / n), (noise, q)):
        for tables in draw_tables(n, shares, n_resamples, rng):
            for name, statistic in statistics.items():
                store[name].append(statistic(tables, q))
    return {
        name: _distance(
            (float(statistic(x, q)), n, level),
            np.concatenate(again[name]),
            np.concatenate(noise[name]),
            1.0 if name in _AT_MOST_ONE else np.inf,
        )
        for name, statistic in statistics.items()
    }


def _distance(
    observed: tuple[float, int, float], again: Shares, noise: Shares, greatest: float
) -> Distance:
    value, n, level = observed
    tail = (1 - level) / 2
    q_low, q_high = (float(end) for end in np.quantile(again, [tail, 1 - tail]))
    noise_high = float(np.quantile(noise, level))
    low = 0.0 if value <= noise_high else max(0.0, min(value, 2 * value - q_high))
    high = min(greatest, max(value, 2 * value - q_low))
    estimate = Estimate(value, n, None, low, high, level, "bootstrap_multinomial_basic")
    return Distance(estimate, float(noise.mean()), noise_high)
