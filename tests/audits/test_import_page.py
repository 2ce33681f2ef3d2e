"""The import page: a file is chosen, checked without storing, stored, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotations.models import Label
from catalog.models import Upload
from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust, work_off

IMPORT = "/datasets/pets/import/"
WIDE = "item,ann,bob\n" + "".join(f"i{k},cat,{'dog' if k % 2 else ''}\n" for k in range(4))
OTHER = "image,annotator,label\ni9,ann,cat\n"


@pytest.fixture
def pets(alice: Trust) -> Client:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return browser(alice)


def send(client: Client, body: str, **fields: str) -> Markup:
    """Choose a file, press the button, and look at what is told once it was read."""
    file = SimpleUploadedFile("labels.csv", body.encode(), "application/vnd.ms-excel")
    answer = client.post(IMPORT, {"kind": "labels", "file": file, **fields})
    assert answer.status_code == 302, answer.content[:3000]
    return look(client, answer["Location"])


def look(client: Client, address: str) -> Markup:
    waiting = Markup(client.get(address).content.decode())
    assert waiting.faults() == []
    assert {"http-equiv": "refresh", "content": "2"} in waiting.all("meta")
    work_off()
    return told(client, address)


def told(client: Client, address: str) -> Markup:
    shown = Markup(client.get(address).content.decode())
    assert shown.faults() == []
    assert all(a.get("http-equiv") != "refresh" for a in shown.all("meta"))
    return shown


def press(client: Client, action: str) -> Any:
    return client.post(f"{IMPORT}{newest().pk}/", {"action": action})


def newest() -> Upload:
    return Upload.objects.order_by("received_at").last()  # type: ignore[return-value]


def actions(shown: Markup) -> list[str | None]:
    return [a.get("value") for a in shown.all("button") if a.get("name") == "action"]


def test_a_file_is_checked_then_stored_then_taken_back(pets: Client) -> None:
    checked = send(pets, WIDE, format="wide", orientation="items_in_rows")
    assert "4 items x 2 annotators, 6 labels." in checked.text
    assert "nothing is stored yet" in checked.text
    assert actions(checked) == ["store"]
    assert not Label.objects.exists()

    stored = look(pets, press(pets, "store")["Location"])
    assert "The file is stored" in stored.text
    assert actions(stored) == ["withdraw"]
    assert Label.objects.count() == 6

    back = told(pets, press(pets, "withdraw")["Location"])
    assert "The file was taken back" in back.text
    assert actions(back) == []
    assert not Label.objects.exists()


def test_problems_stand_with_line_column_value_and_what_to_do(pets: Client) -> None:
    rows = "".join(f"i{k},ann,cat,{'abc' if k % 3 else '0.5'}\n" for k in range(90))
    shown = send(pets, "item,annotator,label,confidence\n" + rows)
    assert "60 problems The first 50 stand here." in shown.text
    assert "3 confidence abc Line 3, column 'confidence': 'abc' is not a number" in shown.text
    assert any(link.endswith("/problems.csv") for link in shown.links())
    assert actions(shown) == ["skip"]
    look(pets, press(pets, "skip")["Location"])
    assert Label.objects.count() == 30


def test_how_the_last_file_was_read_is_offered_and_applied_by_a_button(pets: Client) -> None:
    send(pets, OTHER, columns="item = image")
    look(pets, press(pets, "store")["Location"])

    refused = send(pets, OTHER.replace("i9", "i10"))
    assert "columns item = image" in refused.text
    assert actions(refused) == ["like_last"]
    assert actions(look(pets, press(pets, "like_last")["Location"])) == ["store"]

    form = pets.get(f"{IMPORT}?kind=labels&like=last").content.decode()
    assert ">item = image</textarea>" in form
    assert Markup(form).faults() == []


@pytest.mark.parametrize(
    "kind", ["items", "annotators", "reference-labels", "population", "predictions", "features"]
)
def test_every_kind_has_its_form(pets: Client, kind: str) -> None:
    shown = Markup(pets.get(f"{IMPORT}?kind={kind}").content.decode())
    assert shown.faults() == []
    assert {"type": "hidden", "name": "kind", "value": kind} in shown.all("input")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 400, "No file arrived whole"),
        ({"file": b"PK\x03\x04"}, 415, "of the kind zip"),
        ({"file": b"x", "orientation": "sideways", "format": "wide"}, 400, "orientation must be"),
        ({"file": b"x", "question": "mood"}, 400, "no question 'mood'"),
    ],
)
def test_a_form_that_cannot_be_taken_says_why(
    pets: Client, fields: dict[str, Any], status: int, words: str
) -> None:
    if "file" in fields:
        fields = {**fields, "file": SimpleUploadedFile("x.csv", fields["file"])}
    answer = pets.post(IMPORT, {"kind": "labels", **fields})
    assert answer.status_code == status
    assert words in Markup(answer.content.decode()).text
    assert not Upload.objects.exists()


def test_a_form_without_its_key_is_refused_and_a_large_one_before_it_is_read(
    alice: Trust, pets: Client, settings: Any
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice.user)
    file = SimpleUploadedFile("labels.csv", OTHER.encode())
    assert strict.post(IMPORT, {"kind": "labels", "file": file}).status_code == 403
    settings.MAX_UPLOAD_BYTES = 100
    answer = pets.post(IMPORT, {"kind": "labels", "file": SimpleUploadedFile("x", b"x" * 200)})
    assert "at most 100 are taken" in Markup(answer.content.decode()).text
    assert not Upload.objects.exists()


def test_a_role_sends_what_it_may(alice: Trust, pets: Client, member: Callable[..., Trust]) -> None:
    contributor, auditor = member("contributor"), member("auditor")
    shown = Markup(page(contributor, IMPORT))
    assert [link for link in shown.links() if link.startswith("?kind=")] == ["?kind=labels"]
    page(contributor, f"{IMPORT}?kind=items", expect=400)
    page(auditor, IMPORT, expect=403)
    assert IMPORT not in Markup(page(auditor, "/datasets/pets/")).links()
    assert IMPORT in Markup(page(contributor, "/datasets/pets/")).links()

    send(pets, "item,annotator,label\ni1,ann,cat\n")
    theirs = browser(contributor).post(f"{IMPORT}{newest().pk}/", {"action": "store"})
    assert theirs.status_code == 404
    own = browser(contributor)
    send(own, "item,annotator,label\ni2,ann,cat\n")
    assert actions(look(own, press(own, "store")["Location"])) == []
    assert press(own, "withdraw").status_code == 403
