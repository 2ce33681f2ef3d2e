"""The one-coin model: each annotator is right with one probability, and errs evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from measures.consensus.counts import FloatArray, LabelCounts, distinct_rows
from measures.consensus.fitting import Climb, climb, log_or_minus_infinity, normalise_logs
from measures.consensus.majority import majority_shares


@dataclass(frozen=True, slots=True, eq=False)
class OneCoin:
    """A fitted model.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
    prevalence : float array (n_values,)
    accuracy : float array (n_annotators,)
        Probability of saying the true value, whichever it is.
    log_likelihood : float
    climb : Climb
    """

    posterior: FloatArray
    prevalence: FloatArray
    accuracy: FloatArray
    log_likelihood: float
    climb: Climb


def one_coin(
    counts: LabelCounts,
    *,
    smoothing: float = 0.0,
    max_steps: int = 1000,
    tolerance: float = 1e-9,
) -> OneCoin:
    """True values and one accuracy an annotator that make the labels most probable, by EM.

    Far fewer parameters than Dawid and Skene's model, so it needs fewer labels; where annotators
    confuse values unevenly it can settle on a wrong optimum (58.3 % right on the bluebirds,
    where counting heads is right on 75.9 %).

    Parameters
    ----------
    counts : LabelCounts
    smoothing : float >= 0
        Pseudo-count of right and of wrong labels of each annotator; 0 is maximum likelihood.
    max_steps : int
    tolerance : float
        Stop when a step gains less than this per label.

    Returns
    -------
    OneCoin

    Raises
    ------
    ValueError
        When there are no labels or ``smoothing`` is negative.

    References
    ----------
    Zhang, Chen, Zhou and Jordan (2016), "Spectral methods meet EM", JMLR 17(102), section 4.
    """
    if counts.n_labels == 0:
        raise ValueError("There are no labels to fit a model to; check for that first.")
    if smoothing < 0:
        raise ValueError(f"smoothing must not be negative; got {smoothing!r}.")
    model = _Model(counts, smoothing)
    progress = climb(model.step, max_steps=max_steps, least_gain=tolerance * counts.n_labels)
    return OneCoin(
        posterior=model.rows.by_item(model.posterior),
        prevalence=model.prevalence,
        accuracy=model.accuracy,
        log_likelihood=model.log_likelihood,
        climb=progress,
    )


class _Model:
    """The parameters on their way up."""

    def __init__(self, counts: LabelCounts, smoothing: float) -> None:
        self.rows = distinct_rows(counts)
        self.smoothing = smoothing
        self.n_values = counts.n_values
        self.n_items = float(counts.n_items)
        self.who = np.repeat(np.arange(counts.n_annotators), counts.n_values)
        self.n_labels = counts.by_annotator().sum(axis=1)
        self.posterior = self.rows.by_row(majority_shares(counts))
        coo = self.rows.matrix.tocoo()
        self.code = coo.col % counts.n_values
        self.row, self.annotator = coo.row, coo.col // counts.n_values
        self.weight = coo.data * self.rows.times[coo.row]
        # Labels of each row by annotator, whatever they say.
        self.given = sparse.csr_array(
            (coo.data, (coo.row, self.annotator)), shape=(coo.shape[0], counts.n_annotators)
        )
        self.by_code = [self._of_code(coo, k) for k in range(counts.n_values)]

    def _of_code(self, coo: sparse.coo_array, code: int) -> sparse.csr_array:
        mine = self.code == code
        return sparse.csr_array(
            (coo.data[mine], (coo.row[mine], self.annotator[mine])), shape=self.given.shape
        )

    def step(self) -> float:
        """Parameters from posteriors, then posteriors from parameters."""
        self.prevalence = self.rows.times @ self.posterior / self.n_items
        right = np.bincount(
            self.annotator, self.weight * self.posterior[self.row, self.code], len(self.n_labels)
        )
        s = self.smoothing
        self.accuracy = np.clip((right + s) / (self.n_labels + 2 * s), 0.0, 1.0)
        log_right = log_or_minus_infinity(self.accuracy)
        log_wrong = log_or_minus_infinity((1.0 - self.accuracy) / max(self.n_values - 1, 1))
        joint = self._joint(log_right, log_wrong)
        self.posterior, log_sums = normalise_logs(joint)
        self.log_likelihood = float(self.rows.times @ log_sums)
        return self.log_likelihood + (float(s * (log_right + log_wrong).sum()) if s else 0.0)

    def _joint(self, log_right: FloatArray, log_wrong: FloatArray) -> FloatArray:
        """Log probability of each row's labels with each value being true.

        Infinite logs are summed apart, since an infinity cannot be taken away again.
        """
        joint = np.empty((len(self.rows.times), self.n_values))
        finite_right = np.where(np.isfinite(log_right), log_right, 0.0)
        finite_wrong = np.where(np.isfinite(log_wrong), log_wrong, 0.0)
        never_right, never_wrong = np.isinf(log_right), np.isinf(log_wrong)
        all_wrong = self.given @ finite_wrong
        barred = self.given @ never_wrong.astype(np.float64)
        for k, mine in enumerate(self.by_code):
            joint[:, k] = all_wrong + mine @ (finite_right - finite_wrong)
            impossible = barred - mine @ never_wrong.astype(np.float64)
            impossible += mine @ never_right.astype(np.float64)
            joint[impossible > 0.5, k] = -np.inf
        return joint + log_or_minus_infinity(self.prevalence)
