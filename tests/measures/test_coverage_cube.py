"""Joint counts: nothing is lost, parts add up, and the order of rows does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.coverage.cube import MISSING, Attribute, count_items, count_profiles

SEX = Attribute("sex", ("F", "M"))
AGE = Attribute("age", ("young", "middle", "old"))
rows_of_codes = st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 2)), max_size=40)


def cube_of(rows, attributes=(SEX, AGE)):
    return count_items(attributes, [[row[j] for row in rows] for j in range(len(attributes))])


def as_counter(cube):
    return {tuple(c): n for c, n in zip(cube.codes.tolist(), cube.n.tolist(), strict=True)}


@given(rows=rows_of_codes)
def test_counts_equal_counting_one_row_at_a_time(rows):
    rows = [*rows, (0, 0)]
    table = cube_of(rows).table(["age", "sex"])
    expected = np.zeros((4, 3), int)
    for sex, age in rows:
        expected[age, sex] += 1  # index -1, the last slot, holds the missing values
    assert table.tolist() == expected.tolist()
    assert cube_of(rows).n_items == len(rows)


@given(rows=rows_of_codes, cut=st.integers(0, 40))
def test_cubes_over_parts_of_the_rows_add_up(rows, cut):
    parts = cube_of(rows[:cut]) + cube_of(rows[cut:])
    assert as_counter(parts) == as_counter(cube_of(rows))


@given(rows=rows_of_codes, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(rows, seed):
    rows = [*rows, (0, 2)]
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    assert as_counter(cube_of(rows)) == as_counter(cube_of(shuffled))


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_wide_cubes_that_no_array_could_hold_count_the_same(seed):
    rng = np.random.default_rng(seed)
    attributes = [Attribute(f"a{j}", tuple("abcdefghij")) for j in range(25)]
    codes = rng.integers(-1, 10, size=(3, 25))[rng.integers(0, 3, 50)]
    cube = count_items(attributes, list(codes.T))
    distinct, n = np.unique(codes, axis=0, return_counts=True)
    assert as_counter(cube) == {
        tuple(c): k for c, k in zip(distinct.tolist(), n.tolist(), strict=True)
    }
    assert as_counter(count_profiles(attributes, distinct, n)) == as_counter(cube)


def test_no_items_give_a_table_of_zeros():
    cube = count_items([SEX, AGE], [[], []])
    assert cube.n_items == 0
    assert cube.table(["sex"]).tolist() == [0, 0, 0]


def test_codes_without_a_declared_value_are_refused_with_their_place():
    assert count_items([SEX], [[0, 1, MISSING]]).n_items == 3
    with pytest.raises(ValueError, match=r"'sex' has 2 declared values; code 2 at position 1"):
        count_items([SEX], [[0, 2]])
    with pytest.raises(ValueError, match="whole-number codes"):
        count_items([SEX], [[0.5]])
    with pytest.raises(ValueError, match="'age' has shape"):
        count_items([SEX, AGE], [[0, 1], [0]])
    with pytest.raises(ValueError, match="cannot be negative"):
        count_profiles([SEX], [[0]], [-1])
    with pytest.raises(ValueError, match="each only once"):
        Attribute("sex", ("F", "F"))


def test_cubes_over_other_attributes_do_not_add_up():
    with pytest.raises(ValueError, match="same declared attributes"):
        count_items([SEX], [[0]]) + count_items([AGE], [[0]])
    with pytest.raises(ValueError, match="no attribute 'race'; the cube has sex"):
        count_items([SEX], [[0]]).table(["race"])
