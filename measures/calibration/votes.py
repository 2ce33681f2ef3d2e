"""Stated probabilities beside the votes of annotators: what an item is called, not by whom.

An item on which annotators differ has no single outcome. Its outcome here is the share of its
votes that each class got, and the spread of the votes is a floor that no model can go below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from measures.calibration.corp import LOG_CLIP
from measures.calibration.forecasts import (
    BinaryForecasts,
    FloatArray,
    IntArray,
    class_forecasts,
    codes_of,
)
from measures.calibration.resampling import Draws, divide, with_interval
from measures.estimates import Estimate, Reason, undefined

SCORES = ("brier", "brier_sum", "brier_votes", "brier_votes_sum", "log_loss", "accuracy")
FLOORS = ("brier_votes", "brier_votes_sum", "log_loss")


@dataclass(frozen=True, slots=True, eq=False)
class VoteForecasts:
    """Class probabilities and votes by class; build it with :func:`vote_forecasts`.

    ``positive`` is the class that the event is about; ``None``: the most probable class of each
    item, the event being that a vote is for it.
    """

    counts: FloatArray
    y_prob: FloatArray
    positive: int | None
    clusters: IntArray | None

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.counts)

    @property
    def n_votes(self) -> FloatArray:
        """Votes on each item."""
        total: FloatArray = self.counts.sum(axis=1)
        return total

    @property
    def shares(self) -> FloatArray:
        """Share of each item's votes by class."""
        return self.counts / self.n_votes[:, None]

    @property
    def chosen(self) -> IntArray:
        """The class that the model says: positive from 0.5 on, else the first most probable."""
        if self.positive is None:
            return np.asarray(self.y_prob.argmax(axis=1), dtype=np.int64)
        return np.where(self.y_prob[:, self.positive] >= 0.5, self.positive, 1 - self.positive)

    @property
    def event(self) -> IntArray:
        """The class of each item that curve and errors are about."""
        return self.chosen if self.positive is None else np.full(self.n, self.positive)

    def binary(self) -> BinaryForecasts:
        """The stated probability of the event, and the share of votes for it as its outcome."""
        rows, event = np.arange(self.n), self.event
        return BinaryForecasts(
            self.shares[rows, event],
            self.y_prob[rows, event],
            np.ones(self.n),
            self.clusters,
            notion="positive" if self.positive is not None else "confidence",
        )

    def apart(self) -> BinaryForecasts:
        """The same with each item a cluster where none are known: shares vary less than labels,
        so that tests must take the variance that is there."""
        binary = self.binary()
        own = np.arange(self.n) if self.clusters is None else self.clusters
        return replace(binary, clusters=own)

    def rows(self, index: npt.NDArray[np.bool_]) -> VoteForecasts:
        """Some of the items."""
        clusters = None if self.clusters is None else codes_of(self.clusters[index])
        return VoteForecasts(self.counts[index], self.y_prob[index], self.positive, clusters)


def vote_forecasts(
    counts: npt.ArrayLike,
    y_prob: npt.ArrayLike,
    *,
    positive: int | None = None,
    clusters: npt.ArrayLike | None = None,
) -> VoteForecasts:
    """Checked votes and class probabilities.

    Parameters
    ----------
    counts : (n, K) array of whole numbers
        Votes by class, at least one an item.
    y_prob : (n, K) array in [0, 1]
        One row an item, summing to 1 within 1e-3.
    positive : int, optional
        Of two classes the one that the event is about.
    clusters : (n,) array, optional
        What must be resampled together.

    Returns
    -------
    VoteForecasts

    Raises
    ------
    ValueError
        When shapes do not fit, a count is negative or no whole number, an item has no vote, or a
        probability is wrong.
    """
    votes = np.asarray(counts, dtype=float)
    # Class indices are not used here; the probabilities are checked as everywhere.
    checked = class_forecasts(np.zeros(len(votes)), y_prob, clusters=clusters)
    if votes.shape != checked.y_prob.shape:
        raise ValueError(
            f"counts must have the shape of y_prob, {checked.y_prob.shape}; got {votes.shape}."
        )
    bad = np.flatnonzero(((votes < 0) | (votes % 1 != 0)).any(axis=1) | (votes.sum(axis=1) < 1))
    if len(bad):
        raise ValueError(
            f"counts must hold whole numbers from 0 with at least one vote an item; {len(bad)} of "
            f"{len(votes)} rows do not, first {votes[bad[0]].tolist()} at position {int(bad[0])}."
        )
    if positive is not None and (votes.shape[1] != 2 or positive not in (0, 1)):
        raise ValueError(f"positive must be 0 or 1, of two classes; got {positive!r}.")
    return VoteForecasts(votes, checked.y_prob, positive, checked.clusters)


def gini_noise(counts: FloatArray) -> FloatArray:
    """Chance that two further annotators differ on each item; NaN below two votes.

    Parameters
    ----------
    counts : (n, K) array of votes by class

    Returns
    -------
    (n,) array in [0, 1]
        Unbiased. It is the Brier score, summed over classes, of whoever states each item's true
        shares, against single votes: nobody can do better.

    References
    ----------
    Simpson (1949), "Measurement of diversity", the unbiased estimate.
    """
    n = counts.sum(axis=1)
    return 1 - divide((counts * (counts - 1)).sum(axis=1), n * (n - 1))


def entropy_noise(counts: FloatArray) -> FloatArray:
    """Entropy of each item's votes in nats, hardly biased; NaN below two votes.

    Parameters
    ----------
    counts : (n, K) array of votes by class

    Returns
    -------
    (n,) array, 0 or more
        In expectation never above the true entropy: the first n - 1 terms of its series, each
        without bias. It is the log loss of whoever states each item's true shares.

    References
    ----------
    Zhang (2012), "Entropy estimation in Turing's perspective", eq. 4; Schürmann (2015), "A note
    on entropy estimation", for the closed form psi(n) - sum n_k psi(n_k) / n.
    """
    n = counts.sum(axis=1)
    own = np.where(counts > 0, counts * special.digamma(np.maximum(counts, 1)), 0).sum(axis=1)
    several = n > 1
    safe = np.where(several, n, 2)
    return np.where(several, special.digamma(safe) - own / safe, np.nan)


@dataclass(frozen=True, slots=True)
class VoteScores:
    """Scores against votes, the part of them that is label noise, and the rest.

    ``scores`` rest on all items; ``noise``, ``excess`` and ``annotator_agreement`` on those with
    two votes or more.
    """

    scores: dict[str, Estimate]
    noise: dict[str, Estimate]
    excess: dict[str, Estimate]
    annotator_agreement: Estimate


def vote_scores(forecasts: VoteForecasts, draws: Draws) -> VoteScores:
    """Scores of probabilities against votes, and how much of them no model could avoid.

    Parameters
    ----------
    forecasts : VoteForecasts
    draws : Draws
        Units to resample.

    Returns
    -------
    VoteScores
        ``brier``: half the squared distance to the shares of votes, summed over classes;
        ``brier_votes``: the same to each single vote, the mean over the item's votes;
        ``log_loss`` against single votes; ``accuracy``, the share of votes for the class that the
        model says. ``noise`` is what whoever states the true shares would get; ``excess`` the
        difference: of the Brier score the squared distance to the true shares, without bias, so
        that it may be negative; of the log loss the divergence from them, or more.
        ``too_few_annotators`` where no item has two votes.

    References
    ----------
    Brier (1950); Bröcker (2009), "Reliability, sufficiency, and the decomposition of proper
    scores"; Simpson (1949); Zhang (2012).
    """
    if forecasts.n == 0:
        nothing = undefined(Reason.NO_DATA, 0)
        return VoteScores(
            dict.fromkeys(SCORES, nothing),
            dict.fromkeys(FLOORS, nothing),
            dict.fromkeys(FLOORS, nothing),
            nothing,
        )
    found = _item_columns(forecasts)
    several = forecasts.n_votes > 1
    floors = {key: np.where(several, one, 0) for key, one in _item_noise(forecasts).items()}
    every, some = np.ones(forecasts.n), several.astype(float)
    noise = {key: _ratio(one, some, draws) for key, one in floors.items()}
    return VoteScores(
        {key: _ratio(one, every, draws) for key, one in found.items()},
        noise,
        {
            key: _ratio(np.where(several, found[key], 0) - floors[key], some, draws)
            for key in FLOORS
        },
        _ratio(some - floors["brier_votes_sum"], some, draws),
    )


def _item_columns(forecasts: VoteForecasts) -> dict[str, FloatArray]:
    p, shares = forecasts.y_prob, forecasts.shares
    to_shares = np.square(p - shares).sum(axis=1)
    to_votes = np.square(p).sum(axis=1) + 1 - 2 * (p * shares).sum(axis=1)
    return {
        "brier": to_shares / 2,
        "brier_sum": to_shares,
        "brier_votes": to_votes / 2,
        "brier_votes_sum": to_votes,
        "log_loss": -special.xlogy(shares, np.clip(p, LOG_CLIP, 1 - LOG_CLIP)).sum(axis=1),
        "accuracy": shares[np.arange(forecasts.n), forecasts.chosen],
    }


def _item_noise(forecasts: VoteForecasts) -> dict[str, FloatArray]:
    gini = gini_noise(forecasts.counts)
    return {
        "brier_votes": gini / 2,
        "brier_votes_sum": gini,
        "log_loss": entropy_noise(forecasts.counts),
    }


def _ratio(top: FloatArray, bottom: FloatArray, draws: Draws) -> Estimate:
    """The mean over the items that count, with the interval of its replicates."""
    n = int(bottom.sum())
    if n == 0:
        return undefined(Reason.TOO_FEW_ANNOTATORS, 0)
    again = draws.totals(np.stack([top, bottom], axis=1))
    return with_interval(float(top.sum() / n), n, divide(again[:, 0], again[:, 1]), draws)


def total_variation(forecasts: VoteForecasts, draws: Draws) -> tuple[Estimate, Estimate]:
    """How far a model's probabilities lie from the shares of votes, and from few votes alone.

    Parameters
    ----------
    forecasts : VoteForecasts
    draws : Draws

    Returns
    -------
    (Estimate, Estimate)
        The mean over items of half the absolute difference, summed over classes, in [0, 1], 0 is
        best; and what that mean would be if the stated probabilities were each item's true
        shares, since a few votes never meet them exactly.

    References
    ----------
    De Moivre (1730) for the mean absolute deviation of a binomial; Diaconis and Zabell (1991),
    "Closed form summation for classical distributions", eq. 1.1.
    """
    if forecasts.n == 0:
        return undefined(Reason.NO_DATA, 0), undefined(Reason.NO_DATA, 0)
    found = np.abs(forecasts.y_prob - forecasts.shares).sum(axis=1) / 2
    chance = _mean_deviation(forecasts.n_votes[:, None], forecasts.y_prob).sum(axis=1) / 2
    ones = np.ones(forecasts.n)
    return _ratio(found, ones, draws), Estimate(float(chance.mean()), forecasts.n)


def _mean_deviation(n: FloatArray, p: FloatArray) -> FloatArray:
    """E |X / n - p| of X binomial(n, p): 2 k C(n, k) p^k (1 - p)^(n - k + 1) / n, k = [np] + 1."""
    inside = (p > 0) & (p < 1)
    q = np.where(inside, p, 0.5)
    k = np.minimum(np.floor(n * q) + 1, n)
    chosen = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    log = chosen + k * np.log(q) + (n - k + 1) * np.log1p(-q)
    return np.where(inside, 2 * k * np.exp(log) / n, 0.0)
