"""Builders of label columns and real data sets for the consensus tests."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from measures.consensus import label_counts

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


def read(name, file):
    with (DATA / name / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


def reference(name, file="reference.json"):
    return json.loads((DATA / name / file).read_text())


def bluebirds():
    """Counts of the bluebird labels, and gold in the order of the items."""
    rows = read("crowd_bluebird", "labels.csv")
    columns = [np.array([int(row[name]) for row in rows]) for name in ("task", "worker", "label")]
    counts = label_counts(*columns, n_values=2)
    gold = {int(row["task"]): int(row["label"]) for row in read("crowd_bluebird", "gold.csv")}
    return counts, np.array([gold[item] for item in counts.items.tolist()])


def anaesthetists():
    """Counts of the anaesthetists' grades, observer 1 three times."""
    rows = read("crowd_ds1979_anaesthesia", "labels.csv")
    columns = [np.array([int(row[name]) for row in rows]) for name in ("task", "worker", "label")]
    return label_counts(columns[0], columns[1], columns[2] - 1, n_values=4)


def from_text(table, n_values):
    """Counts from rows of items such as '011/1.1', one character an annotator, '.' is missing."""
    cells = [
        (i, a, int(value))
        for i, row in enumerate(table.split("/"))
        for a, value in enumerate(row)
        if value != "."
    ]
    return label_counts(*np.array(cells).T, n_values=n_values)


def simulated(n_items=400, accuracy=(0.95, 0.8, 0.8, 0.6, 0.6), n_values=3, seed=5, kept=0.8):
    """Columns of labels by annotators of known accuracy, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_values, n_items)
    item, annotator = np.divmod(np.arange(n_items * len(accuracy)), len(accuracy))
    wrong = (truth[item] + rng.integers(1, n_values, item.size)) % n_values
    right = rng.random(item.size) < np.array(accuracy)[annotator]
    code = np.where(right, truth[item], wrong)
    take = rng.random(item.size) < kept
    return item[take], annotator[take], code[take], truth
