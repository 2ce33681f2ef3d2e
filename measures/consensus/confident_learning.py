"""Confident learning: wrong labels found by what a model says that never saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from measures.consensus.counts import BoolArray, FloatArray, IntArray

# Thresholds are met within this, as rounding of averages would otherwise decide.
_SLACK = 1e-6
_TINY = 1e-100


@dataclass(frozen=True, slots=True, eq=False)
class ConfidentJoint:
    """How given and true labels go together, counted on items the model is sure of.

    Parameters
    ----------
    counts : int64 array (n_values, n_values)
        ``counts[k, j]``: items labelled k that are probably j, scaled so that each row sums to the
        items labelled k.
    off_diagonal : bool array (n_items,)
        Items that the model is sure have another value than the one given.
    """

    counts: IntArray
    off_diagonal: BoolArray

    @property
    def noise_rate(self) -> float:
        """Estimated share of wrong labels, in [0, 1]."""
        total = int(self.counts.sum())
        return 1.0 - float(np.trace(self.counts)) / total if total else 0.0


def confident_joint(labels: ArrayLike, y_prob: ArrayLike) -> ConfidentJoint:
    """Count given against probable true labels.

    Parameters
    ----------
    labels : array_like of int, shape (n_items,)
        Given codes.
    y_prob : array_like of float, shape (n_items, n_values)
        Out-of-fold probabilities: of a model that was not trained on the item.

    Returns
    -------
    ConfidentJoint

    Raises
    ------
    ValueError
        When shapes differ, a code is out of range or a probability outside [0, 1].

    References
    ----------
    Northcutt, Jiang and Chuang (2021), "Confident learning", JAIR 70, eq. 1 to 3; rows calibrated
    and rounded as in cleanlab.
    """
    given, prob = _checked(labels, y_prob)
    k = prob.shape[1]
    size = np.bincount(given, minlength=k)
    own = prob[np.arange(len(given)), given]
    mean = np.bincount(given, own, k) / np.maximum(size, 1)
    threshold = np.where(size > 0, mean, np.inf)
    sure = prob >= threshold - _SLACK
    n_sure = sure.sum(axis=1)
    guess = np.where(n_sure > 1, prob.argmax(axis=1), sure.argmax(axis=1))
    counted = n_sure > 0
    joint = np.bincount(given[counted] * k + guess[counted], minlength=k * k).reshape(k, k)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), size > 0))
    rows = joint.sum(axis=1, keepdims=True)
    scaled = joint / np.maximum(rows, 1) * size[:, None]
    return ConfidentJoint(_rounded_rows(scaled), counted & (guess != given))


def _rounded_rows(scaled: FloatArray) -> IntArray:
    """Whole numbers near these whose rows keep their sums: largest remainders are rounded up.

    Of equal remainders the last value's is, which is what cleanlab does.
    """
    whole = np.floor(scaled + 1e-9)
    missing = np.rint(scaled.sum(axis=1) - whole.sum(axis=1)).astype(np.int64)
    remainder = np.round(scaled - whole, 9)[:, ::-1]
    rank = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1)[:, ::-1]
    return np.asarray(whole + (rank < missing[:, None]), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class ConfidentIssues:
    """Items whose label is probably wrong, by four rules.

    Parameters
    ----------
    by_noise_rate : bool array (n_items,)
        For each pair of given and true value, as many items as the joint says, by largest margin.
    by_class : bool array (n_items,)
        For each given value, as many items as the joint says, by lowest probability.
    both : bool array (n_items,)
        Found by both rules.
    confident : bool array (n_items,)
        The off-diagonal of the joint.
    """

    by_noise_rate: BoolArray
    by_class: BoolArray
    both: BoolArray
    confident: BoolArray


def confident_issues(labels: ArrayLike, y_prob: ArrayLike) -> ConfidentIssues:
    """Items whose given label is probably wrong.

    Parameters and raises as in :func:`confident_joint`. An item whose most probable value is the
    one given is never an issue.

    Returns
    -------
    ConfidentIssues

    References
    ----------
    Northcutt, Jiang and Chuang (2021), section 3.2, methods 2 to 5.
    """
    given, prob = _checked(labels, y_prob)
    joint = confident_joint(given, prob)
    predicted = prob.argmax(axis=1)
    differs = predicted != given
    by_rate = np.zeros(len(given), bool)
    by_class = np.zeros(len(given), bool)
    for k in range(prob.shape[1]):
        mine = np.flatnonzero(given == k)
        by_class[mine] = _lowest(prob[mine, k], int(mine.size - joint.counts[k, k]))
        for j in range(prob.shape[1]):
            if j != k:
                margin = prob[mine, j] - prob[mine, k]
                by_rate[mine] |= _lowest(-margin, int(joint.counts[k, j]))
    by_rate &= differs
    by_class &= differs
    return ConfidentIssues(by_rate, by_class, by_rate & by_class, joint.off_diagonal & differs)


def _lowest(values: FloatArray, n: int) -> BoolArray:
    """The n smallest, with all that equal the last of them."""
    if n < 1 or values.size == 0:
        return np.zeros(values.size, bool)
    n = min(n, values.size)
    cut = np.partition(values, n - 1)[n - 1]
    return np.asarray(values <= cut)


@dataclass(frozen=True, slots=True, eq=False)
class LabelQuality:
    """How well each given label goes with the model's probabilities; low is suspicious.

    Parameters
    ----------
    self_confidence : float array (n_items,)
        Probability of the given value.
    normalized_margin : float array (n_items,)
        Probability of the given value minus the largest of the others, moved to [0, 1].
    confidence_weighted_entropy : float array (n_items,)
        log(1 + r) / r, r being the entropy (in units of log K) over the self-confidence.
    """

    self_confidence: FloatArray
    normalized_margin: FloatArray
    confidence_weighted_entropy: FloatArray


def label_quality(labels: ArrayLike, y_prob: ArrayLike) -> LabelQuality:
    """Score each given label by three rules.

    Parameters and raises as in :func:`confident_joint`.

    References
    ----------
    Kuan and Mueller (2022), "Model-agnostic label quality scoring to detect real-world label
    errors", section 2.
    """
    given, prob = _checked(labels, y_prob)
    rows = np.arange(len(given))
    own = prob[rows, given]
    rest = prob.copy()
    rest[rows, given] = -np.inf
    top = rest.max(axis=1) if prob.shape[1] > 1 else np.zeros(len(given))
    logs = np.log(np.where(prob > 0, prob, 1.0))
    entropy = -(prob * logs).sum(axis=1) / np.log(max(prob.shape[1], 2))
    ratio = np.maximum(entropy / np.maximum(own, _TINY), _TINY)
    return LabelQuality(own, (own - top + 1) / 2, np.log1p(ratio) / ratio)


def _checked(labels: ArrayLike, y_prob: ArrayLike) -> tuple[IntArray, FloatArray]:
    given, prob = np.asarray(labels, np.int64), np.asarray(y_prob, np.float64)
    if prob.ndim != 2 or given.shape != prob.shape[:1]:
        raise ValueError(
            f"y_prob must have one row a label; got shapes {given.shape} and {prob.shape}."
        )
    wrong = np.flatnonzero((given < 0) | (given >= prob.shape[1]))
    if wrong.size:
        raise ValueError(
            f"Codes must lie from 0 to {prob.shape[1] - 1}; {wrong.size} do not, first "
            f"{given[wrong[0]]} at position {wrong[0]}."
        )
    if not ((prob >= 0) & (prob <= 1)).all():
        raise ValueError("y_prob must lie in [0, 1] and hold no NaN.")
    return given, prob
