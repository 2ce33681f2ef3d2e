"""What rows were before an upload changed them, so that the upload can be withdrawn.

Rows are kept as ``to_jsonb`` writes them, which gives back every value exactly. Only rows that are
replaced or removed are kept: the usual upload, which only adds, pays nothing.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from catalog import kinds
from catalog.kinds import KeptTable
from catalog.models import EarlierRow, Upload
from catalog.problems import Refusal

HISTORY = EarlierRow._meta.db_table


def keep(kept: KeptTable, upload: Upload, rows: str, parameters: tuple[Any, ...]) -> int:
    """Keep rows that the upload is about to change; returns how many.

    Parameters
    ----------
    rows : str, SQL after ``FROM``: the table as ``t``, with what chooses its rows
    parameters : tuple, what stands for its ``%s``
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {HISTORY} (dataset_id, of, key, row, upload_id, superseded_by_id, "  # noqa: S608
            f"superseded_at) SELECT %s, %s, t.{kept.key}, to_jsonb(t), t.upload_id, %s, "
            f"now() FROM {rows}",
            [upload.dataset_id, kept.of, upload.pk, *parameters],
        )
        return int(cursor.rowcount)


def remember(
    upload: Upload, of: str, key: int, row: dict[str, Any], *, brought_by: Any = None
) -> None:
    """Keep what a definition was before the upload changed it."""
    EarlierRow.objects.create(
        dataset_id=upload.dataset_id,
        of=of,
        key=key,
        row=row,
        upload_id=brought_by,
        superseded_by=upload,
        superseded_at=timezone.now(),
    )


def remembered(upload: Upload, of: str) -> list[EarlierRow]:
    """What the upload changed of definitions, the last change first; counted as restored now."""
    found = EarlierRow.objects.filter(superseded_by=upload, of=of, restored_at=None)
    rows = list(found.order_by("-id"))
    found.update(restored_at=timezone.now())
    return rows


def refuse_replaced(upload: Upload) -> None:
    """Refuse to withdraw an upload some of whose rows a later one replaced, and name that one."""
    replaced = EarlierRow.objects.filter(~Q(superseded_by=None), upload=upload, restored_at=None)
    newest = replaced.select_related("superseded_by").order_by("-superseded_at", "-id").first()
    if newest is not None and newest.superseded_by is not None:
        raise built_on(replaced.exclude(of="population").count(), newest.superseded_by)


def built_on(n_rows: int, later: Upload) -> Refusal:
    """What is said of an upload that another one has built on."""
    what = f"{n_rows:,} of its rows were replaced" if n_rows else "It was followed"
    return Refusal(
        f"{what} by a later upload, {later.pk} ({later.file_name or later.kind}); withdraw that "
        "one first, or send a corrected file.",
        code="replaced_since",
        status=409,
    )


def give_back(upload: Upload) -> None:
    """Take away what the upload brought and give back what it replaced, in every table."""
    for kept in kinds.kept_tables():
        _give_back(kept, upload)


def remove_unnamed(upload: Upload) -> dict[str, int]:
    """Remove items and annotators that only withdrawn uploads brought, once nothing names them.

    Returns
    -------
    dict of str to int : how many of this upload stay, since other files speak of them
    """
    return {kept.of: _remove_unnamed(kept, upload) for kept in kinds.kept_tables() if kept.bare}


def _give_back(kept: KeptTable, upload: Upload) -> None:
    mine = f"t.upload_id = %s AND {kept.scope}"
    described = "".join(f" OR t.{name} IS NOT NULL" for name in kept.bare)
    own: list[Any] = [upload.pk, upload.dataset_id]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {HISTORY} (dataset_id, of, key, row, upload_id, superseded_at) "  # noqa: S608
            f"SELECT %s, %s, t.{kept.key}, to_jsonb(t), t.upload_id, now() FROM {kept.table} t "
            f"WHERE {mine} AND ({'false' if kept.bare else 'true'}{described})",
            [upload.dataset_id, kept.of, *own],
        )
        before = (
            f"FROM {HISTORY} e, jsonb_populate_record(NULL::{kept.table}, e.row) r "
            "WHERE e.superseded_by_id = %s AND e.of = %s AND e.restored_at IS NULL"
        )
        if kept.bare:
            columns = (*kept.bare, "upload_id")
            sets = ", ".join(f"{name} = r.{name}" for name in columns)
            cursor.execute(
                f"UPDATE {kept.table} t SET {sets} {before} AND {kept.scope} AND t.id = e.key",  # noqa: S608
                [upload.pk, kept.of, upload.dataset_id],
            )
            nothing = ", ".join(f"{name} = NULL" for name in kept.bare)
            cursor.execute(
                f"UPDATE {kept.table} t SET {nothing} WHERE {mine} AND (false{described})",  # noqa: S608
                own,
            )
        else:
            cursor.execute(f"DELETE FROM {kept.table} t WHERE {mine}", own)  # noqa: S608
            cursor.execute(
                f"INSERT INTO {kept.table} SELECT r.* {before}",
                [upload.pk, kept.of],
            )
    EarlierRow.objects.filter(superseded_by=upload, of=kept.of, restored_at=None).update(
        restored_at=timezone.now()
    )


def _remove_unnamed(kept: KeptTable, upload: Upload) -> int:
    """Remove what nothing speaks of: no label, reference label, prediction; the rest stays bare."""
    brought = (
        f"{kept.table} t JOIN {Upload._meta.db_table} u ON u.id = t.upload_id "
        f"WHERE u.state = 'withdrawn' AND {kept.scope}"
    )
    # All that is spoken of is gathered once: looked for one by one, each would read every label.
    spoken_of = " UNION ALL ".join(mention.select for mention in kinds.mentions(kept.of))
    datasets = [upload.dataset_id] * len(kinds.mentions(kept.of))
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE unnamed ON COMMIT DROP AS SELECT t.id FROM {brought} "  # noqa: S608
            f"EXCEPT ({spoken_of})",
            [upload.dataset_id, *datasets],
        )
        cursor.execute(
            f"INSERT INTO {HISTORY} (dataset_id, of, key, row, upload_id, superseded_at) "  # noqa: S608
            "SELECT t.dataset_id, %s, t.id, to_jsonb(t), t.upload_id, now() "
            f"FROM {kept.table} t JOIN unnamed USING (id) WHERE {kept.scope}",
            [kept.of, upload.dataset_id],
        )
        cursor.execute(
            f"DELETE FROM {kept.table} t USING unnamed WHERE {kept.scope} AND t.id = unnamed.id",  # noqa: S608
            [upload.dataset_id],
        )
        cursor.execute("DROP TABLE unnamed")
        cursor.execute(
            f"SELECT count(*) FROM {kept.table} t WHERE t.upload_id = %s AND {kept.scope}",  # noqa: S608
            [upload.pk, upload.dataset_id],
        )
        return int(cursor.fetchone()[0])


def is_spoken_of(of: str, key: int | str, dataset_id: int) -> bool:
    """Whether any row speaks of this question or attribute."""
    with connection.cursor() as cursor:
        for mention in kinds.mentions(of):
            cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM ({mention.select}) AS m (key) WHERE m.key = %s)",  # noqa: S608
                [dataset_id, key],
            )
            if cursor.fetchone()[0]:
                return True
    return False
