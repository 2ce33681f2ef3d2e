"""What models said of items: stored rows as arrays of class probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from catalog.exchange import ClassProbabilities
from catalog.ingest.copying import copy_out
from catalog.models import Question
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK, n_numbers
from predictions.models import ModelVersion, Prediction
from predictions.queries import CHUNK_NUMBERS, EXACT_SUM, find_model, models_with_predictions

#: The splits of an item that is measured; one with test rows is of that split.
SPLITS = ("not stated", "validation", "test")


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


def read_items(model: ModelVersion, numbers: list[int]) -> ItemPredictions:
    """The same of the items with these numbers."""
    keys = [(model.dataset_id << 32) + number for number in numbers]
    return _averaged_items(_read_rows(model, ("item_id = ANY(%s)", (keys,))))


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


def read_splits(model: ModelVersion, item: NDArray[np.int64]) -> NDArray[np.int64]:
    """The split of each of these predicted items as its place in :data:`SPLITS`."""
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, max(CASE split WHEN 'test' THEN 2 WHEN 'validation' "  # noqa: S608
        f"THEN 1 ELSE 0 END)::int FROM {Prediction._meta.db_table} WHERE model_id = %s "
        "AND split IS DISTINCT FROM 'train' GROUP BY item_id ORDER BY item_id",
        (model.pk,),
        {"item": "int8", "split": "int4"},
    )
    return rows["split"][np.searchsorted(rows["item"], item)].astype(np.int64)


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
    base = model.dataset_id << 32
    rows = _read_rows(model, ("item_id >= %s AND item_id < %s", (base + start, base + stop)))
    # Folds of a member first, so that each item has one row a member.
    first, count = _blocks(rows.item * (max(members) + 1) + rows.member)
    item, mean = rows.item[first], _averaged(rows.probabilities, first, count)
    place, n_members = _blocks(item)
    whole = n_members == len(members)
    kept = mean[np.repeat(whole, n_members)]
    shaped = kept.reshape(int(whole.sum()), len(members), len(model.classes))
    return MemberPredictions(item[place][whole], shaped.transpose(1, 0, 2), int((~whole).sum()))


def _read_rows(model: ModelVersion, where: tuple[str, tuple[Any, ...]] = ("true", ())) -> _Rows:
    """The rows of a model's items, or of those for which a condition on ``item_id`` holds."""
    width = len(model.classes)
    condition, values = where
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK}, member, fold, coalesce(split = 'train', false), "  # noqa: S608
        f"probabilities FROM {Prediction._meta.db_table} WHERE model_id = %s AND {condition} "
        "ORDER BY item_id, member, fold",
        (model.pk, *values),
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
