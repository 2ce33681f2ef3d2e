"""When workers work: one task for every kind of run; the message names the row, no more."""

import gc
from functools import cache

from celery import shared_task
from django.utils.module_loading import import_string

from catalog import kinds, runs
from catalog.ingest import receiving, store
from catalog.models import Run


@shared_task(name=runs.TASK, ignore_result=True)  # type: ignore[untyped-decorator]
def work_run(run_id: str) -> None:
    """Claim a run and compute it, if it is still waiting."""
    kind = Run.objects.filter(pk=run_id).values_list("kind", flat=True).first()
    if kind == receiving.RUN_KIND:
        runs.work(run_id, store.work_off)
    elif kind is not None:
        try:
            compute = import_string(kinds.run_kinds()[kind].compute)
        except (ImportError, KeyError) as error:
            runs.leave(run_id, error)
            return
        _settle(kind)
        runs.work(run_id, compute)


@cache
def _settle(kind: str) -> None:
    """Leave what was just imported for a kind out of every later search for garbage.

    Each search that goes through all of it takes a tenth of a second of somebody's run.
    """
    gc.collect()
    gc.freeze()
