"""ActiveLab: which item to label next, again or for the first time, and when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from measures.consensus.counts import FloatArray, IntArray, LabelCounts
from measures.consensus.crowdlab import Crowdlab, crowdlab, majority_by_model

_SMALL = 1e-100
#: Temperatures are looked for between these.
TEMPERATURES = (0.1, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class ActiveLab:
    """What one more label would do to each item.

    Parameters
    ----------
    score : float array (n_items,)
        In [0, 1] for the items with labels, in the order of the counts: low means that one more
        label would help most.
    dissent : float array (n_items,)
        How many further labels, all for the runner-up, it takes until that leads.
    score_unlabelled, dissent_unlabelled : float arrays
        The same of items that nobody has labelled.
    temperature : float
        Of the model's probabilities, where they fit the labels best; above 1 they were too sure.
    likelihood : float
        Share of labels that are the consensus.
    crowd : Crowdlab or None
        ``None`` where no item has two labels: model and annotators then weigh alike.
    """

    score: FloatArray
    dissent: FloatArray
    score_unlabelled: FloatArray
    dissent_unlabelled: FloatArray
    temperature: float
    likelihood: float
    crowd: Crowdlab | None


def activelab(
    counts: LabelCounts,
    y_prob: ArrayLike,
    y_prob_unlabelled: ArrayLike | None = None,
    *,
    temperature: float | None = None,
) -> ActiveLab:
    """Rank items by how much one more label would help, labelled or not.

    Parameters
    ----------
    counts : LabelCounts
    y_prob : array_like of float, shape (n_items, n_values)
        Out-of-fold probabilities of the items with labels, in the order of ``counts.items``.
    y_prob_unlabelled : array_like of float, shape (m, n_values), optional
        Of items without labels.
    temperature : float > 0, optional
        Fitted to the labels by default; 1 where no item has two labels.

    Returns
    -------
    ActiveLab

    Raises
    ------
    ValueError
        When shapes do not fit or there are fewer than two values.

    References
    ----------
    Goh and Mueller (2023), "ActiveLab: active learning with re-labeling by multiple annotators",
    eq. 1 to 5.
    """
    prob = np.asarray(y_prob, dtype=np.float64)
    k = counts.n_values
    fresh_items = np.zeros((0, k)) if y_prob_unlabelled is None else np.asarray(y_prob_unlabelled)
    if fresh_items.ndim != 2 or fresh_items.shape[1] != k:
        raise ValueError(
            f"y_prob_unlabelled must have {k} columns, one a value; got shape {fresh_items.shape}."
        )
    votes = counts.by_value()
    if not (votes.sum(axis=1) > 1).any():
        return _of_single_labels(votes, prob, fresh_items)
    at = fitted_temperature(votes, prob) if temperature is None else temperature
    scaled, unseen = _scaled(prob, at), _scaled(fresh_items, at)
    crowd = crowdlab(counts, scaled)
    fresh = float(crowd.annotator_weight.mean())
    total = crowd.heard(counts) + crowd.model_weight
    step = fresh * (crowd.likelihood - (1 - crowd.likelihood) / (k - 1))
    return ActiveLab(
        (total * crowd.quality + fresh / k) / (total + fresh),
        _dissent(crowd.posterior * total[:, None], step),
        (crowd.model_weight * unseen.max(axis=1, initial=0) + fresh / k)
        / (crowd.model_weight + fresh),
        _dissent(crowd.model_weight * unseen, step),
        at,
        crowd.likelihood,
        crowd,
    )


def _of_single_labels(votes: FloatArray, prob: FloatArray, fresh_items: FloatArray) -> ActiveLab:
    """Nothing tells how good anybody is: the model and each annotator have weight 1."""
    k = votes.shape[1]
    if prob.shape != votes.shape or k < 2:
        raise ValueError(
            f"y_prob must have shape {votes.shape}, one row an item with labels, and two values or "
            f"more; got {prob.shape}."
        )
    given = majority_by_model(votes, prob)
    own = prob[np.arange(len(given)), given]
    return ActiveLab(
        (2 * own + 1 / k) / 3,
        _dissent(prob + votes, 1.0),
        (fresh_items.max(axis=1, initial=0) + 1 / k) / 2,
        _dissent(fresh_items, 1.0),
        1.0,
        1.0,
        None,
    )


def _dissent(support: FloatArray, step: float) -> FloatArray:
    """Labels for the runner-up until it leads: what it lacks, in steps of one average label."""
    if not len(support):
        return np.zeros(0)
    two = np.partition(support, -2, axis=1)[:, -2:]
    lacking: FloatArray = (two[:, 1] - two[:, 0]) / max(step, _SMALL)
    # An annotator without weight changes nothing; JSON has no infinity.
    return np.minimum(lacking, 1e6)


def fitted_temperature(votes: FloatArray, prob: FloatArray) -> float:
    """The temperature at which probabilities are nearest to the shares of votes, by log loss.

    Parameters
    ----------
    votes, prob : float arrays (n_items, n_values)

    Returns
    -------
    float from 0.1 to 10

    References
    ----------
    Guo et al. (2017), section 4; Goh and Mueller (2023), section 3.
    """
    shares = votes / votes.sum(axis=1, keepdims=True)
    logs = np.log(np.maximum(prob, _SMALL))

    def loss(log_temperature: float) -> float:
        heated = special.log_softmax(logs / math.exp(log_temperature), axis=1)
        return -float((shares * heated).sum(axis=1).mean())

    ends = math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1])
    found = optimize.minimize_scalar(loss, bounds=ends, method="bounded")
    return math.exp(float(found.x))


def _scaled(prob: FloatArray, temperature: float) -> FloatArray:
    heated = special.softmax(np.log(np.maximum(prob, _SMALL)) / temperature, axis=1)
    return np.asarray(heated, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class RelabelPlan:
    """How many more labels each item needs before its consensus can be left alone.

    Parameters
    ----------
    settled : bool array
        It takes more than ``margin`` dissenting labels to change the consensus.
    exhausted : bool array
        Not settled, but no further label is allowed: a person should decide.
    more_labels : int64 array
        Expected further labels; 0 where settled or exhausted.
    """

    settled: np.ndarray
    exhausted: np.ndarray
    more_labels: IntArray

    @property
    def n_more_labels(self) -> int:
        """Labels to collect in all."""
        return int(self.more_labels.sum())

    @property
    def may_stop(self) -> bool:
        """No item needs another label."""
        return not bool((self.more_labels > 0).any())


def plan_relabels(
    dissent: FloatArray,
    n_labels: IntArray,
    *,
    n_values: int,
    likelihood: float,
    margin: float = 1.0,
    max_labels: int = 10,
) -> RelabelPlan:
    """Stop item by item: when so many dissenting labels could not change the consensus.

    Parameters
    ----------
    dissent : float array
        As :func:`activelab` found it.
    n_labels : int array
        Labels that each item has.
    n_values : int
    likelihood : float
        Chance that a further label is the consensus.
    margin : float > 0
        Dissenting labels that an item must withstand.
    max_labels : int >= 1
        An item gets no more labels than this.

    Returns
    -------
    RelabelPlan
        A label for the consensus adds one to what it withstands, one for the runner-up takes one
        away: the expected number is what is missing over the mean step (Wald 1945, eq. 4.8), or
        all that are allowed where labels are the consensus no more often than by chance.

    Raises
    ------
    ValueError
        When ``margin`` or ``max_labels`` is out of range.
    """
    if margin <= 0 or max_labels < 1:
        raise ValueError(
            f"margin must be positive and max_labels at least 1; got {margin!r}, {max_labels!r}."
        )
    settled = dissent > margin
    room = np.maximum(max_labels - np.asarray(n_labels), 0)
    step = likelihood - (1 - likelihood) / (n_values - 1)
    wanted = np.ceil((margin - dissent) / step) if step > 0 else np.full(len(dissent), np.inf)
    # Exactly the margin is not yet beyond it.
    more = np.minimum(np.maximum(wanted, 1), room)
    more = np.where(settled, 0, more).astype(np.int64)
    return RelabelPlan(settled, ~settled & (room == 0), more)
