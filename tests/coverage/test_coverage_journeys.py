"""Real data sets against real populations, through HTTP: the printed figures come out."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Trust

PRINTED = 5e-7
"""Reference figures are printed with six decimals."""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def check_cells(result: dict[str, Any], path: Path, names: dict[str, str]) -> None:
    """Every cell of the reference file, to its printed digits."""
    cells = {
        tuple(cell["attributes"][name] for name in names.values()): cell
        for cell in result["cells"]
        if set(cell["attributes"]) == set(names.values())
    }
    expected = rows_of(path)
    assert len(cells) == len(expected)
    for row in expected:
        cell = cells[tuple(row[name] for name in names)]
        assert cell["n"] == int(row["n"])
        assert cell["share"]["value"] == pytest.approx(float(row["share"]), rel=1e-12)
        assert cell["target_share"] == pytest.approx(float(row["target_share"]), rel=1e-12)
        assert cell["ratio"]["value"] == pytest.approx(float(row["ratio"]), rel=1e-12)
        assert 100 * cell["gap"]["value"] == pytest.approx(float(row["gap_pp"]), abs=1e-10)
        assert cell["deficit_at_fixed_n"] == int(row["deficit_at_fixed_N"])
        assert cell["topup_no_removal"] == int(row["topup_no_removal"])


def ratios(result: dict[str, Any], *names: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(cell["attributes"][name] for name in names): cell["ratio"]["value"]
        for cell in result["cells"]
        if set(cell["attributes"]) == set(names)
    }


def test_the_rater_pool_is_compared_with_an_even_one(alice: Trust, shared: Path) -> None:
    path = alice.dataset("d3code")
    folder = shared / "data" / "annot_d3code"
    raters = (folder / "d3-raters.csv").read_bytes()
    stored = alice.upload(
        path,
        "items",
        raters,
        columns='{"item": "rater_id"}',
        ignore="care,equality,proportionality,authority,loyalty,purity,SES,Country",
    )
    assert (stored["state"], stored["rows"]["stored"]) == ("stored", 4309)
    alice.post(f"{path}populations/", {"name": "even"})
    regions = sorted({row["Region"] for row in rows_of(folder / "d3-raters.csv")})
    target = as_csv(
        {"Region": region, "Gender": gender, "Age": age, "weight": 1}
        for region in regions
        for gender in ("Man", "Woman")
        for age in ("18-30", "30-50", "50+")
    )
    sent = alice.upload(path, "population", target)
    assert sent["state"] == "stored"
    assert "category_mismatch" in {warning["code"] for warning in sent["warnings"]}
    result = alice.get(f"{path}coverage/")
    overall = result["overall"]
    assert overall["n_cells"] == 48
    assert overall["total_variation"]["value"] == pytest.approx(0.184142, abs=PRINTED)
    assert overall["jensen_shannon"]["value"] == pytest.approx(0.03896, abs=PRINTED)
    assert overall["chi_squared"]["value"] == pytest.approx(858.170572, abs=PRINTED)
    assert (result["n_items"], result["n_counted"]) == (4309, 4268)
    assert result["outside_target"] == [{"attributes": {"Gender": "Other"}, "n": 41}]
    found = ratios(result, "Region", "Gender", "Age")
    worst = min(found, key=lambda cell: found[cell])
    assert worst == ("Sub Saharan Africa", "Woman", "50+")
    assert found[worst] == pytest.approx(0.202437, abs=PRINTED)
    reference = folder / "reference_cells_region_gender_age_vs_uniform.csv"
    check_cells(result, reference, {"Region": "Region", "Gender": "Gender", "Age": "Age"})


def test_a_census_sample_is_nearly_fine(alice: Trust, shared: Path) -> None:
    path = alice.dataset("acs12")
    bands = [f"{low}-{low + 9}" for low in range(0, 80, 10)] + ["80+"]
    alice.post(
        f"{path}attributes/", {"name": "age", "of": "item", "kind": "numeric", "bands": bands}
    )
    folder = shared / "data" / "cov_acs12"
    people = (folder / "acs12.csv").read_bytes()
    ignored = (
        "income,employment,hrs_work,race,citizen,time_to_work,lang,married,edu,disability,"
        "birth_qrtr"
    )
    stored = alice.upload(path, "items", people, columns='{"item": "rownames"}', ignore=ignored)
    assert stored["state"] == "stored", stored["problems"]
    alice.post(f"{path}populations/", {"name": "US 2012", "source": "Census", "year": 2012})
    us = rows_of(shared / "data" / "pop_us_uspop2" / "us_population_age_sex_year.csv")
    sent = alice.upload(
        path,
        "population",
        as_csv(row for row in us if row["year"] == "2012"),
        columns='{"gender": "sex", "weight": "pop"}',
        ignore="year",
    )
    assert sent["state"] == "stored", sent["problems"]
    detail = alice.get(f"{path}populations/US 2012/")
    assert (detail["kind"], detail["n_cells"]) == ("joint", 202)
    assert detail["total_weight"] == 316_265_537
    result = alice.get(f"{path}coverage/")
    overall = result["overall"]
    assert overall["total_variation"]["value"] == pytest.approx(0.07065, abs=PRINTED)
    assert overall["chi_squared"]["value"] == pytest.approx(60.275538, abs=PRINTED)
    assert overall["chi_squared"]["df"] == 17
    assert overall["verdict"] == "small"
    found = ratios(result, "gender", "age")
    assert found["female", "0-9"] == pytest.approx(0.772273, abs=PRINTED)
    assert found["male", "70-79"] == pytest.approx(1.413447, abs=PRINTED)
    reference = folder / "reference_cells_sex_age10_vs_us2012.csv"
    check_cells(result, reference, {"sex": "gender", "b": "age"})


def test_faces_are_far_from_the_population(alice: Trust, shared: Path) -> None:
    path = alice.dataset("fairface")
    folder = shared / "data" / "cov_fairface"
    excel = {"03-Sep": "3-9", "Oct-19": "10-19"}
    faces = rows_of(folder / "fairface_label_val.csv")
    for face in faces:
        face["age"] = excel.get(face["age"], face["age"])
    stored = alice.upload(
        path, "items", as_csv(faces), columns='{"item": "file"}', ignore="service_test"
    )
    assert stored["state"] == "stored", stored["problems"]
    alice.post(f"{path}populations/", {"name": "US 2020"})
    starts = {0: "0-2", 3: "3-9", 70: "more than 70"}
    starts |= {low: f"{low}-{low + 9}" for low in range(10, 70, 10)}
    weights: dict[tuple[str, str], int] = {}
    for row in rows_of(shared / "data" / "pop_us_uspop2" / "us_population_age_sex_year.csv"):
        if row["year"] == "2020":
            band = starts[max(low for low in starts if low <= int(row["age"]))]
            key = (row["sex"].capitalize(), band)
            weights[key] = weights.get(key, 0) + int(row["pop"])
    target = as_csv({"gender": sex, "age": age, "weight": n} for (sex, age), n in weights.items())
    assert alice.upload(path, "population", target)["state"] == "stored"
    result = alice.get(f"{path}coverage/")
    assert result["overall"]["total_variation"]["value"] == pytest.approx(0.294663, abs=PRINTED)
    found = ratios(result, "gender", "age")
    assert found["Female", "more than 70"] == pytest.approx(0.07791, abs=PRINTED)
    assert found["Female", "20-29"] == pytest.approx(2.563553, abs=PRINTED)
    reference = folder / "reference_cells_sex_age_vs_us2020.csv"
    check_cells(result, reference, {"sex": "gender", "b": "age"})
    # The one empty cell of race, gender and age (README of the data set) is found by itself.
    empty = [row["attributes"] for row in result["uncovered_patterns"] if row["n"] == 0]
    assert {"race": "Latino_Hispanic", "gender": "Female", "age": "more than 70"} not in empty
    assert {"race": "Latino_Hispanic", "age": "more than 70"} in [
        row["attributes"] for row in result["uncovered_patterns"]
    ]


def test_lesion_images_are_far_from_brazil(alice: Trust, shared: Path) -> None:
    path = alice.dataset("padufes")
    folder = shared / "data" / "group_padufes20"
    brazil = [
        row
        for row in rows_of(shared / "data" / "pop_un_wpp2024" / "population_by_age_sex.csv")
        if (row["Location"], row["Year"]) == ("Brazil", "2020")
    ]
    bands = list(dict.fromkeys(row["AgeGrp"] for row in brazil))
    alice.post(
        f"{path}attributes/", {"name": "age", "of": "item", "kind": "numeric", "bands": bands}
    )
    images = (
        {
            "item": row["img_id"],
            "group": row["patient_id"],
            "Sex": row["gender"].capitalize(),
            "age": row["age"],
        }
        for row in rows_of(folder / "metadata.csv")
    )
    assert alice.upload(path, "items", as_csv(images))["state"] == "stored"
    alice.post(f"{path}populations/", {"name": "Brazil 2020", "source": "UN WPP", "year": 2020})
    sent = alice.upload(
        path,
        "population",
        as_csv(brazil),
        columns='{"age": "AgeGrp", "weight": "Value"}',
        ignore="LocID,Location,Year,AgeGrpStart",
    )
    assert sent["state"] == "stored", sent["problems"]
    result = alice.get(f"{path}coverage/")
    overall = result["overall"]
    assert overall["total_variation"]["value"] == pytest.approx(0.596506, abs=PRINTED)
    assert (overall["n_items"], overall["n_empty_cells"]) == (1494, 9)
    assert {row["attribute"]: row["n"] for row in result["missing"]} == {"Sex": 804, "age": 0}
    reference = folder / "reference_cells_images_vs_brazil2020.csv"
    check_cells(result, reference, {"Sex": "Sex", "AgeGrp": "age"})


def test_irony_is_labelled_by_a_young_crowd(alice: Trust, shared: Path) -> None:
    path = alice.dataset("multipico")
    folder = shared / "data" / "lewidi3_mp"
    bands = ["0-14", "15-19", *(f"{low}-{low + 9}" for low in range(20, 70, 10)), "70+"]
    age = {"name": "age", "of": "annotator", "kind": "numeric", "bands": bands}
    alice.post(f"{path}attributes/", age | {"missing_codes": ["DATA_EXPIRED"]})
    crowd = rows_of(folder / "annotators.csv")
    people = (
        {
            "annotator": row["annotator"],
            "age": row["age"],
            "gender": "" if row["gender"] == "DATA_EXPIRED" else row["gender"],
        }
        for row in crowd
    )
    sent = alice.upload(path, "annotators", as_csv(people))
    assert (sent["state"], sent["rows"]["stored"]) == ("stored", 506)
    world = [
        row
        for row in rows_of(shared / "data" / "pop_un_wpp2024" / "population_by_age_sex.csv")
        if (row["Location"], row["Year"]) == ("World", "2025")
    ]
    alice.post(f"{path}populations/", {"name": "World 2025", "of": "annotator", "year": 2025})
    sent = alice.upload(
        path,
        "population",
        as_csv(world),
        columns='{"age": "AgeGrp", "gender": "Sex", "weight": "Value"}',
        ignore="LocID,Location,Year,AgeGrpStart",
    )
    assert sent["state"] == "stored", sent["problems"]
    result = alice.get(f"{path}coverage/")
    # The same once more, by hand.
    starts = [0, 15, *range(20, 80, 10)]

    def place(number: str) -> str:
        return bands[max(at for at, low in enumerate(starts) if low <= float(number))]

    q: dict[tuple[str, str], float] = {}
    for row in world:
        key = (row["Sex"], place(row["AgeGrpStart"]))
        q[key] = q.get(key, 0.0) + float(row["Value"])
    n = dict.fromkeys(q, 0)
    for row in crowd:
        if row["gender"] in ("Female", "Male") and row["age"] not in ("", "DATA_EXPIRED"):
            n[row["gender"], place(row["age"])] += 1
    total, size = sum(q.values()), sum(n.values())
    apart = sum(abs(n[key] / size - q[key] / total) for key in q) / 2
    overall = result["overall"]
    assert overall["n_items"] == size
    assert overall["total_variation"]["value"] == pytest.approx(apart, rel=1e-9)
    assert overall["verdict"] == "large"
    found = ratios(result, "gender", "age")
    assert found["Female", "20-29"] == pytest.approx(
        n["Female", "20-29"] / size / (q["Female", "20-29"] / total)
    )
    lacking = {tuple(row["attributes"].values()) for row in result["target_lacking"]}
    assert lacking == {("0-14",)}
    young = alice.get(f"{path}coverage/patterns/", of="annotator", attribute="age", level=1)
    assert {row["attributes"]["age"] for row in young["patterns"]} == {
        band for band in bands if sum(1 for row in crowd if _lies(row["age"], band, place)) < 30
    }


def _lies(age: str, band: str, place: Any) -> bool:
    return age not in ("", "DATA_EXPIRED") and place(age) == band


def test_annotators_of_multipico_beside_the_world_and_the_united_states(
    alice: Trust, shared: Path
) -> None:
    path = alice.dataset("multipico")
    bands = ["15-24", "25-34", "35-44", "45-54", "55-64", "65+"]
    age = {"name": "age", "of": "annotator", "kind": "numeric", "bands": bands}
    alice.post(f"{path}attributes/", age)
    raters = rows_of(shared / "data" / "lewidi3_mp" / "annotators.csv")
    pool = [{name: row[name] for name in ("annotator", "age", "gender")} for row in raters]
    alice.upload(path, "annotators", as_csv(pool))
    wpp = rows_of(shared / "data" / "pop_un_wpp2024" / "population_by_age_sex.csv")
    census = rows_of(shared / "data" / "pop_us_uspop2" / "us_population_age_sex_year.csv")
    targets = {
        "World 2025": [
            (row["Sex"], row["AgeGrp"], int(row["AgeGrpStart"]), float(row["Value"]))
            for row in wpp
            if (row["Location"], row["Year"]) == ("World", "2025")
        ],
        "US 2020": [
            (row["sex"].capitalize(), row["age"], int(row["age"]), float(row["pop"]))
            for row in census
            if row["year"] == "2020"
        ],
    }
    known = [row for row in raters if row["age"] and row["gender"] in ("Female", "Male")]

    def band(years: float) -> str:
        return bands[min(int(years - 15) // 10, 5)]

    n = Counter((row["gender"], band(float(row["age"]))) for row in known)
    for name, cells in targets.items():
        adults = [cell for cell in cells if cell[2] >= 15]
        alice.post(f"{path}populations/", {"name": name, "of": "annotator"})
        sent = [{"gender": sex, "age": ages, "weight": people} for sex, ages, _, people in adults]
        assert alice.upload(path, "population", as_csv(sent), population=name)["state"] == "stored"
        weight: dict[tuple[str, str], float] = defaultdict(float)
        for sex, _, start, people in adults:
            weight[sex, band(start)] += people
        result = alice.get(f"{path}coverage/", population=name)
        share = {key: total / sum(weight.values()) for key, total in weight.items()}
        apart = sum(abs(n[key] / len(known) - q) for key, q in share.items()) / 2
        assert result["overall"]["total_variation"]["value"] == pytest.approx(apart)
        for one in result["cells"]:
            key = one["attributes"]["gender"], one["attributes"]["age"]
            assert (one["n"], one["target_share"]) == (n[key], pytest.approx(share[key]))
        outside = {tuple(row["attributes"].items()): row["n"] for row in result["outside_target"]}
        others = Counter(row["gender"] for row in raters if row["gender"] not in ("Female", "Male"))
        assert outside == {(("gender", value),): count for value, count in others.items()}
