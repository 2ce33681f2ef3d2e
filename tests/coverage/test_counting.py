"""Other ways to count: groups, simultaneous intervals, sampled targets, labels, annotators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Trust, work_off
from tests.coverage.conftest import JOINT, cell
from tests.coverage.test_coverage_journeys import as_csv, rows_of


def run(alice: Trust, path: str, **parameters: Any) -> dict[str, Any]:
    body = {"kind": "coverage", "parameters": parameters}
    alice.post(f"{path}runs/", body, expect=202)
    work_off()
    return alice.get(f"{path}coverage/", population=parameters["population"])


def test_patients_are_counted_instead_of_their_images(alice: Trust, shared: Path) -> None:
    path = alice.dataset("padufes")
    folder = shared / "data" / "group_padufes20"
    brazil = [
        row
        for row in rows_of(shared / "data" / "pop_un_wpp2024" / "population_by_age_sex.csv")
        if (row["Location"], row["Year"]) == ("Brazil", "2020")
    ]
    bands = list(dict.fromkeys(row["AgeGrp"] for row in brazil))
    age = {"name": "age", "of": "item", "kind": "numeric", "bands": bands}
    alice.post(f"{path}attributes/", age)
    alice.post(f"{path}populations/", {"name": "Brazil"})
    columns = '{"age": "AgeGrp", "weight": "Value"}'
    ignored = "LocID,Location,Year,AgeGrpStart"
    alice.upload(path, "population", as_csv(brazil), columns=columns, ignore=ignored)
    metadata = rows_of(folder / "metadata.csv")
    images = (
        {
            "item": row["img_id"],
            "group": row["patient_id"],
            "Sex": row["gender"].capitalize(),
            "age": row["age"],
        }
        for row in metadata
    )
    alice.upload(path, "items", as_csv(images))
    result = run(alice, path, population="Brazil", unit="groups")
    assert (result["n_items"], result["n_counted"]) == (1373, 794)
    # The published reference takes a patient's first image of the file, we the first by name:
    # 90 patients have images at two ages, 8 of them in two bands with another image first.
    assert result["overall"]["total_variation"]["value"] == pytest.approx(0.576846, abs=0.002)
    assert any("groups have items that differ" in said for said in result["warnings"])
    first: dict[str, dict[str, str]] = {}
    for row in sorted(metadata, key=lambda row: row["img_id"]):
        first.setdefault(row["patient_id"], row)
    women = sum(row["gender"] == "FEMALE" for row in first.values())
    assert cell(result["attributes"]["Sex"], Sex="Female")["n"] == women
    fifties = sum(
        row["gender"] == "FEMALE" and 50 <= int(row["age"]) < 55 for row in first.values()
    )
    assert cell(result["cells"], Sex="Female", age="50-54")["n"] == fifties


def test_items_without_a_group_count_one_each(alice: Trust, people: str) -> None:
    alice.upload(people, "population", JOINT)
    alice.upload(people, "items", "item,group,sex,age\ni0_0,g,F,young\ni0_1,g,F,young\n")
    result = run(alice, people, population="census", unit="groups")
    assert (result["n_items"], result["warnings"]) == (99, [])
    assert cell(result["attributes"]["sex"], sex="F")["n"] == 69


def test_intervals_hold_together_and_take_the_targets_error_in(alice: Trust, people: str) -> None:
    alice.upload(people, "population", JOINT)
    alone = alice.get(f"{people}coverage/")
    together = run(alice, people, population="census", simultaneous="goodman")
    one, all_ = (cell(found["cells"], sex="F", age="old") for found in (alone, together))
    assert all_["share"]["ci_method"] == "goodman"
    assert all_["share"]["ci_low"] < one["share"]["ci_low"]
    assert all_["share"]["ci_high"] > one["share"]["ci_high"]
    alice.patch(f"{people}populations/census/", {"sample_size": 50})
    work_off()
    sampled = alice.get(f"{people}coverage/")
    found = cell(sampled["cells"], sex="F", age="old")
    assert sampled["population"]["sample_size"] == 50
    assert found["share"] == one["share"]
    assert found["p_method"] == "two_sample_score"
    for name in ("gap", "ratio"):
        assert found[name]["ci_low"] < one[name]["ci_low"]
        assert found[name]["ci_high"] > one[name]["ci_high"]
    for wrong in ({"unit": "eyes"}, {"simultaneous": "all"}, {"label": "sick"}):
        body = {"kind": "coverage", "parameters": {"population": "census", **wrong}}
        alice.post(f"{people}runs/", body, expect=400)


def test_subgroups_can_lack_a_label(alice: Trust, people: str) -> None:
    alice.upload(people, "population", JOINT)
    alice.post(f"{people}questions/", {"name": "state", "scale": "nominal", "values": ["a", "b"]})
    sizes = ((0, 55), (1, 15), (2, 25), (3, 5))
    lines = [f"i{at}_{k},{'b' if k < 4 else 'a'}" for at, n in sizes for k in range(n)]
    labels = "item,label\n" + "\n".join(lines) + "\n"
    alice.upload(people, "reference-labels", labels, question="state")
    result = run(alice, people, population="census", label="state", min_items=10)
    found = result["label_patterns"]
    counts = {tuple(sorted(row["attributes"].values())): row["n"] for row in found["patterns"]}
    # b: 4 of each cell, so 8 of every sex and age, under 10. Old men lack items whatever the label.
    assert counts == {
        ("F", "b"): 8,
        ("M", "b"): 8,
        ("b", "old"): 8,
        ("b", "young"): 8,
    }
    assert result["uncovered_summary"]["attributes"] == ["age", "sex"]


def test_tables_are_asked_by_attribute_level_and_status(alice: Trust, people: str) -> None:
    alice.upload(people, "population", JOINT)
    whole = alice.get(f"{people}coverage/")
    gaps = alice.get(f"{people}coverage/attributes.json", attribute="sex", status="gap")["results"]
    assert gaps == [one for one in whole["attributes"]["sex"] if one["status"] == "gap"]
    assert gaps
    pairs = alice.get(f"{people}coverage/cells.json", level="2", attribute="age")["results"]
    assert len(pairs) == 4
    assert alice.get(f"{people}coverage/cells.json", level="3")["results"] == []


def test_a_pool_of_annotators_has_a_population_too(alice: Trust, shared: Path) -> None:
    path = alice.dataset("multipico")
    raters = rows_of(shared / "data" / "lewidi3_mp" / "annotators.csv")
    kept = [{"annotator": row["annotator"], "gender": row["gender"]} for row in raters]
    assert alice.upload(path, "annotators", as_csv(kept))["state"] == "stored"
    alice.post(f"{path}populations/", {"name": "even", "of": "annotator"})
    sent = alice.upload(path, "population", "gender,weight\nFemale,1\nMale,1\n")
    assert sent["state"] == "stored", sent["problems"]
    result = alice.get(f"{path}coverage/")
    women = sum(row["gender"] == "Female" for row in raters)
    men = sum(row["gender"] == "Male" for row in raters)
    found = cell(result["attributes"]["gender"], gender="Female")
    assert (found["n"], result["n_counted"]) == (women, women + men)
    assert found["share"]["value"] == pytest.approx(women / (women + men))
    assert alice.get(f"{path}coverage/weights/")["n_weighted"] == women + men
