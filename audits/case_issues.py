"""What results say of one item: its consensus, its place in the queue, and labels to doubt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from annotations.crowd_disclosure import with_annotators, with_names
from annotations.crowd_parameters import CONSENSUS, ISSUES, MODEL_ISSUES, issues_subject
from annotations.ranked import StoredRows, stored_rows
from audits import queries
from audits.frames import case_address
from catalog import exchange
from catalog.models import Dataset, Item, Question, Run
from catalog.queries import NUMBER_MASK

Row = dict[str, Any]


def results_about(dataset: Dataset, item: Item, question: Question) -> Row:
    """The item's row in the newest consensus, in the queue, and in each list of label issues."""
    number = item.pk & NUMBER_MASK
    run = queries.newest_runs(dataset, CONSENSUS, [question.name]).defer("result").first()
    issues = queries.newest_runs(dataset, ISSUES, [question.name]).defer("result").first()
    query = urlencode({"question": question.name, "item": item.external_id})
    consensus = next(iter(_about(run, "items", number)), None)
    return {
        "consensus": consensus,
        "votes": _votes(consensus or {}),
        "consensus_run": run,
        "consensus_api": f"/api/v1/datasets/{dataset.slug}/consensus/?{query}",
        **_in_queue(dataset, issues, number),
        # Read when it is looked at: only the page shows them.
        "doubts": partial(_doubts, dataset, question, issues, number),
    }


def _votes(consensus: Row) -> list[tuple[str, int, float]]:
    """Each value with its labels and its posterior; what is below one in a thousand is 0."""
    labels, posterior = consensus.get("labels", {}), consensus.get("posterior", {})
    return [
        (value, labels.get(value, 0), posterior.get(value, 0.0))
        for value in dict.fromkeys([*posterior, *labels])
    ]


def _rows(run: Run | None, table: str) -> Sequence[Row]:
    return () if run is None else stored_rows(run, table, {"rows": []})


def _about(run: Run | None, table: str, number: int) -> list[Row]:
    rows = _rows(run, table)
    return list(rows.about("item", {number})[:]) if isinstance(rows, StoredRows) else []


def _in_queue(dataset: Dataset, run: Run | None, number: int) -> Row:
    """Where the item stands in the queue of disagreements, and who stands beside it."""
    queue = _rows(run, "items")
    if not isinstance(queue, StoredRows):
        return {"place": None, "queue_length": len(queue)}
    ranks = queue.about("item", {number}).ranks.tolist()
    if not ranks:
        return {"place": None, "queue_length": len(queue)}
    at = ranks[0]
    beside = {"previous": at - 1, "next": at + 1}
    named = {
        name: with_names(dataset, queue[rank : rank + 1])[0]["item"]
        for name, rank in beside.items()
        if 0 <= rank < len(queue)
    }
    found = {name: case_address(dataset, other) for name, other in named.items() if other}
    return {"place": at + 1, "queue_length": len(queue), **found}


def _doubts(dataset: Dataset, question: Question, issues: Run | None, number: int) -> Row:
    """Labels of the item that are probably wrong, and what each model makes of the item."""
    base = f"/api/v1/datasets/{dataset.slug}/label-issues/"
    labels = [("posterior", "", _about(issues, "labels", number))]
    items = []
    for model in exchange.models(question):
        subject = issues_subject(question.name, model)
        run = queries.newest_runs(dataset, MODEL_ISSUES, [subject]).defer("result").first()
        for method in ("crowdlab", "confident_learning", "activelab"):
            labels.append((method, model, _about(run, f"{method}.labels", number)))
            query = urlencode({"question": question.name, "method": method, "model": model})
            items += [
                {"method": method, "model": model, "api": f"{base}?{query}", **row}
                for row in _about(run, f"{method}.items", number)
            ]
    doubted = [
        {"method": how, "model": model, **row} for how, model, rows in labels for row in rows
    ]
    # Confident learning of reference labels doubts nobody's label in particular.
    known = [row for row in doubted if "annotator" in row]
    return {
        "doubted": with_annotators(dataset, known, is_lead=True)
        + [row for row in doubted if "annotator" not in row],
        "by_model": items,
    }
