"""What a step costs: CPU of this process, its children and the database, wall time, memory."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil
from django.db import connection


@dataclass(frozen=True)
class Cost:
    """Seconds and mebibytes that one run of a step took."""

    wall: float
    own: float
    database: float
    peak: float

    @property
    def cpu(self) -> float:
        return self.own + self.database


def _own() -> float:
    """CPU of this process and of its children that have ended."""
    return sum(
        resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def _waiting() -> float:
    """CPU of its children that wait for more to do, and of theirs."""
    return sum(sum(process.cpu_times()[:4]) for process in psutil.Process().children())


def _database() -> float:
    """CPU of every process of our PostgreSQL, those that have ended included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    server = backend.parent()
    if server is None:
        return 0.0
    times = server.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for process in server.children():
        try:
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return float(total)


def measure(step: Callable[[], Any]) -> Cost:
    """Run a step once and say what it cost; peak memory is that of the largest process so far."""
    # What the step before left behind is not this one's to look through.
    gc.collect()
    # Asking costs milliseconds of our own, which are not the step's.
    database, waiting = _database(), _waiting()
    own, wall = _own(), time.perf_counter()
    step()
    own, wall = _own() - own, time.perf_counter() - wall
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    own += _waiting() - waiting
    return Cost(wall, own, _database() - database, peak / 1024)


def medians(steps: Mapping[str, Callable[[], Any]], runs: int) -> dict[str, Cost]:
    """Run the steps in turn, ``runs`` times each, and take the median of each figure."""
    costs: dict[str, list[Cost]] = {name: [] for name in steps}
    for _ in range(runs):
        for name, step in steps.items():
            costs[name].append(measure(step))
    return {
        name: Cost(
            wall=statistics.median(cost.wall for cost in found),
            own=statistics.median(cost.own for cost in found),
            database=statistics.median(cost.database for cost in found),
            peak=max(cost.peak for cost in found),
        )
        for name, found in costs.items()
    }


def show(title: str, found: dict[str, Cost], base: str) -> None:
    """Print a table, each row's CPU as a ratio to the row named ``base``."""
    load = os.getloadavg()[0]
    print(f"\n{title} (load {load:.1f}, {os.cpu_count()} cores)")
    print(f"{'':44} {'cpu s':>8} {'ratio':>7} {'own':>7} {'db':>7} {'wall':>7} {'MiB':>7}")
    for name, cost in found.items():
        print(
            f"{name:44} {cost.cpu:8.2f} {cost.cpu / found[base].cpu:7.2f} {cost.own:7.2f} "
            f"{cost.database:7.2f} {cost.wall:7.2f} {cost.peak:7.0f}"
        )
