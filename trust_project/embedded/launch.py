"""Become one server process: die with the supervisor, and never be root where that is refused.

Run by path, as ``python -I -S launch.py SIGNAL PARENT AS -- COMMAND ...``. A small program between
fork and exec, and not a ``preexec_fn``: Python code between fork and exec can deadlock as soon as
the parent has threads, and the signal must be asked for *after* the change of user, which clears
it.

AS is ``same`` (keep the user), ``namespace`` (a user namespace in which we are uid 1000, so that
PostgreSQL does not see root while files stay ours), or ``UID:GID``.
"""

import ctypes
import os
import pathlib
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
NAMESPACE_ID = 1000


def enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    own = pathlib.Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{NAMESPACE_ID} {uid} 1")
    (own / "gid_map").write_text(f"{NAMESPACE_ID} {gid} 1")


def become(identity: str) -> None:
    if identity == "namespace":
        enter_user_namespace()
    elif identity != "same":
        uid, gid = (int(part) for part in identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def die_with(parent: int, number: int) -> None:
    """Linux sends `number` when the parent's forking thread ends; elsewhere the guard does."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        # The parent died before the line above, so its signal will never come.
        sys.exit(1)


def main() -> None:
    number, parent, identity, separator, *command = sys.argv[1:]
    if separator != "--":
        sys.exit("launch.py: SIGNAL PARENT AS -- COMMAND ...")
    try:
        become(identity)
    except OSError as error:
        sys.exit(f"launch.py: cannot become {identity!r}: {error}")
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with(int(parent), int(number))
    os.execvp(command[0], command)  # noqa: S606 - replacing ourselves is the whole purpose


if __name__ == "__main__":
    main()
