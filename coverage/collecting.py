"""What to collect so that every subgroup, down to a level, has enough items."""

from __future__ import annotations

from math import prod
from typing import Any

from coverage.queries import ProfileCounts, Values, cube_of
from coverage.uncovered import threshold_of
from measures.coverage.collection import collection_plan
from measures.coverage.constraints import Constraints, Rule
from measures.coverage.patterns import uncovered_cells
from measures.estimates import Reason

MAX_COMBINATIONS = 100_000
SECONDS = 10.0


def plan_of(
    counts: ProfileCounts, domains: Values, targeted: list[str], parameters: dict[str, Any]
) -> dict[str, Any]:
    """The cheapest collection plan that is known, over as many attributes as can be weighed up.

    Over all attributes that have values; over those of the target alone where the combinations
    of all are too many.
    """
    names = [name for name in parameters["attributes"] or domains if domains.get(name)]
    for chosen in (names, [name for name in names if name in targeted]):
        used = {name: domains[name] for name in chosen}
        if used and prod(map(len, used.values())) <= MAX_COMBINATIONS:
            return _planned(counts, used, parameters)
    return _none(
        "There are no attributes to collect by, or too many combinations of their values; "
        "name fewer in the parameter attributes."
    )


def _planned(counts: ProfileCounts, used: Values, parameters: dict[str, Any]) -> dict[str, Any]:
    threshold = threshold_of(parameters, sum(counts.n))
    lacking = uncovered_cells(cube_of(counts, used), threshold, max_level=parameters["plan_level"])
    rules = [Rule(where) for where in parameters["impossible"] or ()]
    try:
        plan = collection_plan(lacking, Constraints(impossible=rules), seconds=SECONDS)
    except ValueError as error:
        return _none(str(error))
    asked = {
        "threshold": threshold.n,
        "max_level": parameters["plan_level"],
        "attributes": list(used),
    }
    return {"reason": None, "detail": "", **asked, **plan.as_dict()}


def _none(detail: str) -> dict[str, Any]:
    return {"reason": Reason.NOT_APPLICABLE.value, "detail": detail, "purchases": []}
