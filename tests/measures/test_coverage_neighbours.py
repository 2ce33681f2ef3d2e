"""Continuous coverage: the iris grid, brute force, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from measures.coverage.neighbours import neighbours_within, scaled, uncovered_points


def test_the_grid_over_iris_sepals_has_the_known_holes() -> None:
    # Definition of Asudeh et al. (2021), k = 3; counted by the authors' checker and by cKDTree.
    points = scaled(load_iris().data[:, :2])
    axis = np.linspace(0, 1, 21)
    grid = np.array([(a, b) for a in axis for b in axis])
    found = [len(uncovered_points(points, grid, radius=r, k=3)) for r in (0.05, 0.1, 0.15)]
    assert found == [377, 249, 158]


def test_neighbours_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    points, queries = rng.random((80, 3)), rng.random((40, 3))
    apart = np.linalg.norm(points[None] - queries[:, None], axis=2)
    found = neighbours_within(points, queries, radius=0.3)
    assert found.tolist() == (apart <= 0.3).sum(axis=1).tolist()
    shuffled = neighbours_within(points[::-1], queries, radius=0.3)
    assert shuffled.tolist() == found.tolist()


def test_nothing_is_near_nothing_and_wrong_input_is_named() -> None:
    assert uncovered_points(np.empty((0, 2)), [[0, 0]], radius=1, k=1).tolist() == [0]
    assert scaled([[1, 5], [3, 5]]).tolist() == [[0, 0], [1, 0]]
    for wrong in (
        {"radius": 0, "k": 1},
        {"radius": 1, "k": 0},
    ):
        with pytest.raises(ValueError, match="must be"):
            uncovered_points([[0.0]], [[0.0]], **wrong)
    with pytest.raises(ValueError, match="row 1 is not"):
        neighbours_within([[0.0], [np.nan]], [[0.0]], radius=1)
    with pytest.raises(ValueError, match="2 attributes and queries 1"):
        neighbours_within([[0.0, 1.0]], [[0.0]], radius=1)
