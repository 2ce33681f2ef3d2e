"""Auditors cannot compute a small cell from what they are shown."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.disclosure import Families, Key, cells_to_withhold
from tests.conftest import Trust
from tests.coverage.conftest import cell, items

# Rows A, B, C by columns F, M: the table in which ACRO 1.0.2 hides (C, F) and the total of C
# shows it again (a run of that program; its figures are facts).
ACRO = np.array([[30, 30], [25, 30], [4, 10]])


def families_of(table: np.ndarray) -> Families:
    rows, columns = table.shape
    joint = {
        frozenset({("row", f"r{i}"), ("column", f"c{j}")}): int(table[i, j])
        for i in range(rows)
        for j in range(columns)
    }
    return {
        frozenset({"row"}): {
            frozenset({("row", f"r{i}")}): int(table[i].sum()) for i in range(rows)
        },
        frozenset({"column"}): {
            frozenset({("column", f"c{j}")}): int(table[:, j].sum()) for j in range(columns)
        },
        frozenset({"row", "column"}): joint,
    }


def known_by_subtraction(families: Families, hidden: set[Key]) -> set[Key]:
    """Hidden cells that one sum of shown numbers gives, cell by cell until none is left."""
    unknown = set(hidden)
    joint = families[frozenset({"row", "column"})]
    sums: list[list[Key]] = [
        list(families[frozenset({"row"})]),
        list(families[frozenset({"column"})]),
        list(joint),
    ]
    for name in ("row", "column"):
        for parent in families[frozenset({name})]:
            sums.append([parent, *(key for key in joint if parent <= key)])
    solved: set[Key] = set()
    while found := {
        next(iter(left)) for members in sums if len(left := set(members) & unknown) == 1
    }:
        unknown -= found
        solved |= found
    return solved


def test_the_small_cell_of_the_published_example_cannot_be_subtracted() -> None:
    families = families_of(ACRO)
    small = frozenset({("row", "r2"), ("column", "c0")})
    assert known_by_subtraction(families, {small}) == {small}
    hidden = cells_to_withhold(families, 10)
    assert small in hidden
    assert known_by_subtraction(families, hidden) == set()
    assert len(hidden) < len({key for cells in families.values() for key in cells})


@pytest.mark.parametrize("seed", range(20))
def test_no_table_gives_a_withheld_cell_away(seed: int) -> None:
    table = np.random.default_rng(seed).poisson(14, (3 + seed % 3, 4))
    families = families_of(table)
    hidden = cells_to_withhold(families, 10)
    assert {k for c in families.values() for k, n in c.items() if n < 10} <= hidden
    assert known_by_subtraction(families, hidden) == set()


def test_nothing_is_withheld_where_all_cells_are_large() -> None:
    assert cells_to_withhold(families_of(ACRO + 10), 10) == set()


def test_a_value_of_two_takes_the_other_one_and_its_distances_along(
    alice: Trust, person: object
) -> None:
    path = alice.dataset("people")
    alice.upload(path, "items", items((55, "F,young"), (5, "F,old"), (38, "M,young"), (2, "M,old")))
    alice.post(f"{path}populations/", {"name": "census"})
    alice.upload(path, "population", "sex,age,weight\nF,,1\nM,,1\n,young,1\n,old,1\n")
    auditor = person("audrey")  # type: ignore[operator]
    alice.post(f"{path}members/", {"user": "audrey", "role": "auditor"})
    full, shown = alice.get(f"{path}coverage/"), auditor.get(f"{path}coverage/")
    assert cell(full["attributes"]["age"], age="young")["n"] == 93
    assert cell(shown["attributes"]["age"], age="young")["n"] is None
    assert shown["per_attribute"]["age"]["total_variation"]["reason"] == "suppressed"
    assert shown["per_attribute"]["age"]["verdict"] == "withheld"
    assert all(one["n"] is None for one in shown["cells"])
    # Sexes have 60 and 40 members, and nothing small adds up to them that is shown.
    assert cell(shown["attributes"]["sex"], sex="M")["n"] == 40
    assert shown["per_attribute"]["sex"] == full["per_attribute"]["sex"]
    assert {row["n"] for row in shown["uncovered_patterns"]} == {None}
