"""Dawid and Skene's model: each annotator errs in a way of their own, the same on every item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from measures.consensus.counts import (
    BoolArray,
    DistinctRows,
    FloatArray,
    LabelCounts,
    distinct_rows,
)
from measures.consensus.fitting import Climb, climb, log_or_minus_infinity, normalise_logs
from measures.consensus.majority import majority_shares

# Rows that are taken at a time.
_PART_ROWS = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class DawidSkene:
    """A fitted model.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
        Probability of each value being the true one, given all labels and the fitted parameters.
    prevalence : float array (n_values,)
        Share of items whose true value is each value.
    confusion : float array (n_annotators, n_values, n_values)
        ``confusion[a, j, k]``: probability that annotator ``a`` says ``k`` where ``j`` is true.
    expected : float array (n_annotators, n_values, n_values)
        Labels that the confusion rests on: expected number of times ``a`` said ``k`` where ``j``
        is true, without pseudo-counts.
    shrunk : bool array (n_annotators,)
        Annotators with too few labels, whose confusion leans on that of everybody together.
    log_likelihood : float
        Of all labels, given the fitted parameters, pseudo-counts left out.
    climb : Climb
        Steps, convergence, and the objective at each step: the log-likelihood plus the log
        density of the pseudo-counts' Dirichlet priors.
    """

    posterior: FloatArray
    prevalence: FloatArray
    confusion: FloatArray
    expected: FloatArray
    shrunk: BoolArray
    log_likelihood: float
    climb: Climb


def dawid_skene(
    counts: LabelCounts,
    *,
    smoothing: float = 0.0,
    min_labels: int = 10,
    prior_labels: float = 4.0,
    max_steps: int = 1000,
    tolerance: float = 1e-9,
) -> DawidSkene:
    """True values and error rates that make the labels most probable, by EM.

    Starts from the shares of each item's labels. Repeated labels of one annotator for one item
    are independent draws.

    Parameters
    ----------
    counts : LabelCounts
    smoothing : float >= 0
        Pseudo-count added to every cell of every annotator's confusion matrix; 0 is maximum
        likelihood.
    min_labels : int >= 0
        An annotator with fewer labels gets a prior besides: the confusion of everybody together
        at the start, worth ``prior_labels`` labels in each row. 0 switches this off.
    prior_labels : float >= 0
    max_steps : int
    tolerance : float
        Stop when a step gains less than this per label.

    Returns
    -------
    DawidSkene

    Raises
    ------
    ValueError
        When there are no labels, or a parameter is out of range.

    References
    ----------
    Dawid and Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM
    algorithm", Applied Statistics 28, eq. 2.3 to 2.5.
    """
    if counts.n_labels == 0:
        raise ValueError("There are no labels to fit a model to; check for that first.")
    if smoothing < 0 or prior_labels < 0:
        raise ValueError(
            f"Pseudo-counts must not be negative; got {smoothing!r} and {prior_labels!r}."
        )
    model = _Model(counts, smoothing, min_labels, prior_labels)
    progress = climb(
        model.step, max_steps=max_steps, least_gain=tolerance * max(counts.n_labels, 1)
    )
    return DawidSkene(
        posterior=model.rows.by_item(model.posterior),
        prevalence=model.prevalence,
        confusion=model.confusion.transpose(0, 2, 1),
        expected=model.expected().transpose(0, 2, 1),
        shrunk=model.shrunk,
        log_likelihood=model.log_likelihood,
        climb=progress,
    )


class _Model:
    """The parameters on their way up. Confusions lie as (annotator, given, true): the sparse
    products then need no transposition of what they return."""

    def __init__(
        self, counts: LabelCounts, smoothing: float, min_labels: int, prior_labels: float
    ) -> None:
        self.rows = distinct_rows(counts)
        self.shape = (counts.n_annotators, counts.n_values, counts.n_values)
        self.n_items = float(counts.n_items)
        self.posterior = self.rows.by_row(majority_shares(counts))
        self.parts = list(_parts(self.rows, max(_PART_ROWS, self.rows.matrix.shape[1])))
        self._begin_sums()
        for part in self.parts:
            # Not a product: see normalise_logs about threads.
            self._add(part, np.einsum("ij,i->j", self.posterior[part.where], part.times))
        # Posteriors of an item add up to 1.
        n_labels = np.rint(self.expected().sum(axis=(1, 2)))
        self.shrunk: BoolArray = n_labels < min_labels
        self.pseudo = self._pseudo_counts(smoothing, prior_labels)
        self.log_likelihood = 0.0

    def _pseudo_counts(self, smoothing: float, prior_labels: float) -> FloatArray:
        pooled = self.expected().sum(axis=0) + 1.0
        pooled /= pooled.sum(axis=0, keepdims=True)
        leaning = prior_labels * self.shrunk[:, None, None] * pooled
        return np.asarray(smoothing + leaning, dtype=np.float64)

    def _begin_sums(self) -> None:
        self.given_true = np.zeros((self.shape[0] * self.shape[1], self.shape[2]))
        self.true = np.zeros(self.shape[2])

    def _add(self, part: _Part, true: FloatArray) -> None:
        """Take the posteriors of a part into the sums that the next parameters come from.

        ``true`` is their sum over the items of the part.
        """
        weighted = self.posterior[part.where]
        if self.rows.repeats:
            weighted = weighted * part.times[:, None]
        self.given_true += part.by_column @ weighted
        self.true += true

    def expected(self) -> FloatArray:
        """Expected labels by annotator, value given and value true."""
        return self.given_true.reshape(self.shape)

    def step(self) -> float:
        """Parameters from posteriors, then posteriors from parameters."""
        self.prevalence = self.true / self.n_items
        cells = self.expected() + self.pseudo
        total = cells.sum(axis=1, keepdims=True)
        # A value that is never true for an annotator's items says nothing about the annotator.
        empty = 1.0 / self.shape[1]
        self.confusion = np.where(total > 0, cells / np.where(total > 0, total, 1.0), empty)
        logs = log_or_minus_infinity(self.confusion)
        self._judge(logs.reshape(-1, self.shape[2]), log_or_minus_infinity(self.prevalence))
        weighted = self.pseudo > 0
        return self.log_likelihood + float(self.pseudo[weighted] @ logs[weighted])

    def _judge(self, logs: FloatArray, prior: FloatArray) -> None:
        """Posteriors, their sums and the log-likelihood from the logs of the parameters."""
        self._begin_sums()
        self.log_likelihood = 0.0
        for part in self.parts:
            # A value a row: numpy works along rows, and items are many where values are few.
            joint = np.add((part.matrix @ logs).T, prior[:, None], order="C")
            normal, log_sums = normalise_logs(joint.T)
            self.posterior[part.where] = normal
            if self.rows.repeats:
                log_sums = log_sums * part.times
                joint *= part.times
            self.log_likelihood += float(log_sums.sum())
            self._add(part, joint.sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some of the rows: few enough for all that a step makes of them to stay in the cache.

    ``by_column`` is the matrix as columns. Its product reads posteriors in order and adds to a
    small table, which is faster than to gather them for each row of the table.
    """

    where: slice
    matrix: sparse.csr_array
    by_column: sparse.csc_array
    times: FloatArray


def _parts(rows: DistinctRows, step: int) -> Iterator[_Part]:
    whole = rows.matrix
    for start in range(0, whole.shape[0], step):
        stop = min(start + step, whole.shape[0])
        inside = slice(int(whole.indptr[start]), int(whole.indptr[stop]))
        indptr = whole.indptr[start : stop + 1] - whole.indptr[start]
        shape = (stop - start, whole.shape[1])
        # Of the same memory as the whole.
        matrix = sparse.csr_array((whole.data[inside], whole.indices[inside], indptr), shape=shape)
        where = slice(start, stop)
        yield _Part(where, matrix, matrix.T, rows.times[where])
