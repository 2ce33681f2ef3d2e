"""What each version changed, so that what was computed of an earlier one stays good for the rest.

Who stores rows records the items that they belong to, and the version says of what kind it is, in
the transaction that makes it. A version that nobody described (a changed definition) may have
changed anything: then nothing of an earlier version is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from catalog.models import Dataset, VersionChange

_KIND = np.dtype("<i8")


@dataclass(frozen=True)
class Changes:
    """What happened after a version.

    Parameters
    ----------
    version : int, the newest version of the data set
    items : int64 array, numbers of the subject's items that changed, ascending
    kinds : frozenset of str, kinds of the uploads
    """

    version: int
    items: NDArray[np.int64]
    kinds: frozenset[str]


def record_items(dataset_id: int, of: str, subject_id: int, items: NDArray[np.int64]) -> None:
    """Say which items the version that is being made changes; under the data set's lock."""
    next_version = Dataset.objects.values_list(F("version") + 1, flat=True).get(pk=dataset_id)
    place = {"dataset_id": dataset_id, "of": of, "subject_id": subject_id, "version": next_version}
    earlier = VersionChange.objects.filter(**place).values_list("items", flat=True).first()
    if earlier is not None:
        items = np.union1d(np.frombuffer(earlier, _KIND), items)
    body = np.unique(items).astype(_KIND).tobytes()
    VersionChange.objects.update_or_create(**place, defaults={"items": body})


def record_version(dataset: Dataset, kind: str) -> None:
    """Say that the version just made changed rows of this kind, and what was recorded for it."""
    VersionChange.objects.create(dataset=dataset, version=dataset.version, of=kind)


def changes_between(
    dataset_id: int, versions: tuple[int, int], of: str, subject_id: int
) -> Changes | None:
    """What the versions after the first changed up to the second, which is the newest.

    ``None`` where one of them does not say.
    """
    version, now = versions
    rows = VersionChange.objects.filter(
        dataset_id=dataset_id, version__gt=version, version__lte=now
    ).values_list("of", "subject_id", "items")
    kinds = [kind for kind, subject, _ in rows if not subject]
    if len(kinds) != now - version:
        return None
    bodies = [
        np.frombuffer(body, _KIND) for kind, to, body in rows if (kind, to) == (of, subject_id)
    ]
    items = np.unique(np.concatenate(bodies)) if bodies else np.zeros(0, np.int64)
    return Changes(now, items.astype(np.int64), frozenset(kinds))


def forget(dataset_id: int, version: int) -> None:
    """Remove what was recorded up to a version that nothing reaches back to any more."""
    VersionChange.objects.filter(dataset_id=dataset_id, version__lte=version).delete()
