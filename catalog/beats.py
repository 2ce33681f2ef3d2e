"""Signs of life of workers and sweepers, so that people are told when nobody works."""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import timedelta
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.db import connection
from django.utils import timezone

from catalog.models import WorkerBeat
from catalog.outages import DATABASE_ERRORS

logger = logging.getLogger(__name__)
INTERVAL = 5.0
SILENT_AFTER = timedelta(seconds=30)
_stopped = threading.Event()


def beat(kind: WorkerBeat.Kind) -> None:
    """Write down that this process lives, and forget those silent for a day."""
    now = timezone.now()
    name = f"{kind.value}@{socket.gethostname()}:{os.getpid()}"
    WorkerBeat.objects.bulk_create(
        [WorkerBeat(name=name, kind=kind, seen_at=now)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["kind", "seen_at"],
    )
    WorkerBeat.objects.filter(seen_at__lt=now - timedelta(days=1)).delete()


def is_working() -> bool:
    """Whether some worker gave a sign of life in the last half minute."""
    return WorkerBeat.objects.filter(
        kind=WorkerBeat.Kind.WORKER, seen_at__gt=timezone.now() - SILENT_AFTER
    ).exists()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start(**kwargs: Any) -> None:
    threading.Thread(target=_keep_beating, name="worker beat", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop(**kwargs: Any) -> None:
    _stopped.set()


def _keep_beating() -> None:
    while True:
        try:
            beat(WorkerBeat.Kind.WORKER)
        except DATABASE_ERRORS as error:
            # A refused statement too: a dump may be read back just now, and a worker that fell
            # silent for good would count as dead while it works.
            logger.warning("the worker's sign of life could not be written: %s", error)
            connection.close()
        if _stopped.wait(INTERVAL):
            break
    connection.close()
