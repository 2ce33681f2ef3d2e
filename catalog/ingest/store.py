"""From a file on disk to stored rows: read, check every row, store whole or not at all."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from numpy.typing import NDArray

from catalog import kinds, runs
from catalog.changes import record_version
from catalog.ingest.checks import CREATED, NoticeCode, RowCode, reader_problem, row_problem
from catalog.ingest.receiving import options_of, path_of
from catalog.models import Dataset, Run, Upload
from catalog.reading import read_in_child
from catalog.reading.tables import Table, TextColumn

logger = logging.getLogger(__name__)
KEPT_PROBLEMS = 1000


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a file, and how many rows of an earlier one it took away.

    ``beside`` counts changes of what the rows only mention, such as an annotator's attributes.
    """

    stored: int = 0
    unchanged: int = 0
    replaced: int = 0
    removed: int = 0
    beside: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.stored + other.stored,
            self.unchanged + other.unchanged,
            self.replaced + other.replaced,
            self.removed + other.removed,
            self.beside + other.beside,
        )

    @property
    def changes(self) -> int:
        """Rows that make a new version of the data set."""
        return self.stored + self.replaced + self.removed + self.beside


@dataclass
class Incoming:
    """A file that has been read, on its way into the database.

    ``dataset`` is locked for the length of the transaction. ``rejected`` marks the rows that have
    a problem; a kind's ``store`` leaves them out, and adds to them through :meth:`refuse`.
    ``skipped`` marks rows that say again what another row says.
    """

    upload: Upload
    dataset: Dataset
    table: Table
    should_stop: Callable[[], bool]
    rejected: NDArray[np.bool_] = field(init=False)
    skipped: NDArray[np.bool_] = field(init=False)
    problems: list[dict[str, Any]] = field(init=False)
    problem_count: int = field(init=False)
    warnings: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.rejected = np.zeros(self.table.n_rows, bool)
        self.rejected[self.table.problem_rows] = True
        self.skipped = np.zeros(self.table.n_rows, bool)
        self.problems = [reader_problem(p) for p in self.table.problems]
        self.problem_count = self.table.n_problems
        self.warnings = [{**asdict(n), "code": n.code.value} for n in self.table.notices]

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows without a problem that are not skipped, in the file's order."""
        return np.flatnonzero(~(self.rejected | self.skipped))

    def text(self, name: str) -> TextColumn | None:
        """A text column, or ``None`` where the file has no such column."""
        column = self.table.columns.get(name)
        return column if isinstance(column, TextColumn) else None

    def refuse(
        self,
        rows: NDArray[np.intp],
        code: RowCode,
        column: str | None,
        describe: Callable[[int], tuple[str | None, str, str | None]],
    ) -> None:
        """Report rows; ``describe(row)`` gives value, sentence and hint of one of them."""
        self.rejected[rows] = True
        self.problem_count += len(rows)
        for row in rows[: max(0, KEPT_PROBLEMS - len(self.problems))].tolist():
            value, sentence, hint = describe(row)
            line = int(self.table.line[row])
            self.problems.append(row_problem(code, line, column, value, sentence, hint))

    def refuse_file(self, code: RowCode, column: str | None, sentence: str) -> None:
        """Report something that is wrong with the file or its header as a whole."""
        self.problem_count += 1
        self.rejected[:] = True
        self.problems.append(row_problem(code, 1, column, None, sentence))

    def warn(
        self, code: NoticeCode, message: str, count: int = 1, *, row: int | None = None
    ) -> None:
        """Tell the sender something that does not stop the file; ``row`` is the first of it."""
        line = {} if row is None else {"line": int(self.table.line[row])}
        self.warnings.append({"code": code.value, "message": message, "count": int(count), **line})


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
    upload.problems = incoming.problems
    upload.problem_count = incoming.problem_count
    if not refused and counts.unchanged and not counts.changes:
        message = f"All {counts.unchanged:,} rows were known already; there is no new version."
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
