"""Exports of annotation tools, and tables that are not one row an answer, as rows of answers.

Each reader takes bytes and answers the same table of long rows: item, annotator, label, question,
status, round, labelled_at, duration_ms, role. What a format does not say is asked for. LeWiDi has
a file about the annotators too, which becomes a table of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.exports.argilla import read_argilla
from catalog.reading.exports.doccano import read_doccano
from catalog.reading.exports.labelstudio import (
    read_labelstudio,
    read_labelstudio_csv,
    read_labelstudio_min,
)
from catalog.reading.exports.lewidi import read_lewidi, read_people
from catalog.reading.exports.prodigy import read_prodigy
from catalog.reading.exports.wide import read_dices, read_wide
from catalog.reading.tables import Table

_READERS: dict[str, Callable[[Path, Layout, Options], Table]] = {
    "wide": read_wide,
    "dices": read_dices,
    "labelstudio": read_labelstudio,
    "labelstudio-min": read_labelstudio_min,
    "labelstudio-csv": read_labelstudio_csv,
    "prodigy": read_prodigy,
    "doccano": read_doccano,
    "argilla": read_argilla,
    "lewidi": read_lewidi,
}


def read_export(path: Path, layout: Layout, options: Options) -> Table:
    """Read an export in this process; whatever it holds, the answer is a table."""
    if not any(column.name == "label" for column in layout.columns):
        return read_people(path, layout, options)
    return _READERS[options.format](path, layout, options)
