"""What is said where a file is not what it was sent as, or its values are nearly right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.ingest.lookalikes import Known
from catalog.ingest.missing import looks_missing
from catalog.reading import Layout, Options, read
from catalog.reading.columns import EXPORTS, Export
from catalog.reading.signatures import likely_export
from tests.catalog.export_rows import COLUMNS
from tests.catalog.test_exports_journeys import DICES, notices, stored
from tests.conftest import Trust


@pytest.mark.parametrize(
    ("names", "delimited", "form"),
    [
        ("id annotations data predictions", False, "labelstudio"),
        ("id annotation_id annotator lead_time mood", True, "labelstudio-csv"),
        ("id annotation_id annotator lead_time mood", False, "labelstudio-min"),
        ("text _input_hash options accept", False, "prodigy"),
        ("id text mood.responses mood.responses.users", False, "argilla"),
        ("id text label Comments", False, "doccano"),
        ("id text label", True, None),
        ("rater_id item_id Q1", True, "dices"),
        ("text annotators annotations", False, "lewidi"),
        ("image who answer", True, None),
    ],
)
def test_a_tool_is_known_by_the_names_it_gives(
    names: str, delimited: bool, form: str | None
) -> None:
    assert likely_export(names.split(), delimited=delimited) == form
    assert form is None or form in EXPORTS


def test_an_export_sent_as_a_plain_table_is_told_its_format(tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_text(json.dumps([{"id": 1, "annotations": [], "data": {}}]))
    problems = read(file, Layout(COLUMNS), Options(format="json")).problems
    assert "format=labelstudio" in str(problems[-1].hint)


def test_the_names_of_other_tools_are_offered_as_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "upload"
    for header, hint in (
        ("task,worker,label", 'columns={"item": "task", "annotator": "worker"}'),
        ("Image,rater,answer", '"label": "answer"}'),
        ("task,x,label", None),
    ):
        file.write_text(f"{header}\na,b,c\n")
        found = read(file, Layout(COLUMNS), Options()).problems[-1].hint
        assert (hint in str(found)) if hint else found is None


@pytest.mark.parametrize(
    ("value", "hint"),
    [("1.0", "Did you mean '1'?"), ("2.00", "Did you mean '2'?"), ("3.5", None)],
)
def test_a_number_with_zeros_after_it_is_known_again(value: str, hint: str | None) -> None:
    assert Known(["1", "2", "3"]).hint(value) == hint


def test_words_for_nothing_are_known() -> None:
    assert all(map(looks_missing, ["NA", "?", "UNK", "DATA_EXPIRED", " nan "]))
    assert not any(map(looks_missing, ["", "no", "0", "Nana"]))


@pytest.fixture
def stars(alice: Trust) -> str:
    path = alice.dataset("stars")
    alice.post(f"{path}questions/", {"name": "stars", "scale": "interval"})
    return path


WIDE = "\ufeffitem;ann;bo\ni1;3,5;4\ni2;;2,25\n"
ROWS = {"format": "wide", "orientation": "items_in_rows", "delimiter": ";"}


def test_labels_may_have_a_decimal_comma_where_it_is_declared(alice: Trust, stars: str) -> None:
    refused = alice.upload(stars, "labels", WIDE, **ROWS)
    assert {p["hint"] for p in refused["problems"]} == {"Is this a decimal comma? Send decimal=,"}
    upload = alice.upload(stars, "labels", WIDE, decimal=",", **ROWS)
    assert upload["state"] == "stored", upload["problems"]
    assert {row[3] for row in stored()} == {"3.5", "4", "2.25"}
    point = alice.upload(stars, "labels", "item;ann\ni1;3.5\n", decimal=",", **ROWS)
    assert [p["hint"] for p in point["problems"]] == ["Is this a decimal point? Send decimal=."]


def test_a_problem_of_an_export_says_whose_answer_it_is(alice: Trust, stars: str) -> None:
    refused = alice.upload(stars, "labels", WIDE.replace("3,5", "good"), decimal=",", **ROWS)
    message = refused["problems"][0]["message"]
    assert message.endswith("It is the answer of annotator 'ann' about item 'i1'.")
    assert not {"items_created", "annotators_created"} & notices(refused).keys()


def test_values_that_may_mean_nothing_are_told(alice: Trust) -> None:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal"})
    upload = alice.upload(path, "labels", "item,annotator,label\ni1,ann,cat\ni2,ann,?\n")
    assert "'?' became a value of question 'pet'" in notices(upload)["looks_missing"]
    alice.post(f"{path}questions/", {"name": "size", "scale": "ordinal", "values": ["S", "L"]})
    body = "item,annotator,label\ni1,ann,NA\n"
    refused = alice.upload(path, "labels", body, question="size")
    assert "missing_codes: NA" in refused["problems"][0]["hint"]
    people = alice.upload(path, "annotators", "annotator,age\nann,DATA_EXPIRED\n")
    assert "attribute 'age'" in notices(people)["looks_missing"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"format": "wide", "orientation": "annotators_in_rows"}, "items_in_rows"),
        ({"format": "lewidi"}, "format=dices"),
        ({"format": "dices"}, 'send gold={"question": "column"}'),
    ],
)
def test_gold_is_asked_for_precisely(options: dict[str, str], told: str, alice: Trust) -> None:
    path = alice.dataset("gold")
    for name in ("Q1", "Q2"):
        alice.post(f"{path}questions/", {"name": name, "scale": "nominal"})
    refused = alice.send(path, "labels", DICES, expect=400, gold="Q2", **options)
    assert told in refused["detail"]


def test_gold_columns_are_stored_as_reference_labels(alice: Trust) -> None:
    path = alice.dataset("gold")
    alice.post(f"{path}questions/", {"name": "Q1", "scale": "nominal"})
    body = "item_id,rater_id,Q1,safety_gold\ni1,r1,Yes,No\ni1,r2,No,No\ni2,r1,No,Yes\n"
    upload = alice.upload(path, "labels", body, format="dices", gold="safety_gold")
    assert upload["state"] == "stored", upload["problems"]
    assert len(stored()) == 3
    found = references(path)
    assert found == {"i1": "No", "i2": "Yes"}
    body = body.replace("r2,No,No", "r2,No,Yes")
    refused = alice.upload(path, "labels", body, format="dices", gold="safety_gold")
    assert [(p["line"], p["code"]) for p in refused["problems"]] == [(3, "conflicting_rows")]


def references(path: str) -> dict[str, Any]:
    from catalog.models import ReferenceLabel  # noqa: PLC0415  models exist only now

    rows = ReferenceLabel.objects.select_related("question", "item")
    return {row.item.external_id: row.question.values[row.code] for row in rows}


def test_orientation_is_not_needed_to_say_what_is_correct() -> None:
    options = Options(format="dices", export=Export(gold={"Q1": "safety_gold"}))
    assert options.export.gold == {"Q1": "safety_gold"}
