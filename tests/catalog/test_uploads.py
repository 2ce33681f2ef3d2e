"""Files in: whole or not at all, every mistake answered with its line."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from annotations.models import Label, LabelRow, SupersededLabel
from catalog.ingest.filling import exists
from catalog.ingest.numbering import attach_items, enroll, items_of, look_up
from catalog.ingest.receiving import path_of
from catalog.models import (
    Annotator,
    Dataset,
    EarlierRow,
    Item,
    Profile,
    ProfileCount,
    Run,
    Upload,
)
from tests.conftest import Trust, work_off

LABELS = "item,annotator,label\ni1,ann,cat\ni1,bob,dog\ni2,ann,cat\ni2,bob,cat\n"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def codes(upload: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in upload["problems"]]


def test_a_valid_file_is_stored_and_makes_a_new_version(alice: Trust, pets: str) -> None:
    before = alice.get(pets)["version"]
    upload = alice.upload(pets, "labels", LABELS)
    assert upload["state"] == "stored"
    assert upload["rows"] == {
        "read": 4,
        "stored": 4,
        "unchanged": 0,
        "replaced": 0,
        "rejected": 0,
    }
    assert upload["version"] == alice.get(pets)["version"] == before + 1
    assert Label.objects.count() == 4
    assert upload["sha256"] == hashlib.sha256(LABELS.encode()).hexdigest()


def test_the_answer_to_a_file_is_202_with_an_address(alice: Trust, pets: str) -> None:
    answer = alice.http.generic("POST", f"/api/v1/{pets}uploads/labels/", LABELS, "text/csv")
    assert answer.status_code == 202
    assert answer["Retry-After"] == "1"
    assert alice.http.get(answer["Location"]).json()["state"] == "received"


@pytest.mark.parametrize(
    ("name", "body", "line", "column", "value", "code"),
    [
        ("unknown label", "item,annotator,label\ni1,ann,cow\n", 2, "label", "cow", "unknown_label"),
        (
            "duplicate row",
            "item,annotator,label\ni1,ann,cat\ni1,ann,cat\n",
            3,
            "annotator",
            "ann",
            "duplicate_row",
        ),
        (
            "conflicting rows",
            "item,annotator,label\ni1,ann,cat\ni1,ann,dog\n",
            3,
            "annotator",
            "ann",
            "conflicting_rows",
        ),
        ("too few fields", "item,annotator,label\ni1,ann\n", 2, None, None, "row_length"),
        ("empty id", "item,annotator,label\n,ann,cat\n", 2, "item", None, "value_missing"),
        (
            "confidence above 1",
            "item,annotator,label,confidence\ni1,ann,cat,1.2\n",
            2,
            "confidence",
            "1.2",
            "out_of_range",
        ),
        (
            "unknown status",
            "item,annotator,label,status\ni1,ann,cat,maybe\n",
            2,
            "status",
            "maybe",
            "unknown_status",
        ),
        (
            "answered without label",
            "item,annotator,label,status\ni1,ann,,answered\n",
            2,
            "label",
            "",
            "label_missing",
        ),
        (
            "time without zone",
            "item,annotator,label,labelled_at\ni1,ann,cat,2026-01-01T00:00:00\n",
            2,
            "labelled_at",
            "2026-01-01T00:00:00",
            "timezone_missing",
        ),
    ],
)
def test_a_bad_row_is_named_with_line_column_and_value_and_nothing_is_stored(
    alice: Trust, pets: str, name: str, body: str, line: int, column: str, value: str, code: str
) -> None:
    upload = alice.upload(pets, "labels", body)
    assert upload["state"] == "rejected"
    problem = upload["problems"][0]
    assert (problem["line"], problem["code"]) == (line, code)
    if column is not None:
        assert problem["column"] == column
    if value is not None:
        assert problem["value"] == value
    assert problem["message"].startswith(f"Line {line}")
    assert problem["message"].endswith(".")
    assert not Label.objects.exists()
    assert not Item.objects.exists()
    assert alice.get(pets)["version"] == 1
    # The same file without its bad row is stored: it was refused for that row alone.
    header = body.splitlines()[0]
    rest = dict.fromkeys(header.split(","), "")
    rest |= {"item": "i9", "annotator": "ann", "label": "cat"}
    good = f"{header}\n{','.join(rest.values())}\n"
    assert alice.upload(pets, "labels", good)["state"] == "stored"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "empty_file"),
        ("item,annotator\ni1,ann\n", "header_missing_column"),
        ("image,annotator,label\ni1,ann,cat\n", "header_missing_column"),
        ("item,annotator,label,colour\ni1,ann,cat,red\n", "header_unknown_column"),
        ("item;annotator;label\ni1;ann;cat\n", "wrong_delimiter"),
    ],
)
def test_a_wrong_header_is_named_and_nothing_is_stored(
    alice: Trust, pets: str, body: str, code: str
) -> None:
    upload = alice.upload(pets, "labels", body)
    assert upload["state"] == "rejected"
    assert code in codes(upload)
    assert not Label.objects.exists()


def test_all_problems_of_all_rows_are_reported(alice: Trust, pets: str) -> None:
    rows = "".join(f"i{i},ann,cow\n" for i in range(1200))
    upload = alice.upload(pets, "labels", f"item,annotator,label\n{rows}")
    assert upload["problem_count"] == 1200
    assert len(upload["problems"]) == 50
    table = alice.http.get(f"/api/v1/{pets}uploads/{upload['id']}/problems.csv").content.decode()
    assert len(table.splitlines()) == 1001
    assert "1001,label,cow,unknown_label" in table


def test_skipping_stores_the_rest_and_keeps_the_problems(alice: Trust, pets: str) -> None:
    body = "item,annotator,label\ni1,ann,cat\ni2,ann,cow\ni3,ann,dog\n"
    upload = alice.upload(pets, "labels", body, on_error="skip")
    assert upload["state"] == "stored"
    assert upload["rows"]["stored"] == 2
    assert upload["rows"]["rejected"] == 1
    assert codes(upload) == ["unknown_label"]
    assert set(Item.objects.values_list("external_id", flat=True)) == {"i1", "i3"}


def test_a_dry_run_checks_everything_and_stores_nothing(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "labels", LABELS, dry_run="1")
    assert upload["state"] == "stored"
    assert upload["rows"]["stored"] == 4
    assert upload["version"] is None
    assert not Label.objects.exists()
    assert not Item.objects.exists()
    assert alice.get(pets)["version"] == 1


def test_the_same_bytes_again_change_nothing(alice: Trust, pets: str) -> None:
    first = alice.upload(pets, "labels", LABELS)
    again = alice.upload(pets, "labels", LABELS)
    assert again["rows"]["unchanged"] == 4
    assert again["version"] == first["version"]
    assert codes({"problems": again["warnings"]}) == ["same_file"]


def test_the_same_rows_in_another_order_change_nothing(alice: Trust, pets: str) -> None:
    first = alice.upload(pets, "labels", LABELS)
    header, *rows = LABELS.splitlines()
    again = alice.upload(pets, "labels", "\n".join([header, *reversed(rows)]) + "\n")
    assert again["rows"]["unchanged"] == 4
    assert again["version"] == first["version"]


def test_a_changed_label_replaces_the_old_one_which_is_kept(alice: Trust, pets: str) -> None:
    first = alice.upload(pets, "labels", LABELS)
    second = alice.upload(pets, "labels", LABELS.replace("i1,bob,dog", "i1,bob,cat"))
    assert second["rows"]["replaced"] == 1
    assert second["rows"]["unchanged"] == 3
    assert second["version"] == first["version"] + 1
    old = SupersededLabel.objects.get()
    assert (str(old.upload_id), str(old.superseded_by_id)) == (first["id"], second["id"])
    assert old.code == 1
    assert {row.value for row in LabelRow.objects.all()} == {"cat"}


def test_adding_refuses_to_change_what_is_stored(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", LABELS)
    changed = LABELS.replace("i1,bob,dog", "i1,bob,cat")
    upload = alice.upload(pets, "labels", changed, mode="add")
    assert upload["state"] == "rejected"
    assert codes(upload) == ["conflicts_with_existing"]
    assert upload["problems"][0]["line"] == 3
    assert not SupersededLabel.objects.exists()
    assert alice.upload(pets, "labels", changed, mode="upsert")["rows"]["replaced"] == 1


def test_adding_refuses_a_change_in_the_question_that_it_changes_only(
    alice: Trust, pets: str
) -> None:
    alice.post(f"{pets}questions/", {"name": "size", "scale": "interval"})
    body = "item,annotator,question,label\ni1,ann,pet,cat\ni1,ann,size,3.5\n"
    alice.upload(pets, "labels", body)
    changed = body.replace("pet,cat", "pet,dog")
    upload = alice.upload(pets, "labels", changed, mode="add", on_error="skip")
    assert [(p["line"], p["code"]) for p in upload["problems"]] == [(2, "conflicts_with_existing")]
    assert (upload["rows"]["unchanged"], upload["rows"]["rejected"]) == (1, 1)
    assert {row.value for row in LabelRow.objects.all()} == {"cat", "3.5"}


def test_repeated_labels_by_one_annotator_have_rounds(alice: Trust, pets: str) -> None:
    body = "item,annotator,label,round\ni1,ann,cat,1\ni1,ann,dog,2\n"
    assert alice.upload(pets, "labels", body)["rows"]["stored"] == 2
    assert list(Label.objects.values_list("round", "code")) == [(1, 0), (2, 1)]


def test_skipped_empty_and_missing_codes_are_told_apart(alice: Trust, pets: str) -> None:
    alice.patch(f"{pets}questions/pet/", {"missing_codes": ["?"]})
    body = "item,annotator,label\ni1,ann,cat\ni2,ann,?\ni3,ann,\n"
    upload = alice.upload(pets, "labels", body)
    assert upload["rows"]["stored"] == 3
    assert list(Label.objects.values_list("status", flat=True)) == [0, 1, 2]
    assert "empty_labels" in codes({"problems": upload["warnings"]})


def test_several_questions_in_one_file(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}questions/", {"name": "size", "scale": "interval"})
    body = "item,annotator,question,label\ni1,ann,pet,cat\ni1,ann,size,3.5\n"
    assert alice.upload(pets, "labels", body)["rows"]["stored"] == 2
    wrong = body.replace("size,3.5", "weight,3.5")
    upload = alice.upload(pets, "labels", wrong)
    assert codes(upload) == ["unknown_question"]


def test_numbers_are_read_strictly(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}questions/", {"name": "size", "scale": "interval"})
    bad = alice.upload(pets, "labels", "item,annotator,label\ni1,ann,1_000\n", question="size")
    assert codes(bad) == ["unknown_label"]
    good = alice.upload(pets, "labels", "item,annotator,label\ni1,ann,1e3\n", question="size")
    assert good["state"] == "stored"
    assert Label.objects.get().number == 1000.0


def test_text_stays_what_it_is(alice: Trust) -> None:
    path = alice.dataset("words")
    alice.post(f"{path}questions/", {"name": "w", "scale": "nominal"})
    body = "item,annotator,label\n007,NA,None\n7,nan,1e5\n=1+1,null,TRUE\n"
    assert alice.upload(path, "labels", body)["state"] == "stored"
    assert set(Item.objects.values_list("external_id", flat=True)) == {"007", "7", "=1+1"}
    assert set(Annotator.objects.values_list("external_id", flat=True)) == {"NA", "nan", "null"}
    assert alice.get(f"{path}questions/w/")["values"] == ["1e5", "None", "TRUE"]


def test_an_unknown_item_is_created_until_items_were_uploaded(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", LABELS)
    alice.upload(pets, "items", "item,site\ni1,A\ni2,B\n")
    late = "item,annotator,label\ni11,ann,cat\n"
    upload = alice.upload(pets, "labels", late)
    assert codes(upload) == ["unknown_item"]
    assert upload["problems"][0]["hint"] == "Did you mean 'i1'?"
    assert alice.upload(pets, "labels", late, unknown="create")["state"] == "stored"


def test_a_gzipped_file_is_read_as_what_is_inside(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "labels", gzip.compress(LABELS.encode()))
    assert upload["rows"]["stored"] == 4


def test_ndjson_and_json_are_read(alice: Trust, pets: str) -> None:
    line = '{"item": "i1", "annotator": "ann", "label": "cat"}\n'
    upload = alice.upload(pets, "labels", line, content_type="application/x-ndjson")
    assert upload["rows"]["stored"] == 1
    upload = alice.upload(pets, "labels", f"[{line}]", content_type="application/json")
    assert upload["rows"]["unchanged"] == 1


def test_columns_are_mapped_by_name(alice: Trust, pets: str) -> None:
    body = LABELS.replace("item,annotator,label", "image_id,who,answer")
    mapping = '{"item": "image_id", "annotator": "who", "label": "answer"}'
    assert alice.upload(pets, "labels", body, columns=mapping)["rows"]["stored"] == 4


def test_a_column_that_was_mapped_is_not_read_under_our_own_name(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "items", "item,sex\na,F\n", columns='{"item": "image_id"}')
    assert upload["state"] == "rejected"
    [problem] = upload["problems"]
    assert problem["code"] == "header_missing_column"
    assert "lacks image_id; it has: item, sex" in problem["message"]


def test_columns_can_be_left_out(alice: Trust, pets: str) -> None:
    body = "item,annotator,label,text\ni1,ann,cat,a long story\n"
    assert alice.upload(pets, "labels", body)["state"] == "rejected"
    assert alice.upload(pets, "labels", body, ignore="text")["state"] == "stored"


def test_attributes_become_profiles(alice: Trust, pets: str) -> None:
    alice.post(
        f"{pets}attributes/",
        {"name": "age", "kind": "numeric", "bands": ["0-17", "18-64", "65+"]},
    )
    body = "item,group,sex,age\na,p1,F,12\nb,p1,M,70.5\nc,p2,F,17.9\nd,,,\n"
    upload = alice.upload(pets, "items", body)
    assert upload["state"] == "stored", upload["problems"]
    profiles = {item.external_id: item.profile.values for item in Item.objects.all()}
    assert profiles == {
        "a": {"sex": "F", "age": "0-17"},
        "b": {"sex": "M", "age": "65+"},
        "c": {"sex": "F", "age": "0-17"},
        "d": {},
    }
    assert Profile.objects.filter(of="item").count() == 3
    assert Item.objects.get(external_id="b").numbers == {"age": 70.5}
    assert Item.objects.get(external_id="a").group == "p1"
    assert alice.get(f"{pets}attributes/sex/")["declared"] is False


def test_a_second_items_file_adds_to_what_is_known(alice: Trust, pets: str) -> None:
    alice.upload(pets, "items", "item,sex\na,F\nb,M\n")
    upload = alice.upload(pets, "items", "item,site\na,X\nb,X\n")
    assert upload["rows"]["replaced"] == 2
    assert Item.objects.get(external_id="a").profile.values == {"sex": "F", "site": "X"}
    again = alice.upload(pets, "items", "item,site\nb,X\na,X\n")
    assert again["rows"]["unchanged"] == 2


def test_a_value_that_the_attribute_does_not_have_is_a_problem(alice: Trust, pets: str) -> None:
    alice.post(f"{pets}attributes/", {"name": "sex", "values": ["F", "M"]})
    upload = alice.upload(pets, "items", "item,sex\na,F\nb,f\n")
    assert codes(upload) == ["unknown_value"]
    assert upload["problems"][0]["hint"] == "Did you mean 'F'?"
    assert alice.upload(pets, "items", "item,sex\na,F\nb,M\n")["state"] == "stored"


def test_columns_that_name_people_or_hold_free_text_are_refused(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "items", "item,email\na,a@example.org\n")
    assert codes(upload) == ["direct_identifier"]
    many = "".join(f"i{i},story {i}\n" for i in range(300))
    upload = alice.upload(pets, "items", f"item,story\n{many}")
    assert codes(upload) == ["too_many_categories"]
    assert not Item.objects.exists()
    assert alice.upload(pets, "items", f"item,story\n{many}", ignore="story")["state"] == "stored"


def test_reference_labels_are_stored_and_replaced(alice: Trust, pets: str) -> None:
    body = "item,label\ni1,cat\ni2,dog\n"
    assert alice.upload(pets, "reference-labels", body)["rows"]["stored"] == 2
    changed = alice.upload(pets, "reference-labels", body.replace("i2,dog", "i2,cat"))
    assert changed["rows"] == {
        "read": 2,
        "stored": 0,
        "unchanged": 1,
        "replaced": 1,
        "rejected": 0,
    }
    assert codes(alice.upload(pets, "reference-labels", "item,label\ni1,cow\n")) == [
        "unknown_label"
    ]


def test_a_body_without_length_is_refused(alice: Trust, pets: str) -> None:
    answer = alice.http.generic(
        "POST", f"/api/v1/{pets}uploads/labels/", LABELS, "text/csv", CONTENT_LENGTH=""
    )
    assert answer.status_code == 411
    assert answer.json()["code"] == "length_required"


def test_a_body_shorter_than_its_length_is_refused_and_not_kept(
    alice: Trust, pets: str, settings: Any
) -> None:
    cut_off = {"wsgi.input": io.BytesIO(LABELS.encode()), "CONTENT_LENGTH": "5000"}
    answer = alice.http.generic("POST", f"/api/v1/{pets}uploads/labels/", "", "text/csv", **cut_off)
    assert answer.status_code == 400
    assert answer.json()["code"] == "incomplete_upload"
    assert not Upload.objects.exists()
    assert not [p for p in settings.UPLOAD_DIR.rglob("*") if p.is_file()]


def test_a_wrong_digest_is_refused_and_a_right_one_accepted(alice: Trust, pets: str) -> None:
    right = base64.b64encode(hashlib.sha256(LABELS.encode()).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    refused = alice.send(
        pets, "labels", LABELS, expect=400, headers={"Content-Digest": f"sha-256=:{wrong}:"}
    )
    assert refused["code"] == "digest_mismatch"
    alice.send(pets, "labels", LABELS, headers={"Content-Digest": f"sha-256=:{right}:"})


def test_a_file_larger_than_the_limit_is_refused_by_its_length(
    alice: Trust, pets: str, settings: Any
) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    assert alice.send(pets, "labels", LABELS, expect=413)["code"] == "file_too_large"
    settings.MAX_UPLOAD_BYTES = 1 << 30
    settings.MIN_FREE_BYTES = 1 << 60
    assert alice.send(pets, "labels", LABELS, expect=507)["code"] == "storage_full"


def test_what_is_no_table_is_refused_by_its_bytes(alice: Trust, pets: str) -> None:
    for body in (b"PK\x03\x04" + b"\0" * 50, b"\x80\x04\x95" + b"\0" * 50):
        refused = alice.send(pets, "labels", body, expect=415, filename="labels.csv")
        assert refused["code"] == "unsupported_media_type"
    assert not Upload.objects.exists()


def test_unknown_parameters_and_kinds_are_refused(alice: Trust, pets: str) -> None:
    assert alice.send(pets, "labels", LABELS, expect=400, colour="red")["code"] == "unknown_filter"
    assert alice.send(pets, "songs", LABELS, expect=404)["code"] == "unknown_kind"
    wrong = alice.send(pets, "labels", LABELS, expect=400, question="song")
    assert wrong["code"] == "unknown_question"
    assert "it has: pet" in wrong["detail"]


def test_file_names_are_only_text(alice: Trust, pets: str) -> None:
    sent = alice.send(pets, "labels", LABELS, filename="../../x\u202ecsv.csv")
    assert sent["file_name"] == "xcsv.csv"
    assert path_of(sent["sha256"]).is_file()


def test_cancelling_an_upload_stores_nothing(alice: Trust, pets: str) -> None:
    sent = alice.send(pets, "labels", LABELS)
    run = Run.objects.get(upload=sent["id"])
    alice.post(f"{pets}runs/{run.pk}/cancel/", expect=200)
    work_off()
    upload = alice.get(f"{pets}uploads/{sent['id']}/")
    assert upload["state"] == "failed"
    assert "cancelled" in upload["failure"]
    assert not Label.objects.exists()


CHANGED = LABELS.replace("cat", "dog", 1)


@pytest.mark.parametrize("way", ["the service", "the database"])
def test_deleting_a_question_takes_its_labels_along(alice: Trust, pets: str, way: str) -> None:
    alice.upload(pets, "labels", LABELS)
    alice.upload(pets, "labels", CHANGED)
    assert (Label.objects.count(), SupersededLabel.objects.count()) == (4, 1)
    if way == "the service":
        alice.delete(f"{pets}questions/pet/")
    else:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM catalog_question WHERE name = 'pet'")
    assert (Label.objects.count(), SupersededLabel.objects.count()) == (0, 0)


def test_deleting_a_data_set_leaves_nothing_of_it(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", LABELS)
    alice.delete(pets)
    assert not Dataset.objects.exists()
    assert not Label.objects.exists()
    assert not Item.objects.exists()


@pytest.mark.django_db
def test_a_data_set_takes_items_and_annotators_along_whoever_deletes_it() -> None:
    """Storing them does not check that the data set is there, so nothing else would see it."""
    gone, stays = (Dataset.objects.create(slug=slug, name=slug) for slug in ("gone", "stays"))
    for dataset in (gone, stays):
        upload = Upload(dataset=dataset)
        for model in (Item, Annotator):
            enroll(model, upload, look_up(model, dataset, ["x"]), np.array([0]))
        attach_items(dataset)
        Annotator.objects.filter(dataset=dataset).update(upload=None)
        EarlierRow.objects.create(
            dataset=dataset, of="item", key=dataset.pk << 32, row={}, superseded_at=timezone.now()
        )
    ProfileCount.objects.filter(dataset=gone).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalog_dataset WHERE id = %s", [gone.pk])
    assert [item.dataset for item in Item.objects.all()] == [stays]
    assert [annotator.dataset for annotator in Annotator.objects.all()] == [stays]
    assert [earlier.dataset for earlier in EarlierRow.objects.all()] == [stays]


def test_problems_are_told_in_the_order_of_the_file(alice: Trust, pets: str) -> None:
    """Whichever check found them: repeated keys are seen after unknown labels."""
    body = "item,annotator,label\ni1,ann,cat\ni1,ann,dog\ni2,ann,cow\ni3,ann,cat\ni3,ann,dog\n"
    upload = alice.upload(pets, "labels", f"{body}i4,ann,cow\n")
    found = [(problem["line"], problem["code"]) for problem in upload["problems"]]
    assert [line for line, _ in found] == [3, 4, 6, 7]
    assert {code for _, code in found} == {"conflicting_rows", "unknown_label"}


def test_the_table_of_a_data_sets_items_goes_with_it(alice: Trust, pets: str) -> None:
    alice.upload(pets, "items", "item\na\nb\n")
    dataset = Dataset.objects.get()
    assert exists(items_of(dataset.pk))
    alice.delete(pets)
    assert not exists(items_of(dataset.pk))
    assert not Item.objects.exists()


def test_each_data_set_has_its_own_items_by_the_same_names(alice: Trust, pets: str) -> None:
    """Stored apart, with a number and a name of their own each; the database holds them to both."""
    for path in (pets, alice.dataset("others")):
        alice.upload(path, "items", "item\nb\na\n")
        alice.upload(path, "items", "item\nc\na\n")
    for dataset in Dataset.objects.all():
        found = [(item.number, item.external_id) for item in dataset.items.all()]
        assert found == [(0, "a"), (1, "b"), (2, "c")]
        with pytest.raises(IntegrityError), transaction.atomic():
            dataset.items.filter(external_id="c").update(external_id="a")
        with pytest.raises(IntegrityError), transaction.atomic():
            dataset.items.filter(external_id="c").update(id=dataset.pk << 32)


def test_items_come_with_all_that_is_said_of_them_in_one_go(alice: Trust, pets: str) -> None:
    """New ones are written whole; known ones only where the file says otherwise."""
    alice.post(f"{pets}attributes/", {"name": "age", "kind": "numeric"})
    alice.upload(pets, "items", "item,group,sex,age\nb,g1,F,31\na,,M,\n")
    again = alice.upload(pets, "items", "item,group,sex,age\nc,g2,F,7.5\na,,M,\nb,g1,X,31\n")
    rows = {"read": 3, "stored": 1, "unchanged": 1, "replaced": 1, "rejected": 0}
    assert again["rows"] == rows
    found = [
        (item.number, item.external_id, item.profile.values["sex"], item.group, item.numbers)
        for item in Item.objects.select_related("profile").order_by("external_id")
    ]
    assert found == [
        (0, "a", "M", None, {"age": None}),
        (1, "b", "X", "g1", {"age": 31.0}),
        (2, "c", "F", "g2", {"age": 7.5}),
    ]
