"""Models by the name that a client says, and the items that they predicted."""

from __future__ import annotations

import numpy as np
from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, When
from numpy.typing import NDArray

from catalog.ingest.copying import copy_out
from catalog.models import Dataset, Question, ReferenceLabel
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from predictions.models import ModelVersion, Prediction

#: Numbers that are in memory at a time where an ensemble is read in ranges of items.
CHUNK_NUMBERS = 4_000_000
#: Rows whose probabilities miss 1 by less than this are taken as they are.
EXACT_SUM = 1e-6


def find_model(dataset: Dataset, said: str) -> ModelVersion | None:
    """The model called ``name`` (its newest version) or ``name:version``."""
    name, parted, version = said.partition(":")
    rows = ModelVersion.objects.filter(dataset=dataset, name=name).select_related("question")
    if parted:
        rows = rows.filter(version=version)
    return rows.order_by("pk").last()


def model_of(dataset: Dataset, said: str | None) -> ModelVersion:
    """The model that a client named, or the data set's only one.

    Raises
    ------
    Refusal
        When there is no such model, or several and none was named.
    """
    keys = [m.key for m in ModelVersion.objects.filter(dataset=dataset)]
    if said is None and len({key.partition(":")[0] for key in keys}) == 1:
        said = keys[0].partition(":")[0]
    found = find_model(dataset, said) if said is not None else None
    if found is not None:
        return found
    have = f"it has: {', '.join(keys)}" if keys else "it has none yet; POST to models/ first"
    what = "no model= was sent" if said is None else f"there is no model {said!r}"
    raise Refusal(
        f"For the data set {dataset.slug!r} {what}; {have}.",
        code="unknown_model",
        pointer="model",
    )


def models_with_predictions(dataset: Dataset) -> list[ModelVersion]:
    """The models of a data set that have any prediction of one class an item."""
    return [one for one in _predicting(dataset) if not one.is_multilabel]


def multilabel_models(dataset: Dataset) -> list[ModelVersion]:
    """The models of a data set that have any prediction of several labels an item."""
    return [one for one in _predicting(dataset) if one.is_multilabel]


def _predicting(dataset: Dataset) -> list[ModelVersion]:
    predicted = Exists(Prediction.objects.filter(model=OuterRef("pk")))
    models = ModelVersion.objects.filter(predicted, dataset=dataset)
    return list(models.select_related("question"))


def members_of(model: ModelVersion) -> list[int]:
    """The numbers of the ensemble members that predicted anything outside the training split."""
    rows = Prediction.objects.filter(model=model).exclude(split=Prediction.Split.TRAIN)
    return sorted(rows.order_by().values_list("member", flat=True).distinct())


def split_items(model: ModelVersion) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the items with any row of the training split, and of those with another split."""
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, bool_or(split = 'train') "  # noqa: S608
        f"FROM {Prediction._meta.db_table} WHERE model_id = %s AND split IS NOT NULL "
        "GROUP BY item_id ORDER BY item_id",
        (model.pk,),
        {"item": "int8", "train": "bool"},
    )
    train = rows["train"].astype(bool)
    return rows["item"][train], rows["item"][~train]


def models_of(question: Question) -> tuple[str, ...]:
    """The models that have predicted a question, as this room tells them."""
    found = models_with_predictions(question.dataset)
    return tuple(m.key for m in sorted(found, key=lambda m: m.pk) if m.question_id == question.pk)


def items_from(
    model: ModelVersion, start: int, limit: int, reference: str | None = None
) -> list[int]:
    """Numbers of the next predicted items outside the training split, at most ``limit``.

    ``reference``: only those without a reference label (``missing``), or only those whose label is
    none of the model's classes (``not_a_class``).
    """
    rows = Prediction.objects.filter(model=model, item_id__gte=(model.dataset_id << 32) + start)
    rows = rows.exclude(split=Prediction.Split.TRAIN)
    if reference is not None:
        rows = _with_reference(rows, model, reference)
    found = rows.order_by("item_id").values_list("item_id", flat=True).distinct()[:limit]
    return [item & NUMBER_MASK for item in found]


def _with_reference(
    rows: QuerySet[Prediction], model: ModelVersion, reference: str
) -> QuerySet[Prediction]:
    usable = ReferenceLabel.objects.filter(
        question=model.question, item=OuterRef("item_id"), code__isnull=False, tie=False
    )
    if reference == "missing":
        return rows.filter(~Exists(usable))
    if model.is_multilabel:
        return rows.none()
    known = [i for i, v in enumerate(model.question.values) if str(v) in model.classes]
    # As catalog.queries.reference_codes: gold before adjudicated before a consensus.
    rank = Case(
        When(source=ReferenceLabel.Source.GOLD, then=0),
        When(source=ReferenceLabel.Source.ADJUDICATED, then=1),
        default=2,
    )
    taken = Subquery(usable.order_by(rank).values("code")[:1])
    some_other = Exists(usable.exclude(code__in=known))
    return rows.filter(some_other).annotate(taken=taken).exclude(taken__in=known)
