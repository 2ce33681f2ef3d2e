"""Models by the name that a client says, and their predictions as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db.models import Exists, OuterRef
from numpy.typing import NDArray
from scipy import special

from catalog.exchange import ClassProbabilities
from catalog.ingest.copying import copy_out
from catalog.models import Dataset, Question
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK, n_numbers
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
        f"The data set {dataset.slug!r} must know which model this is about: {what}; {have}.",
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


@dataclass(frozen=True)
class _Rows:
    """Stored rows outside the training split, as probabilities, in order of item and member."""

    item: NDArray[np.int64]
    member: NDArray[np.int16]
    fold: NDArray[np.int16]
    probabilities: NDArray[np.float64]
    n_renormalised: int
    train_item: NDArray[np.int64]


def read_predictions(model: ModelVersion) -> ItemPredictions:
    """What a model said of each item outside its training split; folds and members averaged."""
    return _averaged_items(_read_rows(model))


def models_of(question: Question) -> tuple[str, ...]:
    """The models that have predicted a question, as this room tells them."""
    found = models_with_predictions(question.dataset)
    return tuple(m.key for m in sorted(found, key=lambda m: m.pk) if m.question_id == question.pk)


@dataclass(frozen=True)
class FoldPredictions:
    """One row of class probabilities for each item and fold, members averaged.

    Parameters
    ----------
    item : (n,) int64, ascending
    fold : (n,) int64
    probabilities : (n, K) float64
    """

    item: NDArray[np.int64]
    fold: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def read_folds(model: ModelVersion) -> FoldPredictions:
    """What a model said of each item in each stated fold, outside its training split."""
    rows = _read_rows(model)
    order = np.flatnonzero(rows.fold >= 0)
    order = order[np.lexsort((rows.fold[order], rows.item[order]))]
    item, fold = rows.item[order], rows.fold[order].astype(np.int64)
    first, count = _blocks(item << 16 | fold)
    stated = _averaged(rows.probabilities[order], first, count)
    return FoldPredictions(item[first], fold[first], stated)


def read_weights(model: ModelVersion) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The items whose weight is stated, ascending, and the mean weight of each item's rows."""
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK} AS item, avg(weight) "  # noqa: S608
        f"FROM {Prediction._meta.db_table} WHERE model_id = %s AND weight IS NOT NULL "
        "AND coalesce(split, '') <> 'train' GROUP BY item_id ORDER BY item_id",
        (model.pk,),
        {"item": "int8", "weight": "float8"},
    )
    return rows["item"], rows["weight"]


def class_probabilities(question: Question, said: str | None) -> ClassProbabilities | None:
    """What a model says of a question, as this room tells it (``catalog.exchange``).

    The model named ``said``, else the only one that has predicted; of several versions the newest.

    Raises
    ------
    Refusal
        When no model of that name predicts the question, or several have predicted and none was
        named.
    """
    predicting = [m for m in models_with_predictions(question.dataset) if m.question == question]
    if said is None and not predicting:
        return None
    if said is None and len({m.name for m in predicting}) == 1:
        said = max(predicting, key=lambda m: m.pk).key
    model = None if said is None else find_model(question.dataset, said)
    if model is None or model.question != question or model.is_multilabel:
        raise _no_such_model(question, said)
    predicted = read_predictions(model)
    if not len(predicted.item):
        return None
    return ClassProbabilities(
        model.key,
        predicted.item,
        predicted.probabilities,
        tuple(model.classes),
        model.out_of_fold,
    )


def _no_such_model(question: Question, said: str | None) -> Refusal:
    keys = [m.key for m in ModelVersion.objects.filter(question=question)]
    have = f"it is predicted by: {', '.join(keys)}" if keys else "no model predicts it"
    what = "no model was named" if said is None else f"none is called {said!r}"
    return Refusal(
        f"Which model's probabilities are meant for the question {question.name!r}? Here "
        f"{what}; {have}.",
        code="unknown_model",
        pointer="model",
    )


def read_range(model: ModelVersion, start: int, stop: int) -> ItemPredictions:
    """The same of the items numbered from ``start`` to below ``stop``."""
    return _averaged_items(_read_rows(model, (start, stop)))


def items_from(model: ModelVersion, start: int, limit: int) -> list[int]:
    """Numbers of the next predicted items outside the training split, at most ``limit``."""
    rows = Prediction.objects.filter(model=model, item_id__gte=(model.dataset_id << 32) + start)
    rows = rows.exclude(split=Prediction.Split.TRAIN)
    found = rows.order_by("item_id").values_list("item_id", flat=True).distinct()[:limit]
    return [item & NUMBER_MASK for item in found]


def _averaged_items(rows: _Rows) -> ItemPredictions:
    first, count = _blocks(rows.item)
    items = rows.item[first]
    return ItemPredictions(
        items,
        _averaged(rows.probabilities, first, count),
        n_rows=len(rows.item),
        n_rows_renormalised=rows.n_renormalised,
        n_train_rows=len(rows.train_item),
        n_train_left_out=len(np.setdiff1d(rows.train_item, items)),
    )


@dataclass(frozen=True)
class MemberPredictions:
    """Items that every member of an ensemble predicted, some of them at a time.

    Parameters
    ----------
    item : (n,) int64, ascending
    probabilities : (M, n, K) float64, the folds of a member averaged
    n_incomplete : int, items of this range that some member did not predict
    """

    item: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    n_incomplete: int


def read_members(model: ModelVersion, members: list[int]) -> Iterator[MemberPredictions]:
    """What each member said, in ranges of items, so that no ensemble is in memory whole."""
    last = n_numbers(model.dataset)
    step = max(1, CHUNK_NUMBERS // (len(members) * len(model.classes)))
    for start in range(0, last, step):
        yield read_members_of(model, members, start, start + step)


def read_members_of(
    model: ModelVersion, members: list[int], start: int, stop: int
) -> MemberPredictions:
    """The same of the items numbered from ``start`` to below ``stop``."""
    rows = _read_rows(model, (start, stop))
    # Folds of a member first, so that each item has one row a member.
    first, count = _blocks(rows.item * (max(members) + 1) + rows.member)
    item, mean = rows.item[first], _averaged(rows.probabilities, first, count)
    place, n_members = _blocks(item)
    whole = n_members == len(members)
    kept = mean[np.repeat(whole, n_members)]
    shaped = kept.reshape(int(whole.sum()), len(members), len(model.classes))
    return MemberPredictions(item[place][whole], shaped.transpose(1, 0, 2), int((~whole).sum()))


def _read_rows(model: ModelVersion, numbers: tuple[int, int] | None = None) -> _Rows:
    width = len(model.classes)
    base = model.dataset_id << 32
    low, high = (base, base + NUMBER_MASK) if numbers is None else (base + n for n in numbers)
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, member, fold, coalesce(split = 'train', false), "  # noqa: S608
        f"probabilities FROM {Prediction._meta.db_table} WHERE model_id = %s AND item_id >= %s "
        "AND item_id < %s ORDER BY item_id, member, fold",
        (model.pk, low, high),
        {"item": "int8", "member": "int2", "fold": "int2", "train": "bool"},
        vector=("probabilities", width),
    )
    train = rows["train"].astype(bool)
    item, member, fold = rows["item"], rows["member"], rows["fold"]
    stated = rows["probabilities"]
    if train.any():
        item, member, fold, stated = (one[~train] for one in (item, member, fold, stated))
    stated, n_off = _as_probabilities(model, stated)
    return _Rows(item, member, fold, stated, n_off, rows["item"][train])


def _as_probabilities(
    model: ModelVersion, stated: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Rows that sum to 1, and how many missed that by more than a rounding.

    Of several labels each has a probability of its own: nothing is divided.
    """
    if model.is_multilabel:
        return (special.expit(stated) if model.has_logits else stated), 0
    if model.has_logits:
        odds = np.exp(stated - stated.max(axis=1, initial=-np.inf, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True), 0
    sums = stated.sum(axis=1)
    off = np.abs(sums - 1) > EXACT_SUM
    if off.any():
        stated[off] /= sums[off, None]
    return stated, int(off.sum())


def _blocks(key: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each run of equal keys starts, and how long it is; keys are in order."""
    starts = np.ones(len(key), bool)
    np.not_equal(key[1:], key[:-1], out=starts[1:])
    first = np.flatnonzero(starts)
    return first, np.diff(np.append(first, len(key)))


def _averaged(
    stated: NDArray[np.float64], first: NDArray[np.intp], count: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The mean row of each block."""
    if len(first) == len(stated):
        return stated
    mean: NDArray[np.float64] = np.add.reduceat(stated, first, axis=0) / count[:, None]
    return mean
