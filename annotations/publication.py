"""A consensus written as reference labels, which calibration reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from annotations import crowds
from annotations.consensus import answer_of, number_answers
from annotations.crowds import Row
from catalog import runs
from catalog.ingest.copying import Column, copy_in
from catalog.ingest.store import grow
from catalog.models import Dataset, Question, ReferenceLabel, Run
from catalog.problems import Refusal
from catalog.services import lock

TABLE = ReferenceLabel._meta.db_table
_SAID = "(code, number, method, confidence, tie)"


@dataclass(frozen=True)
class _Consensus:
    """One value an item; a tie has none."""

    item: NDArray[np.int64]
    code: NDArray[np.int64]
    number: NDArray[np.float64]
    confidence: NDArray[np.float64]
    tie: NDArray[np.bool_]


def publish(run: Run, should_stop: Callable[[], bool]) -> None:
    """Replace the question's consensus by this one, in one transaction with the run's outcome.

    The data set is locked before its labels are read, so that what is published is the consensus
    of the version that it follows.
    """
    with transaction.atomic():
        dataset = lock(run.dataset)
        question = crowds.question_of_run(run)
        consensus = _consensus_of(question, run)
        counts = _replace(question, consensus, run)
        if counts["stored"] + counts["replaced"] + counts["removed"]:
            grow(dataset, changed="reference-labels")
            runs.launch_standard(dataset, "reference-labels", user=run.requested_by)
        outcome = {
            "question": question.name,
            "method": run.parameters["method"],
            "n_items": len(consensus.item),
            "n_ties": int(consensus.tie.sum()),
            "rows": counts,
            "version": dataset.version,
        }
        if not runs.succeed(run, outcome):
            raise runs.Lost(f"Run {run.pk} was cancelled or taken over; nothing was published.")


def _consensus_of(question: Question, run: Run) -> _Consensus:
    method = run.parameters["method"]
    if question.is_numeric:
        numbers = crowds.read_number_crowd(question)
        if numbers.labels.n_labels == 0:
            raise _nothing(question)
        value = number_answers(numbers, numbers.fitted())[method]
        n = len(value)
        nothing = np.full(n, np.nan)
        return _Consensus(
            numbers.labels.items, np.zeros(n, np.int64), value, nothing, np.zeros(n, bool)
        )
    crowd = crowds.read_crowd(question)
    if crowd.counts.n_labels == 0:
        raise _nothing(question)
    answer = answer_of(crowd, method, run)
    if answer is None:
        raise Refusal(
            f"Question {question.name!r} has too many values for {method}; publish the majority."
        )
    chosen = answer.consensus
    # Code -1, a tie without a value, falls on the last entry; the column is then NULL.
    code = np.append(crowd.codes, -1)[chosen.code]
    n = len(code)
    return _Consensus(crowd.counts.items, code, np.full(n, np.nan), chosen.confidence, chosen.tie)


def _nothing(question: Question) -> Refusal:
    return Refusal(f"Question {question.name!r} has no answered labels to find a consensus of.")


def _replace(question: Question, consensus: _Consensus, run: Run) -> Row:
    """Change the rows that say something else, add new ones, remove those without an item."""
    _stage(run.dataset, consensus, run.parameters["method"])
    key: list[Any] = [question.pk, ReferenceLabel.Source.CONSENSUS.value]
    mine = "r.question_id = %s AND r.source = %s"
    said = _SAID.replace("(", "(r.").replace(", ", ", r.")
    arriving = _SAID.replace("(", "(a.").replace(", ", ", a.")
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {TABLE} r WHERE {mine} "  # noqa: S608
            "AND NOT EXISTS (SELECT FROM arriving a WHERE a.item_id = r.item_id)",
            key,
        )
        removed = cursor.rowcount
        cursor.execute(
            f"UPDATE {TABLE} r SET {_SAID} = {arriving}, run_id = %s, upload_id = NULL "  # noqa: S608
            f"FROM arriving a WHERE {mine} AND r.item_id = a.item_id "
            f"AND {said} IS DISTINCT FROM {arriving}",
            [run.pk, *key],
        )
        replaced = cursor.rowcount
        cursor.execute(
            f"INSERT INTO {TABLE} (question_id, source, run_id, item_id, code, number, method, "  # noqa: S608
            "confidence, tie) SELECT %s, %s, %s, item_id, code, number, method, confidence, tie "
            "FROM arriving ORDER BY item_id ON CONFLICT (question_id, item_id, source) DO NOTHING",
            [*key, run.pk],
        )
        stored = cursor.rowcount
        cursor.execute("DROP TABLE arriving")
    unchanged = len(consensus.item) - stored - replaced
    return {"stored": stored, "replaced": replaced, "unchanged": unchanged, "removed": removed}


def _stage(dataset: Dataset, consensus: _Consensus, method: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE arriving (item_id bigint PRIMARY KEY, code int, number float8, "
            "confidence float8, tie bool, method text DEFAULT '') ON COMMIT DROP"
        )
    numeric = np.isfinite(consensus.number)
    columns: list[tuple[str, str, NDArray[Any], NDArray[np.bool_]]] = [
        ("code", "int4", consensus.code, numeric | (consensus.code < 0)),
        ("number", "float8", consensus.number, ~numeric),
        ("confidence", "float8", consensus.confidence, ~np.isfinite(consensus.confidence)),
    ]
    copy_in(
        "arriving",
        [
            Column("item_id", "int8", consensus.item | dataset.pk << 32),
            Column("tie", "bool", consensus.tie),
            *(Column(*column) for column in columns),
        ],
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE arriving SET method = %s", [method])
        cursor.execute("ANALYZE arriving")
