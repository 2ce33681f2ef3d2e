"""What the results about a model say, in sentences: "says 90 %, right 78 %"."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits.findings import subgroup_name, with_interval
from audits.names import NAMES
from audits.numerals import between, localized, things
from audits.verdicts import SIGNIFICANT

Row = dict[str, Any]


def says_and_is(result: Row) -> str | None:
    """The bin in which what happened differs most clearly from what was said, weighed by its n."""
    known = [
        one
        for one in result["curve"]["bins"]
        if one["n"] and one["observed"]["value"] is not None and one["mean_predicted"] is not None
    ]
    if not known:
        return None
    certain = [one for one in known if _is_outside(one)]
    if not certain:
        return _("In no bin does what happened differ beyond chance from what was stated.")
    worst = max(certain, key=lambda one: one["n"] * abs(_off(one)))
    seen = worst["observed"]
    ends = f"[{_percent(seen['ci_low'])}{between()}{_percent(seen['ci_high'])}]"
    words = {
        "says": _percent(worst["mean_predicted"]),
        "is": _percent(seen["value"]),
        "ends": ends,
        "items": things(worst["n"], "item"),
    }
    if result.get("notion") == "positive":
        return _("It says %(says)s; it happens in %(is)s %(ends)s of %(items)s.") % words
    return _("It says %(says)s; it is right for %(is)s %(ends)s of %(items)s.") % words


def _off(one: Row) -> float:
    return float(one["observed"]["value"]) - float(one["mean_predicted"])


def _is_outside(one: Row) -> bool:
    low, high = one["observed"]["ci_low"], one["observed"]["ci_high"]
    return low is not None and not low <= one["mean_predicted"] <= high


def _percent(share: float) -> str:
    return localized(f"{100 * share:.0f}") + "\u202f%"


def _count(n: float) -> str:
    return localized(f"{n:,.0f}")


def findings_of(result: Row, sets: Row, ensembles: Row) -> list[str]:
    """The sentences at the top of the page; none about a number that the reader may not see."""
    said = titles_of(result, sets, ensembles)
    wanted = (said["curve"], said["subgroups"], _detectable(result["tests"]))
    return [one for one in (*wanted, said["sets"], said["risk"], said["ensemble"]) if one]


def titles_of(result: Row, sets: Row, ensembles: Row) -> dict[str, str | None]:
    """What each figure of the page says, by the figure; none where nothing can be said."""
    return {
        "curve": title_of_tests(result["tests"]),
        "subgroups": _subgroups(result["subgroups"]),
        "sets": _sets(sets),
        "risk": _risk(sets),
        "ensemble": _ensemble(ensembles),
    }


def title_of_tests(tests: Row) -> str | None:
    """What Cox's test says, with slope: over- or under-confident."""
    cox = tests["cox"]
    p, ratio = cox["test"].get("p_value"), cox["observed_expected"]
    if p is None:
        return None
    said = _by_slope(p, cox["slope"])
    if said is None and p < SIGNIFICANT and ratio["value"] is not None:
        return _("The event happens %(ratio)s times as often as stated (p %(p)s).") % {
            "ratio": with_interval(ratio),
            "p": _p(p),
        }
    return said


def _by_slope(p: float, slope: Row) -> str | None:
    """What the slope says beyond doubt; none where there is none, or it is not the slope."""
    if slope["value"] is None:
        return None
    words = {"p": _p(p), "slope": with_interval(slope)}
    if p >= SIGNIFICANT:
        return _("Cox's test finds no miscalibration (p %(p)s, slope %(slope)s).") % words
    if slope["ci_high"] is not None and slope["ci_high"] < 1:
        return _("It is over-confident: slope %(slope)s, where 1 is honest (p %(p)s).") % words
    if slope["ci_low"] is not None and slope["ci_low"] > 1:
        return _("It is under-confident: slope %(slope)s, where 1 is honest (p %(p)s).") % words
    return None


def _p(p: float) -> str:
    return localized("< 0.001" if p < 0.001 else f"= {p:.3f}")


def _subgroups(subgroups: list[Row]) -> str | None:
    """In how many subgroups the probabilities are off, and where most clearly."""
    tested = [one for one in subgroups if one["tests"]["test"].get("p_adjusted") is not None]
    off = [one for one in tested if one["tests"]["test"]["p_adjusted"] < SIGNIFICANT]
    if not tested:
        return None
    if not off:
        return ngettext(
            "In the one subgroup with enough items nothing is off beyond chance.",
            "In none of %(n)s subgroups are probabilities off beyond chance (adjusted for %(n)s "
            "looks).",
            len(tested),
        ) % {"n": _count(len(tested))}
    first = min(off, key=lambda one: one["tests"]["test"]["p_adjusted"])
    ratio = first["tests"]["observed_expected"]
    said = ngettext(
        "In one of %(n)s subgroups probabilities are off, adjusted for that many looks: %(who)s",
        "In %(k)s of %(n)s subgroups probabilities are off, adjusted for that many looks; most "
        "clearly %(who)s",
        len(off),
    ) % {"k": _count(len(off)), "n": _count(len(tested)), "who": subgroup_name(first["attributes"])}
    if ratio["value"] is None:
        return f"{said} (n = {_count(first['n'])})."
    return _("%(said)s (happens %(ratio)s times as often as stated, n = %(n)s).") % {
        "said": said,
        "ratio": with_interval(ratio),
        "n": _count(first["n"]),
    }


def _detectable(tests: Row) -> str | None:
    """The smallest mean error that this many items would show."""
    found = tests.get("detectable") or {}
    if found.get("at_power") is None:
        return None
    return _("With %(n)s items, a mean error of %(error)s points or more would be seen.") % {
        "n": _count(found["n"]),
        "error": localized(f"{100 * found['at_power']:.1f}"),
    }


def _sets(sets: Row) -> str | None:
    """How large prediction sets must be to hold the true class as often as wanted."""
    lac = (sets.get("methods") or {}).get("lac")
    if not lac or lac["coverage"]["value"] is None:
        return None
    return _(
        "Sets that should hold the true class with probability %(wanted)s hold it for %(got)s of "
        "%(n)s items, and name %(size)s classes on average."
    ) % {
        "wanted": _percent(1 - sets["alpha"]),
        "got": with_interval(lac["coverage"], 3),
        "n": _count(lac["coverage"]["n"]),
        "size": localized(f"{lac['mean_size']:.2f}"),
    }


def _risk(sets: Row) -> str | None:
    """Whether there is a confidence from which on its answers can be taken."""
    found = sets.get("risk_threshold")
    if not found:
        return None
    target = _percent(found["target"])
    if found["threshold"] is None:
        return _(
            "No confidence is high enough to promise that at most %(target)s of the answers above "
            "it are wrong."
        ) % {"target": target}
    return _(
        "Answered only from confidence %(threshold)s on, which is for %(share)s of the items, at "
        "most %(target)s of the answers are wrong."
    ) % {
        "threshold": localized(f"{found['threshold']:.2f}"),
        "share": _percent(found["coverage"]),
        "target": target,
    }


def _ensemble(ensembles: Row) -> str | None:
    """What averaging the members gains."""
    found = ensembles.get("ambiguity") or {}
    if (found.get("diversity") or {}).get("value") is None:
        return None
    return _(
        "Averaging %(k)s members lowers the Brier score by %(gain)s, from %(before)s to %(after)s."
    ) % {
        "k": _count(ensembles["n_members"]),
        "gain": with_interval(found["diversity"], 3),
        "before": localized(f"{found['member_brier']['value']:.3f}"),
        "after": localized(f"{found['ensemble_brier']['value']:.3f}"),
    }


def recalibration_advice(found: Row) -> str:
    """Which recalibration to use, if any, and why: what the run says, in the page's language."""
    chosen = found["recommended"]
    if chosen == "none":
        if found["n_folds"] < 2:
            return _("There are too few items or groups to fit on some and judge on others.")
        return _("No recalibration improves the Brier score of unseen items beyond doubt.")
    gains = {
        one["method"]: one["brier_gain"]["value"]
        for one in found["methods"]
        if (one["brier_gain"]["ci_low"] or 0) > 0
    }
    best = max(gains, key=lambda method: float(gains[method]))
    words = {
        "method": NAMES[chosen],
        "best": NAMES[best],
        "gain": localized(f"{gains[chosen]:.4f}"),
    }
    if best == chosen:
        return (
            _("%(method)s improves the Brier score of unseen items by %(gain)s, the most of all.")
            % words
        )
    return (
        _(
            "%(method)s improves the Brier score of unseen items by %(gain)s; %(best)s gains no "
            "more beyond doubt and is less simple."
        )
        % words
    )


def comes_true(expected: Row, least: int) -> str:
    """Whether the confidence came true where answers are known, so that it counts elsewhere."""
    shown = expected["calibration"]
    if shown["n"] < least:
        return _(
            "%(n)s predicted items have a reference label; at least %(least)s are needed to show "
            "that the confidence comes true. Upload reference labels for some."
        ) % {"n": _count(shown["n"]), "least": _count(least)}
    if shown["tests"] is None:
        return _("No map could be fitted and judged on the labelled items.")
    p = shown["tests"]["test"]["p_value"]
    words = {"how": _how(shown["method"]), "n": _count(shown["n"]), "p": _p(p or 0.0)}
    if p is None:
        return (
            _(
                "The confidence, %(how)s, cannot be tested on the %(n)s items with a reference "
                "label."
            )
            % words
        )
    if not shown["shown"]:
        return (
            _(
                "The confidence, %(how)s, does not come true on the %(n)s items with a reference "
                "label (Cox's test, p %(p)s): what it promises elsewhere is not to be believed."
            )
            % words
        )
    return (
        _(
            "The confidence, %(how)s, is not contradicted by the %(n)s items with a reference "
            "label (Cox's test, p %(p)s)."
        )
        % words
    )


def _how(method: str) -> str:
    """What was done to the confidence before it was judged."""
    if method == "none":
        return _("as stated")
    return _("recalibrated by %(method)s") % {"method": NAMES[method]}
