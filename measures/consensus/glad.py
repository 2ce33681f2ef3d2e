"""GLAD: how often an annotator is right hangs on their ability and on the item's difficulty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from measures.consensus.counts import FloatArray, LabelCounts, summed
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
    max_steps: int = 50,
    inner_steps: int = 10,
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
        Steps of L-BFGS within each step of EM.
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
        n = len(self.ability)

        def cost(parameters: FloatArray) -> tuple[float, FloatArray]:
            ability, log_ease = parameters[:n], parameters[n:]
            ease = np.exp(log_ease)[self.item]
            x = ability[self.annotator] * ease
            value = self.count @ (
                right * special.log_expit(x) + (1 - right) * special.log_expit(-x)
            )
            slope = self.count * (right - special.expit(x))
            of_ability = np.bincount(self.annotator, slope * ease, n) - (ability - 1)
            of_ease = np.bincount(self.item, slope * x, self.shape[0]) - (log_ease - 1)
            total = float(value) + self._prior(ability, log_ease)
            return -total, -np.concatenate([of_ability, of_ease])

        start = np.concatenate([self.ability, self.log_ease])
        # Bounds keep exp() finite; no item is easier than e^6 or harder than e^-6.
        bounds = [(None, None)] * n + [(-6.0, 6.0)] * self.shape[0]
        found = optimize.minimize(
            cost,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": self.inner_steps},
        )
        self.ability, self.log_ease = found.x[:n], found.x[n:]
