"""Run states: launched, claimed under a lease, kept alive, finished once, found again when lost.

The row is the truth and the Celery message a doorbell. A message may be lost, doubled or late
without harm: work is claimed by one conditional UPDATE, the outcome is written by another one
that is fenced by the attempt number, and the sweeper rings again for rows that nobody heard.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, JSONField, Q, Value
from django.db.models.functions import Cast
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from catalog import kinds
from catalog.models import Dataset, Run, Upload
from catalog.outages import DATABASE_ERRORS, is_outage, outage_of
from catalog.problems import Refusal

logger = logging.getLogger(__name__)
UNFINISHED = (Run.State.WAITING, Run.State.RUNNING)
LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "krippendorff", "Django")
TASK = "catalog.work_run"
_MOST_RINGS = 8


def canonical(value: Any) -> str:
    """The one JSON text of a value, so that equal values have equal digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class Lost(Exception):  # noqa: N818  not an error: another outcome already stands
    """A run that was cancelled or taken over while it was worked on."""


def launch(
    dataset: Dataset,
    kind: str,
    parameters: dict[str, Any],
    *,
    user: Any = None,
    upload: Upload | None = None,
) -> tuple[Run, bool]:
    """Ask for a computation on the data set as it stands; the same question is asked only once.

    Must run inside a transaction: the row appears with it, and workers are rung after commit.

    Returns
    -------
    (Run, bool) : the run, and whether it is new

    Raises
    ------
    Refusal
        When the kind is unknown or its parameters are wrong.
    """
    subject, full = _resolve(dataset, kind, parameters, upload)
    digest = digest_of([kind, dataset.version, full, settings.CODE_VERSION])
    same = Run.objects.filter(dataset=dataset, digest=digest, state__in=[*UNFINISHED, "succeeded"])
    if (found := same.first()) is not None:
        return found, False
    run = Run(
        dataset=dataset,
        kind=kind,
        subject=subject,
        version=dataset.version,
        parameters=full,
        digest=digest,
        code_version=settings.CODE_VERSION,
        libraries=_libraries(),
        upload=upload,
        requested_by=user,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        return same.get(), False
    transaction.on_commit(lambda: ring(run.pk))
    return run, True


@cache
def _libraries() -> dict[str, str]:
    """The versions that are installed; telling one takes a hundredth of a second."""
    return {name: version(name) for name in LIBRARIES}


def _resolve(
    dataset: Dataset, kind: str, parameters: dict[str, Any], upload: Upload | None
) -> tuple[str, dict[str, Any]]:
    if upload is not None:
        return upload.subject, {"upload": str(upload.pk), **parameters}
    known = kinds.run_kinds()
    if kind not in known:
        raise Refusal(
            f"There is no run of kind {kind!r}; the kinds are: {', '.join(sorted(known))}.",
            code="unknown_kind",
            pointer="/kind",
        )
    return known[kind].resolve(dataset, parameters)


def launch_standard(dataset: Dataset, upload_kind: str | None, *, user: Any = None) -> list[Run]:
    """Launch the runs that a stored upload of this kind calls for; see :class:`kinds.RunKind`."""
    return [
        launch(dataset, kind.name, parameters, user=user)[0]
        for kind in kinds.run_kinds().values()
        for parameters in kind.standard(dataset, upload_kind)
    ]


def ring(run_id: Any) -> None:
    """Tell the workers that a run waits. If the broker is down, the sweeper rings later."""
    Run.objects.filter(pk=run_id).update(published_at=timezone.now(), rings=F("rings") + 1)
    try:
        current_app.send_task(TASK, args=[str(run_id)], retry=False)
    except (BrokerError, OSError) as error:
        logger.warning("The broker could not be reached; the sweeper will ring again: %s", error)


def claim(run_id: str) -> Run | None:
    """Take a waiting run for this process; ``None`` when another has it or it has ended."""
    now = timezone.now()
    claimed = Run.objects.filter(pk=run_id, state=Run.State.WAITING).update(
        state=Run.State.RUNNING,
        attempt=F("attempt") + 1,
        started_at=now,
        lease_until=now + timedelta(seconds=settings.RUN_LEASE_SECONDS),
    )
    return Run.objects.select_related("dataset", "upload").get(pk=run_id) if claimed else None


def extend_lease(run: Run) -> bool:
    """Say that the worker lives; ``False`` when the run is no longer this worker's."""
    until = timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
    return bool(_mine(run).update(lease_until=until))


def _mine(run: Run) -> Any:
    return Run.objects.filter(pk=run.pk, state=Run.State.RUNNING, attempt=run.attempt)


def succeed(run: Run, result: dict[str, Any]) -> bool:
    """Store the result; ``False`` when the run was cancelled or taken over meanwhile."""
    # Written out once, for the database and for the digest: a result may hold megabytes.
    text = canonical(result)
    return bool(
        _mine(run).update(
            state=Run.State.SUCCEEDED,
            result=Cast(Value(text), JSONField()),
            etag=hashlib.sha256(text.encode()).hexdigest(),
            finished_at=timezone.now(),
            lease_until=None,
            failure="",
        )
    )


def fail(run: Run, failure: str) -> bool:
    """End the run in words that a person can act on; an upload that it worked off ends with it."""
    now = timezone.now()
    with transaction.atomic():
        failed = _mine(run).update(
            state=Run.State.FAILED, failure=failure, finished_at=now, lease_until=None
        )
        if failed:
            _end_upload(run, failure)
    return bool(failed)


def _end_upload(run: Run, failure: str) -> None:
    Upload.objects.filter(runs=run, finished_at=None).update(
        state=Upload.State.FAILED, failure=failure, finished_at=timezone.now()
    )


def release(run: Run, failure: str) -> None:
    """Give a run back after a passing error; the sweeper rings again, three times at most."""
    if run.attempt >= settings.RUN_ATTEMPTS:
        fail(run, f"{failure} It was tried {run.attempt} times.")
    else:
        _mine(run).update(state=Run.State.WAITING, lease_until=None, failure=failure)


def leave(run_id: str, error: Exception) -> None:
    """Leave a run to other workers, because this one's code cannot compute it.

    While a service is upgraded, old workers hear of what only new ones know. So it waits, saying
    why, and fails when nobody could after ``_MOST_RINGS``, a quarter of an hour.
    """
    logger.warning("run %s is left to other workers: %r", run_id, error)
    why = (
        f"No worker could compute it yet ({type(error).__name__}: {error}); restart the workers, "
        "so that they run the same version as the web server."
    )
    waiting = Run.objects.filter(pk=run_id, state=Run.State.WAITING)
    waiting.update(failure=why)
    if waiting.filter(rings__gte=_MOST_RINGS).exists() and (run := claim(run_id)) is not None:
        fail(run, why)


def cancel(run: Run) -> bool:
    """End a run that has not ended; ``False`` when it had."""
    with transaction.atomic():
        cancelled = Run.objects.filter(pk=run.pk, state__in=UNFINISHED).update(
            state=Run.State.CANCELLED, finished_at=timezone.now(), lease_until=None
        )
        if cancelled:
            _end_upload(run, "It was cancelled; nothing was stored.")
    return bool(cancelled)


def work(run_id: str, compute: Callable[[Run, Callable[[], bool]], dict[str, Any] | None]) -> None:
    """Claim a run, compute it, and store what came of it. A second delivery does no harm.

    ``compute`` returns the result, or ``None`` when it has stored the outcome itself.
    """
    run = claim(run_id)
    if run is None:
        return
    with recorded(run), _kept_alive(run) as should_stop:
        result = compute(run, should_stop)
        if result is not None:
            succeed(run, result)


@contextmanager
def recorded(run: Run) -> Iterator[None]:
    """Write down whatever goes wrong inside, so that every run ends in words."""
    try:
        yield
    except Refusal as refusal:
        fail(run, refusal.detail)
    except Lost as lost:
        logger.info("%s", lost)
    except MemoryError:
        fail(run, "It needed more memory than this worker may use.")
    except Exception as error:
        if is_outage(error):
            _give_back(run, error)
            return
        logger.exception("run %s of kind %s failed", run.pk, run.kind)
        fail(
            run,
            f"An error in the service ({type(error).__name__}); the log names run {run.pk}. "
            "Please report it.",
        )


def _give_back(run: Run, error: Exception) -> None:
    """Release a run that lost the database; where that is away still, the lease runs out."""
    logger.warning("run %s lost the database: %s", run.pk, error)
    connection.close()
    try:
        release(run, outage_of(error).detail)
    except DATABASE_ERRORS as again:
        if not is_outage(again):
            raise
        connection.close()


@contextmanager
def _kept_alive(run: Run) -> Iterator[Callable[[], bool]]:
    """Extend the lease from a thread; yields a function that says whether the run was lost."""
    ended, lost = threading.Event(), threading.Event()

    def beat() -> None:
        while not ended.wait(min(15.0, settings.RUN_LEASE_SECONDS / 4)):
            try:
                if not extend_lease(run):
                    lost.set()
            except DATABASE_ERRORS:
                connection.close()  # the next beat connects anew
        connection.close()

    thread = threading.Thread(target=beat, name=f"lease of {run.pk}", daemon=True)
    thread.start()
    try:
        yield lost.is_set
    finally:
        ended.set()
        thread.join()


def sweep() -> int:
    """Find runs that nobody works on: free expired leases, ring again. Returns how many rang.

    A run that was rung k times without being heard waits 5 * 2^k seconds, at most 5 minutes.
    """
    now = timezone.now()
    # Read at once: closing a cursor of a database that has gone raises what Django does not name.
    for run in Run.objects.filter(state=Run.State.RUNNING, lease_until__lt=now):
        release(run, "The worker that computed it died.")
    rang = 0
    for run in Run.objects.filter(state=Run.State.WAITING).only("pk", "rings", "published_at"):
        pause = timedelta(seconds=min(300, 5 * 2 ** min(run.rings, 10)))
        due = Q(published_at__isnull=True) | Q(published_at__lt=now - pause)
        if Run.objects.filter(due, pk=run.pk, state=Run.State.WAITING).exists():
            ring(run.pk)
            rang += 1
    return rang
