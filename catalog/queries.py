"""Rows of the catalog as others need them: newest results, attributes, reference labels."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from django.db.models import Max, QuerySet

from catalog.ingest.copying import copy_out
from catalog.models import Attribute, Dataset, Item, Profile, Question, ReferenceLabel, Run

NUMBER_MASK = 0xFFFFFFFF


def newest_result(dataset: Dataset, kind: str, subject: str) -> Run | None:
    """The newest finished run of that kind about that subject."""
    return (
        Run.objects.filter(dataset=dataset, kind=kind, subject=subject, state=Run.State.SUCCEEDED)
        .order_by("-version", "-finished_at")
        .first()
    )


def is_out_of_date(run: Run) -> bool:
    """Whether the result was asked for again, on a later version of the data set.

    Every upload and changed definition asks again for what it affects; that the data set has a
    later version says less, since predictions do not touch agreement.
    """
    return Run.objects.filter(
        dataset=run.dataset_id, kind=run.kind, subject=run.subject, version__gt=run.version
    ).exists()


def unfinished_run(dataset: Dataset, kind: str, subject: str) -> Run | None:
    """The newest run of that kind about that subject that has not ended, or an upload's run."""
    waiting: QuerySet[Run] = Run.objects.filter(
        dataset=dataset, state__in=[Run.State.WAITING, Run.State.RUNNING]
    )
    own = waiting.filter(kind=kind, subject=subject).first()
    return own or waiting.filter(kind="upload").first()


class Subgroups:
    """Attribute values of numbered things (items or annotators) as small integers.

    ``codes[name][number]`` is the position in ``values[name]`` of the thing with that number,
    or -1 where the value is unknown.
    """

    def __init__(self, dataset: Dataset, of: str, table: str, *, names: list[str] | None = None):
        attributes = dataset.attributes.filter(of=of).order_by("name")
        if names is not None:
            attributes = attributes.filter(name__in=names)
        self.attributes: dict[str, Attribute] = {a.name: a for a in attributes}
        self.values = {name: [str(v) for v in a.domain] for name, a in self.attributes.items()}
        self._source = (dataset, of, table)

    @cached_property
    def _placed(self) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Read when first asked for: a row a thing is much where there is no attribute."""
        dataset, of, table = self._source
        rows = copy_out(
            f"SELECT id & {NUMBER_MASK}, coalesce(profile_id, -1) FROM {table} "  # noqa: S608
            "WHERE dataset_id = %s",
            (dataset.pk,),
            {"number": "int8", "profile": "int8"},
        )
        size = int(rows["number"].max()) + 1 if len(rows["number"]) else 0
        profiles = list(
            Profile.objects.filter(dataset=dataset, of=of)
            .order_by("pk")
            .values_list("pk", "values")
        )
        ids = np.array([pk for pk, _ in profiles], np.int64)
        position = np.full(size, len(profiles), np.int64)
        known = rows["profile"] >= 0
        position[rows["number"][known]] = np.searchsorted(ids, rows["profile"][known])
        return position, [values for _, values in profiles]

    @property
    def n(self) -> int:
        """One more than the largest number."""
        return len(self.profile_of)

    @property
    def profile_of(self) -> np.ndarray:
        """Position of each thing's profile among the profiles; their number where it has none."""
        return self._placed[0]

    @property
    def profiles(self) -> list[dict[str, Any]]:
        """The combinations of attribute values that occur."""
        return self._placed[1]

    @cached_property
    def codes(self) -> dict[str, np.ndarray]:
        """The code of each thing, by attribute."""
        return {name: self._codes(name)[self.profile_of] for name in self.attributes}

    def _codes(self, name: str) -> np.ndarray:
        """The code of each profile, and -1 for things without a profile at the end."""
        place = {value: i for i, value in enumerate(self.values[name])}
        codes = [place.get(str(p[name]), -1) if name in p else -1 for p in self.profiles]
        return np.array([*codes, -1], np.int64)


def item_subgroups(dataset: Dataset, names: list[str] | None = None) -> Subgroups:
    """Attribute values of the data set's items."""
    return Subgroups(dataset, Attribute.Of.ITEM, Item._meta.db_table, names=names)


def reference_codes(question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Item numbers and the code that is taken as correct, ordered by number.

    Gold before adjudicated before consensus, where an item has several; ties have none.
    """
    rows = copy_out(
        f"SELECT DISTINCT ON (item_id) item_id & {NUMBER_MASK}, code "  # noqa: S608
        f"FROM {ReferenceLabel._meta.db_table} "
        "WHERE question_id = %s AND code IS NOT NULL AND NOT tie ORDER BY item_id, "
        "CASE source WHEN 'gold' THEN 0 WHEN 'adjudicated' THEN 1 ELSE 2 END",
        (question.pk,),
        {"number": "int8", "code": "int4"},
    )
    return rows["number"], rows["code"]


def own_keys(dataset_id: int) -> tuple[int, int]:
    """The first and the last key that a thing of the data set can have.

    The newest of them is found at once by this range; by ``dataset_id`` alone, the database may
    walk through the keys of all other data sets first.
    """
    start = dataset_id << 32
    return start, start + NUMBER_MASK


def item_names(dataset_id: int, numbers: Iterable[int]) -> dict[int, str]:
    """External ids of items by number."""
    keys = [dataset_id << 32 | number for number in numbers]
    rows = Item.objects.filter(dataset=dataset_id, pk__in=keys).values_list("pk", "external_id")
    return {pk & NUMBER_MASK: name for pk, name in rows}


def n_numbers(dataset: Dataset) -> int:
    """How many item numbers were given: one more than the highest; withdrawn items leave gaps."""
    newest = Item.objects.filter(dataset=dataset).aggregate(newest=Max("id"))["newest"]
    return 0 if newest is None else (newest & NUMBER_MASK) + 1


def group_codes(dataset: Dataset) -> np.ndarray:
    """For each item number the code of its group; items without a group are one of their own."""
    rows = copy_out(
        f'SELECT id & {NUMBER_MASK}, coalesce(dense_rank() OVER (ORDER BY "group"), 0) '  # noqa: S608
        f'FROM {Item._meta.db_table} WHERE dataset_id = %s AND "group" IS NOT NULL',
        (dataset.pk,),
        {"number": "int8", "code": "int8"},
    )
    total = n_numbers(dataset)
    codes = -1 - np.arange(total, dtype=np.int64)
    codes[rows["number"]] = rows["code"]
    return codes
