"""How many rows a query has: counted when they are few, estimated when they are many."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

COUNTED_UP_TO = 10_000


@dataclass(frozen=True)
class Size:
    """A number of rows, and whether it was counted or estimated."""

    n: int
    is_exact: bool


def size_of(rows: QuerySet[Any, Any]) -> Size:
    """The number of rows of a query, without reading a table of millions.

    Up to 10,000 rows are counted; beyond, PostgreSQL's planner says how many it expects, from
    the statistics that it keeps.
    """
    plain = rows.order_by()
    counted = plain[: COUNTED_UP_TO + 1].count()
    if counted <= COUNTED_UP_TO:
        return Size(counted, is_exact=True)
    plan = json.loads(plain.explain(format="json"))
    return Size(max(counted, _most_rows(plan[0]["Plan"])), is_exact=False)


def _most_rows(plan: dict[str, Any]) -> int:
    """The largest step of a plan.

    Our joins add columns, not rows, and the planner thinks too little of joins with small tables
    that it never analysed; the scan of the large table is what it knows well.
    """
    return max([int(plan["Plan Rows"]), *map(_most_rows, plan.get("Plans", []))])
