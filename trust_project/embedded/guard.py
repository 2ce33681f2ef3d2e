"""A watcher that outlives the supervisor by a few seconds.

``kill -9`` gives the supervisor no chance to stop its children. Linux then signals the direct
ones, but not their own children, and other systems signal nobody. The guard holds the far end of
a pipe: when the supervisor is gone, however it went, the pipe ends, and the guard stops whatever
the runtime file still names.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from trust_project.embedded.processes import end_recorded
from trust_project.embedded.state import Runtime, State, wait_for_lock

PATIENCE = 5.0
LOCK_PATIENCE = 3.0


def clean_up_after(runtime: Runtime, state: State, *, just_orphaned: bool) -> list[str]:
    """End what a dead supervisor left running, and remove its short-lived directories."""
    ended = end_recorded(runtime.processes, patience=PATIENCE, just_orphaned=just_orphaned)
    if runtime.socket_directory is not None:
        shutil.rmtree(runtime.socket_directory, ignore_errors=True)
    if runtime.throwaway:
        shutil.rmtree(state.root, ignore_errors=True)
    else:
        state.runtime.unlink(missing_ok=True)
    return ended


def main() -> None:
    root, pid, birth = sys.argv[1:]
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    state = State(Path(root))
    # The kernel closes the pipe and frees the lock of a killed process at about the same moment,
    # in either order. When the lock stays taken, a new supervisor has it and cleans up itself.
    if not (state.root.is_dir() and wait_for_lock(state, LOCK_PATIENCE)):
        return
    runtime = Runtime.read(state.runtime)
    if runtime is not None and (runtime.pid, runtime.born) == (int(pid), birth):
        clean_up_after(runtime, state, just_orphaned=True)


if __name__ == "__main__":
    main()
