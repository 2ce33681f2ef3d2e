"""The labels of one question as the consensus models take them, with gold beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import queries
from annotations.values import value_of
from catalog.models import Question, Run
from catalog.problems import Refusal
from measures.consensus import (
    LARGEST,
    BiasVariance,
    DawidSkene,
    LabelCounts,
    NumberLabels,
    bias_variance,
    dawid_skene,
    label_counts,
    majority_shares,
    number_labels,
)

# A confusion matrix an annotator: beyond this many cells it is neither learned nor held.
MAX_CELLS = 20_000_000
Parameters = dict[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Crowd:
    """Labels as codes: ``values[k]`` names the k-th value that was used.

    Parameters
    ----------
    question : Question
    records : LabelRecords
    counts : LabelCounts
        Over the values that were used; an offered value that nobody chose tells nothing here.
    codes : int64 array, the question's code of each used value
    gold : int64 array (n_items,), position in ``codes``; beyond it where nobody gave the gold
        value, -1 where there is no gold
    """

    question: Question
    records: queries.LabelRecords
    counts: LabelCounts
    codes: NDArray[np.int64]
    gold: NDArray[np.int64]

    @property
    def values(self) -> list[Any]:
        """The used values as they are shown: a set as a sorted list."""
        return [value_of(self.question, int(code)) for code in self.codes]

    def fitted(self, smoothing: float) -> DawidSkene | None:
        """Dawid and Skene's model; ``None`` where there are too many values for it."""
        cells = self.counts.n_annotators * self.counts.n_values**2
        if cells > MAX_CELLS:
            return None
        return dawid_skene(self.counts, smoothing=smoothing)

    def posterior(self, model: DawidSkene | None) -> NDArray[np.float64]:
        """The model's, or the shares of labels where there is no model."""
        return majority_shares(self.counts) if model is None else model.posterior


@dataclass(frozen=True)
class NumberCrowd:
    """Labels as numbers; gold is NaN where there is none."""

    question: Question
    records: queries.LabelRecords
    labels: NumberLabels
    gold: NDArray[np.float64]

    def fitted(self) -> BiasVariance:
        """A bias and a noise for each annotator."""
        return bias_variance(self.labels)


def question_of_run(run: Run) -> Question:
    """The question that a run is about."""
    return Question.objects.get(dataset=run.dataset, name=run.parameters["question"])


def read_crowd(question: Question) -> Crowd:
    """The labels of a question whose values are codes."""
    records = queries.read_records(question)
    codes, code = np.unique(records.value, return_inverse=True)
    counts = label_counts(records.item, records.annotator, code, n_values=max(len(codes), 1))
    numbers, values = queries.gold_values(question)
    gold = np.full(counts.n_items, -1, np.int64)
    place, known = _places(counts.items, numbers)
    position = np.searchsorted(codes, values[known])
    given = np.append(codes, -1)[position] == values[known]
    gold[place] = np.where(given, position, len(codes))
    return Crowd(question, records, counts, codes, gold)


def read_number_crowd(question: Question) -> NumberCrowd:
    """The labels of a question whose values are numbers."""
    records = queries.read_records(question)
    numbers, values = queries.gold_values(question)
    _refuse_large(question, records.value, values)
    labels = number_labels(records.item, records.annotator, records.value)
    gold = np.full(labels.items.size, np.nan)
    place, known = _places(labels.items, numbers)
    gold[place] = values[known]
    return NumberCrowd(question, records, labels, gold)


def _refuse_large(question: Question, *columns: NDArray[np.float64]) -> None:
    n = sum(int((np.abs(column) > LARGEST).sum()) for column in columns)
    if n:
        raise Refusal(
            f"Question {question.name!r} has numbers beyond {LARGEST:g} in size ({n:,} of them), "
            "too large to be compared in double precision; send them in a larger unit."
        )


def _places(
    items: NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where in ``items`` those of the numbers stand that are there, and which those are."""
    place = np.searchsorted(items, numbers)
    known = np.append(items, -1)[place] == numbers
    return place[known], known


def headline(question: Question, n_items: int, n_labels: int, n_annotators: int) -> Row:
    """What every result about a crowd says first."""
    return {
        "question": question.name,
        "scale": question.scale,
        "n_items": n_items,
        "n_labels": n_labels,
        "n_annotators": n_annotators,
    }


def fit_of(model: DawidSkene | BiasVariance) -> Row:
    """How the fitting went."""
    return {
        "log_likelihood": model.log_likelihood,
        "steps": model.climb.steps,
        "converged": model.climb.converged,
    }


def model_warnings(n_annotators: int, model: DawidSkene | BiasVariance | None) -> list[str]:
    """What a reader must know before believing the model."""
    found = []
    if model is None:
        found.append("too_many_values")
    elif not model.climb.converged:
        found.append("not_converged")
    if n_annotators == 2:
        found.append("two_annotators")
    return found
