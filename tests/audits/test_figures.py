"""Drawings as files of their own."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawn(alice: Trust, judged: str) -> str:
    """The data set with a pyramid, and with a model of more than one confidence."""
    alice.post(f"{judged}populations/", {"name": "joint"})
    csv = "sex,age,weight\nF,young,30\nF,old,20\nM,young,20\nM,old,30\n"
    alice.upload(judged, "population", csv, population="joint")
    alice.post(f"{judged}models/", {"name": "soft", "question": "q", "classes": ["no", "yes"]})
    rows = "".join(f"i{k},{0.3 + 0.4 * (k % 2) + 0.003 * k}\n" for k in range(80))
    alice.upload(judged, "predictions", f"item,probability\n{rows}", model="soft")
    return judged


@pytest.mark.parametrize(
    ("path", "mark", "n"),
    [
        ("pyramid.svg?population=joint", "rect", 8),
        ("reliability.svg?model=soft:1", "circle", 5),
        ("risk.svg?model=soft:1", "polyline", 1),
    ],
)
def test_a_figure_is_a_drawing_that_stands_alone(
    alice: Trust, drawn: str, path: str, mark: str, n: int
):
    for language in ("en", "fr"):
        answer = browser(alice).get(
            f"/datasets/judged/figures/{path}", headers={"accept-language": language}
        )
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/svg+xml"
        assert answer["Content-Disposition"].startswith("attachment;")
        root = ElementTree.fromstring(answer.content)
        assert root.tag == f"{SVG}svg"
        assert len(root.findall(f".//{SVG}{mark}")) >= n
        assert "stroke" in (root.find(f"{SVG}style").text or "")  # type: ignore[union-attr]


def test_each_page_links_its_figures(alice: Trust, drawn: str):
    for path in ("coverage/?population=joint", "confidence/?model=soft:1"):
        shown = Markup(page(alice, f"/datasets/judged/{path}"))
        links = [link for link in shown.links() if "/figures/" in link]
        assert links
        for link in links:
            assert browser(alice).get(link).status_code == 200, link


def test_a_withheld_bar_is_in_no_drawing(alice: Trust, drawn: str, member: Callable[..., Trust]):
    alice.patch(drawn, {"min_cell": 21})
    path = "/datasets/judged/figures/pyramid.svg?population=joint"
    full = browser(alice).get(path).content.decode()
    seen = browser(member("auditor")).get(path).content.decode()

    assert full.count("<rect") == 8
    assert seen.count("<rect") < 8
    for cell in alice.get(f"{drawn}coverage/?population=joint")["cells"]:
        if cell["n"] < 21:
            assert f"n = {cell['n']}<" not in seen


def test_what_there_is_not_is_not_found(
    alice: Trust, drawn: str, member: Callable[..., Trust], person: Callable[[str], Trust]
):
    said = Markup(page(alice, "/datasets/judged/figures/nonsense.svg", 404)).text
    assert "figures are: pyramid, reliability, risk" in said
    assert page(alice, "/datasets/judged/figures/pyramid.svg?population=census", 404)
    assert page(member("contributor"), "/datasets/judged/figures/risk.svg", 403)
    foreign = Markup(page(person("mallory"), "/datasets/judged/figures/risk.svg", 404)).text
    assert "There is no such data set, or you are not a member of it." in foreign
