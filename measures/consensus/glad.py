"""GLAD: how often an annotator is right hangs on their ability and on the item's difficulty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from measures.consensus.counts import FloatArray, IntArray, LabelCounts, summed
from measures.consensus.fitting import Climb, climb, normalise_logs


@dataclass(frozen=True, slots=True, eq=False)
class Glad:
    """A fitted model.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
    ability : float array (n_annotators,)
        0 guesses, large is always right, negative is wrong more often than not.
    ease : float array (n_items,)
        Positive; near 0 everybody guesses, large is easy. Probability of a right label is
        ``1 / (1 + exp(-ability * ease))``.
    log_likelihood : float
    climb : Climb
        The objective adds the log density of the normal priors.
    """

    posterior: FloatArray
    ability: FloatArray
    ease: FloatArray
    log_likelihood: float
    climb: Climb


def glad(
    counts: LabelCounts,
    *,
    max_steps: int = 200,
    inner_steps: int = 3,
    tolerance: float = 1e-6,
) -> Glad:
    """True values, abilities and difficulties that make the labels most probable, by EM.

    All values are equally probable beforehand; wrong labels fall evenly on the other values.
    Abilities and the logarithms of ease have normal priors with mean 1 and variance 1.

    Parameters
    ----------
    counts : LabelCounts
    max_steps : int
    inner_steps : int
        Newton steps of abilities and of ease within each step of EM.
    tolerance : float
        Stop when a step gains less than this per label.

    Returns
    -------
    Glad

    Raises
    ------
    ValueError
        When there are no labels.

    References
    ----------
    Whitehill, Ruvolo, Wu, Bergsma and Movellan (2009), "Whose vote should count more", section 3.
    """
    if counts.n_labels == 0:
        raise ValueError("There are no labels to fit a model to; check for that first.")
    model = _Model(counts, inner_steps)
    progress = climb(model.step, max_steps=max_steps, least_gain=tolerance * counts.n_labels)
    return Glad(
        posterior=model.posterior,
        ability=model.ability,
        ease=np.exp(model.log_ease),
        log_likelihood=model.log_likelihood,
        climb=progress,
    )


# Log odds of a right label, their derivative, and how much of the slope adds to the curvature.
_Terms = tuple[FloatArray, FloatArray, float]


class _Model:
    """The parameters on their way up."""

    def __init__(self, counts: LabelCounts, inner_steps: int) -> None:
        self.item, self.annotator, code, self.count = counts.entries()
        self.cell = self.item * counts.n_values + code
        self.shape = (counts.n_items, counts.n_values)
        self.others = max(counts.n_values - 1, 1)
        self.inner_steps = inner_steps
        self.ability = np.ones(counts.n_annotators)
        self.log_ease = np.ones(counts.n_items)

    def step(self) -> float:
        """Posteriors from parameters, the objective there, then better parameters."""
        x = self.ability[self.annotator] * np.exp(self.log_ease)[self.item]
        log_right = special.log_expit(x)
        log_wrong = special.log_expit(-x) - np.log(self.others)
        size = self.shape[0] * self.shape[1]
        gain = summed(self.cell, self.count * (log_right - log_wrong), size)
        self.posterior, log_sums = normalise_logs(gain.reshape(self.shape))
        self.log_likelihood = float(
            self.count @ log_wrong + log_sums.sum() - self.shape[0] * np.log(self.shape[1])
        )
        before = self._prior(self.ability, self.log_ease)
        objective = self.log_likelihood + before
        self._improve(self.posterior.ravel()[self.cell])
        return objective

    @staticmethod
    def _prior(ability: FloatArray, log_ease: FloatArray) -> float:
        return float(-0.5 * (((ability - 1) ** 2).sum() + ((log_ease - 1) ** 2).sum()))

    def _improve(self, right: FloatArray) -> None:
        """Newton steps for abilities, then for ease; each coordinate moves only where it gains.

        Given the ease, abilities do not touch each other, and the other way round.
        """
        for _ in range(self.inner_steps):
            self._improve_ability(right)
            self._improve_ease(right)

    def _improve_ability(self, right: FloatArray) -> None:
        ease = np.exp(self.log_ease)[self.item]

        def terms(ability: FloatArray) -> _Terms:
            return ability * ease, ease, 0.0

        self.ability = self._moved(self.ability, self.annotator, terms, right)

    def _improve_ease(self, right: FloatArray) -> None:
        ability = self.ability[self.annotator]

        def terms(log_ease: FloatArray) -> _Terms:
            x = ability * np.exp(np.clip(log_ease, -30.0, 30.0))
            return x, x, 1.0

        self.log_ease = self._moved(self.log_ease, self.item, terms, right)

    def _moved(
        self,
        start: FloatArray,
        owner: IntArray,
        terms: Callable[[FloatArray], _Terms],
        right: FloatArray,
    ) -> FloatArray:
        """One safeguarded Newton step of every coordinate.

        ``terms`` gives, for the coordinates spread over the labels, the log odds of a right label,
        their derivative, and how much of the slope adds to the curvature.
        """
        n = start.size
        x, derivative, bend = terms(start[owner])
        probability = special.expit(x)
        slope = self.count * (right - probability) * derivative
        curvature = self.count * probability * (1 - probability) * derivative**2
        gradient = summed(owner, slope, n) - (start - 1)
        fall = summed(owner, curvature - bend * slope, n) + 1.0
        # Where the curve bends upwards, the part that never does keeps the step uphill.
        fall = np.where(fall > 0.5, fall, summed(owner, curvature, n) + 1.0)
        step = np.clip(gradient / fall, -2.0, 2.0)
        before = self._value(x, owner, right, start)
        for _ in range(4):
            there = start + step
            gained = self._value(terms(there[owner])[0], owner, right, there) >= before
            if gained.all():
                break
            step = np.where(gained, step, step / 4)
        return np.where(gained, there, start)

    def _value(
        self, x: FloatArray, owner: IntArray, right: FloatArray, at: FloatArray
    ) -> FloatArray:
        """Expected log-likelihood and log prior that belong to each coordinate."""
        gain = self.count * (special.log_expit(x) - (1 - right) * x)
        return summed(owner, gain, at.size) - 0.5 * (at - 1) ** 2
