"""How annotators went about it: change over time, pace, and which items they were given."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, stats
from scipy.sparse import csgraph

from measures.consensus.counts import FloatArray, IntArray, LabelCounts
from measures.estimates import Estimate, Reason, undefined
from measures.multiplicity import benjamini_hochberg

MIN_FOR_DRIFT = 10


def drift(
    annotator: ArrayLike,
    time: ArrayLike,
    score: ArrayLike,
    *,
    n_annotators: int,
    ci_level: float = 0.95,
) -> list[Estimate]:
    """Whether an annotator's labels get better or worse with time.

    Parameters
    ----------
    annotator : array_like of int, shape (n,), positions from 0
    time : array_like of float, shape (n,), any unit
    score : array_like of float, shape (n,)
        How good each label is, for example the posterior of the value it gives.
    n_annotators : int
    ci_level : float in (0, 1)

    Returns
    -------
    list of Estimate
        Mean score of the later half of each annotator's labels minus that of the earlier half,
        with Welch's interval; below 0 they got worse. ``p_value`` tests the rank correlation of
        score and time (Spearman, t approximation), ``p_adjusted`` over all annotators (Benjamini
        and Hochberg). ``too_few_items`` below 10 labels, ``no_variation`` where all scores or all
        times are equal.

    Raises
    ------
    ValueError
        When the columns are not equally long.
    """
    who = np.asarray(annotator, dtype=np.int64)
    when, how = np.asarray(time, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if not who.shape == when.shape == how.shape:
        raise ValueError(
            "annotator, time and score must be equally long; they have "
            f"{who.size}, {when.size}, {how.size} entries."
        )
    order = np.lexsort((when, who))
    ends = np.cumsum(np.bincount(who, minlength=n_annotators))
    found = []
    for a in range(n_annotators):
        mine = order[ends[a - 1] if a else 0 : ends[a]]
        found.append(_drift_of_one(when[mine], how[mine], ci_level))
    return adjusted(found)


def _drift_of_one(time: FloatArray, score: FloatArray, ci_level: float) -> Estimate:
    n = int(score.size)
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    if n < MIN_FOR_DRIFT:
        return undefined(Reason.TOO_FEW_ITEMS, n)
    if np.ptp(score) < 1e-12 or np.ptp(time) == 0:
        return undefined(Reason.NO_VARIATION, n)
    early, late = score[: n // 2], score[n - n // 2 :]
    change = float(late.mean() - early.mean())
    p = float(stats.spearmanr(time, score).pvalue)
    spread = early.var(ddof=1) / early.size, late.var(ddof=1) / late.size
    se = float(np.sqrt(sum(spread)))
    if se == 0:
        return Estimate(change, n, p_value=p)
    df = sum(spread) ** 2 / sum(s**2 / (n // 2 - 1) for s in spread)
    half = float(stats.t.ppf((1 + ci_level) / 2, df)) * se
    return Estimate(change, n, None, change - half, change + half, ci_level, "welch", se, p)


def adjusted(estimates: list[Estimate]) -> list[Estimate]:
    """The estimates with p-values corrected for their number (Benjamini and Hochberg)."""
    tested = [i for i, one in enumerate(estimates) if one.p_value is not None]
    if not tested:
        return estimates
    p = benjamini_hochberg(np.array([estimates[i].p_value for i in tested], dtype=np.float64))
    found = list(estimates)
    for i, value in zip(tested, p, strict=True):
        found[i] = replace(found[i], p_adjusted=value)
    return found


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one annotator takes.

    Parameters
    ----------
    median : Estimate
        Median duration of a label, in the unit given; interval from order statistics.
    ratio : Estimate
        Median over shared items of own duration divided by the others' median duration (of
        logarithms) for the same item: below 1 is faster than the others on the same work.
    """

    median: Estimate
    ratio: Estimate


def pace(
    item: ArrayLike,
    annotator: ArrayLike,
    duration: ArrayLike,
    *,
    n_annotators: int,
    ci_level: float = 0.95,
) -> list[Pace]:
    """How long each annotator takes, alone and beside the others on the same items.

    Parameters
    ----------
    item, annotator : array_like of int, shape (n,), positions from 0
    duration : array_like of float > 0, shape (n,)
        Labels without a duration are left out by the caller; those of 0 are too.
    n_annotators : int
    ci_level : float in (0, 1)

    Returns
    -------
    list of Pace
        ``no_data`` without a duration, ``no_overlap`` where nobody else has one on own items.
    """
    columns = [np.asarray(item, np.int64), np.asarray(annotator, np.int64)]
    taken = np.asarray(duration, dtype=np.float64)
    kept = taken > 0
    what, who, log = columns[0][kept], columns[1][kept], np.log(taken[kept])
    others = _median_of_others(what, log)
    order = np.argsort(who, kind="stable")
    ends = np.cumsum(np.bincount(who, minlength=n_annotators))
    found = []
    for a in range(n_annotators):
        mine = order[ends[a - 1] if a else 0 : ends[a]]
        ratio = (log - others)[mine]
        found.append(
            Pace(
                _median(log[mine], Reason.NO_DATA, ci_level),
                _median(ratio[np.isfinite(ratio)], Reason.NO_OVERLAP, ci_level),
            )
        )
    return found


def _median_of_others(item: IntArray, value: FloatArray) -> FloatArray:
    """For each row the median of the other rows of its item; infinite where there is none."""
    order = np.lexsort((value, item))
    n = np.bincount(item)[item[order]] if item.size else np.zeros(0, np.int64)
    start = np.cumsum(np.bincount(item)) - np.bincount(item) if item.size else n
    first = start[item[order]] if item.size else n
    rank = np.arange(item.size) - first
    left = n - 1
    low, high = np.maximum(left - 1, 0) // 2, left // 2
    # Without the row itself, everything from its rank on moves up by one.
    low, high = low + (low >= rank), high + (high >= rank)
    ordered = value[order]
    last = max(item.size - 1, 0)
    middle = (
        (ordered[np.minimum(first + low, last)] + ordered[np.minimum(first + high, last)]) / 2
        if item.size
        else value
    )
    found = np.full(item.size, np.inf)
    found[order] = np.where(left > 0, middle, np.inf)
    return found


def _median(logs: FloatArray, without: Reason, ci_level: float) -> Estimate:
    n = int(logs.size)
    if n == 0:
        return undefined(without, 0)
    value = float(np.exp(np.median(logs)))
    rank = int(stats.binom.ppf((1 - ci_level) / 2, n, 0.5))
    if stats.binom.cdf(rank - 1, n, 0.5) > (1 - ci_level) / 2 or rank < 1:
        return Estimate(value, n)
    ordered = np.sort(logs)
    low, high = float(np.exp(ordered[rank - 1])), float(np.exp(ordered[n - rank]))
    return Estimate(value, n, None, low, high, ci_level, "order_statistics")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which items an annotator was given, beside those of the others.

    Parameters
    ----------
    component : int
        Annotators in different components share no item, not even through a third one, so that
        nothing compares them; 0 is the largest.
    difference : Estimate
        Total variation distance, in [0, 1], between the consensus values of own items and of all
        other items, with the p-value of a chi-squared test, corrected over annotators.
    comparable : bool
        In the largest component, and not shown to have had other items.
    """

    component: int
    difference: Estimate
    comparable: bool


def assignment_check(
    counts: LabelCounts, posterior: FloatArray, *, level: float = 0.05
) -> list[Assignment]:
    """Whether each annotator's items are like the others'; else accuracies compare different work.

    Parameters
    ----------
    counts : LabelCounts
    posterior : float array (n_items, n_values)
    level : float in (0, 1)
        An adjusted p-value below it, and a distance above 0.1, make an annotator not comparable.

    Returns
    -------
    list of Assignment
        The difference is undefined (``too_few_items``) where fewer than 5 items lie on one side.
    """
    what, who, _ = counts.pairs()
    shape = (counts.n_annotators, counts.n_items)
    seen = sparse.csr_array((np.ones(who.size), (who, what)), shape=shape)
    own = np.asarray(seen @ posterior)
    rest = posterior.sum(axis=0) - own
    component = _components(seen)
    tests = adjusted([_difference(own[a], rest[a]) for a in range(counts.n_annotators)])
    return [
        Assignment(
            component=int(component[a]),
            difference=test,
            comparable=bool(component[a] == 0 and not _differs(test, level)),
        )
        for a, test in enumerate(tests)
    ]


def _differs(test: Estimate, level: float) -> bool:
    if test.value is None or test.p_adjusted is None:
        return False
    return test.p_adjusted < level and test.value > 0.1


def _difference(own: FloatArray, rest: FloatArray) -> Estimate:
    n_own, n_rest = own.sum(), rest.sum()
    n = round(float(n_own))
    if n_rest < 0.5:
        return Estimate(0.0, n)
    if n_own < 5 or n_rest < 5:
        return undefined(Reason.TOO_FEW_ITEMS, n)
    distance = float(np.abs(own / n_own - rest / n_rest).sum() / 2)
    total = own + rest
    used = total > 1e-9
    if used.sum() < 2:
        return Estimate(0.0, n)
    table = np.vstack([own[used], rest[used]])
    expected = np.outer([n_own, n_rest], total[used]) / (n_own + n_rest)
    statistic = float(((table - expected) ** 2 / expected).sum())
    p = float(stats.chi2.sf(statistic, used.sum() - 1))
    return Estimate(min(distance, 1.0), n, p_value=p)


def _components(seen: sparse.csr_array) -> IntArray:
    """Component of each annotator in the graph of who labelled what, the largest being 0."""
    n = seen.shape[0]
    who, what = seen.nonzero()
    size = n + seen.shape[1]
    graph = sparse.csr_array((np.ones(who.size), (who, n + what)), shape=(size, size))
    _, label = csgraph.connected_components(graph, directed=False)
    order = np.argsort(-np.bincount(label[n:]), kind="stable")
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    return place[label[:n]]
