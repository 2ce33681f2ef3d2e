"""Which tool's export a plain table seems to be, by the names that only that tool gives."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SIGNATURES = (
    ({"annotations", "data"}, "labelstudio"),
    ({"completions", "data"}, "labelstudio"),
    ({"_input_hash"}, "prodigy"),
    ({"_task_hash"}, "prodigy"),
    ({"annotators", "annotations"}, "lewidi"),
    ({"rater_id", "item_id"}, "dices"),
)

# What other tools and people call our columns.
_SYNONYMS = {
    "item": "task image image_id example sample unit document text_id question_id id",
    "annotator": "worker rater coder labeler labeller user judge workerid who",
    "label": "answer annotation response rating class judgment judgement output value",
}


# Columns that only these tools write, and how such a table is read without a format of its own.
_WAYS_OUT = (
    (
        {"HITId", "WorkerId"},
        "Mechanical Turk wrote this table; send format=dices, columns={"
        '"item": "Input...", "annotator": "WorkerId"}, the columns Answer... as questions=, and '
        "the others as ignore=.",
    ),
    (
        {"ASSIGNMENT:worker_id"},
        "Toloka wrote this table; send format=dices, delimiter=tab, columns={"
        '"item": "INPUT:...", "annotator": "ASSIGNMENT:worker_id"}, the columns OUTPUT:... as '
        "questions=, GOLDEN:... as gold=, and the others as ignore=.",
    ),
    (
        {"id", "text", "label"},
        "If doccano wrote it: its CSV names nobody; export JSONL, and send format=doccano with "
        "annotator=.",
    ),
    (
        {"images", "annotations"},
        "COCO's boxes and regions are not taken; of labels of whole images write one object for "
        "each answer, with item, annotator and label.",
    ),
    (
        {"data_row", "projects"},
        "Labelbox wrote this file, whose form is not read; write one object for each answer, "
        "with item (data_row.id), annotator (label_details.created_by) and label.",
    ),
)


# What a first line says that is no header of a table at all.
_FIRST_LINES = (
    ("sep=", "The first line tells Excel the delimiter; remove it, and send delimiter= instead."),
    (
        "version https://git-lfs",
        "This is a pointer of Git LFS, not the file; fetch it with git lfs pull.",
    ),
    ("#", "The first line is a comment, of which tables have none; remove it."),
    ("{", "This looks like JSON; send format=json, or format=ndjson for one object a line."),
    ("'", "Enclose fields in double quotes, or in none."),
    ("\u201c", "Enclose fields in straight double quotes, or in none."),
)
NO_HEADER = (
    "If this line is a title, remove it; if it is a row of data, add the line that names the "
    "columns above it."
)

ROW_NUMBERS = (
    "If R or pandas wrote the row numbers here, write with row.names = FALSE or index=False."
)


def what_file(names: list[str], *, delimited: bool) -> str | None:
    """A hint at what a file is that names none of our columns."""
    written = next((way for keys, way in _WAYS_OUT if keys <= {*names}), None)
    if written is not None:
        return written
    if not delimited:
        if {"columns", "data"} <= {*names}:
            return "pandas wrote it with orient='split'; write it with orient='records'."
        if len(names) != 1:
            return None
        return "If the rows are a list under this key, send that list alone."
    first = names[0].strip().casefold() if names else ""
    return next((hint for start, hint in _FIRST_LINES if first.startswith(start)), None)


def unknown_hint(name: str, known: Iterable[str]) -> str | None:
    """What an unknown column probably is: a row index, one of ours misspelled, a class."""
    plain, ours = name.strip().casefold(), list(known)
    if plain.startswith(("unnamed:", "__index_level_")):
        return (
            "pandas wrote the row numbers; write with index=False, or leave them out with ignore=."
        )
    if f"p_{plain}" in ours:
        return f"The probability of a class stands in a column p_<class>: p_{plain}."
    close = get_close_matches(plain, ours, n=1, cutoff=0.75)
    return f"Did you mean '{close[0]}'?" if close else None


def likely_columns(names: Iterable[str], missing: Iterable[str]) -> dict[str, str]:
    """Our missing columns and the names in a header that probably mean them; all or none."""
    means = {name.strip().casefold(): name for name in names}
    found = {
        ours: means[word]
        for ours in missing
        for word in reversed(_SYNONYMS.get(ours, "").split())
        if word in means
    }
    return found if set(found) == set(missing) else {}


def likely_export(names: Iterable[str], *, delimited: bool) -> str | None:
    """The format that a table with these columns or keys was probably written in."""
    given = {name.strip() for name in names}
    found = next((form for keys, form in _SIGNATURES if keys <= given), None)
    if found is None and {"annotation_id", "annotator"} <= given:
        found = "labelstudio-csv" if delimited else "labelstudio-min"
    if found is None and any(name.endswith(".responses") for name in given):
        found = "argilla"
    if found is None and not delimited and {"id", "label"} <= given and given & {"text", "data"}:
        found = "doccano"
    return found
