"""The demonstration's parts: its data, its user, and what it says of results."""

from __future__ import annotations

import csv
import io
import stat
from collections import Counter

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from catalog.ingest.bands import parse_bands
from catalog.models import ApiToken
from trust_project.demo import anaesthesia, diabetes, summary
from trust_project.management.commands.demo import USER, sign_in


@pytest.fixture(scope="module")
def patients() -> diabetes.Patients:
    return diabetes.patients()


def rows_of(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


# Anaesthetists


def test_the_ratings_are_those_of_table_1_of_dawid_and_skene(shared):
    with (shared / "data" / "crowd_ds1979_anaesthesia" / "labels.csv").open() as stream:
        printed = {
            (int(r["task"]), int(r["worker"]), int(r["occasion"]), r["label"])
            for r in csv.DictReader(stream)
        }
    ours = {
        (int(item.removeprefix("patient-")), int(who.removeprefix("anaesthetist-")), time, rating)
        for item, who, time, rating in anaesthesia.labels()
    }
    assert ours == printed


def test_each_of_45_patients_has_seven_ratings_of_which_three_are_the_first_anaesthetists():
    rows = rows_of(anaesthesia.table())

    assert len(rows) == 315
    assert set(Counter(row["item"] for row in rows).values()) == {7}
    assert Counter(row["annotator"] for row in rows)["anaesthetist-1"] == 135
    assert {row["label"] for row in rows} == set("1234")
    assert len({(row["item"], row["annotator"], row["round"]) for row in rows}) == 315


# Diabetes patients


def test_the_population_is_the_census_in_bands_of_ten_years():
    rows = rows_of(diabetes.population_table())
    weight = {(row["sex"], row["age"]): int(row["weight"]) for row in rows}

    assert sum(weight.values()) == sum(map(sum, diabetes.CENSUS_2000.values())) == 191_760_135
    assert weight["M", "20-29"] == 9_731_315 + 9_659_493
    assert weight["F", "70-79"] == 5_184_855 + 4_355_644
    assert {age for _, age in weight} == set(diabetes.BANDS)


def test_every_patient_has_a_band_and_only_the_three_19_year_olds_lie_outside_the_population(
    patients,
):
    bands = parse_bands([diabetes.YOUNGEST_BAND, *diabetes.BANDS])
    place = bands.place(patients.age.astype(float))

    assert len(place) == 442
    assert place.min() == 0
    assert sorted(patients.age[place == 0]) == [19, 19, 19]


def test_the_sex_read_as_male_is_the_one_with_less_hdl_and_more_blood_pressure(patients):
    source = diabetes.load_diabetes(scaled=False)
    is_male = np.array(patients.sex) == "M"
    hdl, pressure = (source.data[:, source.feature_names.index(name)] for name in ("s3", "bp"))

    assert hdl[is_male].mean() < hdl[~is_male].mean()
    assert pressure[is_male].mean() > pressure[~is_male].mean()


def test_every_patient_is_predicted_once_by_a_model_of_the_other_folds(patients):
    rows = rows_of(diabetes.predictions_table(patients))

    assert len({row["item"] for row in rows}) == len(rows) == 442
    assert set(Counter(row["fold"] for row in rows)) == set("01234")
    assert all(0 < float(row["probability"]) < 1 for row in rows)
    assert {row["label"] for row in rows_of(diabetes.references_table(patients))} == {"yes", "no"}


def test_a_model_is_not_fitted_to_the_patients_it_predicts():
    # With outcomes that are a coin's, a model that had seen them would still seem to know.
    rng = np.random.default_rng(1)
    features = rng.normal(size=(100, 60))
    is_fast = rng.random(100) < 0.5
    _, probability = diabetes.out_of_fold(features, is_fast)

    assert np.mean((probability > 0.5) == is_fast) < 0.65


def test_the_same_data_are_the_same_files(patients):
    again = diabetes.patients()

    for table in (diabetes.items_table, diabetes.references_table, diabetes.predictions_table):
        assert table(again) == table(patients)


# The user


@pytest.fixture
def state(settings, tmp_path):
    settings.STATE_DIR = tmp_path / "state"
    return settings.STATE_DIR


@pytest.mark.django_db
def test_a_second_call_keeps_the_password_and_renews_the_token(state):
    password, token = sign_in()
    again, renewed = sign_in()

    assert (again, renewed == token) == (password, False)
    assert ApiToken.objects.count() == 1
    assert User.objects.get(username=USER).check_password(password)


@pytest.mark.django_db
def test_only_the_owner_of_the_state_directory_can_read_the_password(state):
    password, _ = sign_in()
    path = state / "demo-password"

    assert path.read_text() == password
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.django_db
def test_a_password_changed_meanwhile_becomes_the_printed_one_again(state):
    sign_in()
    user = User.objects.get(username=USER)
    user.set_password("another-one")
    user.save()
    password, _ = sign_in()

    assert User.objects.get(username=USER).check_password(password)


@pytest.mark.django_db
def test_somebody_who_happens_to_be_called_demo_is_not_made_a_superuser(state):
    User.objects.create_user(USER, password="her own")

    with pytest.raises(CommandError, match="did not make"):
        sign_in()
    user = User.objects.get(username=USER)
    assert (user.is_superuser, user.check_password("her own")) == (False, True)
    assert not (state / "demo-password").exists()


# What is said of results


def number(value, low=0.4, high=0.7):
    return {
        "value": value,
        "reason": None if value is not None else "no_data",
        "n": 30,
        "ci_low": low,
        "ci_high": high,
        "ci_level": 0.95,
    }


def bin_of(said, right, n=30, **interval):
    return {"n": n, "mean_predicted": said, "observed": number(right, **interval)}


def test_the_bin_furthest_from_the_truth_is_put_in_words():
    bins = [bin_of(0.5, 0.52), bin_of(0.64, 0.55), bin_of(0.9, 0.1, n=3)]

    assert summary.furthest(bins) == (
        "Furthest apart: it says 64 % and is right 55 %, which chance explains."
    )


def test_a_difference_beyond_the_interval_is_not_put_down_to_chance():
    assert "hardly" in summary.furthest([bin_of(0.9, 0.55, low=0.4, high=0.7)])


@pytest.mark.parametrize(
    "missing",
    [
        lambda: summary.decimal(number(None), "krippendorff_alpha"),
        lambda: summary.furthest([bin_of(0.9, 0.1, n=3)]),
        lambda: summary.worst_gaps({"cells": [{"deficit_at_fixed_n": 0}]}),
    ],
)
def test_a_headline_figure_without_a_value_is_an_error(missing):
    with pytest.raises(summary.MissingFigureError):
        missing()


def test_gaps_are_shown_with_the_worst_first():
    cells = [
        {"attributes": {"sex": sex}, "deficit_at_fixed_n": 5, "gap": number(gap)}
        for sex, gap in (("F", -0.02), ("M", -0.07))
    ]
    assert [c["attributes"]["sex"] for c in summary.worst_gaps({"cells": cells})] == ["M", "F"]


def test_a_gap_that_chance_could_make_is_called_not_certain():
    cells = [
        {
            "attributes": {"sex": sex},
            "deficit_at_fixed_n": 5,
            "gap": number(gap),
            "share": number(0.3),
            "target_share": 0.3 - gap,
            "status": status,
        }
        for sex, gap, status in (("F", -0.02, "insufficient_evidence"), ("M", -0.07, "gap"))
    ]
    result = {
        "population": {"source": "census"},
        "overall": {"total_variation": number(0.07) | {"noise_high": 0.03}},
        "n_items": 10,
        "outside_target": [],
        "cells": cells,
    }
    *_, certain, uncertain = summary.coverage_lines(result)

    assert certain.endswith("37 %   5 too few")
    assert uncertain.endswith("32 %   5 too few, not certain yet")
