"""The page about coverage: gaps, the pyramid, where attributes meet, what to collect; and roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audits.composition import levels_of
from audits.pyramids import pyramid_of
from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust

COVERAGE = "/datasets/judged/coverage/"


def census(alice: Trust, judged: str) -> None:
    """The data set against a population of sex by age, so that two attributes meet."""
    alice.post(f"{judged}populations/", {"name": "joint", "source": "Office", "year": 2021})
    csv = "sex,age,weight\nF,young,30\nF,old,20\nM,young,20\nM,old,30\n"
    alice.upload(judged, "population", csv, population="joint")


def test_the_page_holds_to_the_policy_and_to_readers_who_cannot_see_it(alice: Trust, judged: str):
    census(alice, judged)

    for population in ("census", "joint"):
        shown = Markup(page(alice, f"{COVERAGE}?population={population}"))
        assert shown.faults() == []
        assert f"Coverage: {population}" in shown.text


def test_gaps_stand_with_their_stored_interval_and_n(alice: Trust, judged: str):
    shown = Markup(page(alice, f"{COVERAGE}?population=census")).text

    for cell in alice.get(f"{judged}coverage/?population=census")["attributes"]["sex"]:
        gap = cell["gap"]
        low, value, high = (
            f"{100 * gap[key]:+.1f}".replace("-", "\u2212")
            for key in ("ci_low", "value", "ci_high")
        )
        assert f"{cell['attributes']['sex']} {value} [{low}, {high}] {cell['n']}" in shown


def test_the_findings_are_those_of_the_result(alice: Trust, judged: str):
    result = alice.get(f"{judged}coverage/")
    shown = Markup(page(alice, COVERAGE)).text

    distance = result["overall"]["total_variation"]
    said = f"total variation {distance['value']:.3f} [{distance['ci_low']:.3f}"
    assert f"{100 * distance['value']:.1f} % of the items would have to be others" in shown
    assert said in shown
    assert f"Collecting {result['collection_plan']['n_items']} items fills" in shown
    effective = alice.get(f"{judged}coverage/weights/")["effective_n"]["value"]
    assert f"80 items tell as much as {effective:.0f} (design effect" in shown


def test_the_plan_can_be_taken_along_as_a_quota_sheet(alice: Trust, judged: str):
    shown = Markup(page(alice, COVERAGE))
    [sheet] = [link for link in shown.links() if "collection_plan.csv" in link][-1:]

    rows = browser(alice).get(sheet).content.decode().splitlines()
    plan = alice.get(f"{judged}coverage/")["collection_plan"]
    assert len(rows) == len(plan["purchases"]) + 1
    for bought in plan["purchases"]:
        where = ", ".join(f"{name} = {value}" for name, value in bought["attributes"].items())
        assert f"{where} {bought['n']}" in shown.text


def test_links_of_the_page_answer(alice: Trust, judged: str):
    census(alice, judged)
    shown = Markup(page(alice, f"{COVERAGE}?population=joint"))

    links = {link for link in shown.links() if link.startswith("/api/v1/datasets/")}
    assert len(links) > 7
    for link in links:
        assert browser(alice).get(link).status_code == 200, link


def test_a_heat_map_and_a_pyramid_show_where_sex_and_age_meet(alice: Trust, judged: str):
    census(alice, judged)
    shown = Markup(page(alice, f"{COVERAGE}?population=joint"))
    cells = alice.get(f"{judged}coverage/?population=joint")["cells"]

    titles = [cell["title"] or "" for cell in shown.all("td") if cell.get("title")]
    for cell in cells:
        assert any(
            title.startswith(f"{cell['n']} items, ratio to target {cell['ratio']['value']:.2f} [")
            for title in titles
        )
    assert "Population pyramid" in shown.text
    assert "Furthest below the target:" in shown.text
    assert "Where sex × age meet" in shown.text or "Where age × sex meet" in shown.text


def test_an_auditor_sees_no_small_cell_plan_or_detail(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    census(alice, judged)
    alice.patch(judged, {"min_cell": 21})
    auditor = member("auditor")
    for population in ("census", "joint"):
        shown = Markup(page(auditor, f"{COVERAGE}?population={population}"))
        result = alice.get(f"{judged}coverage/?population={population}")

        assert "ask a manager for it" in shown.text
        assert "Quota sheet" not in shown.text
        assert "Collecting" not in shown.text
        titles = [cell["title"] or "" for cell in shown.all("td") if cell.get("title")]
        for cell in [*result["attributes"]["sex"], *result["cells"]]:
            if cell["n"] < 21 and len(cell["attributes"]) > 1:
                assert not any(title.startswith(f"{cell['n']} items,") for title in titles)
            if cell["n"] < 21:
                gap = f"{100 * cell['gap']['value']:+.1f}".replace("-", "\u2212")
                name = next(iter(cell["attributes"].values()))
                assert f"{name} {gap} [" not in shown.text
        assert "withheld, since the subgroup is small" in shown.text
        assert shown.faults() == []


def test_contributors_read_no_coverage(judged: str, member: Callable[..., Trust]):
    shown = Markup(page(member("contributor"), COVERAGE, 403)).text

    assert "As contributor of 'judged' you may not do this" in shown


def test_without_a_population_the_next_step_is_to_say_whom_it_is_meant_for(alice: Trust):
    path = alice.dataset("d")
    shown = Markup(page(alice, "/datasets/d/coverage/"))
    assert "No target population is defined yet" in shown.text
    assert shown.faults() == []

    alice.post(f"{path}populations/", {"name": "a b"})
    shown = Markup(page(alice, "/datasets/d/coverage/"))
    assert "uploads/population/?population=a%20b" in shown.text
    assert shown.faults() == []


@pytest.mark.parametrize("pair", ["7", "-1", "x", ""])
def test_a_pair_that_there_is_not_shows_the_first(alice: Trust, judged: str, pair: str):
    census(alice, judged)

    shown = Markup(page(alice, f"{COVERAGE}?population=joint&pair={pair}")).text
    assert "meet" in shown


def test_queries_do_not_grow_with_cells(alice: Trust, judged: str):
    with CaptureQueriesContext(connection) as few:
        page(alice, f"{COVERAGE}?population=census")
    census(alice, judged)
    with CaptureQueriesContext(connection) as many:
        page(alice, f"{COVERAGE}?population=joint")

    assert len(many) <= len(few) + 1 <= 45


def cell(sex: str, age: str, share: float | None, target: float) -> dict[str, Any]:
    number = {"value": share, "reason": None if share is not None else "suppressed"}
    return {
        "attributes": {"sex": sex, "age": age},
        "n": None if share is None else round(100 * share),
        "share": number,
        "target_share": target,
    }


def test_a_pyramid_has_the_oldest_on_top_and_bars_as_long_as_their_share():
    found = pyramid_of(
        [
            cell("F", "0-9", 0.4, 0.25),
            cell("F", "10+", 0.1, 0.25),
            cell("M", "0-9", 0.2, 0.25),
            cell("M", "10+", None, 0.25),
        ]
    )

    assert found is not None
    assert [band.name for band in found.bands] == ["10+", "0-9"]
    old, young = found.bands
    assert young.left is not None
    assert young.right is not None
    assert young.left.width == 2 * young.right.width == 150.0
    assert young.left.x == 0.0
    assert young.left.target_width == young.right.target_width == 93.8
    # A withheld share leaves no bar, not even the target's beside which it could be guessed.
    assert old.right is None


def test_without_a_sex_and_an_age_there_is_no_pyramid():
    assert pyramid_of([]) is None
    other = cell("F", "0-9", 0.4, 0.25)
    other["attributes"] = {"colour": "red", "size": "small"}
    assert pyramid_of([other]) is None


def test_uncovered_patterns_stand_by_level_with_their_totals():
    rows = [
        {"attributes": {"a": "1", "b": "2"}, "n": 3},
        {"attributes": {"a": "3"}, "n": 5},
        {"attributes": {"a": "2", "b": "2"}, "n": 1},
    ]
    result = {
        "uncovered_patterns": rows,
        "uncovered_summary": {"per_level": {"1": 1, "2": 40}},
    }

    levels = levels_of(result)
    assert [(one["level"], one["n"], len(one["rows"])) for one in levels] == [(1, 1, 1), (2, 40, 2)]
