"""Profiles: each distinct combination of attribute values, stored once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.coding import Coded
from catalog.ingest.combinations import combinations
from catalog.ingest.incoming import Incoming
from catalog.models import Attribute, Dataset, Profile
from catalog.runs import digest_of


def profiles_of(
    incoming: Incoming, of: Attribute.Of, old: NDArray[np.int64], attributes: list[Coded]
) -> NDArray[np.int64]:
    """The profile of each row: its old one, with the file's attributes put over it."""
    rows = incoming.rows
    columns = [old, *(a.codes[rows] for a in attributes)]
    first, inverse = combinations(columns)
    before = dict(
        Profile.objects.filter(pk__in=np.unique(old[old >= 0]).tolist()).values_list("pk", "values")
    )
    wanted: list[dict[str, Any]] = []
    for combination in zip(*(column[first].tolist() for column in columns), strict=True):
        values = dict(before.get(combination[0], {}))
        for attribute, code in zip(attributes, combination[1:], strict=True):
            values.pop(attribute.name, None)
            if code >= 0:
                values[attribute.name] = attribute.values[code]
        wanted.append(values)
    ids = profile_ids(incoming.dataset, of, wanted)
    return ids[inverse]


def profile_ids(
    dataset: Dataset, of: Attribute.Of, wanted: list[dict[str, Any]]
) -> NDArray[np.int64]:
    """The profile of each combination of values; those that are new are stored."""
    digests = [digest_of(values) for values in wanted]
    Profile.objects.bulk_create(
        [
            Profile(dataset=dataset, of=of, values=values, digest=digest)
            for digest, values in dict(zip(digests, wanted, strict=True)).items()
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    found = dict(Profile.objects.filter(dataset=dataset, of=of).values_list("digest", "pk"))
    return np.array([found[d] for d in digests], np.int64)
