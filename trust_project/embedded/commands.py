"""The commands of ./trust that need the services for a while: test, check, bench, token, manage."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from trust_project.embedded.binaries import find_postgres
from trust_project.embedded.children import PROJECT
from trust_project.embedded.console import Console, RefusedError
from trust_project.embedded.processes import born
from trust_project.embedded.state import Runtime, State
from trust_project.embedded.supervisor import SERVING, Supervisor

REPORT = PROJECT / "line-coverage.json"
ROOMS = "measures,catalog,annotations,coverage,predictions,audits,trust_project"
LINES = ("--source", ROOMS, "--json")
#: About half of the suite's time; a room that is not named here goes with the other half.
FIRST_HALF = {"annotations", "catalog", "predictions"}
#: Emptying a test's tables makes and removes hundreds of files: half the time of most tests.
MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a directory of our own, mode 0700, is made in it
ROOM_FOR_TESTS = 6 << 30
MANAGE = str(PROJECT / "manage.py")
OTHER_COMMAND_LIMIT = 60.0
START_LIMIT = 180.0

GATES: Sequence[tuple[str, Sequence[str]]] = (
    ("format", ("-m", "ruff", "format", "--check", ".")),
    ("lint", ("-m", "ruff", "check", ".")),
    ("imports", ("-c", "from importlinter.cli import lint_imports_command as c; c()")),
    ("types", ("-m", "mypy")),
    ("migrations", (MANAGE, "makemigrations", "--check", "--dry-run")),
    ("api schema", (MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)),
)


def test(arguments: Sequence[str], console: Console) -> int:
    """Run pytest against services of its own, never against the user's data.

    The whole suite also says how many lines it ran; a part of it would only mislead.
    """
    with passing_services("test", console) as supervisor:
        if arguments:
            return supervisor.run([sys.executable, "-m", "pytest", *arguments])
        return whole_suite(supervisor, console)


def whole_suite(supervisor: Supervisor, console: Console) -> int:
    """Two halves at once, each with a database of its own; what the second said comes after."""
    rooms = {path.parent.name for path in (PROJECT / "tests").glob("*/__init__.py")}
    halves = [sorted(rooms & FIRST_HALF), sorted(rooms - FIRST_HALF)]
    with (
        tempfile.TemporaryDirectory() as folder,
        _other_database(supervisor.env) as other,
        ThreadPoolExecutor(1) as beside,
    ):
        reports = [str(Path(folder) / f"{number}.json") for number in (1, 2)]
        commands = [_measured(*half) for half in zip(halves, reports, strict=True)]
        said = Path(folder) / "said"
        with said.open("wb") as output:
            second = beside.submit(supervisor.run, commands[1], env=other, output=output)
            codes = [supervisor.run(commands[0]), second.result()]
        console.plain(said.read_text(errors="replace"))
        if all(Path(report).is_file() for report in reports):
            merge = ["-m", "slipcover", "--merge", *reports, "--out", str(REPORT)]
            with Path(os.devnull).open("wb") as table:
                supervisor.run([sys.executable, *merge], output=table)
            console.plain(line_coverage(json.loads(REPORT.read_text())))
    return max(codes)


def _measured(rooms: Sequence[str], report: str) -> list[str]:
    paths = [f"tests/{room}" for room in rooms]
    return [sys.executable, "-m", "slipcover", *LINES, "--out", report, "-m", "pytest", *paths]


@contextlib.contextmanager
def _other_database(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The same server, another database, as long as it is needed; pytest makes its own beside."""
    address = urlsplit(env["DATABASE_URL"])
    name = f"{address.path.lstrip('/')}_beside"
    _execute(env, f'DROP DATABASE IF EXISTS "{name}"')
    _execute(env, f'CREATE DATABASE "{name}"')
    try:
        yield {**env, "DATABASE_URL": urlunsplit(address._replace(path=f"/{name}"))}
    finally:
        _execute(env, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(env: Mapping[str, str], statement: str) -> None:
    with contextlib.closing(psycopg2.connect(env["DATABASE_URL"])) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


def line_coverage(report: dict[str, Any]) -> str:
    """One sentence on slipcover's report, with the files that were run least."""
    total = report["summary"]
    least = sorted(
        (file["summary"]["percent_covered"], name) for name, file in report["files"].items()
    )
    worst = ", ".join(f"{name} {percent:.0f} %" for percent, name in least[:5])
    return (
        f"line coverage: {total['percent_covered']:.1f} % of "
        f"{total['covered_lines'] + total['missing_lines']:,} lines, without child processes; "
        f"least: {worst}; all of it: {REPORT.name}"
    )


def bench(arguments: Sequence[str], console: Console) -> int:
    with passing_services("bench", console) as supervisor:
        return supervisor.run([sys.executable, "-m", "bench", *arguments])


def check(arguments: Sequence[str], console: Console) -> int:
    """Run every gate, also after one has failed; name each and its result."""
    if arguments:
        raise RefusedError(f"./trust check takes no arguments; got {' '.join(arguments)!r}.")
    failed = []
    with passing_services("check", console) as supervisor:
        for name, command in GATES:
            began = time.monotonic()
            console.plain(f"--- {name}")
            passed = supervisor.run([sys.executable, *command]) == 0
            result = "passed" if passed else "FAILED"
            console.plain(f"--- {name}: {result} ({time.monotonic() - began:.1f} s)")
            if not passed:
                failed.append(name)
    console.plain(f"failed: {', '.join(failed)}" if failed else "all gates passed")
    return 1 if failed else 0


def _has_room(directory: Path) -> bool:
    """Whether a test database can be made there and grow."""
    if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
        return False
    return shutil.disk_usage(directory).free > ROOM_FOR_TESTS


@contextlib.contextmanager
def passing_services(purpose: str, console: Console) -> Iterator[Supervisor]:
    """Services on a private directory that is removed afterwards."""
    parent = MEMORY_DISK if purpose == "test" and _has_room(MEMORY_DISK) else None
    root = Path(tempfile.mkdtemp(prefix=f"trust-{purpose}-", dir=parent))
    supervisor = Supervisor(State(root), console, purpose=purpose)
    with supervisor.signals():
        try:
            supervisor.open(throwaway=True)
            # What is measured is what an operator would have.
            supervisor.start_services(durable=purpose == "bench")
            yield supervisor
        finally:
            supervisor.close()
            shutil.rmtree(root, ignore_errors=True)


def token(arguments: Sequence[str], console: Console, state: State) -> int:
    """`manage.py token`, after the tables were made where the database is new."""
    if not arguments:
        raise RefusedError("Name the user: ./trust token NAME [--superuser]")
    with found_services("token", console, state) as supervisor:
        code = supervisor.run([sys.executable, MANAGE, "migrate", "-v0"])
        return code or supervisor.run([sys.executable, MANAGE, "token", *arguments])


def manage(arguments: Sequence[str], console: Console, state: State) -> int:
    """Run manage.py where the caller stands, with the database's own programs first in PATH."""
    with found_services("manage", console, state) as supervisor:
        env = dict(supervisor.env)
        if not os.environ.get("DATABASE_URL"):
            env["PATH"] = f"{find_postgres().directory}{os.pathsep}{env.get('PATH', os.defpath)}"
        cwd = Path(os.environ.get("TRUST_CALLER_DIRECTORY", "."))
        return supervisor.run([sys.executable, MANAGE, *arguments], env=env, cwd=cwd)


@contextlib.contextmanager
def found_services(purpose: str, console: Console, state: State) -> Iterator[Supervisor]:
    """The running deployment's services, or the same ones started for this command only."""
    supervisor = Supervisor(state, console, purpose=purpose)
    with supervisor.signals():
        runtime = running_deployment(state)
        if runtime is not None:
            supervisor.env |= runtime.env
            yield supervisor
            return
        try:
            supervisor.open()
            supervisor.start_services()
            yield supervisor
        finally:
            supervisor.close()


def running_deployment(state: State) -> Runtime | None:
    """What `./trust up` or `demo` recorded, once its services are ready.

    Other commands stop their services when they end, so we wait for those instead of using them.
    """
    began = time.monotonic()
    while True:
        runtime = Runtime.read(state.runtime)
        if runtime is None or born(runtime.pid) != runtime.born:
            return None
        serves = runtime.purpose in SERVING
        if serves and runtime.ready:
            return runtime
        if time.monotonic() - began > (START_LIMIT if serves else OTHER_COMMAND_LIMIT):
            raise RefusedError(
                f"./trust {runtime.purpose} (process {runtime.pid}) has used {state.root} for "
                "a while and is not done; wait until it is, or stop it."
            )
        time.sleep(0.1)
