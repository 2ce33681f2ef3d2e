"""Words for results: each threshold, from both sides."""

from __future__ import annotations

from typing import Any

import pytest

from audits.findings import agreement_finding, calibration_finding, coverage_finding
from audits.verdicts import (
    Light,
    agreement_verdict,
    calibration_verdict,
    coverage_verdict,
    not_yet,
    worst,
)


def number(value: float | None, low: float | None = None, **more: Any) -> dict[str, Any]:
    reason = "no_overlap" if value is None else None
    shown = {"value": value, "reason": reason, "n": 1000, "ci_low": low, "ci_high": None}
    return shown | more


@pytest.mark.parametrize(
    ("value", "low", "word"),
    [
        (0.95, 0.80, "reliable"),
        (0.95, 0.799, "tentative"),
        (0.80, None, "reliable"),
        (0.70, 0.667, "tentative"),
        (0.70, 0.666, "unreliable"),
        (-0.1, -0.2, "unreliable"),
    ],
)
def test_agreement_is_judged_by_the_lower_end_of_its_interval(
    value: float, low: float | None, word: str
):
    assert agreement_verdict(number(value, low)).word == word


def test_what_is_not_defined_is_no_verdict_but_keeps_its_reason():
    verdict = agreement_verdict(number(None))

    assert (verdict.light, verdict.word) == (Light.UNKNOWN, "not defined")
    assert verdict.reason == "no_overlap"
    assert agreement_finding(verdict) == "Agreement is not defined: no item has two labels"


@pytest.mark.parametrize(
    ("statuses", "hidden", "word"),
    [
        (["adequate", "adequate"], False, "representative"),
        (["adequate", "insufficient_evidence"], False, "undecided"),
        (["adequate", "insufficient_evidence"], True, "hidden gaps"),
        (["adequate", "gap"], True, "gaps"),
        (["not_estimable"], False, "not defined"),
        ([], False, "not defined"),
    ],
)
def test_one_gap_outweighs_every_adequate_value(statuses: list[str], hidden: bool, word: str):
    assert coverage_verdict(number(0.1), statuses, hidden).word == word


@pytest.mark.parametrize(
    ("error", "chance", "p", "needed", "word"),
    [
        (0.01, 0.01, 0.05, 390, "calibrated"),
        (0.01, 0.01, 0.05, 1001, "undecided"),
        (0.05, 0.04, 0.049, 390, "slightly off"),
        (0.061, 0.04, 0.049, 390, "miscalibrated"),
        (0.06, None, 0.049, 390, "miscalibrated"),
    ],
)
def test_calibration_needs_evidence_for_either_answer(
    error: float, chance: float | None, p: float, needed: int, word: str
):
    by_chance = None if chance is None else number(chance)
    test = number(7.0, p_value=p)
    verdict = calibration_verdict(number(error), by_chance, test, {"n_for_target": needed})

    assert verdict.word == word
    assert "1,000 items" in calibration_finding(verdict)


def test_without_a_test_there_is_no_verdict_on_calibration():
    untested = calibration_verdict(number(0.1), number(0.1), number(None), None)

    assert untested.word == "not defined"
    assert untested.reason == "no_overlap"


def test_the_worst_is_the_one_with_most_to_worry_about():
    good, bad = agreement_verdict(number(0.9)), agreement_verdict(number(0.1))

    assert worst([good, bad, not_yet("x", "no_data")]) is bad
    assert worst([good, not_yet("x", "no_data")]).word == "not yet"
    assert worst([]) is None


def test_a_coverage_finding_names_the_largest_gap_and_how_many_there_are():
    def cell(value: str, gap: float, status: str) -> dict[str, Any]:
        return {"attributes": {"sex": value}, "gap": number(gap), "status": status}

    result = {
        "attributes": {"sex": [cell("F", -0.12, "gap"), cell("M", 0.03, "gap")]},
        "cells": [cell("X", 0.5, "adequate")],
    }
    verdict = coverage_verdict(number(0.1), ["gap", "gap"], False)
    said = "sex = F is 12.0 points below its target share: 2 gaps in all"
    assert coverage_finding(verdict, result) == said


def test_a_finding_never_names_a_gap_that_was_withheld():
    withheld = {"attributes": {"sex": "F"}, "gap": number(None), "status": "withheld"}
    verdict = coverage_verdict(number(None), ["gap"], False)
    result = {"attributes": {"sex": [withheld]}, "cells": []}

    said = coverage_finding(verdict, result)
    assert said.startswith("Some small subgroups are off their target share")
    assert "sex" not in said
