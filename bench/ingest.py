"""Labels in: the whole upload path against a bare COPY of the same file."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import override_settings

from annotations.models import Label
from bench.measuring import medians, show
from catalog import kinds, runs, services
from catalog.ingest import receiving
from catalog.ingest.store import work_off
from catalog.models import Dataset, Question, Upload

PEER_ROWS = 50_000
VALUES = ["ant", "bee", "cat", "dog", "eel"]


def labels_csv(path: Path, n_rows: int, *, seed: int = 1, changed: float = 0.0) -> Path:
    """A long file of five labels an item by 500 annotators, in random order of rows."""
    rng = np.random.default_rng(seed)
    n_items = max(1, n_rows // 5)
    item = np.repeat(np.arange(n_items), 5)[:n_rows]
    annotator = (item * 7 + np.tile(np.arange(5), n_items)[:n_rows] * 101) % 500
    value = np.random.default_rng(0).integers(0, len(VALUES), n_rows)
    flip = rng.random(n_rows) < changed
    value[flip] = (value[flip] + 1) % len(VALUES)
    order = rng.permutation(n_rows)
    with path.open("w") as out:
        out.write("item,annotator,label,labelled_at\n")
        for i, a, v, k in zip(
            item[order].tolist(),
            annotator[order].tolist(),
            value[order].tolist(),
            (order % 86400).tolist(),
            strict=True,
        ):
            stamp = f"2026-01-01T{k // 3600:02}:{k // 60 % 60:02}:{k % 60:02}Z"
            out.write(f"image-{i:08},annotator-{a:04},{VALUES[v]},{stamp}\n")
    return path


def bare_copy(path: Path) -> None:
    """The limit: the same bytes into a text table without any key."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_raw")
        cursor.execute("CREATE TABLE bench_raw (a text, b text, c text, d text)")
        with path.open("rb") as file:
            cursor.copy_expert("COPY bench_raw FROM STDIN (FORMAT csv, HEADER)", file, 1 << 20)


def fresh_dataset(slug: str) -> Dataset:
    """An empty data set with one question."""
    user, _ = get_user_model().objects.get_or_create(username="bench")
    dataset = services.create_dataset(user, {"slug": slug, "name": slug})
    fields = {"name": "animal", "scale": "nominal", "values": VALUES}
    services.define(dataset, Question, fields)
    return dataset


def upload(dataset: Dataset, path: Path) -> Upload:
    """What web and worker do with a labels file, without HTTP and without the runs after it."""
    kind = kinds.upload_kinds()["labels"]
    with path.open("rb") as body:
        sha256 = receiving.keep(body, path.stat().st_size, {})
    row = Upload(
        dataset=dataset,
        kind="labels",
        subject="animal",
        options={"format": "csv", "compression": None},
        size=path.stat().st_size,
        sha256=sha256,
        uploaded_by=dataset.created_by,
    )
    row, run = receiving.record(dataset, kind, row)
    claimed = runs.claim(str(run.pk))
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


def main(arguments: list[str]) -> None:
    """``python -m bench ingest --rows 1000000 --runs 3``."""
    parser = argparse.ArgumentParser(prog="bench ingest")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with override_settings(UPLOAD_DIR=folder / "uploads", CELERY_TASK_ALWAYS_EAGER=False):
            _compare(folder, asked.rows, asked.runs)
    finally:
        shutil.rmtree(folder)


def _compare(folder: Path, n_rows: int, n_runs: int) -> None:
    settings.MIN_FREE_BYTES = 0
    file = labels_csv(folder / "labels.csv", n_rows)
    other = labels_csv(folder / "other.csv", n_rows, seed=2)
    changed = labels_csv(folder / "changed.csv", n_rows, seed=3, changed=0.01)
    state: dict[str, Any] = {}

    def first() -> None:
        state["n"] = state.get("n", 0) + 1
        state["dataset"] = fresh_dataset(f"bench-{n_rows}-{state['n']}")
        upload(state["dataset"], file)

    found = medians(
        {
            "bare COPY into a text table": lambda: bare_copy(file),
            "first upload": first,
            "the same bytes again": lambda: upload(state["dataset"], file),
            "the same rows in another file": lambda: upload(state["dataset"], other),
            "1 % of the rows changed": lambda: upload(state["dataset"], changed),
            f"bulk_create of {PEER_ROWS:,} rows": lambda: bulk_create(file, PEER_ROWS),
        },
        n_runs,
    )
    show(f"{n_rows:,} labels with text ids", found, "bare COPY into a text table")
