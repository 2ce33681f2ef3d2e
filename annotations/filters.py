"""Which rows of an agreement result's tables were asked for."""

from __future__ import annotations

from typing import Any

from catalog.problems import Refusal

Row = dict[str, Any]
CHOICES = {
    "of": ("item", "annotator"),
    "level": ("1", "2"),
    "kind": ("batch", "week", "guideline_version"),
}


def table_rows(shown: dict[str, Any], table: str, query: dict[str, str]) -> list[Row]:
    """The rows of one table that pass every filter of the query.

    Results of earlier versions of the service lack the newer tables; those are empty then.
    """
    for name, choices in CHOICES.items():
        if name in query and query[name] not in choices:
            raise Refusal(
                f"{name} must be one of {', '.join(choices)}; it is {query[name]!r}.",
                code="invalid",
                pointer=name,
            )
    if table == "items":
        rows: list[Row] = shown["items"]["most_disagreeing"]
        return rows
    key = "cells" if table == "subgroups" and query.get("level") == "2" else table
    return [row for row in shown.get(key, []) if _passes(row, query)]


def _passes(row: Row, query: dict[str, str]) -> bool:
    return (
        ("of" not in query or row["of"] == query["of"])
        and ("attribute" not in query or query["attribute"] in row["attributes"])
        and ("kind" not in query or row["kind"] == query["kind"])
        and ("annotator" not in query or query["annotator"] in row["annotators"])
    )
