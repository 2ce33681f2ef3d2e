"""How far calibration would move if other annotators, as unsure as these, had been asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from measures.calibration.binning import bin_of, uniform_edges
from measures.calibration.corp import LOG_CLIP
from measures.calibration.forecasts import BinaryForecasts, FloatArray, IntArray
from measures.calibration.resampling import Bootstrap, Draws, divide
from measures.calibration.votes import VoteForecasts
from measures.estimates import Estimate, Reason, undefined

#: Votes are drawn again this often, less where that would take more numbers than the budget.
MAX_DRAWS = 200
MIN_DRAWS = 20
BUDGET = 40_000_000
SCORES = ("brier", "log_loss", "accuracy", "ece_uniform_10")


@dataclass(frozen=True, slots=True, eq=False)
class OneLabel:
    """Scores and curve against one label an item; ``rates`` is NaN in an empty bin."""

    scores: dict[str, float]
    rates: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class NoiseBand:
    """Where scores and curve against a majority of votes would lie with other annotators.

    Parameters
    ----------
    scores : dict of str to (low, high)
    low, high : (B,) arrays
        Rate of the event in each bin of the curve; NaN in an empty bin.
    majority : OneLabel
        Against the majority of the votes that there are, ties broken at random.
    n : int
        Items.
    n_contested : int
        Items whose votes differ; the others are never drawn otherwise.
    n_draws : int
    level : float
    """

    scores: dict[str, tuple[float, float]]
    low: FloatArray
    high: FloatArray
    majority: OneLabel
    n: int
    n_contested: int
    n_draws: int
    level: float


def against_one_label(forecasts: VoteForecasts, label: IntArray, *, n_bins: int = 10) -> OneLabel:
    """Scores and curve against one label an item.

    Parameters
    ----------
    forecasts : VoteForecasts
    label : (n,) array of int, the class of each item
    n_bins : int, of equal width

    Returns
    -------
    OneLabel
        ``brier`` in its half form, ``log_loss``, ``accuracy``, and ``ece_uniform_10`` of the
        event.
    """
    return _Measured(forecasts, n_bins).against(label)


def noise_band(
    forecasts: VoteForecasts, bootstrap: Bootstrap, *, n_bins: int = 10
) -> NoiseBand | None:
    """The range in which calibration lies when each item's votes are drawn again.

    Parameters
    ----------
    forecasts : VoteForecasts
    bootstrap : Bootstrap
        Generator and level.
    n_bins : int

    Returns
    -------
    NoiseBand or None
        Each item keeps its number of votes; they are drawn from the shares that it has, and the
        majority of the drawn votes is its label. ``None`` without items. Items with one vote, or
        on which all agree, are never drawn otherwise: the band is narrow rather than wide.

    References
    ----------
    Efron (1979), the bootstrap within each item; Peterson et al. (2019) for labels as
    distributions.
    """
    if forecasts.n == 0:
        return None
    measured, rng = _Measured(forecasts, n_bins), bootstrap.rng
    shares, n_votes = forecasts.shares, forecasts.n_votes.astype(np.int64)
    contested = np.flatnonzero(shares.max(axis=1) < 1)
    label = _majority(forecasts.counts, rng)
    majority = measured.against(label)
    cells = max(1, contested.size * shares.shape[1])
    n_draws = int(np.clip(BUDGET // cells, MIN_DRAWS, MAX_DRAWS))
    found = []
    for _ in range(n_draws if contested.size else 1):
        drawn = label.copy()
        again = rng.multinomial(n_votes[contested], shares[contested])
        drawn[contested] = _majority(again, rng)
        found.append(measured.against(drawn))
    ends = [(1 - bootstrap.level) / 2, (1 + bootstrap.level) / 2]
    rates = np.quantile([one.rates for one in found], ends, axis=0)
    ranges = {key: np.quantile([one.scores[key] for one in found], ends) for key in SCORES}
    return NoiseBand(
        {key: (float(low), float(high)) for key, (low, high) in ranges.items()},
        rates[0],
        rates[1],
        majority,
        forecasts.n,
        len(contested),
        n_draws,
        bootstrap.level,
    )


def _majority(counts: FloatArray | IntArray, rng: np.random.Generator) -> IntArray:
    """The class with most votes; of several one at random."""
    return np.asarray((counts + rng.random(counts.shape) / 2).argmax(axis=1), dtype=np.int64)


class _Measured:
    """What of the forecasts does not change from one set of labels to the next."""

    def __init__(self, forecasts: VoteForecasts, n_bins: int) -> None:
        binary = forecasts.binary()
        self.p = forecasts.y_prob
        self.square = np.square(self.p).sum(axis=1) + 1
        self.chosen, self.event, self.stated = forecasts.chosen, forecasts.event, binary.y_prob
        self.ten = bin_of(self.stated, uniform_edges(10))
        self.bins = bin_of(self.stated, uniform_edges(n_bins))
        self.n_bins = n_bins
        self.size = np.bincount(self.bins, minlength=n_bins)

    def against(self, label: IntArray) -> OneLabel:
        own = self.p[np.arange(len(label)), label]
        happened = (label == self.event).astype(float)
        gaps = np.bincount(self.ten, happened - self.stated, minlength=10)
        rates = divide(np.bincount(self.bins, happened, minlength=self.n_bins), self.size)
        return OneLabel(
            {
                "brier": float((self.square - 2 * own).mean() / 2),
                "log_loss": float(-np.log(np.clip(own, LOG_CLIP, 1)).mean()),
                "accuracy": float((label == self.chosen).mean()),
                "ece_uniform_10": float(np.abs(gaps).sum() / len(label)),
            },
            rates,
        )


def null_error(binary: BinaryForecasts, draws: Draws, bootstrap: Bootstrap) -> Estimate:
    """What chance alone would show as ECE in ten bins if the probabilities were honest.

    Parameters
    ----------
    binary : BinaryForecasts
        Fractional outcomes, whose variance is less than that of one label an item.
    draws : Draws
        What must keep together.
    bootstrap : Bootstrap

    Returns
    -------
    Estimate
        Mean over draws; ``ci_low, ci_high`` the range that chance gives, ``p_value`` the share
        (1 + #)/(R + 1) of draws at least as large as the observed error. The differences between
        outcome and probability keep their size and get random signs.

    References
    ----------
    Liu (1988), the wild bootstrap; Bröcker and Smith (2007).
    """
    if binary.n == 0:
        return undefined(Reason.NO_DATA, 0)
    cell = bin_of(binary.y_prob, uniform_edges(10))
    sums = np.bincount(
        draws.unit * 10 + cell, binary.y_true - binary.y_prob, minlength=draws.n_units * 10
    ).reshape(-1, 10)
    signs = bootstrap.rng.choice((-1.0, 1.0), size=(bootstrap.n_resamples, draws.n_units))
    chance = np.abs(signs @ sums).sum(axis=1) / binary.n
    seen = float(np.abs(sums.sum(axis=0)).sum() / binary.n)
    low, high = np.quantile(chance, [(1 - bootstrap.level) / 2, (1 + bootstrap.level) / 2])
    p_value = (1 + np.count_nonzero(chance >= seen - 1e-12)) / (len(chance) + 1)
    ends = float(low), float(high)
    return Estimate(
        float(chance.mean()),
        binary.n,
        None,
        *ends,
        bootstrap.level,
        "null_random_signs",
        p_value=float(p_value),
    )
