"""How annotators went about it, and where they disagree most: for the page about quality."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits.findings import subgroup_name, with_interval
from audits.frames import Frame, Source
from audits.numerals import localized, things
from audits.templatetags.figures import probability
from audits.verdicts import SIGNIFICANT

LISTED = 15
#: An annotator who surely takes less than so much of the others' time on the same items.
HURRIED = 0.5
Row = dict[str, Any]


def conduct_rows(people: list[Row]) -> list[Row]:
    """Annotators of whom pace, drift, repeated labels or what leaving them out does is known."""
    return [row for row in people if any(_value(one) is not None for one in _numbers(row))]


def _numbers(row: Row) -> list[Row]:
    pace, among = row.get("pace") or {}, row["among_others"]
    return [
        *(pace.get("median_ms") or {}, pace.get("ratio") or {}, row.get("drift") or {}),
        row.get("consensus_change_without") or {},
        *(among.get(name) or {} for name in ("agreement_with_self", "alpha_change")),
    ]


def _value(number: Row) -> Any:
    return number.get("value")


def diverging(frame: Frame) -> Source:
    """Subgroups of items, single or where attributes meet, that annotators agree on otherwise."""
    source = frame.whole("divergence", address="coverage/divergence")
    found = (source.parts.get("agreement") or {}) if source.parts else {}
    rows = [row for row in found.get("subgroups", []) if row["verdict"] == "differs"]
    return replace(source, parts={**found, "subgroups": rows[:LISTED]})


def findings_of(people: list[Row], again: Row | None, apart: Source | None) -> list[str]:
    """Sentences about who hurries, who changed, repeated labels, and subgroups that differ."""
    said = [_hurried(people), *_changed(people), _repeated(again), _apart(apart)]
    return [one for one in said if one]


def _hurried(people: list[Row]) -> str | None:
    ratios = [(row, (row.get("pace") or {}).get("ratio") or {}) for row in people]
    fast = [
        row for row, one in ratios if one.get("ci_high") is not None and one["ci_high"] < HURRIED
    ]
    if not fast:
        return None
    first = min(fast, key=lambda row: float(row["pace"]["ratio"]["value"]))
    return _(
        "%(k)s of %(n)s annotators take less than half of the others' time on the same items; "
        "%(who)s takes %(ratio)s of it."
    ) % {
        "k": len(fast),
        "n": len(people),
        "who": first["annotator"],
        "ratio": with_interval(first["pace"]["ratio"]),
    }


def _changed(people: list[Row]) -> list[str]:
    drifts = [row["drift"] for row in people if _value(row.get("drift") or {}) is not None]
    sure = [one for one in drifts if (one.get("p_adjusted") or 1.0) < SIGNIFICANT]
    worse, better = (sum(sign * one["value"] > 0 for one in sure) for sign in (-1, 1))
    said = []
    if worse:
        text = ngettext(
            "The labels of one annotator got worse with time (adjusted p below 0.05).",
            "The labels of %(n)s annotators got worse with time (adjusted p below 0.05).",
            worse,
        )
        said.append(text % {"n": worse})
    if better:
        text = ngettext(
            "The labels of one annotator got better with time (adjusted p below 0.05).",
            "The labels of %(n)s annotators got better with time (adjusted p below 0.05).",
            better,
        )
        said.append(text % {"n": better})
    return said


def _repeated(again: Row | None) -> str | None:
    share = ((again or {}).get("coefficients") or {}).get("percent_agreement") or {}
    if again is None or _value(share) is None:
        return None
    return _("Asked again, annotators give the same answer on %(share)s of %(items)s.") % {
        "share": with_interval(share),
        "items": things(again["n_items"], "item"),
    }


def _apart(source: Source | None) -> str | None:
    rows = [] if source is None else source.parts["subgroups"]
    if not rows or source is None:
        return None
    row = min(rows, key=lambda one: float(one["agreement"]))
    return _(
        "On %(who)s two annotators agree with probability %(share)s, on the whole with %(whole)s "
        "(adjusted p %(p)s, %(n)s items)."
    ) % {
        "who": subgroup_name(row["attributes"]),
        "share": localized(f"{row['agreement']:.3f}"),
        "whole": localized(f"{source.parts['mean']:.3f}"),
        "p": probability(row["p_adjusted"]),
        "n": localized(f"{row['n']:,}"),
    }
