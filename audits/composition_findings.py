"""What the results about a population say, in sentences."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits.findings import subgroup_name, with_interval
from audits.numerals import localized, things

Row = dict[str, Any]


def findings_of(result: Row, unknown: Row, weight: Row) -> list[str]:
    """The sentences at the top of the page; none about a number that the reader may not see."""
    said = [
        _distance(result["overall"]),
        *_far_off(result),
        _outside(result["overall"]),
        _uncovered(result),
        _plan(result.get("collection_plan") or {}),
        _weight(weight),
        *_unknown(unknown),
    ]
    return [one for one in said if one]


def _count(n: float) -> str:
    return localized(f"{n:,.0f}")


def _distance(overall: Row) -> str | None:
    """How far the whole composition is from the target, beside what chance gives."""
    number = overall.get("total_variation") or {}
    if number.get("value") is None:
        return None
    said = _("%(share)s of the items would have to be others to match the target") % {
        "share": _percent(number["value"])
    }
    chance = number.get("noise_high")
    distance = _("total variation %(value)s, n = %(n)s") % {
        "value": with_interval(number, 3),
        "n": _count(number["n"]),
    }
    if chance is None:
        return f"{said} ({distance})."
    by_chance = _("sampling alone would give up to %(chance)s") % {"chance": _percent(chance)}
    return f"{said} ({distance}); {by_chance}."


def _percent(share: float) -> str:
    return localized(f"{100 * share:.1f}") + "\u202f%"


def _far_off(result: Row) -> list[str]:
    """The three largest gaps below the target, wherever attributes meet."""
    cells = [cell for cells in result["attributes"].values() for cell in cells]
    gaps = [
        cell
        for cell in [*cells, *result["cells"]]
        if cell["status"] == "gap" and cell["gap"]["value"] is not None
    ]
    lacking = sorted((c for c in gaps if c["gap"]["value"] < 0), key=lambda c: c["gap"]["value"])
    return [
        _("%(who)s: %(share)s where the target has %(target)s (n = %(n)s, ratio %(ratio)s).")
        % {
            "who": subgroup_name(cell["attributes"]),
            "share": _percent(cell["share"]["value"]),
            "target": _percent(cell["target_share"]),
            "n": _count(cell["n"]),
            "ratio": with_interval(cell["ratio"]),
        }
        for cell in lacking[:3]
    ]


def meeting(cells: list[Row], pair: tuple[str, str]) -> str:
    """What the heat map of two attributes says: how many of its cells are gaps."""
    own = [cell for cell in cells if set(cell["attributes"]) == set(pair)]
    gaps = [cell for cell in own if cell["status"] == "gap"]
    where = " × ".join(pair)
    if not gaps:
        return _("Where %(where)s meet, none of %(n)s cells is a certain gap") % {
            "where": where,
            "n": _count(len(own)),
        }
    largest = max(gaps, key=lambda cell: abs(cell["gap"]["value"]))
    return ngettext(
        "Where %(where)s meet, one of %(n)s cells is a gap: %(who)s, ratio %(ratio)s",
        "Where %(where)s meet, %(k)s of %(n)s cells are gaps; the largest is %(who)s, ratio "
        "%(ratio)s",
        len(gaps),
    ) % {
        "where": where,
        "k": _count(len(gaps)),
        "n": _count(len(own)),
        "who": subgroup_name(largest["attributes"]),
        "ratio": with_interval(largest["ratio"]),
    }


def standing_out(cells: list[Row], pair: tuple[str, str]) -> str:
    """What the pyramid says: the cells furthest below and above the target."""
    own = [
        cell
        for cell in cells
        if set(cell["attributes"]) == set(pair) and cell["gap"]["value"] is not None
    ]
    if not own:
        return _("All shares are withheld, since the subgroups are small")
    ends = [pick(own, key=lambda cell: cell["gap"]["value"]) for pick in (min, max)]
    few, many = (
        _("%(who)s (%(share)s, target %(target)s)")
        % {
            "who": " ".join(str(value) for value in cell["attributes"].values()),
            "share": _percent(cell["share"]["value"]),
            "target": _percent(cell["target_share"]),
        }
        for cell in ends
    )
    return _("Furthest below the target: %(few)s; furthest above: %(many)s") % {
        "few": few,
        "many": many,
    }


def _outside(overall: Row) -> str | None:
    outside, missing = overall.get("n_outside_target"), overall.get("n_missing")
    if not outside and not missing:
        return None
    return _(
        "Not compared: %(outside)s items with values that the target lacks, %(missing)s with an "
        "unknown value."
    ) % {"outside": _count(outside or 0), "missing": _count(missing or 0)}


def _uncovered(result: Row) -> str | None:
    """How many combinations have too few items, and from how many attributes on."""
    summary = result.get("uncovered_summary") or {}
    n = summary.get("n_patterns")
    if not n:
        return None
    return ngettext(
        "One combination of up to %(level)s attributes has fewer than %(least)s items.",
        "%(n)s combinations of up to %(level)s attributes have fewer than %(least)s items.",
        n,
    ) % {
        "n": _count(n),
        "level": summary["max_level"],
        "least": summary["threshold"],
    }


def _plan(plan: Row) -> str | None:
    """How few items fill every combination, and whether fewer could."""
    if not plan.get("n_items"):
        return None
    said = _("Collecting %(items)s fills every combination of up to %(level)s attributes") % {
        "items": things(plan["n_items"], "item"),
        "level": plan["max_level"],
    }
    if plan.get("is_optimal"):
        return _("%(said)s; no plan needs fewer.") % {"said": said}
    return _("%(said)s; no plan needs fewer than %(bound)s.") % {
        "said": said,
        "bound": _count(plan["lower_bound"]),
    }


def _weight(weight: Row) -> str | None:
    """What weighting towards the population costs."""
    n = weight.get("effective_n") or {}
    if n.get("value") is None:
        return None
    return _(
        "Weighted to the target, %(n)s items tell as much as %(effective)s "
        "(design effect %(deff)s)."
    ) % {
        "n": _count(weight["n_weighted"]),
        "effective": _count(n["value"]),
        "deff": localized(f"{weight['design_effect']['value']:.2f}"),
    }


def _unknown(unknown: Row) -> list[str]:
    """Attributes that are often unknown; sentences of the result about what goes with it."""
    said = []
    most = [row for row in unknown.get("attributes", []) if (row.get("n_missing") or 0) > 0][:1]
    for row in most:
        share = row["share"]
        low, high = _percent(share["ci_low"]), _percent(share["ci_high"])
        said.append(
            _("%(name)s is unknown for %(n)s items: %(share)s [%(low)s, %(high)s].")
            % {
                "name": row["attribute"],
                "n": _count(row["n_missing"]),
                "share": _percent(share["value"]),
                "low": low,
                "high": high,
            }
        )
    words = [row["words"] for row in unknown.get("labels", []) if row.get("words")]
    return said + words[:3]
