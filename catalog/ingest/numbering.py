"""External ids become integers: dense numbers per data set, allotted under its lock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from numpy.typing import NDArray

from catalog.ingest.copying import Column, copy_in
from catalog.models import Annotator, Dataset, Item

UNKNOWN = -1


@dataclass(frozen=True)
class Keys:
    """What distinct external ids are called in the database.

    Parameters
    ----------
    values : list of str, the external ids
    keys : int64 array, the same length; ``UNKNOWN`` where the data set does not know the id
    """

    values: list[str]
    keys: NDArray[np.int64]

    def of(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """The key of each row; an empty field (code -1) has none."""
        return np.append(self.keys, UNKNOWN)[codes]


def look_up(model: type[Item] | type[Annotator], dataset: Dataset, values: list[str]) -> Keys:
    """Find the keys of external ids (NFC, distinct) in a data set."""
    keys = np.full(len(values), UNKNOWN, np.int64)
    if not model.objects.filter(dataset=dataset).exists():
        return Keys(values, keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v.position, t.id FROM unnest(%s::text[]) WITH ORDINALITY AS v(id, position) "  # noqa: S608
            f"JOIN {model._meta.db_table} t ON t.dataset_id = %s AND t.external_id = v.id",
            [values, dataset.pk],
        )
        found = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    keys[found[:, 0] - 1] = found[:, 1]
    return Keys(values, keys)


def enroll(
    model: type[Item] | type[Annotator], dataset: Dataset, known: Keys, which: NDArray[np.intp]
) -> Keys:
    """Give numbers to unknown ids and store them, sorted, in one COPY.

    The caller holds the data set's lock; otherwise two uploads would allot the same numbers.
    """
    if not len(which):
        return known
    newest = model.objects.filter(dataset=dataset).order_by("-id").values_list("id", flat=True)
    first = (newest[0] if newest else (dataset.pk << 32) - 1) + 1
    names = pa.array([known.values[i] for i in which], pa.string())
    order = pc.sort_indices(names).to_numpy()
    new = first + np.arange(len(which), dtype=np.int64)
    keys = known.keys.copy()
    keys[which[order]] = new
    copy_in(
        model._meta.db_table,
        [
            Column("id", "int8", new),
            Column("dataset_id", "int8", np.full(len(new), dataset.pk, np.int64)),
            Column("external_id", "text", names.take(pa.array(order))),
        ],
    )
    return Keys(known.values, keys)
