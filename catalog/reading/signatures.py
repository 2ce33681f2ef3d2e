"""Which tool's export a plain table seems to be, by the names that only that tool gives."""

from __future__ import annotations

from collections.abc import Iterable

_SIGNATURES = (
    ({"annotations", "data"}, "labelstudio"),
    ({"completions", "data"}, "labelstudio"),
    ({"_input_hash"}, "prodigy"),
    ({"_task_hash"}, "prodigy"),
    ({"annotators", "annotations"}, "lewidi"),
    ({"rater_id", "item_id"}, "dices"),
)


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
