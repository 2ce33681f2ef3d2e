"""The page about one subgroup: where it is linked, what it draws, who sees it."""

from __future__ import annotations

from collections.abc import Callable

from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust

CONFIDENCE = "/datasets/judged/confidence/"
WOMEN = f"{CONFIDENCE}subgroup/?model=net%3A1&subgroup=%7B%22sex%22%3A+%22F%22%7D"


def test_each_row_of_the_page_leads_to_its_subgroup(alice: Trust, judged: str) -> None:
    links = Markup(page(alice, CONFIDENCE)).links()
    rows = alice.get(f"{judged}calibration/")["subgroups"]
    assert WOMEN in links
    assert sum("/confidence/subgroup/" in link for link in links) == len(rows)


def test_a_subgroup_has_its_own_curve_before_that_of_all_items(alice: Trust, judged: str) -> None:
    shown = Markup(page(alice, WOMEN))
    result = alice.get(f"{judged}calibration/", attribute="sex", value="F")
    assert shown.faults() == []
    assert "Model confidence: net:1, sex = F" in shown.text
    drawn = [line.get("class") for line in shown.all("polyline")]
    assert drawn == ["behind", "steps"]
    assert len(shown.all("circle")) == sum(one["n"] > 0 for one in result["curve"]["bins"])
    for name in ("spiegelhalter", "kuiper"):
        test = result["tests"][name]
        assert f"{test['value']:.3f}" in shown.text
    assert f"{result['murphy']['uniform_10']['resolution']:.4f}" in shown.text
    assert any("calibration/curve.csv?model=net%3A1&subgroup=" in one for one in shown.links())
    drawing = browser(alice).get(WOMEN.replace("confidence/subgroup/", "figures/reliability.svg"))
    assert drawing["Content-Type"] == "image/svg+xml"
    assert b'class="behind"' in drawing.content


def test_a_small_subgroup_is_not_shown_to_auditors(
    alice: Trust, judged: str, member: Callable[..., Trust]
) -> None:
    alice.patch(judged, {"min_cell": 30})
    men = WOMEN.replace("%22F%22", "%22M%22")
    shown = Markup(page(member("auditor"), men))
    assert "too small to be shown to you" in shown.text
    assert not shown.all("circle")
    assert shown.faults() == []


def test_a_subgroup_that_is_none_is_refused_in_words(alice: Trust, judged: str) -> None:
    assert "has no subgroup sex=X" in page(alice, WOMEN.replace("%22F%22", "%22X%22"), expect=404)
    assert "must name a subgroup" in page(alice, f"{CONFIDENCE}subgroup/", expect=400)
    assert "JSON object" in page(alice, f"{CONFIDENCE}subgroup/?subgroup=F", expect=400)
