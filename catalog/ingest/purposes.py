"""Sensitive attributes say what they are needed for, and for how long, before values come in."""

from __future__ import annotations

import csv
import json
import zlib
from typing import Any

from django.conf import settings

from catalog.models import Attribute, Upload
from catalog.problems import Refusal

_BEARERS = {"items": Attribute.Of.ITEM, "annotators": Attribute.Of.ANNOTATOR}


def lacks_purpose(attribute: Attribute) -> bool:
    """Whether values of the attribute are refused until its purpose and retention are said."""
    said = attribute.purpose.strip() and attribute.retention.strip()
    return bool(settings.SENSITIVE_NEEDS_PURPOSE and attribute.sensitive and not said)


def demand(attribute: Attribute) -> str:
    """What is said of values that may not come in yet."""
    lacking = [name for name in ("purpose", "retention") if not getattr(attribute, name).strip()]
    fields = ", ".join(f'"{name}": "..."' for name in lacking)
    return (
        f"attribute {attribute.name!r} is declared sensitive without its {' and '.join(lacking)}; "
        f"PATCH attributes/{attribute.pk}/ with {{{fields}}}, then send the file again."
    )


def refuse_early(upload: Upload, head: bytes) -> None:
    """Refuse a file by its first bytes, before the rest is taken.

    A header that does not stand in them, or is not text, is left to the worker, which finds the
    same in every file.

    Raises
    ------
    Refusal
        400 ``purpose_required``, with each attribute that lacks its purpose or retention.
    """
    if not settings.SENSITIVE_NEEDS_PURPOSE:
        return
    of = _BEARERS.get(upload.kind, Attribute.Of.ANNOTATOR)
    names = _names(upload, head) if upload.kind in _BEARERS else upload.options.get("attributes")
    ignored = upload.options.get("ignore", [])
    rows = Attribute.objects.filter(dataset=upload.dataset, of=of, sensitive=True)
    lacking = [
        one for one in rows if one.name in {*(names or [])} - {*ignored} and lacks_purpose(one)
    ]
    if lacking:
        code = "purpose_required"
        sentences = [f"The {demand(one)}" for one in lacking]
        errors = [
            {"pointer": None, "column": one.name, "code": code, "message": sentence}
            for one, sentence in zip(lacking, sentences, strict=True)
        ]
        raise Refusal(" ".join(sentences), code=code, errors=errors)


def _names(upload: Upload, head: bytes) -> set[str]:
    """The columns that the file's first line names, by our names for them."""
    told: dict[str, Any] = upload.options
    if told.get("compression") == "gzip":
        try:
            head = zlib.decompressobj(31).decompress(head, 1 << 16)
        except zlib.error:
            return set()
    line = head.decode("utf-8-sig", "ignore").splitlines()[:1]
    ours = {theirs: name for name, theirs in told.get("columns", {}).items()}
    return {ours.get(name, name) for name in _fields(told, line)}


def _fields(told: dict[str, Any], line: list[str]) -> list[str]:
    if told.get("format") in ("csv", "tsv"):
        try:
            return next(csv.reader(line, delimiter=told.get("delimiter", ",")), [])
        except (csv.Error, TypeError):
            return []
    if told.get("format") == "ndjson" and line:
        try:
            row = json.loads(line[0])
        except ValueError:
            return []
        return list(row) if isinstance(row, dict) else []
    return []
