"""Collection plans against the published optima, brute force, and what can be had at all."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from measures.coverage.collection import collection_plan
from measures.coverage.constraints import Constraints, Cost, Rule, Supply
from measures.coverage.covering import Programme, dual_bound, greedy, solve
from measures.coverage.cube import Attribute, count_items, count_profiles
from measures.coverage.lattice import axis_of
from measures.coverage.patterns import UncoveredPatterns, uncovered_cells, uncovered_patterns
from measures.coverage.thresholds import count_threshold

CASES = Path(__file__).parents[3] / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")


def attributes_of(cards):
    return [Attribute(f"a{j}", tuple(map(str, range(card)))) for j, card in enumerate(cards)]


def compas(max_level, tau):
    cells = np.array(json.loads((CASES / "coverage.json").read_text())["shared"]["compas_cells"])
    cube = count_profiles(attributes_of([2, 4, 4, 7]), cells[:, :-1], cells[:, -1])
    return uncovered_cells(cube, count_threshold(tau), max_level=max_level)


def targets_of(patterns, cards):
    """Subgroups that lack one item each, in the papers' notation."""
    nodes = [
        [card if c == "x" else int(c) for c, card in zip(pattern, cards, strict=True)]
        for pattern in patterns
    ]
    axes = tuple(map(axis_of, attributes_of(cards)))
    n = np.zeros(len(patterns), np.int64)
    return UncoveredPatterns(axes, np.array(nodes), n, count_threshold(1), len(cards))


def after(cube, plan):
    """The cube with the purchases added; attributes a purchase leaves open get the first value."""
    rows = [
        [a.values.index(p.attributes.get(a.name, a.values[0])) for a in cube.attributes]
        for p in plan.purchases
    ]
    return cube + count_profiles(cube.attributes, rows, [p.n for p in plan.purchases])


@needs_cases
@pytest.mark.parametrize(
    ("level", "n_targets", "naive", "best"), [(2, 19, 125, 88), (3, 137, 1057, 551)]
)
def test_plans_reach_the_published_optimum(level, n_targets, naive, best):
    case = f"plan_compas_l{level}_tau10"
    cases = json.loads((CASES / "coverage.json").read_text())["cases"]
    expected = next(c["expected"] for c in cases if c["name"] == case)
    assert (expected["n_targets"], expected["naive_total"]) == (n_targets, naive)
    assert expected["optimal_total"] == best
    plan = collection_plan(compas(level, 10))
    assert (plan.n_targets, plan.naive_n_items, plan.n_items) == (n_targets, naive, best)
    assert plan.is_optimal
    assert (plan.infeasible, plan.unmet) == ((), ())
    assert plan.curve[-1] == (best, n_targets)


@needs_cases
def test_a_rule_takes_impossible_people_out_and_names_what_nobody_can_fill():
    # Nobody of 20 or younger is, or was, married or in a lasting partnership.
    young = Rule({"a1": ("0",), "a3": ("1", "2", "3", "4", "5")})
    plan = collection_plan(compas(2, 10), Constraints(impossible=[young]))
    assert (plan.n_items, len(plan.infeasible), plan.is_optimal) == (52, 5, True)
    assert {shortfall.attributes["a1"] for shortfall in plan.infeasible} == {"0"}
    assert not any(
        p.attributes["a1"] == "0" and p.attributes["a3"] in "12345" for p in plan.purchases
    )


def test_greed_is_not_always_best_and_the_solver_finds_out():
    patterns = ["x100", "1x00", "10x0", "1010", "2xxx", "2x10", "20x0", "201x"]
    targets = targets_of(patterns, [3, 2, 2, 2])
    plan = collection_plan(targets)
    assert (plan.n_items, plan.is_optimal, plan.lower_bound) == (3, True, 3)
    quick = collection_plan(targets, exact=False)
    assert 3 <= quick.n_items <= 4
    assert quick.lower_bound <= 3


small_sets = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)), max_size=12
)


@settings(max_examples=25)
@given(rows=small_sets, tau=st.integers(1, 3), level=st.integers(1, 3))
def test_after_the_plan_no_subgroup_is_uncovered(rows, tau, level):
    attributes = attributes_of([2, 3, 2])
    cube = count_items(attributes, [[row[j] for row in rows] for j in range(3)])
    targets = uncovered_cells(cube, count_threshold(tau), max_level=level)
    plan = collection_plan(targets)
    assert len(uncovered_cells(after(cube, plan), count_threshold(tau), max_level=level).n) == 0
    assert plan.n_items <= plan.naive_n_items
    assert plan.lower_bound <= plan.cost + 1e-6


@settings(max_examples=40)
@given(data=st.data())
def test_bounds_hold_around_the_brute_force_optimum(data):
    rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    cells = st.lists(st.integers(0, 1), min_size=columns, max_size=columns)
    cover = np.array([data.draw(cells) for _ in range(rows)])
    deficit = np.array([data.draw(st.integers(0, 3)) for _ in range(rows)]) * cover.any(axis=1)
    cost = np.array([data.draw(st.sampled_from([1.0, 2.0, 5.0])) for _ in range(columns)])
    programme = Programme(
        sparse.csr_matrix(cover),
        deficit,
        cost,
        sparse.csr_matrix((0, columns), dtype=np.int64),
        np.zeros(0, np.int64),
    )
    amounts = product(range(int(deficit.max(initial=0)) + 1), repeat=columns)
    optimum = min(cost @ x for x in amounts if (cover @ np.array(x) >= deficit).all())
    assert dual_bound(programme) <= optimum + 1e-9
    assert programme.price(greedy(programme)) >= optimum - 1e-9
    solved = solve(programme, exact=True, seconds=5)
    assert (programme.price(solved.amounts), solved.is_optimal) == (pytest.approx(optimum), True)


def test_dearer_items_are_bought_only_where_needed():
    cube = count_items(attributes_of([2, 2]), [[0], [0]])
    targets = uncovered_cells(cube, count_threshold(1), max_level=1)
    cheap = collection_plan(targets)
    assert [p.attributes for p in cheap.purchases] == [{"a0": "1", "a1": "1"}]
    dear = Constraints(costs=[Cost(Rule({"a0": ("1",), "a1": ("1",)}), 10)])
    plan = collection_plan(targets, dear)
    assert (plan.n_items, plan.cost, plan.is_optimal) == (2, 2.0, True)
    assert {tuple(p.attributes.values()) for p in plan.purchases} == {("0", "1"), ("1", "0")}


def test_what_the_supply_does_not_suffice_for_is_reported_as_unmet():
    cube = count_items(attributes_of([2]), [[0] * 5])
    targets = uncovered_cells(cube, count_threshold(5), max_level=1)
    enough = collection_plan(targets, Constraints(supplies=[Supply(Rule({"a0": ("1",)}), 9)]))
    assert (enough.n_items, enough.unmet) == (5, ())
    short = collection_plan(targets, Constraints(supplies=[Supply(Rule({"a0": ("1",)}), 2)]))
    assert (short.n_items, short.lower_bound, short.is_optimal) == (2, None, False)
    assert [(s.attributes, s.lacking) for s in short.unmet] == [({"a0": "1"}, 3)]
    assert short.curve[-1] == (2, 0)


def test_nothing_to_collect_is_a_plan_of_nothing():
    cube = count_items(attributes_of([2]), [[0, 1]])
    plan = collection_plan(uncovered_cells(cube, count_threshold(1), max_level=1))
    assert (plan.purchases, plan.cost, plan.is_optimal, plan.curve) == ((), 0.0, True, ((0, 0),))
    json.dumps(plan.as_dict(), allow_nan=False)


def test_plans_over_unknown_rules_or_groups_are_refused():
    cube = count_items(attributes_of([2]), [[0]])
    targets = uncovered_cells(cube, count_threshold(1), max_level=1)
    for limits, message in (
        (Constraints(impossible=[Rule({"b": ("0",)})]), "A rule names 'b'"),
        (Constraints(impossible=[Rule({"a0": ("7",)})]), "a0='7'"),
        (Constraints(costs=[Cost(Rule({}), 0)]), "must be positive"),
        (Constraints(supplies=[Supply(Rule({}), -1)]), "cannot be negative"),
    ):
        with pytest.raises(ValueError, match=message):
            collection_plan(targets, limits)
    grouped = uncovered_patterns(cube, count_threshold(1), groups={"a0": {"all": ["0", "1"]}})
    with pytest.raises(ValueError, match="leave the groups out"):
        collection_plan(grouped)
