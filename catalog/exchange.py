"""What one room tells another: rooms never import each other, they meet here.

A room that has something to tell registers where it is computed (``AppConfig.ready``), by a dotted
path, so that only those who ask import it. Who asks gets plain arrays, keyed by the numbers of the
items within the data set (``catalog.queries.NUMBER_MASK``), ascending and each once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.module_loading import import_string
from numpy.typing import NDArray

if TYPE_CHECKING:
    from catalog.models import Dataset, Question


@dataclass(frozen=True)
class Votes:
    """How many annotators said what of each item, in their last round.

    Parameters
    ----------
    item : (n,) int64, items with at least one vote
    counts : (n, K) int32, votes by value
    values : tuple of str, the K values, in the question's order
    """

    item: NDArray[np.int64]
    counts: NDArray[np.int32]
    values: tuple[str, ...]


@dataclass(frozen=True)
class ClassProbabilities:
    """What a model said of each item outside its training split.

    Parameters
    ----------
    model : str, ``name:version``
    item : (n,) int64
    probabilities : (n, K) float64, rows sum to 1; the mean over members and folds
    classes : tuple of str
    out_of_fold : bool or None, whether no item was predicted by a model trained on it; None where
        that is not stated
    """

    model: str
    item: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    out_of_fold: bool | None


@dataclass(frozen=True)
class ItemWeights:
    """What each item counts for when the data set, or part of it, is to stand for a population.

    Parameters
    ----------
    population : str
    item : (n,) int64, items that have a weight; others are outside the target or not estimable
    weights : (n,) float64, mean 1
    method : str, how they were made; empty where there are none
    lacking : tuple of (dict, float)
        Attribute values of which the population has people and these items none, with their share
        of the population; they are then why there are no weights.
    """

    population: str
    item: NDArray[np.int64]
    weights: NDArray[np.float64]
    method: str
    lacking: tuple[tuple[dict[str, str], float], ...] = ()


@dataclass(frozen=True)
class Features:
    """A vector of numbers for each item: features that were measured, or an embedding.

    Parameters
    ----------
    name : str, the feature set
    columns : tuple of str, what each number is
    item : (n,) int64
    values : (n, d) float32, as sent: neither scaled nor centred
    """

    name: str
    columns: tuple[str, ...]
    item: NDArray[np.int64]
    values: NDArray[np.float32]


_paths: dict[str, str] = {}


def tell(what: str, path: str) -> None:
    """Make known which function answers; called by its room when Django starts.

    Parameters
    ----------
    what : str, ``"votes"``, ``"models"``, ``"class_probabilities"``, ``"item_weights"``,
        ``"part_weights"``, ``"populations"``, ``"features"`` or ``"feature_sets"``
    path : str, dotted path of a function with the arguments and the answer of the one below
    """
    _paths[what] = path


def votes(question: Question) -> Votes | None:
    """The votes on a question; ``None`` where it has none or its values are no categories."""
    told: Votes | None = _ask("votes", question)
    return told


def models(question: Question) -> tuple[str, ...]:
    """The models that have predicted a question, as ``name:version``, the newest last."""
    told: tuple[str, ...] = _ask("models", question)
    return told


def class_probabilities(question: Question, model: str | None = None) -> ClassProbabilities | None:
    """Class probabilities of a model for a question; ``None`` where no model has predicted.

    Raises
    ------
    catalog.problems.Refusal
        Where no model of this name predicts this question, or several do and none is named.
    """
    told: ClassProbabilities | None = _ask("class_probabilities", question, model)
    return told


def item_weights(
    dataset: Dataset,
    population: str | None = None,
    among: NDArray[np.int64] | None = None,
) -> ItemWeights | None:
    """Weights towards a target population; ``None`` where none can be computed.

    Parameters
    ----------
    dataset : Dataset
    population : str or None, which one; may be left out where there is only one
    among : (n,) int64 or None, the items that are to stand for it; all where nothing is said

    Raises
    ------
    catalog.problems.Refusal
        Where no population has this name, or several are there and none is named.
    """
    told: ItemWeights | None = _ask("item_weights", dataset, population, among)
    return told


def part_weights(
    dataset: Dataset,
    population: str,
    among: NDArray[np.int64],
    parts: Sequence[tuple[Mapping[str, str], NDArray[np.int64]]],
) -> list[ItemWeights]:
    """Weights of the items of each part, towards that part of a population.

    Parameters
    ----------
    dataset : Dataset
    population : str
    among : (n,) int64, all items that there are to stand for it
    parts : sequence of (dict, (m,) int64)
        The attribute values of a part, and its items. Of a population whose cells are joint, its
        items stand for those who have these values; attributes that the population lacks are
        passed over, so that its items stand for all of it. Margins say nothing of such a part:
        its items keep the weights that they have among all.

    Returns
    -------
    list of ItemWeights
        One for each part; without items where some of whom it should stand for are ``lacking``.
    """
    told: list[ItemWeights] = _ask("part_weights", dataset, population, among, parts)
    return told


def features(dataset: Dataset, name: str | None = None) -> Features | None:
    """Vectors of the items that have one; ``None`` where the data set has no feature set.

    Raises
    ------
    catalog.problems.Refusal
        Where no feature set has this name, or several are there and none is named.
    """
    told: Features | None = _ask("features", dataset, name)
    return told


def feature_sets(dataset: Dataset) -> tuple[str, ...]:
    """The names under which items have vectors."""
    found: tuple[str, ...] = _ask("feature_sets", dataset)
    return found


def populations(dataset: Dataset) -> tuple[str, ...]:
    """The populations that items can be weighted to, by name."""
    found: tuple[str, ...] = _ask("populations", dataset)
    return found


def _ask(what: str, *arguments: object) -> Any:
    return import_string(_paths[what])(*arguments)
