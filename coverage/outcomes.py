"""How a model's predictions turned out on items with a reference label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog import exchange
from catalog.models import Question
from catalog.queries import reference_codes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """Items that a model predicted and that have a reference label.

    Parameters
    ----------
    model : str, ``name:version``
    out_of_fold : bool or None
    classes : tuple of str
    item : (n,) int64
    probabilities : (n, K) float64
    truth : (n,) int64, position of the reference label in the classes
    """

    model: str
    out_of_fold: bool | None
    classes: tuple[str, ...]
    item: NDArray[np.int64]
    probabilities: Floats
    truth: NDArray[np.int64]

    @property
    def confidence(self) -> Floats:
        """Probability of the class that is most probable."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def correct(self) -> Floats:
        """1 where the most probable class is the reference label, else 0."""
        return np.asarray(self.probabilities.argmax(axis=1) == self.truth, float)

    @property
    def brier(self) -> Floats:
        """Sum of squared differences over the classes, in [0, 2]."""
        of_truth = self.probabilities[np.arange(len(self.truth)), self.truth]
        # Sum of (p_k - y_k)^2, with y_k = 1 for the true class alone.
        return np.asarray((self.probabilities**2).sum(axis=1) - 2 * of_truth + 1)

    def surplus(self, k: int) -> Floats:
        """Probability of a class minus whether it is the reference label."""
        return np.asarray(self.probabilities[:, k] - (self.truth == k))


def outcomes(question: Question, model: str | None) -> Outcomes | None:
    """Predictions beside reference labels; ``None`` where no item has both.

    Raises
    ------
    Refusal
        Where no such model predicts the question, or several do and none is named.
    """
    said = exchange.class_probabilities(question, model)
    if said is None:
        return None
    number, code = reference_codes(question)
    place = {name: at for at, name in enumerate(said.classes)}
    column = np.array([place.get(str(value), -1) for value in question.values] + [-1], np.int64)
    truth = column[np.where(code < len(question.values), code, -1)]
    number, truth = number[truth >= 0], truth[truth >= 0]
    item, mine, theirs = np.intersect1d(said.item, number, assume_unique=True, return_indices=True)
    if not len(item):
        return None
    own = said.probabilities[mine]
    return Outcomes(
        said.model, said.out_of_fold, said.classes, item.astype(np.int64), own, truth[theirs]
    )
