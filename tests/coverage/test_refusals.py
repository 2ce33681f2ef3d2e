"""What cannot be asked: each nonsense is refused by name, with its value and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.models import Run
from tests.conftest import Trust
from tests.coverage.conftest import JOINT

THRESHOLDS: list[tuple[dict[str, Any], str]] = [
    ({"min_items": 0}, "min_items must be a whole number from 1 to 1,000,000; it is 0."),
    ({"min_items": 9, "min_share": 0.1}, "min_share must be left out where min_items is given"),
    ({"min_items": 9, "half_width": 0.1}, "half_width must be left out where min_items is given"),
    ({"min_share": 0.1, "half_width": 0.1}, "half_width must be left out where min_share is given"),
    ({"min_share": 0}, "min_share must be null, or a number above 0 and at most 1; it is 0."),
    ({"expected_share": 0}, "expected_share must be a number above 0 and below 1; it is 0."),
    ({"expected_share": 1}, "expected_share must be a number above 0 and below 1; it is 1."),
    ({"ranges": ["sex"]}, "a list of attributes with an order (size); it is ['sex']."),
    ({"ranges": ["size", "size"]}, "each once; it is ['size', 'size']."),
    ({"attributes": ["shoe"]}, "a list of some of age, sex, size; it is ['shoe']."),
    ({"attributes": []}, "a list of some of age, sex, size; it is []."),
]
WEIGHTED: list[tuple[dict[str, Any], str]] = [
    ({"population": "moon"}, "no population 'moon'; it has: census."),
    (
        {"model": "net:1"},
        "model must be null, or a model with predictions (none yet); it is 'net:1",
    ),
    ({"model": 7}, "a model with predictions (none yet); it is 7."),
]
RUNS: dict[str, list[tuple[dict[str, Any], str]]] = {
    "patterns": [
        *THRESHOLDS,
        ({"of": "people"}, "of must be item or annotator; it is 'people'."),
        ({"max_level": 0}, "max_level must be a whole number from 1 to 40"),
        ({"question": "who"}, "question with reference labels of items (none yet); it is 'who'."),
    ],
    "coverage": [
        *THRESHOLDS,
        *WEIGHTED,
        ({"ci_level": 1}, "ci_level must be a number from 0.5 to 0.9999; it is 1."),
        ({"alpha": True}, "alpha must be a number from 1e-09 to 0.5; it is True."),
        ({"correction": "none"}, "correction must be bh (Benjamini-Hochberg) or holm"),
        ({"unit": "eyes"}, "unit must be items or groups; it is 'eyes'."),
        ({"costs": [{"where": {"sex": ["F"]}, "cost": -1}]}, "a cost above 0; it is"),
        ({"impossible": [{"sex": ["X"]}]}, "about values of sex (F, M); it is 'X'."),
        ({"gab": 1}, "A coverage run has no parameter 'gab'; it has population,"),
    ],
    "weights": [
        *WEIGHTED,
        ({"method": "magic"}, "one of auto, post_stratification, raking; it is 'magic'."),
        ({"bounds": [2, 1]}, "bounds must be the least and the greatest weight"),
    ],
    "missingness": [({"parts": ["sex", "sex"]}, "each once; it is ['sex', 'sex'].")],
    "neighbours": [
        (
            {"features": "net"},
            "feature set (none yet; POST to uploads/features/ first); it is 'net",
        ),
        ({"k": 0}, "k must be a whole number from 1 to 1,000; it is 0."),
        ({"radius": 0}, "radius must be a number above 0; it is 0."),
        ({"grid": 1}, "grid must be a whole number from 2 on"),
    ],
    "divergence": [
        ({"min_support": 2}, "min_support must be a number from 0 to 1; it is 2."),
        ({"question": "who"}, "there is no question 'who'; it has: state."),
    ],
}
TABLES = ("coverage/cells.json", "coverage/attributes.csv", "coverage/uncovered_patterns.json")
PATTERNS = ("coverage/patterns/", "coverage/patterns.csv")
LEVELS = [({"level": given}, "level must be a whole number of attributes") for given in "x-²"]
WHOLE = [
    ({name: "1"}, f"The parameter '{name}' is not known here") for name in ("page_size", "format")
]
QUERIES: dict[tuple[str, ...], list[tuple[dict[str, str], str]]] = {
    TABLES: [
        *LEVELS,
        *WHOLE,
        ({"status": "good"}, "status must be one of adequate, gap, insufficient_evidence"),
        ({"attribute": "shoe"}, "attribute must be one of age, sex, size; it is 'shoe'."),
        ({"population": "moon"}, "there is no population 'moon'; it has: census."),
    ],
    ("coverage/", "coverage/weights/", "coverage/missingness/"): WHOLE,
    PATTERNS: [
        *LEVELS,
        *WHOLE,
        ({"attribute": "shoe"}, "attribute must be one of age, sex; it is 'shoe'."),
        ({"value": "X"}, "value must be one of old, young, F, M; it is 'X'."),
        ({"attribute": "sex", "value": "old"}, "value must be one of F, M; it is 'old'."),
        ({"certainty": "maybe"}, "certainty must be one of possible, certain; it is 'maybe'."),
        ({"of": "people"}, "of must be one of item, annotator; it is 'people'."),
        ({"question": "who"}, "there is no question 'who'; it has: state."),
    ],
}


@pytest.fixture
def asked(alice: Trust, people: str) -> str:
    alice.post(f"{people}attributes/", {"name": "size", "kind": "numeric"})
    alice.post(f"{people}questions/", {"name": "state", "scale": "nominal", "values": ["a", "b"]})
    alice.upload(people, "population", JOINT)
    return people


def test_a_run_refuses_each_nonsense_by_name(alice: Trust, asked: str) -> None:
    given = {"coverage": {"population": "census"}, "weights": {"population": "census"}}
    n_runs = Run.objects.count()
    for kind, refused in RUNS.items():
        for wrong, said in refused:
            body = {"kind": kind, "parameters": given.get(kind, {}) | wrong}
            answer = alice.post(f"{asked}runs/", body, expect=400)
            assert said in answer["detail"], (kind, wrong, answer["detail"])
            assert answer["errors"][0]["pointer"] == f"/parameters/{[*wrong][-1]}"
    assert Run.objects.count() == n_runs


def test_a_table_refuses_filters_that_nothing_can_pass(alice: Trust, asked: str) -> None:
    for paths, refused in QUERIES.items():
        for path in paths:
            assert alice.http.get(f"/api/v1/{asked}{path}").status_code == 200
            for wrong, said in refused:
                answer = alice.get(f"{asked}{path}", expect=400, **wrong)
                assert said in answer["detail"], (path, wrong, answer["detail"])
                assert answer["errors"][0]["pointer"] == [*wrong][-1]


@pytest.mark.parametrize(
    ("of", "name"), [("item", "item"), ("item", "group"), ("annotator", "annotator")]
)
def test_an_attribute_cannot_take_the_name_of_a_column_that_means_something_else(
    of: str, name: str, alice: Trust
) -> None:
    path = alice.dataset("people")
    answer = alice.post(f"{path}attributes/", {"name": name, "of": of}, expect=400)
    assert answer["code"] == "reserved_name"
    assert f"An attribute of {of}s cannot be called {name!r}" in answer["detail"]
    assert "Choose another name" in answer["detail"]
    alice.post(f"{path}attributes/", {"name": "other", "of": of})
    alice.patch(f"{path}attributes/other/", {"name": name}, expect=400)
    assert [a["name"] for a in alice.get(f"{path}attributes/")["results"]] == ["other"]
