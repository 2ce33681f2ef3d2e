"""Files in: the whole upload path against a bare COPY of the same file, and against peers."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import psutil
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import override_settings

from annotations.models import Label
from bench import ingest_files as files
from bench.growth import draw, picture_option
from bench.ingest_files import CLASSES, VALUES
from bench.measuring import Cost, medians, show
from catalog import runs, services
from catalog.ingest import receiving
from catalog.ingest.store import work_off
from catalog.models import Attribute, Dataset, Question, Upload
from coverage.models import Population
from predictions.models import ModelVersion

BARE = "bare COPY into a text table"
FEW_ROWS = 1_000
BULK_ROWS = 50_000
TO_SQL_ROWS = 200_000
SUBJECTS = {"labels": "animal", "predictions": "model:1", "population": "people"}


def bare_copy(path: Path) -> None:
    """The limit: the same bytes into a text table without any key."""
    with path.open("rb") as file:
        names = file.readline().decode().strip().split(",")
        file.seek(0)
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS bench_raw")
            columns = ", ".join(f'"{name}" text' for name in names)
            cursor.execute(f"CREATE TABLE bench_raw ({columns})")
            cursor.copy_expert("COPY bench_raw FROM STDIN (FORMAT csv, HEADER)", file, 1 << 20)


def defined_dataset(kind: str) -> Dataset:
    """An empty data set for a first file of this kind."""
    dataset = fresh_dataset(f"bench-{kind}-{uuid4().hex[:12]}")
    if kind == "population":
        for name in files.PLACES:
            fields = {"name": name, "of": "item", "kind": "categorical"}
            services.define(dataset, Attribute, fields)
    return dataset


def fresh_dataset(slug: str) -> Dataset:
    """An empty data set with one question, a model and a population."""
    user, _ = get_user_model().objects.get_or_create(username="bench")
    dataset = services.create_dataset(user, {"slug": slug, "name": slug})
    fields = {"name": "animal", "scale": "nominal", "values": VALUES}
    services.define(dataset, Question, fields)
    question = services.define(
        dataset, Question, {"name": "kind", "scale": "nominal", "values": CLASSES}
    )
    services.define(
        dataset, ModelVersion, {"name": "model", "question": question, "classes": CLASSES}
    )
    services.define(dataset, Population, {"name": "people", "of": "item", "source": "bench"})
    return dataset


def upload(dataset: Dataset, path: Path, kind: str = "labels") -> Upload:
    """What web and worker do with a file, without HTTP and without the runs after it."""
    with path.open("rb") as body:
        sha256 = receiving.keep(body, path.stat().st_size, {})
    row = Upload(
        dataset=dataset,
        kind=kind,
        subject=SUBJECTS.get(kind, ""),
        options={"format": "csv", "compression": None},
        size=path.stat().st_size,
        sha256=sha256,
        uploaded_by=dataset.created_by,
    )
    row = receiving.record(row)
    claimed = runs.claim(str(row.runs.get().pk))
    if claimed is None:
        raise RuntimeError("The bench's own run was taken by a worker; stop it.")
    work_off(claimed, lambda: False)
    row.refresh_from_db()
    if row.state != "stored":
        raise RuntimeError(f"The bench's file was not stored: {row.problems[:1]}")
    return row


def bulk_create(path: Path, n_rows: int) -> None:
    """A peer: Django objects in batches, without a check, into a table with the same columns."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_bulk")
        cursor.execute(
            "CREATE TABLE bench_bulk (LIKE annotations_label, "
            "PRIMARY KEY (question_id, item_id, annotator_id, round))"
        )
    with path.open() as lines:
        next(lines)
        rows = [line.rstrip().split(",") for line in islice(lines, n_rows)]
    upload_id = uuid4()
    objects = [
        Label(
            question_id=1,
            item_id=int(item.rsplit("-", 1)[1]),
            annotator_id=int(annotator.rsplit("-", 1)[1]),
            round=1,
            status=0,
            code=VALUES.index(label),
            labelled_at=datetime.fromisoformat(stamp),
            upload_id=upload_id,
        )
        for item, annotator, label, stamp in rows
    ]
    table, Label._meta.db_table = Label._meta.db_table, "bench_bulk"
    try:
        with transaction.atomic():
            Label.objects.bulk_create(objects, batch_size=1000)
    finally:
        Label._meta.db_table = table


def to_sql(path: Path, n_rows: int) -> None:
    """A peer: pandas into a table of text, without a check and without a key."""
    from sqlalchemy import create_engine, pool  # noqa: PLC0415  a peer, installed or not

    engine = create_engine(
        "postgresql+psycopg2://",
        creator=lambda: connection.get_new_connection(connection.get_connection_params()),
        poolclass=pool.NullPool,
    )
    frame = pd.read_csv(path, nrows=n_rows, dtype=str)
    frame.to_sql("bench_pandas", engine, if_exists="replace", index=False)


def main(arguments: list[str]) -> None:
    """``python -m bench ingest --rows 1000000 --runs 5``."""
    parser = argparse.ArgumentParser(prog="bench ingest")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--other-rows", type=int, default=0, help="items and predictions as well")
    parser.add_argument("--memory-of", type=Path, help="store this file once; print the memory")
    parser.add_argument("--kind", default="labels", help="what the file of --memory-of holds")
    picture_option(parser)
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    changed = {"UPLOAD_DIR": folder / "uploads", "CELERY_TASK_ALWAYS_EAGER": False}
    changed |= {"MIN_FREE_BYTES": 0, "MAX_UPLOAD_BYTES": 4 << 30}
    try:
        with override_settings(**changed):
            if asked.memory_of:
                _tell_memory(asked.memory_of, asked.kind)
                return
            found = {n: _labels(folder, n, asked.runs) for n in sorted(asked.rows)}
            if asked.other_rows:
                _others(folder, asked.other_rows, asked.runs)
    finally:
        shutil.rmtree(folder)
    curves = {
        name: [(n, costs[name].cpu) for n, costs in found.items()]
        for name in next(iter(found.values()))
        if all(name in costs for costs in found.values())
    }
    draw(
        asked.picture,
        curves,
        title="Labels in: CPU seconds by rows",
        x="rows of the file",
        command=["ingest", *sys.argv[2:]],
    )


def _labels(folder: Path, n_rows: int, n_runs: int) -> dict[str, Cost]:
    file = files.labels_csv(folder / "labels.csv", n_rows)
    other = files.labels_csv(folder / "other.csv", n_rows, seed=2)
    changed = files.labels_csv(folder / "changed.csv", n_rows, seed=3, changed=0.01)
    few = files.labels_csv(folder / "few.csv", FEW_ROWS, seed=4, changed=0.5)
    state: dict[str, Dataset] = {}

    def define() -> None:
        state["dataset"], state["empty"] = defined_dataset("labels"), defined_dataset("labels")

    steps: dict[str, Callable[[], Any]] = {
        BARE: lambda: bare_copy(file),
        "two data sets with their definitions": define,
        "first upload": lambda: upload(state["dataset"], file),
        "the same bytes again": lambda: upload(state["dataset"], file),
        "the same rows in another file": lambda: upload(state["dataset"], other),
        "1 % of the rows changed": lambda: upload(state["dataset"], changed),
        f"{FEW_ROWS:,} rows into a question that has these": lambda: upload(state["dataset"], few),
        f"{FEW_ROWS:,} rows into an empty question": lambda: upload(state["empty"], few),
    }
    if n_rows >= BULK_ROWS:
        steps[f"bulk_create of {BULK_ROWS:,} rows"] = lambda: bulk_create(file, BULK_ROWS)
    if n_rows >= TO_SQL_ROWS and importlib.util.find_spec("sqlalchemy"):
        steps[f"pandas.to_sql of {TO_SQL_ROWS:,} rows"] = lambda: to_sql(file, TO_SQL_ROWS)
    own, reader = memory_of(file)
    found = medians(steps, n_runs)
    show(f"{n_rows:,} labels with text ids", found, BARE)
    if not importlib.util.find_spec("sqlalchemy"):
        print("pandas.to_sql is left out: SQLAlchemy is not installed.")
    print(f"a worker that does this first has {own:.0f} MiB, its reader {reader:.0f} MiB")
    return found


def _others(folder: Path, n_rows: int, n_runs: int) -> None:
    """Items, predictions and population cells, each against the bare COPY of the same file."""
    made = {
        "items": files.items_csv(folder / "items.csv", n_rows),
        "predictions": files.predictions_csv(folder / "predictions.csv", n_rows),
        "population": files.population_csv(folder / "population.csv", min(n_rows, 100_000)),
    }

    def first(kind: str) -> None:
        upload(defined_dataset(kind), made[kind], kind)

    for kind, file in made.items():
        steps = {BARE: partial(bare_copy, file), "first upload": partial(first, kind)}
        found = medians(steps, n_runs)
        with file.open("rb") as lines:
            show(f"{sum(1 for _ in lines) - 1:,} rows of {kind}", found, BARE)
        own, reader = memory_of(file, kind)
        print(f"a worker has {own:.0f} MiB, its reader {reader:.0f} MiB")


def memory_of(file: Path, kind: str = "labels") -> tuple[float, float]:
    """MiB that a fresh process has at its peak when it stores this file, and its reader."""
    command = [sys.executable, "-m", "bench", "ingest", "--memory-of", str(file), "--kind", kind]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    own, reader = map(float, said.split()[-2:])
    return own, reader


def _tell_memory(file: Path, kind: str) -> None:
    """Store a file in this process, which did nothing else, and print what it took."""
    dataset, stored = defined_dataset(kind), threading.Event()
    own, readers = [0], [0]
    watch = threading.Thread(target=_watch, args=(own, readers, stored))
    watch.start()
    upload(dataset, file, kind)
    stored.set()
    watch.join()
    print(max(own) / 2**20, max(readers) / 2**20)


def _watch(own: list[int], readers: list[int], stored: threading.Event) -> None:
    """Look at what is held again and again: the peak that the system tells of a process counts
    what it was started from too."""
    me = psutil.Process()
    while not stored.wait(0.005):
        own.append(me.memory_info().rss)
        for process in me.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                readers.append(process.memory_info().rss)
