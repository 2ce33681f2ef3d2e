"""Undoing a stored upload: a new version of the data set, without what the upload brought."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from catalog import kinds, runs
from catalog.ingest import definitions, history
from catalog.ingest.checks import NoticeCode
from catalog.ingest.reprofiling import reprofile
from catalog.ingest.store import grow
from catalog.models import Dataset, Upload
from catalog.problems import Refusal
from catalog.reading.columns import EXPORTS


def withdraw(dataset: Dataset, upload: Upload, user: Any) -> None:
    """Withdraw a stored upload in one transaction, and measure again what depends on it.

    Raises
    ------
    Refusal
        409 when the upload is not stored, or when later uploads build on it.
    """
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        current = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        if current.state != Upload.State.STORED or current.version is None:
            raise _refused(
                f"Only an upload that is stored can be withdrawn; this one is {current.state}"
                f"{', a dry run' if current.dry_run else ''}."
            )
        history.refuse_replaced(current)
        current.state = Upload.State.WITHDRAWN
        current.withdrawn_at, current.withdrawn_by = timezone.now(), user
        current.save(update_fields=["state", "withdrawn_at", "withdrawn_by"])
        history.give_back(current)
        _place_anew(locked)
        undo_own = kinds.upload_kinds()[current.kind].withdraw
        if undo_own is not None:
            undo_own(current)
        _tell_staying(current, history.remove_unnamed(current))
        definitions.undo(current)
        # As after a changed definition: bytes that were stored before are not "the same" any more.
        beside = current.options.get("format") in EXPORTS
        grow(locked, definitions=True, changed="annotators" if beside else current.kind)
        runs.launch_standard(locked, current.kind, user=user)
    upload.refresh_from_db()


def _place_anew(dataset: Dataset) -> None:
    """Rows that came back may have been stored under bands or a mapping that have changed since."""
    for attribute in dataset.attributes.filter(declared=True):
        if attribute.bands or attribute.mapping:
            reprofile(attribute, attribute.name)


def _tell_staying(upload: Upload, staying: dict[str, int]) -> None:
    """Say in the upload which items and annotators stay, since other rows speak of them."""
    for of, n in staying.items():
        if n:
            message = (
                f"{n:,} {of}s of this upload stay, without what it said of them: labels, reference "
                "labels or predictions of other uploads speak of them."
            )
            code = NoticeCode.STILL_NAMED.value
            upload.warnings.append({"code": code, "message": message, "count": n})
    upload.save(update_fields=["warnings"])


def _refused(detail: str) -> Refusal:
    return Refusal(detail, code="cannot_withdraw", status=409)
