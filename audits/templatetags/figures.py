"""How numbers, words and marks are written on the pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from audits import charts, findings
from catalog.sizes import Size

register = template.Library()

NAMES = {
    "percent_agreement": _("Percent agreement"),
    "cohen_kappa": _("Cohen's kappa"),
    "fleiss_kappa": _("Fleiss' kappa"),
    "scott_pi": _("Scott's pi"),
    "conger_kappa": _("Conger's kappa"),
    "brennan_prediger": _("Brennan-Prediger"),
    "gwet_ac1": _("Gwet's AC1"),
    "gwet_ac2": _("Gwet's AC2"),
    "krippendorff_alpha": _("Krippendorff's alpha"),
    "krippendorff_alpha_nominal": _("Krippendorff's alpha, nominal"),
    "krippendorff_alpha_ordinal": _("Krippendorff's alpha, ordinal"),
    "krippendorff_alpha_interval": _("Krippendorff's alpha, interval"),
    "krippendorff_alpha_ratio": _("Krippendorff's alpha, ratio"),
    "cohen_kappa_linear": _("Cohen's kappa, linear weights"),
    "cohen_kappa_mean_pairwise": _("Cohen's kappa, mean over pairs"),
    "cohen_kappa_quadratic": _("Cohen's kappa, quadratic weights"),
    "total_variation": _("Total variation distance"),
    "jensen_shannon": _("Jensen-Shannon divergence"),
    "psi": _("Population stability index"),
    "hellinger": _("Hellinger distance"),
    "cramers_v": _("Cramer's V"),
    "chi_squared": _("Pearson's chi-squared"),
    "effective_sample_size": _("Effective sample size"),
    "brier": _("Brier score"),
    "brier_sum": _("Brier score, summed over classes"),
    "log_loss": _("Log loss"),
    "accuracy": _("Accuracy"),
    "auc": _("Area under the ROC curve"),
    "mcb": _("Miscalibration (MCB)"),
    "dsc": _("Discrimination (DSC)"),
    "unc": _("Uncertainty (UNC)"),
    "ece.uniform_15": _("Calibration error (ECE, 15 bins)"),
    "uniform_10": _("ECE, 10 bins of equal width"),
    "uniform_15": _("ECE, 15 bins of equal width"),
    "quantile_10": _("ECE, 10 bins of equal size"),
    "classwise_15": _("ECE class by class, 15 bins"),
    "toplabel_15": _("ECE of the most probable class, 15 bins"),
    "brier_skill": _("Brier skill, against the base rate"),
    "log_loss_skill": _("Log loss skill, against the base rate"),
    "smooth": _("Smooth calibration error"),
    "cox": _("Cox's test: intercept 0 and slope 1"),
    "slope": _("Slope (1 is best; below: over-confident)"),
    "intercept": _("Intercept (0 is best)"),
    "in_the_large": _("Calibration in the large (0 is best)"),
    "observed_expected": _("Observed over expected (1 is best)"),
    "spiegelhalter": _("Spiegelhalter's test"),
    "kuiper": _("Kuiper's test"),
}


@register.filter
def named(key: str) -> str:
    """A coefficient's or score's usual name."""
    return str(NAMES.get(key, key.replace("_", " ")))


@register.filter
def worded(code: Any) -> str:
    """A code such as ``insufficient_evidence`` as words."""
    return str(code).replace("_", " ")


@register.filter
def reason(code: str | None) -> str:
    """A reason code as a reader would say it."""
    return findings.in_words(code)


@register.filter
def counted(number: Any) -> str:
    """A count with separators; an estimated one says so."""
    if isinstance(number, Size):
        return f"{number.n:,}" if number.is_exact else f"≈ {_rounded(number.n):,}"
    return "-" if _is_absent(number) else f"{number:,}"


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
    return text.replace("-", "\u2212")


@register.filter
def share(value: Any, digits: int = 1) -> str:
    """A fraction as percent."""
    return "-" if _is_absent(value) else f"{100 * value:.{digits}f}\u202f%"


@register.filter
def exponent(value: float) -> str:
    """A tiny number: its size in powers of ten."""
    return "0" if value == 0 else f"{value:.0e}".replace("-", "\u2212")


@register.filter
def point_interval(number: dict[str, Any]) -> str:
    """An interval of a difference of fractions, in percentage points."""
    if number.get("ci_low") is None or number.get("ci_high") is None:
        return "-"
    return f"[{points(number['ci_low'])}, {points(number['ci_high'])}]"


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
    return "-" if _is_absent(value) else f"{100 * value:+.1f}".replace("-", "\u2212")


@register.filter
def probability(value: Any) -> str:
    """A p-value."""
    if _is_absent(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


@register.filter
def interval(number: dict[str, Any], digits: int = 3) -> str:
    """``[0.260, 0.284]``; a dash where there is none."""
    if number.get("ci_low") is None or number.get("ci_high") is None:
        return "-"
    return f"[{decimal(number['ci_low'], digits)}, {decimal(number['ci_high'], digits)}]"


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
