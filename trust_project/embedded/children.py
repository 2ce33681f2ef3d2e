"""Our own processes, as data: what `./trust up` starts beside PostgreSQL and Valkey."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trust_project.embedded.ports import HOST
from trust_project.embedded.processes import Recorded, born

PROJECT = Path(__file__).resolve().parents[2]
FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
# A process that lived this long was well; its next failure starts with the shortest delay.
WELL_AFTER_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to start a process, how to ask it to stop, and what to do when it ends by itself."""

    name: str
    command: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    run_as: str = "same"
    patience: float = 15.0
    restarts: bool = True


class Child:
    """A plan that is running, or waits to be started again."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.delay = FIRST_DELAY
        self.due: float | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def recorded(self) -> Recorded | None:
        if self.process is None:
            return None
        pid = self.process.pid
        return Recorded(self.plan.name, pid, born(pid), int(self.plan.stop_signal))

    def next_delay(self) -> float:
        """Seconds until the next start: doubled with each quick failure."""
        if time.monotonic() - self.started > WELL_AFTER_SECONDS:
            self.delay = FIRST_DELAY
        delay, self.delay = self.delay, min(self.delay * 2, LONGEST_DELAY)
        return delay


#: What a large upload took is given back, not kept by Arrow's own allocator. (A fixed threshold
#: of glibc's would give back more, and make every numpy temporary cost ten times as much.)
MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}


def application(port: int) -> list[Plan]:
    """Worker, sweeper and web, in the order they are started; the reverse is the stop order."""
    python = sys.executable
    manage = str(PROJECT / "manage.py")
    return [
        Plan("sweeper", [python, manage, "run_sweeper"]),
        Plan("worker", worker_command(python)),
        Plan("web", web_command(python, port)),
    ]


def worker_command(python: str) -> list[str]:
    # Gossip, mingle and heartbeats are for many workers that watch each other; here the
    # database's leases do that.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [
        python,
        "-m",
        "celery",
        "-A",
        "trust_project",
        "worker",
        "-c",
        "2",
        "-l",
        "INFO",
        *quiet,
    ]


def web_command(python: str, port: int) -> list[str]:
    return [
        python, "-m", "gunicorn", "trust_project.wsgi",
        "-b", f"{HOST}:{port}",
        "-w", "2", "--threads", "4",
        # Threads answer a heartbeat while they work, so this ends only a process that hangs.
        "--timeout", "120", "--graceful-timeout", "10", "--keep-alive", "5",
        # Parameters of uploads name columns, and may be long.
        "--limit-request-line", "8190",
        "--max-requests", "20000", "--max-requests-jitter", "2000",
        # Its default is one path in the user's home, the same for every deployment.
        "--no-control-socket",
    ]  # fmt: skip
