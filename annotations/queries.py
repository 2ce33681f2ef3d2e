"""Labels as arrays, and the newest results about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.models import Label
from catalog.ingest.copying import copy_out
from catalog.models import Annotator, Attribute, Dataset, Item, Question, ReferenceLabel
from catalog.queries import NUMBER_MASK, Subgroups


@dataclass(frozen=True)
class LabelRecords:
    """The answered labels of one question with when and how they were given.

    Parameters
    ----------
    item, annotator : int64 arrays, numbers within the data set
    value : array, codes (int64) or, for a numeric question, numbers (float64)
    labelled_at : int64 array, microseconds since 1970; -1 where not stated
    duration_ms : int64 array; -1 where not stated
    """

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    value: NDArray[Any]
    labelled_at: NDArray[np.int64]
    duration_ms: NDArray[np.int64]


def read_records(question: Question) -> LabelRecords:
    """All answered labels of a question, with time and duration."""
    column, kind = ("number", "float8") if question.is_numeric else ("code", "int4")
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, {column}, "  # noqa: S608
        "coalesce((extract(epoch FROM labelled_at) * 1000000)::bigint, -1), "
        f"coalesce(duration_ms, -1) FROM {Label._meta.db_table} "
        "WHERE question_id = %s AND status = 0 ORDER BY item_id, annotator_id, round",
        (question.pk,),
        {
            "item": "int8",
            "annotator": "int8",
            "value": kind,
            "labelled_at": "int8",
            "duration_ms": "int4",
        },
    )
    value = rows["value"]
    return LabelRecords(
        item=rows["item"],
        annotator=rows["annotator"],
        value=value if question.is_numeric else value.astype(np.int64),
        labelled_at=rows["labelled_at"],
        duration_ms=rows["duration_ms"].astype(np.int64),
    )


def gold_values(question: Question) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Item numbers and values that people took as correct: gold, else adjudicated."""
    column, kind = ("number", "float8") if question.is_numeric else ("code", "int4")
    rows = copy_out(
        f"SELECT DISTINCT ON (item_id) item_id & {NUMBER_MASK}, {column} "  # noqa: S608
        f"FROM {ReferenceLabel._meta.db_table} WHERE question_id = %s AND {column} IS NOT NULL "
        "AND NOT tie AND source <> 'consensus' "
        "ORDER BY item_id, CASE source WHEN 'gold' THEN 0 ELSE 1 END",
        (question.pk,),
        {"item": "int8", "value": kind},
    )
    return rows["item"], rows["value"]


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


def annotator_number(dataset: Dataset, name: str) -> int | None:
    """The number of the annotator of that name, if the data set has one."""
    key = Annotator.objects.filter(dataset=dataset, external_id=name).values_list("pk").first()
    return None if key is None else key[0] & NUMBER_MASK


def item_number(dataset: Dataset, name: str) -> int | None:
    """The number of the item of that name, if the data set has one."""
    key = Item.objects.filter(dataset=dataset, external_id=name).values_list("pk").first()
    return None if key is None else key[0] & NUMBER_MASK


def numbers_within(
    model: type[Item | Annotator], dataset: Dataset, attributes: dict[str, str]
) -> set[int]:
    """Which items or annotators belong to the subgroup with these attribute values."""
    rows = model._default_manager.filter(dataset=dataset, profile__values__contains=attributes)
    return {pk & NUMBER_MASK for pk in rows.values_list("pk", flat=True)}
