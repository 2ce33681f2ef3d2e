"""A small REST client: definitions, files and results, with patience for what takes a while."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode

HOST = "127.0.0.1"
#: Seconds that one request waits at the server, and all of them for one answer.
WAIT_AT_SERVER = 30
PATIENCE = 180.0


class AnswerError(Exception):
    """The service answered something else than what the demonstration needs; in a sentence."""


class Client:
    """Speaks to the service on this machine, with a token."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    def define(self, collection: str, name: str, fields: dict[str, Any]) -> None:
        """Make a data set or one of its definitions, unless an earlier call made it."""
        status, _ = self.request("GET", f"{collection}{name}/")
        if status == 404:
            self.expect(201, "POST", collection, body=json.dumps(fields))

    def upload(self, dataset: str, kind: str, table: str, **query: str) -> dict[str, Any]:
        """Send a CSV file and wait until it is stored; what became of its rows."""
        path = f"{dataset}uploads/{kind}/?{urlencode(query)}"
        status, answer = self.request("POST", path, body=table, content_type="text/csv")
        deadline = time.monotonic() + PATIENCE
        while status == 202 and time.monotonic() < deadline:
            status, answer = self.request("GET", f"{dataset}uploads/{answer['id']}/")
            if answer.get("finished_at") is None:
                status = 202
        if status != 200 or answer["state"] != "stored":
            raise AnswerError(f"The {kind} file was not stored: {reason_in(answer)}")
        return dict(answer)

    def result(self, path: str) -> dict[str, Any]:
        """The newest result at an address, once the run that computes it has ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, answer = self.request("GET", path)
            if status == 200:
                return dict(answer)
            if answer.get("code") != "not_ready" or time.monotonic() > deadline:
                raise AnswerError(f"There is no result at {path}: {reason_in(answer)}")

    def expect(self, wanted: int, method: str, path: str, *, body: str | None = None) -> Any:
        status, answer = self.request(method, path, body=body)
        if status != wanted:
            raise AnswerError(f"{method} {path} was answered {status}: {reason_in(answer)}")
        return answer

    def request(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        content_type: str = "application/json",
    ) -> tuple[int, Any]:
        """One request; its status and the JSON in the answer."""
        headers = {
            "Authorization": f"Token {self.token}",
            "Prefer": f"wait={WAIT_AT_SERVER}",
            "Content-Type": content_type,
        }
        # Not urllib: it would ask the proxy named in the environment for our own address.
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2 * WAIT_AT_SERVER)
        try:
            data = None if body is None else body.encode()
            connection.request(method, f"/api/v1/{path}", data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AnswerError(f"{method} {path} was not answered: {error!r}.") from error
        finally:
            connection.close()


def reason_in(answer: Any) -> str:
    """What a refusal, or an upload with problems, says of itself."""
    if not isinstance(answer, dict):
        return str(answer)
    sentences = [answer.get("detail"), answer.get("failure")]
    sentences += [problem["message"] for problem in answer.get("problems", [])[:3]]
    said = " ".join(str(sentence) for sentence in sentences if sentence)
    return said or f"it is still {answer.get('state', 'unknown')}."
