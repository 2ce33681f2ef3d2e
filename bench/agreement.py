"""Agreement: alpha from rows and from columns, intervals, subgroups, and what peers need for it.

The labels are made up: five of them an item by 500 annotators on five values, six in ten of them
what is true.
"""

from __future__ import annotations

import argparse
import importlib.util
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import krippendorff
import numpy as np
from django.db import connection, transaction

from annotations.columnar import BASIC, OF, label_columns, read_rows
from annotations.models import Label
from annotations.parameters import DEFAULTS
from annotations.partitions import load_partition, partition_of
from annotations.services import measure_agreement
from bench.growth import draw, picture_option
from bench.ingest import fresh_dataset
from bench.ingest_files import VALUES
from bench.measuring import Cost, measure, medians, show
from catalog import columns
from catalog.changes import record_items
from catalog.ingest.copying import Column, constant, copy_out
from catalog.ingest.store import grow
from catalog.models import ColumnBlock, Dataset, Question, Run
from catalog.queries import NUMBER_MASK
from measures.agreement import (
    AgreementStatistics,
    Domain,
    Labels,
    agreement_statistics,
    declare_domain,
    subgroup_agreement,
)
from measures.agreement.plan import Coefficient, Plan, plan_coefficients
from measures.agreement.results import planned_agreement

ANNOTATORS = 500
LABELS_AN_ITEM = 5
GROUPS = (2, 3, 4, 5, 6)
DRAWN = (
    "read the rows by binary COPY",
    "alpha from rows",
    "alpha from rows, five attributes",
    "alpha from the copy",
)


def made_up(
    n_labels: int, n_annotators: int = ANNOTATORS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Item, annotator and code of each label, in the order of items."""
    rng = np.random.default_rng(4)
    n_items = max(1, n_labels // LABELS_AN_ITEM)
    item = np.repeat(np.arange(n_items), LABELS_AN_ITEM)
    annotator = (item * 7 + np.tile(np.arange(LABELS_AN_ITEM) * 101, n_items)) % n_annotators
    truth = rng.integers(0, len(VALUES), n_items)[item]
    guess = rng.integers(0, len(VALUES), item.size)
    return item, annotator, np.where(rng.random(item.size) < 0.6, truth, guess)


def stored(n_labels: int) -> Question:
    """A question with made-up labels in the database, without the checks of an upload."""
    Dataset.objects.filter(slug="bench-agreement").delete()
    dataset = fresh_dataset("bench-agreement")
    question = dataset.questions.get(name="animal")
    item, annotator, code = made_up(n_labels)
    order = np.lexsort((annotator, item))
    size = item.size
    columns_in = [
        Column("question_id", "int8", constant(question.pk, size)),
        Column("item_id", "int8", dataset.pk << 32 | item[order]),
        Column("annotator_id", "int8", dataset.pk << 32 | annotator[order]),
        Column("round", "int2", constant(1, size)),
        Column("status", "int2", constant(0, size)),
        Column("code", "int4", code[order]),
        Column("upload_id", "uuid", constant(uuid.UUID(int=1).bytes, size, "S16")),
    ]
    with transaction.atomic():
        load_partition(question, columns_in)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {partition_of(question)}")
    return question


def bare_read(question: Question) -> dict[str, np.ndarray]:
    """The limit: three numbers a label by binary COPY into numpy, in the order they lie in."""
    return copy_out(
        f"SELECT item_id & {NUMBER_MASK}, annotator_id & {NUMBER_MASK}, code "
        f"FROM {Label._meta.db_table} WHERE question_id = %s",
        (question.pk,),
        {"item": "int8", "annotator": "int8", "code": "int4"},
    )


class Alpha:
    """Alpha of a question, with or without replicates and subgroups."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.domain: Domain = declare_domain(VALUES, "nominal")
        whole = plan_coefficients(self.domain, ())
        alpha = Coefficient("krippendorff_alpha", "alpha", "nominal")
        self.plan = Plan((alpha,), {}, whole.distances, ordinal=False)
        self.value: float | None = None

    def counted(self, read: columns.Columns) -> AgreementStatistics:
        return agreement_statistics(
            read.arrays["item"],
            read.arrays["annotator"],
            read.arrays["value"],
            n_values=self.domain.size,
            with_panel=False,
        )

    def of(self, read: columns.Columns, n_replicates: int = 0) -> None:
        answer = planned_agreement(
            self.counted(read),
            self.domain,
            self.plan,
            rng=np.random.default_rng(1),
            n_replicates=n_replicates,
            ci_level=0.95,
            min_items=2,
        )
        self.value = answer.coefficients["krippendorff_alpha"].value

    def from_rows(self, n_replicates: int = 0) -> columns.Columns:
        read = read_rows(self.question, BASIC)
        self.of(read, n_replicates)
        return read

    def from_copy(self) -> None:
        self.of(label_columns(self.question, BASIC))

    def with_subgroups(self) -> None:
        """Overall, and by five attributes: three of annotators, two of items."""
        read = self.from_rows()
        rng = np.random.default_rng(2)
        item, annotator = read.arrays["item"], read.arrays["annotator"]
        labels = Labels(item, annotator, read.arrays["value"])
        for place, n_groups in enumerate(GROUPS):
            bearer, size = (item, int(item.max()) + 1) if place < 2 else (annotator, ANNOTATORS)
            group = rng.integers(0, n_groups, size)[bearer]
            subgroup_agreement(
                labels, group, self.domain, rng=rng, n_groups=n_groups, n_replicates=0
            )


def main(arguments: list[str]) -> None:
    """``python -m bench agreement --rows 1000000 --runs 3``."""
    parser = argparse.ArgumentParser(prog="bench agreement")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-rows", type=int, nargs="*", default=[100_000])
    parser.add_argument("--annotators", type=int, nargs="+", default=[ANNOTATORS])
    parser.add_argument("--refresh-rows", type=int, nargs="*", default=[1_000_000])
    picture_option(parser)
    asked = parser.parse_args(arguments)
    growth: dict[int, dict[str, Cost]] = {}
    for n_labels in sorted(asked.rows):
        growth[n_labels] = _from_the_database(n_labels, asked.runs)
    _show_growth({n_labels: found["alpha from rows"] for n_labels, found in growth.items()})
    draw(
        asked.picture,
        {name: [(n, max(found[name].cpu, 0.001)) for n, found in growth.items()] for name in DRAWN},
        title="Agreement: cost by the number of labels",
        x="labels",
        command=["agreement", *arguments],
    )
    for n_labels in sorted(asked.refresh_rows):
        _refreshing(n_labels)
    for n_labels in asked.peer_rows:
        for n_annotators in asked.annotators:
            _in_memory(n_labels, n_annotators, asked.runs)


def _from_the_database(n_labels: int, runs: int) -> dict[str, Cost]:
    question = stored(n_labels)
    alpha = Alpha(question)
    place = (question.dataset_id, OF, question.pk)

    def write_copy() -> None:
        ColumnBlock.objects.filter(dataset_id=question.dataset_id).delete()
        columns.keep(*place, read_rows(question))

    steps: dict[str, Callable[[], Any]] = {
        "read the rows by binary COPY": lambda: bare_read(question),
        "alpha from rows": alpha.from_rows,
        "alpha from rows, 1,000 replicates": lambda: alpha.from_rows(1000),
        "alpha from rows, five attributes": alpha.with_subgroups,
        "read the rows and write the copy": write_copy,
        "read the copy": lambda: columns.find(*place, BASIC),
        "alpha from the copy": alpha.from_copy,
    }
    found = medians(steps, runs)
    show(f"{n_labels:,} labels in PostgreSQL", found, "read the rows by binary COPY")
    return found


def _refreshing(n_labels: int) -> tuple[Cost, Cost]:
    """A whole run on all labels, and one after a label of each hundredth item has changed."""
    question = stored(n_labels)
    question.dataset.refresh_from_db()
    run = Run(
        dataset=question.dataset,
        kind="agreement",
        digest="0123456789abcdef",
        parameters={**DEFAULTS, "question": question.name},
    )
    first = measure(lambda: measure_agreement(run, lambda: False))
    n_items = n_labels // LABELS_AN_ITEM
    change_labels(question, np.random.default_rng(3).choice(n_items, n_items // 100, replace=False))
    again = measure(lambda: measure_agreement(run, lambda: False))
    found = {"first result": first, "after 1 % of the items changed": again}
    show(f"{n_labels:,} labels: a whole agreement run", found, "first result")
    return first, again


def change_labels(question: Question, items: np.ndarray) -> None:
    """Another value for one label of each of these items, as an upload stores it."""
    keys = (items + (question.dataset_id << 32)).tolist()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {partition_of(question)} SET code = (code + 1) %% %s WHERE ctid = ANY (ARRAY("
            f"SELECT DISTINCT ON (item_id) ctid FROM {partition_of(question)} "
            "WHERE item_id = ANY(%s) ORDER BY item_id, annotator_id))",
            [len(VALUES), keys],
        )
        record_items(question.dataset_id, OF, question.pk, items)
        grow(question.dataset, changed="labels")


def _show_growth(growth: dict[int, Cost]) -> None:
    print("\nGrowth of alpha from rows")
    before: Cost | None = None
    for n_labels, cost in growth.items():
        factor = "" if before is None else f"{cost.cpu / before.cpu:5.1f} x the size before"
        print(f"{n_labels:>12,} labels {cost.cpu:8.2f} cpu s {cost.peak:7.0f} MiB  {factor}")
        before = cost


def _in_memory(n_labels: int, n_annotators: int, runs: int) -> None:
    item, annotator, code = made_up(n_labels, n_annotators)
    alpha = Alpha(Question())
    read = columns.Columns(0, {"item": item, "annotator": annotator, "value": code})
    cells = (int(item.max()) + 1) * len(VALUES)
    counts = np.bincount(item * len(VALUES) + code, minlength=cells).reshape(-1, len(VALUES))
    matrix = _matrix(item, annotator, code)
    steps: dict[str, Callable[[], Any]] = {
        "alpha from labels": lambda: alpha.of(read),
        "krippendorff from value counts": lambda: krippendorff.alpha(
            value_counts=counts, level_of_measurement="nominal"
        ),
        "alpha from the matrix": lambda: alpha.of(_labels(matrix)),
        "krippendorff from the matrix": lambda: krippendorff.alpha(
            reliability_data=matrix, level_of_measurement="nominal"
        ),
    }
    if importlib.util.find_spec("simpledorff") is None:
        print("\nsimpledorff is not installed (bench/requirements.txt); it is left out.")
    else:
        steps["simpledorff"] = lambda: _simpledorff(item, annotator, code)
    # The database has no part in these; what it does meanwhile is not counted.
    found = {name: replace(cost, database=0.0) for name, cost in medians(steps, runs).items()}
    title = f"{n_labels:,} labels by {n_annotators:,} annotators in memory"
    show(title, found, "alpha from labels")


def _matrix(item: np.ndarray, annotator: np.ndarray, code: np.ndarray) -> np.ndarray:
    matrix = np.full((int(annotator.max()) + 1, int(item.max()) + 1), np.nan)
    matrix[annotator, item] = code
    return matrix


def _labels(matrix: np.ndarray) -> columns.Columns:
    """The labels in a matrix of annotators by items, gaps left out."""
    annotator, item = np.nonzero(~np.isnan(matrix))
    code = matrix[annotator, item].astype(np.int64)
    return columns.Columns(0, {"item": item, "annotator": annotator, "value": code})


def _simpledorff(item: np.ndarray, annotator: np.ndarray, code: np.ndarray) -> float:
    pandas = importlib.import_module("pandas")
    peer = importlib.import_module("simpledorff")
    frame = pandas.DataFrame({"item": item, "annotator": annotator, "code": code})
    value: float = peer.calculate_krippendorffs_alpha_for_df(
        frame, experiment_col="item", annotator_col="annotator", class_col="code"
    )
    return value
