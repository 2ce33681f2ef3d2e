"""Values of files that an attribute's definition puts in the place of others."""

from __future__ import annotations

import numpy as np

from catalog.models import Attribute
from catalog.reading.tables import TextColumn


def mapped(attribute: Attribute, column: TextColumn) -> TextColumn:
    """A column with the attribute's own values where its mapping says so: ``03-Sep`` as ``3-9``."""
    if not attribute.mapping.keys() & set(column.values):
        return column
    kept: dict[str, int] = {}
    codes = [
        kept.setdefault(str(attribute.mapping.get(value, value)), len(kept))
        for value in column.values
    ]
    renumber = np.array([*codes, -1], np.int32)
    return TextColumn(renumber[column.codes], list(kept))
