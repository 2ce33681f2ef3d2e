"""`./trust demo --once` from an empty state directory, and once more on what it left."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trust_project.embedded.children import PROJECT

LIMIT = 300


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Runs the script like a person would: nothing of the tests' own services is named."""
    state = tmp_path_factory.mktemp("demo") / "state"
    ours = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "TRUST_UPLOADS")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env |= {
        "TRUST_STATE": str(state),
        "TRUST_PORT": str(port),
        "TRUST_VENV": str(Path(sys.prefix)),
        "http_proxy": "http://127.0.0.1:9/",
    }

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROJECT / "trust"), "demo", "--once"],
            env=env,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )

    first = run()
    return first, run(), state, port


def test_it_ends_well_the_first_time_and_the_second(demo):
    for done in demo[:2]:
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("time", [0, 1])
def test_every_figure_is_in_the_summary(demo, time):
    said = demo[time].stdout

    # Krippendorff's alpha of the 315 ratings, ordinal and nominal, by a second implementation:
    # 0.795573 and 0.582571 (package krippendorff 0.9.0).
    assert re.search(r"alpha, ordinal +0\.80 +\(95 % interval 0\.\d\d to 0\.\d\d\)", said)
    assert re.search(r"grades unordered +0\.58 +\(95 % interval", said)
    assert "3 with age=0-19" in said
    # 14 of 439 patients against 19.4 of 191.8 million.
    assert re.search(r"age=20-29 & sex=M +3\.2 % +10 % +31 too few", said)
    assert re.search(r"Brier score .* 0\.1\d +\(95 % interval", said)
    assert re.search(r"says +\d+ %, right +\d+ % +\(\d+ patients; 95 % interval", said)
    assert re.search(r"Furthest apart: it says \d+ % and is right \d+ %", said)


def test_the_second_time_nothing_changes(demo):
    first, second, *_ = demo

    assert "315 stored" in first.stdout
    assert "442 stored" in first.stdout
    assert " stored" not in second.stdout
    assert "replaced" not in second.stdout


def test_login_and_three_lines_to_try_are_told(demo):
    first, second, state, port = demo
    password = (state / "demo-password").read_text()

    for done in (first, second):
        assert f"Sign in as demo with the password {password}" in done.stdout
        assert done.stdout.count(f"'http://127.0.0.1:{port}/api/v1/datasets/demo-") == 3
    tokens = [re.findall(r"Token (trust_\w+)", done.stdout) for done in (first, second)]
    assert [len(set(found)) for found in tokens] == [1, 1]
