"""What is kept in a state directory, and who may read it."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from trust_project.embedded.console import RefusedError
from trust_project.embedded.processes import Recorded
from trust_project.embedded.state import LOGS_KEPT, Runtime, State


def make_state(root: Path) -> State:
    state = State(root)
    state.prepare()
    return state


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_are_private(tmp_path):
    state = make_state(tmp_path / "state")
    first = state.secret("secret-key", 48)

    assert len(first) >= 50
    assert make_state(tmp_path / "state").secret("secret-key", 48) == first
    assert mode(state.root / "secret-key") == 0o600
    assert mode(state.root) == 0o700


def test_one_state_directory_has_one_owner_at_a_time(tmp_path):
    first, second = make_state(tmp_path), make_state(tmp_path)

    assert first.lock()
    assert not second.lock()
    first.unlock()
    assert second.lock()
    second.unlock()


@pytest.mark.parametrize("name", ["x" * 120, "with space", "com,ma", "accentué"])
def test_awkward_paths_get_a_short_private_socket_directory(tmp_path, name):
    directory = make_state(tmp_path / name).socket_directory()
    try:
        assert mode(directory) == 0o700
        assert directory.stat().st_uid == os.geteuid()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(directory / ".s.PGSQL.5432"))
    finally:
        for entry in directory.iterdir():
            entry.unlink()
        directory.rmdir()


def test_a_link_in_place_of_the_socket_directory_is_refused(tmp_path):
    with tempfile.TemporaryDirectory(prefix="short", dir="/tmp") as root:
        state = make_state(Path(root))
        (state.root / "sockets").symlink_to(tmp_path)

        with pytest.raises(RefusedError, match="not a directory of yours"):
            state.socket_directory()


def test_too_little_free_space_is_refused_before_the_start(tmp_path):
    state = make_state(tmp_path)

    state.check_free_space(floor=1)
    with pytest.raises(RefusedError, match="Free at least 1099511627776 MB"):
        state.check_free_space(floor=2**60)


def test_a_place_where_nothing_can_be_written_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(RefusedError, match="Set TRUST_STATE"):
        make_state(tmp_path / "file" / "state")


def test_long_logs_are_moved_aside_and_few_are_kept(tmp_path):
    state = make_state(tmp_path)
    log = state.log("web")
    with log.open("ab") as writer:
        for round_number in range(LOGS_KEPT + 2):
            writer.write(b"%d" % round_number * 100)
            writer.flush()
            state.rotate_logs(limit=50)

    assert log.stat().st_size == 0
    kept = sorted(path.name for path in state.logs.iterdir())
    assert kept == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    assert log.with_name("web.log.1").read_text() == f"{LOGS_KEPT + 1}" * 100


def test_the_runtime_record_survives_writing_and_is_private(tmp_path):
    path = tmp_path / "runtime.json"
    written = Runtime(7, "b", "up", "http://h/", processes=[Recorded("web", 8, "c", 15)])
    written.write(path)

    assert Runtime.read(path) == written
    assert mode(path) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"processes": [{"x": 1}]}'])
def test_a_record_that_cannot_be_read_says_nothing_is_known(tmp_path, text):
    path = tmp_path / "runtime.json"
    path.write_text(text)

    assert Runtime.read(path) is None


def test_a_reused_pid_is_not_taken_for_the_recorded_process():
    here = Recorded("us", os.getpid(), "another boot:12", 15)

    assert not here.alive()
