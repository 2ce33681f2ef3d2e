"""Models by the name that a client says, and their predictions as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import Exists, OuterRef
from numpy.typing import NDArray

from catalog.ingest.copying import copy_out
from catalog.models import Dataset
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from predictions.models import ModelVersion, Prediction

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
        f"The data set {dataset.slug!r} must know which model this is about: {what}; {have}.",
        code="unknown_model",
        pointer="model",
    )


def models_with_predictions(dataset: Dataset) -> list[ModelVersion]:
    """The models of a data set that have any prediction."""
    predicted = Exists(Prediction.objects.filter(model=OuterRef("pk")))
    return list(ModelVersion.objects.filter(predicted, dataset=dataset))


@dataclass(frozen=True)
class ItemPredictions:
    """One row of class probabilities for each item that a model predicted.

    Parameters
    ----------
    item : (n,) int64, item numbers within the data set, ascending
    probabilities : (n, K) float64, in the model's order of classes; the mean of the item's rows
    n_rows : int, rows that were averaged
    n_rows_renormalised : int, rows of those that missed a sum of 1 by more than 1e-6
    n_train_rows : int, rows of the training split, which are left out
    n_train_left_out : int, items that have no other rows
    """

    item: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    n_rows: int
    n_rows_renormalised: int
    n_train_rows: int
    n_train_left_out: int


def read_predictions(model: ModelVersion) -> ItemPredictions:
    """What a model said of each item outside its training split; folds and members averaged."""
    width = len(model.classes)
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, coalesce(split = 'train', false), probabilities "  # noqa: S608
        f"FROM {Prediction._meta.db_table} WHERE model_id = %s ORDER BY item_id, member, fold",
        (model.pk,),
        {"item": "int8", "train": "bool"},
        vector=("probabilities", width),
    )
    train = rows["train"].astype(bool)
    item, stated = rows["item"][~train], rows["probabilities"][~train]
    sums = stated.sum(axis=1)
    off = np.abs(sums - 1) > EXACT_SUM
    stated[off] /= sums[off, None]
    items, start, count = np.unique(item, return_index=True, return_counts=True)
    mean = np.empty((0, width))
    if len(items):
        mean = np.add.reduceat(stated, start, axis=0) / count[:, None]
    return ItemPredictions(
        items,
        mean,
        n_rows=len(item),
        n_rows_renormalised=int(off.sum()),
        n_train_rows=int(train.sum()),
        n_train_left_out=len(np.setdiff1d(rows["item"][train], items)),
    )
