"""From a file on disk to stored rows: read, check every row, store whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog import kinds, runs
from catalog.changes import record_version
from catalog.ingest.checks import CREATED, NoticeCode
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.numbering import attach_items
from catalog.ingest.receiving import options_of, path_of
from catalog.models import Dataset, Run, Upload
from catalog.reading import read_in_child
from catalog.reading.problems import counted


class _RolledBack(Exception):  # noqa: N818  control flow within this module
    """Undoes the storing while the outcome is kept."""


def work_off(run: Run, should_stop: Callable[[], bool]) -> None:
    """Bring one upload to its end: stored, rejected, or cancelled; called by the worker."""
    upload = run.upload
    if upload is None:
        raise ValueError(f"Run {run.pk} is of kind upload, but has none.")
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.CHECKING)
    kind = kinds.upload_kinds()[upload.kind]
    if (same := _same_bytes(upload)) is not None:
        _finish_unchanged(run, upload, same)
        return
    table = read_in_child(
        path_of(upload.sha256),
        kind.layout(upload),
        options_of(upload),
        memory_limit=settings.READER_MEMORY_BYTES,
        time_limit=settings.READER_SECONDS,
        should_stop=should_stop,
    )
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update(no_key=True).get(pk=upload.dataset_id)
        incoming = Incoming(upload, dataset, table, should_stop)
        counts = _store(kind, incoming)
        _finish(run, incoming, counts)


def _same_bytes(upload: Upload) -> Upload | None:
    """The newest stored file of this kind and subject, when this one brings the same bytes."""
    newest = (
        Upload.objects.filter(
            dataset_id=upload.dataset_id,
            kind=upload.kind,
            subject=upload.subject,
            dry_run=False,
            state=Upload.State.STORED,
        )
        .order_by("-finished_at")
        .first()
    )
    if newest is None or (newest.sha256, newest.options) != (upload.sha256, upload.options):
        return None
    redefined = newest.version is None or newest.version < upload.dataset.defined_version
    return None if redefined or newest.rows_rejected else newest


def _finish_unchanged(run: Run, upload: Upload, same: Upload) -> None:
    with transaction.atomic():
        upload.rows_read = upload.rows_unchanged = same.rows_read
        upload.version = Dataset.objects.get(pk=upload.dataset_id).version
        upload.warnings = [
            {
                "code": NoticeCode.SAME_FILE.value,
                "message": "The same bytes were stored before.",
                "count": 1,
            }
        ]
        _end(run, upload, Upload.State.STORED)


def _store(kind: kinds.UploadKind, incoming: Incoming) -> Counts:
    """Run the kind's own storing in a savepoint that is undone where nothing may be stored."""
    counts = Counts()
    if not incoming.table.complete:
        return counts
    with contextlib.suppress(_RolledBack), transaction.atomic():
        counts = kind.store(incoming)
        attach_items(incoming.dataset)
        rejecting = incoming.upload.on_error == Upload.OnError.REJECT
        if incoming.upload.dry_run or (rejecting and incoming.problem_count):
            raise _RolledBack
    return counts


def _finish(run: Run, incoming: Incoming, counts: Counts) -> None:
    upload, dataset = incoming.upload, incoming.dataset
    rejecting = upload.on_error == Upload.OnError.REJECT
    refused = incoming.problem_count > 0 and (rejecting or not incoming.table.complete)
    upload.rows_read = incoming.table.n_rows
    upload.rows_rejected = upload.rows_read if refused else int(incoming.rejected.sum())
    upload.problems = sorted(incoming.problems, key=_by_line)
    upload.problem_count = incoming.problem_count
    if not refused and counts.unchanged and not counts.changes:
        known = counted(counts.unchanged, "row")
        message = f"Every row was known already ({known}); there is no new version."
        incoming.warn(NoticeCode.NO_CHANGE, message, counts.unchanged)
    # Of a refused file nothing was created, learned or declared.
    upload.warnings = [w for w in incoming.warnings if not refused or w["code"] not in CREATED]
    if not refused:
        upload.rows_stored = counts.stored
        upload.rows_unchanged = counts.unchanged
        upload.rows_replaced = counts.replaced
    if not refused and not upload.dry_run:
        if counts.changes:
            grow(dataset, changed="annotators" if counts.beside else upload.kind)
        upload.version = dataset.version
    _end(run, upload, Upload.State.REJECTED if refused else Upload.State.STORED)
    if upload.version is not None and counts.changes:
        runs.launch_standard(dataset, upload.kind, user=upload.uploaded_by)


def _by_line(problem: dict[str, Any]) -> tuple[bool, int]:
    """In the order of the file; what is wrong with it as a whole (no value) mostly follows."""
    return problem["value"] is None, problem["line"] or 0


def _end(run: Run, upload: Upload, state: Upload.State) -> None:
    """Write upload and run together; undo everything if the run is no longer this worker's."""
    upload.state = state
    upload.finished_at = timezone.now()
    upload.save()
    outcome = {"upload": str(upload.pk), "state": state.value, "version": upload.version}
    if not runs.succeed(run, outcome):
        raise runs.Lost(f"Run {run.pk} was cancelled or taken over; nothing was stored.")


def grow(dataset: Dataset, *, definitions: bool = False, changed: str | None = None) -> None:
    """Make a new version of the data set, in the caller's transaction.

    ``changed`` is the kind of rows that differ; without it anything may.
    """
    grown = {"version": F("version") + 1}
    if definitions:
        grown["defined_version"] = F("version") + 1
    Dataset.objects.filter(pk=dataset.pk).update(**grown)
    dataset.refresh_from_db(fields=["version", "defined_version"])
    if changed is not None:
        record_version(dataset, changed)
