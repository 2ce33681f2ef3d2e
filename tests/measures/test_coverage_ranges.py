"""Uncovered patterns over ranges of an ordered attribute, against their definition."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.coverage.cube import MISSING, Attribute, count_items
from measures.coverage.lattice import axis_of_ranges
from measures.coverage.patterns import counts_of, uncovered_patterns
from measures.coverage.thresholds import count_threshold

AGE = Attribute("age", ("0-17", "18-39", "40-59", "60-79", "80+"))


def spans(k):
    """Every range of neighbouring values but the whole, and the whole as any."""
    return [(a, b) for a in range(k) for b in range(a, k) if b - a < k - 1 or k == 1] + [None]


def parents_of(choice, k):
    """The ranges one value wider; the whole is any. A value of a plain attribute: any."""
    low, high = choice
    wider = [(low - 1, high)] if low > 0 else []
    wider += [(low, high + 1)] if high < k - 1 else []
    return [None if b - a == k - 1 else (a, b) for a, b in wider] or [None]


def by_definition(rows, cards, ranged, tau, *, missing_matches):
    def matches(pattern, row):
        return all(
            p is None or (missing_matches if v == MISSING else p[0] <= v <= p[1])
            for p, v in zip(pattern, row, strict=True)
        )

    def covered(pattern):
        return sum(matches(pattern, row) for row in rows) >= tau

    def parents(pattern):
        for j, choice in enumerate(pattern):
            if choice is not None:
                up = parents_of(choice, cards[j]) if ranged[j] else [None]
                yield from (pattern[:j] + (one,) + pattern[j + 1 :] for one in up)

    choices = [
        spans(k) if is_ranged else [(a, a) for a in range(k)] + [None]
        for k, is_ranged in zip(cards, ranged, strict=True)
    ]
    return {
        pattern
        for pattern in product(*choices)
        if not covered(pattern) and all(map(covered, parents(pattern)))
    }


def as_spans(found):
    return {
        tuple(
            None if node == axis.any else (axis.leaves[node][0], axis.leaves[node][-1])
            for node, axis in zip(row, found.axes, strict=True)
        )
        for row in found.nodes.tolist()
    }


@settings(max_examples=60)
@given(st.data())
def test_ranges_are_found_as_the_definition_reads(data):
    cards = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    ranged = [data.draw(st.booleans()) for _ in cards]
    row = st.tuples(*(st.integers(MISSING, card - 1) for card in cards))
    rows = data.draw(st.lists(row, max_size=25))
    tau, missing_matches = data.draw(st.integers(1, 8)), data.draw(st.booleans())
    attributes = [Attribute(f"a{j}", tuple(map(str, range(k)))) for j, k in enumerate(cards)]
    cube = count_items(attributes, [[r[j] for r in rows] for j in range(len(cards))])
    options = {
        "ranges": {f"a{j}": None for j, is_ranged in enumerate(ranged) if is_ranged},
        "missing_matches": missing_matches,
    }
    expected = by_definition(rows, cards, ranged, tau, missing_matches=missing_matches)
    if len(rows) < tau:
        expected = {(None,) * len(cards)}
    found = uncovered_patterns(cube, count_threshold(tau), **options)
    searched = uncovered_patterns(
        cube, count_threshold(tau), max_level=len(cards), max_nodes=0, **options
    )
    assert as_spans(found) == as_spans(searched) == expected
    for most in (10**6, 0):  # by one cube over all attributes, and by many over a few
        counted = counts_of(cube, found, missing_matches=missing_matches, max_nodes=most)
        assert np.array_equal(counted, found.n)


def test_neighbouring_bands_that_lack_items_are_one_pattern():
    # 10 items in each band, but 1 of each sex in both of the last ones.
    women = [0] * 10 + [1] * 10 + [2] * 10 + [3, 4]
    cube = count_items([Attribute("sex", ("F", "M")), AGE], [[0] * 32 + [1] * 32, women + women])
    found = uncovered_patterns(
        cube,
        count_threshold(5),
        ranges={"age": lambda low, high: f"{low.split('-')[0]}{'+' if high == '80+' else '-'}"},
    )
    assert [(one.attributes, one.n) for one in found.in_words()] == [({"age": "60+"}, 4)]
    flat = uncovered_patterns(cube, count_threshold(5))
    assert [one.attributes for one in flat.in_words()] == [{"age": "60-79"}, {"age": "80+"}]


def test_an_axis_of_ranges_grows_to_either_side():
    axis = axis_of_ranges(Attribute("size", ("S", "M", "L")))
    assert axis.nodes == ("S", "M", "L", "S to M", "M to L")
    assert axis.leaves == ((0,), (1,), (2,), (0, 1), (1, 2))
    assert axis.parents == ((3, 3), (3, 4), (4, 4), (5, 5), (5, 5))
    assert axis_of_ranges(Attribute("only", ("one",))).parents == ((1, 1),)


def test_groups_and_ranges_do_not_mix():
    cube = count_items([AGE], [[0]])
    with pytest.raises(ValueError, match="'age' has groups of values; it cannot have ranges"):
        uncovered_patterns(
            cube, count_threshold(1), groups={"age": {"old": ["80+"]}}, ranges={"age": None}
        )
    with pytest.raises(ValueError, match="no attribute 'sex'"):
        uncovered_patterns(cube, count_threshold(1), ranges={"sex": None})
