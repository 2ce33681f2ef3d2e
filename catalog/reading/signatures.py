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

# What other tools and people call our columns.
_SYNONYMS = {
    "item": "task image image_id example sample unit document text_id question_id id",
    "annotator": "worker rater coder labeler labeller user judge workerid who",
    "label": "answer annotation response rating class judgment judgement output value",
}


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
