"""Items and annotators that rows of other files speak of: external ids become keys."""

from __future__ import annotations

from catalog.ingest.checks import NoticeCode, RowCode
from catalog.ingest.copying import PerRow
from catalog.ingest.incoming import Incoming
from catalog.ingest.lookalikes import Known, skeleton
from catalog.ingest.numbering import UNKNOWN, enroll, look_up
from catalog.models import Annotator, Item
from catalog.reading.problems import counted
from catalog.reading.tables import put_aside

MOST_COMPARED = 5_000


def resolve_keys(
    incoming: Incoming, model: type[Item] | type[Annotator], column: str
) -> PerRow | None:
    """Each row's item or annotator, for files that speak of them (labels, predictions).

    Ids that no items or annotators file declared are created, unless such a file was stored or
    the sender said ``unknown=reject``: then an unknown id is a problem of its row.
    """
    ids = incoming.text(column)
    if ids is None:
        return None
    known = look_up(model, incoming.dataset, ids.values)
    used = ids.used(incoming.kept)
    put_aside(ids.codes)
    unknown = used[known.keys[used] == UNKNOWN]
    if not (known.keys == UNKNOWN).any():
        return known.of(ids.codes)
    if _may_create(incoming, model):
        if not len(unknown):
            return known.of(ids.codes)
        code = NoticeCode.ITEMS_CREATED if model is Item else NoticeCode.ANNOTATORS_CREATED
        incoming.warn(code, _created(incoming, len(unknown), column), len(unknown))
        if model is Annotator:
            _tell_alike(incoming, [ids.values[code] for code in unknown[:MOST_COMPARED].tolist()])
        return enroll(model, incoming.upload, known, unknown).of(ids.codes)
    # A row may name nobody: a reference label inside an export.
    rows = incoming.judged
    absent = rows[(ids.codes[rows] >= 0) & (known.of(ids.codes)[rows] == UNKNOWN)]
    external = model.objects.filter(dataset=incoming.dataset).values_list("external_id", flat=True)
    names = Known(external[:50_000] if len(absent) else [])
    incoming.refuse(
        absent,
        RowCode.UNKNOWN_ITEM if model is Item else RowCode.UNKNOWN_ANNOTATOR,
        column,
        lambda row: (
            ids.values[ids.codes[row]],
            f"{column} {ids.values[ids.codes[row]]!r} is not one of this data set's; upload it "
            f"with the {column}s first, or send unknown=create.",
            names.hint(ids.values[ids.codes[row]]),
        ),
    )
    return known.of(ids.codes)


def _tell_alike(incoming: Incoming, names: list[str]) -> None:
    """Say which new annotators are called nearly as others: by case, accents, or alphabet."""
    rows = Annotator.objects.filter(dataset=incoming.dataset)
    others = rows.values_list("external_id", flat=True)[:MOST_COMPARED]
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys([*others, *names]):
        alike.setdefault(skeleton(name), []).append(name)
    new = set(names)
    found = [group for group in alike.values() if len(group) > 1 and new & set(group)]
    if found:
        shown = "; ".join(" and ".join(map(repr, group)) for group in found[:5])
        more = f"; and {len(found) - 5:,} more" if len(found) > 5 else ""
        incoming.warn(
            NoticeCode.NAMES_ALIKE,
            f"Annotators have names that look alike: {shown}{more}. They are kept apart; check "
            "that they are different people.",
            len(found),
        )


def _created(incoming: Incoming, n: int, column: str) -> str:
    """That items or annotators were created; of a dry run, that they would be."""
    was = "would be" if incoming.upload.dry_run else ("was" if n == 1 else "were")
    return f"{counted(n, f'new {column}')} {was} created from this file."


def _may_create(incoming: Incoming, model: type[Item] | type[Annotator]) -> bool:
    wish = incoming.upload.options.get("unknown")
    if wish is not None:
        return bool(wish == "create")
    kind = "items" if model is Item else "annotators"
    return not incoming.dataset.uploads.filter(kind=kind, state="stored", dry_run=False).exists()
