"""CORP: the calibration curve by isotonic regression, and what it says about a score.

Consistent, Optimally binned, Reproducible, Pool-adjacent-violators: no bins to choose. A mean
score splits exactly into miscalibration - discrimination + uncertainty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse, special
from scipy.optimize import isotonic_regression

from measures.calibration.binning import bin_of, quantile_edges
from measures.calibration.forecasts import BinaryForecasts, ClassForecasts, FloatArray, IntArray
from measures.calibration.resampling import Bootstrap, Draws, with_interval
from measures.estimates import Estimate, Reason, undefined

#: Resampled fits see at most this many cells; more are pooled into cells of equal mass.
MAX_CELLS = 500
#: Resampled fits are made so many at a time: their cells stay in the processor's cache.
_ROWS = 64
#: A table of units by cells with more than one number in so many places is multiplied as a whole.
_DENSER = 8
#: Smallest probability inside a logarithm: the double precision machine epsilon, 2**-52.
LOG_CLIP = 2.0**-52
SCORES = ("brier", "log")
TERMS = ("mcb", "dsc", "unc")
LOG_TERMS = tuple(f"log_{term}" for term in TERMS)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Items with the same stated probability, pooled; ascending in ``p``."""

    p: FloatArray
    n: FloatArray
    weight: FloatArray
    weight_sq: FloatArray
    observed: FloatArray

    @property
    def rate(self) -> FloatArray:
        """Observed frequency at each probability."""
        return self.observed / self.weight

    @property
    def n_eff(self) -> FloatArray:
        """Number of equally weighted items as precise as these, at least 1 and whole."""
        return np.maximum(np.round(self.weight**2 / self.weight_sq), 1)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """``score = mcb - dsc + unc``; ``mcb`` low is good, ``dsc`` high is good."""

    score: float
    mcb: float
    dsc: float
    unc: float


@dataclass(frozen=True, slots=True)
class Step:
    """One flat stretch of the CORP curve: stated ``p_low..p_high``, recalibrated to one value."""

    p_low: float
    p_high: float
    calibrated: float
    n: int


@dataclass(frozen=True, slots=True)
class BandPoint:
    """Where the CORP curve of a perfectly calibrated model would lie at ``p``."""

    p: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CorpCurve:
    """The steps, the consistency band around the diagonal, and the test it gives."""

    steps: tuple[Step, ...]
    band: tuple[BandPoint, ...]
    mcb_test: Estimate
    mcb_expected_if_calibrated: Estimate
    level: float
    n_draws: int


def pooled(forecasts: BinaryForecasts) -> Pooled:
    """Sums at each distinct probability."""
    y, w = forecasts.y_true, forecasts.weights
    if not forecasts.weighted and ((y == 0) | (y == 1)).all():
        return _sorted_with_outcomes(forecasts)
    p, index = np.unique(forecasts.y_prob, return_inverse=True)
    n = np.bincount(index).astype(float)
    return Pooled(p, n, _sum_at(index, w), _sum_at(index, w * w), _sum_at(index, w * y))


def in_cells(groups: Pooled, forecasts: BinaryForecasts, max_cells: int) -> Pooled:
    """The same in at most ``max_cells`` cells of equal mass."""
    if len(groups.p) <= max_cells:
        return groups
    cell = bin_of(groups.p, quantile_edges(forecasts.y_prob, max_cells))
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    weight = _total(groups.weight, first)
    return Pooled(
        _total(groups.weight * groups.p, first) / weight,
        _total(groups.n, first),
        weight,
        _total(groups.weight_sq, first),
        _total(groups.observed, first),
    )


def _sorted_with_outcomes(forecasts: BinaryForecasts) -> Pooled:
    """Numbers from 0 to 1 leave the highest bit free: the outcome travels in the lowest instead.

    Sorting such keys takes a third of the time of sorting positions.
    """
    keys = (forecasts.y_prob + 0.0).view(np.uint64) << np.uint64(1)
    keys |= forecasts.y_true.astype(np.uint64)
    keys.sort()
    p = (keys >> np.uint64(1)).view(np.float64)
    starts = np.ones(len(p), dtype=bool)
    np.not_equal(p[1:], p[:-1], out=starts[1:])
    first = np.flatnonzero(starts)
    n = np.diff(first, append=len(p)).astype(float)
    happened = (keys & np.uint64(1)).astype(float)
    observed = happened if len(first) == len(p) else _total(happened, first)
    return Pooled(p[first], n, n, n, observed)


def _total(values: FloatArray, first: IntArray) -> FloatArray:
    """Sums of the stretches that begin at each place."""
    if not len(first):
        return np.zeros(0)
    return np.asarray(np.add.reduceat(values, first), dtype=float)


def isotonic(rate: FloatArray, weight: FloatArray) -> FloatArray:
    """Best non-decreasing fit to the rates, by pool adjacent violators."""
    fitted: FloatArray = isotonic_regression(rate, weights=weight).x
    return fitted


def isotonic_rows(
    observed: FloatArray, weight: FloatArray
) -> Iterator[tuple[IntArray, IntArray, FloatArray, FloatArray]]:
    """The isotonic fit of every row of cells, some rows at a time; empty cells are left out.

    Yields for each block of a fit its row, its number of cells, weight and outcomes. One call
    fits many rows end to end: each is lifted above the one before, so that no block spans two.
    """
    for start in range(0, len(weight), _ROWS):
        rows = slice(start, start + _ROWS)
        there = weight[rows] > 0
        w, seen = weight[rows][there], observed[rows][there]
        ends = np.cumsum(there.sum(axis=1))
        lifts = np.repeat(2.0 * np.arange(len(ends)), np.diff(ends, prepend=0))
        blocks = isotonic_regression(seen / w + lifts, weights=w).blocks
        row = np.searchsorted(ends, blocks[:-1], side="right")
        yield start + row, np.diff(blocks), _total(w, blocks[:-1]), _total(seen, blocks[:-1])


def corp_decomposition(forecasts: BinaryForecasts, *, score: str = "brier") -> Decomposition | None:
    """How much of the mean score is miscalibration, discrimination and plain uncertainty.

    Parameters
    ----------
    forecasts : BinaryForecasts
    score : {"brier", "log"}
        Mean squared error in [0, 1], or natural logarithm with probabilities clipped at 2**-52.

    Returns
    -------
    Decomposition or None
        None without items. ``mcb`` and ``dsc`` are never negative.

    Raises
    ------
    ValueError
        When the score is unknown.

    References
    ----------
    Dimitriadis, Gneiting and Jordan (2021), PNAS 118(8), eq. 3-5.
    """
    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(SCORES)}; got {score!r}.")
    if forecasts.n == 0:
        return None
    groups = pooled(forecasts)
    return _decomposition(forecasts, groups, isotonic(groups.rate, groups.weight), score)


def _decomposition(
    forecasts: BinaryForecasts, groups: Pooled, fit: FloatArray, score: str
) -> Decomposition:
    base = float(groups.observed.sum() / groups.weight.sum())
    loss = _brier_of if score == "brier" else _log_of
    stated = groups.p if score == "brier" else np.clip(groups.p, LOG_CLIP, 1 - LOG_CLIP)
    # The Brier score of the outcomes alone is common to all three terms and cancels but once.
    own = loss(groups, stated)
    best, flat = loss(groups, fit), loss(groups, np.full_like(fit, base))
    spread = _outcome_square(forecasts) if score == "brier" else 0.0
    return Decomposition(own + spread, max(own - best, 0.0), max(flat - best, 0.0), flat + spread)


def corp_scores(forecasts: BinaryForecasts, draws: Draws | None = None) -> dict[str, Estimate]:
    """Miscalibration, discrimination and uncertainty of both scores, with intervals.

    Parameters
    ----------
    forecasts : BinaryForecasts
    draws : Draws or None
        None: no intervals.

    Returns
    -------
    dict of str to Estimate
        Of the Brier score ``mcb`` (0 is best), ``dsc`` (high is good), ``unc`` (the base rate's
        variance, at most 0.25); ``log_mcb``, ``log_dsc`` and ``log_unc`` of the log loss, in nats.
        ``n`` counts items. All but ``unc`` have centred intervals, see
        :func:`measures.calibration.resampling.with_interval`.

    References
    ----------
    Dimitriadis, Gneiting and Jordan (2021), eq. 3-5.
    """
    if forecasts.n == 0:
        return {key: undefined(Reason.NO_DATA, 0) for key in (*TERMS, *LOG_TERMS)}
    groups = pooled(forecasts)
    fit = isotonic(groups.rate, groups.weight)
    brier, log = (_decomposition(forecasts, groups, fit, score) for score in SCORES)
    values = {key: getattr(brier, key) for key in TERMS}
    values |= {key: getattr(log, key.removeprefix("log_")) for key in LOG_TERMS}
    if draws is None:
        return {key: Estimate(value, forecasts.n) for key, value in values.items()}
    again = _resampled(forecasts, draws)
    return {
        key: with_interval(
            value,
            forecasts.n,
            again[key],
            draws,
            centred=not key.endswith("unc"),
            bounds=(0, np.inf if key in LOG_TERMS else 1),
        )
        for key, value in values.items()
    }


def class_corp_scores(forecasts: ClassForecasts, draws: Draws | None = None) -> dict[str, Estimate]:
    """The CORP terms of each class against the rest, summed over classes.

    They add up to ``brier_sum``. Intervals by adding the replicates class by class. The log loss
    of several classes is no sum over classes, so its terms are ``not_applicable``.
    """
    if forecasts.n == 0:
        return {key: undefined(Reason.NO_DATA, 0) for key in (*TERMS, *LOG_TERMS)}
    none = dict.fromkeys(LOG_TERMS, undefined(Reason.NOT_APPLICABLE, forecasts.n))
    binary = [forecasts.one_vs_rest(k) for k in range(forecasts.n_classes)]
    parts = [corp_decomposition(one) for one in binary]
    values = {key: sum(getattr(part, key) for part in parts) for key in TERMS}
    if draws is None:
        return none | {key: Estimate(value, forecasts.n) for key, value in values.items()}
    again = [_resampled(one, draws) for one in binary]
    return none | {
        key: with_interval(
            value,
            forecasts.n,
            np.sum([one[key] for one in again], axis=0),
            draws,
            centred=key != "unc",
            bounds=(0, 2),
        )
        for key, value in values.items()
    }


def corp_curve(
    forecasts: BinaryForecasts,
    bootstrap: Bootstrap,
    *,
    groups: Pooled | None = None,
    n_draws: int = 500,
    max_points: int = 100,
    max_cells: int = 2 * MAX_CELLS,
) -> CorpCurve:
    """The calibration curve without bins, and where it would lie for honest probabilities.

    Parameters
    ----------
    forecasts : BinaryForecasts
    bootstrap : Bootstrap
        Generator and level of the band; its number of replicates is not used here.
    groups : Pooled, optional
        The forecasts pooled, where that was done before.
    n_draws : int
        Outcomes are drawn this often from the stated probabilities, which are kept.
    max_points : int
        The band is given at no more probabilities than this.
    max_cells : int
        More distinct probabilities than this are pooled for the draws; the curve itself is not.

    Returns
    -------
    CorpCurve
        A step outside the band speaks against calibration there. ``mcb_test`` holds the
        observed miscalibration and the share of draws at least as miscalibrated, (1 + #)/(R + 1).

    References
    ----------
    Dimitriadis, Gneiting and Jordan (2021), consistency bands, there with resampled p.
    """
    if forecasts.n == 0:
        nothing = undefined(Reason.NO_DATA, 0)
        return CorpCurve((), (), nothing, nothing, bootstrap.level, 0)
    groups = pooled(forecasts) if groups is None else groups
    cells = in_cells(groups, forecasts, max_cells)
    drawn = bootstrap.rng.binomial(
        cells.n_eff.astype(np.int64), np.clip(cells.p, 0, 1), size=(n_draws, len(cells.p))
    )
    rates = drawn / cells.n_eff
    weight = np.broadcast_to(cells.weight, rates.shape)
    parts = [
        np.repeat(seen / total, cells_of)
        for _, cells_of, total, seen in isotonic_rows(rates * weight, weight)
    ]
    fits = np.concatenate(parts).reshape(rates.shape)
    null = _cell_mcb(cells, rates, fits)
    seen = _cell_mcb(cells, cells.rate[None], isotonic(cells.rate, cells.weight)[None])[0]
    # Draws that tie with the observation up to rounding count against rejection.
    p_value = (1 + np.count_nonzero(null >= seen - 1e-12)) / (n_draws + 1)
    test = Estimate(float(seen), forecasts.n, p_value=float(p_value))
    tail = (1 - bootstrap.level) / 2
    chance = np.quantile(null, [tail, 1 - tail])
    return CorpCurve(
        _steps(groups),
        _band(cells, fits, bootstrap.level, max_points),
        test,
        Estimate(
            float(null.mean()),
            forecasts.n,
            None,
            float(chance[0]),
            float(chance[1]),
            bootstrap.level,
            "null_bernoulli",
        ),
        bootstrap.level,
        n_draws,
    )


def isotonic_gaps(groups: Pooled) -> dict[str, float | None]:
    """Mean, median, 90th percentile and maximum distance between stated and CORP probability.

    The index of Austin and Steyerberg (2019) uses a loess smoother; with the isotonic one it is
    another number, hence the name. None without items.
    """
    keys = ("ici_isotonic", "e50_isotonic", "e90_isotonic", "emax_isotonic")
    if not len(groups.p):
        return dict.fromkeys(keys)
    gap = np.abs(groups.p - isotonic(groups.rate, groups.weight))
    mean = float((gap * groups.weight).sum() / groups.weight.sum())
    each = np.repeat(gap, groups.n.astype(np.int64))
    middle, high = np.quantile(each, [0.5, 0.9])
    return dict(zip(keys, (mean, float(middle), float(high), float(gap.max())), strict=True))


def _sum_at(index: IntArray, values: FloatArray) -> FloatArray:
    return np.bincount(index, values).astype(float)


def _outcome_square(forecasts: BinaryForecasts) -> float:
    return float(np.average(forecasts.y_true**2, weights=forecasts.weights))


def _brier_of(groups: Pooled, p: FloatArray) -> float:
    """Mean of ``p**2 - 2 p y``: the Brier score but for the mean of ``y**2``."""
    return float((groups.weight * p * p - 2 * p * groups.observed).sum() / groups.weight.sum())


def _log_of(groups: Pooled, p: FloatArray) -> float:
    against = groups.weight - groups.observed
    gain = special.xlogy(groups.observed, p) + special.xlogy(against, 1 - p)
    return float(-gain.sum() / groups.weight.sum())


def _resampled(forecasts: BinaryForecasts, draws: Draws) -> dict[str, FloatArray]:
    """The terms of both scores in each replicate, by isotonic fits on at most MAX_CELLS cells."""
    edges = quantile_edges(forecasts.y_prob, MAX_CELLS)
    cell = np.unique(bin_of(forecasts.y_prob, edges), return_inverse=True)[1]
    w, p, y = forecasts.weights, forecasts.y_prob, forecasts.y_true
    n_cells = int(cell.max()) + 1
    weight, observed = (_by_cell(draws, cell, n_cells, one) for one in (w, w * y))
    columns = [w * (p - y) ** 2, w * _log_losses(p, y), w * y * y]
    extra = draws.totals(np.stack(columns, axis=1))
    total = weight.sum(axis=1)
    best, log_best = _best(weight, observed) / total
    own, log_own, spread = (extra / total[:, None]).T
    base = observed.sum(axis=1) / total
    flat: FloatArray = special.entr(base) + special.entr(1 - base)
    return {
        "mcb": own - spread - best,
        "dsc": -(base**2) - best,
        "unc": spread - base**2,
        "log_mcb": log_own - log_best,
        "log_dsc": flat - log_best,
        "log_unc": flat,
    }


def _log_losses(p: FloatArray, y: FloatArray) -> FloatArray:
    """Log loss of each item, its probability clipped."""
    inside = np.clip(p, LOG_CLIP, 1 - LOG_CLIP)
    return np.asarray(-special.xlogy(y, inside) - special.xlogy(1 - y, 1 - inside), dtype=float)


def _by_cell(draws: Draws, cell: IntArray, n_cells: int, values: FloatArray) -> FloatArray:
    """Sums of each replicate in each cell, ``(R, n_cells)``."""
    shape = (draws.n_units, n_cells)
    if _DENSER * len(values) < draws.n_units * n_cells:
        part = sparse.csr_matrix((values, (draws.unit, cell)), shape=shape)
        return np.asarray(draws.counts @ part)
    at = draws.unit * n_cells + cell
    sums = np.bincount(at, values, minlength=draws.n_units * n_cells)
    return draws.replicates(sums.astype(float).reshape(shape))


def _best(weight: FloatArray, observed: FloatArray) -> FloatArray:
    """Sum of ``c**2 - 2 c y``, and the log loss, of the isotonic fit ``c`` of each row; (2, R)."""
    parts = []
    for row, _, total, seen in isotonic_rows(observed, weight):
        # Within a block the fit equals the mean outcome, so the cross term is c**2 again.
        rate = np.clip(seen / total, 0, 1)
        entropy = total * (special.entr(rate) + special.entr(1 - rate))
        at = row - row[0]
        parts.append(np.stack([-np.bincount(at, seen * rate), np.bincount(at, entropy)]))
    return np.concatenate(parts, axis=1)


def _cell_mcb(cells: Pooled, rates: FloatArray, fits: FloatArray) -> FloatArray:
    gain = (cells.p - rates) ** 2 - (fits - rates) ** 2
    values: FloatArray = gain @ (cells.weight / cells.weight.sum())
    return values


def _steps(groups: Pooled) -> tuple[Step, ...]:
    blocks = isotonic_regression(groups.rate, weights=groups.weight)
    starts, ends = blocks.blocks[:-1], blocks.blocks[1:]
    return tuple(
        Step(
            float(groups.p[a]), float(groups.p[b - 1]), float(blocks.x[a]), int(groups.n[a:b].sum())
        )
        for a, b in zip(starts, ends, strict=True)
    )


def _band(cells: Pooled, fits: FloatArray, level: float, max_points: int) -> tuple[BandPoint, ...]:
    tail = (1 - level) / 2
    shown = np.unique(np.linspace(0, len(cells.p) - 1, max_points).round().astype(int))
    low, high = np.quantile(fits[:, shown], [tail, 1 - tail], axis=0)
    return tuple(
        BandPoint(float(p), float(a), float(b))
        for p, a, b in zip(cells.p[shown], low, high, strict=True)
    )
