"""`up` and `demo` from the first line to the last, with a small web server in place of ours."""

import io
import socket
import sys

import pytest

from trust_project.embedded import serving
from trust_project.embedded.children import Plan
from trust_project.embedded.console import Console, RefusedError
from trust_project.embedded.ports import HOST
from trust_project.embedded.state import State

WEB = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""

MANAGE = """
import os, socket, sys
if sys.argv[1] == "demo":
    socket.create_connection(("127.0.0.1", int(os.environ["TRUST_PORT"]))).close()
    sys.exit(7 if "--once" in sys.argv else 3)
sys.exit(int(os.environ.get("MIGRATE_ANSWERS", "0")))
"""


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture
def state(tmp_path, monkeypatch, port):
    """A deployment whose servers are elsewhere, so that only our own processes are started."""
    (tmp_path / "manage.py").write_text(MANAGE)
    monkeypatch.setattr(serving, "MANAGE", str(tmp_path / "manage.py"))
    web = Plan("web", [sys.executable, "-c", WEB, str(port)])
    monkeypatch.setattr(serving, "application", lambda port: [web])
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/x")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere/0")
    monkeypatch.setenv("TRUST_PORT", str(port))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    return State(tmp_path / "state")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def test_demo_once_answers_with_the_demonstrations_code_after_an_orderly_stop(state, port):
    lines = io.StringIO()
    code = serving.demo(["--once"], Console(lines), state)

    assert code == 7
    steps = ["tables are up to date", f"answers at http://127.0.0.1:{port}/", "stopping web"]
    positions = [lines.getvalue().index(step) for step in steps]
    assert positions == sorted(positions)
    assert is_free(port)
    assert not state.runtime.exists()


def test_a_demonstration_that_fails_stops_everything_and_says_so(state, port):
    with pytest.raises(RefusedError, match=r"demonstration failed \(exit code 3\)"):
        serving.demo([], Console(io.StringIO()), state)
    assert is_free(port)


def test_tables_that_cannot_be_brought_up_to_date_end_the_start(state, monkeypatch):
    monkeypatch.setenv("MIGRATE_ANSWERS", "1")

    with pytest.raises(RefusedError, match=r"tables could not be brought up to date"):
        serving.up([], Console(io.StringIO()), state)
    assert not state.log("web").exists()


def test_a_web_server_that_ends_while_starting_shows_its_log(state, monkeypatch):
    broken = Plan("web", [sys.executable, "-c", "import sys; sys.exit('no such module: x')"])
    monkeypatch.setattr(serving, "application", lambda port: [broken])

    with pytest.raises(RefusedError, match=r"web ended while starting; .*web\.log ends with\n"):
        serving.up([], Console(io.StringIO()), state)
    assert "no such module: x" in state.log("web").read_text()


def test_a_port_in_use_is_refused_before_anything_is_started(state, port):
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        with pytest.raises(RefusedError, match=f"Port {port} .* is used by another program"):
            serving.up([], Console(io.StringIO()), state)

    assert list(state.logs.iterdir()) == []


def test_up_takes_no_arguments(state):
    with pytest.raises(RefusedError, match="takes no arguments; got '--port 9'"):
        serving.up(["--port", "9"], Console(io.StringIO()), state)
