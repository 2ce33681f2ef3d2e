"""Coverage: counting against one GROUP BY, uncovered patterns and plans against the clock."""

from __future__ import annotations

import argparse
import gzip
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from bench.coverage_bands import place_anew
from bench.coverage_divergence import compare
from bench.coverage_growth import binary_rows, draw_growth
from bench.growth import picture_option
from bench.measuring import medians, show
from catalog import services
from catalog.ingest.copying import copy_out
from catalog.models import Dataset, Item, Profile
from catalog.runs import digest_of
from coverage import queries
from measures.coverage.cells import Rules
from measures.coverage.collection import collection_plan
from measures.coverage.cube import Attribute, Cube, count_items, count_profiles
from measures.coverage.patterns import uncovered_cells, uncovered_patterns
from measures.coverage.representation import representation
from measures.coverage.target import target_from_cells
from measures.coverage.thresholds import count_threshold

SIZES = (2, 9, 5, 4, 3, 3, 2, 6)
N_PROFILES = 5000
BLUENILE = (10, 7, 4, 8, 3, 3, 5)
JAVA = {1: 1.54, 11: 1.89, 116: 0.88, 1162: 0.38}
"""Seconds of the fastest published Java algorithm but Pattern-Combiner, on two loaded cores."""
JAVA_BINARY = {15: 95.4, 35: 307.0}


def main(arguments: list[str]) -> None:
    """``python -m bench coverage --items 10000000 --runs 3``."""
    parser = argparse.ArgumentParser(prog="bench coverage")
    parser.add_argument("--items", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bluenile", type=Path, help="counts of the data set, gzipped CSV")
    parser.add_argument("--divergence", type=int, default=0, help="rows to compare with peers on")
    parser.add_argument("--bands", type=int, default=0, help="items to place into other bands")
    picture_option(parser)
    asked = parser.parse_args(arguments)
    if asked.items:
        _counting(asked.items, asked.runs)
    if asked.bands:
        place_anew(asked.bands, asked.runs)
    diamonds = _bluenile(asked.bluenile) if asked.bluenile else None
    _binary(15, None)
    _plan()
    _binary(35, 4)
    if asked.divergence:
        compare(asked.divergence)
    if asked.picture:
        named = [asked.bluenile.name if one == str(asked.bluenile) else one for one in arguments]
        draw_growth(asked.picture, diamonds, ["coverage", *named])


def _counting(n_items: int, n_runs: int) -> None:
    dataset = filled_dataset(n_items)
    state: dict[str, Any] = {}

    def group_by() -> None:
        copy_out(
            f"SELECT coalesce(profile_id, -1), count(*) FROM {Item._meta.db_table} "
            "WHERE dataset_id = %s GROUP BY 1",
            (dataset.pk,),
            {"profile": "int8", "n": "int8"},
        )

    def joint() -> None:
        counts = queries.count_of_profiles(dataset, "item")
        domains = {f"a{j}": [f"v{v}" for v in range(size)] for j, size in enumerate(SIZES)}
        state["cube"] = queries.cube_of(counts, domains)

    def point_1() -> None:
        cube: Cube = state["cube"]
        cells = [
            ({a.name: value}, 1.0 + at)
            for a in cube.attributes
            for at, value in enumerate(a.values)
        ]
        target = target_from_cells(cells)
        found = representation(cube, target, rng=np.random.default_rng(1), rules=Rules())
        found.as_dict()
        state["n_cells"] = sum(family.counts.size for family in found.families)

    steps = {"one GROUP BY": group_by, "joint distribution": joint, "all to three": point_1}
    found = medians(steps, n_runs)
    show(f"{n_items:,} items x {len(SIZES)} attributes", found, "one GROUP BY")
    first = sum(found[name].cpu for name in ("one GROUP BY", "all to three"))
    moves = {
        "1 % of the items get another profile": lambda: _move(dataset, n_items, counted=True),
        "the same, uncounted": lambda: _move(dataset, n_items, counted=False),
    }
    moved = medians(moves, 2 * n_runs + 1)
    show("What counting adds to an upload", moved, "the same, uncounted")
    with_, without = (cost.cpu for cost in moved.values())
    again = sum(found[name].cpu for name in ("joint distribution", "all to three"))
    again += with_ - without
    print(
        f"counting, joint distribution and all to three after 1 % changed: {again:.2f} CPU s, "
        f"{again / first:.1%} of {first:.2f} by GROUP BY"
    )
    print(f"peak memory of this process so far {_peak()} MiB")
    print(f"{state['n_cells']:,} cells of up to three attributes, with interval, test and status")
    dataset.delete()


def _move(dataset: Dataset, n_items: int, *, counted: bool) -> None:
    """Give one item in a hundred another profile, as an upload does, and take it back."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not counted:
            cursor.execute(f"ALTER TABLE {Item._meta.db_table} DISABLE TRIGGER USER")
        cursor.execute(
            f"UPDATE {Item._meta.db_table} SET profile_id = profile_id + 1 "
            "WHERE id BETWEEN %s AND %s",
            [dataset.pk << 32, (dataset.pk << 32) + n_items // 100 - 1],
        )
        transaction.set_rollback(True)


def filled_dataset(n_items: int) -> Dataset:
    """Items over a few thousand profiles, some far more frequent than others."""
    user, _ = get_user_model().objects.get_or_create(username="bench")
    Dataset.objects.filter(slug="bench-coverage").delete()
    dataset = services.create_dataset(user, {"slug": "bench-coverage", "name": "bench"})
    rng = np.random.default_rng(0)
    codes = np.unique(rng.integers(0, SIZES, (N_PROFILES, len(SIZES))), axis=0)
    values = [{f"a{j}": f"v{v}" for j, v in enumerate(row)} for row in codes.tolist()]
    Profile.objects.bulk_create(
        [Profile(dataset=dataset, of="item", values=v, digest=digest_of(v)) for v in values],
        batch_size=1000,
    )
    first = Profile.objects.filter(dataset=dataset).order_by("pk").values_list("pk", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Item._meta.db_table} (id, dataset_id, external_id, profile_id) "
            "SELECT %s + i, %s, lpad(i::text, 8, '0'), %s + floor(random() * random() * %s)::int "
            "FROM generate_series(0, %s) AS i",
            (dataset.pk << 32, dataset.pk, first, len(values), n_items - 1),
        )
        cursor.execute(f"VACUUM ANALYZE {Item._meta.db_table}")
    return dataset


def _bluenile(path: Path) -> Cube:
    with gzip.open(path, "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    axes = [Attribute(f"a{j}", tuple(map(str, range(k)))) for j, k in enumerate(BLUENILE)]
    cube = count_profiles(axes, rows[:, :-1], rows[:, -1])
    print(f"\nBlueNile, {cube.n_items:,} rows x {len(axes)}: uncovered patterns")
    for n, java in JAVA.items():
        found, seconds = _timed(partial(uncovered_patterns, cube, count_threshold(n)))
        print(f"threshold {n:5}: {len(found.n):6,} patterns {seconds}, Java {java} s")
    return cube


def _binary(d: int, max_level: int | None) -> None:
    """Binary rows, counted and searched, with the memory that took."""
    columns = binary_rows(1_000_000, d)
    axes = [Attribute(f"a{j}", ("0", "1")) for j in range(d)]
    cube, counting = _timed(lambda: count_items(axes, columns))
    search = _timed(lambda: uncovered_patterns(cube, count_threshold(1000), max_level=max_level))
    found, seconds = search
    print(
        f"\n1,000,000 rows x {d} binary to level {max_level or d}: {len(found.n):,} patterns; "
        f"counting {counting}, search {seconds}, Java {JAVA_BINARY[d]:.0f} s; "
        f"peak memory of this process so far {_peak()} MiB"
    )


def _plan() -> None:
    """Plans to level 3 over 15 attributes."""
    rng = np.random.default_rng(5)
    columns = [(rng.random(20_000) < 0.02 + 0.3 * rng.random()).astype(np.int8) for _ in range(15)]
    cube = count_items([Attribute(f"a{j}", ("0", "1")) for j in range(15)], columns)
    lacking, before = _timed(lambda: uncovered_cells(cube, count_threshold(30), max_level=3))
    plan, seconds = _timed(lambda: collection_plan(lacking, seconds=8.0))
    print(
        f"\n15 binary attributes, level 3: {plan.n_targets:,} subgroups lack items, found in "
        f"{before}; plan of {plan.n_items:,} (none below {plan.lower_bound}) in {seconds}"
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _timed(step: Callable[[], Any]) -> tuple[Any, str]:
    """What a step found, and its seconds on the wall and of CPU: others may share the cores."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return found, f"{wall:.2f} s ({cpu:.2f} of CPU)"
