"""The embedded PostgreSQL: made once, started on a private socket, never touched by others."""

import contextlib
import locale
import shutil
import signal
import subprocess
from pathlib import Path

from trust_project.embedded import identity
from trust_project.embedded.addresses import database_url
from trust_project.embedded.binaries import Programs
from trust_project.embedded.console import RefusedError
from trust_project.embedded.processes import born, command_line, launch_prefix, tail
from trust_project.embedded.state import State

ROLE = "trust"
DATABASE = "trust"
PASSWORD_FILE = "postgres-password"  # noqa: S105 - the name of a file
FIRST_MAJOR_WITH_BUILTIN_LOCALE = 17
SHARED_MEMORY_WANTED = 256 * 1024 * 1024

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    # Bulk loads would otherwise wait for a checkpoint every gigabyte.
    "max_wal_size": "2GB",
    # This server has no standby: what a transaction puts into a table that it has made is written
    # to its place at once instead of to the log first. Backups are dumps or a stopped directory.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Without lz4 in the wheel's build, compressing costs more than building the index itself.
    "wal_compression": "off",
    "checkpoint_timeout": "15min",
    "max_connections": "60",
    "random_page_cost": "1.1",
    # Compiling a query took longer than running it in everything we measured.
    "jit": "off",
}
# For databases that are thrown away: what a crash may lose is of no use to anybody.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """The server of one state directory."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: sessions are ended, everything is written

    def __init__(
        self, state: State, programs: Programs, socket_directory: Path, *, durable: bool = True
    ) -> None:
        self.state = state
        self.programs = programs
        self.socket_directory = socket_directory
        self.durable = durable
        self.run_as = identity.server_identity(programs.directory, state.root)
        self.password_is_new = not (state.root / PASSWORD_FILE).exists()
        self.password = state.secret(PASSWORD_FILE, 24)

    @property
    def data(self) -> Path:
        return self.state.postgres

    @property
    def url(self) -> str:
        return database_url(ROLE, self.password, self.socket_directory, DATABASE)

    def is_new(self) -> bool:
        return not self.data.exists()

    def create(self) -> None:
        """Make the cluster, our role and our database beside the final place, then move them.

        So that a power cut in the middle leaves nothing that looks finished. The superuser gets
        no password and can therefore never log in; the service's role owns one database.
        """
        making = self.data.with_name("postgres.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        identity.hand_over(making, self.run_as)
        options = self.locale() if self.durable else [*self.locale(), "--no-sync"]
        self.run("initdb", "-D", str(making), "-U", "postgres", "--auth=reject", *options)
        (making / "pg_hba.conf").write_text(f"local all {ROLE} scram-sha-256\n")
        self.single_user(
            making,
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.password}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        )
        making.rename(self.data)

    def locale(self) -> list[str]:
        """Sort by code point, know upper and lower case of every letter, on every platform."""
        # The wheel is built without ICU, so its own provider is the only one that can do both.
        if self.programs.major >= FIRST_MAJOR_WITH_BUILTIN_LOCALE:
            builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            return ["--encoding=UTF8", "--locale=C", *builtin]
        letters = "C.UTF-8" if knows_locale("C.UTF-8") else "C"
        return ["--encoding=UTF8", "--locale=C", f"--lc-ctype={letters}"]

    def check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by == str(self.programs.major):
            return
        raise RefusedError(
            f"The data in {self.data} was written by PostgreSQL {made_by}, and the programs here "
            f"are version {self.programs.version}; PostgreSQL does not read another major "
            f"version's files. With the programs of version {made_by}, run pg_dump -Fc on the "
            "database; move the directory away; start again; and read the dump with pg_restore. "
            "docs/operations.md has the commands."
        )

    def repair(self) -> None:
        """Undo what a crash or another identity left behind, before the server starts."""
        identity.hand_over(self.data, self.run_as)
        identity.hand_over(self.socket_directory, self.run_as)
        self.forget_dead_postmaster()
        if self.password_is_new:
            self.single_user(self.data, f"ALTER ROLE {ROLE} PASSWORD '{self.password}'")

    def forget_dead_postmaster(self) -> None:
        """Remove a pid file whose pid now belongs to another program.

        PostgreSQL itself overlooks a pid that is free, but must believe one that is taken, which
        is usual in containers where every boot hands out the same few numbers. Servers that were
        really left behind have been ended through the runtime file before we come here.
        """
        pid_file = self.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            if born(pid) and "postgres" not in command_line(pid):
                pid_file.unlink()

    def command(self) -> list[str]:
        settings = dict(SETTINGS, unix_socket_directories=str(self.socket_directory))
        if not self.durable:
            settings |= THROWAWAY_SETTINGS
        if shared_memory_is_small():
            settings["dynamic_shared_memory_type"] = "mmap"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs.directory / "postgres"), "-D", str(self.data), *options]

    def is_ready(self, pid: int) -> bool:
        """What pg_ctl looks at, so that no client program is needed."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def single_user(self, data: Path, *statements: str) -> None:
        arguments = ["--single", "-j", "-D", str(data), "-c", "log_statement=none", "postgres"]
        self.run("postgres", *arguments, feed=";\n\n".join(statements) + ";\n\n")

    def run(self, program: str, *arguments: str, feed: str = "") -> None:
        log = self.state.log("postgres")
        command = [str(self.programs.directory / program), *arguments]
        with log.open("ab") as output:
            answer = subprocess.run(
                [*launch_prefix(signal.SIGTERM, self.run_as), *command],
                input=feed.encode(),
                stdout=output,
                stderr=output,
                cwd=self.state.root,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                check=False,
            )
        if answer.returncode != 0:
            raise RefusedError(f"{program} failed; {log} ends with\n{tail(log)}")


def knows_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def shared_memory_is_small() -> bool:
    """Containers often have 64 MB of /dev/shm, too little for one parallel query."""
    memory = Path("/dev/shm")  # noqa: S108 - only its size is asked
    return memory.is_dir() and shutil.disk_usage(memory).free < SHARED_MEMORY_WANTED
