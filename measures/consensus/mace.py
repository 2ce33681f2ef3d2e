"""MACE: an annotator either knows the true value, or spams by a distribution of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from measures.consensus.counts import FloatArray, LabelCounts, distinct_rows, summed
from measures.consensus.fitting import Climb, climb, normalise_logs


@dataclass(frozen=True, slots=True, eq=False)
class Mace:
    """A fitted model.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
    competence : float array (n_annotators,)
        Probability of not spamming; by chance a spammer may be right too.
    spam : float array (n_annotators, n_values)
        What each annotator says when spamming.
    log_likelihood : float
    climb : Climb
        Of the best start.
    starts : tuple of float
        The objective that each start reached; starts that differ much say that the answer hangs
        on where one begins.
    """

    posterior: FloatArray
    competence: FloatArray
    spam: FloatArray
    log_likelihood: float
    climb: Climb
    starts: tuple[float, ...]


def mace(
    counts: LabelCounts,
    *,
    rng: np.random.Generator,
    n_starts: int = 10,
    smoothing: float = 0.01,
    max_steps: int = 50,
    tolerance: float = 1e-9,
) -> Mace:
    """True values and competences that make the labels most probable, by EM from many starts.

    Parameters
    ----------
    counts : LabelCounts
    rng : numpy Generator
        Draws the starts.
    n_starts : int >= 1
    smoothing : float > 0
        Pseudo-count of knowing, of spamming, and of each value when spamming.
    max_steps : int
        Steps of each start.
    tolerance : float
        Stop when a step gains less than this per label.

    Returns
    -------
    Mace

    Raises
    ------
    ValueError
        When there are no labels, or a parameter is out of range.

    References
    ----------
    Hovy, Berg-Kirkpatrick, Vaswani and Hovy (2013), "Learning whom to trust with MACE",
    section 3, EM.
    """
    if counts.n_labels == 0:
        raise ValueError("There are no labels to fit a model to; check for that first.")
    if n_starts < 1 or not smoothing > 0:
        raise ValueError(
            f"n_starts must be at least 1 and smoothing positive; got {n_starts}, {smoothing}."
        )
    problem = _Problem(counts)
    fitted = []
    for _ in range(n_starts):
        start = _Start(problem, rng, smoothing)
        gain = tolerance * counts.n_labels
        fitted.append((start, climb(start.step, max_steps=max_steps, least_gain=gain)))
    reached = tuple(progress.trace[-1] for _, progress in fitted)
    best, progress = fitted[int(np.argmax(reached))]
    return Mace(
        posterior=problem.rows.by_item(best.posterior),
        competence=best.competence,
        spam=best.spam,
        log_likelihood=best.log_likelihood,
        climb=progress,
        starts=reached,
    )


class _Problem:
    """The labels as columns, common to all starts."""

    def __init__(self, counts: LabelCounts) -> None:
        self.rows = distinct_rows(counts)
        self.n_annotators, self.n_values = counts.n_annotators, counts.n_values
        coo = self.rows.matrix.tocoo()
        self.column = coo.col.astype(np.int64)
        self.cell = coo.row.astype(np.int64) * counts.n_values + self.column % counts.n_values
        self.count = coo.data
        self.weight = coo.data * self.rows.times[coo.row]
        self.labels = np.bincount(self.column, self.weight, self.n_annotators * self.n_values)


class _Start:
    """One start on its way up."""

    def __init__(self, problem: _Problem, rng: np.random.Generator, smoothing: float) -> None:
        self.problem, self.smoothing = problem, smoothing
        self.competence = rng.uniform(0.4, 0.9, problem.n_annotators)
        self.spam = rng.dirichlet(np.full(problem.n_values, 5.0), problem.n_annotators)

    def step(self) -> float:
        """Posteriors from parameters, the objective there, then parameters from posteriors."""
        p = self.problem
        spamming = ((1.0 - self.competence)[:, None] * self.spam).ravel()
        knowing = np.repeat(self.competence, p.n_values)
        saying = spamming + knowing
        shape = (len(p.rows.times), p.n_values)
        gain = np.log(saying / spamming)[p.column] * p.count
        joint = summed(p.cell, gain, shape[0] * shape[1]).reshape(shape)
        self.posterior, log_sums = normalise_logs(joint)
        self.log_likelihood = float(
            p.labels @ np.log(spamming)
            + p.rows.times @ log_sums
            - p.rows.times.sum() * np.log(p.n_values)
        )
        s = self.smoothing
        objective = self.log_likelihood + s * float(
            np.log(self.competence).sum()
            + np.log1p(-self.competence).sum()
            + np.log(self.spam).sum()
        )
        self._improve(knowing / saying)
        return objective

    def _improve(self, known_if_right: FloatArray) -> None:
        p, s = self.problem, self.smoothing
        right = self.posterior.ravel()[p.cell] * p.weight
        knew = np.bincount(p.column, right, p.labels.size) * known_if_right
        spammed = (p.labels - knew).reshape(p.n_annotators, p.n_values)
        labels = p.labels.reshape(p.n_annotators, p.n_values).sum(axis=1)
        knew = knew.reshape(p.n_annotators, p.n_values).sum(axis=1)
        self.competence = (knew + s) / (labels + 2 * s)
        spammed = np.maximum(spammed, 0.0) + s
        self.spam = spammed / spammed.sum(axis=1, keepdims=True)
