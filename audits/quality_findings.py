"""What the results about a question say, in sentences; each with its n and its interval."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audits.findings import subgroup_name, with_interval
from audits.names import NAMES
from audits.numerals import localized, things
from audits.verdicts import SIGNIFICANT

FEWEST_ITEMS = 30
NEAR_CHANCE = 0.1
Row = dict[str, Any]
CONVENTIONS = {
    "finding": gettext_lazy(
        "Subgroups are named from 30 items with two labels on. A spammer score below 0.1 is "
        "called close to guessing. Groups of annotators are named where the adjusted p of their "
        "test is below 0.05."
    ),
}


def findings_of(result: Row, people: list[Row], sources: dict[str, Any]) -> list[str]:
    """The sentences at the top of the page; none about a number that the reader may not see."""
    said = [
        _band(result),
        _lowest_subgroup(result),
        *_groups(result),
        _change(result),
        _guessing(people),
        _least_reliable(people),
    ]
    if "consensus" in sources:
        said.append(_consensus(sources["consensus"].parts))
    if "issues" in sources:
        said.append(_queue(sources["issues"].parts))
    return [one for one in said if one]


def _percent(share: float) -> str:
    return localized(f"{100 * share:.0f}\u202f%")


def _count(n: int) -> str:
    return localized(f"{n:,}")


def _band(result: Row) -> str | None:
    """How sure it is that alpha reaches the usual thresholds."""
    bands = (result.get("benchmarks") or {}).get("krippendorff") or []
    reach = {band["low"]: band["probability_at_least"] for band in bands if band["low"] is not None}
    if not reach or None in reach.values():
        return None
    (low, tentative), (high, reliable) = sorted(reach.items())[:2]
    return _(
        "Alpha reaches %(low)s with probability %(tentative)s, and %(high)s with probability "
        "%(reliable)s (bootstrap; the thresholds are Krippendorff's convention)."
    ) % {
        "low": localized(f"{low:g}"),
        "high": localized(f"{high:g}"),
        "tentative": _percent(tentative),
        "reliable": _percent(reliable),
    }


def _lowest_subgroup(result: Row) -> str | None:
    """The subgroup that annotators agree least about, beside the whole."""
    whole = result["coefficients"]["krippendorff_alpha"]
    rows = [
        row
        for row in result.get("subgroups", [])
        if row["coefficients"]["krippendorff_alpha"]["value"] is not None
        and (row["n_items_pairable"] or 0) >= FEWEST_ITEMS
    ]
    if not rows or whole["value"] is None:
        return None
    lowest = min(rows, key=lambda row: row["coefficients"]["krippendorff_alpha"]["value"])
    alpha = lowest["coefficients"]["krippendorff_alpha"]
    return _("Agreement is lowest for %(who)s: alpha %(alpha)s on %(n)s items.") % {
        "who": subgroup_name(lowest["attributes"]),
        "alpha": with_interval(alpha),
        "n": _count(lowest["n_items_pairable"]),
    }


def _groups(result: Row) -> list[str]:
    """Groups that agree among themselves otherwise than with others, where that is certain."""
    said = []
    for row in result.get("groups", []):
        test = row["association_test"]
        p, index = test.get("p_adjusted"), row["association_index"]["value"]
        if p is None or p >= SIGNIFICANT or index is None:
            continue
        said.append(
            _(
                "Annotators with %(who)s agree %(index)s times as much among themselves as with "
                "%(others)s (in-group alpha %(inside)s, across %(across)s, adjusted p %(p)s)."
            )
            % {
                "who": subgroup_name(row["attributes"]),
                "others": subgroup_name(row["compared_with"]),
                "index": localized(f"{index:.2f}"),
                "inside": with_interval(row["in_group"]),
                "across": with_interval(row["cross_group"]),
                "p": localized(f"{p:.3f}"),
            }
        )
    return said[:3]


def _change(result: Row) -> str | None:
    """Whether agreement was another in other batches, weeks or guideline versions."""
    for kind, test in (result.get("change") or {}).items():
        explained = (test or {}).get("explained") or {}
        p = explained.get("p_value")
        if p is not None and p < SIGNIFICANT:
            return _("Agreement changed from one %(kind)s to another (p %(p)s).") % {
                "kind": str(PERIODS.get(kind, kind)),
                "p": localized(f"{p:.3f}"),
            }
    return None


PERIODS = {
    "batch": gettext_lazy("batch"),
    "week": gettext_lazy("week"),
    "guideline_version": gettext_lazy("guideline version"),
}


def _guessing(people: list[Row]) -> str | None:
    """How many annotators' labels say next to nothing."""
    scores = [(row.get("spammer_score") or {}).get("value") for row in people]
    known = [score for score in scores if score is not None]
    near = [score for score in known if score < NEAR_CHANCE]
    if len(known) < 2 or not near:
        return None
    return _("%(k)s of %(n)s annotators are close to guessing (spammer score below 0.1).") % {
        "k": _count(len(near)),
        "n": _count(len(known)),
    }


def _least_reliable(people: list[Row]) -> str | None:
    """The annotator whose labels are least often right, who is the first in the table."""
    known = [row for row in people if (row.get("accuracy") or {}).get("value") is not None]
    if len(known) < 2:
        return None
    row = known[0]
    return _("%(who)s is least reliable: right with probability %(accuracy)s, %(labels)s.") % {
        "who": row["annotator"],
        "accuracy": with_interval(row["accuracy"]),
        "labels": things(row["n_labels"], "label"),
    }


def _consensus(parts: dict[str, Any]) -> str | None:
    """How often the consensus is right, by its best method and by majority."""
    methods = (parts.get("methods") or [{}])[0] or {}
    known = {
        name: one["gold_accuracy"]
        for name, one in methods.items()
        if (one.get("gold_accuracy") or {}).get("value") is not None
    }
    if "majority" not in known:
        return None
    best = max(known, key=lambda name: float(known[name]["value"]))
    said = _("The majority is right on %(majority)s of %(items)s with a gold label") % {
        "majority": with_interval(known["majority"]),
        "items": things(known["majority"]["n"], "item"),
    }
    if best == "majority":
        return f"{said}."
    return _("%(said)s; %(method)s on %(best)s.") % {
        "said": said,
        "method": str(NAMES.get(best, best)),
        "best": with_interval(known[best]),
    }


def _queue(parts: dict[str, Any]) -> str | None:
    """What labelling still has to settle."""
    plan = (parts.get("plan") or [None])[0]
    if not plan:
        return None
    if plan["may_stop"]:
        return _(
            "Labelling may stop: %(settled)s settled, %(exhausted)s with as many labels as allowed "
            "left to a person."
        ) % {
            "settled": things(plan["n_settled"], "item"),
            "exhausted": things(plan["n_exhausted"], "item"),
        }
    return ngettext(
        "%(open)s item is not settled yet; about %(more)s would settle it.",
        "%(open)s items are not settled yet; about %(more)s would settle them.",
        plan["n_open"],
    ) % {
        "open": _count(plan["n_open"]),
        "more": things(plan["n_more_labels"], "more label"),
    }
