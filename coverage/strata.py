"""Items that weigh alike: with the same attribute values and the same design weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.copying import copy_out
from catalog.models import Attribute, Dataset, Item
from catalog.queries import NUMBER_MASK, item_subgroups
from coverage import queries

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Strata:
    """Groups of items, or annotators, to each of which one weight belongs.

    Parameters
    ----------
    values : list of dict, the attribute values of each
    design : (n_strata,) float64, the design weight of each of its items; NaN where not known
    n : (n_strata,) int64
    of_item : (n_items,) int64 or None
        The stratum of the item with each number; None where there are no design weights, so that
        strata are profiles.
    """

    values: list[dict[str, Any]]
    design: Floats
    n: NDArray[np.int64]
    of_item: NDArray[np.int64] | None = None

    @property
    def counted(self) -> queries.ProfileCounts:
        """Strata whose design weight is known, as combinations with their number of items."""
        return queries.ProfileCounts(self.values, np.where(self.is_known, self.n, 0).tolist())

    @property
    def is_known(self) -> NDArray[np.bool_]:
        return np.isfinite(self.design)


def strata_of(dataset: Dataset, of: str, counts: queries.ProfileCounts) -> Strata:
    """Profiles, split by design weight where the data set's items have one."""
    name = design_attribute(dataset)
    if name is None or of != Attribute.Of.ITEM:
        return Strata(counts.values, np.ones(len(counts.n)), np.array(counts.n, np.int64))
    items = item_subgroups(dataset, names=[])
    own = design_weights(dataset, name, items.n)
    known, place = np.unique(own, return_inverse=True)
    key = items.profile_of * len(known) + place.reshape(-1)
    met, of_item, n = np.unique(key, return_inverse=True, return_counts=True)
    profiles = [*items.profiles, {}]
    values = [profiles[at] for at in (met // len(known)).tolist()]
    return Strata(values, known[met % len(known)], n, of_item.reshape(-1))


def design_attribute(dataset: Dataset) -> str | None:
    """The attribute that says how many of its kind an item stands for."""
    found = dataset.attributes.filter(role=Attribute.Role.DESIGN_WEIGHT).first()
    return None if found is None else str(found.name)


def design_weights(dataset: Dataset, name: str, n_items: int) -> Floats:
    """By item number; NaN where an item has none."""
    rows = copy_out(
        f"SELECT id & {NUMBER_MASK}, (numbers->>%s)::float8 FROM {Item._meta.db_table} "  # noqa: S608
        "WHERE dataset_id = %s AND numbers->>%s IS NOT NULL",
        (name, dataset.pk, name),
        {"number": "int8", "weight": "float8"},
    )
    own = np.full(n_items, np.nan)
    own[rows["number"]] = rows["weight"]
    return own
