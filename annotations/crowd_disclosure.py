"""What each member may see of annotators, of a consensus and of label issues.

Leads (managers and owners) see items and annotators by name. Auditors see annotators under
pseudonyms and no row about an item. A contributor sees the summary and their own row.
"""

from __future__ import annotations

from typing import Any

from annotations import queries
from catalog import access
from catalog.access import May, User
from catalog.models import Dataset
from catalog.problems import Refusal
from catalog.queries import item_names

Row = dict[str, Any]


def is_lead(user: User, dataset: Dataset) -> bool:
    """Whether this member may see rows about items and people by name."""
    return access.may(user, dataset, May.READ_ROWS)


def level_of(user: User, dataset: Dataset) -> str:
    """How much of a result this member sees, as the result says of itself."""
    if is_lead(user, dataset):
        return "full"
    if access.may(user, dataset, May.READ_RESULTS):
        return f"min_cell_{dataset.min_cell}"
    number = _own_number(user, dataset)
    return "own" if number is None else f"own_{number + 1}"


def lead_only(user: User, dataset: Dataset, what: str) -> None:
    """Refuse rows about items or people to those who may not see them."""
    if not is_lead(user, dataset):
        raise Refusal(
            f"{what} is for managers and owners of {dataset.slug!r}; ask one of them.",
            code="permission_denied",
            status=403,
        )


def visible_annotators(user: User, dataset: Dataset, rows: list[Row]) -> list[Row]:
    """Those rows about annotators that this member may see, by name or under pseudonyms."""
    level = level_of(user, dataset)
    if level.startswith("own"):
        own = _own_number(user, dataset)
        rows = [row for row in rows if row["annotator"] == own]
    return with_annotators(dataset, rows, is_lead=level == "full")


def _own_number(user: User, dataset: Dataset) -> int | None:
    """The number of the annotator that a contributor labels under, where there is one."""
    name = access.membership_of(user, dataset).annotator
    return queries.annotator_number(dataset, name) if name else None


def with_annotators(dataset: Dataset, rows: list[Row], *, is_lead: bool) -> list[Row]:
    """The rows with annotators by name for the lead, else under pseudonyms."""
    numbers = {row["annotator"] for row in rows}
    names = {number: f"annotator {number + 1}" for number in numbers}
    if is_lead:
        names |= queries.annotator_names(dataset, numbers)
    return [{**row, "annotator": names[row["annotator"]]} for row in rows]


def with_names(dataset: Dataset, rows: list[Row]) -> list[Row]:
    """Rows about items, and about annotators where they have one, by name; for leads."""
    names = item_names(dataset.pk, {row["item"] for row in rows})
    rows = [{**row, "item": names.get(row["item"])} for row in rows]
    has_annotators = bool(rows) and "annotator" in rows[0]
    return with_annotators(dataset, rows, is_lead=True) if has_annotators else rows
