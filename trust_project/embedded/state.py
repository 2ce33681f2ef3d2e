"""The state directory: where data, secrets, logs and the record of what runs are kept."""

import dataclasses
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

from trust_project.embedded.console import RefusedError
from trust_project.embedded.processes import POLL_SECONDS, Recorded

FREE_SPACE_FLOOR = 200 * 1024 * 1024
LOG_LIMIT = 10 * 1024 * 1024
LOGS_KEPT = 3
# sun_path holds 108 bytes on Linux and 104 on macOS; PostgreSQL adds "/.s.PGSQL.5432.lock".
SOCKET_DIR_LIMIT = 80
# A comma separates directories for PostgreSQL, a space ends a word for Valkey: such paths and
# long ones get a short directory of their own.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_/.-]+")


class State:
    """One deployment's directory. Only its owner may read it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.postgres = root / "postgres"
        self.runtime = root / "runtime.json"
        self.lock_file = root / "supervisor.lock"
        self._lock: TextIO | None = None

    def prepare(self) -> None:
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise RefusedError(
                f"The state directory {self.root} cannot be made: {error.strerror}. "
                "Set TRUST_STATE to a directory you may write to."
            ) from None
        owner = self.root.stat().st_uid
        if owner != os.geteuid():
            raise RefusedError(
                f"The state directory {self.root} belongs to user id {owner}, and you are "
                f"{os.geteuid()}. Run as its owner, or set TRUST_STATE to a directory of yours."
            )
        self.root.chmod(0o700)

    def check_free_space(self, floor: int = FREE_SPACE_FLOOR) -> None:
        free = shutil.disk_usage(self.root).free
        if free < floor:
            raise RefusedError(
                f"Only {free // 1024**2} MB are free where {self.root} lies, and PostgreSQL stops "
                f"in the middle of its work on a full disk. Free at least {floor // 1024**2} MB, "
                "or set TRUST_STATE to a directory on another disk."
            )

    def lock(self) -> bool:
        """Take this directory for one supervisor; the kernel frees it when the process ends."""
        stream = self.lock_file.open("a+")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            return False
        self._lock = stream
        return True

    @property
    def locked(self) -> bool:
        """Whether it was this object that took the directory."""
        return self._lock is not None

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secret(self, name: str, size: int = 32) -> str:
        """A random text made once and kept in a file only its owner can read."""
        path = self.root / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(size))
        return path.read_text()

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def rotate_logs(self, limit: int = LOG_LIMIT) -> None:
        """Move long logs aside; those being written are copied and emptied, not renamed."""
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > limit:
                rotate(log)

    def socket_directory(self) -> Path:
        """A private directory whose path is short and plain enough for a socket's address."""
        near = self.root / "sockets"
        if PLAIN_PATH.fullmatch(str(near)) and len(str(near)) <= SOCKET_DIR_LIMIT:
            near.mkdir(mode=0o700, exist_ok=True)
            check_private(near)
            return near
        parent = tempfile.gettempdir()
        if len(parent) > SOCKET_DIR_LIMIT - 20 or not PLAIN_PATH.fullmatch(parent):
            parent = "/tmp"  # noqa: S108 - mkdtemp makes a new directory of ours, mode 0700
        return Path(tempfile.mkdtemp(prefix="trust-", dir=parent))


@dataclasses.dataclass
class Runtime:
    """What runs on a state directory: written by the supervisor, read by every other command."""

    pid: int
    born: str
    purpose: str
    address: str | None = None
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    socket_directory: str | None = None
    throwaway: bool = False
    ready: bool = False
    processes: list[Recorded] = dataclasses.field(default_factory=list)

    def write(self, path: Path) -> None:
        write_private(path, json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "Runtime | None":
        try:
            fields: dict[str, Any] = json.loads(path.read_text())
            fields["processes"] = [Recorded(**process) for process in fields["processes"]]
            return cls(**fields)
        except (OSError, ValueError, KeyError, TypeError):
            # Absent, cut off by a full disk, or of another version: then nothing is known.
            return None


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 600 whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).replace(path)


def check_private(directory: Path) -> None:
    found = directory.lstat()
    # Root may find it owned by the user it lent to PostgreSQL.
    ours = found.st_uid == os.geteuid() or os.geteuid() == 0
    if not (stat.S_ISDIR(found.st_mode) and ours):
        raise RefusedError(f"{directory} is not a directory of yours; remove it and start again.")
    os.chown(directory, os.geteuid(), -1)
    directory.chmod(0o700)


def rotate(log: Path) -> None:
    for number in range(LOGS_KEPT, 1, -1):
        older = log.with_name(f"{log.name}.{number - 1}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def wait_for_lock(state: State, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not state.lock():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
