"""Erasing an annotator: the name goes wherever it was kept, what was answered stays.

An annotator is a number everywhere but in a few places, so that no figure changes: the version
stays, and a computation that is repeated gives the same. The pseudonym that takes the name's place
is random: no key and no digest leads back.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from catalog import kinds
from catalog.ingest.history import HISTORY
from catalog.ingest.mentioning import Name
from catalog.ingest.receiving import path_of
from catalog.models import Annotator, Dataset, Erasure, Membership, Run, Upload
from catalog.problems import Refusal

FILES = ("labels", "annotators")
_NOT_NAMES = ("format", "compression", "delimiter", "decimal", "timezone", "unknown")
_ERASED = "What stood here was erased with an annotator."


def erase(dataset: Dataset, external_id: str, user: Any) -> Erasure:
    """Destroy the identity of an annotator in one transaction.

    Files are removed before the transaction ends: if it fails, the request can be sent again.

    Raises
    ------
    Refusal
        404 when nothing of that name is kept; 409 while files are being stored that may hold it.
    """
    name = Name(external_id)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        _refuse_unfinished(locked)
        pseudonym = f"erased-{secrets.token_hex(8)}"
        person = Annotator.objects.filter(dataset=locked, external_id=external_id).first()
        done = {"comments": 0 if person is None else _clear_texts(person)}
        done["annotators"] = Annotator.objects.filter(
            dataset=locked, external_id=external_id
        ).update(external_id=pseudonym)
        done["earlier_rows"] = _rename_earlier(locked, external_id, pseudonym)
        done["memberships"] = _part(locked, external_id)
        done["uploads"] = _scrub_uploads(locked, name, pseudonym)
        done["files"], done["files_kept"] = _remove_files(locked, name)
        if not any(done.values()):
            raise Refusal(
                f"Nothing of an annotator of that name is kept in {dataset.slug!r}; look at the "
                "annotators of a result for those that are. An erased one cannot be found again.",
                code="unknown_annotator",
                status=404,
                pointer="/annotator",
            )
        # Results are answered with the pseudonym from now on, although their figures stay.
        Dataset.objects.filter(pk=locked.pk).update(n_erased=F("n_erased") + 1)
        return Erasure.objects.create(
            dataset=locked, version=locked.version, done=done, requested_by=user
        )


def refuse_erased(dataset: Dataset, sha256: str) -> None:
    """Refuse bytes that held a person who was erased, and keep nothing of them.

    Raises
    ------
    Refusal
        409 ``file_erased``.
    """
    erased = Upload.objects.filter(sha256=sha256).exclude(file_erased_at=None)
    if not erased.filter(dataset=dataset).exists():
        return
    if not _others(dataset, sha256):
        path_of(sha256).unlink(missing_ok=True)
    raise Refusal(
        "This file was erased, because it named an annotator who asked for it; send it without "
        "that annotator.",
        code="file_erased",
        status=409,
    )


def _refuse_unfinished(dataset: Dataset) -> None:
    waiting = dataset.uploads.filter(finished_at=None, kind__in=FILES).order_by("received_at")
    if (first := waiting.first()) is not None:
        raise Refusal(
            f"Upload {first.pk} is still being stored, and could bring the name back; ask again "
            "when it has ended, or cancel its run.",
            code="upload_unfinished",
            status=409,
        )


def _clear_texts(person: Annotator) -> int:
    """Have the rooms above clear what the annotator wrote; returns how many texts."""
    return sum(clear(person) for clear in kinds.erasers())


def _rename_earlier(dataset: Dataset, name: str, pseudonym: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {HISTORY} SET row = jsonb_set(row, '{{external_id}}', to_jsonb(%s::text)) "  # noqa: S608
            "WHERE dataset_id = %s AND of = 'annotator' AND row ->> 'external_id' = %s",
            [pseudonym, dataset.pk, name],
        )
        return int(cursor.rowcount)


def _part(dataset: Dataset, name: str) -> int:
    """End the membership of a contributor under that name, and who sent what in that role.

    With the pseudonym in it a membership would lead back; without a name it would allow any.
    """
    members = dataset.memberships.filter(annotator=name)
    people = list(members.values_list("user_id", flat=True))
    left = members.filter(role=Membership.Role.CONTRIBUTOR)
    sent = dataset.uploads.filter(uploaded_by__in=left.values("user_id"))
    Run.objects.filter(upload__in=sent).update(requested_by=None)
    sent.update(uploaded_by=None, idempotency_key=None, file_name="")
    left.delete()
    dataset.memberships.filter(annotator=name).update(annotator="")
    return len(people)


def _scrub_uploads(dataset: Dataset, name: Name, pseudonym: str) -> int:
    """Take the name out of what uploads say of themselves; returns how many said it."""
    changed = 0
    for upload in dataset.uploads.order_by("received_at").iterator(chunk_size=50):
        before = {field: getattr(upload, field) for field in _SAID}
        upload.problems = [_scrubbed(one, name) for one in upload.problems]
        upload.warnings = [_scrubbed(one, name) for one in upload.warnings]
        upload.options = {
            word: said if word in _NOT_NAMES else name.replaced(said, pseudonym)
            for word, said in upload.options.items()
        }
        upload.failure = _ERASED if name.stands_in(upload.failure) else upload.failure
        upload.file_name = "" if name.stands_in(upload.file_name) else upload.file_name
        if name.stands_in(upload.idempotency_key or ""):
            upload.idempotency_key = None
        if any(getattr(upload, field) != said for field, said in before.items()):
            upload.save(update_fields=list(_SAID))
            Run.objects.filter(upload=upload).exclude(failure="").update(failure=_ERASED)
            changed += 1
    return changed


_SAID = ("problems", "warnings", "options", "failure", "file_name", "idempotency_key")


def _scrubbed(told: dict[str, Any], name: Name) -> dict[str, Any]:
    """A problem or notice; where it speaks of the person, only its line and code remain."""
    texts = {field: text for field, text in told.items() if isinstance(text, str)}
    if not any(name.stands_in(text) for field, text in texts.items() if field != "code"):
        return told
    nothing = {field: None for field in texts if field not in ("code", "message")}
    return {**told, **nothing, "message": _ERASED}


def _remove_files(dataset: Dataset, name: Name) -> tuple[int, int]:
    """Delete the files that hold the name; how many, and how many another data set still has."""
    removed = kept = 0
    rows = dataset.uploads.filter(kind__in=FILES, file_erased_at=None)
    for sha256 in sorted(set(rows.values_list("sha256", flat=True))):
        same = rows.filter(sha256=sha256)
        packed = same.filter(options__compression="zip") | same.filter(options__format="parquet")
        path = path_of(sha256)
        if not path.is_file() or not name.stands_in_file(path, packed=packed.exists()):
            continue
        same.update(file_erased_at=timezone.now())
        if _others(dataset, sha256):
            kept += 1
        else:
            path.unlink(missing_ok=True)
            removed += 1
    return removed, kept


def _others(dataset: Dataset, sha256: str) -> bool:
    """Whether another data set has the same bytes, and may go on having them."""
    rows = Upload.objects.filter(sha256=sha256, file_erased_at=None)
    return rows.exclude(dataset=dataset).exists()
