"""Populations over REST: defined, uploaded, replaced, refused with a sentence."""

from __future__ import annotations

import pytest
from django.db import connection

from coverage.models import Population, PopulationCell
from tests.conftest import Trust
from tests.coverage.conftest import BANDS, JOINT, cell, codes, notices


def test_a_population_is_defined_found_by_name_or_id_changed_and_deleted(alice: Trust) -> None:
    path = alice.dataset("people")
    made = alice.post(
        f"{path}populations/",
        {"name": "census", "source": "Office", "url": "https://example.org/c", "year": 2020},
    )
    assert (made["of"], made["kind"], made["n_cells"], made["total_weight"]) == (
        "item",
        None,
        0,
        None,
    )
    assert alice.get(f"{path}populations/census/") == made
    assert alice.get(f"{path}populations/{made['id']}/") == made
    assert alice.patch(f"{path}populations/census/", {"year": 2021})["year"] == 2021
    assert [p["name"] for p in alice.get(f"{path}populations/")["results"]] == ["census"]
    alice.delete(f"{path}populations/census/")
    assert alice.get(f"{path}populations/census/", expect=404)["code"] == "not_found"


def test_a_list_of_populations_costs_the_same_however_many(
    alice: Trust, people: str, django_assert_num_queries: object
) -> None:
    alice.upload(people, "population", JOINT)
    with django_assert_num_queries(2):  # type: ignore[operator]
        alice.get(f"{people}populations/")
    alice.post(f"{people}populations/", {"name": "second"})
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(alice.get(f"{people}populations/")["results"]) == 2


def test_populations_that_contradict_themselves_are_refused(alice: Trust, people: str) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"name": "census"}, "name_taken"),
        ({"name": "other", "of": "planet"}, "invalid_choice"),
        ({"name": "other", "year": -1}, "min_value"),
        ({"name": "other", "url": "javascript:alert(1)"}, "invalid"),
        ({"name": "other", "margins": []}, "unknown_field"),
        ({}, "required"),
    ]
    for body, code in wrong:
        answer = alice.http.post(f"/api/v1/{people}populations/", body, format="json")
        assert answer.status_code in (400, 409)
        assert (body, answer.json()["errors"][0]["code"]) == (body, code)
    assert alice.post(f"{people}populations/", {"name": "other"})["name"] == "other"


def test_joint_cells_are_stored_and_described(alice: Trust, people: str) -> None:
    sent = alice.upload(people, "population", JOINT)
    assert (sent["state"], sent["subject"], sent["rows"]["stored"]) == ("stored", "census", 4)
    assert "one joint distribution of sex, age" in notices(sent)["target_kind"]
    assert "category_mismatch" not in notices(sent)
    detail = alice.get(f"{people}populations/census/")
    assert (detail["kind"], detail["n_cells"], detail["total_weight"]) == ("joint", 4, 100)
    assert detail["attributes"] == ["sex", "age"]


def test_rows_with_one_attribute_each_are_margins(alice: Trust, people: str) -> None:
    margins = "sex,age,weight\nF,,50\nM,,50\n,young,0.6\n,old,0.4\n"
    sent = alice.upload(people, "population", margins)
    assert "margins of sex, age" in notices(sent)["target_kind"]
    detail = alice.get(f"{people}populations/census/")
    assert (detail["kind"], detail["n_cells"], detail["total_weight"]) == ("marginal", 4, None)
    assert detail["margins"] == [
        {"attributes": ["sex"], "n_cells": 2, "total_weight": 100},
        {"attributes": ["age"], "n_cells": 2, "total_weight": 1},
    ]


def test_a_file_with_one_attribute_is_one_margin(alice: Trust, people: str) -> None:
    sent = alice.upload(people, "population", "sex,weight\nF,1\nM,1\n")
    assert sent["state"] == "stored"
    assert alice.get(f"{people}populations/census/")["kind"] == "marginal"


WRONG = [
    ("negative weight", JOINT.replace("M,old,20", "M,old,-20"), 5, "out_of_range"),
    ("no weight", JOINT.replace("M,old,20", "M,old,"), 5, "value_missing"),
    ("not a number", JOINT.replace("M,old,20", "M,old,20%"), 5, "not_a_number"),
    ("cell twice", JOINT + "F,old,20\n", 6, "duplicate_row"),
    ("joint cells and margins", JOINT + "F,,50\n", 1, "mixed_target"),
    ("nothing filled", JOINT + ",,50\n", 6, "mixed_target"),
    ("weights of nothing", "sex,weight\nF,0\nM,0\n", 1, "weights_sum"),
    ("a margin of nothing", "sex,age,weight\nF,,1\nM,,2\n,old,0\n", 1, "weights_sum"),
    ("no attribute", "weight\n1\n", 1, "attribute_missing"),
    ("misspelt attribute", JOINT.replace("sex", "Sex"), 1, "attribute_missing"),
]


def test_wrong_files_are_refused_whole_and_the_right_one_stored(alice: Trust, people: str) -> None:
    for why, body, line, code in WRONG:
        refused = alice.upload(people, "population", body)
        assert refused["state"] == "rejected", why
        problem = refused["problems"][0]
        assert (why, problem["line"], problem["code"]) == (why, line, code)
        assert not PopulationCell.objects.exists(), why
    assert alice.upload(people, "population", JOINT)["state"] == "stored"
    assert PopulationCell.objects.count() == 4


def test_a_partly_filled_row_is_named(alice: Trust, people: str) -> None:
    alice.upload(people, "items", "item,city\nx,Lyon\n")
    body = "sex,age,city,weight\nF,old,Lyon,1\nM,old,,1\n"
    problem = alice.upload(people, "population", body)["problems"][0]
    assert (problem["line"], problem["code"]) == (3, "mixed_target")
    assert "fills 2 of the attributes sex, age, city" in problem["message"]


def test_skipping_stores_the_rows_without_problems(alice: Trust, people: str) -> None:
    body = JOINT + "F,old,20\n"
    sent = alice.upload(people, "population", body, on_error="skip")
    assert (sent["state"], sent["rows"]["stored"], sent["rows"]["rejected"]) == ("stored", 4, 1)


def test_a_misspelt_attribute_gets_a_hint_and_a_new_one_is_declared(
    alice: Trust, people: str
) -> None:
    refused = alice.upload(people, "population", JOINT.replace("age", "agee"))
    assert "Did you mean 'age'?" in refused["problems"][0]["message"]
    sent = alice.upload(people, "population", "sex,region,weight\nF,north,1\nM,north,1\n")
    assert sent["state"] == "stored"
    assert "'region'" in notices(sent)["attributes_declared"]
    attributes = {a["name"]: a for a in alice.get(f"{people}attributes/")["results"]}
    assert attributes["region"]["declared"] is False


def test_a_column_that_names_people_is_refused(alice: Trust, people: str) -> None:
    refused = alice.upload(people, "population", "email,weight\na@example.org,1\n")
    assert codes(refused) == ["direct_identifier"]


def test_a_joint_target_that_no_memory_holds_is_refused(alice: Trust, people: str) -> None:
    rows = "\n".join(f"a{i},b{i},c{i},1" for i in range(180))
    refused = alice.upload(people, "population", f"city,job,diet,weight\n{rows}\n")
    assert codes(refused) == ["too_many_categories"]
    assert "5,832,000 combinations" in refused["problems"][0]["message"]
    assert alice.upload(people, "population", "city,weight\nx,1\n")["state"] == "stored"


def test_numbers_without_bands_are_told(alice: Trust) -> None:
    path = alice.dataset("people")
    alice.post(f"{path}attributes/", {"name": "age", "kind": "numeric"})
    alice.post(f"{path}populations/", {"name": "census"})
    sent = alice.upload(path, "population", "age,weight\n5,1\n")
    assert sent["state"] == "stored"
    assert "until bands are declared" in notices(sent)["attribute_without_bands"]


def test_a_value_outside_fixed_values_is_refused_with_a_hint(alice: Trust) -> None:
    path = alice.dataset("people")
    alice.post(f"{path}attributes/", {"name": "sex", "values": ["female", "male"]})
    alice.post(f"{path}populations/", {"name": "census"})
    refused = alice.upload(path, "population", "sex,weight\nfemale,1\nMale,1\n")
    assert codes(refused) == ["unknown_value"]
    assert refused["problems"][0]["hint"] == "Did you mean 'male'?"
    assert alice.upload(path, "population", "sex,weight\nfemale,1\nmale,1\n")["state"] == "stored"


def test_values_that_only_one_side_has_are_told(alice: Trust, people: str) -> None:
    sent = alice.upload(people, "population", "sex,weight\nF,1\nX,1\n")
    assert sent["state"] == "stored"
    said = notices(sent)["category_mismatch"]
    assert "only the population has 'X'; only the data set has 'M'" in said


def test_missing_codes_are_told_and_stored(alice: Trust, people: str) -> None:
    alice.patch(f"{people}attributes/sex/", {"missing_codes": ["unknown"]})
    sent = alice.upload(people, "population", "sex,weight\nF,1\nM,1\nunknown,2\n")
    assert (sent["state"], sent["rows"]["stored"]) == ("stored", 3)
    assert "sex unknown are of unknown value" in notices(sent)["missing_values"]


def banded(alice: Trust) -> str:
    path = alice.dataset("banded")
    alice.post(f"{path}attributes/", {"name": "age", "kind": "numeric", "bands": BANDS})
    alice.post(f"{path}populations/", {"name": "census"})
    return path


def test_numbers_and_narrow_bands_go_into_the_declared_bands(alice: Trust) -> None:
    path = banded(alice)
    for body in ("0-4,1\n5-17,1\n18-64,1\n65-99,1\n100+,1\n", "3,1\n64,1\n65,1\n"):
        assert alice.upload(path, "population", f"age,weight\n{body}")["state"] == "stored"


def test_a_band_that_fits_into_none_is_refused(alice: Trust) -> None:
    path = banded(alice)
    for value, code in (
        ("15-24", "outside_bands"),
        ("-1", "outside_bands"),
        ("grown up", "not_a_number"),
    ):
        refused = alice.upload(path, "population", f"age,weight\n70,1\n{value},1\n")
        assert codes(refused)[0] == code
        assert refused["problems"][0]["value"] == value
    assert alice.upload(path, "population", "age,weight\n70,1\n17,1\n")["state"] == "stored"


def test_bands_with_a_hole_would_leave_people_out(alice: Trust) -> None:
    path = banded(alice)
    refused = alice.upload(path, "population", "age,weight\n0-10,9\n18-64,1\n65+,1\n")
    assert codes(refused) == ["hole"]
    assert (
        "between '0-10' and '18-64' of attribute 'age' is a hole"
        in (refused["problems"][0]["message"])
    )
    whole = alice.upload(path, "population", "age,weight\n0-10,9\n11-17,0\n18-64,1\n65+,1\n")
    assert whole["state"] == "stored", whole["problems"]


def test_bands_of_fractions_end_where_they_say(alice: Trust) -> None:
    path = alice.dataset("weighed")
    classes = ["<18.5", "18.5-24.9", "25-29.9", "30+"]
    alice.post(f"{path}attributes/", {"name": "bmi", "kind": "numeric", "bands": classes})
    alice.upload(path, "items", "item,bmi\na,17\nb,18.5\nc,24.9\nd,25\ne,31\n")
    alice.post(f"{path}populations/", {"name": "adults"})
    rows = "<18.5,0.02\n18.5-21.9,0.15\n22-24.9,0.25\n25-29.9,0.33\n30-34.9,0.15\n35+,0.1\n"
    sent = alice.upload(path, "population", f"bmi,weight\n{rows}")
    assert sent["state"] == "stored", sent["problems"]
    found = alice.get(f"{path}coverage/")["attributes"]["bmi"]
    shares = {one["attributes"]["bmi"]: (one["n"], one["target_share"]) for one in found}
    assert shares == {
        "<18.5": (1, pytest.approx(0.02)),
        "18.5-24.9": (2, pytest.approx(0.4)),
        "25-29.9": (1, pytest.approx(0.33)),
        "30+": (1, pytest.approx(0.25)),
    }
    # 25 begins the next class.
    across = alice.upload(path, "population", "bmi,weight\n20-25,1\n26+,1\n")
    assert "outside_bands" in codes(across)


def test_values_that_overlap_would_count_people_twice(alice: Trust) -> None:
    path = banded(alice)
    refused = alice.upload(path, "population", "age,weight\n0-17,9\n5,1\n70,1\n")
    assert codes(refused) == ["overlapping_values"]
    assert "'0-17' and '5'" in refused["problems"][0]["message"]


def test_a_second_file_replaces_the_population(alice: Trust, people: str) -> None:
    first = alice.upload(people, "population", JOINT)
    changed = "sex,age,weight\nF,young,30\nF,old,25\nM,young,30\nX,old,1\n"
    second = alice.upload(people, "population", changed)
    assert second["rows"] == {"read": 4, "stored": 1, "unchanged": 2, "replaced": 1, "rejected": 0}
    assert notices(second)["cells_removed"].endswith("this one lacks were removed: 1.")
    assert second["version"] == first["version"] + 1
    rows = {
        (c.values["sex"], c.values["age"]): (c.weight, str(c.upload_id))
        for c in PopulationCell.objects.all()
    }
    assert rows == {
        ("F", "young"): (30, first["id"]),
        ("F", "old"): (25, second["id"]),
        ("M", "young"): (30, first["id"]),
        ("X", "old"): (1, second["id"]),
    }


def test_a_file_that_only_leaves_cells_out_is_a_change_too(alice: Trust, people: str) -> None:
    first = alice.upload(people, "population", JOINT)
    second = alice.upload(people, "population", JOINT.replace("M,old,20\n", ""))
    assert second["rows"]["unchanged"] == 3
    assert second["version"] == first["version"] + 1
    assert alice.get(f"{people}populations/census/")["n_cells"] == 3
    again = alice.upload(people, "population", JOINT.replace("M,old,20\n", ""))
    assert "same_file" in notices(again)
    assert again["version"] == second["version"]


def test_a_dry_run_stores_nothing(alice: Trust, people: str) -> None:
    sent = alice.upload(people, "population", JOINT, dry_run="1")
    assert (sent["state"], sent["rows"]["stored"]) == ("stored", 4)
    assert not PopulationCell.objects.exists()
    assert Population.objects.get().margins == []


def test_a_file_needs_to_say_which_of_two_populations(alice: Trust, people: str) -> None:
    alice.post(f"{people}populations/", {"name": "second"})
    answer = alice.send(people, "population", JOINT, expect=400)
    assert answer["code"] == "unknown_population"
    assert "census, second" in answer["detail"]
    assert alice.upload(people, "population", JOINT, population="second")["subject"] == "second"


def test_cells_keep_what_they_are_about(alice: Trust, people: str) -> None:
    alice.upload(people, "population", JOINT)
    answer = alice.patch(f"{people}populations/census/", {"of": "annotator"}, expect=400)
    assert "make another population" in answer["errors"][0]["message"]


def test_contributors_and_auditors_upload_no_population(
    alice: Trust, people: str, person: object
) -> None:
    for role in ("contributor", "auditor"):
        member = person(role)  # type: ignore[operator]
        alice.post(f"{people}members/", {"user": role, "role": role})
        assert member.send(people, "population", JOINT, expect=403)["code"] == "permission_denied"
        assert member.post(f"{people}populations/", {"name": "x"}, expect=403)
    assert alice.upload(people, "population", JOINT)["state"] == "stored"


def test_shares_that_do_not_sum_are_refused_with_their_sum(alice: Trust, people: str) -> None:
    for body, said in (
        ("sex,weight\nF,0.5\nM,0.4\n", "the shares over sex sum to 0.9, not to 1"),
        ("sex,age,weight\nF,old,0.7\nM,old,0.5\n", "over sex, age sum to 1.2,"),
        ("sex,age,weight\nF,,50\nM,,50\n,old,0.3\n,young,0.6\n", "over age sum to 0.9,"),
        ("sex,weight\nF,50.5\nM,45\n", "the percentages over sex sum to 95.5, not to 100"),
    ):
        sent = alice.upload(people, "population", body)
        assert (sent["state"], codes(sent)) == ("rejected", ["weights_sum"])
        assert said in sent["problems"][0]["message"]
    assert alice.get(f"{people}populations/census/")["n_cells"] == 0
    # Published shares are rounded; counts may be fractions too.
    for body in ("sex,weight\nF,0.503\nM,0.496\n", "sex,weight\nF,12.5\nM,0.5\n"):
        assert alice.upload(people, "population", body)["state"] == "stored"
    # Whole numbers are counts of people, of whom there may be 98; who meant percent is told.
    counts = alice.upload(people, "population", "sex,weight\nF,50\nM,48\n")
    assert "sum to 98 and are read as counts" in notices(counts)["read_as_counts"]
    assert "read_as_counts" not in notices(alice.upload(people, "population", JOINT))


def test_values_are_mapped_by_name_where_the_sender_says_so(alice: Trust, people: str) -> None:
    mapping = {"age": {"0-64": "young", "65+": "old"}, "sex": {"female": "F", "male": "M"}}
    alice.patch(f"{people}populations/census/", {"mapping": mapping})
    target = "sex,age,weight\nfemale,0-64,30\nfemale,65+,20\nmale,0-64,30\nmale,65+,20\n"
    sent = alice.upload(people, "population", target)
    assert sent["state"] == "stored", sent["problems"]
    assert "category_mismatch" not in notices(sent)
    result = alice.get(f"{people}coverage/")
    assert cell(result["cells"], sex="M", age="old")["target_share"] == pytest.approx(0.2)
    assert (result["outside_target"], result["target_lacking"]) == ([], [])
    assert {"attribute": "sex", "value": "male", "placed": "M"} in result["placed"]
    assert len(result["placed"]) == 4


def test_a_mapping_with_loose_ends_is_refused(alice: Trust, people: str) -> None:
    for mapping, said in (
        ({"age": {"65+": "ancient"}}, "'ancient', which is not a value of 'age'"),
        ({"shoe": {"42": "old"}}, "no attribute 'shoe'"),
    ):
        answer = alice.patch(f"{people}populations/census/", {"mapping": mapping}, expect=400)
        assert said in answer["errors"][0]["message"]
    alice.patch(f"{people}populations/census/", {"mapping": {"sex": {"female": "F"}}})
    sent = alice.upload(people, "population", "sex,weight\nF,1\nM,1\n")
    assert (sent["state"], codes(sent)) == ("rejected", ["unknown_value"])
    assert "maps sex 'female', which the file does not have" in sent["problems"][0]["message"]


def test_columns_that_tell_who_somebody_is_are_not_stored(alice: Trust, people: str) -> None:
    for header, value, said in (
        ("Date of birth", "1961-04-02", "looks like a date of birth"),
        ("Geburtsdatum", "?", "looks like a date of birth"),
        ("firstName", "Ada", "looks like it names a person"),
        ("seen", "02.04.1961", "holds full dates"),
        ("since", "2 April 1961", "holds full dates"),
        ("patient_dob", "?", "looks like a date of birth"),
        ("customer name", "?", "looks like it names a person"),
        ("apellidos", "?", "looks like it names a person"),
        ("reach", "ada@example.org", "holds e-mail addresses"),
    ):
        sent = alice.upload(people, "items", f"item,{header}\ni0_0,{value}\n")
        assert (sent["state"], codes(sent)) == ("rejected", ["direct_identifier"])
        assert said in sent["problems"][0]["message"]
    many = {"name": "zip", "values": [str(k) for k in range(5000)]}
    answer = alice.post(f"{people}attributes/", many, expect=400)
    assert "has 5,000 values, more than the 1,000" in answer["errors"][0]["message"]
    assert {a["name"] for a in alice.get(f"{people}attributes/")["results"]} == {"age", "sex"}


def test_a_population_takes_its_cells_along_whoever_deletes_it(alice: Trust) -> None:
    path = alice.dataset("census")
    for name in ("gone", "stays"):
        alice.post(f"{path}populations/", {"name": name})
        alice.upload(path, "population", "sex,weight\nF,50\nM,50\n", population=name)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM coverage_population WHERE name = 'gone'")
    assert {cell.population.name for cell in PopulationCell.objects.all()} == {"stays"}
