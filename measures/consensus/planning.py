"""How many more labels, on which items, and when to stop.

For an interval of a wanted width see :func:`measures.agreement.items_for_half_width`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from measures.consensus.counts import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class LabelPlan:
    """What each item still needs.

    Parameters
    ----------
    settled : bool array (n_items,)
        The posterior reached the wanted certainty: no further label.
    exhausted : bool array (n_items,)
        Not settled, but the item has as many labels as one may get; a person should decide.
    more_labels : int64 array (n_items,)
        Expected further labels until settled; 0 where settled or exhausted.
    """

    settled: BoolArray
    exhausted: BoolArray
    more_labels: IntArray

    @property
    def n_more_labels(self) -> int:
        """Labels to collect in all."""
        return int(self.more_labels.sum())

    @property
    def may_stop(self) -> bool:
        """No item needs another label."""
        return not bool((~self.settled & ~self.exhausted).any())


def plan_labels(
    posterior: FloatArray,
    n_labels: IntArray,
    confusion: FloatArray,
    *,
    certainty: float = 0.95,
    max_labels: int = 10,
) -> LabelPlan:
    """Stop item by item: when the posterior is certain enough, or labels run out.

    Parameters
    ----------
    posterior : float array (n_items, n_values)
    n_labels : int array (n_items,)
        Labels that each item has.
    confusion : float array (n_values, n_values)
        Of the annotator one would ask, for example the mean over annotators by labels.
    certainty : float in (0, 1)
        Posterior of the most probable value at which an item is settled.
    max_labels : int >= 1
        An item gets no more labels than this.

    Returns
    -------
    LabelPlan
        The expected number of labels is the log odds still missing, divided by what one label
        adds to them on average: the divergence of the confusion's rows of the two most probable
        values. A forecast; in truth the labels may as well turn against the leading value.

    Raises
    ------
    ValueError
        When ``certainty`` or ``max_labels`` is out of range.

    References
    ----------
    Wald (1945), "Sequential tests of statistical hypotheses", section 4.2, the average sample
    number without excess.
    """
    if not 0 < certainty < 1 or max_labels < 1:
        raise ValueError(
            f"certainty must lie between 0 and 1 and max_labels be at least 1; "
            f"got {certainty!r} and {max_labels!r}."
        )
    top = posterior.argmax(axis=1)
    rows = np.arange(len(posterior))
    best = posterior[rows, top]
    settled = best >= certainty
    room = np.maximum(max_labels - n_labels, 0)
    exhausted = ~settled & (room == 0)
    rest = posterior.copy()
    rest[rows, top] = -1.0
    rival = rest.argmax(axis=1)
    gain = _divergences(confusion)[top, rival]
    odds = np.log(np.maximum(best, 1e-12)) - np.log(np.maximum(1.0 - best, 1e-12))
    missing = math.log(certainty / (1 - certainty)) - odds
    expected = np.ceil(np.where(gain > 0, missing / np.maximum(gain, 1e-12), max_labels))
    more = np.where(settled, 0, np.clip(expected, 1, np.maximum(room, 1)))
    return LabelPlan(settled, exhausted, np.where(exhausted, 0, more).astype(np.int64))


def _divergences(confusion: FloatArray) -> FloatArray:
    """Kullback-Leibler divergence between every two rows, kept finite."""
    safe = np.maximum(confusion, 1e-6)
    safe = safe / safe.sum(axis=1, keepdims=True)
    logs = np.log(safe)
    own = (safe * logs).sum(axis=1)
    return np.asarray(own[:, None] - safe @ logs.T)
