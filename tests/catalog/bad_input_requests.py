"""The published bad inputs that are not a file: requests, and files cut off or sent as forms.

Each builder sends the request and answers with ``(status, body)``.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from rest_framework.test import APIClient

from catalog.models import ApiToken, Upload
from tests.catalog.bad_input_files import labels
from tests.conftest import Trust, work_off

Answer = tuple[int, Any]
LABELS = labels("i1,ann,cat", "i2,ann,cat")
BOUNDARY = "----form7d4a6d158c9"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def answer_of(response: Any) -> Answer:
    assert response.status_code < 500 or response.status_code in (503, 507), response.content
    body = json.loads(response.content) if response.content else None
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert body["detail"].endswith(".")
    return response.status_code, body


def post(alice: Trust, path: str, body: bytes | str, content_type: str = "application/json") -> Any:
    return alice.http.generic("POST", f"/api/v1/{path}", body, content_type)


def create(alice: Trust, body: bytes | str, content_type: str = "application/json") -> Answer:
    return answer_of(post(alice, "datasets/", body, content_type))


def get(alice: Trust, path: str) -> Answer:
    return answer_of(alice.http.get(f"/api/v1/{path}"))


def creating(body: bytes | str, content_type: str = "application/json") -> Any:
    return lambda alice, path: create(alice, body, content_type)


def getting(address: str) -> Any:
    return lambda alice, path: get(alice, address)


def part(name: str = "file", body: str = LABELS, extra: str = "") -> str:
    lines = (
        f"--{BOUNDARY}",
        f'Content-Disposition: form-data; name="{name}"; filename="labels.csv"',
        f"Content-Type: text/csv{extra}",
        "",
        body,
    )
    return "\r\n".join(lines) + "\r\n"


END = f"--{BOUNDARY}--\r\n"


def send_form(alice: Trust, path: str, form: str, promised: int | None = None) -> Answer:
    data = form.encode()
    wsgi = {"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(promised or len(data))}
    url = f"/api/v1/{path}uploads/labels/"
    return answer_of(alice.http.generic("POST", url, "", FORM, **wsgi))


def cut_form(alice: Trust, path: str) -> Answer:
    """Cut within the file, and within the last boundary; the whole form is taken."""
    body = LABELS + "".join(f"i{k},ann,cat\n" for k in range(3, 400_000))
    whole = part(body=body) + END
    answers = [
        send_form(alice, path, whole[:cut], promised=len(whole))
        for cut in (70_000, 4_000_000, len(whole) - 6)
    ]
    assert answers[0][0] == answers[1][0] == answers[2][0]
    assert answers[0][1]["code"] == answers[1][1]["code"] == answers[2][1]["code"]
    assert not Upload.objects.exists()
    status, sent = send_form(alice, path, part() + END)
    assert status == 202
    assert sent["sha256"] == hashlib.sha256(LABELS.encode()).hexdigest()
    return answers[0]


def base64_form(alice: Trust, path: str) -> Answer:
    encoded = base64.b64encode(LABELS.encode()).decode()
    extra = "\r\nContent-Transfer-Encoding: base64"
    return send_form(alice, path, part(body=encoded, extra=extra) + END)


def form_without_file(alice: Trust, path: str) -> Answer:
    assert send_form(alice, path, END)[1]["code"] == "file_required"
    return send_form(alice, path, part(name="document") + END)


def cut_body(alice: Trust, path: str) -> Answer:
    wsgi = {"wsgi.input": io.BytesIO(b"x" * 4_000_000), "CONTENT_LENGTH": "5500000"}
    url = f"/api/v1/{path}uploads/labels/"
    return answer_of(alice.http.generic("POST", url, "", "text/csv", **wsgi))


def wrong_digest(alice: Trust, path: str) -> Answer:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    by_query = alice.send(path, "labels", LABELS, expect=400, sha256="0" * 64)
    assert by_query["code"] == "digest_mismatch"
    headers = {"Content-Digest": f"sha-256=:{wrong}:"}
    return 400, alice.send(path, "labels", LABELS, expect=400, headers=headers)


def same_key_again(alice: Trust, path: str) -> Answer:
    headers = {"Idempotency-Key": "k-1"}
    first = alice.send(path, "labels", LABELS, headers=headers)
    again = alice.send(path, "labels", LABELS, headers=headers)
    assert again["id"] == first["id"]
    assert Upload.objects.count() == 1
    assert work_off() >= 1
    return 202, None


def same_key_of_another(alice: Trust, path: str, bob: Trust) -> Answer:
    headers = {"Idempotency-Key": "k-1"}
    first = alice.send(path, "labels", LABELS, headers=headers)
    other = bob.dataset("theirs")
    bob.post(f"{other}questions/", {"name": "pet", "scale": "nominal"})
    second = bob.send(other, "labels", LABELS + "i9,ann,dog\n", headers=headers)
    assert second["id"] != first["id"]
    return 202, None


def bad_keys(alice: Trust, path: str) -> Answer:
    long = alice.send(path, "labels", LABELS, expect=400, headers={"Idempotency-Key": "k" * 300})
    broken = alice.send(path, "labels", LABELS, expect=400, headers={"Idempotency-Key": "a\nb"})
    assert long["code"] == broken["code"]
    return 400, broken


def stale_change(alice: Trust, path: str) -> Answer:
    url = f"/api/v1/{path}questions/pet/"
    first = alice.http.get(url)["ETag"]
    alice.http.patch(url, {"missing_codes": ["?"]}, headers={"If-Match": first})
    stale = alice.http.patch(url, {"missing_codes": ["-"]}, headers={"If-Match": first})
    assert alice.get(f"{path}questions/pet/")["missing_codes"] == ["?"]
    return answer_of(stale)


def database_is_away(alice: Trust, path: str) -> Answer:
    """Nobody is signed in yet, so that the token itself cannot be looked up."""
    _, secret = ApiToken.objects.create(alice.user, name="t", scope="write", expiry=None)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    url = f"/api/v1/{path}uploads/labels/"
    key = {"Idempotency-Key": "k-1"}

    def away(*args: Any) -> None:
        raise OperationalError("connection refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "_cursor", away)
        response = client.generic("POST", url, LABELS, "text/csv", headers=key)
    assert response["Retry-After"]
    assert not Upload.objects.exists()
    again = client.generic("POST", url, LABELS, "text/csv", headers=key)
    assert again.status_code == 202, again.content
    return answer_of(response)


def method_override(alice: Trust, path: str) -> Answer:
    response = alice.http.post(f"/api/v1/{path}", {}, headers={"X-HTTP-Method-Override": "DELETE"})
    assert alice.get(path)["slug"]
    return answer_of(response)


def names_of_every_kind(alice: Trust, path: str) -> Answer:
    for name in ("__proto__", "constructor", "$where", "a__b__c"):
        alice.post(f"{path}attributes/", {"name": name})
        assert alice.get(f"{path}attributes/{quote(name)}/")["name"] == name
    upload = alice.upload(path, "items", "item,__proto__,$where,a__b__c\ni1,x,y,z\n")
    assert upload["state"] == "stored", upload["problems"]
    return 201, None


def wrong_shapes(alice: Trust, path: str) -> Answer:
    for body in ("[]", "7", "true"):
        assert create(alice, body)[1]["code"] == "type"
    assert create(alice, "")[0] == 400
    return create(alice, "null")


def negative_numbers(alice: Trust, path: str) -> Answer:
    alice.post(f"{path}questions/", {"name": "shift", "scale": "interval"})
    body = labels("i1,ann,-0.5", "i1,bob,-0.5", "i2,ann,2", "i2,bob,-0.5")
    assert alice.upload(path, "labels", body, question="shift")["state"] == "stored"
    table = alice.http.get(f"/api/v1/{path}agreement/values.csv", {"question": "shift"})
    assert "\n-0.5," in table.content.decode()
    return table.status_code, None


def named_download(alice: Trust, path: str) -> Answer:
    alice.patch(path, {"name": 'Pets "é"; filename=x.exe'})
    assert alice.http.patch(f"/api/v1/{path}", {"name": "a\r\nX-Evil: 1"}).status_code in (200, 400)
    upload = alice.upload(path, "labels", labels("i1,ann"))
    table = alice.http.get(f"/api/v1/{path}uploads/{upload['id']}/problems.csv")
    assert table["Content-Disposition"] == 'attachment; filename="problems.csv"'
    assert table["X-Content-Type-Options"] == "nosniff"
    assert "X-Evil" not in table.headers
    return table.status_code, None


def fetch_by_url(alice: Trust, path: str) -> Answer:
    body = json.dumps({"url": "http://169.254.169.254/"})
    return answer_of(post(alice, f"{path}import/", body))


def tampered_cursor(alice: Trust, path: str) -> Answer:
    first = alice.get("datasets/", page_size="1")
    assert first["results"]
    alice.dataset("second")
    following = alice.get("datasets/", page_size="1")["next"]
    query = urlsplit(following).query
    right = parse_qs(query)["cursor"][0]
    assert get(alice, f"datasets/?page_size=1&cursor={quote(right)}")[0] == 200
    return get(alice, f"datasets/?cursor={quote('cD14' + right[4:])}")


def odd_ids(alice: Trust, path: str) -> Answer:
    assert get(alice, f"{path}uploads/{quote('١')}/")[0] == 404
    assert get(alice, f"{path}questions/{quote('١')}/")[0] == 404
    return get(alice, f"{path}uploads/{10**30}/")


def read_only_fields(alice: Trust, path: str) -> Answer:
    for name in ("id", "org", "created_by", "status", "role", "version"):
        status, body = create(alice, json.dumps({"slug": "x", name: 1}))
        assert (status, body["errors"][0]["code"]) == (400, "unknown_field"), name
    return status, body


def foreign_labels(alice: Trust, path: str, bob: Trust) -> Answer:
    alice.post(f"{path}members/", {"user": "bob", "role": "contributor", "annotator": "bob"})
    own = bob.upload(path, "labels", labels("i1,bob,cat"))
    assert own["state"] == "stored"
    upload = bob.upload(path, "labels", labels("i1,ann,cat"))
    assert upload["state"] == "rejected"
    return 202, {"code": upload["problems"][0]["code"]}


def long_versions(alice: Trust, path: str) -> Answer:
    fields = {"name": "m", "question": "pet", "classes": ["cat", "dog"]}
    codes = []
    for version in ("", "v" * 300):
        body = json.dumps({**fields, "version": version})
        status, body = answer_of(post(alice, f"{path}models/", body))
        codes.append(body["errors"][0]["code"])
    assert codes == ["blank", "max_length"]
    return status, body


REQUESTS: dict[str, Callable[..., Answer]] = {
    "ENCODING-10": creating(r'{"slug": "a", "description": "a\u0000b"}'),
    "ID-16": foreign_labels,
    "NUMBER-16": creating('{"slug": "a", "min_cell": ' + "1" * 5001 + "}"),
    "NUMBER-17": creating('{"slug": "a", "min_cell": true}'),
    "PREDICTION-13": long_versions,
    "CONFLICT-10": same_key_of_another,
    "CONFLICT-11": bad_keys,
    "CONFLICT-13": stale_change,
    "JSON-01": creating("[" * 100_000 + "]" * 100_000),
    "JSON-02": creating('{"slug": "a", "description": ' + "[" * 900 + "]" * 900 + "}"),
    "JSON-04": creating('{"slug": "a", "min_cell": Infinity}'),
    "JSON-05": creating('{"slug": "a", "min_cell": 1e100000}'),
    "JSON-10": wrong_shapes,
    "JSON-11": creating(json.dumps({"slug": "a", "description": "x" * (3 << 20)})),
    "JSON-13": names_of_every_kind,
    "JSON-14": creating('{"slug": "a"}'.encode("utf-16"), "application/json; charset=utf-16"),
    "TRANSPORT-01": cut_form,
    "TRANSPORT-02": cut_body,
    "TRANSPORT-04": wrong_digest,
    "TRANSPORT-05": same_key_again,
    "TRANSPORT-10": base64_form,
    "TRANSPORT-14": form_without_file,
    "TRANSPORT-16": method_override,
    "TRANSPORT-17": database_is_away,
    "INJECTION-08": negative_numbers,
    "INJECTION-11": named_download,
    "INJECTION-13": fetch_by_url,
    "QUERY-01": getting("datasets/?filter=updated_by__password__startswith%3Dp"),
    "QUERY-02": getting("datasets/?ordering=annotator__user__password"),
    "QUERY-04": getting(f"datasets/?page={10**30}"),
    "QUERY-05": tampered_cursor,
    "QUERY-07": odd_ids,
    "QUERY-08": getting("datasets/?search=%00"),
    "QUERY-08-bytes": getting("datasets/?search=%ff%fe"),
    "QUERY-10": getting("datasets/?label=a&label=b"),
    "QUERY-11": read_only_fields,
    "QUERY-19": getting("datasets/?pattern=(a%2B)%2B%24"),
}


def files_left(upload_dir: Path) -> list[Path]:
    """Files of bodies that were not kept; there are none."""
    return [p for p in upload_dir.rglob("incoming-*") if p.is_file()]
