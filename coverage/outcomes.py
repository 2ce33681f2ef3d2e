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
    item : (n,) int64
    confidence : (n,) float64, the probability of the class that was most probable
    correct : (n,) float64, 1 where that class is the reference label
    brier : (n,) float64, sum of squared differences over the classes, in [0, 2]
    """

    model: str
    out_of_fold: bool | None
    item: NDArray[np.int64]
    confidence: Floats
    correct: Floats
    brier: Floats


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
    p, truth = said.probabilities[mine], truth[theirs]
    of_truth = p[np.arange(len(item)), truth]
    return Outcomes(
        said.model,
        said.out_of_fold,
        item.astype(np.int64),
        p.max(axis=1),
        (p.argmax(axis=1) == truth).astype(float),
        # Sum of (p_k - y_k)^2, with y_k = 1 for the true class alone.
        (p**2).sum(axis=1) - 2 * of_truth + 1,
    )
