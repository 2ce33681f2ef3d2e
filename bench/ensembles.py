"""An ensemble of many members, streamed: what it takes to say what they agree on.

``./trust bench ensembles [--members 100] [--items 100000] [--classes 10]``. The rows are loaded by
another process, so that the peak memory that is shown is that of the run alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource

import numpy as np
import pyarrow as pa
from django.db import connection

from bench.measuring import measure, show
from catalog import runs
from catalog.ingest.copying import Column, copy_in
from catalog.models import Dataset, Item, Question, ReferenceLabel, Run
from catalog.tasks import work_run
from predictions.models import ModelVersion, Prediction

SLUG = "bench-ensembles"


def load(n_members: int, n_items: int, n_classes: int) -> None:
    """Items, reference labels, and a row of probabilities for each item and member."""
    connection.close()
    dataset = Dataset.objects.create(slug=SLUG, name="bench")
    names = [f"c{k}" for k in range(n_classes)]
    question = Question.objects.create(dataset=dataset, name="q", scale="nominal", values=names)
    model = ModelVersion.objects.create(dataset=dataset, name="m", question=question, classes=names)
    rng = np.random.default_rng(0)
    items = (dataset.pk << 32) + np.arange(n_items)
    _load_items(dataset, question, items, rng.integers(n_classes, size=n_items))
    step = max(1, 2_000_000 // (n_members * n_classes))
    for start in range(0, n_items, step):
        some = items[start : start + step]
        odds = rng.exponential(size=(len(some), 1, n_classes)) + rng.exponential(
            size=(len(some), n_members, n_classes)
        )
        p = (odds / odds.sum(axis=2, keepdims=True)).reshape(-1, n_classes)
        columns = [
            Column("model_id", "int8", np.full(len(p), model.pk)),
            Column("item_id", "int8", np.repeat(some, n_members)),
            Column("member", "int2", np.tile(np.arange(n_members), len(some))),
            Column("fold", "int2", np.full(len(p), -1)),
            Column("probabilities", "float8[]", p),
            Column("upload_id", "uuid", np.full(len(p), b"\0" * 16, "S16")),
        ]
        copy_in(Prediction._meta.db_table, columns)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Prediction._meta.db_table}")


def _load_items(
    dataset: Dataset,
    question: Question,
    items: np.ndarray,
    truth: np.ndarray,
) -> None:
    made = [Item(pk=int(k), dataset=dataset, external_id=f"i{k}") for k in items]
    Item.objects.bulk_create(made, batch_size=10_000)
    copy_in(
        ReferenceLabel._meta.db_table,
        [
            Column("question_id", "int8", np.full(len(items), question.pk)),
            Column("item_id", "int8", items),
            Column("source", "text", pa.array(["gold"] * len(items))),
            Column("code", "int4", truth),
            Column("method", "text", pa.array(["bench"] * len(items))),
            Column("tie", "bool", np.zeros(len(items), bool)),
        ],
    )


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="trust bench ensembles")
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=10)
    chosen = parser.parse_args(arguments)
    shape = (chosen.members, chosen.items, chosen.classes)
    connection.close()
    loader = multiprocessing.get_context("fork").Process(target=load, args=shape)
    loader.start()
    loader.join()
    dataset = Dataset.objects.get(slug=SLUG)
    try:
        run, _ = runs.launch(dataset, "ensembles", {})
        cost = measure(lambda: work_run(str(run.pk)))
        show(
            f"{shape[0]:,} members x {shape[1]:,} items x {shape[2]:,} classes",
            {"run": cost},
            "run",
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        result = Run.objects.values_list("result", flat=True).get(pk=run.pk) or {}
        print(f"peak memory of the run's process: {peak:,.0f} MiB (limit 1,024)")
        print(f"items that were measured: {result['n_items']:,}; members: {result['n_members']}")
    finally:
        dataset.delete()
