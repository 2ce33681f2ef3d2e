"""As whom PostgreSQL runs: it refuses root, so root lends it a smaller identity."""

import os
import pwd
import subprocess
from pathlib import Path

from trust_project.embedded.console import RefusedError
from trust_project.embedded.processes import launch_prefix

SAME = "same"
NAMESPACE = "namespace"


def server_identity(programs: Path, state: Path) -> str:
    """How to start PostgreSQL: as ourselves, in a user namespace, or as the user nobody."""
    if os.geteuid() != 0:
        return SAME
    if can_run(NAMESPACE, ["true"]):
        return NAMESPACE
    return lent_identity(programs, state)


def lent_identity(programs: Path, state: Path) -> str:
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise RefusedError(
            "PostgreSQL refuses to run as root, this machine allows no user namespaces and has no "
            "user called nobody. Run ./trust as an ordinary user, or set DATABASE_URL."
        ) from None
    identity = f"{nobody.pw_uid}:{nobody.pw_gid}"
    state.chmod(0o711)
    postgres = programs / "postgres"
    if can_run(identity, [str(postgres), "--version"]) and can_run(
        identity, ["test", "-x", str(state)]
    ):
        return identity
    raise RefusedError(
        "PostgreSQL refuses to run as root, this machine allows no user namespaces, and the user "
        f"nobody cannot reach both {postgres} and {state}. Run ./trust as an ordinary user; or "
        "move the checkout to a directory every user may enter, such as /opt; or set DATABASE_URL."
    )


def can_run(identity: str, command: list[str]) -> bool:
    answer = subprocess.run(
        [*launch_prefix(0, identity), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        check=False,
    )
    return answer.returncode == 0


def hand_over(path: Path, identity: str) -> None:
    """Give a directory to whoever PostgreSQL runs as; only root ever has something to change."""
    if os.geteuid() != 0:
        return
    uid, gid = (0, 0) if identity in (SAME, NAMESPACE) else ids(identity)
    if path.lstat().st_uid == uid:
        return
    for entry in [path, *path.rglob("*")]:
        os.chown(entry, uid, gid, follow_symlinks=False)


def ids(identity: str) -> tuple[int, int]:
    uid, _, gid = identity.partition(":")
    return int(uid), int(gid)
