"""From a result to one word: the thresholds are conventions, and every answer states them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Number = dict[str, Any]

RELIABLE, TENTATIVE = 0.8, 0.667
SIGNIFICANT = 0.05
SMALL_ERROR = 0.02


class Light(StrEnum):
    """How much there is to worry about; pages show it as a shape beside the word."""

    GOOD = "good"
    CAUTION = "caution"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


SEVERITY = {Light.GOOD: 0, Light.UNKNOWN: 1, Light.CAUTION: 2, Light.PROBLEM: 3}
CONVENTIONS = {
    "annotation_quality": "By the lower end of the interval of Krippendorff's alpha: reliable "
    "from 0.8, tentative from 0.667, else unreliable (Krippendorff 2004, section 11.4).",
    "coverage": "gaps: some single attribute value is a gap, which is significant and beyond the "
    "practical margins of the run; hidden gaps: only combinations are; undecided: too few items "
    "to say of some value; representative: none of these.",
    "calibration": "By Cox's test of intercept 0 and slope 1 at 0.05: miscalibrated when it "
    "rejects and the ECE (15 bins of equal width) exceeds what chance alone gives by 0.02 or "
    "more, slightly off when it rejects and does not; else calibrated, or undecided when there "
    "are too few items to see a mean error of 0.05.",
}


@dataclass(frozen=True)
class Verdict:
    """One word about one kind of evidence, with the number that it rests on.

    Parameters
    ----------
    light : Light
    word : str
    name : str, key of the headline number in its result
    number : dict or None, the NUMBER itself
    reason : str or None, why there is no verdict
    """

    light: Light
    word: str
    name: str
    number: Number | None = None
    reason: str | None = None


def not_yet(name: str, reason: str) -> Verdict:
    """The verdict where nothing was computed, or nothing could be."""
    return Verdict(Light.UNKNOWN, "not yet", name, None, reason)


def _undefined(name: str, number: Number | None) -> Verdict:
    reason = number["reason"] if number else "no_data"
    return Verdict(Light.UNKNOWN, "not defined", name, number, reason)


def agreement_verdict(alpha: Number | None) -> Verdict:
    """Whether the labels can be relied on, by the alpha of the question's scale."""
    name = "krippendorff_alpha"
    if alpha is None or alpha["value"] is None:
        return _undefined(name, alpha)
    sure = alpha["value"] if alpha["ci_low"] is None else alpha["ci_low"]
    if sure >= RELIABLE:
        return Verdict(Light.GOOD, "reliable", name, alpha)
    if sure >= TENTATIVE:
        return Verdict(Light.CAUTION, "tentative", name, alpha)
    return Verdict(Light.PROBLEM, "unreliable", name, alpha)


def coverage_verdict(
    distance: Number | None, statuses: Iterable[str], has_hidden_gap: bool
) -> Verdict:
    """Whether the composition is the target's, by the status of every value of every attribute."""
    name = "total_variation"
    count = Counter(statuses)
    if not count["adequate"] + count["gap"] + count["insufficient_evidence"]:
        return _undefined(name, distance)
    if count["gap"]:
        return Verdict(Light.PROBLEM, "gaps", name, distance)
    if has_hidden_gap:
        return Verdict(Light.CAUTION, "hidden gaps", name, distance)
    if count["insufficient_evidence"]:
        return Verdict(Light.CAUTION, "undecided", name, distance)
    return Verdict(Light.GOOD, "representative", name, distance)


def calibration_verdict(
    error: Number | None,
    by_chance: Number | None,
    test: Number | None,
    detectable: dict[str, Any] | None,
) -> Verdict:
    """Whether stated probabilities can be taken at their word."""
    name = "ece.uniform_15"
    if error is None or error["value"] is None or test is None or test.get("p_value") is None:
        missing = error if error is None or error["value"] is None else test
        return _undefined(name, missing)
    if test["p_value"] >= SIGNIFICANT:
        needed = (detectable or {}).get("n_for_target")
        if needed is not None and (test["n"] or 0) >= needed:
            return Verdict(Light.GOOD, "calibrated", name, error)
        return Verdict(Light.CAUTION, "undecided", name, error)
    chance = (by_chance or {}).get("value") or 0.0
    if error["value"] - chance >= SMALL_ERROR:
        return Verdict(Light.PROBLEM, "miscalibrated", name, error)
    return Verdict(Light.CAUTION, "slightly off", name, error)


def verdict_of(kind: str, brief: dict[str, Any]) -> Verdict:
    """The verdict of one result, from what :mod:`audits.queries` reads of it."""
    if kind == "agreement":
        return agreement_verdict(brief["alpha"])
    if kind == "coverage":
        return coverage_verdict(brief["distance"], brief["statuses"] or [], brief["hidden"])
    return calibration_verdict(
        brief["error"], brief["by_chance"], brief["test"], brief["detectable"]
    )


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The one with most to worry about; the first of equals."""
    return max(verdicts, key=lambda v: SEVERITY[v.light], default=None)
