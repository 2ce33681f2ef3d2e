"""The demonstration's client against a server that answers from a script."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from trust_project.demo.client import AnswerError, Client


class Script(http.server.HTTPServer):
    """Answers one request after another with what the test wrote down."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers: list[tuple[int, dict]] = []
        self.requests: list[tuple[str, str, str]] = []


class Answer(http.server.BaseHTTPRequestHandler):
    server: Script

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.requests.append((self.command, self.path, body))
        status, content = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    do_GET = do_POST = answer  # noqa: N815  names that the base class looks for

    def log_message(self, *arguments: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def server() -> Iterator[Script]:
    script = Script()
    threading.Thread(target=script.serve_forever, args=(0.01,), daemon=True).start()
    yield script
    script.shutdown()
    script.server_close()


@pytest.fixture
def client(server: Script, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    return Client(server.server_port, "secret")


def test_a_definition_that_stands_is_not_sent_again(client, server):
    server.answers = [(200, {}), (404, {}), (201, {})]
    client.define("datasets/", "d", {"slug": "d"})
    client.define("datasets/", "d", {"slug": "d"})

    methods = [method for method, _, _ in server.requests]
    assert methods == ["GET", "GET", "POST"]
    assert json.loads(server.requests[-1][2]) == {"slug": "d"}


def test_a_definition_that_is_refused_is_an_error_in_the_services_words(client, server):
    server.answers = [(404, {}), (409, {"detail": "The name 'd' is taken."})]

    with pytest.raises(AnswerError, match="answered 409: The name 'd' is taken"):
        client.define("datasets/", "d", {"slug": "d"})


def test_an_upload_is_followed_until_it_is_stored(client, server):
    busy = {"id": "1", "state": "checking", "finished_at": None}
    stored = {"id": "1", "state": "stored", "finished_at": "now", "rows": {"read": 1}}
    server.answers = [(202, busy), (200, busy), (200, stored)]

    assert client.upload("datasets/d/", "labels", "item\nä\n", question="q") == stored
    assert server.requests[0] == (
        "POST",
        "/api/v1/datasets/d/uploads/labels/?question=q",
        "item\nä\n",
    )


def test_an_upload_with_problems_says_the_first_of_them(client, server):
    rejected = {
        "state": "rejected",
        "finished_at": "now",
        "problems": [{"message": "Line 2: 5 is not a value."}],
    }
    server.answers = [(200, rejected)]

    with pytest.raises(AnswerError, match=r"labels file was not stored: Line 2: 5 is not a value"):
        client.upload("datasets/d/", "labels", "item\n1\n")


def test_a_result_that_is_on_its_way_is_waited_for(client, server):
    server.answers = [(404, {"code": "not_ready"}), (200, {"value": 1})]

    assert client.result("datasets/d/agreement/") == {"value": 1}


def test_a_result_that_failed_is_an_error(client, server):
    server.answers = [(404, {"code": "no_result", "detail": "Its last run failed: no memory."})]

    with pytest.raises(AnswerError, match="last run failed: no memory"):
        client.result("datasets/d/agreement/")


def test_an_answer_that_is_no_json_is_an_error_and_not_a_crash(client, server):
    server.shutdown()
    server.server_close()

    with pytest.raises(AnswerError, match="was not answered"):
        client.result("datasets/d/agreement/")
