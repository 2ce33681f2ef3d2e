"""The whole service as users meet it: web server, worker and sweeper processes, real HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg2
import pytest

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class Service:
    """A running deployment on a database of its own."""

    env: dict[str, str]
    port: int
    logs: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *command: str) -> str:
        """A command of this deployment, to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=PROJECT,
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def start(self, name: str) -> None:
        """Start one of the processes that ./trust up starts."""
        celery = ("-m", "celery", "-A", "trust_project", "worker", "-c", "2", "-l", "WARNING")
        commands = {
            "web": ("-m", "gunicorn", "trust_project.wsgi", "-b", f"127.0.0.1:{self.port}")
            + ("-w", "1", "--threads", "8", "--timeout", "120"),
            "worker": celery,
            "sweeper": ("manage.py", "run_sweeper", "--interval", "0.5"),
        }
        log = (self.logs / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, *commands[name]],
            cwd=PROJECT,
            env=self.env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def kill(self, name: str, number: int = 15) -> None:
        """End a process and all its children."""
        process = self.processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, number)
            process.wait(30)

    def wait_for(self, path: str, status: int = 200, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                with OPENER.open(self.url + path, timeout=5) as answer:
                    found = answer.status
            except urllib.error.HTTPError as error:
                found = error.code
            except OSError:
                found = 0
            if found == status:
                return
            time.sleep(0.2)
        logs = "\n".join(f"{p.name}: {p.read_text()[-2000:]}" for p in self.logs.glob("*.log"))
        raise AssertionError(f"{path} did not answer {status} in {seconds} s\n{logs}")

    def client(self, name: str) -> Client:
        """A new user with a token."""
        printed = self.run("manage.py", "token", name)
        return Client(self.url, printed.strip().splitlines()[-1])


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Client:
    """What any HTTP client would do, and nothing more."""

    url: str
    token: str

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> tuple[int, Any]:
        url = f"{self.url}/api/v1/{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(url, body, method=method)
        request.add_header("Authorization", f"Token {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with OPENER.open(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def get(self, path: str, *, wait: int = 60, **query: str) -> Any:
        status, body = self.ask("GET", path, headers={"Prefer": f"wait={wait}"}, **query)
        assert status == 200, body
        return body

    def post(self, path: str, fields: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        status, body = self.ask("POST", path, json.dumps(fields).encode(), headers=headers)
        assert status in (201, 202), body
        return body

    def upload(self, path: str, kind: str, body: bytes | str, **query: str) -> Any:
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": "text/csv", "Prefer": "wait=60"}
        status, answer = self.ask("POST", f"{path}uploads/{kind}/", data, headers=headers, **query)
        assert status == 200, answer
        return answer

    send = upload

    def stored(self, path: str, kind: str, body: bytes | str, **query: str) -> Any:
        """Upload what must be stored."""
        answer = self.upload(path, kind, body, **query)
        assert answer["state"] == "stored", answer["problems"] or answer["failure"]
        return answer

    def dataset(self, slug: str) -> str:
        self.post("datasets/", {"slug": slug})
        return f"datasets/{slug}/"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Web, worker and sweeper as processes, on a database beside the other tests' one."""
    name = f"journeys_{os.getpid()}"
    address = os.environ["DATABASE_URL"]
    admin = psycopg2.connect(address)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    state = tmp_path_factory.mktemp("journeys")
    parts = urlsplit(address)
    env = {
        **os.environ,
        "DATABASE_URL": parts._replace(path=f"/{name}").geturl(),
        "CELERY_BROKER_URL": f"{os.environ['CELERY_BROKER_URL']}?virtual_host=9",
        "TRUST_STATE": str(state),
        "RUN_LEASE_SECONDS": "5",
    }
    running = Service(env, free_port(), state)
    try:
        running.run("manage.py", "migrate", "-v0")
        for process in ("web", "worker", "sweeper"):
            running.start(process)
        running.wait_for("/readyz")
        yield running
    finally:
        for process in list(running.processes):
            running.kill(process)
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        admin.close()
