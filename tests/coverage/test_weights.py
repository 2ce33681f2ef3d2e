"""Weights to a population: what they cost, what they say of labels, and who gets them."""

from __future__ import annotations

import csv
import io

import pytest

from catalog.models import Run
from catalog.tasks import work_run
from tests.conftest import Trust, work_off
from tests.coverage.conftest import JOINT

GROUPS = (("a", 55), ("b", 15), ("c", 25), ("d", 5))
"""Items of the fixture by cell: young and old women, young and old men."""


def labels() -> str:
    """Sick: 11 of 55 young women, 9 of 15 old ones, 5 of 25 young men, 4 of 5 old ones."""
    sick = {0: 11, 1: 9, 2: 5, 3: 4}
    lines = [
        f"i{at}_{k},{'sick' if k < sick[at] else 'well'}"
        for at, (_, n) in enumerate(GROUPS)
        for k in range(n)
    ]
    return "item,label\n" + "\n".join(lines) + "\n"


@pytest.fixture
def weighted(alice: Trust, people: str) -> str:
    question = {"name": "state", "scale": "nominal", "values": ["well", "sick"]}
    alice.post(f"{people}questions/", question)
    assert alice.upload(people, "reference-labels", labels(), question="state")["state"] == "stored"
    assert alice.upload(people, "population", JOINT)["state"] == "stored"
    return people


def per_item(alice: Trust, path: str) -> dict[str, str]:
    answer = alice.http.get(f"/api/v1/{path}coverage/weights.csv")
    assert answer.status_code == 200, answer.content
    text = b"".join(answer.streaming_content).decode()
    return {row["item"]: row["weight"] for row in csv.DictReader(io.StringIO(text))}


def test_weights_bring_the_cells_to_their_shares(alice: Trust, weighted: str) -> None:
    result = alice.get(f"{weighted}coverage/weights/")
    assert (result["reason"], result["n_items"], result["n_weighted"]) == (None, 100, 100)
    # 30 of 55, 20 of 15, 30 of 25, 20 of 5.
    wanted = {"F,young": 30 / 55, "F,old": 20 / 15, "M,young": 30 / 25, "M,old": 4.0}
    found = {
        f"{cell['attributes']['sex']},{cell['attributes']['age']}": cell["weight"]
        for cell in result["cells"]
    }
    assert found == pytest.approx(wanted)
    squares = 30**2 / 55 + 20**2 / 15 + 30**2 / 25 + 20**2 / 5
    assert result["design_effect"]["value"] == pytest.approx(squares / 100)
    assert result["effective_n"]["value"] == pytest.approx(100**2 / squares)
    items = per_item(alice, weighted)
    assert len(items) == 100
    assert float(items["i3_0"]) == pytest.approx(4.0)
    assert sum(map(float, items.values())) == pytest.approx(100)


def test_a_label_is_as_frequent_as_the_population_would_show_it(
    alice: Trust, weighted: str
) -> None:
    rates = alice.get(f"{weighted}coverage/weights/")["label_rates"]
    assert [(one["question"], one["n_labelled"]) for one in rates] == [("state", 100)]
    sick = next(one for one in rates[0]["values"] if one["value"] == "sick")
    assert sick["unweighted"]["value"] == pytest.approx(0.29)
    # 0.3 x 1/5 + 0.2 x 3/5 + 0.3 x 1/5 + 0.2 x 4/5.
    assert sick["weighted"]["value"] == pytest.approx(0.4)
    width = {k: sick[k]["ci_high"] - sick[k]["ci_low"] for k in ("weighted", "unweighted")}
    assert width["weighted"] > width["unweighted"]


def test_raking_and_bounds_are_asked_for_and_told(alice: Trust, weighted: str) -> None:
    def run(**parameters: object) -> dict[str, object]:
        body = {"kind": "weights", "parameters": {"population": "census", **parameters}}
        alice.post(f"{weighted}runs/", body, expect=202)
        work_off()
        return alice.get(f"{weighted}coverage/weights/")

    raked = run(method="raking")
    by_sex = {"F": 0.0, "M": 0.0}
    for one in raked["cells"]:
        by_sex[one["attributes"]["sex"]] += one["n"] * one["weight"]
    assert by_sex == pytest.approx({"F": 50, "M": 50}, rel=1e-5)
    assert raked["n_rounds"] > 0
    bounded = run(method="raking", bounds=[0.5, 2])
    assert 0.5 <= bounded["least_weight"] <= bounded["greatest_weight"] <= 2
    assert bounded["largest_error"] > 0
    for wrong in ({"bounds": [2, 3]}, {"method": "magic"}, {"depth": 1}):
        body = {"kind": "weights", "parameters": {"population": "census", **wrong}}
        answer = alice.post(f"{weighted}runs/", body, expect=400)
        assert answer["errors"][0]["pointer"] == f"/parameters/{next(iter(wrong))}"


def test_what_no_item_can_stand_for_is_named(alice: Trust, people: str) -> None:
    alice.upload(people, "population", "sex,weight\nF,49\nM,49\nX,2\n")
    result = alice.get(f"{people}coverage/weights/")
    assert result["reason"] == "too_few_items"
    assert "sex=X" in result["detail"]
    assert result["unreachable"] == [
        {"attributes": {"sex": "X"}, "n": 0, "target_share": pytest.approx(0.02)}
    ]
    assert result["design_effect"]["value"] is None
    assert alice.get(f"{people}coverage/weights.csv", expect=409)["code"] == "no_weights"


def test_weights_of_items_are_for_managers_and_for_this_version(
    alice: Trust, weighted: str, person: object
) -> None:
    auditor = person("audrey")  # type: ignore[operator]
    alice.post(f"{weighted}members/", {"user": "audrey", "role": "auditor"})
    assert auditor.get(f"{weighted}coverage/weights.csv", expect=403)
    result = auditor.get(f"{weighted}coverage/weights/")
    assert (result["cells"], result["disclosure"]) == ([], "min_cell_10")
    assert result["label_rates"][0]["values"][1]["weighted"]["value"] == pytest.approx(0.4)
    alice.get(f"{weighted}coverage/weights.xlsx", expect=404)
    alice.upload(weighted, "items", "item,sex,age\nnew,F,old\nodd,,old\n")
    items = per_item(alice, weighted)
    assert (len(items), items["odd"]) == (102, "")
    alice.send(weighted, "items", "item,sex,age\nmore,F,old\n")
    work_run(str(Run.objects.get(state="waiting").pk))
    assert alice.get(f"{weighted}coverage/weights.csv", expect=409)["code"] == "stale"


def test_a_small_label_takes_its_question_along_for_auditors(
    alice: Trust, weighted: str, person: object
) -> None:
    auditor = person("audrey")  # type: ignore[operator]
    alice.post(f"{weighted}members/", {"user": "audrey", "role": "auditor"})
    alice.patch("datasets/people/", {"min_cell": 40})
    values = auditor.get(f"{weighted}coverage/weights/")["label_rates"][0]["values"]
    assert {one["weighted"]["reason"] for one in values} == {"suppressed"}
    assert {one["n"] for one in values} == {None}
