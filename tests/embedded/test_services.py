"""PostgreSQL and Valkey as a caller gets them from `services`."""

from pathlib import Path
from urllib.parse import urlsplit

import kombu
import psycopg2
import pytest

from tests.embedded.database import ask, change
from trust_project.embedded import identity
from trust_project.embedded.binaries import find_postgres
from trust_project.embedded.console import RefusedError
from trust_project.embedded.supervisor import services


@pytest.fixture(autouse=True)
def _no_servers_of_the_caller(monkeypatch):
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_services_work_on_a_private_socket_and_vanish_afterwards(tmp_path):
    root = tmp_path / "deep and, long" / ("x" * 100)
    with services(root) as env:
        role = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert ask(env["DATABASE_URL"], role) == [(False, True)]
        assert ask(
            env["DATABASE_URL"], "SELECT upper('éà'), current_setting('listen_addresses')"
        ) == [("ÉÀ", "")]
        with kombu.Connection(env["CELERY_BROKER_URL"]) as connection:
            queue = connection.SimpleQueue("bell")
            queue.put({"run": 7})
            assert queue.get(timeout=5).payload == {"run": 7}
        sockets = Path(urlsplit(env["CELERY_BROKER_URL"]).path).parent
        assert sockets.exists()
        refused = env["DATABASE_URL"].replace("trust:", "trust:wrong-", 1)
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(refused)
        assert len(env["SECRET_KEY"]) >= 50

    assert not root.exists()
    assert not sockets.exists()


def test_data_outlive_a_stop_and_a_lost_password_file_is_made_anew(tmp_path):
    with services(tmp_path, throwaway=False) as env:
        change(env["DATABASE_URL"], "CREATE TABLE kept AS SELECT 42 AS value")
        secret = env["SECRET_KEY"]
        assert ask(env["DATABASE_URL"], "SELECT current_setting('fsync')") == [("on",)]
    (tmp_path / "postgres-password").unlink()

    with services(tmp_path, throwaway=False) as env:
        assert ask(env["DATABASE_URL"], "SELECT value FROM kept") == [(42,)]
        assert env["SECRET_KEY"] == secret


def test_data_of_another_major_version_are_refused_with_the_way_out(tmp_path):
    cluster = tmp_path / "postgres"
    cluster.mkdir(mode=0o700)
    (cluster / "PG_VERSION").write_text("9\n")

    refusal = pytest.raises(RefusedError, match=r"written by PostgreSQL 9.*pg_dump.*pg_restore")
    with refusal, services(tmp_path, throwaway=False):
        pytest.fail("started on another version's data")


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(tmp_path):
    with services(tmp_path, throwaway=False):
        pid_file = (tmp_path / "postgres" / "postmaster.pid").read_text()
    # Process 1 always lives and is never this PostgreSQL.
    stale = "\n".join(["1", *pid_file.splitlines()[1:]])
    (tmp_path / "postgres" / "postmaster.pid").write_text(stale)

    with services(tmp_path, throwaway=False) as env:
        assert ask(env["DATABASE_URL"], "SELECT 1") == [(1,)]


def test_named_servers_are_used_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@elsewhere/theirs")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere:6379/3")

    with services(tmp_path / "state") as env:
        assert env["DATABASE_URL"] == "postgresql://me@elsewhere/theirs"
        assert env["CELERY_BROKER_URL"] == "redis://elsewhere:6379/3"
        assert not (tmp_path / "state" / "postgres").exists()


def test_root_lends_postgresql_a_user_namespace_or_the_user_nobody(tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(identity.os, "geteuid", lambda: 0)
    monkeypatch.setattr(identity, "can_run", lambda who, command: tried.append(who) or True)
    assert identity.server_identity(Path("/bin"), tmp_path) == "namespace"

    monkeypatch.setattr(identity, "can_run", lambda who, command: who != "namespace")
    nobody = identity.server_identity(Path("/bin"), tmp_path)
    assert nobody.partition(":")[0].isdigit()

    monkeypatch.setattr(identity, "can_run", lambda who, command: False)
    with pytest.raises(RefusedError, match=r"refuses to run as root.*ordinary user.*/opt"):
        identity.server_identity(find_postgres().directory, tmp_path)


def test_an_ordinary_user_runs_postgresql_as_himself(tmp_path, monkeypatch):
    monkeypatch.setattr(identity.os, "geteuid", lambda: 1000)

    assert identity.server_identity(Path("/bin"), tmp_path) == "same"
