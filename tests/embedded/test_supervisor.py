"""Real servers under a real supervisor in a process of its own, and what happens when it dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.embedded.database import ask, change
from trust_project.embedded.children import FIRST_DELAY, LONGEST_DELAY, PROJECT, Child, Plan
from trust_project.embedded.state import Runtime, State

LIMIT = 30
OWN = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "TRUST_STATE")


@pytest.fixture
def root(tmp_path):
    """A long path with spaces, as on many a desktop."""
    return tmp_path / "a state directory, with spaces and commas" / ("long" * 15)


class Deployment:
    """tests/embedded/deployment.py as a child process whose lines can be awaited."""

    def __init__(self, root: Path, *children: str) -> None:
        self.root = root
        environment = {name: value for name, value in os.environ.items() if name not in OWN}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.embedded.deployment", str(root), *children],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=PROJECT,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_for(self, text: str) -> str:
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        pytest.fail(f"{text!r} never came; the deployment said\n{''.join(self.lines)}")

    def rest(self) -> str:
        out, _ = self.process.communicate(timeout=LIMIT)
        return out

    @property
    def runtime(self) -> Runtime:
        return Runtime.read(State(self.root).runtime)

    @property
    def url(self) -> str:
        return self.runtime.env["DATABASE_URL"]

    def pid_of(self, name: str) -> int:
        return next(one.pid for one in self.runtime.processes if one.name == name)


@contextlib.contextmanager
def deployed(root: Path, *children: str):
    deployment = Deployment(root, *children)
    try:
        deployment.wait_for(" up")
        yield deployment
    finally:
        if deployment.process.poll() is None:
            deployment.process.send_signal(signal.SIGTERM)
            deployment.process.communicate(timeout=LIMIT)
        deployment.process.stdout.close()


def processes_naming(text: str) -> list[str]:
    listed = subprocess.run(["ps", "-ewwo", "pid,stat,args"], capture_output=True, text=True)
    return [
        line for line in listed.stdout.splitlines() if text in line and line.split()[1][0] != "Z"
    ]


def eventually(condition) -> bool:
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_kill_nine_leaves_no_process_and_the_next_start_finds_the_data(root):
    # A worker that ignores the polite signal and has a child, as a busy pool has.
    stubborn = "worker=trap '' TERM; sleep 86399 & wait; wait; sleep 86398"
    with deployed(root, stubborn) as first:
        before = first.runtime
        change(first.url, "CREATE TABLE kept AS SELECT 42 AS value")
        session = first.pid_of("worker")
        first.process.kill()
        first.process.wait()

        def group_is_gone() -> bool:
            listed = subprocess.run(["ps", "-eo", "pgid,stat"], capture_output=True, text=True)
            rows = [line.split() for line in listed.stdout.splitlines()]
            return all(int(group) != session for group, state in rows[1:] if state[0] != "Z")

        assert eventually(lambda: not processes_naming(str(root)))
        assert eventually(lambda: not any(one.alive() for one in before.processes))
        assert eventually(group_is_gone)
        assert eventually(lambda: not Path(before.socket_directory).exists())

    with deployed(root) as second:
        assert ask(second.url, "SELECT value FROM kept") == [(42,)]


def test_a_start_right_after_kill_nine_waits_for_the_clean_up(root):
    with deployed(root, "worker=trap '' TERM; sleep 86397 & wait; wait") as first:
        first.process.kill()
        first.process.wait()
        with deployed(root) as second:
            assert ask(second.url, "SELECT 1") == [(1,)]
            assert second.pid_of("postgres") != second.process.pid
            assert len(processes_naming(f"postgres -D {root}")) == 1


def test_when_the_guard_is_killed_too_the_servers_still_go(root):
    with deployed(root) as first:
        recorded = first.runtime.processes
        guard = next(line for line in processes_naming("embedded.guard") if str(root) in line)
        os.kill(int(guard.split()[0]), signal.SIGKILL)
        first.process.kill()
        first.process.wait()

        assert eventually(lambda: not any(one.alive() for one in recorded))
    with deployed(root) as second:
        assert ask(second.url, "SELECT 1") == [(1,)]


def test_a_second_start_says_who_runs_and_where(root):
    with deployed(root) as first:
        second = Deployment(root)
        said = second.rest()

        assert second.process.returncode == 1
        assert f"process {first.process.pid} serves" in said
        assert "http://127.0.0.1:1/" in said
        assert ask(first.url, "SELECT 1") == [(1,)]


def test_an_orderly_stop_ends_ours_first_then_broker_then_database(root):
    with deployed(root, "web=exec sleep 86396") as deployment:
        recorded = deployment.runtime.processes
        sockets = Path(deployment.runtime.socket_directory)
        deployment.process.send_signal(signal.SIGINT)
        said = deployment.rest()

    assert deployment.process.returncode == 0
    order = [said.index(f"stopping {name}") for name in ("web", "valkey", "postgres")]
    assert order == sorted(order)
    assert not any(one.alive() for one in recorded)
    assert not sockets.exists()
    assert "database system is shut down" in State(root).log("postgres").read_text()


def test_a_second_ctrl_c_does_not_wait_for_a_stubborn_child(root):
    with deployed(root, "web=trap '' TERM; while :; do sleep 86395; done") as deployment:
        began = time.monotonic()
        deployment.process.send_signal(signal.SIGINT)
        deployment.wait_for("stopping web")
        deployment.process.send_signal(signal.SIGINT)
        deployment.rest()

    assert time.monotonic() - began < 10
    assert deployment.process.returncode == 0


def test_a_child_that_ends_is_started_again_and_the_reader_is_told(root):
    with deployed(root, "worker=exec sleep 86394") as deployment:
        first = deployment.pid_of("worker")
        os.kill(first, signal.SIGKILL)
        line = deployment.wait_for("worker ended")

        assert "signal SIGKILL" in line
        assert "starts again in 1 s" in line
        assert "worker.log" in line
        assert eventually(lambda: deployment.pid_of("worker") != first)


def test_without_its_database_the_deployment_stops_and_names_the_log(root):
    with deployed(root) as deployment:
        os.kill(deployment.pid_of("postgres"), signal.SIGKILL)
        said = deployment.rest()

    assert deployment.process.returncode == 1
    assert "postgres ended by itself (signal SIGKILL)" in said
    assert str(State(root).log("postgres")) in said


def test_delays_double_up_to_a_limit_and_start_over_after_a_good_time(monkeypatch):
    child = Child(Plan("worker", ["true"]))
    child.started = time.monotonic()
    delays = [child.next_delay() for _ in range(8)]

    assert delays == [1, 2, 4, 8, 16, LONGEST_DELAY, LONGEST_DELAY, LONGEST_DELAY]
    child.started -= 3600
    assert child.next_delay() == FIRST_DELAY
