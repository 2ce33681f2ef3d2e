"""How numbers, words and marks are written on the pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from audits import charts, confidence_findings, findings
from audits.names import NAMES, WORDS
from audits.numerals import between, localized, things
from catalog.sizes import Size

register = template.Library()
register.filter(confidence_findings.recalibration_advice)
register.filter(confidence_findings.comes_true)


@register.filter
def named(key: str) -> str:
    """A coefficient's or score's usual name."""
    return str(NAMES.get(key, key.replace("_", " ")))


@register.filter
def worded(code: Any) -> str:
    """A code such as ``insufficient_evidence`` as words."""
    return str(WORDS.get(str(code), str(code).replace("_", " ")))


@register.filter
def reason(code: str | None) -> str:
    """A reason code as a reader would say it."""
    return findings.in_words(code)


@register.filter
def counted(number: Any) -> str:
    """A count with separators; an estimated one says so."""
    if isinstance(number, Size):
        shown = f"{number.n:,}" if number.is_exact else f"≈ {_rounded(number.n):,}"
        return localized(shown)
    return "-" if _is_absent(number) else localized(f"{number:,}")


@register.filter
def number_of(number: Any, noun: str) -> str:
    """A count with its noun, ``1 item`` or ``1,200 items``; an estimated one says so."""
    n = number.n if isinstance(number, Size) else number
    return "-" if _is_absent(n) else things(n, noun, counted(number))


def _rounded(n: int) -> int:
    """Two leading digits: an estimate has no more."""
    return round(n, 2 - len(str(n)))


def _is_absent(value: Any) -> bool:
    """Whether there is nothing to write: null in the result, or no such key in it."""
    return value is None or value == ""


@register.filter
def decimal(value: Any, digits: int = 3) -> str:
    """A number with as many decimals; nothing known is a dash."""
    if _is_absent(value):
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}"
    return localized(text).replace("-", "\u2212")


@register.filter
def share(value: Any, digits: int = 1) -> str:
    """A fraction as percent."""
    return "-" if _is_absent(value) else localized(f"{100 * value:.{digits}f}") + "\u202f%"


@register.filter
def exponent(value: float) -> str:
    """A tiny number: its size in powers of ten."""
    return "0" if value == 0 else f"{value:.0e}".replace("-", "\u2212")


@register.filter
def point_interval(number: dict[str, Any]) -> str:
    """An interval of a difference of fractions, in percentage points."""
    if number.get("ci_low") is None or number.get("ci_high") is None:
        return "-"
    return f"[{points(number['ci_low'])}{between()}{points(number['ci_high'])}]"


@register.filter
def place(row: dict[str, Any]) -> str:
    """Where a row is about: a subgroup, or an attribute with or without a value."""
    if isinstance(row.get("attributes"), dict) and row["attributes"]:
        return findings.subgroup_name(row["attributes"])
    names = [row.get(key) for key in ("attribute", "value") if row.get(key) is not None]
    return " = ".join(str(name) for name in names)


@register.filter
def points(value: Any) -> str:
    """A difference of fractions as percentage points, with its sign."""
    return "-" if _is_absent(value) else localized(f"{100 * value:+.1f}").replace("-", "\u2212")


@register.filter
def probability(value: Any) -> str:
    """A p-value."""
    if _is_absent(value):
        return "-"
    return localized("< 0.001" if value < 0.001 else f"{value:.3f}")


@register.filter
def interval(number: dict[str, Any], digits: int = 3) -> str:
    """``[0.260, 0.284]``; a dash where there is none."""
    if number.get("ci_low") is None or number.get("ci_high") is None:
        return "-"
    low, high = (decimal(number[end], digits) for end in ("ci_low", "ci_high"))
    return f"[{low}{between()}{high}]"


@register.filter
def share_interval(number: dict[str, Any], digits: int = 1) -> str:
    """An interval of a fraction, in percent; nothing where there is none."""
    if number.get("ci_low") is None or number.get("ci_high") is None:
        return ""
    low, high = (localized(f"{100 * number[end]:.{digits}f}") for end in ("ci_low", "ci_high"))
    return f"[{low}{between()}{high}]"


@register.filter
def answer(value: Any) -> str:
    """A value of a question: a name, a number, or the names of a set."""
    if value is None or value == "":
        return "-"
    if isinstance(value, list):
        return " + ".join(str(one) for one in value) or str(_("none of them"))
    return localized(f"{value:g}") if isinstance(value, float) else str(value)


@register.filter
def exact(value: Any) -> str:
    """A number with all its digits."""
    return localized(f"{value:.12g}")


@register.filter
def seconds(milliseconds: int | None) -> str:
    """A duration in seconds."""
    return "-" if milliseconds is None else localized(f"{milliseconds / 1000:.1f}")


@register.filter
def complement(share: float | None) -> float | None:
    """What a share leaves of the whole."""
    return None if share is None else 1 - share


@register.filter
def both(first: Any, second: Any) -> list[Any]:
    """Those of two marks that there are."""
    return [mark for mark in (first, second) if mark is not None]


@register.filter
def where(attributes: dict[str, Any]) -> str:
    """A subgroup's name."""
    return findings.subgroup_name(attributes)


@register.inclusion_tag("audits/parts/whisker.html")
def whisker(number: dict[str, Any], axis: charts.Axis) -> dict[str, Any]:
    """A dot with its interval on an axis; decoration beside the same numbers as text."""
    return {"mark": charts.whisker(number, axis), "axis": axis}


@register.inclusion_tag("audits/parts/axis.html")
def axis_ticks(axis: charts.Axis) -> dict[str, Any]:
    """The labels of an axis, for the head of a column of whiskers."""
    return {"axis": axis}


SHAPES = {
    "good": '<circle cx="8" cy="8" r="7"/><path class="cut" d="M4.5 8.2 7 10.7 11.5 5.6"/>',
    "caution": '<path d="M8 1 15.5 14.5H.5Z"/><path class="cut" d="M8 5.5V10M8 12v.8"/>',
    "problem": '<path d="M1 1h14v14H1Z"/><path class="cut" d="M5 5l6 6M11 5l-6 6"/>',
    "unknown": '<circle class="hollow" cx="8" cy="8" r="6"/>',
}


LIGHT_OF_STATE = {
    "stored": "good",
    "succeeded": "good",
    "adequate": "good",
    "insufficient_evidence": "caution",
    "gap": "problem",
    "rejected": "problem",
    "failed": "problem",
}


@register.inclusion_tag("audits/parts/state.html")
def state_light(state: str) -> dict[str, str]:
    """A state of an upload or a run, or a status of a subgroup, as a shape and a word."""
    return {"light": LIGHT_OF_STATE.get(state, "unknown"), "state": state}


@register.simple_tag
def shape(light: str) -> SafeString:
    """The light's shape; the word stands beside it, and no two lights share a shape."""
    # The shapes are ours, and the light is one of four words.
    drawn = SHAPES[str(light)]
    return mark_safe(  # noqa: S308
        f'<svg class="shape" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">'
        f"{drawn}</svg>"
    )
