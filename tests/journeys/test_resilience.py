"""What must survive: cut bodies, dead workers, a broker that forgets, many clients at once."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis

from tests.journeys.conftest import Client, Service

LABELS = "item,annotator,label\n" + "".join(
    f"i{i},a{a},{'cat' if (i * 7 + a * 3) % 5 else 'dog'}\n" for i in range(2000) for a in range(5)
)


@pytest.fixture(scope="module")
def lead(service: Service) -> Client:
    return service.client("resilient")


def pets(lead: Client, slug: str) -> str:
    path = lead.dataset(slug)
    question = {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]}
    lead.post(f"{path}questions/", question)
    return path


def wait_for_state(lead: Client, path: str, *states: str, seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = lead.get(path, wait=0)
        if found["state"] in states:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{path} did not reach {states}: {found}")


def raw_request(service: Service, head: str, body: bytes) -> bytes:
    """Bytes as a client that breaks off would send them; the answer, if any."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode() + body)
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        while part := wire.recv(65536):
            answer += part
    return answer


def test_a_body_that_is_cut_off_is_refused_and_nothing_is_stored(
    service: Service, lead: Client
) -> None:
    path = pets(lead, "cut-off")
    head = (
        f"POST /api/v1/{path}uploads/labels/ HTTP/1.1\nHost: 127.0.0.1\n"
        f"Authorization: Token {lead.token}\nContent-Type: text/csv\n"
    )
    whole = LABELS.encode()
    cut = raw_request(service, f"{head}Content-Length: {len(whole)}\n\n", whole[:-1000])
    assert b" 400 " in cut.split(b"\r\n")[0]
    assert b"incomplete_upload" in cut
    chunked = raw_request(
        service, f"{head}Transfer-Encoding: chunked\n\n", b"3\r\nabc\r\n0\r\n\r\n"
    )
    assert b" 411 " in chunked.split(b"\r\n")[0]
    assert lead.get(f"{path}uploads/")["results"] == []
    right = raw_request(
        service, f"{head}Connection: close\nContent-Length: {len(whole)}\n\n", whole
    )
    assert b" 202 " in right.split(b"\r\n")[0]


def test_the_same_file_twenty_times_at_once_is_one_upload(lead: Client) -> None:
    path = pets(lead, "twenty")
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "once"}

    def send(_: int) -> Any:
        return lead.ask("POST", f"{path}uploads/labels/", LABELS.encode(), headers=headers)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert {status for status, _ in answers} <= {200, 202}
    assert len({body["id"] for _, body in answers}) == 1
    done = wait_for_state(lead, f"{path}uploads/{answers[0][1]['id']}/", "stored")
    assert done["rows"]["stored"] == 10_000


def test_two_files_in_opposite_order_at_once_are_both_stored(lead: Client) -> None:
    path = pets(lead, "opposite")
    header, *rows = LABELS.splitlines()
    backwards = "\n".join([header, *reversed(rows)]) + "\n"
    flipped = backwards.replace("dog", "cow").replace("cat", "dog").replace("cow", "cat")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda body: lead.stored(path, "labels", body), [LABELS, flipped]))
    first, second = sorted(done, key=lambda upload: upload["version"])
    assert first["rows"]["stored"] == 10_000
    assert second["rows"]["replaced"] == 10_000
    assert lead.get(f"{path}agreement/")["n_labels"] == 10_000


def test_a_worker_that_dies_in_the_middle_loses_nothing(service: Service, lead: Client) -> None:
    path = pets(lead, "dying")
    lead.stored(path, "labels", LABELS)
    lead.get(f"{path}agreement/")
    asked = {"kind": "agreement", "parameters": {"question": "pet", "n_replicates": 9999}}
    run = lead.post(f"{path}runs/", asked)
    wait_for_state(lead, f"{path}runs/{run['id']}/", "running", "succeeded")
    service.kill("worker", signal.SIGKILL)
    service.start("worker")
    done = wait_for_state(lead, f"{path}runs/{run['id']}/", "succeeded", "failed")
    assert done["state"] == "succeeded"
    assert done["attempt"] <= 2


def test_an_upload_whose_worker_dies_is_stored_once(service: Service, lead: Client) -> None:
    path = pets(lead, "dying-upload")
    headers = {"Content-Type": "text/csv"}
    _, sent = lead.ask("POST", f"{path}uploads/labels/", LABELS.encode(), headers=headers)
    wait_for_state(lead, f"{path}uploads/{sent['id']}/", "checking", "stored")
    service.kill("worker", signal.SIGKILL)
    service.start("worker")
    done = wait_for_state(lead, f"{path}uploads/{sent['id']}/", "stored", "failed", "rejected")
    assert done["rows"]["stored"] == 10_000
    result = lead.get(f"{path}agreement/")
    assert result["n_labels"] == 10_000


def test_a_broker_that_forgets_everything_delays_and_loses_nothing(
    service: Service, lead: Client
) -> None:
    path = pets(lead, "forgetful")
    service.kill("worker")
    headers = {"Content-Type": "text/csv"}
    _, sent = lead.ask("POST", f"{path}uploads/labels/", LABELS.encode(), headers=headers)
    broker = urlsplit(os.environ["CELERY_BROKER_URL"])
    redis.Redis(unix_socket_path=broker.path, db=9).flushdb()
    service.start("worker")
    done = wait_for_state(lead, f"{path}uploads/{sent['id']}/", "stored", "failed", "rejected")
    assert done["rows"]["stored"] == 10_000


def test_a_database_connection_that_breaks_is_made_anew(service: Service, lead: Client) -> None:
    path = pets(lead, "broken")
    with psycopg2.connect(service.env["DATABASE_URL"]) as admin, admin.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    stored = None
    for _ in range(5):
        headers = {"Content-Type": "text/csv", "Idempotency-Key": "again", "Prefer": "wait=60"}
        status, answer = lead.ask(
            "POST", f"{path}uploads/labels/", LABELS.encode(), headers=headers
        )
        assert status in (200, 202, 503), answer
        if status == 200:
            stored = answer
            break
        time.sleep(1)
    assert stored is not None
    assert stored["rows"]["stored"] == 10_000


def test_without_a_worker_the_service_says_so(service: Service, lead: Client) -> None:
    service.kill("worker")
    with psycopg2.connect(service.env["DATABASE_URL"]) as admin, admin.cursor() as cursor:
        cursor.execute("UPDATE catalog_workerbeat SET seen_at = now() - interval '1 minute'")
    service.wait_for("/readyz", 503)
    service.start("worker")
    service.wait_for("/readyz", 200)
