"""Undoing an upload of a population: its earlier cells come back, and what they add up to."""

from __future__ import annotations

from typing import Any

from catalog.ingest import history
from catalog.kinds import KeptTable, Mention
from catalog.models import EarlierRow, Upload
from coverage.cells import CELLS
from coverage.models import Population

_POPULATIONS = Population._meta.db_table


def kept() -> tuple[KeptTable, Mention]:
    """Cells are kept when they are replaced or removed, and speak of attributes."""
    own = f"(SELECT id FROM {_POPULATIONS} WHERE dataset_id = %s)"  # noqa: S608
    return (
        KeptTable("cell", CELLS, "id", f"t.population_id IN {own}"),
        Mention(
            "attribute",
            f"SELECT DISTINCT jsonb_object_keys(c.values) FROM {CELLS} c "  # noqa: S608
            f"WHERE c.population_id IN {own}",
        ),
    )


def remember_margins(upload: Upload, population: Population) -> None:
    """Keep what the population's file gave before; a file stands for the whole population.

    So the file before cannot be withdrawn while this one stands, whichever cells they share.
    """
    earlier = EarlierRow.objects.filter(of="population", key=population.pk, restored_at=None)
    newest = earlier.exclude(superseded_by=None).order_by("-id").first()
    before: Any = newest.superseded_by_id if newest is not None else None
    if newest is None:
        # Stored before such changes were kept.
        others = population.cells.exclude(upload=upload).order_by("-id")
        before = others.values_list("upload_id", flat=True).first()
    row = {"margins": population.margins}
    history.remember(upload, "population", population.pk, row, brought_by=before)


def withdraw_margins(upload: Upload) -> None:
    """Give back what the population's file gave before."""
    for earlier in history.remembered(upload, "population"):
        Population.objects.filter(pk=earlier.key).update(margins=earlier.row["margins"])
