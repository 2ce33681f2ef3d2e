"""Starts the services and our own processes in order, keeps them running, stops them in order.

One thread, no callbacks: the kernel ties a child's death signal to the thread that started it,
and every wait looks at the same stop request.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from trust_project.embedded import processes
from trust_project.embedded.binaries import find_broker, find_postgres
from trust_project.embedded.children import MEMORY, PROJECT, Child, Plan
from trust_project.embedded.console import QUIET, Console, RefusedError
from trust_project.embedded.guard import clean_up_after
from trust_project.embedded.postgres import Postgres
from trust_project.embedded.state import Runtime, State, wait_for_lock
from trust_project.embedded.valkey import Valkey

# What every process that works on this deployment is told, by us or by the caller.
TOLD = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "TRUST_STATE", "TRUST_PORT")
LOOK_EVERY = 0.1
ROTATE_EVERY = 60.0
# The commands others may share the servers of; the rest stop theirs when they end.
SERVING = ("up", "demo")
GUARD_PATIENCE = 30.0
POSTGRES_PATIENCE = 60.0
POSTGRES_START_LIMIT = 600.0
VALKEY_START_LIMIT = 30.0


class StoppedError(Exception):
    """Somebody asked us to stop (Ctrl-C, a signal) while we waited for something."""


class Supervisor:
    """Everything that runs on one state directory, from the first lock to the last goodbye."""

    def __init__(self, state: State, console: Console, *, purpose: str = "up") -> None:
        self.state = state
        self.console = console
        self.runtime = Runtime(os.getpid(), processes.born(os.getpid()), purpose)
        self.env: dict[str, str] = {**MEMORY, **os.environ}
        self.children: list[Child] = []
        self.stop_requests = 0
        self.last_signal = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._rotated = time.monotonic()

    # Opening and closing the state directory

    def open(self, *, throwaway: bool = False) -> None:
        """Take the state directory, tidy up after one that was killed, start the guard."""
        self.state.prepare()
        if not self.state.lock():
            self.wait_for_guard()
        left_behind = Runtime.read(self.state.runtime)
        if left_behind is not None:
            ended = clean_up_after(left_behind, self.state, just_orphaned=False)
            if ended:
                self.console.say(f"ended what an earlier start left behind: {', '.join(ended)}")
        self.state.check_free_space()
        self.state.rotate_logs()
        self.runtime.throwaway = throwaway
        self.record()
        self.start_guard()

    def wait_for_guard(self) -> None:
        """The lock is taken: by a supervisor, or for seconds by the guard of a dead one."""
        runtime = Runtime.read(self.state.runtime)
        owner_lives = runtime is not None and processes.born(runtime.pid) == runtime.born
        if not owner_lives and wait_for_lock(self.state, GUARD_PATIENCE):
            return
        raise RefusedError(already_running(Runtime.read(self.state.runtime), self.state))

    def start_guard(self) -> None:
        command = [sys.executable, "-m", "trust_project.embedded.guard", str(self.state.root)]
        self._guard = subprocess.Popen(
            [*command, str(self.runtime.pid), self.runtime.born],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=PROJECT,
            start_new_session=True,
        )

    def close(self) -> None:
        """Stop everything in order, leave no record, and let the next one in."""
        if not self.state.locked:
            # Refused at the door: the record and the sockets belong to another supervisor.
            return
        self.stop()
        if self.runtime.socket_directory is not None:
            shutil.rmtree(self.runtime.socket_directory, ignore_errors=True)
        self.state.runtime.unlink(missing_ok=True)
        if self.runtime.throwaway:
            shutil.rmtree(self.state.root, ignore_errors=True)
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        self.state.unlock()
        self.console.say("stopped")

    def record(self) -> None:
        recorded = [child.recorded() for child in reversed(self.children)]
        self.runtime.processes = [process for process in recorded if process is not None]
        self.runtime.write(self.state.runtime)

    # Starting

    def start_services(self, *, durable: bool = True) -> None:
        """PostgreSQL and Valkey, each unless the environment names another one."""
        self.env["TRUST_STATE"] = str(self.state.root)
        # Both are looked for first: it is a pity to make a database and then miss the broker.
        programs = None if os.environ.get("DATABASE_URL") else find_postgres()
        broker = None if os.environ.get("CELERY_BROKER_URL") else find_broker()
        if programs or broker:
            directory = self.state.socket_directory()
            self.runtime.socket_directory = str(directory)
            self.record()
        if programs:
            self.start_postgres(Postgres(self.state, programs, directory, durable=durable))
        if broker:
            self.start_valkey(Valkey(self.state, broker, directory))
        if not os.environ.get("SECRET_KEY"):
            self.env["SECRET_KEY"] = self.state.secret("secret-key", 48)
        self.runtime.env = {name: self.env[name] for name in TOLD if name in self.env}
        self.record()

    def start_postgres(self, server: Postgres) -> None:
        if server.is_new():
            self.console.say("making the database, once; this takes a few seconds")
            server.create()
        server.check_version()
        server.repair()
        plan = Plan(
            server.name,
            server.command(),
            server.stop_signal,
            run_as=server.run_as,
            patience=POSTGRES_PATIENCE,
            restarts=False,
        )
        pid = self.start(plan)
        self.wait_until(lambda: server.is_ready(pid), POSTGRES_START_LIMIT, server.name)
        self.env["DATABASE_URL"] = server.url
        self.console.say(f"PostgreSQL {server.programs.version} is ready")

    def start_valkey(self, server: Valkey) -> None:
        self.start(Plan(server.name, server.command(), server.stop_signal))
        self.wait_until(server.is_ready, VALKEY_START_LIMIT, server.name)
        self.env["CELERY_BROKER_URL"] = server.url
        self.console.say(f"{server.broker.product} {server.broker.version} is ready")

    def start(self, plan: Plan) -> int:
        child = Child(plan)
        self.children.append(child)
        return self.launch(child)

    def launch(self, child: Child) -> int:
        plan = child.plan
        child.process = processes.spawn(
            plan.command,
            log=self.state.log(plan.name),
            env=self.env,
            cwd=PROJECT,
            run_as=plan.run_as,
            death_signal=plan.stop_signal,
        )
        child.started = time.monotonic()
        child.due = None
        self.record()
        return child.process.pid

    # Waiting

    def wait_until(self, ready: Callable[[], bool], limit: float, name: str) -> None:
        """Wait for a child to be ready; a child that ends meanwhile is a refusal with its log."""
        child = next(child for child in self.children if child.plan.name == name)
        log = self.state.log(name)
        deadline = time.monotonic() + limit
        while not ready():
            self.check_stop()
            if not child.running:
                raise RefusedError(
                    f"{name} ended while starting; {log} ends with\n{processes.tail(log)}"
                )
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"{name} was not ready after {limit:.0f} s; {log} ends with\n"
                    f"{processes.tail(log)}"
                )
            time.sleep(processes.POLL_SECONDS)

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = PROJECT,
        output: IO[bytes] | None = None,
    ) -> int:
        """Run a command with the services' addresses; answer its exit code.

        It writes on our terminal, or into a file.
        """
        prefix = processes.launch_prefix(signal.SIGTERM, "same")
        process = subprocess.Popen(
            [*prefix, *command],
            env=dict(env or self.env),
            cwd=cwd,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )
        while process.poll() is None:
            if self.stop_requests and not self.left_to_the_command():
                end_politely(process)
                raise StoppedError
            time.sleep(processes.POLL_SECONDS)
        return process.returncode

    def left_to_the_command(self) -> bool:
        """At a terminal Ctrl-C reaches the command too: an interactive shell goes on after it."""
        return self.last_signal == signal.SIGINT and sys.stdin.isatty()

    def keep_running(self) -> NoReturn:
        """Look after the children until somebody asks us to stop."""
        while True:
            self.check_stop()
            for child in self.children:
                self.look_after(child)
            if time.monotonic() - self._rotated > ROTATE_EVERY:
                self.state.rotate_logs()
                self._rotated = time.monotonic()
            time.sleep(LOOK_EVERY)

    def look_after(self, child: Child) -> None:
        if child.running:
            return
        if child.due is not None:
            if time.monotonic() >= child.due:
                self.launch(child)
            return
        name, log = child.plan.name, self.state.log(child.plan.name)
        code = child.process.returncode if child.process is not None else None
        if not child.plan.restarts:
            raise RefusedError(
                f"{name} ended by itself ({ending(code)}); {log} says why:\n{processes.tail(log)}"
            )
        if child.process is not None:
            processes.end_group(child.process.pid)
        delay = child.next_delay()
        child.due = time.monotonic() + delay
        self.console.say(f"{name} ended ({ending(code)}), starts again in {delay:.0f} s; see {log}")

    # Stopping

    def request_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_requests += 1
        self.last_signal = number

    def check_stop(self) -> None:
        if self.stop_requests:
            raise StoppedError

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Ctrl-C, kill and a closed terminal ask for an orderly stop; the second one hastens it."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self.request_stop) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Our own processes together, then the broker, then the database."""
        running = [child for child in reversed(self.children) if child.process is not None]
        services = [child for child in running if child.plan.name in ("valkey", "postgres")]
        ours = [child for child in running if child not in services]
        for group in (ours, *([child] for child in services)):
            self.stop_group(group)

    def stop_group(self, group: Sequence[Child]) -> None:
        requests = self.stop_requests
        alive = [child for child in group if child.running]
        if alive:
            self.console.say(f"stopping {', '.join(child.plan.name for child in alive)}")
        for child in alive:
            self.signal(child, child.plan.stop_signal)
        deadline = time.monotonic() + max((child.plan.patience for child in alive), default=0)
        while any(child.running for child in alive) and time.monotonic() < deadline:
            if self.stop_requests > requests:
                break
            time.sleep(processes.POLL_SECONDS)
        for child in group:
            self.end(child)

    def end(self, child: Child) -> None:
        """What did not stop when asked is killed, with everything in its session."""
        process = child.process
        if process is None:
            return
        if child.plan.name == "postgres" and child.running:
            # An immediate shutdown: nothing is lost, the next start reads the log again.
            self.signal(child, signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        processes.end_group(process.pid)
        process.wait()

    def signal(self, child: Child, number: int) -> None:
        if child.process is not None:
            child.process.send_signal(number)


def end_politely(process: subprocess.Popen[bytes]) -> None:
    """It may have had the same Ctrl-C and be tidying up; then ask, then insist."""
    for insist in (None, process.terminate, process.kill):
        if insist is not None:
            insist()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
            return


def ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def already_running(runtime: Runtime | None, state: State) -> str:
    if runtime is None:
        return f"Another ./trust command uses {state.root}; wait until it has ended."
    if runtime.purpose in SERVING:
        at = f" at {runtime.address}" if runtime.address else ""
        return (
            f"Already running: process {runtime.pid} serves {state.root}{at}. "
            "Stop it with Ctrl-C in its terminal, or set TRUST_STATE for a second deployment."
        )
    return (
        f"./trust {runtime.purpose} (process {runtime.pid}) uses {state.root}; "
        "wait until it has ended."
    )


@contextlib.contextmanager
def services(
    state_dir: Path,
    *,
    throwaway: bool = True,
    console: Console | None = None,
    purpose: str = "test",
) -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey on `state_dir`, as the environment a child process needs.

    `throwaway` trades durability for speed and removes `state_dir` at the end. Call it from the
    main thread: the services die with the thread that started them.
    """
    supervisor = Supervisor(State(state_dir), console or Console(QUIET), purpose=purpose)
    supervisor.open(throwaway=throwaway)
    try:
        supervisor.start_services(durable=not throwaway)
        yield dict(supervisor.env)
    finally:
        supervisor.close()
