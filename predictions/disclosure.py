"""What each member may see of a calibration result."""

from __future__ import annotations

from typing import Any

from catalog import access
from catalog.access import May, User
from catalog.disclosure import Families, Key, cells_to_withhold, key_of, withhold, withhold_small
from catalog.models import Dataset

Row = dict[str, Any]
#: What a bin of probabilities is called among the attributes; no attribute's name holds a NUL.
_BIN = "\0bin"
#: Larger than any cell: what is shown in any case is the last to be withheld.
_SHOWN = 1 << 62


def visible(user: User, dataset: Dataset, result: dict[str, Any]) -> dict[str, Any]:
    """What this member may see of a calibration result: small subgroups are for managers."""
    if access.may(user, dataset, May.READ_ROWS):
        return result
    return _with_large_bins(withhold_small(result, dataset.min_cell), dataset.min_cell)


def _with_large_bins(result: Row, min_cell: int) -> Row:
    """The curves of subgroups without what is told of fewer than ``min_cell`` items.

    The bins of a subgroup add up to it, and those of an attribute's values to the whole's: they
    are cells like others, so that none is a subtraction away.
    """
    rows = result.get("subgroups", [])
    families: Families = {}
    for row in rows:
        if row["n"] is not None and row.get("curve"):
            _enter(families, key_of(row), row["curve"]["bins"])
    if not families:
        return result
    # Of several labels an item each is counted: so many rest on min_cell items at least.
    least = min_cell * (len(result["classes"]) if result["notion"] == "label" else 1)
    bins = enumerate(result["curve"]["bins"])
    families[frozenset([_BIN])] = {frozenset([(_BIN, str(b))]): _SHOWN for b, _ in bins}
    hidden = cells_to_withhold(families, least)
    return {**result, "subgroups": [_coarser(row, hidden, least) for row in rows]}


def _enter(families: Families, key: Key, bins: list[Row]) -> None:
    names = frozenset(name for name, _ in key)
    families.setdefault(names, {})[key] = _SHOWN
    cells = families.setdefault(names | {_BIN}, {})
    for b, one in enumerate(bins):
        cells[key | {(_BIN, str(b))}] = one["n"]


def _coarser(row: Row, hidden: set[Key], least: int) -> Row:
    curve, key = row.get("curve"), key_of(row)
    if row["n"] is None or not curve:
        return row
    if "weighting" in row:
        # Which parts of a population it lacks would tell where nobody is.
        row = {**row, "weighting": {**row["weighting"], "lacking": []}}
    bins = [
        {**withhold(one), "low": one["low"], "high": one["high"]}
        if key | {(_BIN, str(b))} in hidden
        else one
        for b, one in enumerate(curve["bins"])
    ]
    # Each point of the band is an item's own probability: so many items to each that is shown.
    step = max(1, -(-len(curve["band"]) * least // max(row["n"], 1)))
    band = curve["band"][step // 2 :: step]
    corp = _joined(curve["corp"], least)
    return {**row, "curve": {**curve, "bins": bins, "band": band, "corp": corp}}


def _joined(steps: list[Row], min_cell: int) -> list[Row]:
    """Neighbouring steps put together until each rests on ``min_cell`` items."""
    found: list[Row] = []
    for step in steps:
        if found and found[-1]["n"] < min_cell:
            found[-1] = _both(found[-1], step)
        else:
            found.append(step)
    if len(found) > 1 and found[-1]["n"] < min_cell:
        found[-2:] = [_both(*found[-2:])]
    return found


def _both(first: Row, second: Row) -> Row:
    n = first["n"] + second["n"]
    mean = (first["calibrated"] * first["n"] + second["calibrated"] * second["n"]) / n
    return {"p_low": first["p_low"], "p_high": second["p_high"], "calibrated": mean, "n": n}
