"""What each member may see of a coverage result; auditors, no small cell.

Cells add up: those of an attribute to the whole, those of a pair to each of its attributes. A
small cell alone in such a sum is a subtraction away, so a second cell of the sum is withheld too.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import access
from catalog.access import May, User
from catalog.disclosure import (
    Families,
    Key,
    cells_to_withhold,
    key_of,
    withhold,
    withhold_small,
)
from catalog.models import Dataset
from measures.coverage.cube import Cube
from measures.estimates import Reason

Cell = dict[str, Any]
DISTANCES = 9
"""Numbers about an attribute set as a whole: as many equations, which so many cells could solve."""


def visible(user: User, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of a coverage result."""
    if access.may(user, dataset, May.READ_ROWS):
        return result
    return disclosed(result, dataset.min_cell)


def disclosed(result: dict[str, Any], min_cell: int) -> dict[str, Any]:
    """The result for auditors.

    Withheld are cells with fewer than ``min_cell`` members, empty ones too; cells that would
    give those away; distances that few withheld cells could be computed from; the lists of
    absent values and of what to collect, which say how many there are not.
    """
    families = _families(result)
    hidden = cells_to_withhold(families, min_cell)
    shown = {**result, "outside_target": withhold_small(result["outside_target"], min_cell)}
    shown["attributes"] = {
        name: [_shown(cell, hidden, families) for cell in cells]
        for name, cells in result["attributes"].items()
    }
    shown["cells"] = [_shown(cell, hidden, families) for cell in result["cells"]]
    shown["uncovered_patterns"] = [
        withhold(row) if row["n"] < min_cell or key_of(row) in hidden else row
        for row in result["uncovered_patterns"]
    ]
    shown["overall"] = _whole(result["overall"], hidden, families)
    shown["per_attribute"] = {
        name: _whole(one, hidden, families) for name, one in result["per_attribute"].items()
    }
    shown["target_lacking"] = []
    shown["label_patterns"] = None
    shown["collection_plan"] = {
        "reason": Reason.SUPPRESSED.value,
        "detail": "A plan says how many items each subgroup has; ask a manager for it.",
        "purchases": [],
    }
    return shown


def _families(result: dict[str, Any]) -> Families:
    families: Families = {}
    lists = [*result["attributes"].values(), result["cells"]]
    for cell in (cell for cells in lists for cell in cells):
        names = frozenset(cell["attributes"])
        families.setdefault(names, {})[key_of(cell)] = cell["n"]
    return families


def _shown(cell: Cell, hidden: set[Key], families: Families) -> Cell:
    if key_of(cell) in hidden:
        return withhold(cell)
    if _n_hidden(cell["attributes"], hidden, families):
        # The top-up of every cell follows from the most over-represented one, perhaps a small one.
        return {**cell, "topup_no_removal": None}
    return cell


def _n_hidden(names: Any, hidden: set[Key], families: Families) -> int:
    return len(hidden & families.get(frozenset(names), {}).keys())


def _whole(overall: dict[str, Any], hidden: set[Key], families: Families) -> dict[str, Any]:
    if not 0 < _n_hidden(overall["attributes"], hidden, families) <= DISTANCES:
        return overall
    numbers = withhold({name: x for name, x in overall.items() if isinstance(x, dict)})
    return {**overall, **numbers, "n_empty_cells": None, "verdict": "withheld"}


def hidden_subgroups(items: Cube, own: Cube | None, level: int, min_cell: int) -> set[Key]:
    """Subgroups with few items, with or without a label, and those that would give them away.

    Parameters
    ----------
    items, own : Cube
        All items, and those with the label; None where items alone are counted.
    level : int, attributes in a subgroup at most
    min_cell : int
    """
    families: Families = {}
    for size in range(1, level + 1):
        for names in combinations(items.names, size):
            n = items.table(names)
            # Unknown values take part: they are in the same sums, and never shown themselves.
            values = [[*items.attribute(name).values, ""] for name in names]
            small = n if own is None else _rarer(own.table(names), n)
            families[frozenset(names)] = {
                frozenset(
                    (name, own_values[at])
                    for name, own_values, at in zip(names, values, place, strict=True)
                ): int(small[place])
                for place in np.ndindex(*small.shape)
                # Nobody there is no secret that could hide another one.
                if n[place]
            }
    return cells_to_withhold(families, min_cell)


def _rarer(k: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.minimum(k, n - k))
