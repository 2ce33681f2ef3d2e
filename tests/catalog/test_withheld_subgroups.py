"""A small subgroup of any result is withheld, and so is what it could be subtracted from."""

from __future__ import annotations

from typing import Any

from catalog.disclosure import withhold_small

NUMBER = {
    "value": 0.2,
    "reason": None,
    "n": 7,
    "ci_low": 0.1,
    "ci_high": 0.3,
    "ci_level": 0.95,
    "ci_method": "wilson",
}


def subgroup(n: int, of: str = "item", **attributes: str) -> dict[str, Any]:
    return {"attributes": attributes, "of": of, "n": n, "brier": NUMBER}


def counts(rows: list[dict[str, Any]]) -> list[int | None]:
    return [row["n"] for row in rows]


def test_the_next_smallest_value_goes_with_a_small_one() -> None:
    rows = [subgroup(180, site="a"), subgroup(17, site="b"), subgroup(3, site="c")]
    shown = withhold_small({"n_items": 200, "subgroups": rows}, 5)["subgroups"]
    assert counts(shown) == [180, None, None]
    assert shown[1]["brier"] == dict.fromkeys(NUMBER) | {"reason": "suppressed"}


def test_two_small_values_need_no_third() -> None:
    rows = [subgroup(180, site="a"), subgroup(4, site="b"), subgroup(3, site="c")]
    assert counts(withhold_small(rows, 5)) == [180, None, None]


def test_other_attributes_and_a_result_without_small_subgroups_stay_as_they_are() -> None:
    rows = [subgroup(180, site="a"), subgroup(20, site="b"), subgroup(200, sex="F")]
    assert withhold_small(rows, 5) == rows
    # The same name of an annotator's attribute is another sum.
    people = [subgroup(2, "annotator", site="a"), subgroup(9, "annotator", site="b")]
    assert counts(withhold_small([*rows, *people], 5)) == [180, 20, 200, None, None]


def test_a_cell_in_another_list_is_no_subtraction_away() -> None:
    result = {
        "subgroups": [subgroup(100, sex="F"), subgroup(90, sex="M")]
        + [subgroup(120, site="a"), subgroup(70, site="b")],
        "cells": [subgroup(97, sex="F", site="a"), subgroup(3, sex="F", site="b")]
        + [subgroup(23, sex="M", site="a"), subgroup(67, sex="M", site="b")],
    }
    shown = withhold_small(result, 5)
    assert counts(shown["subgroups"]) == [100, 90, 120, 70]
    assert counts(shown["cells"]) == [None] * 4


def test_a_comparison_goes_with_either_of_its_two_groups() -> None:
    groups = [subgroup(80, "annotator", age="old"), subgroup(9, "annotator", age="mid")]
    groups.append(subgroup(3, "annotator", age="young"))
    pair = {**groups[0], "compared_with": {"age": "mid"}, "n": 9}
    shown = withhold_small({"subgroups": groups, "groups": [pair]}, 5)
    assert counts(shown["groups"]) == [None]
