"""How the newest file of a kind was read, offered for the next one; never applied unasked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from catalog.models import Dataset, Upload
from catalog.reading.columns import EXPORTS

# Who answered belongs to a file, not to its kind, and is not offered.
_OFFERED = (
    "columns",
    "questions",
    "orientation",
    "attributes",
    "gold",
    "ignore",
    "delimiter",
    "decimal",
    "timezone",
)


def newest_options(uploads: Iterable[Upload]) -> dict[str, Any]:
    """The options worth offering of the first stored file, of uploads with the newest first."""
    for upload in uploads:
        if upload.state == Upload.State.STORED and not upload.dry_run:
            found = {name: upload.options[name] for name in _OFFERED if name in upload.options}
            if found:
                return {"format": upload.options.get("format"), **found}
    return {}


def remembered(dataset: Dataset, kind: str, form: str | None = None) -> dict[str, Any]:
    """How the newest stored file of a kind, and of a format where one is said, was read."""
    stored = dataset.uploads.filter(kind=kind, state=Upload.State.STORED, dry_run=False)
    if form is not None:
        stored = stored.filter(options__format=form)
    rows = stored.filter(options__has_any_keys=list(_OFFERED)).order_by("-finished_at")
    return newest_options(rows.defer("problems", "warnings")[:1])


def parameters_of(options: dict[str, Any]) -> dict[str, str]:
    """Options as the query parameters that say them again."""
    said = {name: value for name, value in options.items() if name != "format" or value in EXPORTS}
    return {name: _parameter(value) for name, value in said.items()}


def _parameter(value: Any) -> str:
    if isinstance(value, dict):
        only = value.get("") if len(value) == 1 else None
        return only if only is not None else json.dumps(value, ensure_ascii=False)
    return ",".join(value) if isinstance(value, list) else str(value)
