"""Profiles as a cube, populations as targets, and what the data set's attributes can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from catalog.models import Annotator, Attribute, Dataset, Item, Profile, ProfileCount, Question
from catalog.queries import item_subgroups, reference_codes
from coverage.banding import Banding
from coverage.models import Population, PopulationCell
from measures.coverage.cube import MISSING, Cube, count_profiles
from measures.coverage.cube import Attribute as Axis
from measures.coverage.target import Target, target_from_cells

Values = dict[str, list[str]]
Coded = tuple[list[str], NDArray[np.int64]]

_KEPT, _PROFILES = ProfileCount._meta.db_table, Profile._meta.db_table
_ANNOTATORS = Annotator._meta.db_table


@dataclass(frozen=True)
class ProfileCounts:
    """How many items, or annotators, have each combination of attribute values that occurs."""

    values: list[dict[str, Any]]
    n: list[int]
    _coded: dict[str, Coded] = field(default_factory=dict, repr=False, compare=False)

    def coded(self, name: str) -> Coded:
        """The values of an attribute that occur, and which of them each combination has."""
        if name not in self._coded:
            met: dict[str, int] = {}
            codes = [
                met.setdefault(str(values[name]), len(met)) if name in values else MISSING
                for values in self.values
            ]
            self._coded[name] = list(met), np.array(codes, np.int64)
        return self._coded[name]


def count_of_profiles(dataset: Dataset, of: str) -> ProfileCounts:
    """Items as they were counted when they were stored; annotators, who are few, counted now."""
    rows = f"profile_id AS profile, n, 0 AS differs FROM {_KEPT} WHERE n > 0 AND"
    if of == Attribute.Of.ANNOTATOR:
        rows = f"profile_id AS profile, 1 AS n, 0 AS differs FROM {_ANNOTATORS} WHERE"
    return _with_values(f"SELECT {rows} dataset_id = %s", dataset)[0]


def count_of_groups(dataset: Dataset) -> tuple[ProfileCounts, int]:
    """Groups by the profile of their first item, and how many have items of other profiles.

    Items without a group are groups of their own.
    """
    return _with_values(
        "SELECT DISTINCT ON (place) profile, 1 AS n, (lowest <> highest)::int AS differs "  # noqa: S608
        "FROM (SELECT id, coalesce(profile_id, -1) AS profile, "
        "dense_rank() OVER whole AS place, min(coalesce(profile_id, -1)) OVER own AS lowest, "
        "max(coalesce(profile_id, -1)) OVER own AS highest "
        f"FROM {Item._meta.db_table} WHERE dataset_id = %s "
        'WINDOW whole AS (ORDER BY "group", CASE WHEN "group" IS NULL THEN id END), '
        'own AS (PARTITION BY "group", CASE WHEN "group" IS NULL THEN id END)) AS items '
        "ORDER BY place, id",
        dataset,
    )


def _with_values(rows: str, dataset: Dataset) -> tuple[ProfileCounts, int]:
    """Rows of (profile, n, differs) summed by profile, with its values; and the sum of differs.

    Handed over as JSON, some thousand profiles at a time: profile by profile, thousands of them
    cost three times as much.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT json_agg(coalesce(p.values, '{}') ORDER BY profile), "  # noqa: S608
            "array_agg(n ORDER BY profile), sum(differs)::int8 FROM "
            "(SELECT profile, sum(n)::int8 AS n, sum(differs) AS differs "
            f"FROM ({rows}) AS rows GROUP BY 1) AS counted "
            f"LEFT JOIN {_PROFILES} AS p ON p.id = profile "
            "GROUP BY profile / 4096 ORDER BY profile / 4096",
            [dataset.pk],
        )
        parts = cursor.fetchall()
    counts = ProfileCounts(
        [values for part, _, _ in parts for values in part],
        [n for _, part, _ in parts for n in part],
    )
    return counts, sum(differs for _, _, differs in parts)


def counts_with_label(question: Question) -> tuple[ProfileCounts, str]:
    """Labelled items by profile and label, the label as one more value; and its name there."""
    labelled = labelled_profiles(question)
    name = f"label {question.name}"
    rows = [
        ({**profile, name: label}, int(labelled.n[at, code]))
        for at, profile in enumerate(labelled.values)
        for code, label in enumerate(labelled.labels)
        if labelled.n[at, code]
    ]
    return ProfileCounts([values for values, _ in rows], [n for _, n in rows]), name


@dataclass(frozen=True)
class LabelledProfiles:
    """How many items of each combination of attribute values have each reference label.

    Parameters
    ----------
    values : list of dict
        The combinations; the last one stands for items without any known value.
    n : ndarray of int, shape (n_combinations, n_labels)
    labels : list of str
    """

    values: list[dict[str, Any]]
    n: NDArray[np.int64]
    labels: list[str]


def labelled_profiles(question: Question) -> LabelledProfiles:
    """Items that have a reference label, by profile and label."""
    subgroups = item_subgroups(question.dataset, names=[])
    numbers, codes = reference_codes(question)
    labels = [str(value) for value in question.values]
    known = (codes >= 0) & (codes < len(labels))
    k = max(len(labels), 1)
    key = subgroups.profile_of[numbers[known]] * k + codes[known]
    rows = len(subgroups.profiles) + 1
    n = np.bincount(key, minlength=rows * k).reshape(rows, k)
    return LabelledProfiles([*subgroups.profiles, {}], n[:, : len(labels)], labels)


def labelled_questions(dataset: Dataset) -> list[Question]:
    """Questions whose reference labels are one value out of a list, by name."""
    scales = (Question.Scale.NOMINAL, Question.Scale.ORDINAL)
    asked = dataset.questions.filter(scale__in=scales, reference_labels__isnull=False)
    return list(asked.distinct().order_by("name"))


def attributes_of(dataset: Dataset, of: str) -> dict[str, Attribute]:
    """The data set's attributes of items, or of annotators, by name."""
    return {a.name: a for a in dataset.attributes.filter(of=of).order_by("name")}


def values_met(counts: ProfileCounts, names: Iterable[str]) -> Values:
    """The values of each attribute that occur, sorted."""
    return {name: sorted(counts.coded(name)[0]) for name in names}


def domains_of(attributes: dict[str, Attribute], counts: ProfileCounts) -> Values:
    """Each attribute's declared values, then those that occur without being declared."""
    met = values_met(counts, attributes)
    domains = {}
    for name, attribute in attributes.items():
        declared = [str(value) for value in attribute.domain]
        known = set(declared)
        domains[name] = declared + [value for value in met[name] if value not in known]
    return domains


def cube_of(counts: ProfileCounts, domains: Values) -> Cube:
    """Joint counts over the given attributes and values; other values count as missing."""
    axes = [Axis(name, tuple(values)) for name, values in domains.items()]
    columns = []
    for axis in axes:
        met, codes = counts.coded(axis.name)
        place = {value: i for i, value in enumerate(axis.values)}
        # The last one is for those that have no value: their code is -1.
        columns.append(np.array([*(place.get(v, MISSING) for v in met), MISSING])[codes])
    codes = np.array(columns, np.int64).reshape(len(axes), len(counts.n)).T
    return count_profiles(axes, codes, counts.n)


@dataclass(frozen=True)
class PlacedTarget:
    """A population in the values of the data set.

    Parameters
    ----------
    target : Target
    weight_missing : float
        Weight of cells with a missing code, which the target's shares leave out.
    unplaced : dict of str to list of str
        Values of numeric attributes that no band of the data set takes in whole.
    placed : list of dict
        Values that the data set knows by another name: attribute, value, and that name.
    """

    target: Target
    weight_missing: float
    unplaced: Values
    placed: list[dict[str, str]]


def target_of(population: Population, *, assume_no_interaction: bool) -> PlacedTarget:
    """The population's cells, summed over the data set's bands.

    Raises
    ------
    ValueError
        Where the cells contradict each other or have no weight.
    """
    known = attributes_of(population.dataset, population.of)
    bandings = {
        name: Banding(known[name], population.mapping.get(name))
        for name in population.attributes
        if name in known
    }
    cells: dict[tuple[tuple[str, str], ...], float] = {}
    unplaced: dict[str, set[str]] = {}
    moved: dict[tuple[str, str], str] = {}
    weight_missing = 0.0
    rows = PopulationCell.objects.filter(population=population).order_by("pk")
    for values, weight in rows.values_list("values", "weight"):
        named = [(name, str(values[name])) for name in population.attributes if name in values]
        if any(name in bandings and value in bandings[name].missing for name, value in named):
            weight_missing += weight
            continue
        placed = [(name, _placed(bandings, name, value, unplaced)) for name, value in named]
        cells[tuple(placed)] = cells.get(tuple(placed), 0.0) + weight
        moved.update(
            {one: there for one, (_, there) in zip(named, placed, strict=True) if one[1] != there}
        )
    target = target_from_cells(
        [(dict(cell), weight) for cell, weight in cells.items()],
        assume_no_interaction=assume_no_interaction,
    )
    return PlacedTarget(
        target,
        weight_missing,
        {k: sorted(v) for k, v in unplaced.items()},
        [{"attribute": n, "value": v, "placed": there} for (n, v), there in sorted(moved.items())],
    )


def _placed(
    bandings: dict[str, Banding], name: str, value: str, unplaced: dict[str, set[str]]
) -> str:
    place = bandings[name].place(value) if name in bandings else value
    if place is None:
        unplaced.setdefault(name, set()).add(value)
    return value if place is None else place
