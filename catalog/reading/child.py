"""Reads a file in a process of its own: what a file can break, it breaks there.

Starting an interpreter with its libraries takes as long as reading half a million rows. So a
process that has them loaded waits, and is forked for each file; the fork alone opens the file.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.problems import Code, Fault
from catalog.reading.tables import Table, refused
from catalog.reading.wire import ANSWER, ERRORS, read_table, write_request

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = 77
ORPHANED = 78
#: How the server tells a number: the child's, and then its status.
NUMBER = struct.Struct("=q")
_POLL_SECONDS = 0.2
# What Python, C++, the loader of libraries and Arrow say where memory ran out.
_STARVED = ("MemoryError", "bad_alloc", "failed to map segment", "Out of memory")
_ROOT = Path(__file__).resolve().parents[2]


def read_in_child(
    path: Path | str,
    layout: Layout,
    options: Options,
    *,
    memory_limit: int,
    time_limit: float,
    should_stop: Callable[[], bool] = lambda: False,
    scratch: Path | None = None,
) -> Table:
    """Read a file in a child process; a child that fails is a problem of the table, not an error.

    Parameters
    ----------
    path, layout, options
        As for :func:`catalog.reading.read`.
    memory_limit : int
        Bytes that reading may take beyond what the interpreter and its libraries take.
    time_limit : float
        Seconds, by the clock and of the processor.
    should_stop : callable
        Asked about five times a second; the child is killed when it answers true.
    scratch : Path or None
        Where the private folder for the answer is made; by default the system's.
    """
    with tempfile.TemporaryDirectory(prefix="reading-", dir=scratch) as name:
        folder = Path(name)
        write_request(folder, Path(path), layout, options)
        status, fault = _run(folder, memory_limit, time_limit, should_stop)
        fault = fault or _judge(status, folder, memory_limit, time_limit)
        return read_table(folder) if fault is None else refused(fault.at(None))


class Server:
    """A process with all that reading needs loaded; it forks for each file, one after the other.

    It ends when this process ends or closes it, and so does what it forked.
    """

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        # Nothing of our environment is handed on: it may hold the database's password.
        environment = {
            "PYTHONPATH": str(_ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "PATH": os.defpath,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            # A process that forks must have no other thread.
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
            "MALLOC_ARENA_MAX": "2",
            # What one block needed is there for the next one, instead of being cleared anew.
            "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
            "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
        }
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "catalog.reading"],
                env=environment,
                cwd="/",
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def fork(self, folder: Path, memory_limit: int, time_limit: float) -> int | None:
        """Have what a folder asks for read; the child's number, ``None`` where nobody answers."""
        try:
            self._control.sendall(json.dumps([str(folder), memory_limit, time_limit]).encode())
        except OSError:
            return None
        return self.hear()

    def answers_within(self, seconds: float) -> bool:
        """Whether there is something to hear, or nobody to hear from any more."""
        return bool(select.select([self._control], [], [], seconds)[0])

    def hear(self) -> int | None:
        """The next number that is told, ``None`` where nobody is left to tell it."""
        try:
            said = self._control.recv(NUMBER.size)
        except OSError:
            return None
        return NUMBER.unpack(said)[0] if said else None

    def close(self) -> None:
        """End it, and what it forked."""
        self._control.close()
        self.process.wait()


_idle: list[Server] = []


def close_servers() -> None:
    """End the processes that wait for the next file."""
    while _idle:
        _idle.pop().close()


atexit.register(close_servers)
# A forked process must not hear what its parent is told.
os.register_at_fork(after_in_child=_idle.clear)


def _run(
    folder: Path, memory_limit: int, time_limit: float, should_stop: Callable[[], bool]
) -> tuple[int, Fault | None]:
    """How a reader ended, and why if it was ended from here."""
    began = time.monotonic()
    server, child = _ask(folder, memory_limit, time_limit)
    if child is None:
        return server.process.wait(), None
    fault = None
    try:
        fault = _watch(server, began + time_limit, time_limit, should_stop)
    finally:
        if not server.answers_within(0):
            _kill(child)
        status = server.hear()
        if status is not None:
            _idle.append(server)
    if status is None:
        # Whoever ended the server did not end what it forked.
        _kill(child)
        status = -signal.SIGKILL
        server.close()
    return status, fault


def _ask(folder: Path, memory_limit: int, time_limit: float) -> tuple[Server, int | None]:
    """Have it read by a server that waits, or by a new one where none does or it is gone."""
    with suppress(IndexError):
        while True:
            server = _idle.pop()
            if (child := server.fork(folder, memory_limit, time_limit)) is not None:
                return server, child
            server.close()
    server = Server()
    return server, server.fork(folder, memory_limit, time_limit)


def _watch(
    server: Server, deadline: float, time_limit: float, should_stop: Callable[[], bool]
) -> Fault | None:
    """Wait for the reader's end, or for the server's; why it is to be ended, if it is."""
    while not server.answers_within(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0.0))):
        # What it forked holds its end of the line.
        if server.process.poll() is not None:
            return None
        if should_stop():
            sentence = "Reading was stopped because the upload was cancelled."
            return Fault(Code.READER_STOPPED, sentence)
        if time.monotonic() >= deadline:
            return _too_slow(time_limit)
    return None


def _kill(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _judge(status: int, folder: Path, memory_limit: int, time_limit: float) -> Fault | None:
    if status == 0 and (folder / ANSWER).exists():
        return None
    errors = _errors(folder)
    if status == -signal.SIGXCPU:
        return _too_slow(time_limit)
    # SIGKILL that we did not send is the kernel's when memory runs out.
    starved = status in (OUT_OF_MEMORY, -signal.SIGKILL)
    if starved or any(sign in errors for sign in _STARVED):
        sentence = (
            f"Reading the file takes more than {memory_limit >> 20:,} MiB of memory; send it in "
            "parts, or as CSV."
        )
        return Fault(Code.READER_MEMORY_LIMIT, sentence)
    logger.error("The reader ended with status %s: %s", status, errors)
    sentence = (
        "The file could not be read: the reader ended unexpectedly. Send it as CSV, and tell "
        "whoever runs this service, whose log says more."
    )
    return Fault(Code.READER_FAILED, sentence)


def _too_slow(time_limit: float) -> Fault:
    sentence = f"Reading the file takes more than {time_limit:g} seconds; send it in parts."
    return Fault(Code.READER_TIME_LIMIT, sentence)


def _errors(folder: Path) -> str:
    path = folder / ERRORS
    return path.read_text(encoding="utf-8", errors="replace")[-4_000:] if path.exists() else ""
