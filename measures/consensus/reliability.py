"""How far each annotator can be relied on, by the fitted model and by gold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from measures.consensus.counts import FloatArray, IntArray, LabelCounts
from measures.consensus.dawid_skene import DawidSkene
from measures.consensus.fitting import log_or_minus_infinity
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson

# Confusions have so many cells at most that their spammer scores are drawn; and draws in all.
_MAX_DRAWN_CELLS = 250_000
_DRAWN_CELLS = 5_000_000


@dataclass(frozen=True, slots=True)
class Reliability:
    """One annotator as the model sees them.

    Parameters
    ----------
    annotator : int
        Number of the annotator.
    n_labels, n_items, n_items_shared : int
        Labels, items, and items that somebody else labelled too.
    accuracy : Estimate
        Expected share of right labels over the items of the data set, in [0, 1].
    spammer_score : Estimate
        0 for labels that say nothing about the true value, 1 for labels that determine it.
    confusion : tuple of tuple of float
        ``confusion[j][k]``: probability of saying value k where j is true.
    shrunk : bool
        Too few labels of their own: the confusion leans on that of everybody together.
    """

    annotator: int
    n_labels: int
    n_items: int
    n_items_shared: int
    accuracy: Estimate
    spammer_score: Estimate
    confusion: tuple[tuple[float, ...], ...]
    shrunk: bool


def reliability(
    counts: LabelCounts,
    model: DawidSkene,
    *,
    ci_level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> list[Reliability]:
    """Expected accuracy, confusion and spammer score of each annotator, in their order.

    Parameters
    ----------
    counts : LabelCounts
    model : DawidSkene
        Fitted to these counts.
    ci_level : float in (0, 1)
    rng : numpy Generator, optional
        For the intervals of the spammer scores; without it they have none.

    Returns
    -------
    list of Reliability
        Accuracy and score are undefined (``no_overlap``) for an annotator who shares no item with
        another one: alone, everybody agrees with themselves.
    """
    n_items, n_shared = shared_items(counts)
    n_labels = counts.by_annotator().sum(axis=1)
    low, high = accuracy_intervals(model, ci_level=ci_level)
    value = np.einsum("j,ajj->a", model.prevalence, model.confusion)
    scores = spammer_scores(model.confusion)
    ends = None if rng is None else spammer_intervals(model, rng=rng, ci_level=ci_level)
    found = []
    for a in range(counts.n_annotators):
        n = int(n_labels[a])
        accuracy = undefined(Reason.NO_OVERLAP, n)
        score = undefined(Reason.NO_OVERLAP, n)
        if n_shared[a]:
            share = float(min(max(value[a], 0.0), 1.0))
            accuracy = Estimate(
                share,
                n,
                None,
                min(float(low[a]), share),
                max(float(high[a]), share),
                ci_level,
                "dirichlet_delta",
            )
            score = Estimate(float(scores[a]), n)
            if ends is not None:
                point, least, most = float(scores[a]), float(ends[0][a]), float(ends[1][a])
                reach = min(least, point), max(most, point)
                score = Estimate(point, n, None, *reach, ci_level, "dirichlet_draws")
        if counts.n_values < 2 and n_shared[a]:
            score = undefined(Reason.NO_VARIATION, n)
        found.append(
            Reliability(
                annotator=int(counts.annotators[a]),
                n_labels=n,
                n_items=int(n_items[a]),
                n_items_shared=int(n_shared[a]),
                accuracy=accuracy,
                spammer_score=score,
                confusion=tuple(tuple(row) for row in model.confusion[a].tolist()),
                shrunk=bool(model.shrunk[a]),
            )
        )
    return found


def shared_items(counts: LabelCounts) -> tuple[IntArray, IntArray]:
    """Items of each annotator, and those that somebody else labelled too."""
    row, annotator, _ = counts.pairs()
    others = np.bincount(row, minlength=counts.n_items)[row] - 1
    n_items = np.bincount(annotator, minlength=counts.n_annotators)
    n_shared = np.bincount(annotator[others > 0], minlength=counts.n_annotators)
    return n_items, n_shared


def accuracy_intervals(
    model: DawidSkene, *, ci_level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Interval of each annotator's expected accuracy, sum over j of p_j theta_jj.

    Each row of the confusion has a Dirichlet posterior (expected counts plus 1/K a cell, Perks);
    the variance of the sum by the delta method with the prevalence as known; a beta distribution
    with that mean and variance gives the ends. It takes the true values' posterior as it is, and so
    is somewhat narrow where that posterior is itself unsure.

    Returns
    -------
    tuple of float arrays (n_annotators,)
    """
    k = model.confusion.shape[1]
    alpha = model.expected + 1.0 / k
    total = alpha.sum(axis=2)
    diagonal = np.einsum("ajj->aj", alpha) / total
    mean = np.clip(diagonal @ model.prevalence, 1e-9, 1 - 1e-9)
    variance = (diagonal * (1 - diagonal) / (total + 1)) @ model.prevalence**2
    if k == 1:
        return np.ones(len(mean)), np.ones(len(mean))
    size = np.maximum(mean * (1 - mean) / np.maximum(variance, 1e-300) - 1, 1e-3)
    tail = (1 - ci_level) / 2
    a, b = mean * size, (1 - mean) * size
    return special.betaincinv(a, b, tail), special.betaincinv(a, b, 1 - tail)


def spammer_scores(confusion: FloatArray) -> FloatArray:
    """How far an annotator's labels depend on the true value: 0 not at all, 1 entirely.

    Parameters
    ----------
    confusion : float array (n_annotators, n_values, n_values)

    Returns
    -------
    float array (n_annotators,)
        1 / (K (K - 1)) times the sum over pairs of rows of their squared distance. A perfect liar
        scores 1 too: the labels can be read backwards.

    References
    ----------
    Raykar and Yu (2012), "Eliminating spammers and ranking annotators", eq. 3.
    """
    k = confusion.shape[1]
    if k < 2:
        return np.zeros(len(confusion))
    # Sum over pairs of |x_j - x_k|^2 = K sum |x_j|^2 - |sum x_j|^2.
    squares = k * (confusion**2).sum(axis=(1, 2)) - (confusion.sum(axis=1) ** 2).sum(axis=1)
    return np.asarray(np.clip(squares / (k * (k - 1)), 0.0, 1.0), dtype=np.float64)


def spammer_intervals(
    model: DawidSkene, *, rng: np.random.Generator, ci_level: float = 0.95
) -> tuple[FloatArray, FloatArray] | None:
    """Interval of each annotator's spammer score, by draws from the posterior of the confusion.

    As for :func:`accuracy_intervals`; but near 0 the score has no slope, so that it is drawn. By
    chance alone it lies above 0: the interval begins at 0 where labels and true values may well be
    independent, by Pearson's test of the expected counts at the same level.

    Returns
    -------
    tuple of float arrays (n_annotators,), or None
        None for more than 250,000 cells of confusions.
    """
    alpha = model.expected + 1.0 / model.confusion.shape[1]
    if alpha.size > _MAX_DRAWN_CELLS or alpha.shape[1] < 2:
        return None
    n_draws = int(np.clip(_DRAWN_CELLS // alpha.size, 200, 1000))
    scores = np.empty((n_draws, len(alpha)))
    for draw in range(n_draws):
        given = rng.standard_gamma(alpha)
        scores[draw] = spammer_scores(given / given.sum(axis=2, keepdims=True))
    tail = (1 - ci_level) / 2
    low, high = np.quantile(scores, [tail, 1 - tail], axis=0)
    return np.where(_p_of_guessing(model.expected) > 1 - ci_level, 0.0, low), high


def _p_of_guessing(expected: FloatArray) -> FloatArray:
    """p of Pearson's test that the label does not depend on the true value, for each annotator."""
    rows, columns = expected.sum(axis=2, keepdims=True), expected.sum(axis=1, keepdims=True)
    alike = rows * columns / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300)
    known = alike > 0
    off = np.divide(np.square(expected - alike), alike, out=np.zeros_like(alike), where=known)
    df = ((rows > 0).sum(axis=(1, 2)) - 1) * ((columns > 0).sum(axis=(1, 2)) - 1)
    return np.where(df > 0, special.chdtrc(np.maximum(df, 1), off.sum(axis=(1, 2))), 1.0)


def gold_accuracy(
    counts: LabelCounts, gold: ArrayLike, *, ci_level: float = 0.95
) -> list[Estimate]:
    """Share of each annotator's labels of gold items that are the gold value.

    Parameters
    ----------
    counts : LabelCounts
    gold : array_like of int, shape (n_items,)
        Codes in the order of ``counts.items``; -1 where there is no gold.

    Returns
    -------
    list of Estimate
        ``n`` counts labels of items with gold; Wilson interval; ``no_data`` without any.
    """
    codes = np.asarray(gold, dtype=np.int64)
    row, annotator, code, count = counts.entries()
    known = codes[row] >= 0
    n = np.bincount(annotator[known], count[known], counts.n_annotators)
    right = known & (code == codes[row])
    hit = np.bincount(annotator[right], count[right], counts.n_annotators)
    found = []
    for trials, successes in zip(n.tolist(), hit.tolist(), strict=True):
        if trials == 0:
            found.append(undefined(Reason.NO_DATA, 0))
            continue
        low, high = wilson(successes, trials, level=ci_level)
        share = successes / trials
        found.append(Estimate(share, int(trials), None, low, high, ci_level, "wilson"))
    return found


def consensus_without(
    counts: LabelCounts, model: DawidSkene, *, ci_level: float = 0.95
) -> list[Estimate]:
    """Share of each annotator's shared items whose most probable value changes without them.

    The labels of one annotator are taken out of the posterior; the parameters stay as fitted with
    everybody, so this is the first step of leaving the annotator out.

    Returns
    -------
    list of Estimate
        In [0, 1]; ``n`` counts items that somebody else labelled too; ``no_overlap`` without any.
        Wilson interval, the items being a sample.
    """
    logs = log_or_minus_infinity(model.confusion)
    columns = counts.matrix.tocsc()
    n_annotators_of = _annotators_by_item(counts)
    finite = np.where(np.isfinite(logs), logs, -700.0)
    prior = np.maximum(log_or_minus_infinity(model.prevalence), -700.0)
    flat = finite.transpose(0, 2, 1).reshape(-1, counts.n_values)
    joint = np.asarray(counts.matrix @ flat) + prior
    best = joint.argmax(axis=1)
    found = []
    for a in range(counts.n_annotators):
        block = columns[:, a * counts.n_values : (a + 1) * counts.n_values].tocsr()
        rows = np.flatnonzero((np.diff(block.indptr) > 0) & (n_annotators_of > 1))
        if rows.size == 0:
            found.append(undefined(Reason.NO_OVERLAP, 0))
            continue
        own = np.asarray(block[rows] @ finite[a].T)
        changed = (joint[rows] - own).argmax(axis=1) != best[rows]
        n, low_high = int(rows.size), wilson(int(changed.sum()), int(rows.size), level=ci_level)
        found.append(Estimate(float(changed.mean()), n, None, *low_high, ci_level, "wilson"))
    return found


def _annotators_by_item(counts: LabelCounts) -> IntArray:
    return np.bincount(counts.pairs()[0], minlength=counts.n_items)
