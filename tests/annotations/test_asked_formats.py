"""Results are asked for as tables by address or by Accept; what cannot be had is said."""

from __future__ import annotations

from itertools import product

import pytest

from tests.conftest import Trust, work_off

LABELS = "item,annotator,label\n" + "".join(
    f"i{item},{who},{'b' if item % 3 else 'a'}\n" for item in range(6) for who in ("ann", "bob")
)


@pytest.fixture
def pets(alice: Trust) -> str:
    alice.dataset("pets")
    alice.post("datasets/pets/questions/", {"name": "kind", "scale": "nominal"})
    alice.send("datasets/pets/", "labels", LABELS)
    work_off()
    return "/api/v1/datasets/pets/"


def test_a_result_is_its_table_where_accept_asks_for_one(alice: Trust, pets: str) -> None:
    kinds = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
    kinds["parquet"] = "application/vnd.apache.parquet"
    for result, (suffix, kind) in product(
        ("annotators", "consensus", "label-issues"), kinds.items()
    ):
        answer = alice.http.get(f"{pets}{result}/", headers={"accept": kind})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].split(";")[0] == kind
        assert answer.content == alice.http.get(f"{pets}{result}.{suffix}").content


def test_any_other_client_gets_json_and_a_format_that_is_not_there_is_refused(
    alice: Trust, pets: str
) -> None:
    for accept in ("application/json", "*/*", "text/html, */*;q=0.8"):
        answer = alice.http.get(f"{pets}annotators/", headers={"accept": accept})
        assert "prevalence" in answer.json()
        answer = alice.http.get(f"{pets}agreement/values/", headers={"accept": accept})
        assert len(answer.json()["results"]) == 2
    for address in ("agreement/", "agreement/values/", "consensus/"):
        answer = alice.http.get(f"{pets}{address}", headers={"accept": "application/xml"})
        assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
        assert "'application/xml'" in answer.json()["detail"]
        assert "application/json" in answer.json()["detail"]


def test_a_choice_and_a_list_are_refused_with_what_they_may_be(alice: Trust, pets: str) -> None:
    sent = {"name": "mood", "scale": "nomial", "values": "abc"}
    told = alice.post("datasets/pets/questions/", {**sent, "values": ["a"]}, expect=400)
    assert told["detail"].startswith("scale: This must be one of nominal, ordinal, interval, ")
    assert told["detail"].endswith("; it is 'nomial'.")
    told = alice.post("datasets/pets/questions/", {**sent, "scale": "nominal"}, expect=400)
    assert told["detail"] == 'values: This must be a list; it is "abc".'
