"""Attributes that a file brings and nobody declared."""

from __future__ import annotations

from catalog.ingest.checks import NoticeCode, RowCode
from catalog.ingest.history import remember
from catalog.ingest.identifiers import why_identifying
from catalog.ingest.incoming import Incoming
from catalog.models import Attribute
from catalog.reading.problems import counted
from catalog.reading.tables import TextColumn

MAX_CATEGORIES = 200
#: Columns that mean something of their own in a file, so that no attribute can be called so.
OWN_COLUMNS = frozenset({"item", "annotator", "label"})


def declare(
    incoming: Incoming, of: Attribute.Of, name: str, column: TextColumn
) -> Attribute | None:
    """An attribute that nobody declared: categorical, its values are those of the file."""
    if name in OWN_COLUMNS:
        incoming.refuse_file(
            RowCode.HEADER_UNKNOWN_COLUMN,
            name,
            f"column {name!r} is no attribute of {of}s; a file of labels goes to uploads/labels/. "
            f"Send it there, or leave the column out with ignore={name}.",
        )
        return None
    if (why := why_identifying(name, column.values)) is not None:
        incoming.refuse_file(
            RowCode.DIRECT_IDENTIFIER,
            name,
            f"column {name!r} {why}; leave it out with ignore={name}, or declare it as an "
            "attribute if it does not.",
        )
        return None
    attribute = Attribute(dataset=incoming.dataset, of=of, name=name, declared=False)
    if len(column.values) > MAX_CATEGORIES:
        incoming.refuse_file(
            RowCode.TOO_MANY_CATEGORIES,
            name,
            f"column {name!r} has {len(column.values):,} distinct values, more than the "
            f"{MAX_CATEGORIES} that subgroups can have; leave it out with ignore={name}, or "
            "declare it as a numeric attribute with bands.",
        )
        return None
    attribute.save()
    remember(incoming.upload, "attribute", attribute.pk, {"created": True, "values": []})
    incoming.warn(
        NoticeCode.ATTRIBUTES_DECLARED,
        f"Column {name!r} was not declared; it is now a categorical attribute of {of}s with "
        f"{counted(len(column.values), 'value')}.",
    )
    return attribute
