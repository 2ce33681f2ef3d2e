"""Undoing a stored upload: a new version of the data set, without what the upload brought."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from catalog import kinds, runs
from catalog.ingest.store import grow
from catalog.models import Dataset, Upload
from catalog.problems import Refusal


def withdraw(dataset: Dataset, upload: Upload, user: Any) -> None:
    """Withdraw a stored upload in one transaction, and measure again what depends on it.

    Raises
    ------
    Refusal
        409 when the upload is not stored, when its kind keeps no history, or when later uploads
        build on it.
    """
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        current = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        undo = kinds.upload_kinds()[current.kind].withdraw
        if current.state != Upload.State.STORED or current.version is None:
            raise _refused(
                f"Only an upload that is stored can be withdrawn; this one is {current.state}"
                f"{', a dry run' if current.dry_run else ''}."
            )
        if undo is None:
            raise _refused(
                f"Uploads of kind {current.kind} cannot be withdrawn: no earlier values are kept "
                "of what they replace. Send a corrected file."
            )
        undo(current)
        current.state = Upload.State.WITHDRAWN
        current.withdrawn_at, current.withdrawn_by = timezone.now(), user
        current.save(update_fields=["state", "withdrawn_at", "withdrawn_by"])
        # As after a changed definition: bytes that were stored before are not "the same" any more.
        grow(locked, definitions=True, changed=current.kind)
        runs.launch_standard(locked, current.kind, user=user)
    upload.refresh_from_db()


def _refused(detail: str) -> Refusal:
    return Refusal(detail, code="cannot_withdraw", status=409)
