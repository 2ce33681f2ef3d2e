"""Uncovered patterns by small cubes and level by level, against the dense count of everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.coverage import bitsets, subcubes
from measures.coverage.cube import MISSING, Attribute, count_items, count_profiles
from measures.coverage.patterns import axes_of, uncovered_patterns
from measures.coverage.thresholds import count_threshold


def by_subcubes(cube, axes, tau, level, *, missing_matches):
    known = bitsets.literals_of(cube, axes, missing_matches=False)
    found = subcubes.search(cube, axes, known, tau, level, missing_matches=missing_matches)
    return sorted(
        (*row, n)
        for nodes, counts in found
        for row, n in zip(nodes.tolist(), counts.tolist(), strict=True)
    )


def by_levels(cube, axes, tau, level, *, missing_matches):
    literals = bitsets.literals_of(cube, axes, missing_matches=missing_matches)
    rows = []
    for found in bitsets.search(literals, tau, level):
        for pattern, n in zip(found.literals, found.n.tolist(), strict=True):
            nodes = [axis.any for axis in axes]
            for literal in pattern:
                nodes[literals.attribute[literal]] = int(literals.node[literal])
            rows.append((*nodes, n))
    return sorted(rows)


@st.composite
def problems(draw):
    """Attributes that are plain, grouped or ranged; profiles with missing values, counted."""
    cards = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    kinds = [draw(st.sampled_from(["plain", "grouped", "ranged"])) for _ in cards]
    profile = st.tuples(*(st.integers(MISSING, card - 1) for card in cards))
    # Hundreds of items with one profile take several binary digits of its count.
    counted = draw(st.dictionaries(profile, st.integers(1, 700), min_size=1, max_size=20))
    attributes = [Attribute(f"a{j}", tuple(map(str, range(k)))) for j, k in enumerate(cards)]
    cube = count_profiles(attributes, list(counted), list(counted.values()))
    named = {f"a{j}": kind for j, kind in enumerate(kinds)}
    options = {
        "groups": {
            name: {"low": ["0", "1"][: cards[int(name[1:])]]}
            for name, kind in named.items()
            if kind == "grouped"
        },
        "ranges": {name: None for name, kind in named.items() if kind == "ranged"},
    }
    return cube, options, draw(st.integers(1, cube.n_items)), draw(st.booleans())


@settings(max_examples=120)
@given(problem=problems(), level=st.integers(1, 4))
def test_small_cubes_and_levels_find_what_counting_everything_finds(problem, level):
    cube, options, tau, missing_matches = problem
    axes = axes_of(cube, **options)
    level = min(level, len(axes))
    dense = uncovered_patterns(
        cube, count_threshold(tau), max_level=level, missing_matches=missing_matches, **options
    )
    expected = sorted(map(tuple, np.column_stack([dense.nodes, dense.n]).tolist()))
    how = {"missing_matches": missing_matches}
    assert by_subcubes(cube, axes, tau, level, **how) == expected
    assert by_levels(cube, axes, tau, level, **how) == expected


def test_many_binary_attributes_give_the_same_patterns_by_both_searches():
    # 18 attributes: the two searches still agree where neither sees all profiles in one word.
    rng = np.random.default_rng(3)
    liking = rng.random(3000)
    columns = [(rng.random(3000) < liking * rng.random()).astype(np.int64) for _ in range(18)]
    cube = count_items([Attribute(f"a{j}", ("0", "1")) for j in range(18)], columns)
    axes = axes_of(cube)
    found = by_subcubes(cube, axes, 60, 3, missing_matches=False)
    assert found == by_levels(cube, axes, 60, 3, missing_matches=False)
    assert len(found) > 100
    lowest = uncovered_patterns(cube, count_threshold(60), max_level=3, max_nodes=1)
    assert sorted(map(tuple, np.column_stack([lowest.nodes, lowest.n]).tolist())) == found


def literals_with(cards, n_words, covered):
    """Bit sets of as many profiles as fill the words; every value has all of them, or none."""
    attribute = np.repeat(np.arange(len(cards)), cards)
    node = np.concatenate([np.arange(card) for card in cards])
    bits = np.full((len(node), n_words), ~np.uint64(0) if covered else np.uint64(0))
    parents = np.full((len(node), 2), -1)
    return bitsets.Literals(attribute, node, parents, bits, ((0, slice(0, n_words)),))


@pytest.mark.parametrize(
    ("cards", "level", "n_words", "covered", "cheaper"),
    [
        ([2] * 35, 4, 12_500, True, True),
        ([4] * 12, 3, 12_500, True, True),
        # Few profiles are searched level by level as quickly.
        ([2] * 35, 4, 10, True, False),
        # 4,096 cells for each six attributes cost more than what is covered there.
        ([2] * 35, 6, 12_500, True, False),
        # Where no value is covered there is nothing to search.
        ([9] * 5, 3, 12_500, False, False),
        # A small cube of 200 x 200 x 200 cells would not be small.
        ([200, 200, 200], 3, 100, True, False),
        # 30 to the power of 20 does not number combinations in 63 bits.
        ([2] * 30, 20, 100, True, False),
    ],
)
def test_the_cheaper_search_is_taken(cards, level, n_words, covered, cheaper):
    attributes = [Attribute(f"a{j}", tuple(map(str, range(k)))) for j, k in enumerate(cards)]
    cube = count_items(attributes, [[0] for _ in cards])
    literals = literals_with(cards, n_words, covered)
    assert subcubes.is_cheaper(cube, axes_of(cube), literals, 30, level) is cheaper


def test_combinations_of_values_are_counted_by_level():
    # 1 + (2 + 3 + 4) + (2 x 3 + 2 x 4 + 3 x 4) + 2 x 3 x 4
    assert subcubes.n_combinations([2, 3, 4], 3) == 60
    assert subcubes.n_combinations([1] * 35, 4) == 1 + 35 + 595 + 6545 + 52360
