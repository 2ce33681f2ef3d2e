"""Which items are unsettled and which labels are probably wrong, by the fitted posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from measures.consensus.counts import FloatArray, IntArray, LabelCounts


@dataclass(frozen=True, slots=True, eq=False)
class ItemIssues:
    """All items, the least settled first.

    Parameters
    ----------
    position : int64 array (n_items,)
        Position of each item in the counts, in the order of the ranking.
    code, runner_up : int64 arrays (n_items,)
        Most probable value and the one after it; runner_up is -1 with a single value.
    confidence : float array (n_items,)
        Posterior of the most probable value.
    entropy : float array (n_items,)
        Of the posterior, divided by log(n_values): 0 settled, 1 all values alike.
    n_labels : int64 array (n_items,)
    """

    position: IntArray
    code: IntArray
    runner_up: IntArray
    confidence: FloatArray
    entropy: FloatArray
    n_labels: IntArray


def item_issues(counts: LabelCounts, posterior: FloatArray) -> ItemIssues:
    """Rank items by how little their labels settle the true value.

    By the posterior of the most probable value; where that is equal, by the share of labels that
    give it, then by item.

    Parameters
    ----------
    counts : LabelCounts
    posterior : float array (n_items, n_values)

    Returns
    -------
    ItemIssues
    """
    votes = counts.by_value()
    n = votes.sum(axis=1)
    code = posterior.argmax(axis=1)
    rows = np.arange(counts.n_items)
    confidence = posterior[rows, code]
    order = np.lexsort((votes[rows, code] / n, confidence))
    logs = np.log(np.where(posterior > 0, posterior, 1.0))
    scale = np.log(counts.n_values) if counts.n_values > 1 else 1.0
    entropy = np.abs((posterior * logs).sum(axis=1)) / scale
    return ItemIssues(
        position=order,
        code=code[order],
        runner_up=_runner_up(posterior, code)[order],
        confidence=confidence[order],
        entropy=entropy[order],
        n_labels=n[order].astype(np.int64),
    )


def _runner_up(posterior: FloatArray, code: IntArray) -> IntArray:
    if posterior.shape[1] < 2:
        return np.full(len(posterior), -1, np.int64)
    rest = posterior.copy()
    rest[np.arange(len(rest)), code] = -1.0
    return np.asarray(rest.argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class LabelIssues:
    """Labels that are not the consensus, the least probable first.

    Parameters
    ----------
    item, annotator : int64 arrays
        Positions in the counts.
    code, suggested : int64 arrays
        The value given and the most probable one.
    probability : float array
        Posterior of the value given, in [0, 1].
    suggested_probability : float array
        Posterior of the suggested one.
    """

    item: IntArray
    annotator: IntArray
    code: IntArray
    suggested: IntArray
    probability: FloatArray
    suggested_probability: FloatArray


def label_issues(
    counts: LabelCounts, posterior: FloatArray, *, at_most: float = 0.5
) -> LabelIssues:
    """Rank the single labels that are probably wrong.

    Parameters
    ----------
    counts : LabelCounts
    posterior : float array (n_items, n_values)
    at_most : float in [0, 1]
        Labels whose value is more probable than this are left out, and so are those that give the
        most probable value.

    Returns
    -------
    LabelIssues
        By the posterior of the value given; where that is equal, by the share of the item's labels
        that give it.

    Raises
    ------
    ValueError
        When ``at_most`` is no probability.
    """
    if not 0 <= at_most <= 1:
        raise ValueError(f"at_most must lie in [0, 1]; got {at_most!r}.")
    row, annotator, code, _ = counts.entries()
    best = posterior.argmax(axis=1)
    probability = posterior[row, code]
    wrong = np.flatnonzero((probability <= at_most) & (code != best[row]))
    row, annotator, code = row[wrong], annotator[wrong], code[wrong]
    votes = counts.by_value()
    share = votes[row, code] / votes[row].sum(axis=1)
    order = np.lexsort((annotator, row, share, probability[wrong]))
    row = row[order]
    return LabelIssues(
        item=row,
        annotator=annotator[order],
        code=code[order],
        suggested=best[row],
        probability=probability[wrong][order],
        suggested_probability=posterior[row, best[row]],
    )
