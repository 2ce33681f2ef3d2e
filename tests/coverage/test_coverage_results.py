"""Coverage runs and their answers over REST, on data small enough to count by hand."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from catalog.models import Run
from tests.conftest import Trust, work_off
from tests.coverage.conftest import BANDS, JOINT, cell, items


@pytest.fixture
def measured(alice: Trust, people: str) -> str:
    assert alice.upload(people, "population", JOINT)["state"] == "stored"
    return people


def test_a_stored_population_is_measured_by_itself(alice: Trust, measured: str) -> None:
    result = alice.get(f"{measured}coverage/")
    assert (result["dataset"], result["stale"], result["disclosure"]) == ("people", False, "full")
    assert (result["n_items"], result["n_counted"]) == (100, 100)
    assert result["population"]["name"] == "census"
    assert result["population"]["source"] == "Office"
    assert result["parameters"]["correction"] == "bh"
    # |.55-.3| + |.15-.2| + |.25-.3| + |.05-.2|, halved.
    assert result["overall"]["total_variation"]["value"] == pytest.approx(0.25)
    assert result["overall"]["basis"] == "given"


def test_a_cell_says_how_far_it_is_off_and_what_to_add(alice: Trust, measured: str) -> None:
    result = alice.get(f"{measured}coverage/")
    women = cell(result["attributes"]["sex"], sex="F")
    assert (women["n"], women["target_share"]) == (70, 0.5)
    assert women["ratio"]["value"] == pytest.approx(1.4)
    assert women["gap"]["value"] == pytest.approx(0.2)
    assert women["gap"]["ci_low"] < 0.2 < women["gap"]["ci_high"]
    assert women["status"] == "gap"
    old_men = cell(result["cells"], sex="M", age="old")
    assert old_men["deficit_at_fixed_n"] == 15
    # 55 young women are 30 %: 183.3 people in all, of whom 36.7 old men.
    assert old_men["topup_no_removal"] == 32
    assert old_men["p_adjusted"] >= old_men["p_value"]


def test_sets_of_three_attributes_are_shown_when_the_target_is_joint(
    alice: Trust, people: str
) -> None:
    alice.upload(people, "items", "item,city\ni0_0,Lyon\ni0_1,Nice\n")
    rows = [f"{s},{a},{c},1" for s in "FM" for a in ("young", "old") for c in ("Lyon", "Nice")]
    alice.upload(people, "population", "sex,age,city,weight\n" + "\n".join(rows) + "\n")
    result = alice.get(f"{people}coverage/")
    widths = sorted({len(one["attributes"]) for one in result["cells"]})
    assert widths == [2, 3]
    assert result["n_counted"] == 2
    assert {row["attribute"]: row["n"] for row in result["missing"]}["city"] == 98


def test_margins_compare_pairs_under_a_stated_assumption(alice: Trust, people: str) -> None:
    alice.upload(people, "population", "sex,age,weight\nF,,50\nM,,50\n,young,60\n,old,40\n")
    result = alice.get(f"{people}coverage/")
    assert result["overall"]["basis"] == "assumes_no_interaction"
    old_men = cell(result["cells"], sex="M", age="old")
    assert old_men["target_share"] == pytest.approx(0.2)
    assert old_men["basis"] == "assumes_no_interaction"
    without = {"population": "census", "assume_no_interaction": False}
    alice.post(f"{people}runs/", {"kind": "coverage", "parameters": without}, expect=202)
    work_off()
    result = alice.get(f"{people}coverage/")
    assert result["cells"] == []
    assert result["overall"]["total_variation"]["reason"] == "not_applicable"
    assert cell(result["attributes"]["sex"], sex="M")["n"] == 30


def test_nobody_from_a_group_is_a_cell_with_an_upper_bound(alice: Trust, people: str) -> None:
    alice.upload(people, "population", "sex,weight\nF,49\nM,49\nX,2\n")
    result = alice.get(f"{people}coverage/")
    absent = cell(result["attributes"]["sex"], sex="X")
    assert (absent["n"], absent["share"]["value"], absent["ratio"]["value"]) == (0, 0, 0)
    assert 0 < absent["ratio"]["ci_high"] < 2
    assert absent["status"] in ("gap", "insufficient_evidence")
    assert result["target_lacking"] == [
        {"attributes": {"sex": "X"}, "n": 0, "target_share": pytest.approx(0.02)}
    ]


def test_values_that_the_target_lacks_are_listed_not_counted(alice: Trust, people: str) -> None:
    alice.upload(people, "items", "item,sex\nx1,X\nx2,X\nx3,\n")
    alice.upload(people, "population", "sex,weight\nF,1\nM,1\n")
    result = alice.get(f"{people}coverage/")
    assert (result["n_items"], result["n_counted"]) == (103, 100)
    assert result["outside_target"] == [{"attributes": {"sex": "X"}, "n": 2}]
    missing = result["missing"][0]
    assert (missing["n"], missing["share"]["value"]) == (1, pytest.approx(1 / 103))


def test_cells_with_a_missing_code_have_no_share(alice: Trust, people: str) -> None:
    alice.patch(f"{people}attributes/sex/", {"missing_codes": ["unknown"]})
    alice.upload(people, "population", "sex,weight\nF,1\nM,1\nunknown,2\n")
    result = alice.get(f"{people}coverage/")
    assert cell(result["attributes"]["sex"], sex="F")["target_share"] == 0.5
    assert result["population"]["weight_missing"] == 2
    assert len(result["warnings"]) == 1


def test_single_years_are_summed_over_the_bands(alice: Trust) -> None:
    path = alice.dataset("banded")
    alice.post(f"{path}attributes/", {"name": "age", "kind": "numeric", "bands": BANDS})
    alice.upload(path, "items", "item,age\na,3\nb,17.5\nc,40\nd,64\ne,90\n")
    alice.post(f"{path}populations/", {"name": "census"})
    years = "\n".join(f"{age},1" for age in range(100)) + "\n100+,1\n"
    assert alice.upload(path, "population", f"age,weight\n{years}")["state"] == "stored"
    shares = {
        one["attributes"]["age"]: (one["n"], one["target_share"])
        for one in alice.get(f"{path}coverage/")["attributes"]["age"]
    }
    assert shares == {
        "0-17": (2, pytest.approx(18 / 101)),
        "18-64": (2, pytest.approx(47 / 101)),
        "65+": (1, pytest.approx(36 / 101)),
    }


def test_other_bands_are_filled_from_the_same_cells(alice: Trust) -> None:
    path = alice.dataset("banded")
    alice.post(f"{path}attributes/", {"name": "age", "kind": "numeric", "bands": BANDS})
    ages = "item,age\na,3\nb,40\nc,90\n"
    alice.upload(path, "items", ages)
    alice.post(f"{path}populations/", {"name": "census"})
    alice.upload(path, "population", "age,weight\n5,1\n20,1\n50,1\n90,1\n")
    alice.patch(f"{path}attributes/age/", {"bands": ["0-49", "50+"]})
    alice.upload(path, "items", ages)
    result = alice.get(f"{path}coverage/")
    shares = {c["attributes"]["age"]: c["target_share"] for c in result["attributes"]["age"]}
    assert shares == {"0-49": 0.5, "50+": 0.5}
    assert result["stale"] is False


def test_annotators_are_compared_with_their_own_population(alice: Trust) -> None:
    path = alice.dataset("pool")
    alice.post(f"{path}populations/", {"name": "even", "of": "annotator"})
    alice.upload(path, "population", "gender,weight\nMan,1\nWoman,1\n")
    assert alice.get(f"{path}coverage/", expect=404)["code"] == "no_result"
    alice.upload(path, "annotators", "annotator,gender\na,Man\nb,Man\nc,Woman\n")
    result = alice.get(f"{path}coverage/")
    assert result["population"]["of"] == "annotator"
    assert cell(result["attributes"]["gender"], gender="Man")["n"] == 2


def test_subgroups_with_too_few_items_are_found_and_planned_for(
    alice: Trust, measured: str
) -> None:
    result = alice.get(f"{measured}coverage/")
    patterns = {tuple(sorted(p["attributes"].items())): p for p in result["uncovered_patterns"]}
    assert patterns.keys() == {
        (("age", "old"),),
        (("age", "young"), ("sex", "M")),
    }
    old = patterns[(("age", "old"),)]
    assert (old["n"], old["deficit"], old["words"]) == (20, 10, "age=old: 20 of at least 30")
    summary = result["uncovered_summary"]
    assert (summary["n_patterns"], summary["per_level"]) == (2, {"1": 1, "2": 1})
    plan = result["collection_plan"]
    wanted = {tuple(sorted(p["attributes"].items())): p["n"] for p in plan["purchases"]}
    assert wanted == {
        (("age", "old"), ("sex", "F")): 15,
        (("age", "old"), ("sex", "M")): 25,
        (("age", "young"), ("sex", "M")): 5,
    }
    assert (plan["n_items"], plan["is_optimal"]) == (45, True)


def test_profiles_that_do_not_exist_are_not_planned_for(alice: Trust, measured: str) -> None:
    asked = {"population": "census", "impossible": [{"sex": ["M"], "age": ["old"]}]}
    alice.post(f"{measured}runs/", {"kind": "coverage", "parameters": asked}, expect=202)
    work_off()
    plan = alice.get(f"{measured}coverage/")["collection_plan"]
    assert {"sex": "M", "age": "old"} not in [p["attributes"] for p in plan["purchases"]]
    assert plan["infeasible"] == [{"attributes": {"sex": "M", "age": "old"}, "lacking": 25}]


WRONG: list[tuple[dict[str, object], str]] = [
    ({"population": "nobody"}, "population"),
    ({"n_replicates": 99}, "n_replicates"),
    ({"n_replicates": True}, "n_replicates"),
    ({"ci_level": 1}, "ci_level"),
    ({"correction": "bonferroni"}, "correction"),
    ({"max_level": 4}, "max_level"),
    ({"ratio_low": 1.1}, "ratio_low"),
    ({"assume_no_interaction": "yes"}, "assume_no_interaction"),
    ({"attributes": ["planet"]}, "attributes"),
    ({"attributes": ["sex", "sex"]}, "attributes"),
    ({"impossible": [{}]}, "impossible"),
    ({"depth": 2}, "depth"),
]


def test_wrong_parameters_are_refused_by_name(alice: Trust, measured: str) -> None:
    for parameters, name in WRONG:
        body = {"kind": "coverage", "parameters": {"population": "census", **parameters}}
        answer = alice.post(f"{measured}runs/", body, expect=400)
        assert answer["errors"][0]["pointer"] == f"/parameters/{name}"
    good = {"kind": "coverage", "parameters": {"population": "census", "max_level": 1}}
    assert alice.post(f"{measured}runs/", good, expect=202)["kind"] == "coverage"


def test_the_same_question_has_the_same_answer(alice: Trust, measured: str) -> None:
    first = Run.objects.get(kind="coverage")
    body = {"kind": "coverage", "parameters": {"population": "census"}}
    assert alice.post(f"{measured}runs/", body, expect=200)["id"] == str(first.pk)
    digest, result = first.digest, first.result
    first.delete()
    again = alice.post(f"{measured}runs/", body, expect=202)
    work_off()
    second = Run.objects.get(pk=again["id"])
    assert (second.digest, second.result) == (digest, result)


def test_a_population_without_cells_cannot_be_measured(alice: Trust, people: str) -> None:
    body = {"kind": "coverage", "parameters": {"population": "census"}}
    run = alice.post(f"{people}runs/", body, expect=202)
    work_off()
    ended = alice.get(f"{people}runs/{run['id']}/")
    assert ended["state"] == "failed"
    assert "has no cells; upload them" in ended["failure"]
    answer = alice.get(f"{people}coverage/", expect=404)
    assert "Its last run failed" in answer["detail"]


def test_attributes_that_only_the_target_has_are_named(alice: Trust, measured: str) -> None:
    attributes = {a["name"]: a["id"] for a in alice.get(f"{measured}attributes/")["results"]}
    alice.delete(f"{measured}attributes/{attributes['age']}/")
    body = {"kind": "coverage", "parameters": {"population": "census"}}
    alice.post(f"{measured}runs/", body, expect=202)
    work_off()
    result = alice.get(f"{measured}coverage/")
    assert result["not_in_data"] == ["age"]
    assert list(result["attributes"]) == ["sex"]


def test_every_table_comes_in_every_format(alice: Trust, measured: str) -> None:
    for table, n_rows in {
        "attributes": 4,
        "cells": 4,
        "outside_target": 0,
        "missing": 2,
        "uncovered_patterns": 2,
        "collection_plan": 3,
    }.items():
        address = f"/api/v1/{measured}coverage/{table}"
        rows = alice.get(f"{measured}coverage/{table}.json")["results"]
        assert len(rows) == n_rows
        plain = alice.http.get(f"{address}.csv").content.decode()
        assert len(list(csv.DictReader(io.StringIO(plain)))) == n_rows
        lines = alice.http.get(f"{address}.ndjson").content.decode().splitlines()
        assert [json.loads(line) for line in lines] == rows
        body = alice.http.get(f"{address}.parquet").content
        assert pq.read_table(io.BytesIO(body)).num_rows == n_rows
        assert alice.http.get(f"{address}/").json()["results"] == rows


def test_the_table_of_attributes_has_a_row_for_each_value(alice: Trust, measured: str) -> None:
    text = alice.http.get(f"/api/v1/{measured}coverage/attributes.csv").content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(r["attributes.sex"], r["attributes.age"], r["n"]) for r in rows] == [
        ("", "old", "20"),
        ("", "young", "80"),
        ("F", "", "70"),
        ("M", "", "30"),
    ]
    assert float(rows[2]["ratio.value"]) == pytest.approx(1.4)
    assert alice.get(f"{measured}coverage/planets.csv", expect=404)["code"] == "not_found"


def test_auditors_see_no_small_cell_and_contributors_nothing(
    alice: Trust, measured: str, person: object
) -> None:
    auditor, contributor = person("audrey"), person("carl")  # type: ignore[operator]
    alice.post(f"{measured}members/", {"user": "audrey", "role": "auditor"})
    alice.post(f"{measured}members/", {"user": "carl", "role": "contributor"})
    result = auditor.get(f"{measured}coverage/")
    assert result["disclosure"] == "min_cell_10"
    hidden = cell(result["cells"], sex="M", age="old")
    assert (hidden["n"], hidden["status"]) == (None, "withheld")
    assert hidden["share"]["reason"] == "suppressed"
    assert hidden["deficit_at_fixed_n"] is None
    assert result["collection_plan"]["purchases"] == []
    shown = cell(result["attributes"]["sex"], sex="M")
    assert (shown["n"], shown["share"]["value"]) == (30, 0.3)
    rows = auditor.get(f"{measured}coverage/cells.json")["results"]
    assert cell(rows, sex="M", age="old")["n"] is None
    assert contributor.get(f"{measured}coverage/", expect=403)["code"] == "permission_denied"
    assert contributor.get(f"{measured}coverage/cells.csv", expect=403)
    assert person("eve").get(f"{measured}coverage/", expect=404)  # type: ignore[operator]


def test_an_unchanged_result_is_not_sent_twice(alice: Trust, measured: str) -> None:
    address = f"/api/v1/{measured}coverage/"
    first = alice.http.get(address)
    again = alice.http.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    alice.upload(measured, "items", items((60, "F,young")))
    after = alice.http.get(address, headers={"If-None-Match": first["ETag"]})
    assert after.status_code == 200


def test_an_unknown_question_is_refused(alice: Trust, measured: str) -> None:
    answer = alice.get(f"{measured}coverage/", expect=400, population="nobody")
    assert answer["code"] == "unknown_population"
    assert alice.get(f"{measured}coverage/", expect=400, region="x")["code"] == "unknown_filter"
    assert alice.get(f"{measured}coverage/", population="census")["n_items"] == 100


def test_a_population_that_writes_its_values_otherwise_is_told(alice: Trust, people: str) -> None:
    alice.upload(people, "population", "sex,age,weight\nwoman,young,1\nman,old,1\nman,young,1\n")
    result = alice.get(f"{people}coverage/")
    assert [said.split(":")[0] for said in result["warnings"]] == ["sex"]
    assert "no value of the data set is one that the population knows" in result["warnings"][0]
    assert {one["status"] for one in result["cells"]} == {"not_estimable"}
