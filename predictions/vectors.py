"""Feature vectors as arrays, as many at a time as one likes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.exchange import Features
from catalog.ingest.copying import copy_out
from catalog.models import Dataset
from catalog.queries import NUMBER_MASK
from predictions.models import FeatureSet, FeatureVector
from predictions.novelty_parameters import features_of

TABLE = FeatureVector._meta.db_table
#: Numbers that are in memory at a time where a set is read in ranges of items.
CHUNK_NUMBERS = 4_000_000
Items = NDArray[np.int64]
Matrix = NDArray[np.float32]


def items_with_vectors(features: FeatureSet) -> Items:
    """The numbers of the items that have a vector, ascending."""
    rows = copy_out(
        f"SELECT item_id & {NUMBER_MASK} FROM {TABLE} WHERE features_id = %s ORDER BY item_id",  # noqa: S608
        (features.pk,),
        {"item": "int8"},
    )
    return rows["item"]


def read_vectors(features: FeatureSet, items: Items) -> Iterator[tuple[Items, Matrix]]:
    """The vectors of these items, which must all have one and ascend, some at a time."""
    step = max(1, CHUNK_NUMBERS // features.width)
    base = features.dataset_id << 32
    for start in range(0, len(items), step):
        some = items[start : start + step]
        rows = copy_out(
            f"SELECT item_id & {NUMBER_MASK}, vector FROM {TABLE} WHERE features_id = %s "  # noqa: S608
            "AND item_id = ANY(%s) ORDER BY item_id",
            (features.pk, (base + some).tolist()),
            {"item": "int8"},
            vector=("vector", features.width),
            vector_kind="float4[]",
        )
        yield rows["item"], rows["vector"]


def whole_matrix(features: FeatureSet, items: Items) -> Matrix:
    """The vectors of these items in one array."""
    matrix = np.empty((len(items), features.width), np.float32)
    done = 0
    for some, part in read_vectors(features, items):
        matrix[done : done + len(some)] = part
        done += len(some)
    return matrix


def features_for(dataset: Dataset, name: str | None = None) -> Features | None:
    """What other rooms are told: see :func:`catalog.exchange.features`."""
    if name is None and not FeatureSet.objects.filter(dataset=dataset).exists():
        return None
    found = features_of(dataset, name)
    items = items_with_vectors(found)
    return Features(found.name, tuple(found.columns), items, whole_matrix(found, items))


def feature_sets(dataset: Dataset) -> tuple[str, ...]:
    """What other rooms are told: see :func:`catalog.exchange.feature_sets`."""
    sets = FeatureSet.objects.filter(dataset=dataset).order_by("name")
    return tuple(sets.values_list("name", flat=True))
