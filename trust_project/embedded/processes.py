"""Starting, recognising and ending processes."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
POLL_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A process as the runtime file remembers it; `born` tells a reused pid from the real one."""

    name: str
    pid: int
    born: str
    stop_signal: int

    def alive(self) -> bool:
        return bool(self.born) and born(self.pid) == self.born


def born(pid: int) -> str:
    """Boot and start time of a running process, or an empty text when there is none."""
    if sys.platform != "linux":
        return born_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    # The command name may hold spaces and brackets, so count from its last bracket.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else f"{boot}:{fields[18]}"


def born_by_ps(pid: int) -> str:
    state, _, started = ask_ps(pid, "stat=,lstart=").partition(" ")
    return "" if state.startswith("Z") else " ".join(started.split())


def command_line(pid: int) -> str:
    """The program and arguments of a process, or an empty text."""
    if sys.platform != "linux":
        return ask_ps(pid, "command=")
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def ask_ps(pid: int, columns: str) -> str:
    """Systems without /proc all have ps; small Linux images often have not."""
    command = ["ps", "-o", columns, "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    run_as: str = "same",
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process in its own session, writing to `log`, that dies with this one."""
    wrapped = [*launch_prefix(death_signal, run_as), *command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            wrapped,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )


def launch_prefix(death_signal: int, run_as: str) -> list[str]:
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return [*launcher, str(int(death_signal)), str(os.getpid()), run_as, "--"]


def end_group(pid: int) -> None:
    """Kill what is left of a process's own session, for example a busy pool child."""
    # PermissionError: on macOS a group of only zombies may not be signalled.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_recorded(
    processes: Sequence[Recorded], *, patience: float, just_orphaned: bool = False
) -> list[str]:
    """End processes that outlived their supervisor, in the order given; answer their names.

    The rest of a group is killed only while its number is surely ours: we have just seen its
    leader alive, or the supervisor died this moment (`just_orphaned`).
    """
    ended = []
    for process in processes:
        was_alive = process.alive()
        if was_alive:
            ended.append(process.name)
            end_one(process, patience=patience)
        if was_alive or just_orphaned:
            end_group(process.pid)
    return ended


def end_one(process: Recorded, *, patience: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, process.stop_signal)
    deadline = time.monotonic() + patience
    while process.alive() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if process.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented, for a message that has to explain a failure."""
    if not log.exists():
        return "    (no log)"
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 8192))
        text = stream.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (empty)"
