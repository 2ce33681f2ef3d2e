"""What the page about coverage shows, from the results about its population."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from audits import charts, matrices, pyramids
from audits.composition_findings import findings_of, meeting, standing_out
from audits.frames import Frame

LISTED = 15
PLANNED = 40
Row = dict[str, Any]
_WEIGHTS = {
    name: f"$.{name}"
    for name in (
        "reason",
        "detail",
        "effective_n",
        "design_effect",
        "least_weight",
        "greatest_weight",
        "n_weighted",
        "n_items",
        "largest_error",
        "unreachable_share",
    )
}


def coverage_page(frame: Frame) -> dict[str, Any]:
    """Gaps by attribute and where two meet, the pyramid, what is uncovered, what to collect."""
    context = frame.context()
    unknown = frame.whole("missingness", subject="", address="coverage/missingness")
    weights = frame.source("weights", _WEIGHTS, address="coverage/weights")
    context |= {"unknown": unknown, "weights": weights, "weight": _only(weights.parts)}
    if not frame.is_lead:
        context["weight"] |= {"detail": ""}
    if frame.found is None or frame.found.run is None:
        return context
    result = frame.result
    pairs = pairs_of(result["cells"])
    pyramid = pyramids.pyramid_of(result["cells"])
    chosen = _chosen(pairs, frame.request.GET.get("pair"))
    cells = [cell for cells in result["attributes"].values() for cell in cells]
    context |= {
        "axis": charts.gap_axis(cell["gap"] for cell in cells),
        "forests": list(result["attributes"].items()),
        "pairs": [(k, " × ".join(pair)) for k, pair in enumerate(pairs)],
        "pair": chosen,
        "matrix": None if chosen is None else _matrix(result["cells"], pairs[chosen]),
        "meeting": None if chosen is None else meeting(result["cells"], pairs[chosen]),
        "pyramid": pyramid,
        "standing_out": None
        if pyramid is None
        else standing_out(result["cells"], pyramid.attributes),
        "levels": levels_of(result),
        "purchases": (result.get("collection_plan") or {}).get("purchases", [])[:PLANNED],
        "findings": findings_of(result, unknown.parts, context["weight"]),
    }
    return context


def _only(parts: dict[str, list[Any]]) -> Row:
    """The one value of each part; nothing where there is no result."""
    return {name: found[0] for name, found in parts.items() if found}


def pairs_of(cells: list[Row]) -> list[tuple[str, str]]:
    """The pairs of attributes of which there are cells."""
    found = dict.fromkeys(tuple(c["attributes"]) for c in cells if len(c["attributes"]) == 2)
    return [(a, b) for a, b in found]


def _chosen(pairs: list[tuple[str, str]], said: str | None) -> int | None:
    """The pair that the reader chose, else the first."""
    if not pairs:
        return None
    chosen = int(said) if said is not None and said.isdecimal() else 0
    return chosen if chosen < len(pairs) else 0


def _matrix(cells: list[Row], pair: tuple[str, str]) -> matrices.Matrix:
    """The attribute with fewer values stands across, so that the table is no wider than needed."""
    own = [cell for cell in cells if set(cell["attributes"]) == set(pair)]
    sizes = {name: len({cell["attributes"][name] for cell in own}) for name in pair}
    across, down = sorted(pair, key=lambda name: sizes[name])
    return matrices.cell_matrix(own, across, down)


def levels_of(result: Row) -> list[Row]:
    """The uncovered patterns by level: how many there are, and the heaviest of them."""
    patterns = sorted(result.get("uncovered_patterns", []), key=lambda row: len(row["attributes"]))
    totals = (result.get("uncovered_summary") or {}).get("per_level", {})
    found = []
    for level, group in groupby(patterns, key=lambda row: len(row["attributes"])):
        rows = list(group)
        found.append(
            {
                "level": level,
                "n": totals.get(str(level), len(rows)),
                "rows": rows[:LISTED],
                "more": rows[LISTED : 4 * LISTED],
            }
        )
    return found
