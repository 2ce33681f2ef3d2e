"""What only a real socket and worker can do wrong: forms that are cut, files that collide."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.journeys.conftest import Client, Service
from tests.journeys.test_resilience import pets, raw_request

BOUNDARY = "cut-here"
FORM = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="labels.csv"\r\n'
    "Content-Type: text/csv\r\n\r\nitem,annotator,label\n"
    + "".join(f"i{k},ann,cat\n" for k in range(20_000))
    + f"\r\n--{BOUNDARY}--\r\n"
).encode()


@pytest.fixture(scope="module")
def lead(service: Service) -> Client:
    return service.client("sender")


@pytest.mark.parametrize("cut", [0, 40, 70_000, len(FORM) - 6, len(FORM) - 2])
def test_a_form_that_is_cut_off_is_refused_and_the_whole_one_taken(
    service: Service, lead: Client, cut: int
) -> None:
    path = pets(lead, f"form-{cut}")
    head = (
        f"POST /api/v1/{path}uploads/labels/ HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n"
        f"Authorization: Token {lead.token}\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\nContent-Length: {len(FORM)}\n\n"
    )
    answer = raw_request(service, head, FORM[:cut])
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"incomplete_upload" in answer
    assert lead.get(f"{path}uploads/")["results"] == []
    whole = raw_request(service, head, FORM)
    assert b" 202 " in whole.split(b"\r\n")[0]
    assert b'"file_name":"labels.csv"' in whole


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ("GET /api/v1/" + "x" * 9000 + " HTTP/1.1\nHost: 127.0.0.1\n\n", 414, "address_too_long"),
        ("GET / HTTP/1.1\nHost: 127.0.0.1\nX: " + "x" * 9000 + "\n\n", 431, "headers_too_large"),
        ("GET / HTTP/9.9\nHost: 127.0.0.1\n\n", 400, "unreadable_request"),
        ("GET / HTTP/1.1\nHost 127.0.0.1\n\n", 400, "unreadable_request"),
    ],
)
def test_a_request_that_the_server_cannot_read_is_a_problem_too(
    service: Service, head: str, status: int, code: str
) -> None:
    answer, _, body = raw_request(service, head, b"").partition(b"\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in answer
    told = json.loads(body)
    assert (told["status"], told["code"]) == (status, code)
    assert told["errors"][0]["message"] == told["detail"]


def test_of_two_files_that_contradict_each_other_one_is_stored(
    service: Service, lead: Client
) -> None:
    path = pets(lead, "one-wins")
    lead.stored(path, "labels", "item,annotator,label\nother,ann,cat\n")
    rows = [f"i{k},ann" for k in range(2000)]
    files = [
        "item,annotator,label\n" + "".join(f"{row},{label}\n" for row in rows)
        for label in ("cat", "dog")
    ]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda body: lead.upload(path, "labels", body, mode="add"), files))
    assert sorted(upload["state"] for upload in done) == ["rejected", "stored"]
    refused = next(upload for upload in done if upload["state"] == "rejected")
    assert {problem["code"] for problem in refused["problems"]} == {"conflicts_with_existing"}
    assert refused["problem_count"] == len(rows)
    with psycopg2.connect(service.env["DATABASE_URL"]) as reader, reader.cursor() as cursor:
        cursor.execute(
            "SELECT l.code, count(*) FROM annotations_label l JOIN catalog_item i ON i.id = "
            "l.item_id JOIN catalog_dataset d ON d.id = i.dataset_id WHERE d.slug = 'one-wins' "
            "AND i.external_id <> 'other' GROUP BY l.code"
        )
        assert [count for _, count in cursor.fetchall()] == [len(rows)]
