"""The address that the ``type`` of a problem points to says what its code means."""

from __future__ import annotations

import re

from rest_framework.test import APIClient

from tests.conftest import Trust

ADDRESS = "/api/v1/problems/"


def test_every_code_has_a_meaning_and_something_to_do_without_a_key() -> None:
    rows = APIClient().get(ADDRESS).json()["problems"]
    assert {row["of"] for row in rows} == {"request", "file"}
    assert all(row["meaning"] and row["what_to_do"] for row in rows)
    keys = [(row["of"], row["code"]) for row in rows]
    assert len(set(keys)) == len(keys) > 150


def test_a_browser_sees_a_page_with_the_place_that_a_problem_points_to(alice: Trust) -> None:
    problem = alice.post("datasets/", {"slug": 5}, expect=400)
    address, _, place = problem["type"].partition("#")
    page = APIClient().get(address, headers={"Accept": "text/html"})
    assert page["Content-Type"].startswith("text/html")
    assert re.search(rf'id="{place}"', page.content.decode())
    assert APIClient().get(address, {"code": "type"}).json()["code"] == "unknown_filter"
