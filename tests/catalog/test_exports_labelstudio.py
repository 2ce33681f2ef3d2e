"""Label Studio: the full export, JSON_MIN and CSV give the same rows where they say the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.export_rows import codes, read_export, rows, told, values

WHEN = "2024-03-01T09:00:00.000000Z"
LATER = "2024-03-02T09:00:00.000000Z"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labelstudio") / "upload"


def result(name: str, kind: str, **value: Any) -> dict[str, Any]:
    return {"id": "r1", "from_name": name, "to_name": "text", "type": kind, "value": value}


def annotation(by: Any, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 9,
        "completed_by": by,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": WHEN,
        "lead_time": 12.3456,
        **more,
    }


def task(number: int, *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "data": {"text": f"sentence {number}", "ref": f"s-{number}"},
        "annotations": list(annotations),
        "drafts": [],
        "predictions": [],
        **more,
    }


def choice(*values: str) -> dict[str, Any]:
    return result("mood", "choices", choices=list(values))


def test_each_result_of_each_annotation_is_a_row(file: Path) -> None:
    body = [
        task(1, annotation(7, choice("glad"), result("stars", "rating", rating=4))),
        task(
            2,
            annotation({"id": 8, "email": "bo@lab.example"}, choice("sad")),
            annotation({"id": 9, "email": ""}, result("share", "number", number=2.50)),
            annotation(10, result("side", "pairwise", selected="left")),
        ),
    ]
    table = read_export(file, "labelstudio", body)
    assert rows(table, "item", "annotator", "question", "label", "status", "duration_ms") == [
        (1, "1", "7", "mood", "glad", "answered", 12346),
        (1, "1", "7", "stars", "4", "answered", 12346),
        (2, "2", "bo@lab.example", "mood", "sad", "answered", 12346),
        (2, "2", "9", "share", "2.5", "answered", 12346),
        (2, "2", "10", "side", "left", "answered", 12346),
    ]
    assert set(values(table, "labelled_at")) == {"2024-03-01T09:00:00+00:00"}
    assert told(table)["export_read"] == ("2 items x 4 annotators, 5 labels to 4 questions.", 5)


def test_numbers_keep_the_digits_that_were_written(file: Path) -> None:
    body = json.dumps([task(1, annotation(7, result("n", "number", number=0)))])
    table = read_export(file, "labelstudio", body.replace('"number": 0}', '"number": 7.50}'))
    assert values(table, "label") == ["7.50"]


def test_the_item_may_be_a_key_of_the_data(file: Path) -> None:
    table = read_export(file, "labelstudio", [task(1, annotation(7, choice("a")))], {"item": "ref"})
    assert values(table, "item") == ["s-1"]
    wrong = read_export(file, "labelstudio", [task(1, annotation(7, choice("a")))], {"item": "x"})
    assert codes(wrong) == ["value_missing"]
    assert "the record has: text, ref" in wrong.problems[0].message


def test_skipped_and_empty_concern_every_question_and_are_told_apart(file: Path) -> None:
    body = [
        task(1, annotation(7, was_cancelled=True), annotation(8)),
        task(2, annotation(7, choice("sad"), result("stars", "rating", rating=1))),
    ]
    table = read_export(file, "labelstudio", body)
    found = rows(table, "item", "annotator", "question", "label", "status")
    assert sorted(found) == [
        (1, "1", "7", "mood", "", "skipped"),
        (1, "1", "7", "stars", "", "skipped"),
        (1, "1", "8", "mood", "", "empty"),
        (1, "1", "8", "stars", "", "empty"),
        (2, "2", "7", "mood", "sad", "answered"),
        (2, "2", "7", "stars", "1", "answered"),
    ]
    assert told(table)["skipped_found"][1] == 2
    assert told(table)["empty_found"][1] == 2
    assert told(table)["export_read"][1] == 2


def test_where_everybody_skipped_the_question_is_the_stated_one(file: Path) -> None:
    body = [task(1, annotation(7, was_cancelled=True))]
    table = read_export(file, "labelstudio", body, subject="mood")
    assert rows(table, "question", "status") == [(1, "mood", "skipped")]
    assert codes(read_export(file, "labelstudio", body)) == ["question_unstated"]


def test_gold_answers_name_nobody_and_are_no_labels(file: Path) -> None:
    gold = annotation(7, choice("glad"), ground_truth=True)
    table = read_export(file, "labelstudio", [task(1, gold, annotation(8, choice("sad")))])
    assert rows(table, "item", "annotator", "label", "role") == [
        (1, "1", "", "glad", "gold"),
        (1, "1", "8", "sad", ""),
    ]
    assert told(table)["gold_found"][1] == 1
    assert told(table)["export_read"] == ("1 item x 1 annotator, 1 label.", 1)


def test_repeated_annotations_are_rounds_in_the_order_of_their_times(file: Path) -> None:
    body = [
        task(
            1,
            annotation(7, choice("sad"), created_at=LATER),
            annotation(7, choice("glad")),
            annotation(8, choice("glad"), created_at=LATER),
        )
    ]
    table = read_export(file, "labelstudio", body)
    assert rows(table, "annotator", "label", "round") == [
        (1, "7", "sad", 2),
        (1, "7", "glad", 1),
        (1, "8", "glad", 1),
    ]
    assert told(table)["rounds_numbered"][1] == 1


def test_the_annotator_that_the_export_lacks_is_asked_for_and_is_one_person(file: Path) -> None:
    nameless = annotation(None, choice("sad"))
    del nameless["completed_by"]
    body = [task(1, nameless), task(2, nameless)]
    asked = read_export(file, "labelstudio", body)
    assert codes(asked) == ["annotator_unstated"] * 2
    assert "annotator=" in asked.problems[0].message
    table = read_export(file, "labelstudio", body, annotator="Ann")
    assert values(table, "annotator") == ["Ann", "Ann"]
    twice = read_export(file, "labelstudio", [task(1, nameless, nameless)], annotator="Ann")
    assert codes(twice) == ["duplicate_row"]


def test_several_choices_are_a_set_only_where_the_question_takes_one(file: Path) -> None:
    body = [task(1, annotation(7, choice("b", "a")), annotation(8, choice("a|b")))]
    table = read_export(file, "labelstudio", body, known=("mood",), sets=("mood",))
    assert values(table, "label") == ['["a", "b"]', '["a|b"]']
    refused = read_export(file, "labelstudio", body, known=("mood",))
    assert codes(refused) == ["several_answers"]
    assert "declare its scale as set" in refused.problems[0].message


@pytest.mark.parametrize(
    ("found", "code", "name"),
    [
        (result("tag", "labels", start=0, end=3, labels=["x"]), "region_type", "labels"),
        (
            result("box", "rectanglelabels", x=1, y=1, width=2, height=2, rectanglelabels=["x"]),
            "region_type",
            "rectanglelabels",
        ),
        (result("m", "brushlabels", format="rle", rle=[0]), "region_type", "brushlabels"),
        (result("k", "keypointlabels", x=1, y=1), "region_type", "keypointlabels"),
        ({"type": "relation", "from_id": "a", "to_id": "b"}, "region_type", "relation"),
        (
            result("per", "choices", start=0, end=3, choices=["x"]),
            "region_type",
            "choices of a region",
        ),
        (result("why", "textarea", text=["because"]), "answer_type", "textarea"),
        (result("t", "datetime", datetime="2024-01-01"), "answer_type", "datetime"),
    ],
)
def test_results_that_are_no_values_are_refused_by_name_and_can_be_left_out(
    found: dict[str, Any], code: str, name: str, file: Path
) -> None:
    body = [task(1, annotation(7, choice("sad"), found))]
    refused = read_export(file, "labelstudio", body)
    assert codes(refused) == [code]
    assert refused.problems[0].value == name
    ignored = found.get("from_name", "relation")
    table = read_export(file, "labelstudio", body, ignore=(ignored,))
    assert rows(table, "question", "label") == [(1, "mood", "sad")]


def test_one_question_answered_for_several_parts_is_refused(file: Path) -> None:
    table = read_export(file, "labelstudio", [task(1, annotation(7, choice("a"), choice("b")))])
    assert codes(table) == ["several_answers"]


def test_questions_are_renamed_or_left_out_as_stated(file: Path) -> None:
    body = [task(1, annotation(7, choice("sad"), result("stars", "rating", rating=4)))]
    table = read_export(file, "labelstudio", body, questions={"feeling": "mood"})
    assert rows(table, "question", "label") == [(1, "feeling", "sad")]
    assert told(table)["left_out"][1] == 1
    one = [task(1, annotation(7, choice("sad")))]
    assert values(read_export(file, "labelstudio", one, question="pet"), "question") == ["pet"]
    several = read_export(file, "labelstudio", body, question="pet")
    assert codes(several) == ["question_unstated"]
    assert 'questions={"pet": "mood"}' in several.problems[0].message
    typo = read_export(file, "labelstudio", body, questions={"feeling": "mod"})
    assert codes(typo) == ["question_unstated"]


def test_drafts_predictions_and_pre_annotations_are_told(file: Path) -> None:
    body = [
        task(
            1,
            annotation(7, choice("sad"), parent_prediction=4),
            drafts=[{"id": 1}],
            predictions=[{"id": 4}, {"id": 5}],
        )
    ]
    notices = told(read_export(file, "labelstudio", body))
    assert notices["left_out"] == ("Left out: 2 predictions; 1 drafts.", 3)
    assert notices["pre_annotated"][1] == 1


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        ([{"id": 1, "mood": "sad", "annotator": 7}], 1, "export_shape"),
        ([task(1, annotation(7, choice("a"))), [1]], 2, "export_shape"),
        ([{"id": 1, "annotations": [{"completed_by": 1}]}], 1, "export_shape"),
        ("[]", 1, "no_rows"),
        ("[1,]", 2, "json_parse"),
        ([task(1)], 1, "no_rows"),
        ('{"id": 1}', 1, "type"),
    ],
)
def test_what_is_no_full_export_is_said(body: Any, line: int, code: str, file: Path) -> None:
    table = read_export(file, "labelstudio", body)
    assert (table.problems[-1].line, table.problems[-1].code.value) == (line, code)


def test_legacy_completions_are_read(file: Path) -> None:
    old = {
        "id": 3,
        "data": {},
        "completions": [annotation(7, choice("sad"), created_at=1596797213)],
    }
    table = read_export(file, "labelstudio", [old])
    assert rows(table, "item", "label") == [(1, "3", "sad")]
    assert values(table, "labelled_at") == ["2020-08-07T10:46:53+00:00"]


MIN = [
    {
        "text": "one",
        "ref": "s-1",
        "id": 1,
        "mood": "glad",
        "stars": [{"rating": 4}],
        "annotator": "bo@lab.example",
        "annotation_id": 5,
        "created_at": WHEN,
        "updated_at": WHEN,
        "lead_time": 2,
    },
    {"id": 2, "text": "two", "mood": {"choices": ["sad", "glad"]}, "annotator": 7},
    {"id": 3, "text": "three", "annotator": 7, "created_at": WHEN},
]


def test_json_min_reads_the_keys_that_are_questions(file: Path) -> None:
    said = {"known": ("mood", "stars", "other"), "sets": ("mood",)}
    table = read_export(file, "labelstudio-min", MIN, **said)
    assert sorted(rows(table, "item", "annotator", "question", "label", "status")) == [
        (1, "1", "bo@lab.example", "mood", '["glad"]', "answered"),
        (1, "1", "bo@lab.example", "stars", "4", "answered"),
        (2, "2", "7", "mood", '["glad", "sad"]', "answered"),
        (3, "3", "7", "mood", "", "empty"),
        (3, "3", "7", "stars", "", "empty"),
    ]


def test_json_min_does_not_tell_questions_from_data_so_they_are_asked_for(file: Path) -> None:
    asked = read_export(file, "labelstudio-min", MIN[:1], known=("pet",))
    assert codes(asked) == ["question_unstated"]
    assert "it has: 'text', 'ref', 'mood', 'stars'" in asked.problems[0].message
    table = read_export(file, "labelstudio-min", MIN[:1], questions={"pet": "mood"})
    assert rows(table, "question", "label") == [(1, "pet", "glad")]


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ([{"start": 0, "end": 2, "text": "ab", "labels": ["x"]}], "region_type", "labels"),
        ([{"x": 1, "y": 1, "rectanglelabels": ["x"]}], "region_type", "rectanglelabels"),
        ({"choices": ["a", "b"]}, "several_answers", '["a", "b"]'),
        ([{"choices": ["a"]}, {"choices": ["b"]}], "several_answers", "a, b"),
        ([["a"]], "answer_type", '[["a"]]'),
    ],
)
def test_json_min_refuses_what_is_no_single_value(
    value: Any, code: str, shown: str, file: Path
) -> None:
    body = [{"id": 1, "mood": value, "annotator": 7}]
    table = read_export(file, "labelstudio-min", body, known=("mood",))
    assert [(p.code.value, p.value) for p in table.problems] == [(code, shown)]


def test_the_full_export_sent_as_json_min_is_recognised(file: Path) -> None:
    body = [task(1, annotation(7, choice("a")))]
    table = read_export(file, "labelstudio-min", body, known=("mood",))
    assert "export_shape" in codes(table)
    assert "format=labelstudio." in table.problems[0].message


CSV = (
    '"annotation_id","annotator","created_at","id","lead_time","mood","stars","text"\n'
    f'5,"bo@lab.example","{WHEN}",1,2.5,"glad","[{{""rating"": 4}}]","two\nlines"\n'
    f'6,7,"{WHEN}",2,1,"{{""choices"": [""sad"", ""glad""]}}",,"b"\n'
    f'7,7,"{WHEN}",3,1,,,"c"\n'
)


def test_csv_reads_the_columns_that_are_named(file: Path) -> None:
    said = {"questions": {"mood": "mood", "stars": "stars"}, "sets": ("mood",)}
    table = read_export(file, "labelstudio-csv", CSV, **said)
    assert sorted(rows(table, "item", "annotator", "question", "label", "status")) == [
        (2, "1", "bo@lab.example", "mood", '["glad"]', "answered"),
        (2, "1", "bo@lab.example", "stars", "4", "answered"),
        (4, "2", "7", "mood", '["glad", "sad"]', "answered"),
        (5, "3", "7", "mood", "", "empty"),
        (5, "3", "7", "stars", "", "empty"),
    ]
    tabs = CSV.replace('","', '"\t"').replace('",', '"\t').replace(',"', '\t"')
    assert codes(read_export(file, "labelstudio-csv", tabs, **said)) == ["wrong_delimiter"]


def test_csv_without_a_named_question_is_asked_for_it(file: Path) -> None:
    asked = read_export(file, "labelstudio-csv", CSV)
    assert codes(asked) == ["question_unstated"]
    assert 'questions={"ours": "theirs"}' in asked.problems[0].message


TEXTS = st.text(st.sampled_from("ab|[]{}\",'é 7"), min_size=1, max_size=6).map(lambda t: f"x{t}x")
ANSWERS = st.dictionaries(
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3, unique=True), st.integers(0, 9)),
    min_size=1,
)
SAID: dict[str, Any] = {
    "questions": {"mood": "mood", "tags": "tags", "stars": "stars"},
    "sets": ("tags",),
}


@given(answers=ANSWERS)
@settings(max_examples=80)
def test_the_three_exports_of_the_same_labels_give_the_same_rows(
    answers: dict[tuple[int, int], tuple[str, list[str], int]], file: Path
) -> None:
    expected = set()
    full: dict[int, list[dict[str, Any]]] = {}
    flat: list[dict[str, Any]] = []
    for (item, who), (mood, tags, stars) in answers.items():
        sent = json.dumps(sorted(tags), ensure_ascii=False)
        for question, label in (("mood", mood), ("tags", sent), ("stars", str(stars))):
            expected.add((str(item), str(who), question, label))
        results = [
            result("mood", "choices", choices=[mood]),
            result("tags", "choices", choices=tags),
            result("stars", "rating", rating=stars),
        ]
        full.setdefault(item, []).append(annotation(who, *results))
        shown = {"choices": tags} if len(tags) > 1 else tags[0]
        row = {"mood": mood, "tags": shown, "stars": [{"rating": stars}], "text": '{"a'}
        flat.append({"id": item, "annotator": who, "created_at": WHEN, **row})
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(flat[0]))
    writer.writeheader()
    for record in flat:
        cells = {k: v if isinstance(v, str) else json.dumps(v) for k, v in record.items()}
        writer.writerow(cells)
    bodies = {
        "labelstudio": [task(number, *found) for number, found in full.items()],
        "labelstudio-min": flat,
        "labelstudio-csv": out.getvalue().encode(),
    }
    for form, body in bodies.items():
        found = rows(
            read_export(file, form, body, **SAID), "item", "annotator", "question", "label"
        )
        assert {row[1:] for row in found} == expected
        assert len(found) == len(expected)


@pytest.mark.parametrize("form", ["labelstudio", "labelstudio-min"])
def test_a_taxonomy_is_the_path_from_its_root(form: str, file: Path) -> None:
    def body(*paths: list[str]) -> list[Any]:
        if form == "labelstudio":
            return [task(1, annotation(7, result("kind", "taxonomy", taxonomy=list(paths))))]
        return [{"id": 1, "annotator": 7, "kind": [{"taxonomy": list(paths)}]}]

    known = {"known": ("kind",)}
    one = read_export(file, form, body(["animal", "dog"]), **known)
    assert rows(one, "label") == [(1, "animal > dog")]
    assert codes(read_export(file, form, body(["a"], ["a", "b"]), **known)) == ["several_answers"]
    several = read_export(file, form, body(["a"], ["a", "b"]), sets=("kind",), **known)
    assert rows(several, "label") == [(1, '["a", "a > b"]')]
    assert codes(read_export(file, form, body(["a", ""]), **known)) == ["answer_type"]


def test_a_number_is_one_value_however_many_zeros_follow_it(file: Path) -> None:
    body = [
        task(n, annotation(7, result("stars", "rating", rating=value)))
        for n, value in enumerate([4, 4.0, 4.5, "4.0"])
    ]
    found = rows(read_export(file, "labelstudio", body), "label")
    assert [label for _, label in found] == ["4", "4", "4.5", "4.0"]


def test_free_text_is_refused_by_name_with_what_to_do(file: Path) -> None:
    body = [task(1, annotation(7, result("why", "textarea", text=["because"])))]
    message = read_export(file, "labelstudio", body).problems[0].message
    assert "'why') are free text" in message
    assert "ignore=why" in message


def test_a_page_that_was_left_open_for_weeks_has_no_duration(file: Path) -> None:
    body = [
        task(1, annotation(7, choice("glad"), lead_time=2_147_483.647)),
        task(2, annotation(7, choice("glad"), lead_time=2_147_483.648)),
    ]
    table = read_export(file, "labelstudio", body)
    assert [row[1] for row in rows(table, "duration_ms")] == [2_147_483_647, None]
    assert "1 lead times of more than 24 days" in told(table)["left_out"][0]


def test_a_question_that_is_not_found_is_asked_for_by_its_name(file: Path) -> None:
    body = [{"id": 1, "annotator": 7, "sentiment": "glad"}]
    table = read_export(file, "labelstudio-min", body, known=("mood",), subject="mood")
    assert codes(table) == ["question_unstated"]
    assert 'questions={"mood": "theirs"}' in table.problems[0].message


def test_an_annotation_that_stands_in_the_file_twice_is_no_second_opinion(file: Path) -> None:
    once = [task(1, annotation(7, choice("glad"), id=31)), task(2, annotation(7, id=31))]
    assert read_export(file, "labelstudio", once).problems == []
    [problem, _] = read_export(file, "labelstudio", [*once, *once]).problems
    assert (problem.line, problem.code, problem.value) == (3, "duplicate_row", "31")
    assert "first in line or task 1" in problem.message
