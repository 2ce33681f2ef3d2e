"""Weights to a population: what they cost, what they say of labels, and who gets them."""

from __future__ import annotations

import csv
import io

import pytest

from catalog import exchange
from catalog.models import Dataset, Run
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
    assert "prefixed" in answer["X-Spreadsheet-Safe"]
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


DESIGN = {"name": "stands_for", "kind": "numeric", "role": "design_weight"}


def rows_of_people(weights: dict[int, str]) -> str:
    """The fixture's people again, with a design weight by cell; half of each cell the double."""
    values = ("F,young", "F,old", "M,young", "M,old")
    lines = [
        f"i{at}_{k},{values[at]},{weights[at] if k % 2 else 2 * float(weights[at])}"
        for at, (_, n) in enumerate(GROUPS)
        for k in range(n)
    ]
    return "item,sex,age,stands_for\n" + "\n".join(lines) + "\n"


def test_design_weights_are_kept_in_proportion(alice: Trust, weighted: str) -> None:
    alice.post(f"{weighted}attributes/", DESIGN)
    sent = alice.upload(weighted, "items", rows_of_people(dict.fromkeys(range(4), "3")))
    assert sent["state"] == "stored", sent["problems"]
    result = alice.get(f"{weighted}coverage/weights/")
    assert (result["design_weight"], result["n_without_design_weight"]) == ("stands_for", 0)
    items = {name: float(weight) for name, weight in per_item(alice, weighted).items()}
    assert sum(items.values()) == pytest.approx(100)
    for at, share in enumerate((30, 20, 30, 20)):
        own = [items[f"i{at}_{k}"] for k in range(GROUPS[at][1])]
        assert own[0] == pytest.approx(2 * own[1])
        assert sum(own) == pytest.approx(share)
    # Kish over the items that are downloaded: n sum(w^2) / sum(w)^2.
    kish = 100 * sum(w * w for w in items.values()) / 100**2
    assert result["design_effect"]["value"] == pytest.approx(kish)
    assert result["effective_n"]["value"] == pytest.approx(100 / kish)
    assert result["least_weight"] == pytest.approx(min(items.values()))
    sick = result["label_rates"][0]["values"][1]["weighted"]
    wanted = sum(w for name, w in items.items() if is_sick(name)) / 100
    assert sick["value"] == pytest.approx(wanted)
    given = exchange.item_weights(Dataset.objects.get(slug="people"), "census")
    assert given is not None
    assert sorted(given.weights) == pytest.approx(sorted(items.values()))


def is_sick(name: str) -> bool:
    at, k = name[1:].split("_")
    return int(k) < {"0": 11, "1": 9, "2": 5, "3": 4}[at]


def test_items_without_a_design_weight_have_none_and_one_of_zero_is_refused(
    alice: Trust, weighted: str
) -> None:
    alice.post(f"{weighted}attributes/", DESIGN)
    refused = alice.upload(weighted, "items", "item,stands_for\ni0_0,-2\ni0_1,0\n")
    assert refused["state"] == "rejected"
    assert [problem["code"] for problem in refused["problems"]] == ["out_of_range"] * 2
    sent = alice.upload(weighted, "items", rows_of_people(dict.fromkeys(range(4), "1")))
    assert sent["state"] == "stored"
    alice.upload(weighted, "items", "item,sex,age,stands_for\nlate,F,old,\n")
    result = alice.get(f"{weighted}coverage/weights/")
    assert (result["n_items"], result["n_weighted"]) == (101, 100)
    assert result["n_without_design_weight"] == 1
    assert per_item(alice, weighted)["late"] == ""
    other = alice.post(f"{weighted}attributes/", DESIGN | {"name": "again"}, expect=400)
    assert "'stands_for' is the design weight already" in other["errors"][0]["message"]


def test_a_model_is_judged_as_the_population_would_judge_it(
    alice: Trust, weighted: str, person: object
) -> None:
    model = {"name": "net", "version": "1", "question": "state", "classes": ["well", "sick"]}
    alice.post(f"{weighted}models/", model | {"positive_class": "sick"})
    # Sure of everybody's health at 0.9: right about the 71 who are well.
    rows = [f"i{at}_{k},0.1" for at, (_, n) in enumerate(GROUPS) for k in range(n)]
    body = "item,probability\n" + "\n".join(rows) + "\n"
    assert alice.upload(weighted, "predictions", body, model="net:1")["state"] == "stored"
    found = alice.get(f"{weighted}coverage/weights/")["model_metrics"]
    assert [(one["question"], one["model"], one["reason"]) for one in found] == [
        ("state", "net:1", None)
    ]
    one = found[0]
    assert one["accuracy"]["unweighted"]["value"] == pytest.approx(0.71)
    # Well: 0.3 x 4/5 + 0.2 x 2/5 + 0.3 x 4/5 + 0.2 x 1/5.
    assert one["accuracy"]["weighted"]["value"] == pytest.approx(0.6)
    assert one["brier"]["weighted"]["value"] == pytest.approx(0.6 * 0.02 + 0.4 * 1.62)
    assert one["overconfidence"]["weighted"]["value"] == pytest.approx(0.9 - 0.6)
    large = {row["value"]: row for row in one["calibration_in_the_large"]}
    assert large["sick"]["weighted"]["value"] == pytest.approx(0.1 - 0.4)
    assert large["well"]["unweighted"]["value"] == pytest.approx(0.9 - 0.71)
    for name in ("accuracy", "brier", "overconfidence"):
        wide = {k: one[name][k]["ci_high"] - one[name][k]["ci_low"] for k in one[name]}
        assert wide["weighted"] > wide["unweighted"] > 0
    auditor = person("audrey")  # type: ignore[operator]
    alice.post(f"{weighted}members/", {"user": "audrey", "role": "auditor"})
    alice.patch("datasets/people/", {"min_cell": 101})
    hidden = auditor.get(f"{weighted}coverage/weights/")["model_metrics"][0]
    assert hidden["accuracy"]["weighted"]["reason"] == "suppressed"
