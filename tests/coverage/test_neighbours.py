"""Places of numeric attributes with few items near them, through HTTP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from tests.conftest import Trust, work_off
from tests.coverage.test_coverage_journeys import as_csv


@pytest.fixture
def irises(alice: Trust) -> str:
    path = alice.dataset("iris")
    for name in ("length", "width"):
        alice.post(f"{path}attributes/", {"name": name, "kind": "numeric"})
    flowers = load_iris().data[:, :2]
    rows = [{"item": f"f{k}", "length": a, "width": b} for k, (a, b) in enumerate(flowers.tolist())]
    rows.append({"item": "bare", "length": 5, "width": ""})
    assert alice.upload(path, "items", as_csv(rows))["state"] == "stored"
    return path


def look(alice: Trust, path: str, **parameters: Any) -> Any:
    alice.post(f"{path}runs/", {"kind": "neighbours", "parameters": parameters}, expect=202)
    work_off()
    return alice.get(f"{path}coverage/neighbours/")


def test_the_published_definition_gives_the_reference_counts(alice: Trust, irises: str) -> None:
    # Case continuous_coverage_iris_grid: k 3, a grid of 21 x 21.
    for radius, expected in ((0.05, 377), (0.1, 249), (0.15, 158)):
        found = look(alice, irises, k=3, radius=radius)
        assert (found["places"]["n"], found["places"]["n_uncovered"]) == (441, expected)
    assert (found["n_items"], found["n_missing"]) == (150, 1)
    assert found["ranges"] == {"length": [4.3, 7.9], "width": [2.0, 4.4]}
    corner = found["places"]["listed"][0]
    assert (corner["at"], corner["n"]) == ({"length": 4.3, "width": pytest.approx(3.92)}, 0)
    assert corner["words"] == "length=4.3 & width=3.92: 0 of at least 3 items near by"


def test_lonely_items_are_named_to_managers_only(alice: Trust, irises: str, person: Any) -> None:
    found = look(alice, irises, k=3, radius=0.1, grid=0)
    x = load_iris().data[:, :2]
    x = (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))
    near = (np.linalg.norm(x[:, None] - x[None], axis=2) <= 0.1 + 1e-12).sum(axis=1)
    lonely = [f"f{k}" for k in np.flatnonzero(near < 3)]
    assert sorted(found["items"]["named"]) == sorted(lonely)
    assert (found["items"]["n_uncovered"], found["places"]) == (len(lonely), None)
    assert found["items"]["share"]["value"] == pytest.approx(len(lonely) / 150)
    auditor = person("audrey")
    alice.post(f"{irises}members/", {"user": "audrey", "role": "auditor"})
    seen = auditor.get(f"{irises}coverage/neighbours/")
    assert (seen["items"]["named"], seen["ranges"]) == ([], {})
    assert seen["items"]["n_uncovered"] == len(lonely)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("k", 0), ("radius", 0), ("grid", 1), ("grid", 1000), ("attributes", ["shoe"]), ("depth", 1)],
)
def test_parameters_that_make_no_sense_are_refused(
    alice: Trust, irises: str, name: str, wrong: Any
) -> None:
    body = {"kind": "neighbours", "parameters": {name: wrong}}
    answer = alice.post(f"{irises}runs/", body, expect=400)
    assert answer["errors"][0]["pointer"] == f"/parameters/{name}"


def test_vectors_without_neighbours_are_found_by_their_own_distances(
    alice: Trust, irises: str
) -> None:
    flowers = load_iris().data * 10
    body = as_csv(
        [
            {"item": f"f{k}", **{f"x{j}": value for j, value in enumerate(row)}}
            for k, row in enumerate(flowers.tolist())
        ]
    )
    assert alice.upload(irises, "features", body, features="shape")["state"] == "stored"
    found = look(alice, irises, features="shape", k=3, radius=4.5)
    near = (np.linalg.norm(flowers[:, None] - flowers[None], axis=2) <= 4.5).sum(axis=1)
    assert found["items"]["n_uncovered"] == (near < 3).sum() > 0
    assert sorted(found["items"]["named"]) == sorted(f"f{k}" for k in np.flatnonzero(near < 3))
    assert (found["features"], found["n_items"]) == ({"name": "shape", "n_columns": 4}, 150)
    assert (found["n_missing"], found["places"]) == (1, None)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"features": "shape", "attributes": ["length"]}, "one or the other"),
        ({"features": 3}, "the name of a feature set"),
        ({"features": "shape", "grid": 21}, "left out where features is said"),
    ],
)
def test_features_and_attributes_are_not_mixed(
    alice: Trust, irises: str, parameters: dict[str, Any], said: str
) -> None:
    body = {"kind": "neighbours", "parameters": parameters}
    assert said in alice.post(f"{irises}runs/", body, expect=400)["detail"]
