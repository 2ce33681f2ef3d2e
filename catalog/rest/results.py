"""The newest finished result of a kind of run: with its provenance, its age, and an ETag."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from catalog.disclosure import level_for
from catalog.models import Dataset, Run
from catalog.problems import Refusal
from catalog.queries import is_out_of_date, newest_result, unfinished_run
from catalog.rest.preconditions import tagged
from catalog.rest.waiting import wait_until


def _envelope(dataset: Dataset, run: Run) -> dict[str, Any]:
    """What every result says of itself, whatever it is about."""
    return {
        "run": str(run.pk),
        "dataset": dataset.slug,
        "version": run.version,
        "computed_at": run.finished_at,
        "parameters": run.parameters,
        "code_version": run.code_version,
        "libraries": run.libraries,
        "stale": is_out_of_date(run),
    }


def finished_run(request: Request, dataset: Dataset, kind: str, subject: str) -> Run:
    """The newest result; waits for one that is on its way as long as ``Prefer: wait`` grants.

    Raises
    ------
    Refusal
        404 when nothing was computed yet; says what is missing or which run to wait for.
    """
    wait_until(request, lambda: unfinished_run(dataset, kind, subject) is None)
    run = newest_result(dataset, kind, subject)
    if run is not None:
        return run
    about = f" about '{subject}'" if subject else ""
    pending = unfinished_run(dataset, kind, subject)
    if pending is not None:
        raise Refusal(
            f"The {kind} result{about} is still being computed by run {pending.pk}; "
            "ask again in a second, or send Prefer: wait=30.",
            code="not_ready",
            status=404,
            headers={"Retry-After": "1"},
        )
    failed = dataset.runs.filter(kind=kind, subject=subject, state=Run.State.FAILED).first()
    why = f" Its last run failed: {failed.failure}" if failed is not None else ""
    raise Refusal(
        f"There is no {kind} result{about} yet; upload the data it needs, "
        f"or POST to runs/ with kind {kind!r}.{why}",
        code="no_result",
        status=404,
    )


def answer_result(request: Request, dataset: Dataset, run: Run, shown: dict[str, Any]) -> Response:
    """What is shown of a result, with its provenance and a strong ETag; 304 if it is known."""
    body = {**_envelope(dataset, run), "disclosure": level_for(request.user, dataset), **shown}
    age = "stale" if body["stale"] else "fresh"
    # Names are looked up when a result is read: an erased annotator has another one since.
    etag = f'"{run.etag[:32]}-{age}-{body["disclosure"]}-{dataset.n_erased}"'
    return tagged(request, body, etag)
