"""Thirty sudden deaths in the middle of an upload: whole or not at all, and a retry finishes it.

The same file goes to a new data set each time; what is killed, and when, differs. Afterwards the
rows are counted and hashed, and compared with the file itself.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

import psycopg2
import pytest

from tests.journeys.conftest import Client, Service, free_port
from tests.journeys.test_resilience import pets, raw_request, wait_for_state
from trust_project.embedded.binaries import find_postgres
from trust_project.embedded.console import QUIET, Console, RefusedError
from trust_project.embedded.postgres import Postgres
from trust_project.embedded.state import State
from trust_project.embedded.supervisor import POSTGRES_START_LIMIT, Supervisor

ROWS = sorted(
    (f"i{i:04}", f"a{a}", (i * 7 + a * 3) % 5 == 0) for i in range(1000) for a in range(3)
)
FILE = (
    "item,annotator,label\n"
    + "".join(f"{item},{who},{'dog' if is_dog else 'cat'}\n" for item, who, is_dog in ROWS)
).encode()
HASH = hashlib.md5(
    "\n".join(f"{item}|{who}|{int(is_dog)}" for item, who, is_dog in ROWS).encode()
).hexdigest()
CONTENTS = (
    "SELECT count(*), md5(string_agg(concat_ws('|', i.external_id, a.external_id, l.code), E'\\n' "
    "ORDER BY i.external_id, a.external_id)) FROM annotations_label l "
    "JOIN catalog_item i ON i.id = l.item_id JOIN catalog_annotator a ON a.id = l.annotator_id "
    "JOIN catalog_dataset d ON d.id = i.dataset_id WHERE d.slug = %s"
)
KEY = {"Content-Type": "text/csv", "Idempotency-Key": "once"}


@pytest.fixture(scope="module")
def lead(service: Service) -> Client:
    return service.client("survivor")


def ask_database(service: Service, statement: str, *values: Any) -> Any:
    """The first row of the answer to one statement, on a connection of its own."""
    connection = psycopg2.connect(service.env["DATABASE_URL"])
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def let_time_pass(service: Service) -> None:
    """Leases run out and doorbells are due, as they would be a minute later."""
    ask_database(
        service,
        "UPDATE catalog_run SET published_at = now() - interval '1 hour', "
        "lease_until = CASE WHEN state = 'running' THEN now() - interval '1 second' END "
        "WHERE state IN ('waiting', 'running')",
    )


def send(lead: Client, path: str, headers: dict[str, str] = KEY, body: bytes = FILE) -> Any:
    """Send the file until the service takes it, as a client that was cut off would."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(URLError, ConnectionError, http.client.HTTPException):
            status, answer = lead.ask("POST", f"{path}uploads/labels/", body, headers=headers)
            if status in (200, 202):
                return answer
            assert status == 503, answer
        time.sleep(0.1)
    raise AssertionError("the service did not come back")


def check_whole(service: Service, lead: Client, path: str, sent: Any) -> None:
    """The upload ends stored, once, with exactly the rows of the file."""
    one = f"{path}uploads/{sent['id']}/"
    ended = ("stored", "rejected", "failed")
    try:
        done = wait_for_state(lead, one, *ended, seconds=2)
    except AssertionError:
        let_time_pass(service)
        done = wait_for_state(lead, one, *ended)
    assert done["state"] == "stored", done
    slug = path.split("/")[1]
    assert ask_database(service, CONTENTS, slug) == (len(ROWS), HASH)
    assert done["rows"]["stored"] + done["rows"]["unchanged"] == len(ROWS)


def check_nothing_or_whole(service: Service, path: str) -> None:
    assert ask_database(service, CONTENTS, path.split("/")[1]) in ((0, None), (len(ROWS), HASH))


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.3, 0.6, 0.9, 0.999, 1.0])
def test_a_client_that_disconnects(service: Service, lead: Client, part: float) -> None:
    """At 1.0 the whole file arrives, and its sender is gone before the answer."""
    path = pets(lead, f"client-{random.Random(part).randrange(10**9)}-{time.monotonic_ns()}")
    head = (
        f"POST /api/v1/{path}uploads/labels/ HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n"
        f"Authorization: Token {lead.token}\nContent-Type: text/csv\nIdempotency-Key: once\n"
        f"Content-Length: {len(FILE)}\n\n"
    )
    raw_request(service, head, FILE[: int(len(FILE) * part)])
    check_nothing_or_whole(service, path)
    check_whole(service, lead, path, send(lead, path))
    assert len(lead.get(f"{path}uploads/")["results"]) == 1


# Empty lines say nothing, and take half a second to read.
LONG = FILE + b"\n" * 3_000_000


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def reader_of(service: Service) -> int | None:
    """The process that reads a file for this deployment's worker, if there is one now."""
    worker = service.processes["worker"].pid
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            is_reader = b"catalog.reading" in (folder / "cmdline").read_bytes()
            # Its parent waits for files, and is the child of a process of the worker.
            if is_reader and os.getpgid(parent_of(parent_of(int(folder.name)))) == worker:
                return int(folder.name)
    return None


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_reader_that_is_killed(service: Service, lead: Client, delay: float) -> None:
    """As by the kernel when memory runs out: the file is refused; its key has it read again."""
    path = pets(lead, f"reader-{time.monotonic_ns()}")
    sent = send(lead, path, body=LONG)
    until = time.monotonic() + 20
    while (reader := reader_of(service)) is None and time.monotonic() < until:
        time.sleep(0.005)
    assert reader is not None
    time.sleep(delay)
    with suppress(ProcessLookupError):
        os.kill(reader, signal.SIGKILL)
    done = wait_for_state(lead, f"{path}uploads/{sent['id']}/", "stored", "rejected")
    if done["state"] == "rejected":
        assert [problem["code"] for problem in done["problems"]] == ["reader_memory_limit"]
    check_nothing_or_whole(service, path)
    again = send(lead, path, body=LONG)
    assert again["id"] == sent["id"]
    check_whole(service, lead, path, again)


def cut_connections(service: Service) -> None:
    ask_database(
        service,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5])
def test_database_connections_that_break(service: Service, lead: Client, delay: float) -> None:
    path = pets(lead, f"backend-{time.monotonic_ns()}")
    send(lead, path)
    time.sleep(delay)
    cut_connections(service)
    check_nothing_or_whole(service, path)
    check_whole(service, lead, path, send(lead, path))


def kill_web(service: Service) -> None:
    service.kill("web", signal.SIGKILL)
    service.start("web")


def kill_worker(service: Service) -> None:
    service.kill("worker", signal.SIGKILL)
    service.start("worker")
    let_time_pass(service)


@pytest.mark.parametrize(
    ("kill", "delay"),
    [
        *((kill_web, delay) for delay in (0.0, 0.2, 0.5)),
        *((kill_worker, delay) for delay in (0.1, 0.4, 0.7, 1.0)),
    ],
)
def test_a_process_that_is_killed(
    service: Service, lead: Client, kill: Callable[[Service], None], delay: float
) -> None:
    path = pets(lead, f"process-{time.monotonic_ns()}")
    send(lead, path)
    time.sleep(delay)
    kill(service)
    check_nothing_or_whole(service, path)
    check_whole(service, lead, path, send(lead, path))


@pytest.fixture
def own_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A durable database and a broker of this test's own, which may be stopped."""
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "TRUST_STATE", "TRUST_UPLOADS"):
        monkeypatch.delenv(name, raising=False)
    supervisor = Supervisor(State(tmp_path / "state"), Console(QUIET), purpose="test")
    try:
        supervisor.open()
        supervisor.start_services()
    except RefusedError as refusal:
        supervisor.close()
        pytest.skip(f"no database of its own can be started: {refusal}")
    try:
        yield supervisor
    finally:
        supervisor.close()


def stop_at_once_and_start_again(supervisor: Supervisor) -> None:
    """An immediate stop, as by a power cut; the next start reads the write-ahead log."""
    database = next(child for child in supervisor.children if child.plan.name == "postgres")
    supervisor.signal(database, signal.SIGQUIT)
    if database.process is None or supervisor.runtime.socket_directory is None:
        raise AssertionError("the supervisor runs a database")
    database.process.wait(30)
    server = Postgres(supervisor.state, find_postgres(), Path(supervisor.runtime.socket_directory))
    server.repair()
    pid = supervisor.launch(database)
    supervisor.wait_until(lambda: server.is_ready(pid), POSTGRES_START_LIMIT, server.name)


def test_a_database_that_stops_at_once(own_services: Supervisor, tmp_path: Path) -> None:
    env = {**os.environ, **own_services.env, "RUN_LEASE_SECONDS": "5"}
    service = Service(env, free_port(), tmp_path)
    try:
        service.run("manage.py", "migrate", "-v0")
        for process in ("web", "worker", "sweeper"):
            service.start(process)
        service.wait_for("/readyz")
        lead = service.client("survivor")
        path = pets(lead, "power-cut")
        sent = send(lead, path)
        wait_for_state(lead, f"{path}uploads/{sent['id']}/", "checking", "stored")
        stop_at_once_and_start_again(own_services)
        check_nothing_or_whole(service, path)
        again = send(lead, path)
        assert again["id"] == sent["id"]
        check_whole(service, lead, path, again)
    finally:
        for process in list(service.processes):
            service.kill(process, signal.SIGKILL)
