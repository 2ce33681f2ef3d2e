"""Reads a file in a process of its own: what a file can break, it breaks there."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from catalog.reading.columns import Layout, Options
from catalog.reading.problems import Code, Fault
from catalog.reading.tables import Table, refused
from catalog.reading.wire import ANSWER, read_table, write_request

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = 77
ORPHANED = 78
_POLL_SECONDS = 0.2
# What Python, C++ and the loader of libraries say where memory ran out.
_STARVED = ("MemoryError", "bad_alloc", "failed to map segment")
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
        with (folder / "errors").open("wb") as errors:
            child = _start(folder, memory_limit, time_limit, errors.fileno())
            fault = _wait(child, time_limit, should_stop)
        fault = fault or _judge(child.returncode, folder, memory_limit, time_limit)
        return read_table(folder) if fault is None else refused(fault.at(None))


def _start(
    folder: Path, memory_limit: int, time_limit: float, errors: int
) -> subprocess.Popen[bytes]:
    # Nothing of our environment is handed on: it may hold the database's password.
    environment = {
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PATH": os.defpath,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
    }
    command = [sys.executable, "-P", "-s", "-m", "catalog.reading"]
    return subprocess.Popen(
        [*command, str(folder), str(memory_limit), str(time_limit)],
        env=environment,
        cwd=folder,
        # Never written to: its end tells the child that this process is gone.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )


def _wait(
    child: subprocess.Popen[bytes], time_limit: float, should_stop: Callable[[], bool]
) -> Fault | None:
    deadline = time.monotonic() + time_limit
    try:
        while True:
            try:
                left = max(deadline - time.monotonic(), 0.0)
                child.wait(min(_POLL_SECONDS, left))
            except subprocess.TimeoutExpired:
                if should_stop():
                    sentence = "Reading was stopped because the upload was cancelled."
                    return Fault(Code.READER_STOPPED, sentence)
                if time.monotonic() >= deadline:
                    return _too_slow(time_limit)
            else:
                return None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        if child.stdin is not None:
            child.stdin.close()


def _judge(status: int, folder: Path, memory_limit: int, time_limit: float) -> Fault | None:
    if status == 0 and (folder / ANSWER).exists():
        return None
    errors = (folder / "errors").read_text(encoding="utf-8", errors="replace")[-4_000:]
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
