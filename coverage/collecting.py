"""What to collect so that every subgroup, down to a level, has enough items."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from coverage.gains import calibration_gains, precision_gains
from coverage.material import Material
from coverage.queries import Values, cube_of
from coverage.uncovered import threshold_of
from measures.coverage.cells import deficit_at_fixed_n, topup_no_removal
from measures.coverage.collection import collection_plan
from measures.coverage.constraints import Constraints, Cost, Rule, Supply
from measures.coverage.outlook import half_widths
from measures.coverage.patterns import uncovered_cells
from measures.coverage.representation import Representation
from measures.estimates import Reason

MAX_COMBINATIONS = 100_000
SECONDS = 10.0


def plan_of(work: Material) -> dict[str, Any]:
    """The cheapest collection plan that is known, over as many attributes as can be weighed up.

    Over all attributes that have values; over those of the target alone where the combinations
    of all are too many.
    """
    domains, targeted = work.domains, set(work.target.names)
    names = [name for name in work.parameters["attributes"] or domains if domains.get(name)]
    for chosen in (names, [name for name in names if name in targeted]):
        used = {name: domains[name] for name in chosen}
        if used and prod(map(len, used.values())) <= MAX_COMBINATIONS:
            return _planned(work, used)
    return _none(
        "There are no attributes to collect by, or too many combinations of their values; "
        "name fewer in the parameter attributes."
    )


def _planned(work: Material, used: Values) -> dict[str, Any]:
    asked = work.parameters
    threshold = threshold_of(asked, sum(work.counts.n))
    lacking = uncovered_cells(cube_of(work.counts, used), threshold, max_level=asked["plan_level"])
    try:
        plan = collection_plan(lacking, constraints_of(asked), seconds=SECONDS)
    except ValueError as error:
        return _none(str(error))
    share, level = float(asked["expected_share"]), asked["ci_level"]
    wanted = float(half_widths([threshold.n], share=share, level=level)[0])
    is_counted_by_item = work.population.of == "item" and asked["unit"] == "items"
    return {
        "reason": None,
        "detail": "",
        "threshold": threshold.n,
        "why": threshold.why,
        "max_level": asked["plan_level"],
        "attributes": list(used),
        **plan.as_dict(),
        "half_width": wanted,
        "precision": precision_gains(lacking, plan, share, level),
        "calibration": calibration_gains(work.population.dataset, plan, used, asked, wanted)
        if is_counted_by_item
        else [],
    }


def constraints_of(asked: dict[str, Any]) -> Constraints:
    """What the parameters say of combinations that do not exist, their prices and supplies."""
    return Constraints(
        impossible=[Rule(where) for where in asked["impossible"] or ()],
        costs=[Cost(Rule(row["where"]), float(row["cost"])) for row in asked["costs"] or ()],
        supplies=[Supply(Rule(row["where"]), row["at_most"]) for row in asked["supplies"] or ()],
    )


def composition_of(found: Representation) -> dict[str, Any] | None:
    """How many items it takes to have the target's shares, by exchange or by addition.

    Over the largest set of attributes whose cells the result holds.
    """
    families = [family for family in found.families if family.target is not None]
    if not families or not found.n_items:
        return None
    widest = max(families, key=lambda family: len(family.names))
    x, q = widest.counts.ravel(), np.asarray(widest.target, float).ravel()
    moved, added = int(deficit_at_fixed_n(x, q).sum()), int(topup_no_removal(x, q).sum())
    return {
        "attributes": list(widest.names),
        "n_counted": widest.n_items,
        "deficit_at_fixed_n": moved,
        "topup_no_removal": added,
        "words": f"At the present size {moved:,} items would have to be of other combinations of "
        f"{', '.join(widest.names)}; if none is given up, {added:,} have to be added.",
    }


def _none(detail: str) -> dict[str, Any]:
    return {"reason": Reason.NOT_APPLICABLE.value, "detail": detail, "purchases": []}
