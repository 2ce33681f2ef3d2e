"""What the page about activity shows: what was sent, what was computed, and what became of it."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

from audits import queries
from catalog.models import Dataset, Run

LISTED = 25
TOLD = 3
Row = dict[str, Any]


def activity_page(
    request: HttpRequest, dataset: Dataset, *, reads_results: bool, is_lead: bool
) -> dict[str, Any]:
    """Uploads and runs, newest first; those who read no results see their own uploads."""
    uploads = queries.uploads_of(dataset, request.user, own=not reads_results, n_problems=TOLD)
    context: dict[str, Any] = {
        "upload_page": _page(request, uploads, "uploads"),
        "run_page": None,
        "state": "",
        "states": Run.State.values,
    }
    context["uploads"] = [
        _upload(one, is_lead or one.uploaded_by_id == request.user.pk)
        for one in context["upload_page"]
    ]
    if reads_results:
        state = request.GET.get("state", "")
        state = state if state in Run.State.values else ""
        runs = queries.runs_of(dataset, state)
        context |= {"run_page": _page(request, runs, "runs"), "state": state}
        context["runs"] = [_run(one) for one in context["run_page"]]
    return context


def _page(request: HttpRequest, rows: Any, name: str) -> Page[Any]:
    return Paginator(rows, LISTED).get_page(request.GET.get(name))


def _upload(upload: Any, shows_values: bool) -> Row:
    """An upload with its first problems: in their sentences, or only where they stand.

    A sentence may quote a value about a person; who neither sent the file nor may read rows sees
    line, column and code, as in the REST API.
    """
    problems = upload.told
    return {
        "row": upload,
        "problems": problems,
        "shows_values": shows_values,
        "n_more": upload.problem_count - len(problems),
    }


def _run(run: Run) -> Row:
    """A run with how long it took, and its parameters as they were resolved."""
    seconds = None
    if run.started_at is not None and run.finished_at is not None:
        seconds = (run.finished_at - run.started_at).total_seconds()
    return {"row": run, "milliseconds": None if seconds is None else round(1000 * seconds)}
