"""Predictions in: probabilities that are ones, matched by name, each row once."""

from __future__ import annotations

import pytest

from catalog.models import Item
from predictions.models import Prediction
from tests.conftest import Trust
from tests.predictions.conftest import ITEMS, make_file, make_predictions

THREE = "item,p_cat,p_dog,p_fox\na,0.2,0.3,0.5\nb,0.6,0.3,0.1\n"


def stored() -> dict[str, list[float]]:
    rows = Prediction.objects.order_by("item_id").values_list("item_id", "probabilities")
    names = dict(Item.objects.values_list("pk", "external_id"))
    return {names[pk]: probabilities for pk, probabilities in rows}


def test_one_column_stands_for_two_classes(alice: Trust, mail: str) -> None:
    upload = alice.upload(mail, "predictions", "item,probability\na,0.25\nb,1\n")
    assert (upload["state"], upload["subject"]) == ("stored", "filter:1")
    assert stored() == {"a": [0.75, 0.25], "b": [0.0, 1.0]}


def test_the_probability_is_of_the_positive_class(alice: Trust, mail: str) -> None:
    alice.patch(f"{mail}models/filter/", {"positive_class": "no"})
    alice.upload(mail, "predictions", "item,probability\na,0.25\n")
    assert stored() == {"a": [0.25, 0.75]}


def test_columns_are_matched_by_name_and_never_by_position(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "predictions", "p_fox,p_cat,item,p_dog\n0.5,0.2,a,0.3\n")
    assert upload["state"] == "stored"
    assert stored() == {"a": [0.2, 0.3, 0.5]}


@pytest.mark.parametrize(
    ("body", "code", "line", "column", "said"),
    [
        (THREE, None, None, None, None),
        (THREE.replace("p_fox", "p_cow"), "header_unknown_column", 1, "p_cow", "p_cow"),
        ("item,p_cat,p_dog\na,0.2,0.8\n", "header_missing_column", 1, "p_fox", None),
        (THREE.replace("0.5\n", "0.5,0\n"), "row_length", 2, None, None),
    ],
)
def test_a_bad_file_is_rejected_whole_with_line_column_and_value(
    alice: Trust, pets: str, body: str, code: str | None, line: int, column: str, said: str
) -> None:
    upload = alice.upload(pets, "predictions", body)
    if code is None:
        assert (upload["state"], upload["rows"]["stored"]) == ("stored", 2)
        return
    assert (upload["state"], Prediction.objects.count()) == ("rejected", 0)
    problem = upload["problems"][0]
    assert (problem["code"], problem["line"]) == (code, line)
    if column is not None:
        assert problem["column"] == column
    if said is not None:
        assert problem["value"] == said


def test_every_problem_of_every_row_is_told_at_once(alice: Trust, pets: str) -> None:
    rows = [
        "a,1.2,0.3,0.1",
        "b,-0.1,0.3,0.1",
        "c,,0.3,0.7",
        "d,nan,0.3,0.7",
        "e,0.58,0.3,0.1",
        "f,0.2,0.3,0.5",
        "f,0.3,0.2,0.5",
        "g,0.2,0.3,0.5",
        "g,0.2,0.3,0.5",
    ]
    body = "\n".join(["item,p_cat,p_dog,p_fox", *rows]) + "\n"
    upload = alice.upload(pets, "predictions", body)
    told = [(p["line"], p["code"], p["column"], p["value"]) for p in upload["problems"]]
    assert sorted(told) == [
        (2, "out_of_range", "p_cat", "1.2"),
        (3, "out_of_range", "p_cat", "-0.1"),
        (4, "value_missing", "p_cat", ""),
        (5, "not_finite", "p_cat", "nan"),
        (6, "probabilities_sum", None, "0.98"),
        (8, "conflicting_rows", "item", "f"),
        (10, "duplicate_row", "item", "g"),
    ]
    assert (upload["state"], Prediction.objects.count()) == ("rejected", 0)
    message = next(p["message"] for p in upload["problems"] if p["code"] == "probabilities_sum")
    assert "0.98" in message
    assert "0.001" in message


def test_a_percentage_gets_a_hint(alice: Trust, mail: str) -> None:
    upload = alice.upload(mail, "predictions", "item,probability\na,85\n")
    problem = upload["problems"][0]
    assert problem["code"] == "out_of_range"
    assert problem["hint"] == "Is this a percentage? Divide it by 100."


def test_a_repeat_names_the_earlier_line(alice: Trust, mail: str) -> None:
    upload = alice.upload(mail, "predictions", "item,probability\na,0.1\nb,0.2\na,0.3\n")
    assert "line 2" in upload["problems"][0]["message"]
    assert "member or fold" in upload["problems"][0]["hint"]


def test_the_same_item_may_come_once_a_member_and_fold(alice: Trust, mail: str) -> None:
    body = "item,probability,member,fold\na,0.1,0,0\na,0.2,1,0\na,0.3,0,1\n"
    assert alice.upload(mail, "predictions", body)["rows"]["stored"] == 3
    again = alice.upload(mail, "predictions", body + "a,0.3,0,1\n")
    assert [p["code"] for p in again["problems"]] == ["duplicate_row"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("item,p_no,p_yes", None),
        ("item,p_yes", "header_missing_column"),
        ("item", "header_missing_column"),
        ("item,p_no,p_yes,probability", "header_duplicate_column"),
    ],
)
def test_two_classes_need_both_columns_or_probability(
    alice: Trust, mail: str, header: str, code: str | None
) -> None:
    row = ",".join(["a", *["0.5"] * header.count(",")])
    upload = alice.upload(mail, "predictions", f"{header}\n{row}\n")
    assert [p["code"] for p in upload["problems"]] == ([code] if code else [])
    assert upload["state"] == ("rejected" if code else "stored")


def test_rounded_rows_are_stored_as_sent_and_counted(alice: Trust, pets: str) -> None:
    upload = alice.upload(pets, "predictions", THREE.replace("0.6,", "0.6009,"))
    assert upload["state"] == "stored"
    notice = next(w for w in upload["warnings"] if w["code"] == "rows_renormalised")
    assert notice["count"] == 1
    assert stored()["b"] == [0.6009, 0.3, 0.1]


@pytest.mark.parametrize(("sent", "state"), [("0.6000005", "stored"), ("0.6009", "rejected")])
def test_declared_double_precision_is_held_to_it(
    alice: Trust, pets: str, sent: str, state: str
) -> None:
    body = THREE.replace("0.6,", f"{sent},")
    upload = alice.upload(pets, "predictions", body, precision="float64")
    assert (upload["state"], upload["warnings"][1:]) == (state, [])


def test_an_unknown_precision_is_refused_at_once(alice: Trust, pets: str) -> None:
    answer = alice.send(pets, "predictions", THREE, expect=400, precision="half")
    assert answer["code"] == "invalid_options"


def test_items_are_created_unless_the_data_set_declared_its_items(alice: Trust, mail: str) -> None:
    alice.upload(mail, "items", "item,size\na,big\n")
    body = "item,probability\na,0.1\nb,0.2\n"
    upload = alice.upload(mail, "predictions", body)
    assert [(p["code"], p["line"], p["value"]) for p in upload["problems"]] == [
        ("unknown_item", 3, "b")
    ]
    assert alice.upload(mail, "predictions", body, unknown="create")["state"] == "stored"


def test_the_same_rows_again_change_nothing_and_changed_ones_replace(
    alice: Trust, mail: str
) -> None:
    alice.upload(mail, "predictions", "item,probability\na,0.1\nb,0.2\n")
    version = alice.get(mail)["version"]
    again = alice.upload(mail, "predictions", "item,probability\nb,0.2\na,0.1\n")
    assert again["rows"]["unchanged"] == 2
    assert alice.get(mail)["version"] == version
    other = alice.upload(mail, "predictions", "item,probability\na,0.1\nb,0.4\nc,0.3\n")
    assert (other["rows"]["stored"], other["rows"]["unchanged"], other["rows"]["replaced"]) == (
        1,
        1,
        1,
    )
    assert stored()["b"] == [0.6, 0.4]
    assert other["version"] == version + 1


def test_a_split_that_is_said_later_replaces(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", "item,probability\na,0.1\nb,0.2\n")
    body = "item,probability,split\na,0.1,train\nb,0.2,\n"
    upload = alice.upload(mail, "predictions", body)
    assert (upload["rows"]["replaced"], upload["rows"]["unchanged"]) == (1, 1)
    assert [w["code"] for w in upload["warnings"]] == ["train_leakage"]
    assert set(Prediction.objects.values_list("split", flat=True)) == {"train", None}


def test_mode_add_keeps_what_is_stored(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", "item,probability\na,0.1\n")
    body = "item,probability\na,0.4\nb,0.2\n"
    refused = alice.upload(mail, "predictions", body, mode="add")
    assert [(p["code"], p["line"]) for p in refused["problems"]] == [("conflicts_with_existing", 2)]
    upload = alice.upload(mail, "predictions", body, mode="add", on_error="skip")
    assert (upload["rows"]["stored"], upload["rows"]["replaced"]) == (1, 0)
    assert stored() == {"a": [0.9, 0.1], "b": [0.8, 0.2]}


def test_bad_rows_can_be_left_out(alice: Trust, mail: str) -> None:
    body = "item,probability,split\na,0.1,test\nb,1.2,test\nc,0.3,later\n"
    upload = alice.upload(mail, "predictions", body, on_error="skip")
    assert (upload["rows"]["stored"], upload["rows"]["rejected"]) == (1, 2)
    assert {p["code"] for p in upload["problems"]} == {"out_of_range", "unknown_value"}
    assert stored() == {"a": [0.9, 0.1]}


def test_identical_predictions_are_told(alice: Trust, mail: str) -> None:
    upload = alice.upload(mail, "predictions", make_predictions([0.5] * len(ITEMS)))
    assert "constant_predictions" in [w["code"] for w in upload["warnings"]]


def test_a_file_for_an_unknown_model_is_refused_at_once(alice: Trust, mail: str) -> None:
    body = make_predictions()
    answer = alice.send(mail, "predictions", body, expect=400, model="filtre")
    assert answer["code"] == "unknown_model"
    assert "filter:1" in answer["detail"]
    alice.send(mail, "predictions", body, model="filter")


def test_a_pickle_is_refused_unread(alice: Trust, mail: str) -> None:
    body = b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00"
    alice.send(mail, "predictions", body, expect=415, content_type="application/octet-stream")


def test_ndjson_says_the_same_as_csv(alice: Trust, mail: str) -> None:
    body = '{"item": "a", "probability": 0.25}\n'
    alice.upload(mail, "predictions", body, content_type="application/x-ndjson")
    assert stored() == {"a": [0.75, 0.25]}


def test_only_managers_send_predictions(alice: Trust, mail: str, person) -> None:
    bob = person("bob")
    body = make_file("item,probability", ["a"], [0.5])
    bob.send(mail, "predictions", body, expect=404)
    alice.post(f"{mail}members/", {"user": "bob", "role": "contributor"})
    bob.send(mail, "predictions", body, expect=403)
