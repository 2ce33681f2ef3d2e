"""What a result says, in one sentence: the titles of the cards."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.numerals import between, localized
from audits.verdicts import Number, Verdict

REASONS = {
    "no_data": gettext_lazy("there is no data"),
    "no_overlap": gettext_lazy("no item has two labels"),
    "no_variation": gettext_lazy("all values are the same"),
    "too_few_items": gettext_lazy("there are too few items"),
    "too_few_annotators": gettext_lazy("there are too few annotators"),
    "one_class": gettext_lazy("all outcomes are of one class"),
    "suppressed": gettext_lazy("withheld, since the subgroup is small"),
    "not_applicable": gettext_lazy("it does not apply here"),
}


def in_words(reason: str | None) -> str:
    """A reason code as a reader would say it."""
    return str(REASONS.get(reason or "", (reason or "").replace("_", " ")))


def with_interval(number: Number, digits: int = 2) -> str:
    """``0.27 [0.26, 0.28]``, or the value alone where there is no interval."""
    value = localized(f"{number['value']:.{digits}f}")
    if number.get("ci_low") is None or number.get("ci_high") is None:
        return value
    low, high = (localized(f"{number[end]:.{digits}f}") for end in ("ci_low", "ci_high"))
    return f"{value} [{low}{between()}{high}]"


def subgroup_name(attributes: dict[str, Any]) -> str:
    """``sex = F, age = 60-69``."""
    return ", ".join(f"{name} = {value}" for name, value in attributes.items())


def agreement_finding(verdict: Verdict) -> str:
    """How far annotators agree, and on how many items."""
    alpha = verdict.number
    if alpha is None or alpha["value"] is None:
        return _("Agreement is not defined: %(why)s") % {"why": in_words(verdict.reason)}
    said = {
        "reliable": _("Annotators agree reliably"),
        "tentative": _("Annotators agree well enough for tentative conclusions"),
        "unreliable": _("Annotators agree too little to rely on their labels"),
    }[verdict.word]
    return _("%(said)s: alpha %(alpha)s on %(n)s items") % {
        "said": said,
        "alpha": with_interval(alpha),
        "n": localized(f"{alpha['n']:,}"),
    }


def coverage_finding(verdict: Verdict, result: dict[str, Any]) -> str:
    """Whether the composition is the target's, and the largest gap where it is not."""
    cells = [cell for cells in result["attributes"].values() for cell in cells]
    n = (verdict.number or {}).get("n")
    if verdict.word in ("gaps", "hidden gaps"):
        gaps = [c for c in [*cells, *result["cells"]] if c["status"] == "gap"]
        if gaps:
            largest = max(gaps, key=lambda cell: abs(cell["gap"]["value"]))
            points = 100 * largest["gap"]["value"]
            where = subgroup_name(largest["attributes"])
            return _("%(where)s is %(points)s points %(side)s its target share: %(n)s in all") % {
                "where": where,
                "points": localized(f"{abs(points):.1f}"),
                "side": _("below") if points < 0 else _("above"),
                "n": _("%(k)s gaps") % {"k": localized(f"{len(gaps):,}")}
                if len(gaps) > 1
                else _("one gap"),
            }
    said = {
        "representative": _("Every attribute value is close to its target share"),
        "undecided": _("No gap is certain, but some values have too few items to say"),
        "gaps": _("Some small subgroups are off their target share"),
        "hidden gaps": _("Some combinations of attributes are off their target share"),
    }.get(verdict.word)
    if said is None:
        return _("Coverage is not defined: %(why)s") % {"why": in_words(verdict.reason)}
    return said if n is None else f"{said} (n = {localized(f'{n:,}')})"


def calibration_finding(verdict: Verdict) -> str:
    """How far stated probabilities are from what happened."""
    error = verdict.number
    if error is None or error["value"] is None or verdict.word == "not defined":
        return _("Calibration is not defined: %(why)s") % {"why": in_words(verdict.reason)}
    said = {
        "calibrated": _("Stated probabilities can be taken at their word"),
        "undecided": _("No miscalibration is certain, but there are too few items to exclude it"),
        "slightly off": _("Stated probabilities are slightly off"),
        "miscalibrated": _("Stated probabilities are not what happens"),
    }[verdict.word]
    return _("%(said)s: mean error %(error)s on %(n)s items") % {
        "said": said,
        "error": with_interval(error, 3),
        "n": localized(f"{error['n']:,}"),
    }
