"""What an auditor may see of small subgroups: that they exist, not what they hold.

Subgroups add up: the values of an attribute to the whole, the cells of a pair to each of its
attributes. A small one alone in such a sum is a subtraction away, so a second one goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from catalog import access
from catalog.access import May, User
from catalog.models import Dataset
from measures.estimates import Reason

Key = frozenset[tuple[str, str]]
Families = dict[frozenset[str], dict[Key, int]]

_COUNTS = ("n", "n_labels", "n_items", "n_annotators")
_NUMBER = {"value", "reason", "n", "ci_low", "ci_high", "ci_level", "ci_method"}


def level_for(user: User, dataset: Dataset) -> str:
    """How much of a result a member is shown, for who reads the answer and for its ETag."""
    is_lead = access.may(user, dataset, May.READ_ROWS)
    return "full" if is_lead else f"min_cell_{dataset.min_cell}"


def withhold_small(result: Any, min_cell: int) -> Any:
    """The result with every number of a subgroup smaller than ``min_cell`` withheld.

    A subgroup is an object that names ``attributes``. One smaller than ``min_cell`` keeps its
    name, loses its counts, and each of its numbers becomes null with the reason ``suppressed``.
    So does one from which a small one could be told by subtraction, wherever it stands in the
    result. An empty subgroup is withheld too: that nobody is in it can be a disclosure.
    """
    families: dict[str, Families] = {}
    for row in _subgroups(result):
        if counts := _counts(row):
            cells = families.setdefault(row.get("of", "item"), {})
            family = cells.setdefault(frozenset(row["attributes"]), {})
            key = key_of(row)
            family[key] = min(counts + [family[key]] if key in family else counts)
    hidden = {of: cells_to_withhold(cells, min_cell) for of, cells in families.items()}
    return _shown(result, hidden, min_cell)


def _is_subgroup(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("attributes"), dict)


def _counts(subgroup: dict[str, Any]) -> list[int]:
    return [subgroup[name] for name in _COUNTS if isinstance(subgroup.get(name), int)]


def _subgroups(result: Any) -> Iterator[dict[str, Any]]:
    """Every subgroup of the result that is one of those that add up; no pair of two of them."""
    if _is_subgroup(result) and "compared_with" not in result:
        yield result
    inner = result.values() if isinstance(result, dict) else result
    for value in inner if isinstance(result, (dict, list)) else ():
        yield from _subgroups(value)


def _shown(result: Any, hidden: dict[str, set[Key]], min_cell: int) -> Any:
    if isinstance(result, list):
        return [_shown(item, hidden, min_cell) for item in result]
    if not isinstance(result, dict):
        return result
    if _is_subgroup(result) and (counts := _counts(result)):
        own = hidden.get(result.get("of", "item"), set())
        others = result.get("compared_with")
        if min(counts) < min_cell or key_of(result) in own or _key(others) in own:
            return withhold(result)
    return {key: _shown(value, hidden, min_cell) for key, value in result.items()}


def key_of(row: dict[str, Any]) -> Key:
    """What a subgroup is known by, whatever the order of its attributes."""
    return _key(row["attributes"])


def _key(attributes: Any) -> Key:
    return frozenset(attributes.items()) if isinstance(attributes, dict) else frozenset()


def cells_to_withhold(families: Families, min_cell: int) -> set[Key]:
    """Small cells, and enough others that no sum of shown numbers leaves just one unknown."""
    n = {key: count for cells in families.values() for key, count in cells.items()}
    hidden = {key for key, count in n.items() if count < min_cell}
    sums = _sums(families)
    found = bool(hidden)
    while found:
        found = False
        for members in sums:
            open_ones = [key for key in members if key not in hidden]
            if open_ones and len(members) - len(open_ones) == 1:
                hidden.add(min(open_ones, key=lambda key: (n[key], sorted(key))))
                found = True
    return hidden


def _sums(families: Families) -> list[list[Key]]:
    """Cells that add up to another cell, or to the whole; that other cell stands among them."""
    sums = []
    for names, cells in families.items():
        for size in range(len(names)):
            for part in map(frozenset, combinations(sorted(names), size)):
                if part and part not in families:
                    continue
                groups: dict[Key, list[Key]] = {}
                for key in cells:
                    within = frozenset(pair for pair in key if pair[0] in part)
                    groups.setdefault(within, []).append(key)
                sums += [
                    [*children, parent] if parent in families.get(part, {}) else children
                    for parent, children in groups.items()
                ]
    return sums


def withhold(subgroup: dict[str, Any]) -> dict[str, Any]:
    """The subgroup with its name alone: no count, and numbers with the reason ``suppressed``."""
    return {key: _withheld(key, value) for key, value in subgroup.items()}


def _withheld(key: str, value: Any) -> Any:
    if key in ("attributes", "of", "attribute", "target_share"):
        return value
    if key == "status":
        return "withheld"
    if isinstance(value, dict) and value.keys() >= _NUMBER:
        return dict.fromkeys(value) | {"reason": Reason.SUPPRESSED.value}
    if isinstance(value, dict):
        return {name: _withheld(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return []
    return None
