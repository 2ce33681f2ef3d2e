"""What ``read_in_child`` starts: waits with everything loaded, and is forked to read a file."""

from __future__ import annotations

import json
import math
import os
import resource
import select
import shutil
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from catalog.reading import read
from catalog.reading.child import NUMBER, ORPHANED, OUT_OF_MEMORY
from catalog.reading.wire import ERRORS, read_request, write_table

_REQUEST_BYTES = 1 << 14


def _address_space() -> int:
    """Bytes of address space that this process has taken so far; 0 where that is not told."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0
    return int(status.read_text().split()[0]) * resource.getpagesize()


def limit_resources(memory_limit: int, time_limit: float) -> None:
    """Set what no line of the reader, and no library below it, can go beyond."""
    space = _address_space() + memory_limit
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    seconds = math.ceil(time_limit)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A file of many large columns needs some open files for each.
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))


def end_with_worker(control: socket.socket, folder: Path) -> None:
    """Leave no orphan: when the worker is gone, so is this process, and the answer's folder."""
    # What is said there is for the server; a hang-up is told without listening.
    line = select.poll()
    line.register(control, 0)

    def wait() -> None:
        line.poll()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(ORPHANED)

    threading.Thread(target=wait, daemon=True).start()


def read_one(control: socket.socket, folder: Path, memory_limit: int, time_limit: float) -> int:
    """Read what the folder's request asks for; the status says when memory ran out."""
    os.chdir(folder)
    with (folder / ERRORS).open("wb") as errors:
        os.dup2(errors.fileno(), sys.stderr.fileno())
    path, layout, options = read_request(folder)
    end_with_worker(control, folder)
    limit_resources(memory_limit, time_limit)
    try:
        write_table(folder, read(path, layout, options))
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def serve(control: socket.socket) -> None:
    """Fork for each request; tell the child's number, and how it ended. Returns at a hang-up."""
    while request := control.recv(_REQUEST_BYTES):
        folder, memory_limit, time_limit = json.loads(request)
        child = os.fork()
        if not child:
            # What it holds goes with it; taking that apart first would take as long as reading.
            os._exit(read_one(control, Path(folder), memory_limit, time_limit))
        control.sendall(NUMBER.pack(child))
        _, status = os.waitpid(child, 0)
        control.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    # Loaded when they are first needed, which each fork would do again; numpy's by np.unique.
    for name in ("catalog.reading.clean", "numpy.ma"):
        import_module(name)
    # Nobody is there any more to be told how a child ended.
    with suppress(BrokenPipeError):
        serve(socket.socket(fileno=sys.stdin.fileno()))
