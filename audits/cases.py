"""One item: what is known of it, what was said of it, and where each of that came from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from annotations.models import Label, SupersededLabel
from audits.case_issues import results_about
from catalog.models import Annotator, Dataset, Item, Question, ReferenceLabel
from catalog.problems import Refusal
from predictions.models import ModelVersion, Prediction

LISTED = 1000
Row = dict[str, Any]


def item_of(dataset: Dataset, name: str) -> Item:
    """The item of that name.

    Raises
    ------
    Refusal
        404 where the data set has no item of that name.
    """
    item = Item.objects.filter(dataset=dataset, external_id=name).select_related("profile").first()
    if item is None:
        raise Refusal(
            f"This data set has no item {name!r}; names are written exactly as they were sent.",
            code="unknown_item",
            status=404,
        )
    return item


def case_page(dataset: Dataset, item: Item) -> dict[str, Any]:
    """Everything about one item, for a lead."""
    questions = list(dataset.questions.order_by("name"))
    return {
        "item": item,
        "attributes": _attributes(dataset, item),
        "answers": [_answers(dataset, item, question) for question in questions],
        "models": _predictions(dataset, item),
        "listed": LISTED,
    }


def _attributes(dataset: Dataset, item: Item) -> list[Row]:
    """The value of each attribute of items: the band, and the exact number where there is one."""
    values = {} if item.profile is None else item.profile.values
    numbers = item.numbers or {}
    return [
        {
            "name": attribute.name,
            "kind": attribute.kind,
            "sensitive": attribute.sensitive,
            "value": values.get(attribute.name),
            "number": numbers.get(attribute.name),
        }
        for attribute in dataset.attributes.filter(of="item").order_by("name")
    ]


def _answers(dataset: Dataset, item: Item, question: Question) -> Row:
    """The labels, the consensus and the reference labels of one question about this item."""
    stored = Label.objects.filter(question=question, item=item)
    labels: list[Any] = list(stored.order_by("annotator_id", "round")[:LISTED])
    before: list[Any] = list(
        SupersededLabel.objects.filter(question=question, item=item, restored_at=None).order_by(
            "-superseded_at"
        )[:LISTED]
    )
    names = _names(label.annotator_id for label in [*labels, *before])
    references = [
        {"row": row, "value": value(question, row)}
        for row in ReferenceLabel.objects.filter(question=question, item=item)
        .select_related("upload", "run")
        .order_by("source")
    ]
    results = results_about(dataset, item, question)
    return {
        "question": question,
        "labels": [_label(question, one, names) for one in labels],
        "n_labels": len(labels) if len(labels) < LISTED else stored.count(),
        "before": [
            {**_label(question, one, names), "superseded_at": one.superseded_at} for one in before
        ],
        "references": references,
        "contradicted": _contradicted(question, references, results["consensus"]),
        **results,
    }


def _contradicted(question: Question, references: list[Row], consensus: Row | None) -> list[Row]:
    """The labels taken as correct that the consensus is not; of numbers, none is told apart."""
    if consensus is None or consensus["tie"] or question.is_numeric:
        return []
    said = consensus["value"]
    sides = [(one, one["value"]) for one in references if not one["row"].tie]
    return [one for one, value in sides if _as_set(value) != _as_set(said)]


def _as_set(value: Any) -> Any:
    return frozenset(map(str, value)) if isinstance(value, list) else str(value)


def _names(keys: Iterable[int]) -> dict[int, str]:
    rows = Annotator.objects.filter(pk__in=set(keys))
    return dict(rows.values_list("pk", "external_id"))


def value(question: Question, row: Any) -> Any:
    """The value of a stored label: a number, a name, or the names of a set."""
    if question.is_numeric:
        return row.number
    if row.code is None:
        return None
    if question.scale == Question.Scale.SET:
        return sorted(str(question.values[place]) for place in question.combinations[row.code])
    return question.values[row.code]


def _label(question: Question, row: Any, names: dict[int, str]) -> Row:
    status = Label.Status(row.status)
    return {
        "row": row,
        "annotator": names.get(row.annotator_id, ""),
        "value": value(question, row) if status == Label.Status.ANSWERED else None,
        "status": status.label,
    }


def _predictions(dataset: Dataset, item: Item) -> list[Row]:
    """What each model said of the item, row by row as it was sent."""
    models = list(ModelVersion.objects.filter(dataset=dataset).select_related("question"))
    by_model = {model.pk: model for model in models}
    rows = Prediction.objects.filter(model_id__in=by_model, item=item).order_by(
        "model_id", "member", "fold"
    )[:LISTED]
    found = []
    for key, group in groupby(rows, key=lambda row: row.model_id):
        model = by_model[key]
        members = list(group)
        query = urlencode({"model": model.key})
        found.append(
            {
                "model": model,
                "n_rows": len(members),
                "rows": [_prediction(model, one) for one in members],
                "api": f"/api/v1/datasets/{dataset.slug}/confidence/?{query}",
            }
        )
    return found


def _prediction(model: ModelVersion, row: Prediction) -> Row:
    """The stated scores, and the class that has most of them."""
    scores = list(zip(model.classes, row.probabilities, strict=True))
    chosen, score = max(scores, key=lambda pair: pair[1])
    return {"row": row, "scores": scores, "chosen": chosen, "score": score}
