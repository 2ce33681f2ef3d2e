"""Maximal uncovered patterns against published sets, brute force and their laws."""

import csv
import gzip
import hashlib
import json
from itertools import product
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.coverage.cube import MISSING, Attribute, count_items, count_profiles
from measures.coverage.patterns import uncovered_cells, uncovered_patterns
from measures.coverage.target import target_from_cells
from measures.coverage.thresholds import count_threshold, precision_threshold, share_threshold

CASES = Path(__file__).parents[3] / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")


def attributes_of(cards):
    return [Attribute(f"a{j}", tuple(map(str, range(card)))) for j, card in enumerate(cards)]


def cube_of(rows, cards):
    columns = [[row[j] for row in rows] for j in range(len(cards))]
    return count_items(attributes_of(cards), columns)


def cube_of_cells(cells, cards):
    table = np.array(cells)
    return count_profiles(attributes_of(cards), table[:, :-1], table[:, -1])


def codes(found):
    """Patterns in the papers' notation: one digit per attribute, x for any."""
    return sorted(
        "".join(
            "x" if node == axis.any else str(node)
            for node, axis in zip(row, found.axes, strict=True)
        )
        for row in found.nodes.tolist()
    )


def digest(found):
    """SHA-256 of the sorted patterns, one a line, as the published digests were made."""
    rows = sorted(
        ",".join("x" if n == a.any else str(n) for n, a in zip(row, found.axes, strict=True))
        for row in found.nodes.tolist()
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def by_definition(rows, cards, tau, *, missing_matches=False):
    """Every pattern, one after the other, as the definition reads."""

    def matches(pattern, row):
        return all(
            p is None or v == p or (v == MISSING and missing_matches)
            for p, v in zip(pattern, row, strict=True)
        )

    def covered(pattern):
        return sum(matches(pattern, row) for row in rows) >= tau

    found = []
    for pattern in product(*([*range(card), None] for card in cards)):
        fixed = [j for j, p in enumerate(pattern) if p is not None]
        parents = [pattern[:j] + (None,) + pattern[j + 1 :] for j in fixed]
        if not covered(pattern) and all(map(covered, parents)):
            found.append("".join("x" if p is None else str(p) for p in pattern))
    return sorted(found)


PRINTED = [
    # Asudeh et al. (2019), Example 1.
    ([(0, 1, 0), (0, 0, 1), (0, 0, 0), (0, 1, 1), (0, 0, 1)], [2, 2, 2], 1, ["1xx"]),
    (
        [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 1)],
        *([2, 2, 2], 2, ["0x1", "11x", "1x1", "x11"]),
    ),
    ([], [2, 3], 1, ["xx"]),
    ([(a, b) for a in range(2) for b in range(3)] * 2, [2, 3], 2, []),
]


@pytest.mark.parametrize(("rows", "cards", "tau", "expected"), PRINTED)
def test_printed_examples_are_reproduced(rows, cards, tau, expected):
    assert codes(uncovered_patterns(cube_of(rows, cards), count_threshold(tau))) == expected


def test_the_worst_case_of_the_theory_has_as_many_patterns_as_proved():
    # Asudeh et al. (2019), theorem 1: the identity matrix, threshold n / 2 + 1.
    n = 6
    found = uncovered_patterns(
        cube_of(np.eye(n, dtype=int).tolist(), [2] * n), count_threshold(n // 2 + 1)
    )
    assert len(found.n) == n + comb(n, n // 2) == 26
    assert found.per_level() == {1: 6, 3: 20}


def generated_rows(n, cards, seed):
    """The published generator: a linear congruential sequence, squared to be skewed."""
    x, rows = seed, []
    for _ in range(n):
        row = []
        for card in cards:
            x = (1103515245 * x + 12345) % 2**31
            row.append(min(card - 1, int((x / 2**31) ** 2 * card)))
        rows.append(row)
    return rows


@pytest.mark.parametrize("how", [{}, {"max_nodes": 1, "max_level": 6}])
def test_the_generated_set_gives_the_published_patterns_by_both_searches(how):
    cards = [2, 3, 4, 2, 3, 5]
    cube = cube_of(generated_rows(500, cards, 7), cards)
    found = uncovered_patterns(cube, count_threshold(5), **how)
    assert (len(found.n), found.per_level()) == (427, {3: 125, 4: 237, 5: 60, 6: 5})
    published = "9a413118238966c2be0ec36d730adfa0fe7219e0545f4aba7b3348d831d9ec8d"
    assert digest(found) == published


def shared_case(name):
    cases = json.loads((CASES / "coverage.json").read_text())
    case = next(case for case in cases["cases"] if case["name"] == name)
    return case["inputs"], case["expected"], cases["shared"]


@needs_cases
@pytest.mark.parametrize("tau", [3, 10, 60])
@pytest.mark.parametrize("how", [{}, {"max_nodes": 1, "max_level": 4}])
def test_the_authors_result_sheets_are_reproduced(tau, how):
    inputs, expected, shared = shared_case(f"mup_compas_tau{tau}")
    cube = cube_of_cells(shared["compas_cells"], inputs["cards"])
    found = uncovered_patterns(cube, count_threshold(tau), **how)
    assert codes(found) == expected["mups"]
    assert {str(k): v for k, v in found.per_level().items()} == expected["levels"]


@needs_cases
def test_the_label_can_be_one_more_attribute():
    inputs, expected, shared = shared_case("mup_compas_label_tau10")
    cube = cube_of_cells(shared["compas_label_cells"], inputs["cards"])
    found = uncovered_patterns(cube, count_threshold(10))
    assert len(found.n) == expected["n_mups"]
    assert digest(found) == expected["sha256"]


@needs_cases
@pytest.mark.parametrize("how", [{}, {"max_nodes": 1, "max_level": 4}])
def test_missing_values_give_definite_and_possible_patterns(how):
    inputs, expected, shared = shared_case("mup_compas_missing_interval_tau10")
    cells = [
        [*cell[:3], MISSING if cell[3] == 6 else cell[3], cell[4]]
        for cell in shared["compas_cells"]
    ]
    cube = cube_of_cells(cells, inputs["cards"])
    definite, possible = (
        uncovered_patterns(cube, count_threshold(10), missing_matches=matches, **how)
        for matches in (True, False)
    )
    assert codes(definite) == expected["definite"]
    assert len(possible.n) == expected["n_possible"]
    assert digest(possible) == expected["possible_sha256"]


@needs_cases
@pytest.mark.parametrize("how", [{}, {"max_nodes": 1, "max_level": 3}])
def test_groups_of_values_are_patterns_too(how):
    inputs, expected, shared = shared_case("mup_compas_hierarchy_tau30")
    cells = [[cell[j] for j in (*inputs["use_attrs"], 4)] for cell in shared["compas_cells"]]
    groups = {"a1": {"first": ["0", "1"], "second": ["2", "3"]}}
    cube = cube_of_cells(cells, [2, 4, 7])
    found = uncovered_patterns(cube, count_threshold(30), groups=groups, **how)
    assert sorted(found.nodes.tolist()) == expected["mups"]


@needs_cases
@pytest.mark.parametrize("tau", [1, 11, 116, 1162])
def test_the_authors_diamonds_give_the_same_patterns_as_their_own_code(tau):
    inputs, expected, _ = shared_case(f"mup_bluenile_tau{tau}")
    with gzip.open(CASES / "bluenile_counts.csv.gz", "rt", newline="") as file:
        cells = [list(map(int, row)) for row in csv.reader(file) if row[0].isdigit()]
    found = uncovered_patterns(cube_of_cells(cells, inputs["cards"]), count_threshold(tau))
    assert len(found.n) == expected["n_mups"]
    assert {str(k): v for k, v in found.per_level().items()} == expected["levels"]
    assert digest(found) == expected["sha256"]


small_sets = st.lists(
    st.tuples(st.integers(-1, 1), st.integers(-1, 2), st.integers(-1, 1)), max_size=25
)


@settings(max_examples=60)
@given(rows=small_sets, tau=st.integers(0, 6), matches=st.booleans())
def test_both_searches_equal_the_definition(rows, tau, matches):
    cards = [2, 3, 2]
    expected = by_definition(rows, cards, tau, missing_matches=matches)
    cube = cube_of(rows, cards)
    for how in ({}, {"max_nodes": 1, "max_level": 3}):
        found = uncovered_patterns(cube, count_threshold(tau), missing_matches=matches, **how)
        assert codes(found) == expected


@settings(max_examples=40)
@given(rows=small_sets.filter(len), tau=st.integers(1, 6))
def test_a_pattern_is_uncovered_exactly_when_a_maximal_one_lies_above_it(rows, tau):
    cube = cube_of(rows, [2, 3, 2])
    found = uncovered_patterns(cube, count_threshold(tau))
    for pattern in product((0, 1, None), (0, 1, 2, None), (0, 1, None)):
        n = sum(all(p in (None, v) for p, v in zip(pattern, row, strict=True)) for row in rows)
        above = any(
            all(
                node == axis.any or node == p
                for node, axis, p in zip(row, found.axes, pattern, strict=True)
            )
            for row in found.nodes.tolist()
        )
        assert above == (n < tau)


@settings(max_examples=30)
@given(rows=small_sets, tau=st.integers(1, 5))
def test_groups_that_hold_one_value_each_change_no_leaf(rows, tau):
    cube = cube_of(rows, [2, 3, 2])
    groups = {"a1": {"low": ["0", "1"], "high": ["2"]}}
    dense = uncovered_patterns(cube, count_threshold(tau), groups=groups)
    wise = uncovered_patterns(cube, count_threshold(tau), groups=groups, max_nodes=1, max_level=3)
    assert sorted(dense.nodes.tolist()) == sorted(wise.nodes.tolist())
    assert sorted(dense.n.tolist()) == sorted(wise.n.tolist())
    # The group "high" holds exactly what "2" holds: the leaf below it is never maximal.
    assert not any(row[1] == 2 for row in dense.nodes.tolist())


@settings(max_examples=30)
@given(rows=small_sets, tau=st.integers(1, 5), level=st.integers(0, 3))
def test_a_level_limit_only_cuts_the_deeper_patterns(rows, tau, level):
    cube = cube_of(rows, [2, 3, 2])
    whole = uncovered_patterns(cube, count_threshold(tau))
    cut = uncovered_patterns(cube, count_threshold(tau), max_level=level)
    kept = whole.nodes[whole.levels <= level] if len(rows) >= tau else whole.nodes
    assert sorted(cut.nodes.tolist()) == sorted(kept.tolist())


def test_more_attributes_than_any_array_holds_are_searched_level_by_level():
    rng = np.random.default_rng(5)
    rows = rng.random((400, 40)) < 0.3
    cube = count_items(attributes_of([2] * 40), [column.astype(int) for column in rows.T])
    with pytest.raises(ValueError, match="give max_level"):
        uncovered_patterns(cube, count_threshold(30))
    found = uncovered_patterns(cube, count_threshold(30), max_level=2)
    pairs = rows.astype(int).T @ rows.astype(int)
    both_rare = int((np.triu(pairs, 1) + 30 * np.tril(np.ones((40, 40), int)) < 30).sum())
    assert both_rare > 0
    assert found.per_level() == {2: both_rare}


def test_patterns_are_told_in_words_with_what_they_lack():
    sex, age = Attribute("sex", ("F", "M")), Attribute("age", ("old", "young"))
    cube = count_items([sex, age], [[0, 1, 1, 1, 0], [1, 1, 1, 0, 1]])
    found = uncovered_patterns(cube, count_threshold(2))
    assert [p.as_dict() for p in found.in_words()] == [
        {"attributes": {"age": "old"}, "n": 1, "deficit": 1, "level": 1, "target_share": None}
    ]
    target = target_from_cells([({"age": "old"}, 1), ({"age": "young"}, 3)])
    assert found.in_words(target=target)[0].target_share == 0.25


def test_patterns_that_concern_more_people_come_first():
    a, b = Attribute("a", ("x", "y", "z")), Attribute("b", ("u",))
    cube = count_items([a, b], [[0] * 9 + [1, 2], [0] * 11])
    target = target_from_cells([({"a": "x"}, 1), ({"a": "y"}, 2), ({"a": "z"}, 7)])
    ranked = uncovered_patterns(cube, count_threshold(3)).in_words(target=target, limit=1)
    assert [p.attributes for p in ranked] == [{"a": "z"}]


def test_all_uncovered_cells_down_to_a_level_are_listed_for_a_plan():
    rows, tau = PRINTED[1][0], 2
    cube = cube_of(rows, [2, 2, 2])
    found = uncovered_cells(cube, count_threshold(tau), max_level=2)
    assert codes(found) == ["0x1", "11x", "1x1", "x11"]
    below = uncovered_cells(cube, count_threshold(tau), max_level=3)
    assert set(codes(found)) < set(codes(below))
    assert all(n < tau for n in below.n)


def test_thresholds_are_counts_shares_or_wanted_precision():
    assert share_threshold(0.1, 30).n == 3
    assert share_threshold(0.1, 31).n == 4
    assert share_threshold(0.0001, 30, at_least=5).n == 5
    assert precision_threshold(0.05).n == 381
    assert "0.05" in precision_threshold(0.05).why
    with pytest.raises(ValueError, match="cannot be negative"):
        count_threshold(-1)
    with pytest.raises(ValueError, match="share must lie"):
        share_threshold(10, 30)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a0": {"g": ["7"]}}, "neither a value nor a group"),
        ({"a0": {"g": ["0"], "h": ["0"]}}, "in two groups"),
        ({"a0": {"1": ["0"]}}, "the name of one of its values"),
        ({"a0": {"g": ["0", "h"], "h": []}}, "'h' of 'a0' holds no value"),
        ({"b": {"g": ["0"]}}, "no attribute 'b'"),
    ],
)
def test_malformed_groups_are_refused(groups, message):
    cube = cube_of([(0, 0)], [2, 2])
    well = {"a0": {"g": ["0", "1"]}}
    assert len(uncovered_patterns(cube, count_threshold(1), groups=well).n) > 0
    with pytest.raises(ValueError, match=message):
        uncovered_patterns(cube, count_threshold(1), groups=groups)
