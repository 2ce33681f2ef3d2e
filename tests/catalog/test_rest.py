"""How answers look: problems, pages, tables, ETags, strict JSON, waiting."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.urls import get_resolver

from catalog.models import Dataset
from catalog.rest.tables import TableView
from tests.conftest import Trust, work_off

LABELS = "item,annotator,label\ni1,ann,cat\ni1,bob,dog\ni2,ann,cat\ni2,bob,cat\n"


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return path


def send(alice: Trust, body: bytes, content_type: str = "application/json") -> Any:
    return alice.http.generic("POST", "/api/v1/datasets/", body, content_type)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid"),
        (b"null", 400, "type"),
        (b"[]", 400, "type"),
        (b"7", 400, "type"),
        (b"{", 400, "json_parse"),
        (b'{"slug": "a", "slug": "b"}', 400, "json_duplicate_key"),
        (b'{"slug": NaN}', 400, "json_not_finite"),
        (b'{"slug": 1e100000}', 400, "json_number_range"),
        (b'{"slug": ' + b"1" * 5001 + b"}", 400, "json_number_too_long"),
        (b"[" * 100_000 + b"]" * 100_000, 400, "json_too_deep"),
        (b'{"slug": "a\\u0000"}', 400, "nul_character"),
        (b'{"slug": "\\ud800"}', 400, "unpaired_surrogate"),
        (b'{"slug": "\xe9"}', 400, "invalid_utf8"),
        (b'{"slug": "' + b"a" * (3 << 20) + b'"}', 413, "body_too_large"),
        (b'{"slug": "a", "version": 7}', 400, "invalid"),
        (b'{"slug": "a b"}', 400, "invalid"),
        (b"{}", 400, "invalid"),
    ],
)
def test_a_bad_body_is_refused_by_name(alice: Trust, body: bytes, status: int, code: str) -> None:
    answer = send(alice, body)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["errors"][0]["message"]
    assert not Dataset.objects.exists()
    assert send(alice, b'{"slug": "a"}').status_code == 201


def test_a_field_that_only_the_service_writes_is_named(alice: Trust) -> None:
    refused = alice.post("datasets/", {"slug": "a", "version": 7}, expect=400)
    assert refused["errors"] == [
        {
            "pointer": "/version",
            "line": None,
            "column": None,
            "value": None,
            "code": "unknown_field",
            "message": "This field is not one that can be sent; those are: "
            "description, min_cell, name, slug.",
            "hint": None,
        }
    ]


def test_a_taken_name_is_a_conflict(alice: Trust, pets: str) -> None:
    assert alice.post("datasets/", {"slug": "pets"}, expect=409)["code"] == "name_taken"
    again = {"name": "pet", "scale": "nominal"}
    assert alice.post(f"{pets}questions/", again, expect=409)["code"] == "name_taken"


def test_values_in_use_may_be_added_to_and_nothing_else(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", LABELS)
    refused = alice.patch(f"{pets}questions/pet/", {"values": ["dog", "cat"]}, expect=409)
    assert refused["code"] == "values_in_use"
    more = alice.patch(f"{pets}questions/pet/", {"values": ["cat", "dog", "cow"]})
    assert more["values"] == ["cat", "dog", "cow"]


def test_bands_that_overlap_or_leave_holes_are_refused(alice: Trust, pets: str) -> None:
    for bands, word in ((["0-9", "9-19"], "overlap"), (["0-9", "20-29"], "hole"), (["x"], "read")):
        fields = {"name": "age", "kind": "numeric", "bands": bands}
        assert word in alice.post(f"{pets}attributes/", fields, expect=400)["detail"]
    fields = {"name": "age", "kind": "numeric", "bands": ["0-9", "10-19", "20+"]}
    alice.post(f"{pets}attributes/", fields)


def test_definitions_are_found_by_name_and_by_id(alice: Trust, pets: str) -> None:
    made = alice.post(f"{pets}questions/", {"name": "size", "scale": "ratio"})
    by_id = alice.get(f"{pets}questions/{made['id']}/")
    assert by_id == alice.get(f"{pets}questions/size/") == made
    alice.get(f"{pets}questions/none/", expect=404)
    assert len(alice.get(f"{pets}questions/")["results"]) == 2


def test_lists_come_in_pages_with_links(alice: Trust, pets: str) -> None:
    for i in range(5):
        alice.post(f"{pets}questions/", {"name": f"q{i}", "scale": "nominal"})
    seen, url = [], f"/api/v1/{pets}questions/?page_size=2"
    while url:
        answer = alice.http.get(url)
        page = answer.json()
        seen += [q["name"] for q in page["results"]]
        assert ('rel="next"' in answer.get("Link", "")) == (page["next"] is not None)
        url = page["next"]
    assert seen == sorted(seen)
    assert len(seen) == 6
    assert alice.get(f"{pets}questions/", expect=400, cursor="nonsense")["code"] == "bad_cursor"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("filter=updated_by__password", "unknown_filter"),
        ("ordering=password", "unknown_ordering"),
        ("kind=a&kind=b", "repeated_parameter"),
        ("kind=%00", "invalid_utf8"),
        ("kind=%ff%fe", "invalid_utf8"),
    ],
)
def test_unknown_and_repeated_parameters_are_refused(
    alice: Trust, pets: str, query: str, code: str
) -> None:
    answer = alice.http.get(f"/api/v1/{pets}uploads/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_address_that_does_not_exist_is_a_problem_too(alice: Trust) -> None:
    answer = alice.http.get("/api/v1/no/such/thing/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "/api/v1/docs/" in answer.json()["detail"]


def test_a_method_override_changes_nothing(alice: Trust, pets: str) -> None:
    answer = alice.http.post(f"/api/v1/{pets}", {}, HTTP_X_HTTP_METHOD_OVERRIDE="DELETE")
    assert answer.status_code == 405
    alice.get(pets)


def test_a_result_has_a_strong_etag_and_says_when_it_is_stale(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", LABELS)
    url = f"/api/v1/{pets}agreement/"
    first = alice.http.get(url)
    assert first.json()["stale"] is False
    assert first["ETag"].startswith('"')
    assert alice.http.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    alice.post(f"{pets}questions/", {"name": "size", "scale": "ratio"})
    assert alice.http.get(url, {"question": "pet"}).json()["stale"] is False
    alice.patch(f"{pets}questions/pet/", {"values": ["cat", "dog", "cow"]})
    second = alice.http.get(url, {"question": "pet"})
    assert second.json()["stale"] is True
    assert second["ETag"] != first["ETag"]
    work_off()
    third = alice.http.get(url, {"question": "pet"}).json()
    assert third["stale"] is False
    assert third["version"] > second.json()["version"]


@pytest.mark.parametrize("address", ["agreement/", "trust-card/", "questions/pet/", ""])
def test_what_the_client_has_already_is_not_sent_again(
    alice: Trust, pets: str, address: str
) -> None:
    alice.upload(pets, "labels", LABELS)
    url = f"/api/v1/{pets}{address}"
    tag = alice.http.get(url)["ETag"]

    # As stated, among others, weakened by a proxy that compresses, and "whatever it is".
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = alice.http.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert alice.http.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_absent_result_says_what_is_missing(alice: Trust, pets: str) -> None:
    absent = alice.get(f"{pets}agreement/", expect=404)
    assert absent["code"] == "no_result"
    assert absent["detail"].startswith("There is no agreement result about 'pet' yet; ")
    patterns = alice.get(f"{pets}coverage/patterns/", expect=404)
    assert patterns["detail"].startswith("There is no patterns result about 'item' yet; ")
    alice.send(pets, "labels", LABELS)
    pending = alice.http.get(f"/api/v1/{pets}agreement/")
    assert pending.json()["code"] == "not_ready"
    assert pending["Retry-After"] == "1"
    work_off()
    alice.get(f"{pets}agreement/")


def test_tables_come_in_four_formats_with_the_same_rows(alice: Trust, pets: str) -> None:
    alice.upload(pets, "labels", LABELS.replace(",ann,", ",=cmd(),"))
    url = f"/api/v1/{pets}agreement/pairs"
    rows = alice.http.get(f"{url}.json").json()["results"]
    assert rows[0]["annotators"] == ["=cmd()", "bob"]
    lines = alice.http.get(f"{url}.ndjson").content.decode().splitlines()
    assert [json.loads(line) for line in lines] == rows
    answer = alice.http.get(f"{url}.csv")
    table = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert float(table[0]["cohen_kappa.value"]) == rows[0]["cohen_kappa"]["value"]
    assert "formula" in answer["X-Spreadsheet-Safe"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    parquet = pq.read_table(io.BytesIO(alice.http.get(f"{url}.parquet").content))
    assert parquet.column("n_items").to_pylist() == [2]
    by_accept = alice.http.get(f"{url}/", headers={"Accept": "text/csv"})
    assert by_accept.content == answer.content
    assert alice.http.get(f"{url}.xls").status_code == 404


def test_every_table_chooses_its_format_by_accept_too() -> None:
    def views(patterns: Any) -> Any:
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from views(pattern.url_patterns)
            elif (view := getattr(pattern.callback, "cls", None)) is not None:
                yield view

    tables = {view for view in views(get_resolver().url_patterns) if "Table" in view.__name__}
    assert len(tables) >= 7
    assert {view.__name__ for view in tables if not issubclass(view, TableView)} == set()


def test_text_that_begins_like_a_formula_is_made_safe_in_csv(alice: Trust, pets: str) -> None:
    body = 'item,annotator,label\n"=1+1",ann,cat\n"=1+1",bob,dog\n@x,ann,cat\n@x,bob,dog\n'
    alice.upload(pets, "labels", body)
    answer = alice.http.get(f"/api/v1/{pets}agreement/items.csv")
    items = [row["item"] for row in csv.DictReader(io.StringIO(answer.content.decode()))]
    assert sorted(items) == ["'=1+1", "'@x"]


def test_prefer_wait_answers_202_when_nobody_works(alice: Trust, pets: str) -> None:
    answer = alice.http.generic(
        "POST",
        f"/api/v1/{pets}uploads/labels/",
        LABELS,
        "text/csv",
        headers={"Prefer": "wait=1"},
    )
    assert answer.status_code == 202
    assert answer["Preference-Applied"] == "wait"
