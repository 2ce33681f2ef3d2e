"""The child process of ``read_in_child``: reads one file under limits and writes the answer."""

from __future__ import annotations

import math
import os
import resource
import shutil
import sys
import threading
from pathlib import Path

from catalog.reading import read
from catalog.reading.child import ORPHANED, OUT_OF_MEMORY
from catalog.reading.wire import read_request, write_table


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


def end_with_parent(folder: Path) -> None:
    """Leave no orphan: when the parent is gone, so is this process, and the answer's folder."""

    def wait() -> None:
        # By its number: a buffered stdin would be locked when the interpreter ends.
        os.read(0, 1)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(ORPHANED)

    threading.Thread(target=wait, daemon=True).start()


def main(folder: Path, memory_limit: int, time_limit: float) -> int:
    """Read what the folder's request asks for; the status says when memory ran out."""
    path, layout, options = read_request(folder)
    end_with_parent(folder)
    limit_resources(memory_limit, time_limit)
    try:
        write_table(folder, read(path, layout, options))
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
