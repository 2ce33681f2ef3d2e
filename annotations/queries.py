"""Labels as arrays, and the newest results about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.models import Label
from catalog.ingest.copying import copy_out
from catalog.models import Annotator, Attribute, Dataset, Question
from catalog.queries import NUMBER_MASK, Subgroups


@dataclass(frozen=True)
class LabelArrays:
    """The answered labels of one question, in the order of items and annotators.

    Parameters
    ----------
    item, annotator : int64 arrays, numbers within the data set
    code : int64 array, position in the question's values; empty for a numeric question
    number : float64 array, the value of a numeric question; else empty
    """

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    code: NDArray[np.int64]
    number: NDArray[np.float64]

    @property
    def n_labels(self) -> int:
        return len(self.item)


def read_labels(question: Question) -> LabelArrays:
    """All answered labels of a question; skipped and empty ones do not count."""
    column, kind = ("number", "float8") if question.is_numeric else ("code", "int4")
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, {column} "  # noqa: S608
        f"FROM {Label._meta.db_table} WHERE question_id = %s AND status = 0 "
        "ORDER BY item_id, annotator_id, round",
        (question.pk,),
        {"item": "int8", "annotator": "int8", "value": kind},
    )
    value = rows["value"]
    return LabelArrays(
        item=rows["item"],
        annotator=rows["annotator"],
        code=np.empty(0, np.int64) if question.is_numeric else value.astype(np.int64),
        number=value if question.is_numeric else np.empty(0),
    )


def has_labels(question: Question) -> bool:
    """Whether any label of the question is stored."""
    return Label.objects.filter(question=question).exists()


def annotator_subgroups(dataset: Dataset) -> Subgroups:
    """Attribute values of the data set's annotators."""
    return Subgroups(dataset, Attribute.Of.ANNOTATOR, Annotator._meta.db_table)


def annotator_names(dataset: Dataset, numbers: set[int]) -> dict[int, str]:
    """External ids of annotators by number."""
    keys = [dataset.pk << 32 | number for number in numbers]
    rows = Annotator.objects.filter(pk__in=keys).values_list("pk", "external_id")
    return {pk & NUMBER_MASK: name for pk, name in rows}
